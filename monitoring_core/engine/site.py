"""Pure: owns the state of one site while it steps, and the few verbs by which a step is written.

Refuses to decide when to use them: requests, monitor calls, calls and deadlines each have their module beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

from monitoring_core.domain.events import Mode, ModeRequested, StopRequested
from monitoring_core.domain.facts import FACTS
from monitoring_core.domain.outcomes import (
    AnyCommand,
    Certainty,
    Judged,
    Move,
    Notice,
    NoticeKind,
    Origin,
    Reason,
    RuleHit,
    RuleMiss,
    State,
    Step,
    Trigger,
    Verdict,
)
from monitoring_core.domain.settings import Settings
from monitoring_core.engine.clock import NOT_QUIET, Clock, Due
from monitoring_core.floor.entities import Call
from monitoring_core.floor.facts import Facts, floor_facts
from monitoring_core.floor.floor import Floor
from monitoring_core.floor.legs import Heed
from monitoring_core.multimap import Multimap
from monitoring_core.rules.book import RuleBook
from monitoring_core.rules.judge import judge
from monitoring_core.session import FINAL, Session, Sessions, Standing, advance, order_of
from monitoring_core.window import Window

BEHAVIOUR = 3
"""The version of what steps come of the same events, stored in journals so that old entries keep their outcome.

