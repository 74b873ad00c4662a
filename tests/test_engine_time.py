"""Time: what the site's time is, what falls due and in which order, and how what is never told ends all the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from monitoring_core.domain import events as e
from monitoring_core.domain.outcomes import NOTHING, AskSnapshot, Certainty, Reason, State, Trigger
from monitoring_core.engine.clock import Clock, Due
from tests.helpers import ASK, END, LISTENING, SEATS, START, Story, settings, talk

SHORT = settings(session_lease_s=100.0, call_lease_s=500.0)
"""A session's lease runs out long before a call's."""
SHORT_CALLS = settings(session_lease_s=500.0, call_lease_s=100.0)


# The site's time


def test_the_shells_time_is_the_sites() -> None:
    """What the shell put in counts, whatever the source says."""
    story = Story()
    story.tell(e.TimePassed(at=50.0, received_at=10.0))
    assert story.engine.now == 10.0


def test_the_sites_time_never_runs_back() -> None:
    """A shell whose clock was set back does not take the site with it."""
    story = Story()
    story.tell(e.TimePassed(received_at=10.0), e.TimePassed(received_at=4.0))
    assert story.engine.now == 10.0


def test_without_a_shell_the_largest_time_of_the_source_counts() -> None:
    """A log without `received_at` runs on the largest `at` so far."""
    story = Story()
    story.tell(e.TimePassed(at=10.0), e.TimePassed(at=4.0), e.TimePassed())
    assert story.engine.now == 10.0


def test_once_the_shell_has_put_a_time_in_the_sources_do_not_count() -> None:
    """An event without `received_at` among others that have one does not move the time."""
    story = Story()
    story.tell(e.TimePassed(received_at=10.0), e.TimePassed(at=99.0))
    assert story.engine.now == 10.0


def test_without_times_nothing_falls_due() -> None:
    """A log that has only order fires no deadline, however long it is."""
    story = Story()
    story.tell(*talk(), ASK, *[e.TimePassed()] * 50)
    assert (story.session().state, story.engine.now) == (State.REQUESTED, None)


def test_deadlines_count_from_the_first_time_that_there_is() -> None:
    """What is waiting when the first time comes has its whole deadline from there."""
    story = Story()
    story.tell(*talk(), ASK, e.TimePassed(at=1000.0), e.TimePassed(at=1009.0))
    assert story.session().state is State.REQUESTED
    assert story.tell(e.TimePassed(at=1010.0)).moves[0].at == 1010.0


def test_the_first_time_may_be_zero() -> None:
    """Zero is a time like any other: leases from there run out."""
    story = Story(SHORT)
    story.at(0.0, *LISTENING)
    story.pass_time(300.0)
    assert story.session().reason is Reason.LEASE_EXPIRED


def test_a_time_too_far_off_is_reported_and_moves_nothing() -> None:
    """An `at` beyond the skew is noted; the event counts at the site's time, so that it neither waits nor loses."""
    story = Story()
    story.tell(e.TimePassed(received_at=10_000.0))
    step = story.tell(e.Established(call="c1", address="5025", at=1.0, received_at=10_000.0))
    assert [notice.kind for notice in step.notices] == ["clock_skew"]
    assert story.engine.floor.calls.by_id["c1"].changed_at == 10_000.0


@pytest.mark.parametrize("at", [700.0, 1300.0])
def test_a_time_within_the_skew_orders_events(at: float) -> None:
    """Up to the limit, what the source says of its time is believed."""
    story = Story()
    assert story.tell(e.TimePassed(received_at=1000.0), e.Established(call="c1", address="5025", at=at)) is NOTHING
    assert story.engine.floor.calls.by_id["c1"].changed_at == at


def test_without_a_shell_nothing_is_skewed() -> None:
    """Where only the source tells the time there is nothing to compare it with."""
    assert Story().tell(e.TimePassed(at=9999.0), e.Established(call="c1", address="5025", at=1.0)) is NOTHING


# Deadlines


def test_a_start_that_nobody_confirms_is_rejected_at_its_moment() -> None:
    """No confirmation in time: REJECTED as unconfirmed, at the moment when it was due, not when that was noticed."""
    story = Story()
    story.at(10.0, *talk(), ASK)
    (move,) = story.pass_time(60.0).moves
    assert (move.trigger, move.after, move.reason, move.certainty, move.at) == (
        Trigger.UNCONFIRMED,
        State.REJECTED,
        Reason.UNCONFIRMED,
        Certainty.ASSUMED,
        20.0,
    )
    assert story.engine.now == 60.0


