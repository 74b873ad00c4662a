"""Monitor calls that appear: whose they are, which call they are on, and what follows when nobody asked."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from monitoring_core.domain import events as e
from monitoring_core.domain.outcomes import (
    NOTHING,
    AskSnapshot,
    Certainty,
    DropMonitorCall,
    Origin,
    Reason,
    State,
    Trigger,
    Verdict,
)
from monitoring_core.engine.running import opinion
from monitoring_core.rules.load import load_book
from tests.helpers import ASK, DEFAULT, END, LISTENING, SEATS, START, Story, settings, talk

TWO_CALLS = (*talk("c1"), e.Held(call="c1", address="5025"), *talk("c2", "0171", "5025"))
NO_VIP = load_book(
    {
        "no-vip.toml": """
[[rule]]
id = "all"
effect = "permit"
because = "all"

[[rule]]
id = "no-vip"
effect = "forbid"
because = "not this one"
when.call.type = { is = "vip" }
"""
    }
)


def monitor_view(state: e.LegState | None = e.LegState.CONNECTED, **names: Any) -> e.CallView:
    """The monitor call m1 as a dialog shows it."""
    listener = () if state is None else (e.Participant("5004", state),)
    return e.CallView("m1", listener, monitor=e.MonitorOf("5004", "5025", **names))


# The start of a request


def test_the_monitor_call_starts_the_request() -> None:
    """The monitor call of that pair on the judged call makes the request ACTIVE, confirmed."""
    story = Story()
    (move,) = story.at(7.0, *talk(), ASK, START).moves
    assert (move.trigger, move.after, move.certainty, move.at) == (
        Trigger.STARTED,
        State.ACTIVE,
        Certainty.CONFIRMED,
        7.0,
    )
    assert (story.session().call, story.session().monitor_call) == ("c1", "m1")


def test_the_oldest_waiting_request_is_the_one_that_started() -> None:
    """Of two requests of the same pair the monitor call is the older one's."""
    (move,) = Story().tell(*talk(), ASK, ASK, START).moves
    assert move.session == "s-3"


def test_the_request_whose_call_fits_is_the_one_that_started() -> None:
    """Where the switch names the call, the monitor call is the request's that was judged on it."""
    story = Story()
    step = story.tell(*talk("c1"), ASK, e.Held(call="c1", address="5025"), *talk("c2"), ASK, replace(START, call="c2"))
    assert [move.session for move in step.moves] == ["s-7"]


@pytest.mark.parametrize("other", [{"from_address": "5009"}, {"to_address": "5026"}])
def test_the_monitor_call_of_another_pair_is_not_the_requests(other: dict[str, str]) -> None:
    """A monitor call of another listener or agent is observed, and the request goes on waiting."""
    story = Story()
    (move,) = story.tell(*talk(), *talk("c2", "0171", "5026"), ASK, replace(START, call=None, **other)).moves
    assert (move.session, move.before) == ("s-6", None)
    assert list(story.engine.sessions.waiting) == ["s-5"]


def test_the_monitor_call_to_an_agent_of_whom_no_call_is_known_is_not_the_requests() -> None:
    """Also where neither the switch nor the floor says on which call it is, a request is for its agent only."""
    story = Story()
    story.tell(*SEATS, *talk(), ASK, replace(START, to_address="5026", call=None))
    assert [(one.origin, one.state) for one in story.engine.sessions.by_id.values()] == [
        (Origin.REQUESTED, State.REQUESTED),
        (Origin.OBSERVED, State.ACTIVE),
    ]


def test_the_monitor_call_of_another_person_is_not_the_requests() -> None:
    """Who took the extension over since is somebody else: his monitor call is not the former holder's request."""
    story = Story()
    (move,) = story.tell(*SEATS, *talk(), ASK, e.SignedIn(person="eve", extension="5004"), START).moves
    assert move.before is None
    assert story.session().supervisor == "eve"


