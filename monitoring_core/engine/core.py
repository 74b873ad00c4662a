"""Pure: owns `step` itself: time first, then repeats, then the event, then what it means for each session.

Refuses to know what single events mean; the modules beside it do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from monitoring_core.domain import events as e
from monitoring_core.domain.events import Value
from monitoring_core.domain.outcomes import NOTHING, Judged, NoticeKind, Origin, Step, Verdict
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import calls, leases, listeners, modes, monitors, requests, snapshots, standing
from monitoring_core.engine.running import again_all
from monitoring_core.engine.site import BEHAVIOUR, Site
from monitoring_core.errors import EventError
from monitoring_core.floor.facts import Facts
from monitoring_core.floor.floor import FOLDS, Floor
from monitoring_core.rules.book import RuleBook
from monitoring_core.session import Sessions, Standing
from monitoring_core.window import Window

Handler = Callable[[Site, Any, float | None], None]


def _requested(site: Site, event: e.MonitorRequested, _at: float | None) -> None:
    """The same token is the same session, or standing request, and answer."""
    known = requests.answered(site, event)
    if known is not None:
        site.answer = known
    elif standing.stands(site, event):
        standing.begin(site, event)
    else:
        requests.requested(site, event)
    if event.token is not None and known is None:
        site.tokens.add(event.token, site.answer)


def _stop(site: Site, event: e.StopRequested, at: float | None) -> None:
    if event.session in site.standing:
        standing.stop(site, event.session, event.from_address)
    else:
        requests.stop(site, event, at)


def _transferred(site: Site, event: e.Transferred, at: float | None) -> None:
    """A listener who transfers his monitor call takes the session to another phone."""
    if event.to is not None and event.into is None and event.call in site.sessions.by_monitor_call:
        moved = e.ListenerMoved(monitor_call=event.call, from_address=event.to)
        listeners.moved(site, moved, at)
    else:
        calls.follow(site, site.floor.apply(event, at, site.clock.now))


HANDLERS: dict[type[e.Event], Handler] = {
    e.MonitorRequested: _requested,
    e.StopRequested: _stop,
    e.ModeRequested: modes.requested,
    e.DutyDone: requests.duty_done,
    e.CommandOutcome: requests.command_outcome,
    e.CallSeen: monitors.seen,
    e.MonitorStarted: monitors.started,
    e.MonitorEnded: monitors.ended,
    e.MonitorFailed: monitors.failed,
    e.ListenerMoved: listeners.moved,
    e.ListenerJoined: listeners.joined,
    e.ListenerLeft: listeners.left,
    e.ModeChanged: modes.changed,
    e.Transferred: _transferred,
    e.RulesChanged: lambda site, _event, _at: again_all(site, site.sessions.alive(), "rules_reloaded"),
    e.Snapshot: snapshots.snapshot,
    e.SwitchRestarted: snapshots.restarted,
    e.JournalHead: lambda site, event, _at: site.note(NoticeKind.JOURNAL_HEAD, text=f"{event.position} {event.digest}"),
    e.Unreadable: lambda site, event, _at: site.note(NoticeKind.EVENT_REFUSED, text=f"{event.what} ({event.where})"),
}
"""What is more than news for the floor."""

SEEN = True
TELL_ONLY_THE_FLOOR = {kind: fold for kind, fold in FOLDS.items() if kind not in HANDLERS}


def _nothing(_site: Site, _event: e.Event, _at: float | None) -> None:
    """Time passed; nothing else did."""


class Engine:
    """One site. `step` is the only way to tell it anything; `sessions` and `floor` are there to be read."""

    def __init__(self, book: RuleBook, settings: Settings, site: str = "default", behaviour: int = BEHAVIOUR) -> None:
        self._site = Site(site, book, settings, behaviour)
        self.repeats: dict[str, Window[bool]] = {}

    @property
    def site(self) -> str:
        """The name of the site."""
        return self._site.name

    @property
    def inner(self) -> Site:
        """All of its state, for `state` and for tests of what must hold inside."""
        return self._site

    @property
    def position(self) -> int:
        """How many events it has stepped."""
        return self._site.position

    @property
    def now(self) -> float | None:
        """The site's time, seconds; None while no event brought one."""
        return self._site.clock.now

    @property
    def sessions(self) -> Sessions:
        """The sessions, to be read only."""
        return self._site.sessions

    @property
    def floor(self) -> Floor:
        """The floor, to be read only."""
        return self._site.floor

    @property
    def standing(self) -> Mapping[str, Standing]:
        """The requests that wait for calls, by id, to be read only."""
        return self._site.standing

    def facts(self, judged: Judged, given: Mapping[str, Value] | None = None) -> Facts:
        """What the rules read, or would read now, of a session that is still remembered, on the call that decided.

        Directly after the step that judged a request, with that request's facts `given`, they are those it was judged
        by: a request changes nothing on the floor, and a session never counts against itself.
        Raises KeyError if the session is not remembered.
        """
        found = self._site.sessions.by_id[judged.session]
        call = judged.verdict.call or found.call
        return self._site.facts(found, self._site.floor.calls.find(call) if call else None, dict(given or {}))

    def can(self, request: e.MonitorRequested) -> Verdict:
        """How `request` would be judged if it came now; nothing is asked, nothing changes.

        A token that was used before is not judged again: its answer is that of the session that `answered` names.
        """
        asked = (request.from_address, request.to_address, request.user, request.mode)
        return requests.would_judge(self._site, self._site.imagine(Origin.REQUESTED, *asked), dict(request.facts))

    def would_wait(self, request: e.MonitorRequested) -> bool:
        """Whether `request` would wait for calls of the agent, each of which is judged when it comes."""
        return standing.stands(self._site, request)

    def answered(self, request: e.MonitorRequested) -> str | None:
        """The session that the request's token has opened before. Raises EventError if that was another request."""
        return requests.answered(self._site, request)

    def next_due(self) -> float | None:
        """When the next deadline falls (site time, seconds); None if nothing will fall due by itself."""
        return leases.next_due(self._site)

    def use(self, book: RuleBook, settings: Settings, behaviour: int = BEHAVIOUR) -> None:
        """Run by another book, other settings, or as an older version of this code did, from the next step on.

        Sessions that run already are judged again only by an event that says so (`RulesChanged`), as a monitor does.
        """
        self._site.use(book, settings, behaviour)
        for window in self.repeats.values():
            window.size_max = settings.limits.repeats_max

    def step(self, event: e.Event) -> Step:
        """What `event` leads to. An event that cannot be applied changes nothing and says so in a notice."""
        site = self._site
        clock = site.clock
        site.position += 1
        said, now = event.received_at, clock.now
        now = said if said is not None and now is not None and now <= said and clock.by_shell else clock.read(event)
        if now is None or now >= clock.quiet_until:
            leases.pass_time(site, now)
        else:
            clock.now = clock.until = now
        if event.id is None or not self._is_repeat(event.id, event.source):
            at, skew_s_max = event.at, clock.skew_s_max
            if at is None or now is None or not -skew_s_max <= at - now <= skew_s_max:
                at = self._when(at, now)
            try:
                fold = TELL_ONLY_THE_FLOOR.get(type(event))
                if fold is None:
                    HANDLERS.get(type(event), _nothing)(site, event, at)
                elif changes := fold(site.floor, event, at, now):
                    calls.follow(site, changes)
                if site.floor.calls.born:
                    leases.arm_calls(site)
            except EventError as error:
                site.note(NoticeKind.EVENT_REFUSED, text=str(error))
        if site.moves or site.notices or site.verdicts or site.commands or site.answer:
            return site.finish()
        return NOTHING

    def _when(self, at: float | None, now: float | None) -> float | None:
        """When it happened, as far as we know: the source did not say so, or may be too far from the site's time."""
        if at is None or not self._site.clock.is_skewed(at):
            return now if at is None else at
        self._site.note(NoticeKind.CLOCK_SKEW, text=f"at {at} is too far from the site's time {now}")
        return now

    def _is_repeat(self, name: str, source: str) -> bool:
        seen = self.repeats.get(source)
        if seen is None:
            while len(self.repeats) >= self._site.settings.limits.sources_max:
                del self.repeats[next(iter(self.repeats))]
            seen = self.repeats[source] = Window(self._site.settings.limits.repeats_max)
        return not seen.take(name, SEEN)