def test_a_start_in_time_is_not_rejected_later() -> None:
    """The deadline of a request that started says nothing any more."""
    story = Story()
    story.at(10.0, *LISTENING)
    assert story.pass_time(60.0) is NOTHING


def test_what_is_due_fires_before_the_event_that_brings_the_time() -> None:
    """A confirmation that comes with a time after the deadline comes too late: deadlines first."""
    story = Story()
    story.at(0.0, *talk(), ASK)
    assert [move.trigger for move in story.at(10.0, START).moves] == [Trigger.UNCONFIRMED, Trigger.STARTED]


def test_a_confirmation_just_before_the_deadline_counts() -> None:
    """Until the very moment of the deadline a start is in time."""
    story = Story()
    story.at(0.0, *talk(), ASK)
    assert [move.trigger for move in story.at(9.999, START).moves] == [Trigger.STARTED]


def test_deadlines_fire_by_time_and_then_by_session() -> None:
    """What was due first fires first; at one moment the older session comes first."""
    story = Story()
    story.at(0.0, *talk(), ASK, replace(ASK, from_address="5009"))
    story.at(1.0, replace(ASK, from_address="5008"))
    assert [(move.session, move.at) for move in story.pass_time(99.0).moves] == [
        ("s-3", 10.0),
        ("s-4", 10.0),
        ("s-5", 11.0),
    ]


def test_the_clock_orders_what_is_due() -> None:
    """Deadlines come out by due time, then order, then kind, and none before its time."""
    clock = Clock(300.0)
    clock.arm(2.0, 1, Due.CONFIRM, "b")
    clock.arm(1.0, 9, Due.CONFIRM, "a")
    clock.arm(2.0, 1, Due.SESSION_LEASE, "c")
    clock.arm(3.5, 0, Due.CONFIRM, "d")
    fired = []
    while (deadline := clock.pop_due(3.0)) is not None:
        fired.append((deadline.subject, clock.now))
    assert fired == [("a", 1.0), ("b", 2.0), ("c", 2.0)]


@pytest.mark.parametrize("confirmed", [False, True])
def test_what_is_next_due_is_what_still_matters(confirmed: bool) -> None:  # noqa: FBT001
    """A deadline of a request that is over is passed over, however many others wait behind it."""
    story = Story(SHORT)
    story.at(0.0, *SEATS, *talk(), ASK)
    story.at(1.0, START if confirmed else e.MonitorFailed(code="1"))
    assert story.engine.next_due() == (10.0 if confirmed else 500.0)


# Leases of sessions


def test_a_lease_that_runs_out_asks_first() -> None:
    """A session that nothing mentions asks for a snapshot of its call when its lease is over, and lives on."""
    story = Story(SHORT)
    story.at(0.0, *LISTENING)
    step = story.pass_time(100.0)
    assert (step.moves, step.commands) == ((), (AskSnapshot("s-6", "call", "c1"),))
    assert [notice.kind for notice in step.notices] == ["snapshot_asked"]


def test_an_unanswered_lease_expires() -> None:
    """Only when the snapshot stays away the session ends, as lease_expired, assumed, at that moment."""
    story = Story(SHORT)
    story.at(0.0, *LISTENING)
    story.pass_time(129.9)
    assert story.session().state is State.ACTIVE
    (move,) = story.pass_time(200.0).moves
    assert (move.reason, move.certainty, move.at) == (Reason.LEASE_EXPIRED, Certainty.ASSUMED, 130.0)


@pytest.mark.parametrize(
    "mention",
    [
        e.CallChanged(call="c1", type="OUT"),
        e.Established(call="c1", address="0170"),
        e.Established(call="m1", address="5004"),
        START,
        e.CallSeen(view=e.CallView("c1")),
    ],
)
def test_anything_that_mentions_the_call_renews_the_lease(mention: e.Event) -> None:
    """A mention of the call or of the monitor call, news or not, starts the lease anew."""
    story = Story(SHORT)
    story.at(0.0, *LISTENING)
    story.at(90.0, mention)
    assert story.pass_time(189.0) is NOTHING
    assert len(story.pass_time(190.0).commands) == 1


def test_a_snapshot_that_shows_the_call_answers_the_lease() -> None:
    """The snapshot that was asked for renews the lease of what it shows."""
    story = Story(SHORT)
    story.at(0.0, *LISTENING)
    story.pass_time(100.0)
    both = tuple(e.Participant(address, e.LegState.CONNECTED) for address in ("0170", "5025"))
    monitor = e.CallView("m1", (e.Participant("5004", e.LegState.CONNECTED),), monitor=e.MonitorOf("5004", "5025"))
    story.at(110.0, e.Snapshot(covers=("calls",), calls=(e.CallView("c1", both), monitor)))
    assert story.pass_time(209.0) is NOTHING
    assert len(story.pass_time(210.0).commands) == 1