def test_a_doubled_start_is_no_news() -> None:
    """The same monitor call reported again, also as a dialog, says nothing."""
    story = Story()
    story.tell(*LISTENING)
    assert story.tell(START) is NOTHING
    assert story.tell(e.CallSeen(view=monitor_view())) is NOTHING


@pytest.mark.parametrize("state", [e.LegState.CONNECTED, e.LegState.HELD, None])
def test_a_dialog_of_a_monitor_call_is_its_start(state: e.LegState | None) -> None:
    """A dialog that shows the listener on a monitor call, or says nothing of him, starts the request."""
    step = Story().tell(*talk(), ASK, e.CallSeen(view=monitor_view(state)))
    assert [move.trigger for move in step.moves] == [Trigger.STARTED]


@pytest.mark.parametrize("state", [e.LegState.ALERTING, e.LegState.INITIATED, e.LegState.CLEARED])
def test_a_monitor_call_that_still_rings_is_no_start(state: e.LegState) -> None:
    """While the listener's phone rings, or when he has gone, nobody listens."""
    assert Story().tell(*talk(), ASK, e.CallSeen(view=monitor_view(state))).moves == ()


def test_a_monitor_call_that_rang_starts_with_the_answer() -> None:
    """A dialog that rang first is a start as soon as it shows the listener connected."""
    story = Story()
    story.tell(*talk(), ASK, e.CallSeen(view=monitor_view(e.LegState.ALERTING)))
    assert [move.trigger for move in story.tell(e.CallSeen(view=monitor_view())).moves] == [Trigger.STARTED]


def test_a_start_on_a_call_that_nobody_reported_still_has_its_end() -> None:
    """The switch names a call that the site has not heard of: the agent is on it; his leaving it ends the session."""
    story = Story()
    story.tell(replace(START, call="c7"))
    (move,) = story.tell(e.ConnectionCleared(call="c7", address="5025")).moves
    assert move.reason is Reason.AGENT_DROPPED


def test_a_start_that_is_on_no_known_call_is_that_of_the_only_candidate() -> None:
    """Where the switch names no call and the agent has none, the session's call is the last one that was judged."""
    story = Story()
    story.tell(*talk(), ASK, e.Held(call="c1", address="5025"), replace(START, call=None))
    assert story.session().call == "c1"


def test_a_start_on_a_call_that_the_agent_has_left_is_not_the_requests() -> None:
    """A monitor call on a call that is gone for the agent is observed, on no known call."""
    story = Story()
    story.tell(
        *talk("c1"),
        ASK,
        *talk("c2", "0171", "5025"),
        e.ConnectionCleared(call="c2", address="5025"),
        replace(START, call="c2"),
    )
    assert (story.session().origin, story.session().call) == (Origin.OBSERVED, None)


# Observed


def test_a_monitor_call_that_nobody_asked_for_is_observed() -> None:
    """It opens a session at once ACTIVE, with its verdict as data."""
    story = Story(book=DEFAULT)
    step = story.tell(*SEATS, *talk(), START)
    assert [(move.before, move.trigger, move.after) for move in step.moves] == [(None, Trigger.STARTED, State.ACTIVE)]
    assert (story.session().origin, story.session().grounds.word) == (Origin.OBSERVED, "allowed")
    assert step.verdicts[0].verdict.permit
    assert (step.commands, step.answer, step.notices) == ((), "", ())


def test_an_observed_monitor_call_that_is_forbidden_is_an_alarm() -> None:
    """Forbidden by a fact that is known: a notice, and the session is not refused."""
    story = Story(book=DEFAULT)
    step = story.tell(*SEATS, e.PersonChanged(person="ann", roles=("Agent",)), *talk(), START)
    assert [notice.kind for notice in step.notices] == ["forbidden_monitor"]
    assert (story.session().grounds.word, story.session().state) == ("forbidden", State.ACTIVE)


