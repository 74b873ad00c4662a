"""What happens on a call, and what it means for who listens: design section 5 and the hard cases of the domain."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from monitoring_core.domain import events as e
from monitoring_core.domain.events import ClearCause
from monitoring_core.domain.outcomes import NOTHING, Certainty, Reason, State, Trigger
from tests.helpers import ASK, END, LISTENING, SEATS, START, Story, settings, talk

THREE = (*LISTENING, e.Established(call="c1", address="0171"))
CONSULT = (
    *LISTENING,
    e.Held(call="c1", address="5025"),
    e.Initiated(call="c2", address="5025"),
    e.Delivered(call="c2", address="5026"),
)
"""The agent set up a consult call to 5026, which rings."""
ANSWERED = (*CONSULT, e.Established(call="c2", address="5026"), e.Established(call="c2", address="5025"))


def left(address: str, cause: ClearCause) -> e.Event:
    """A party leaves the call for that cause."""
    return e.ConnectionCleared(call="c1", address=address, cause=cause)


def ended(*events: e.Event) -> tuple[Reason | None, Certainty | None]:
    """Reason and certainty of the one move of the last event."""
    (move,) = Story().tell(*events).moves
    assert move.trigger is Trigger.FINISHED
    return move.reason, move.certainty


# How a session ends


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ((*LISTENING, e.ConnectionCleared(call="c1", address="5025")), Reason.AGENT_DROPPED),
        ((*LISTENING, e.ConnectionCleared(call="c1", address="0170")), Reason.CALL_ENDED),
        ((*LISTENING, e.CallCleared(call="c1")), Reason.CALL_ENDED),
        ((*LISTENING, left("5025", ClearCause.TRANSFERRED)), Reason.AGENT_TRANSFERRED),
        ((*LISTENING, left("5025", ClearCause.MOVED)), Reason.MOVED),
        ((*LISTENING, e.Transferred(call="c1", by="5025", to="5026")), Reason.AGENT_TRANSFERRED),
        ((*THREE, e.ConnectionCleared(call="c1", address="5025")), Reason.AGENT_DROPPED),
        ((*LISTENING, END), Reason.SUPERVISOR_DROPPED),
        ((*LISTENING, e.ConnectionCleared(call="m1", address="5004")), Reason.SUPERVISOR_DROPPED),
        ((*LISTENING, e.CallCleared(call="m1")), Reason.SUPERVISOR_DROPPED),
        ((*LISTENING, e.MonitorEnded(monitor_call="m1")), Reason.SUPERVISOR_DROPPED),
        ((*LISTENING, e.MonitorEnded(monitor_call="m1", reason="security_mismatch")), Reason.SECURITY_MISMATCH),
        ((*LISTENING, e.MonitorEnded(monitor_call="m1", reason="forbidden")), Reason.SUPERVISOR_DROPPED),
        ((*LISTENING, e.MonitorEnded(from_address="5004")), Reason.SUPERVISOR_DROPPED),
        ((*LISTENING, e.Transferred(call="m1", by="5004", into="k1")), Reason.SUPERVISOR_DROPPED),
    ],
)  # fmt: skip
def test_a_session_ends_with_the_reason_of_what_happened(events: tuple[e.Event, ...], reason: Reason) -> None:
    """Each way in which the switch reports an end gives its own reason, confirmed."""
    assert ended(*events) == (reason, Certainty.CONFIRMED)


@pytest.mark.parametrize(
    "event",
    [
        e.Held(call="c1", address="0170"),
        e.Established(call="c1", address="0171"),
        e.CallChanged(call="c1", type="OUT"),
        e.Established(call="c1", address="5025"),
        e.PersonChanged(person="bob", teams=("other",)),
        e.MonitorEnded(monitor_call="m9"),
        e.MonitorEnded(to_address="5026"),
        e.ConnectionCleared(call="m1", address="5025"),
        e.CallSeen(view=e.CallView("m1", (e.Participant("5009", e.LegState.CLEARED),))),
        e.ConnectionCleared(call="c9", address="5025"),
        e.CallCleared(call="c9"),
    ],
)
def test_what_does_not_end_a_session_says_nothing_about_it(event: e.Event) -> None:
    """Others' moves, other calls, changes of membership: the session goes on."""
    assert Story().tell(*LISTENING, event) is NOTHING


def test_a_third_party_that_leaves_does_not_end_a_session() -> None:
    """In a three-way call anybody but the monitored agent may leave."""
    assert Story().tell(*THREE, e.ConnectionCleared(call="c1", address="0171")) is NOTHING


def test_everybody_at_once_is_the_agents_drop() -> None:
    """A dialog that shows everybody gone at once says that the agent dropped, as the platform reports his drop."""
    gone = tuple(e.Participant(address, e.LegState.CLEARED) for address in ("0170", "5025"))
    assert ended(*LISTENING, e.CallSeen(view=e.CallView("c1", gone))) == (Reason.AGENT_DROPPED, Certainty.CONFIRMED)


