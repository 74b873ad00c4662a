"""The state table against the same table written out here, and what a session remembers of its moves."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from monitoring_core.domain.outcomes import Certainty, Move, Origin, Reason, RuleHit, State, Trigger, Verdict
from monitoring_core.errors import IllegalMove
from monitoring_core.session import (
    FINAL,
    TABLE,
    Session,
    Sessions,
    advance,
    after,
    grounds,
    mermaid,
    opened_at,
    order_of,
)

LITERAL = """
-          PERMIT       REQUESTED
-          FORBID       REJECTED
-          STARTED      ACTIVE
REQUESTED  STARTED      ACTIVE
REQUESTED  FAILED       REJECTED
REQUESTED  UNSENT       REJECTED
REQUESTED  UNCONFIRMED  REJECTED
REQUESTED  FINISHED     REJECTED
ACTIVE     FINISHED     ENDED
"""
ROWS = {(before, trigger): target for before, trigger, target in (line.split() for line in LITERAL.split("\n") if line)}
GRID = list(product(["-", "REQUESTED", "ACTIVE", "ENDED", "REJECTED"], [trigger.value for trigger in Trigger]))


def _session(state: str = "-", identity: str = "s-1", order: int = 1) -> Session:
    origin = Origin.REQUESTED
    session = Session(id=identity, order=order_of(order, 0), origin=origin, from_address="5004", to_address="5025")
    session.state = None if state == "-" else State(state)
    return session


@pytest.mark.parametrize(("state", "trigger"), GRID)
def test_every_pair_is_a_row_or_an_illegal_move_that_changes_nothing(state: str, trigger: str) -> None:
    """Property 1: a pair of the literal table moves as it says, every other raises and changes nothing."""
    session = _session(state)
    before = repr(session)
    target = ROWS.get((state, trigger))
    if target is not None:
        assert advance(session, Trigger(trigger), 1.0).after == target
        assert session.state == target
        return
    with pytest.raises(IllegalMove, match=f"{trigger} is no move from {state}"):
        advance(session, Trigger(trigger), 1.0)
    assert repr(session) == before


@given(st.lists(st.sampled_from(list(Trigger)), max_size=8))
def test_any_run_of_triggers_stays_on_the_table(triggers: list[Trigger]) -> None:
    """Property 1 over whole lives: whatever is fed, a session is only ever where the rows lead, and final is final."""
    session, state = _session(), "-"
    for trigger in triggers:
        target = ROWS.get((state, trigger.value))
        if target is None:
            with pytest.raises(IllegalMove):
                advance(session, trigger, None)
        else:
            assert advance(session, trigger, None).before == session_state(state)
            state = target
        assert session.state == session_state(state)
    assert session_state(state) not in FINAL or not any((state, trigger.value) in ROWS for trigger in Trigger)


def session_state(name: str) -> State | None:
    """The state of that name; `-` is none."""
    return None if name == "-" else State(name)


def test_the_table_has_one_row_for_a_pair() -> None:
    """The table has the nine rows of the literal, none twice."""
    assert sorted((before or "-", trigger, target) for before, trigger, target in TABLE) == sorted(
        (*pair, target) for pair, target in ROWS.items()
    )


def test_an_illegal_move_names_what_was_tried_and_where_to_look() -> None:
    """An illegal move says trigger and state, and its fix names the table."""
    with pytest.raises(IllegalMove) as caught:
        after(State.ENDED, Trigger.STARTED)
    assert caught.value.what == "STARTED is no move from ENDED"
    assert "draw" in caught.value.fix


def test_the_diagram_has_a_line_for_each_row_and_each_end() -> None:
    """The Mermaid diagram is the table: one arrow a row, and one out of each final state."""
    arrows = re.findall(r"^    (\S+) --> (\S+?)(?:: (\w+))?$", mermaid(), re.MULTILINE)
    rows = {(before.replace("-", "[*]"), target, trigger) for (before, trigger), target in ROWS.items()}
    assert mermaid().startswith("stateDiagram-v2\n")
    assert sorted(arrows) == sorted(rows | {("ENDED", "[*]", ""), ("REJECTED", "[*]", "")})


def test_a_move_says_all_that_is_known_of_it() -> None:
    """A move carries session, trigger, both states, reason, certainty, time and the switch's own words."""
    move = advance(_session("REQUESTED"), Trigger.FAILED, 7.0, Reason.FAILED, Certainty.CONFIRMED, "13145", "on hold")
    expected = (State.REQUESTED, State.REJECTED, Reason.FAILED, Certainty.CONFIRMED, 7.0, "13145", "on hold")
    assert move == Move("s-1", Trigger.FAILED, *expected)


