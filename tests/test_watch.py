"""`properties.Watch`: it is silent about the engine, and names each property that a forged step breaks."""

from __future__ import annotations

import pytest

from monitoring_core.domain.outcomes import (
    Certainty,
    DropMonitorCall,
    Judged,
    Move,
    Notice,
    Reason,
    RuleHit,
    StartMonitoring,
    State,
    Step,
    Trigger,
    Verdict,
)
from monitoring_core.domain.settings import Limits, Settings
from monitoring_core.properties import Broken, Watch
from tests.helpers import ASK, LISTENING, START, Story, talk

PERMIT = Verdict(permit=True, book="b", hits=(RuleHit("r", "permit", "a test"),))
FORBID = Verdict(permit=False, book="b", hits=(RuleHit("r", "forbid", "a test"),))
ASKED = Move("s-1", Trigger.PERMIT, None, State.REQUESTED)
STARTED = Move("s-1", Trigger.STARTED, State.REQUESTED, State.ACTIVE, certainty=Certainty.CONFIRMED)
ENDED = Move("s-1", Trigger.FINISHED, State.ACTIVE, State.ENDED, Reason.CALL_ENDED, Certainty.CONFIRMED)
COMMAND = StartMonitoring("s-1", "5004", "5025", "ann")
PERMITTED = Step(moves=(ASKED,), verdicts=(Judged("s-1", PERMIT),), commands=(COMMAND,))


def broken(*steps: Step) -> list[Broken]:
    """What the last of forged steps breaks, for an engine that knows of nothing."""
    watch = Watch(Story().engine)
    for step in steps[:-1]:
        assert not watch.check(step)
    return watch.check(steps[-1])


def test_a_proper_life_breaks_nothing() -> None:
    """Request, start, stop and end, each by its row, break no property."""
    stop = Step(commands=(DropMonitorCall("s-1", "5004", "m1"),))
    assert broken(PERMITTED, Step(moves=(STARTED,)), stop, Step(moves=(ENDED,))) == []


@pytest.mark.parametrize(
    ("steps", "number"),
    [
        ((Step(moves=(STARTED,)),), 1),
        ((PERMITTED, Step(moves=(Move("s-1", Trigger.FAILED, State.REQUESTED, State.ACTIVE),))), 1),
        ((PERMITTED, Step(moves=(Move("s-1", Trigger.STARTED, State.REQUESTED, State.ENDED, Reason.FAILED),))), 1),
        ((PERMITTED, Step(moves=(STARTED, Move("s-1", Trigger.UNSENT, State.ACTIVE, State.REJECTED)))), 1),
        ((Step(commands=(COMMAND,)),), 2),
        ((Step(verdicts=(Judged("s-1", FORBID),), commands=(COMMAND,)),), 2),
        ((PERMITTED, Step(verdicts=(Judged("s-1", PERMIT),), commands=(COMMAND,))), 2),
        ((Step(commands=(DropMonitorCall("s-1", "5004", ""),)),), 2),
        ((PERMITTED, Step(moves=(STARTED,)), Step(moves=(ENDED,)), Step(notices=(Notice("paused", "s-1"),))), 4),
        ((PERMITTED, Step(moves=(Move("s-1", Trigger.FAILED, State.REQUESTED, State.REJECTED),))), 4),
        ((Step(moves=(ASKED,)),), 5),
        ((Step(moves=(ASKED,), verdicts=(Judged("s-1", FORBID),)),), 5),
        ((Step(verdicts=(Judged("s-1", Verdict(permit=True, book="b")),)),), 5),
        ((Step(verdicts=(Judged("s-1", Verdict(permit=True, book="b", hits=FORBID.hits)),)),), 5),
    ],
)
def test_each_property_is_named_when_it_breaks(steps: tuple[Step, ...], number: int) -> None:
    """A step that the engine must never give breaks exactly the property that forbids it."""
    assert [one.property for one in broken(*steps)] == [number]


def test_a_session_on_a_call_that_its_agent_left_is_seen() -> None:
    """An ACTIVE session whose agent the floor knows to be off the call breaks property 3."""
    story = Story()
    story.tell(*LISTENING, *talk("c2", "5026", "0171"))
    story.session().call = "c2"
    story.engine.floor.calls.find("c2").legs["5025"] = story.engine.floor.calls.find("c1").legs["5025"]  # type: ignore[union-attr]
    assert story.watch.check(Step(notices=(Notice("paused"),))) == []
    story.engine.floor.calls.over("c2", Reason.CALL_ENDED, None)
    assert [one.property for one in story.watch.check(Step(notices=(Notice("paused"),)))] == [3]


def test_a_requested_session_on_a_monitor_call_is_seen() -> None:
    """A requested session that is ACTIVE on a monitor call breaks property 3."""
    story = Story()
    story.tell(*LISTENING)
    story.session().call = "m1"
    assert [one.property for one in story.watch.check(Step(notices=(Notice("paused"),)))] == [3]


@pytest.mark.parametrize("finals", [2, 5])
def test_what_the_engine_forgets_the_watch_forgets(finals: int) -> None:
    """A watch remembers no more sessions than a small multiple of those that its engine remembers."""
    story = Story(Settings(limits=Limits(finals_max=finals)))
    for number in range(20):
        story.at(float(100 * number), *talk(f"c{number}"), ASK)
        story.pass_time(100.0 * number + 50)
    assert len(story.watch._states) <= 2 * finals + 3  # noqa: SLF001
    assert story.watch._started <= story.watch._states.keys()  # noqa: SLF001
    assert START.monitor_call not in story.watch._states  # noqa: SLF001