def test_a_lease_shorter_than_the_wait_for_the_answer_is_asked_about_again() -> None:
    """Where the lease that an answer renewed is over when that is noticed, the next question goes out at once."""
    story = Story(settings(session_lease_s=0.25, call_lease_s=5000.0))
    story.at(0.0, *LISTENING)
    story.pass_time(0.25)
    story.at(20.0, e.CallChanged(call="c1", type="OUT"))
    assert story.pass_time(30.25).commands == (AskSnapshot("s-6", "call", "c1"),)


def test_a_mention_at_the_moment_of_asking_is_no_answer() -> None:
    """What was mentioned before the snapshot was asked for is no answer to it."""
    story = Story(SHORT)
    story.at(0.0, *LISTENING)
    story.pass_time(100.0)
    story.pass_time(130.0)
    assert story.session().reason is Reason.LEASE_EXPIRED


def test_a_session_without_a_known_call_asks_about_its_address() -> None:
    """Where no call is known, the snapshot is asked for the agent's address."""
    story = Story(SHORT)
    story.at(0.0, replace(START, call=None))
    assert story.pass_time(100.0).commands == (AskSnapshot("s-1", "address", "5025"),)


def test_a_session_that_ended_asks_for_nothing() -> None:
    """The lease of a session that is over says nothing, whether it ran out before or after."""
    story = Story(SHORT)
    story.at(0.0, *LISTENING)
    story.at(50.0, END, e.CallCleared(call="c1"))
    assert story.pass_time(400.0) is NOTHING
    story.at(500.0, *talk("c2"), ASK, replace(START, monitor_call="m2", call="c2"))
    story.pass_time(600.0)
    story.at(610.0, replace(END, monitor_call="m2"), e.CallCleared(call="c2"))
    assert story.pass_time(999.0) is NOTHING


def test_a_session_that_is_forgotten_asks_for_nothing() -> None:
    """A deadline of a session that even the memory of final ones lost is ignored."""
    story = Story(settings(late_window_s=1.0))
    story.at(0.0, *LISTENING)
    story.at(1.0, END, e.CallCleared(call="c1"))
    story.pass_time(3.0)
    assert not story.engine.sessions.by_id
    assert story.pass_time(99_999.0) is NOTHING


# Leases of calls


def test_a_call_whose_end_was_lost_does_not_last_for_ever() -> None:
    """A call that nothing mentions is asked about, then gone, and the agent is idle again."""
    story = Story(SHORT_CALLS)
    story.at(0.0, *talk())
    assert story.pass_time(100.0).commands == (AskSnapshot("", "call", "c1"),)
    story.pass_time(130.0)
    assert story.engine.floor.candidates("5025") == []


def test_the_sessions_of_a_call_whose_lease_expires_end_with_it() -> None:
    """When a call expires, its sessions end as lease_expired, assumed, at that moment."""
    story = Story(SHORT_CALLS)
    story.at(0.0, *LISTENING)
    (move,) = story.pass_time(200.0).moves
    assert (move.reason, move.certainty, move.at) == (Reason.LEASE_EXPIRED, Certainty.ASSUMED, 130.0)


def test_the_session_of_a_monitor_call_whose_lease_expires_ends_as_expired() -> None:
    """A monitor call that nothing mentions any more expires: nobody says that the supervisor dropped."""
    story = Story(SHORT_CALLS)
    story.at(0.0, replace(START, call=None))
    (move,) = story.pass_time(200.0).moves
    assert (move.reason, move.certainty) == (Reason.LEASE_EXPIRED, Certainty.ASSUMED)


def test_a_lease_of_a_call_counts_what_mentions_its_sessions() -> None:
    """A call is alive as long as the monitor call on it is mentioned."""
    story = Story(SHORT_CALLS)
    story.at(0.0, *LISTENING)
    story.at(90.0, e.Established(call="m1", address="5004"))
    assert story.pass_time(189.0) is NOTHING


def test_a_call_that_is_mentioned_after_the_question_lives_on() -> None:
    """A mention after the snapshot was asked for answers it."""
    story = Story(SHORT_CALLS)
    story.at(0.0, *talk())
    story.pass_time(100.0)
    story.at(110.0, e.Established(call="c1", address="5025"))
    assert story.pass_time(209.0) is NOTHING
    assert len(story.pass_time(210.0).commands) == 1