def test_a_session_remembers_when_it_was_asked_for_started_and_ended() -> None:
    """Each move leaves its time in the session, and the start's and the end's certainty."""
    session = _session()
    advance(session, Trigger.PERMIT, 1.0)
    advance(session, Trigger.STARTED, 2.0, certainty=Certainty.CONFIRMED)
    advance(session, Trigger.FINISHED, 3.0, Reason.CALL_ENDED, Certainty.INFERRED)
    assert (session.requested_at, session.active_at, session.ended_at) == (1.0, 2.0, 3.0)
    assert (session.start_certainty, session.end_certainty) == (Certainty.CONFIRMED, Certainty.INFERRED)
    assert session.reason is Reason.CALL_ENDED


def test_an_observed_session_was_never_asked_for() -> None:
    """An observed session has no time of a request."""
    session = _session()
    session.origin = Origin.OBSERVED
    advance(session, Trigger.STARTED, 2.0, certainty=Certainty.CONFIRMED)
    assert (session.requested_at, session.active_at) == (None, 2.0)


def test_a_refused_session_was_never_active() -> None:
    """A rejected session has an end and no start."""
    session = _session()
    advance(session, Trigger.FORBID, 1.0, Reason.FORBIDDEN)
    assert (session.active_at, session.start_certainty, session.ended_at) == (None, None, 1.0)


def test_pauses_add_up() -> None:
    """The time on hold is the sum of all pauses, the one that the end cuts short included."""
    session = _session()
    advance(session, Trigger.STARTED, 0.0)
    for at, paused in ((1.0, True), (3.0, False), (10.0, True)):
        session.pause(paused=paused, at=at)
    advance(session, Trigger.FINISHED, 15.0, Reason.CALL_ENDED)
    assert session.paused_s == 7.0
    assert not session.paused


@pytest.mark.parametrize(("start", "end"), [(None, 5.0), (5.0, None), (None, None)])
def test_a_pause_without_a_time_counts_as_none(start: float | None, end: float | None) -> None:
    """A pause of which start or end has no time adds nothing."""
    session = _session("ACTIVE")
    session.pause(paused=True, at=start)
    session.pause(paused=False, at=end)
    assert session.paused_s == 0.0


def test_limits_count_the_person_or_else_the_extension() -> None:
    """A session counts for the persons in it; where nobody is known, for the extension."""
    session = _session()
    assert (session.listener, session.target) == ("@5004", "@5025")
    session.supervisor, session.agent = "ann", "bob"
    assert (session.listener, session.target) == ("ann", "bob")


def test_a_session_hangs_on_its_candidates_until_its_call_is_settled() -> None:
    """A requested session's fate is that of every candidate, an active one's that of its call, if known."""
    session = _session("REQUESTED")
    session.candidates = ("c1", "c2")
    calls = [session.calls]
    session.state = State.ACTIVE
    calls.append(session.calls)
    session.call = "c2"
    assert [*calls, session.calls] == [("c1", "c2"), (), ("c2",)]


# The index of sessions


def _open(sessions: Sessions, identity: str, order: int, trigger: Trigger = Trigger.PERMIT) -> Session:
    session = _session("-", identity, order)
    session.candidates = ("c1",)
    advance(session, trigger, float(order), Reason.FORBIDDEN if trigger is Trigger.FORBID else None)
    sessions.open(session)
    return session