def test_somebody_else_may_leave_the_monitor_call() -> None:
    """A third party that joined a monitor call and leaves it ends nothing."""
    joined = (*LISTENING, e.Established(call="m1", address="5009"))
    assert Story().tell(*joined, e.ConnectionCleared(call="m1", address="5009")) is NOTHING


def test_a_monitor_call_whose_session_is_over_is_nobodys_call() -> None:
    """Until its own end comes, a monitor call whose session is over is not one that the listener is on."""
    story = Story()
    story.tell(
        *LISTENING, e.CallCleared(call="c1"), e.Held(call="m1", address="5004"), e.Retrieved(call="m1", address="5004")
    )
    assert story.engine.floor.candidates("5004") == []


@pytest.mark.parametrize("second", [e.CallCleared(call="c1"), e.ConnectionCleared(call="c1", address="0170"), END])
def test_a_session_ends_once(second: e.Event) -> None:
    """Whatever else tells of an end afterwards: it is over already, with its first reason."""
    assert Story().tell(*LISTENING, e.ConnectionCleared(call="c1", address="5025"), second) is NOTHING


def test_the_call_that_ends_before_the_start_ends_the_request() -> None:
    """A request whose only call is gone is REJECTED with the call's reason: nobody listened."""
    (move,) = Story().tell(*SEATS, *talk(), ASK, e.ConnectionCleared(call="c1", address="5025")).moves
    assert (move.after, move.reason) == (State.REJECTED, Reason.AGENT_DROPPED)


def test_a_request_goes_on_with_the_candidates_that_are_left() -> None:
    """Of two calls that were judged one may go: the request may still start on the other."""
    story = Story()
    assert story.tell(*talk("c1"), *talk("c2"), ASK, e.CallCleared(call="c2")) is NOTHING
    assert story.tell(START).moves[0].after is State.ACTIVE


@pytest.mark.parametrize(("call", "left"), [("c1", ("c9", "c2")), ("c2", ("c1", "c9"))])
def test_a_candidate_that_becomes_another_call_is_that_one(call: str, left: tuple[str, ...]) -> None:
    """A request that was judged on several calls follows the one that has a new id and leaves the others alone."""
    story = Story()
    story.tell(*SEATS, *talk("c1"), *talk("c2", "0171", "5025"), ASK, e.Conferenced(call=call, into="c9"))
    assert story.session().candidates == left


def test_a_request_without_candidates_left_is_over() -> None:
    """When the last of the calls that were judged is gone, so is the request."""
    (move,) = Story().tell(*talk("c1"), *talk("c2"), ASK, e.CallCleared(call="c2"), e.CallCleared(call="c1")).moves
    assert (move.after, move.reason) == (State.REJECTED, Reason.CALL_ENDED)


def test_a_late_end_never_hurts_the_next_session() -> None:
    """An old call's and an old monitor call's late ends do not touch the session that runs now."""
    story = Story()
    story.tell(
        *LISTENING, END, e.CallCleared(call="c1"), *talk("c2"), ASK, replace(START, monitor_call="m2", call="c2")
    )
    for late in (
        END,
        e.ConnectionCleared(call="c1", address="5025"),
        e.CallCleared(call="c1"),
        e.CallCleared(call="m1"),
    ):
        assert story.tell(late) is NOTHING


def test_a_nameless_end_that_may_be_an_old_ones_ends_neither() -> None:
    """After a session was ended by the call, a stop without its id may be its late one: a snapshot must decide."""
    story = Story()
    story.tell(*LISTENING, e.CallCleared(call="c1"), *talk("c2"), ASK, replace(START, monitor_call="m2", call="c2"))
    step = story.tell(e.MonitorEnded(from_address="5004"))
    assert (step.moves, len(step.commands)) == ((), 1)
    assert [notice.kind for notice in step.notices] == ["stop_ambiguous"]


def test_a_call_that_is_gone_does_not_come_back() -> None:
    """A late event of a call that is over does not make it one that can be monitored."""
    story = Story()
    story.tell(
        *talk(),
        e.CallCleared(call="c1"),
        *talk(),
        e.CallChanged(call="c1", type="OUT"),
        e.CallSeen(view=e.CallView("c1")),
    )
    assert not story.engine.floor.calls.by_id