def test_a_calls_lease_shorter_than_the_wait_for_the_answer_is_asked_about_again() -> None:
    """Where the lease that an answer renewed is over when that is noticed, the next question goes out at once."""
    story = Story(settings(call_lease_s=0.25))
    story.at(0.0, *talk())
    story.pass_time(0.25)
    story.at(20.0, e.CallChanged(call="c1", type="OUT"))
    assert story.pass_time(30.25).commands == (AskSnapshot("", "call", "c1"),)


def test_a_call_that_a_session_asks_about_is_not_asked_about_twice() -> None:
    """Session and call on one lease ask for one snapshot, and end together."""
    story = Story(settings(session_lease_s=100.0, call_lease_s=100.0))
    story.at(0.0, *LISTENING)
    assert story.pass_time(100.0).commands == (AskSnapshot("s-6", "call", "c1"),)
    assert [move.reason for move in story.pass_time(130.0).moves] == [Reason.LEASE_EXPIRED]
    assert not story.engine.floor.calls.by_id


def test_a_call_that_came_back_is_asked_about_once() -> None:
    """A call that a snapshot brought back has one lease, not that of its first life beside the new one."""
    story = Story(SHORT_CALLS)
    story.at(0.0, *talk(), e.CallCleared(call="c1"))
    story.at(20.0, e.Snapshot(covers=("calls",), calls=(e.CallView("c1"),)))
    assert story.pass_time(120.0).commands == (AskSnapshot("", "call", "c1"),)


def test_a_call_that_ended_is_not_asked_about() -> None:
    """The lease of a call that is over says nothing, whether it ran out before or after."""
    story = Story(SHORT_CALLS)
    story.at(0.0, *talk("c1"), *talk("c2"), e.CallCleared(call="c1"))
    story.pass_time(100.0)
    story.at(110.0, e.CallCleared(call="c2"))
    assert story.pass_time(999.0) is NOTHING


def test_a_call_without_any_mention_in_time_expires_too() -> None:
    """A call of which only times-less events told has its lease from the first time on."""
    story = Story(SHORT_CALLS)
    story.tell(*talk(), e.TimePassed(at=0.0), e.TimePassed(at=99.0))
    assert "c1" in story.engine.floor.calls.by_id
    story.tell(e.TimePassed(at=200.0))
    assert not story.engine.floor.calls.by_id


def test_a_monitor_call_shown_again_after_its_lease_expired_is_a_session_again() -> None:
    """An end that was only assumed is undone by a snapshot that shows the monitor call: observed, and it follows."""
    story = Story(settings(session_lease_s=100.0, call_lease_s=5000.0, confirm_s=10.0))
    story.at(0.0, *SEATS, *talk(), ASK, START)
    story.pass_time(130.0)
    both = tuple(e.Participant(address, e.LegState.CONNECTED) for address in ("0170", "5025"))
    monitor = e.CallView("m1", (e.Participant("5004", e.LegState.CONNECTED),), monitor=e.MonitorOf("5004", "5025"))
    step = story.at(140.0, e.Snapshot(covers=("calls",), calls=(e.CallView("c1", both), monitor)))
    assert [(move.after, move.certainty) for move in step.moves] == [(State.ACTIVE, Certainty.INFERRED)]
    assert story.session().went.follows == "s-6"
    assert [call.id for call in story.engine.floor.candidates("5004")] == ["m1"]


def test_a_monitor_call_that_was_dropped_is_not_undone_by_a_dialog() -> None:
    """An end that the switch confirmed stays, and only a snapshot may undo one that was assumed."""
    story = Story(SHORT)
    story.at(0.0, *LISTENING)
    story.pass_time(130.0)
    view = e.CallView("m1", (e.Participant("5004", e.LegState.CONNECTED),), monitor=e.MonitorOf("5004", "5025"))
    assert story.at(140.0, e.CallSeen(view=view)) is NOTHING


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["c1", "c2", "c3"]), st.booleans()), max_size=20))
def test_deadlines_in_turn_fall_as_any_others(armed: list[tuple[int, str, bool]]) -> None:
    """Whether a deadline was set in turn makes no difference to when it falls, and to which goes first."""
    mixed, plain = Clock(300.0), Clock(300.0)
    for due, call, is_in_turn in armed:
        arm = mixed.arm_in_turn if is_in_turn else mixed.arm
        arm(float(due), 0, Due.CALL_LEASE, call)
        plain.arm(float(due), 0, Due.CALL_LEASE, call)
    assert mixed.deadlines == plain.deadlines
    assert mixed.quiet_until == plain.quiet_until
    assert [mixed.pop_due(4.0) for _ in armed] == [plain.pop_due(4.0) for _ in armed]
    assert mixed.next == plain.next
