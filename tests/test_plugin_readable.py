"""What a failing assert shows of the engine's answers, and a clock, an engine and a floor for tests."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from monitoring_core.domain.events import Established, Event, MonitorRequested
from monitoring_core.domain.outcomes import (
    NOTHING,
    AskSnapshot,
    Judged,
    Move,
    Notice,
    RuleHit,
    State,
    Step,
    Trigger,
    Verdict,
)
from monitoring_core.domain.settings import Settings
from monitoring_core.files import Rules
from monitoring_core.properties import Broken, Watch
from monitoring_core.testing.plugin import pytest_assertrepr_compare
from monitoring_core.testing.site import FakeClock, GivenFloor, WatchedEngine
from tests.helpers import ANYBODY

MOVE = Move("s-1", Trigger.PERMIT, None, State.REQUESTED, at=1.0)
VERDICT = Verdict(permit=True, book="b", hits=(RuleHit("own-team", "permit", "they are his"),))
NOTICE = Notice("paused", "s-1")
STEP = Step(moves=(MOVE,), verdicts=(Judged("s-1", VERDICT),), notices=(NOTICE,), answer="s-1")


def shown(op: str, left: object, right: object) -> str:
    """The lines, or nothing where pytest is left to itself."""
    return "\n".join(pytest_assertrepr_compare(op, left, right) or [])


def test_a_step_is_shown_thing_by_thing() -> None:
    """Every move, verdict and notice of a Step is a line in the words of stories; the empty Step is nothing."""
    assert shown("==", STEP, NOTHING).splitlines() == [
        "Step == Step",
        "left:",
        '  { session = "s-1", verdict = "permit", rules = ["own-team"] }',
        '  { session = "s-1", state = "REQUESTED" }',
        '  { session = "s-1", notice = "paused" }',
        "right:",
        "  nothing",
        "where they differ:",
        "  answer: 's-1' != nothing",
    ]


@pytest.mark.parametrize(
    ("one", "line"),
    [
        (MOVE, '{ session = "s-1", state = "REQUESTED" }'),
        (VERDICT, 'verdict = "permit", rules = ["own-team"] }'),
        (Judged("s-1", VERDICT), '{ session = "s-1", verdict = "permit", rules = ["own-team"] }'),
        (NOTICE, '{ session = "s-1", notice = "paused" }'),
        (AskSnapshot("", "call", "c1"), '{ ask = "call", about = "c1" }'),
    ],
)
def test_a_part_of_a_step_is_shown_alike(one: object, line: str) -> None:
    """A move, verdict, notice or command by itself, or a tuple of them, is shown as in a Step."""
    assert line in shown("==", one, None)
    assert line in shown("in", one, (one, one)).partition("right:")[2]


def test_a_field_that_stories_do_not_tell_is_named() -> None:
    """Where two answers look alike, the field in which they differ is named."""
    other = replace(STEP, moves=(replace(MOVE, at=2.0),))
    assert shown("==", STEP, other).endswith("where they differ:\n  moves[0].at: 1.0 != 2.0")
    assert "differ" not in shown("!=", STEP, other)


@pytest.mark.parametrize(("left", "right"), [(1, 2), ((), ()), ("a", [1]), (MOVE.after, "x")])
def test_what_is_not_ours_is_left_to_pytest(left: object, right: object) -> None:
    """Of values that are no answers of the engine nothing is said."""
    assert pytest_assertrepr_compare("==", left, right) is None


def site() -> WatchedEngine:
    """Where everybody may listen."""
    return WatchedEngine(Rules(ANYBODY, Settings(), {}), FakeClock(10.0))


def test_time_is_the_clocks() -> None:
    """What has no time of its own happens when the clock says, and time passes as the clock is told."""
    engine = site()
    GivenFloor(engine).call("c1", "5025")
    assert engine.step(MonitorRequested(from_address="5004", to_address="5025")).moves[0].at == 10.0
    assert engine.clock.advance(3) == engine.clock() == 13.0
    assert engine.pass_time(60).moves[0].reason == "unconfirmed"
    engine.step(Established(call="c2", address="5025", at=72.5))
    assert engine.engine.floor.calls.by_id["c2"].changed_at == 72.5


def test_a_broken_property_is_an_assertion(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step after which a property does not hold fails the test with what is broken."""

    def check(_watch: Watch, _step: Step, _event: Event) -> list[Broken]:
        return [Broken(3, "he is elsewhere")]

    monkeypatch.setattr(Watch, "check", check)
    with pytest.raises(AssertionError, match="property 3 is broken: he is elsewhere"):
        GivenFloor(site()).phone("5025", configured=True)