def test_an_observed_monitor_call_that_cannot_be_decided_is_no_alarm() -> None:
    """Forbidden only because something is not known: data, not an alarm."""
    story = Story(book=DEFAULT)
    step = story.tell(*SEATS[:2], *talk(), START)
    assert (story.session().grounds.word, step.notices) == ("not decidable", ())


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [(Verdict(permit=True, book=""), "allowed"), (Verdict(permit=False, book=""), "forbidden"),
     (Verdict(permit=False, book="", missing=("x",)), "not decidable")],
)  # fmt: skip
def test_an_opinion_is_what_is_known(verdict: Verdict, expected: str) -> None:
    """Without any rule that permits it is forbidden, and not decidable where a fact was missing for one."""
    assert opinion(verdict) == expected


def test_several_monitor_calls_of_one_snapshot_are_sessions_of_their_own() -> None:
    """Sessions opened by one event have ids of their own, in its order."""
    views = tuple(
        e.CallView(name, monitor=e.MonitorOf(listener, "5025")) for name, listener in (("m1", "5004"), ("m2", "5009"))
    )
    step = Story().tell(e.Snapshot(covers=("calls",), calls=views))
    assert [(move.session, move.certainty) for move in step.moves] == [
        ("s-1", Certainty.INFERRED),
        ("s-1.1", Certainty.INFERRED),
    ]


# Another call than the one that was judged


def test_a_start_on_another_call_is_judged_at_once() -> None:
    """A monitor call on another call than the judged one is a session of its own, judged, that follows the request."""
    story = Story(book=NO_VIP)
    plain = (e.CallChanged(call="c1", type="plain"), e.CallChanged(call="c2", type="plain"))
    step = story.tell(*plain, *TWO_CALLS[:2], ASK, *TWO_CALLS[2:], replace(START, call="c2"))
    assert (story.session().went.follows, story.session().grounds.word) == ("s-5", "allowed")
    assert [notice.kind for notice in step.notices] == ["other_call"]
    assert step.commands == ()


def test_a_start_on_a_forbidden_other_call_is_dropped() -> None:
    """Where the rules forbid the call that the monitor call really is on, a SetDROP and an alarm follow."""
    story = Story(book=NO_VIP)
    kinds = (e.CallChanged(call="c1", type="plain"), e.CallChanged(call="c2", type="vip"))
    step = story.tell(*kinds, *TWO_CALLS[:2], ASK, *TWO_CALLS[2:], replace(START, call="c2"))
    assert [notice.kind for notice in step.notices] == ["forbidden_monitor", "other_call"]
    assert step.commands == (DropMonitorCall("s-9", "5004", "m1"),)


def test_a_stopped_request_stops_also_on_another_call() -> None:
    """A stop that was remembered is carried out on whichever call the monitor call is."""
    story = Story()
    step = story.tell(*talk("c1"), ASK, e.StopRequested(session="s-3"), *talk("c2"), replace(START, call="c2"))
    assert step.commands == (DropMonitorCall("s-7", "5004", "m1"),)


def test_an_unasked_forbidden_monitor_call_is_not_dropped() -> None:
    """A monitor call that was never asked of us is an alarm and no command: it is not ours to end."""
    story = Story(book=NO_VIP)
    assert story.tell(*talk("c1"), e.CallChanged(call="c1", type="vip"), START).commands == ()


# Late


@pytest.mark.parametrize(("late_start", "commands"), [("leave", 0), ("drop", 1)])
def test_a_late_start_is_left_or_dropped_as_the_site_wants(late_start: str, commands: int) -> None:
    """A monitor call of a request that nobody confirmed in time is observed, follows it, and stays or is dropped."""
    story = Story(settings(late_start=late_start))
    story.at(0.0, *talk(), ASK)
    story.pass_time(60.0)
    step = story.at(61.0, START)
    assert (story.session().origin, story.session().went.follows) == (Origin.OBSERVED, "s-3")
    assert [notice.kind for notice in step.notices] == ["late_start"]
    assert len(step.commands) == commands