1: a start that was assumed stayed ACTIVE though the way out said that it had failed or lapsed. 2: it ends then, but
no session is judged again while it runs. 3: it is, where the settings say so.
"""


class Site:
    """One site: rule book and settings, floor, sessions, clock, and the step that is being written."""

    def __init__(self, name: str, book: RuleBook, settings: Settings, behaviour: int = BEHAVIOUR) -> None:
        self.name = name
        self.book = book
        self.settings = settings
        self.behaviour = behaviour
        self.floor = Floor(settings.limits)
        self.sessions = Sessions()
        self.clock = Clock(settings.skew_s_max)
        self.tokens: Window[str] = Window(settings.limits.tokens_max)
        self.early_ends: Window[Reason] = Window(settings.limits.calls_gone_max)
        self.standing: dict[str, Standing] = {}
        self.standing_on: Multimap[str] = Multimap()
        self.floor.calls.heed = Heed(self.standing, self.sessions.by_call.held, self.sessions.by_monitor_call.held)
        self.position = 0
        self._opened = 0
        self._begin()

    def _begin(self) -> None:
        self.moves: list[Move] = []
        self.verdicts: list[Judged] = []
        self.commands: list[AnyCommand] = []
        self.notices: list[Notice] = []
        self.answer = ""

    def finish(self) -> Step:
        """The step as written, and a clean sheet."""
        step = Step(tuple(self.moves), tuple(self.verdicts), tuple(self.commands), tuple(self.notices), self.answer)
        self._begin()
        self._opened = 0
        return step

    def use(self, book: RuleBook, settings: Settings, behaviour: int) -> None:
        """Run by these from now on."""
        self.book, self.settings, self.behaviour = book, settings, behaviour
        self.clock.skew_s_max, self.clock.quiet_until = settings.skew_s_max, NOT_QUIET
        self.floor.use(settings.limits)
        self.tokens.size_max = settings.limits.tokens_max
        self.early_ends.size_max = settings.limits.calls_gone_max

    def since(self, version: int) -> bool:
        """Whether it behaves in the ways that came with `version`; see BEHAVIOUR."""
        return self.behaviour >= version

    def imagine(self, origin: Origin, from_address: str, to_address: str, user: str, mode: Mode) -> Session:
        """The session that would be opened; it is in no index, and leaves no trace."""
        session = self.open(origin, from_address, to_address, user, mode)
        self._opened -= 1
        return session

    def listener_on(self, address: str) -> str:
        """Who listens on `address`, for limits: the person, or the extension while nobody is known there."""
        person = self.floor.people.on(address)
        return person.id if person else f"@{address}"

    def named(self, event: StopRequested | ModeRequested) -> list[Session]:
        """The sessions alive that a listener may mean: by id, by monitor call, or else by his extension."""
        sessions = self.sessions
        found: list[Session | None]
        if event.session is not None:
            found = [sessions.find_alive(event.session)]
        elif event.monitor_call is not None:
            found = [sessions.by_monitor_call.one(event.monitor_call)]
        else:
            found = [session for session in sessions.alive() if session.from_address == event.from_address]
        return [session for session in found if session and event.from_address in (None, session.from_address)]

    def first_reason(self, verdict: Verdict) -> tuple[str, str]:
        """The API error and the words of a refusal's first reason."""
        whys: tuple[RuleHit | RuleMiss, ...] = (*verdict.hits, *verdict.misses)
        first = whys[0] if whys else None
        error, because = (first.error, first.because) if first else ("", "no rule permits it")
        return error or "Authorization Failure", because

    def open(self, origin: Origin, from_address: str, to_address: str, user: str, mode: Mode) -> Session:
        """A session bound to whoever is on these extensions now; its id is the site's and the event's position."""
        number = self._opened
        self._opened += 1
        people = self.floor.people
        supervisor, agent = people.on(from_address), people.on(to_address)
        listener = supervisor.id if supervisor else ""
        return Session(
            id=f"{self.name}-{self.position}" + (f".{number}" if number else ""),
            order=order_of(self.position, number),
            origin=origin,
            from_address=people.spelled(from_address),
            to_address=people.spelled(to_address),
            supervisor=listener,
            agent=agent.id if agent else "",
            user=listener if user == listener else user,
            mode=mode,
        )

    def move(
        self,
        session: Session,
        trigger: Trigger,
        reason: Reason | None = None,
        certainty: Certainty | None = None,
        code: str = "",
        text: str = "",
    ) -> None:
        """Feed the table; keep index and deadlines in step with it."""
        fresh = session.state is None
        before = () if fresh else self.sessions.keys(session)
        self.moves.append(advance(session, trigger, self.clock.now, reason, certainty, code, text))
        if fresh:
            self.sessions.open(session)
        else:
            self.sessions.refile(session, before)
        if session.state not in FINAL:
            self.arm(session)
            return
        self.clock.quiet_until = NOT_QUIET  # there is one more to be forgotten some day
        if not fresh:
            session.heard_at = self.clock.until
            if session.monitor_call:
                self.floor.calls.owe(session.monitor_call)

    def settle(self, session: Session, call: str | None) -> None:
        """The call that a session is about is known: whatever else was a candidate is none of its business any more."""
        before = self.sessions.keys(session)
        session.call, session.candidates = call, ()
        self.sessions.refile(session, before)

    def arm(self, session: Session) -> None:
        """The deadline of a session's state, if the site has a time."""
        now = self.clock.now
        if now is None:
            return
        if session.active_at is None and session.start_certainty is None:
            self.clock.arm(now + self.settings.confirm_s, session.order, Due.CONFIRM, session.id)
        else:
            session.lease_from = now
            self.clock.arm(now + self.settings.session_lease_s, session.order, Due.SESSION_LEASE, session.id)

    def say(self, command: AnyCommand) -> str:
        """Add a command; returns its id: session, position, number within the step."""
        self.commands.append(command)
        return f"{command.session}/{self.position}/{len(self.commands) - 1}"

    def note(self, kind: NoticeKind, session: Session | None = None, text: str = "") -> None:
        """Add a notice."""
        self.notices.append(Notice(kind.value, session.id if session else "", text))

    def judge(self, session: Session, call: Call | None, given: Facts, instead: Sequence[Session] = ()) -> Verdict:
        """What the book says of this session on this call; `given` are the facts that came with the request."""
        return judge(self.book, self.facts(session, call, given, instead))

    def facts(self, session: Session, call: Call | None, given: Facts, instead: Sequence[Session] = ()) -> Facts:
        """Everything that a rule may read: given, floor, sessions, settings. Given facts never stand in for ours.

        A session does not count against itself, nor do those that it comes `instead` of.
        """
        facts: Facts = {name: value for name, value in given.items() if name not in FACTS or name.startswith("site.")}
        facts.update(floor_facts(self.floor, session.from_address, session.to_address, call))
        if session.origin is Origin.OBSERVED:
            self._doubt(facts, session, call)
        selves = (session, *instead)
        facts["session.is_active"] = session.state is State.ACTIVE or session.origin is Origin.OBSERVED
        listening = [other for other in self.sessions.listening(session.listener) if other not in selves]
        facts["supervisor.sessions"] = len(listening)
        facts["agent.sessions"] = sum(other not in selves for other in self.sessions.targeting(session.target))
        facts["pair.sessions"] = sum(other.target == session.target for other in listening)
        facts["limits.per_pair"] = self.settings.per_pair
        facts["limits.per_agent"] = self.settings.per_agent
        facts["limits.per_supervisor"] = self.settings.per_supervisor
        facts["request.mode"] = session.mode
        facts["request.from_address"] = session.from_address
        facts["request.to_address"] = session.to_address
        if session.user:
            facts["request.user"] = session.user
        return facts

    def _doubt(self, facts: Facts, session: Session, call: Call | None) -> None:
        """Not having heard of a person or a call is reason enough to refuse a request, but none to raise an alarm.

        A monitor call that is up proves that there is a call, and people on both ends, whoever they are.
        """
        if call is None:
            del facts["agent.line"]
        for role, address in (("supervisor", session.from_address), ("agent", session.to_address)):
            if self.floor.people.is_signed_in_on(address) is None:
                del facts[f"{role}.signed_in"]
