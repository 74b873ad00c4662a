"""`properties.Watch` with events: it names what an engine owes to whoever tells it, and does not do."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from monitoring_core.domain import events as e
from monitoring_core.domain.outcomes import (
    Certainty,
    ChangeMode,
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
from monitoring_core.properties import Watch
from tests.helpers import ASK, DEFAULT, LISTENING, SEATS, START, Story, inside, settings, talk

STOP = e.StopRequested(session="s-6")
NOTICE = Step(notices=(Notice("paused"),))
PERMIT = Verdict(permit=True, book="b", hits=(RuleHit("r", "permit", "a test"),))


def ended(reason: Reason = Reason.CALL_ENDED, certainty: Certainty = Certainty.CONFIRMED) -> Step:
    """The step in which the session of LISTENING ends."""
    return Step(moves=(Move("s-6", Trigger.FINISHED, State.ACTIVE, State.ENDED, reason, certainty),))


def listening() -> Story:
    """Ann listens to Bob, and time counts."""
    story = Story()
    story.at(10.0, *LISTENING)
    return story


def broken(story: Story, event: e.Event, step: Step) -> list[int]:
    """The properties that a forged step breaks."""
    return [one.property for one in story.watch.check(step, event)]


@pytest.mark.parametrize(
    ("event", "step", "number"),
    [
        (e.Held(call="c1", address="5025"), ended(), 12),
        (e.TimePassed(), ended(), 12),
        (e.Snapshot(covers=("people",)), ended(certainty=Certainty.INFERRED), 12),
        (e.MonitorEnded(monitor_call="m0"), ended(), 12),
        (e.CallCleared(call="c9"), ended(), 12),
        (e.ConnectionCleared(call="c9", address="5025"), ended(), 12),
        (e.Transferred(call="c1", by="5025", to="5026"), ended(Reason.AGENT_DROPPED), 12),
        (STOP, Step(), 11),
        (e.ModeRequested(mode="whisper", session="s-6"), Step(notices=(Notice("mode_changed", "s-6"),)), 2),
        (ASK, Step(commands=(ChangeMode("s-6", "5004", "5025", "ann", "m1", "whisper"),)), 2),
        (ASK, Step(verdicts=(Judged("s-6", PERMIT),), commands=(StartMonitoring("s-6", "5004", "5025", "ann"),)), 2),
    ],
)
def test_a_broken_promise_is_named(event: e.Event, step: Step, number: int) -> None:
    """An end by what is about something else, a stop that goes nowhere, a mode nobody permitted, a start in no time."""
    assert number in broken(listening(), event, step)


@pytest.mark.parametrize(
    ("event", "step"),
    [
        (e.MonitorEnded(monitor_call="m1"), ended(Reason.SUPERVISOR_DROPPED)),
        (e.MonitorEnded(), ended(Reason.SUPERVISOR_DROPPED)),
        (e.CallCleared(call="c1"), ended()),
        (e.Transferred(call="c1", by="5025", to="5026"), ended(Reason.AGENT_TRANSFERRED)),
        (e.Snapshot(covers=("calls",)), ended(certainty=Certainty.INFERRED)),
        (e.TimePassed(), ended(Reason.LEASE_EXPIRED, Certainty.ASSUMED)),
        (replace(STOP, from_address="5005"), Step()),
        (e.StopRequested(session="s-99"), Step()),
        (e.StopRequested(monitor_call="m1"), Step()),
        (e.ModeRequested(mode="whisper", session="s-6"), Step(notices=(Notice("mode_refused", "s-6"),))),
        (
            e.ModeRequested(mode="whisper", session="s-6"),
            Step(verdicts=(Judged("s-6", PERMIT),), notices=(Notice("mode_changed", "s-6"),)),
        ),
        (e.ModeRequested(mode="whisper", session="s-6"), Step(notices=(Notice("event_refused"),))),
    ],
)
def test_what_is_as_it_should_be_is_no_broken_promise(event: e.Event, step: Step) -> None:
    """An end by what it is about, by what fell due, a stop of somebody else, an event that was refused."""
    assert broken(listening(), event, step) == []


def test_an_end_without_a_reason_is_named_whatever_it_came_by() -> None:
    """A session that is over by a transfer, and for no reason, breaks property 4, and nothing else is said of it."""
    nameless = Step(moves=(replace(ended().moves[0], reason=None),))
    assert broken(listening(), e.Transferred(call="c1", by="5025", to="5026"), nameless) == [4]


def test_a_repeat_says_nothing() -> None:
    """What comes again with its id, at the same moment, and is not ignored, breaks property 6."""
    story, event = listening(), e.Held(call="c1", address="5025", id="1")
    assert broken(story, event, Step()) == []
    assert broken(story, event, Step()) == []
    assert broken(story, event, NOTICE) == [6]


def test_a_repeat_that_brings_time_may_say_what_fell_due() -> None:
    """With a repeat time passes, and deadlines fire."""
    story, event = listening(), e.Held(call="c1", address="5025", id="1", received_at=20.0)
    assert broken(story, event, Step()) == []
    story.engine.step(e.TimePassed(received_at=30.0))
    assert broken(story, event, NOTICE) == []


def test_ids_are_remembered_as_long_as_the_engine_does() -> None:
    """What the engine may have forgotten may happen again."""
    story = Story(settings(repeats_max=2))
    story.at(10.0, *LISTENING)
    for name in ("1", "2", "3", "4"):
        broken(story, e.TimePassed(id=name), Step())
    assert broken(story, e.TimePassed(id="1"), NOTICE) == []
    assert broken(story, e.TimePassed(id="4"), NOTICE) == [6]


def test_the_same_token_has_the_same_answer() -> None:
    """Another answer to the same token breaks property 6."""
    story, event = listening(), replace(ASK, token="t")
    assert broken(story, event, Step(answer="s-6")) == []
    assert broken(story, event, Step(answer="s-6")) == []
    assert broken(story, event, Step(answer="s-7")) == [6]


def test_a_request_waits_no_longer_than_it_may() -> None:
    """A request that is still one when its time is over breaks property 4."""
    story = Story()
    story.at(10.0, *SEATS, *talk(), ASK)
    inside(story.engine).clock.heap.clear()
    story.engine.step(e.TimePassed(received_at=21.0))
    assert broken(story, e.TimePassed(), Step()) == [4]


def test_of_several_that_wait_too_long_the_first_is_named() -> None:
    """Whoever was due first stands for those behind him, as one word is enough and most steps look at one request."""
    story = Story()
    story.at(10.0, *SEATS, *talk(), ASK, replace(ASK, from_address="5005"))
    inside(story.engine).clock.heap.clear()
    story.engine.step(e.TimePassed(received_at=21.0))
    (one,) = story.watch.check(Step(), e.TimePassed())
    assert one.what == "s-6 waits for its start, which was due by 20"


@pytest.mark.parametrize(("later_s", "numbers"), [(0.0, []), (0.5, [2])])
def test_a_start_goes_out_in_time(later_s: float, numbers: list[int]) -> None:
    """A start that the switch may carry out later than start_valid_s from now breaks property 2."""
    story = Story()
    story.at(10.0, *SEATS, *talk())
    step = story.engine.step(ASK)
    (start,) = step.commands
    late = replace(start, valid_until=15.0 + later_s)
    assert broken(story, ASK, replace(step, commands=(late,))) == numbers


def test_a_stop_before_the_start_reaches_the_switch() -> None:
    """A session that begins after a stop without a command to end it breaks property 11."""
    story = Story()
    story.at(10.0, *SEATS, *talk(), ASK, STOP)
    step = story.engine.step(replace(START, received_at=10.0))
    assert broken(story, START, replace(step, commands=())) == [11]


def test_a_verdict_by_other_numbers_breaks_property_5(monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbers that rules read are those of sessions and settings."""
    story = Story()
    story.at(10.0, *SEATS, *talk())
    step, right = story.engine.step(ASK), story.engine.facts
    monkeypatch.setattr(story.engine, "facts", lambda *given: {**right(*given), "pair.sessions": 3})
    assert broken(story, ASK, step) == [5]