def test_a_late_start_after_a_stop_is_dropped_in_any_case() -> None:
    """Who wanted to stop is not made to listen because the start came late."""
    story = Story()
    story.at(0.0, *talk(), ASK, e.StopRequested(session="s-3"))
    story.pass_time(60.0)
    assert story.at(61.0, START).commands == (DropMonitorCall("s-6", "5004", "m1"),)


def test_a_second_stop_of_a_dropped_late_start_says_nothing() -> None:
    """What is being dropped already is not dropped twice."""
    story = Story(settings(late_start="drop"))
    story.at(0.0, *talk(), ASK)
    story.pass_time(60.0)
    story.at(61.0, START)
    assert story.at(62.0, e.StopRequested(monitor_call="m1")) is NOTHING


def test_a_monitor_call_after_a_refusal_follows_nothing() -> None:
    """A request that was refused never had a start: a monitor call of that pair is simply observed."""
    story = Story(book=DEFAULT)
    story.tell(*SEATS, ASK, *talk(), START)
    assert story.session().went.follows == ""


def test_a_monitor_call_whose_session_is_over_stays_over() -> None:
    """A repeated start, or dialog, of a monitor call that has ended says nothing."""
    story = Story()
    story.tell(*LISTENING, e.CallCleared(call="c1"))
    assert story.tell(START) is NOTHING
    assert story.tell(END, START, e.CallSeen(view=monitor_view())) is NOTHING


def test_an_end_may_overtake_its_start() -> None:
    """The end of a monitor call that comes first is remembered: the session starts and ends in one step."""
    story = Story()
    story.tell(*talk(), ASK, replace(END, reason="agent_dropped"))
    assert [(move.after, move.reason) for move in story.tell(START).moves] == [
        (State.ACTIVE, None),
        (State.ENDED, Reason.AGENT_DROPPED),
    ]


# The end of a monitor call without its name


def test_an_end_without_a_name_is_that_of_the_only_monitor_call_that_fits() -> None:
    """An end that names only the agent ends the one monitor call on him."""
    story = Story()
    story.tell(
        *LISTENING,
        *talk("c2", "0171", "5026"),
        e.MonitorStarted(monitor_call="m2", from_address="5009", to_address="5026"),
    )
    assert [move.session for move in story.tell(e.MonitorEnded(to_address="5026")).moves] == ["s-10"]


def test_an_end_that_fits_two_ends_neither_until_a_snapshot_decides() -> None:
    """An end that may be of either of two asks for a snapshot, and that ends the one that it does not show."""
    story = Story()
    story.tell(*LISTENING, e.MonitorStarted(monitor_call="m2", from_address="5009", to_address="5025", call="c1"))
    step = story.tell(e.MonitorEnded(to_address="5025"))
    assert (step.moves, step.commands) == ((), (AskSnapshot("", "address", "5025"),))
    talking = tuple(e.Participant(address, e.LegState.CONNECTED) for address in ("0170", "5025"))
    answer = e.Snapshot(covers=("calls",), calls=(e.CallView("c1", talking), monitor_view(call="c1")))
    assert [(move.session, move.certainty) for move in story.tell(answer).moves] == [("s-8", Certainty.INFERRED)]


@pytest.mark.parametrize(("end", "about"), [(e.MonitorEnded(), ""), (e.MonitorEnded(from_address="5004"), "5004")])
def test_an_end_asks_about_the_address_that_it_gives(end: e.MonitorEnded, about: str) -> None:
    """The snapshot that is asked for is about the address that the end names, or about everything."""
    story = Story()
    story.tell(*LISTENING, e.MonitorStarted(monitor_call="m2", from_address="5004", to_address="5026"))
    assert story.tell(end).commands == (AskSnapshot("", "address", about),)
