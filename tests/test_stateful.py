"""A site in any order of events: repeated, late, swapped, lost; what must hold holds after every one of them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from monitoring_core.domain import events as e
from monitoring_core.domain.outcomes import NOTHING, Origin, StartMonitoring, State, Step
from monitoring_core.engine import Engine
from monitoring_core.errors import EventError
from monitoring_core.state import dump, load
from tests import strategies_events as make
from tests.helpers import ANYBODY, DEFAULT, Story, inside, state_of
from tests.helpers import settings as site_settings

BOOKS = {"anybody": ANYBODY, "default": DEFAULT}
TELLS_NOTHING_NEW = frozenset({"clock_skew", "event_refused"})
LAGS = st.sampled_from([0.0, 0.0, 0.0, 1.0, 7.0, 400.0])
fates = st.sampled_from(["comes", "comes", "comes", "comes", "late", "lost"])


class AnyOrder(RuleBasedStateMachine):
    """One site, and a world that tells it what happens, or fails to."""

    story: Story
    now: float
    heard: list[e.Event]
    pending: list[e.Event]
    starts: dict[str, StartMonitoring]

    @initialize(
        confirmation=st.sampled_from(["switch", "switch", "none"]),
        late_start=st.sampled_from(["leave", "drop"]),
        book=st.sampled_from(["anybody", "default"]),
        times=st.sampled_from(["both", "both", "at", "received_at", "neither"]),
        late_window_s=st.sampled_from([3600.0, 60.0]),
    )
    def open_site(self, times: str, book: str, **given: Any) -> None:
        """A site with leases short enough to run out, and everybody in his place."""
        self.story = Story(
            site_settings(session_lease_s=100.0, call_lease_s=120.0, per_supervisor=2, **given), BOOKS[book]
        )
        self.times, self.now, self.heard, self.pending, self.starts = times, 1000.0, [], [], {}
        self.numbered = 0
        ann = e.PersonView(
            person="ann", extensions=("5004",), roles=("Supervisor",), supervises=("sales",), state="NOT_READY"
        )
        bob = e.PersonView(person="bob", extensions=("5025",), teams=("sales",))
        phone = e.PhoneView(extension="5025", supports_monitoring=True, configured=True)
        self.hear(e.Snapshot(covers=("people", "phones"), people=(ann, bob), phones=(phone,)))

    # How events come

    def happen(self, event: e.Event, lag: float = 0.0, fate: str = "comes", identity: str | None = None) -> None:
        """Something happens outside, and comes now, late, or never."""
        at = self.now - lag if self.times in ("both", "at") else None
        event = msgspec.structs.replace(event, at=at, id=identity)
        if fate == "comes":
            self.hear(event)
        elif fate == "late":
            self.pending.append(event)

    def hear(self, event: e.Event) -> Step:
        """The site hears of it, and at once again."""
        if self.times in ("both", "received_at"):
            event = msgspec.structs.replace(event, received_at=self.now)
        self.heard.append(event)
        before = None
        if len(self.heard) % 2:  # so that deadlines fire now by time alone, now by the event
            self.story.tell(e.TimePassed(at=event.at, received_at=event.received_at))
            before = state_of(self.story.engine)
        step = self.story.tell(event)
        if before is not None and any(notice.kind == "event_refused" for notice in step.notices):
            assert state_of(self.story.engine) == before
        assert msgspec.json.decode(msgspec.json.encode(step), type=Step) == step
        for number, command in enumerate(step.commands):
            if isinstance(command, StartMonitoring):
                self.starts[f"{command.session}/{self.story.engine.position}/{number}"] = command
        self.hear_again(event)
        return step

    def hear_again(self, event: e.Event) -> None:
        """Property 6, at once: with its id an event says nothing, and what the floor knows is no news."""
        if event.id is None and not isinstance(event, make.TELL_THE_FLOOR):
            return
        before = state_of(self.story.engine)
        step = self.story.tell(event)
        assert state_of(self.story.engine) == before
        if event.id is not None:
            assert step is NOTHING
        else:
            assert not step.moves
            assert not step.verdicts
            assert not step.commands
            assert {notice.kind for notice in step.notices} <= TELLS_NOTHING_NEW

    # What happens

    @rule(event=make.events, lag=LAGS, fate=fates, identified=st.booleans())
    def anything(self, event: e.Event, lag: float, fate: str, *, identified: bool) -> None:
        """Anything at all, sense or nonsense."""
        self.numbered += 1
        self.happen(event, lag, fate, f"e{self.numbered}" if identified else None)

    @rule(call=make.calls, agent=st.sampled_from(["5025", "5025", "5026"]), fate=fates)
    def call_comes(self, call: str, agent: str, fate: str) -> None:
        """A customer calls an agent, who answers."""
        self.happen(e.Initiated(call=call, address="0170"))
        self.happen(e.Delivered(call=call, address=agent), fate=fate)
        self.happen(e.Established(call=call, address=agent))
        self.happen(e.Established(call=call, address="0170"), fate=fate)

    @rule(request=make.requests())
    def ask(self, request: e.MonitorRequested) -> None:
        """A supervisor asks; the same token is the same session and answer."""
        request = msgspec.structs.replace(request, user="ann")
        self.hear(e.TimePassed(at=self.now))
        before = state_of(self.story.engine)
        try:
            could = self.story.engine.can(request)
        except EventError:  # its token was used for another request: it will not be judged
            could = None
        assert state_of(self.story.engine) == before
        self.happen(request)
        for judged in self.story.steps[-1].verdicts:
            assert judged.verdict == could
        if request.token is not None:
            first = self.story.steps[-1]
            again = self.story.tell(request)
            assert (again.answer, again.moves, again.commands) == (first.answer, (), ())

    @precondition(lambda self: self.starts)
    @rule(data=st.data(), call=make.maybe(make.calls), monitor_call=make.monitor_calls, fate=fates)
    def confirm(self, data: st.DataObject, call: str | None, monitor_call: str, fate: str) -> None:
        """The switch starts what was asked for."""
        start = self.starts[data.draw(st.sampled_from(sorted(self.starts)))]
        session = self.story.engine.sessions.by_id.get(start.session)
        if session is not None and session.candidates and data.draw(st.booleans()):
            call = session.candidates[0]
        started = e.MonitorStarted(
            monitor_call=monitor_call, from_address=start.from_address, to_address=start.to_address, call=call
        )
        self.happen(started, fate=fate)

    @precondition(lambda self: self.starts)
    @rule(data=st.data(), outcome=st.sampled_from(["sent", "acknowledged", "failed", "lapsed", "in_doubt"]))
    def command_fares(self, data: st.DataObject, outcome: Any) -> None:
        """The way out says what became of a start."""
        command = data.draw(st.sampled_from(sorted(self.starts)))
        self.happen(e.CommandOutcome(command=command, outcome=outcome))

    @precondition(lambda self: self.story.engine.sessions.by_id)
    @rule(data=st.data(), fate=fates)
    def stop(self, data: st.DataObject, fate: str) -> None:
        """A supervisor has heard enough."""
        session = data.draw(st.sampled_from(sorted(self.story.engine.sessions.by_id)))
        self.happen(e.StopRequested(session=session), fate=fate)

    @precondition(lambda self: self.story.engine.sessions.by_monitor_call)
    @rule(data=st.data(), fate=fates)
    def monitor_call_ends(self, data: st.DataObject, fate: str) -> None:
        """A monitor call ends."""
        ended = data.draw(st.sampled_from(sorted(self.story.engine.sessions.by_monitor_call)))
        self.happen(e.MonitorEnded(monitor_call=ended, reason="supervisor_dropped"), fate=fate)

    @precondition(lambda self: self.pending)
    @rule(data=st.data())
    def late_event_comes(self, data: st.DataObject) -> None:
        """One of the events that are late comes, in any order."""
        self.hear(self.pending.pop(data.draw(st.integers(0, len(self.pending) - 1))))

    @rule(data=st.data())
    def old_event_comes_again(self, data: st.DataObject) -> None:
        """The source repeats itself."""
        event = data.draw(st.sampled_from(self.heard))
        before = len(self.story.engine.sessions.by_id)
        step = self.hear(event)
        if event.id is not None:
            assert not step.answer
            assert not step.verdicts
            assert len(self.story.engine.sessions.by_id) <= before

    @rule(passed=st.sampled_from([0.5, 4.0, 11.0, 35.0, 95.0, 125.0, 500.0]))
    def time_passes(self, passed: float) -> None:
        """Time passes, and with it what falls due."""
        self.now += passed
        self.hear(e.TimePassed(at=self.now))

    @rule()
    def site_is_put_away(self) -> None:
        """The site is written down and opened again: it knows the same, and goes on as if nothing had happened."""
        engine = self.story.engine
        written = json.dumps(dump(engine))
        site = inside(engine)
        again = Engine(site.book, site.settings, site.name)
        load(again, json.loads(written))
        assert state_of(again) == state_of(engine)
        kept, known = ({name: w.generations for name, w in one.repeats.items()} for one in (again, engine))
        assert kept == known
        self.story.engine = self.story.watch.engine = again

    def teardown(self) -> None:
        """Property 4: when everything has been silent for long enough, nothing is alive any more."""
        if not hasattr(self, "story"):
            return
        for _ in range(4):
            self.now += 1000.0
            self.story.tell(e.TimePassed(received_at=self.now))
        engine: Engine = self.story.engine
        assert not engine.sessions.alive()
        assert not engine.floor.calls.by_id
        assert not inside(engine).clock.deadlines
        listened = {
            move.session
            for step in self.story.steps
            for move in step.moves
            if move.after in (State.ENDED, State.REJECTED)
        }
        born = {move.session for step in self.story.steps for move in step.moves if move.before is None}
        assert listened == born
        assert all(session.origin in Origin for session in engine.sessions.by_id.values())


AnyOrder.TestCase.settings = settings(
    max_examples=2 * settings().max_examples, stateful_step_count=40, suppress_health_check=list(HealthCheck)
)
TestAnyOrder = AnyOrder.TestCase