def test_a_permit_against_a_forbid_of_the_book_breaks_property_5() -> None:
    """A forbid that applies and was left out is named."""
    story = Story(book=DEFAULT)
    story.at(10.0, *SEATS, *talk())
    step = story.engine.step(ASK)
    inside(story.engine).floor.people.phones["5025"].configured = False
    assert broken(story, ASK, step) == [5]


def test_what_stands_instead_of_another_is_not_judged_again() -> None:
    """Who is replaced did not count for the verdict, but counts still directly after the step."""
    story = Story(settings(second_listener="replace"), DEFAULT)
    story.at(10.0, *SEATS, *talk())
    step = story.engine.step(ASK)
    inside(story.engine).floor.people.phones["5025"].configured = False
    assert broken(story, ASK, step) == []


def test_a_verdict_of_a_session_that_is_forgotten_is_not_looked_at() -> None:
    """Only what the engine still remembers can be judged again."""
    story = listening()
    assert broken(story, ASK, Step(verdicts=(Judged("s-99", PERMIT),), answer="s-99")) == []


def test_somebody_who_listens_has_a_session() -> None:
    """A monitor call that the floor knows, and no session, breaks property 3."""
    story = listening()
    session = story.session()
    story.engine.sessions.by_monitor_call.remove("m1", session)
    assert broken(story, START, Step()) == [3]


def test_a_session_begins_on_the_call_of_its_monitor_call() -> None:
    """A requested session that begins on another call than the switch says breaks property 3, also in a read step."""
    story = Story()
    story.at(10.0, *SEATS, *talk(), ASK)
    step = story.engine.step(START)
    written = msgspec.json.decode(msgspec.json.encode(step), type=Step)
    assert broken(story, replace(START, call="c9"), written) == [3]


def test_a_watch_may_begin_in_the_middle() -> None:
    """It knows the sessions that are alive when it begins."""
    story = listening()
    watch = Watch(story.engine)
    event = e.MonitorEnded(monitor_call="m1", received_at=11.0)
    assert watch.check(story.engine.step(event), event) == []