def test_sessions_are_found_by_what_events_name() -> None:
    """A session alive is found by id, call, listener, target and, once it has one, monitor call."""
    sessions = Sessions()
    session = _open(sessions, "s-1", 1)
    before = sessions.keys(session)
    session.monitor_call = "m1"
    sessions.refile(session, before)
    assert sessions.by_id["s-1"] is sessions.waiting["s-1"] is sessions.by_monitor_call.one("m1") is session
    assert [*sessions.on_call("c1"), *sessions.listening("@5004"), *sessions.targeting("@5025")] == [session] * 3
    assert list(sessions.alive()) == [session]


def test_a_final_session_is_found_by_its_id_only() -> None:
    """A session that is over is in no index but that of ids."""
    sessions = Sessions()
    session = _open(sessions, "s-1", 1)
    before = sessions.keys(session)
    advance(session, Trigger.FAILED, 2.0, Reason.FAILED)
    sessions.refile(session, before)
    assert sessions == _emptied(sessions)
    assert sessions.by_id == {"s-1": session}


def _emptied(sessions: Sessions) -> Sessions:
    indexes = (sessions.waiting, sessions.by_call, sessions.by_party, sessions.by_monitor_call)
    assert not any(indexes)
    assert not [*sessions.on_call("c1"), *sessions.listening("@5004"), *sessions.targeting("@5025")]
    return sessions


def test_sessions_on_one_call_come_in_the_order_in_which_they_were_opened() -> None:
    """The order of sessions is that of their opening, whatever was indexed last."""
    sessions = Sessions()
    first, second = _open(sessions, "s-2", 2), _open(sessions, "s-10", 10)
    for candidates in ((), ("c1",)):
        before, first.candidates = sessions.keys(first), candidates
        sessions.refile(first, before)
    assert sessions.on_call("c1") == [first, second]


def test_old_final_sessions_are_forgotten_by_time() -> None:
    """A final session is forgotten once its end is as old as the window; when the next one is to go is said."""
    sessions = Sessions()
    for order in (1, 2, 3):
        _open(sessions, f"s-{order}", order, Trigger.FORBID)
    assert sessions.forget(3.0, late_window_s=1.0, finals_max=10) == 4.0
    assert list(sessions.by_id) == ["s-3"]


def test_the_oldest_final_sessions_are_forgotten_beyond_the_limit() -> None:
    """Of too many final sessions, the oldest are forgotten, also without times."""
    sessions = Sessions()
    for order in (1, 2, 3):
        _open(sessions, f"s-{order}", order, Trigger.FORBID)
    sessions.forget(None, late_window_s=1.0, finals_max=1)
    assert list(sessions.by_id) == ["s-3"]


def test_a_session_alive_is_never_forgotten() -> None:
    """What is alive stays, however old and however many."""
    sessions = Sessions()
    _open(sessions, "s-1", 1)
    assert sessions.forget(1e9, late_window_s=0.0, finals_max=0) is None
    assert list(sessions.by_id) == ["s-1"]


@pytest.mark.parametrize(("session", "position"), [("s-7", 7), ("a-site-12", 12), ("s-3.2", 3)])
def test_the_id_of_a_session_says_where_it_was_opened(session: str, position: int) -> None:
    """Whatever a site is called, the position of the event that opened a session can be read from its id."""
    assert opened_at(session) == position


def test_sessions_of_one_event_stand_in_the_order_of_their_numbers() -> None:
    """The order of sessions is by position, then by number."""
    assert order_of(1, 0) < order_of(1, 1) < order_of(1, 1_000_000) < order_of(2, 0)


def test_verdicts_that_come_to_the_same_are_kept_once() -> None:
    """Sessions with equal grounds share one object."""
    verdict = Verdict(permit=True, book="b", hits=(RuleHit("own-team", "permit", "he may"),))
    assert grounds(verdict) is grounds(replace(verdict, call="c1"))
