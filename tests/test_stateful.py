"""A site in any order of events: repeated, late, swapped, lost; what must hold holds after every one of them.

The shipped machine tells it what is plausible; this one adds any nonsense, and looks inside.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from monitoring_core.domain import events as e
from monitoring_core.domain.outcomes import NOTHING, StartMonitoring, State, Step
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.errors import EventError
from monitoring_core.files import Rules, load_rules
from monitoring_core.rules.load import load_book
from monitoring_core.state import dump, load
from monitoring_core.testing import strategies as make
from monitoring_core.testing.machine import MonitoringMachine
from tests.helpers import consistent, inside, state_of

TELLS_NOTHING_NEW = frozenset({"clock_skew", "event_refused"})
LAGS = st.sampled_from([0.0, 0.0, 0.0, 1.0, 7.0, 400.0])
ANYBODY_TEXT = """
[[rule]]
id = "anybody"
effect = "permit"
because = "this site trusts everybody"

[[rule]]
id = "monitor-of-monitor"
effect = "forbid"
because = "but nobody listens to who listens"
unless.call.is_monitor_call = { is_not = true }
"""
ANYBODY = Rules(load_book({"anybody.toml": ANYBODY_TEXT}), Settings(), {"anybody.toml": ANYBODY_TEXT})
DEFAULT = load_rules(None)


class AnyOrder(MonitoringMachine):
    """One site, and a world that tells it what happens, what cannot happen, or nothing."""

    stories = Path("build") / "broken-stories"
    agents = 3

    def rules_of_site(self, data: st.DataObject) -> Rules:
        """The packaged rules, or hardly any."""
        self.times = data.draw(st.sampled_from(["both", "both", "both", "at", "received_at", "neither"]))
        self.births, self.ends = set[str](), set[str]()
        return data.draw(st.sampled_from([ANYBODY, DEFAULT]))

    def settings_of_site(self, data: st.DataObject) -> dict[str, Any]:
        """Leases short enough to run out, and whatever else a site may have chosen."""
        return {
            "session_lease_s": 100.0,
            "call_lease_s": 120.0,
            "per_supervisor": 2,
            "confirmation": data.draw(st.sampled_from(["switch", "switch", "none"])),
            "late_start": data.draw(st.sampled_from(["leave", "drop"])),
            "late_window_s": data.draw(st.sampled_from([3600.0, 60.0])),
        }

    # How events come

    def received(self, event: e.Event) -> e.Event:
        """With both times, or one, or none."""
        at = event.at if self.times in ("both", "at") else None
        received_at = self.now if self.times in ("both", "received_at") else None
        return msgspec.structs.replace(event, at=at, received_at=received_at)

    def hear(self, event: e.Event) -> Step:
        """The site hears of it; of some events again at once, and of some after the time has passed by itself."""
        turn, before = len(self.heard) % 4, None
        if turn == 0:  # so that deadlines fire now by time alone, now by the event
            self.look(super().hear(e.TimePassed(at=event.at)))
            before = state_of(self.engine)
        step = super().hear(event)
        self.look(step)
        if before is not None and any(notice.kind == "event_refused" for notice in step.notices):
            assert state_of(self.engine) == before
        if turn == 1:
            self.hear_again(self.heard[-1])
        return step

    def look(self, step: Step) -> None:
        """What holds inside after every step."""
        assert msgspec.json.decode(msgspec.json.encode(step), type=Step) == step
        consistent(self.engine)
        assert all(move.session in self.engine.sessions.by_id for move in step.moves)
        self.births |= {move.session for move in step.moves if move.before is None}
        self.ends |= {move.session for move in step.moves if move.after in (State.ENDED, State.REJECTED)}

    def hear_again(self, event: e.Event) -> None:
        """Property 6, at once: with its id an event says nothing, and what the floor knows is no news."""
        if event.id is None and not isinstance(event, make.TELL_THE_FLOOR):
            return
        before = state_of(self.engine)
        step = super().hear(event)
        assert state_of(self.engine) == before
        if event.id is not None:
            assert step is NOTHING
        else:
            assert not step.moves
            assert not step.verdicts
            assert not step.commands
            assert {notice.kind for notice in step.notices} <= TELLS_NOTHING_NEW

    # What happens besides

    @rule(event=make.events, lag=LAGS, quirk=make.quirks)
    def anything(self, event: e.Event, lag: float, quirk: Any) -> None:
        """Anything at all, sense or nonsense, on calls that the switch knows nothing of."""
        self.now -= lag
        event = msgspec.structs.replace(event, at=self.now)
        self.now += lag
        self.happen(event, quirk)

    @rule(request=make.requests())
    def ask(self, request: e.MonitorRequested) -> None:
        """A supervisor asks; what was said to be the answer is the answer, and the same token is the same session."""
        request = msgspec.structs.replace(request, user="sue", at=self.now)
        self.hear(e.TimePassed(at=self.now))
        before = state_of(self.engine)
        try:
            could = self.engine.can(request)
        except EventError:  # its token was used for another request: it will not be judged
            could = None
        assert state_of(self.engine) == before
        step = MonitoringMachine.hear(self, request)
        for judged in step.verdicts:
            assert judged.verdict == could
        if request.token is not None:
            again = MonitoringMachine.hear(self, request)
            assert (again.answer, again.moves, again.commands) == (step.answer, (), ())
        self.look(step)

    @precondition(lambda self: any(isinstance(one, StartMonitoring) for one in self.commands.values()))
    @rule(data=st.data(), call=make.maybe(make.calls), monitor_call=make.monitor_calls, quirk=make.quirks)
    def confirm(self, data: st.DataObject, call: str | None, monitor_call: str, quirk: Any) -> None:
        """A switch starts what was asked for, though nobody talks there."""
        starts = [one for one in self.commands.values() if isinstance(one, StartMonitoring)]
        start = data.draw(st.sampled_from(starts))
        session = self.engine.sessions.by_id.get(start.session)
        if session is not None and session.candidates and data.draw(st.booleans()):
            call = session.candidates[0]
        started = e.MonitorStarted(
            monitor_call=monitor_call, from_address=start.from_address, to_address=start.to_address, call=call
        )
        self.happen(started, quirk)

    @rule()
    def site_is_put_away(self) -> None:
        """The site is written down and opened again: it knows the same, and goes on as if nothing had happened."""
        engine, site = self.engine, inside(self.engine)
        again = Engine(site.book, site.settings, site.name)
        load(again, json.loads(json.dumps(dump(engine))))
        assert state_of(again) == state_of(engine)
        kept, known = ({name: w.generations for name, w in one.repeats.items()} for one in (again, engine))
        assert kept == known
        self.engine = self.watch.engine = again

    def teardown(self) -> None:
        """Property 4: when everything has been silent for long enough, nothing is alive any more."""
        if hasattr(self, "engine") and not self.is_broken:
            self.times = "received_at"
            super().teardown()
            assert not self.engine.floor.calls.by_id
            assert not inside(self.engine).clock.deadlines
            assert self.births == self.ends


AnyOrder.TestCase.settings = settings(
    max_examples=settings().max_examples, stateful_step_count=40, suppress_health_check=list(HealthCheck)
)
TestAnyOrder = AnyOrder.TestCase