def test_two_sessions_on_one_call_end_each_with_its_own_agent() -> None:
    """When one agent of a call between two leaves, he dropped and the other was left by a call that ended."""
    story = Story(settings(per_supervisor=2))
    story.tell(
        *talk("c1", "5025", "5026"),
        ASK,
        START,
        replace(ASK, to_address="5026"),
        replace(START, monitor_call="m2", to_address="5026"),
    )
    step = story.tell(e.ConnectionCleared(call="c1", address="5025"))
    assert [(move.session, move.reason) for move in step.moves] == [
        ("s-3", Reason.AGENT_DROPPED),
        ("s-5", Reason.CALL_ENDED),
    ]


def test_the_other_agents_session_goes_on_in_a_conference() -> None:
    """In a three-way call of two monitored agents, the session of the one who stays goes on."""
    story = Story()
    story.tell(
        *talk("c1", "0170", "5025", "5026"),
        ASK,
        START,
        replace(ASK, to_address="5026"),
        replace(START, monitor_call="m2", to_address="5026"),
    )
    step = story.tell(e.ConnectionCleared(call="c1", address="5026"))
    assert [(move.session, move.reason) for move in step.moves] == [("s-6", Reason.AGENT_DROPPED)]
    assert story.engine.sessions.by_id["s-4"].state is State.ACTIVE


def test_who_monitors_a_monitor_call_is_ended_with_it() -> None:
    """A monitor call on a monitor call, which only a switch can make, ends when that ends."""
    story = Story()
    story.tell(*LISTENING, e.MonitorStarted(monitor_call="m2", from_address="5009", to_address="5004", call="m1"))
    assert [(move.session, move.reason) for move in story.tell(END).moves] == [
        ("s-6", Reason.SUPERVISOR_DROPPED),
        ("s-8", Reason.CALL_ENDED),
    ]


# Hold, consult calls, transfers


def test_hold_pauses_and_retrieve_resumes() -> None:
    """While the agent has his call on hold the session goes on, paused, and knows for how long."""
    story = Story()
    story.at(0.0, *LISTENING)
    assert [notice.kind for notice in story.at(5.0, e.Held(call="c1", address="5025")).notices] == ["paused"]
    assert [notice.kind for notice in story.at(12.0, e.Retrieved(call="c1", address="5025")).notices] == ["resumed"]
    assert story.session().paused_s == 7.0


def test_the_listeners_hold_pauses_too() -> None:
    """The supervisor may put the monitor call on hold: his session goes on."""
    story = Story()
    step = story.tell(*LISTENING, e.Held(call="m1", address="5004"))
    assert ([notice.kind for notice in step.notices], step.moves) == (["paused"], ())


def test_two_holds_are_one_pause() -> None:
    """Agent and supervisor may both hold; media is back when both are."""
    story = Story()
    story.tell(*LISTENING, e.Held(call="m1", address="5004"))
    assert story.tell(e.Held(call="c1", address="5025")) is NOTHING
    assert story.tell(e.Retrieved(call="m1", address="5004")) is NOTHING
    assert [notice.kind for notice in story.tell(e.Retrieved(call="c1", address="5025")).notices] == ["resumed"]


def test_a_doubled_answer_does_not_take_a_call_off_hold() -> None:
    """Established for somebody on hold is a repeat of his answer, not his return."""
    story = Story()
    assert (
        story.tell(*LISTENING, e.Held(call="c1", address="5025"), e.Established(call="c1", address="5025")) is NOTHING
    )
    assert story.session().paused


def test_a_session_that_starts_on_hold_is_paused_from_the_start() -> None:
    """Where the agent held his call between request and start, the session starts paused."""
    story = Story()
    step = story.tell(*talk(), ASK, e.Held(call="c1", address="5025"), START)
    assert [notice.kind for notice in step.notices] == ["paused"]


def test_setting_up_a_consult_call_leaves_the_session_running() -> None:
    """A consult call is a hold, whoever answers it."""
    story = Story()
    story.tell(*ANSWERED)
    assert (story.session().state, story.session().paused) == (State.ACTIVE, True)


def test_who_returns_from_a_consult_call_is_monitored_on() -> None:
    """When the agent drops the consult call and is back with the customer, the session goes on as before."""
    story = Story()
    story.tell(*ANSWERED, e.ConnectionCleared(call="c2", address="5025"))
    assert [notice.kind for notice in story.tell(e.Retrieved(call="c1", address="5025")).notices] == ["resumed"]
    assert story.session().state is State.ACTIVE


@pytest.mark.parametrize(("call", "into"), [("c1", "c2"), ("c2", "c1"), ("c1", None)])
@pytest.mark.parametrize("before", [CONSULT, ANSWERED])
def test_a_completed_transfer_ends_the_session(before: tuple[e.Event, ...], call: str, into: str | None) -> None:
    """A transfer ends the session at its completion, answered or still ringing, whichever call goes on."""
    assert ended(*before, e.Transferred(call=call, by="5025", into=into)) == (
        Reason.AGENT_TRANSFERRED,
        Certainty.CONFIRMED,
    )


@pytest.mark.parametrize(("call", "into"), [("c1", "c2"), ("c2", "c1")])
def test_the_target_of_a_transfer_is_monitored_on_under_the_surviving_id(call: str, into: str) -> None:
    """When both agents are monitored, the transferer's session ends and the target's follows the surviving call."""
    story = Story()
    story.tell(
        *ANSWERED, replace(ASK, to_address="5026"), replace(START, monitor_call="m2", to_address="5026", call="c2")
    )
    step = story.tell(e.Transferred(call=call, by="5025", into=into))
    assert [(move.session, move.reason) for move in step.moves] == [("s-6", Reason.AGENT_TRANSFERRED)]
    assert story.session().call == into
    assert [(m.session, m.reason) for m in story.tell(e.ConnectionCleared(call=into, address="5026")).moves] == [
        ("s-13", Reason.AGENT_DROPPED)
    ]


@pytest.mark.parametrize(("call", "into"), [("c1", "c2"), ("c2", "c1")])
def test_a_conference_of_held_and_consult_call_leaves_the_session_running(call: str, into: str) -> None:
    """The agent joins both calls: the session goes on under the surviving id, paused no more."""
    story = Story()
    step = story.tell(*ANSWERED, e.Conferenced(call=call, into=into))
    assert {notice.kind for notice in step.notices} == {"resumed"} | ({"call_followed"} if call == "c1" else set())
    assert (story.session().state, story.session().call, story.session().paused) == (State.ACTIVE, into, False)


@pytest.mark.parametrize("old", ["c1", "c2"])
def test_events_under_an_old_id_are_about_the_surviving_call(old: str) -> None:
    """After calls became one, an event with either id is about that one."""
    story = Story()
    story.tell(*ANSWERED, e.Conferenced(call="c1", into="c2"))
    (move,) = story.tell(e.ConnectionCleared(call=old, address="5025")).moves
    assert move.reason is Reason.AGENT_DROPPED


def test_a_request_follows_its_candidate_to_the_surviving_call() -> None:
    """A call that becomes another between request and start is still the one that was judged."""
    story = Story()
    story.tell(*talk("c1"), *talk("c2", "0171", "5026"), ASK, e.Conferenced(call="c1", into="c2"))
    (move,) = story.tell(replace(START, call="c2")).moves
    assert (move.session, move.after) == ("s-5", State.ACTIVE)


def test_a_running_session_goes_on_while_its_party_waits() -> None:
    """The customer is parked between a transfer and its answer: whoever is monitored on that call still is."""
    story = Story()
    story.tell(*talk("c1", "0170", "5025"), replace(ASK, to_address="0170"), replace(START, to_address="0170"))
    assert story.tell(e.Transferred(call="c1", by="5025", to="5026")) is NOTHING
    assert story.tell(e.Established(call="c1", address="5026")) is NOTHING
    assert story.session().state is State.ACTIVE


def test_who_is_left_waiting_and_hangs_up_has_dropped_alone() -> None:
    """A party whom the transferer left and nobody answered: when he goes, the call is over."""
    story = Story()
    story.tell(*talk("c1", "0170", "5025"), replace(ASK, to_address="0170"), replace(START, to_address="0170"))
    (move,) = story.tell(
        e.Transferred(call="c1", by="5025", to="5026"), e.ConnectionCleared(call="c1", address="0170")
    ).moves
    assert move.reason is Reason.CALL_ENDED


def test_a_held_call_picked_up_elsewhere_has_moved() -> None:
    """A held call that goes on at the line's other phone has left the agent."""
    events = (*LISTENING, e.Held(call="c1", address="5025"))
    assert ended(*events, e.ConnectionCleared(call="c1", address="5025", cause=ClearCause.MOVED))[0] is Reason.MOVED


def test_the_supervisor_may_take_a_call_himself() -> None:
    """A supervisor who holds the monitor call and takes a call goes on listening, and may now be listened to."""
    story = Story(settings(per_agent=9, per_supervisor=9))
    story.tell(*LISTENING, e.Held(call="m1", address="5004"), *talk("c2", "0171", "5004"))
    step = story.tell(replace(ASK, from_address="5009", to_address="5004"))
    assert step.verdicts[0].verdict.candidates == ("c2",)
    assert step.verdicts[0].verdict.permit


def test_sessions_are_carried_in_the_order_in_which_they_were_opened() -> None:
    """One event that ends several sessions names them from the oldest to the youngest."""
    story = Story()
    asks = [replace(ASK, from_address=listener) for listener in ("5009", "5004", "5007")]
    story.tell(*talk(), *asks, replace(START, monitor_call="m2", from_address="5007"), START)
    assert [move.session for move in story.tell(e.CallCleared(call="c1")).moves] == ["s-3", "s-4", "s-5"]
