"""Who listens through a session: one stretch after another, none twice, none lost, and never at a less secure phone."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.domain import events as e
from monitoring_core.domain.outcomes import DropMonitorCall, Listener, NoticeKind, Reason, State
from monitoring_core.replay import row
from monitoring_core.session import Session
from tests import strategies_running as some
from tests.helpers import END, LISTENING, Story, settings

levels = st.none() | st.integers(0, 3)
MOVED = e.ListenerMoved(monitor_call="m1", from_address="5005")


def at_the_end(session: Session) -> tuple[list[Listener], list[Listener]]:
    """Who listened, one after another, and who besides."""
    listeners = row(session).listeners
    own = len(session.went.past) + 1
    return list(listeners[:own]), list(listeners[own:])


@given(some.sites, some.lives)
def test_stretches_follow_one_another(site: dict[str, Any], life: list[tuple[float, e.Event]]) -> None:
    """From the start to the end there is one listener at any moment: each stretch begins where the one before ends."""
    story = some.listening(site)
    story.tell(*some.timed(life))
    session = story.session()
    own, _ = at_the_end(session)
    assert (own[0].from_, own[-1].until) == (session.active_at, session.ended_at)
    assert all(one.until == other.from_ for one, other in pairwise(own))
    assert own[-1].until is not None or session.state is State.ACTIVE


@given(some.sites, some.lives)
def test_who_listens_besides_is_there_once(site: dict[str, Any], life: list[tuple[float, e.Event]]) -> None:
    """Nobody is named twice for one moment: no two stretches of one phone overlap, and all lie within the session."""
    story = some.listening(site)
    story.tell(*some.timed(life))
    session = story.session()
    own, besides = at_the_end(session)
    for one in besides:
        assert session.active_at is not None
        assert one.from_ is not None
        assert one.from_ >= session.active_at
        assert (one.until is None) is (session.state is State.ACTIVE) or one.until is not None
    for phone in some.PHONES:
        mine = sorted(
            (one for one in (*own, *besides) if one.extension == phone), key=lambda one: (one.from_, one.until or 1e9)
        )
        assert all(one.until is not None and one.until <= (other.from_ or 0.0) for one, other in pairwise(mine))


@given(some.sites, some.lives)
def test_pauses_of_the_stretches_are_those_of_the_session(
    site: dict[str, Any], life: list[tuple[float, e.Event]]
) -> None:
    """However often the listener or the mode changes, the pauses of all stretches are those of the session."""
    story = some.listening(site)
    story.tell(*some.timed(life))
    own, _ = at_the_end(story.session())
    assert sum(one.paused_s for one in own) == story.session().paused_s
    assert all(one.paused_s >= 0 for one in own)


@given(some.sites, some.lives, some.listeners)
def test_listeners_open_and_end_nothing_by_themselves(
    site: dict[str, Any], life: list[tuple[float, e.Event]], event: e.Event
) -> None:
    """A redirect, or somebody who joins or leaves, makes no session and moves none: the switch is asked to end one."""
    story = some.listening(site)
    story.tell(*some.timed(life))
    before = set(story.engine.sessions.by_id)
    story.tell(event)
    assert set(story.engine.sessions.by_id) == before
    assert not story.steps[-1].moves or isinstance(event, e.Transferred)


@given(levels, levels)
def test_a_less_secure_phone_ends_it_and_no_other(listening: int | None, agent: int | None) -> None:
    """A redirect ends the session exactly if the new phone is known to be less secure than the agent's, also known."""
    story = Story()
    phones = (
        e.PhoneChanged(extension="5005", security=listening),
        e.PhoneChanged(extension="5025", security=agent),
    )
    story.at(0.0, *LISTENING, *phones, MOVED)
    wanted = None if listening is None or agent is None or listening >= agent else Reason.SECURITY_MISMATCH
    assert story.session().stop_wanted is wanted


@given(levels, levels)
def test_a_less_secure_phone_besides_ends_it_and_no_other(listening: int | None, agent: int | None) -> None:
    """The same of somebody who listens besides."""
    story = Story()
    phones = (
        e.PhoneChanged(extension="5005", security=listening),
        e.PhoneChanged(extension="5025", security=agent),
    )
    story.at(0.0, *LISTENING, *phones, e.ListenerJoined(monitor_call="m1", from_address="5005"))
    wanted = None if listening is None or agent is None or listening >= agent else Reason.SECURITY_MISMATCH
    assert story.session().stop_wanted is wanted


@pytest.mark.parametrize("how", [MOVED, e.Transferred(call="m1", by="5004", to="5005")], ids=["moved", "transferred"])
def test_the_session_is_the_new_listeners(how: e.Event) -> None:
    """After a redirect, told either way, limits, stops and drops are the new listener's, and the old one has none."""
    story = some.listening({})
    story.at(1.0, how)
    sessions = story.engine.sessions
    assert (len(sessions.listening("eve")), len(sessions.listening("ann"))) == (1, 0)
    assert story.at(2.0, e.StopRequested(from_address="5004")).commands == ()
    story.at(3.0, e.StopRequested(from_address="5005"))
    assert story.command(DropMonitorCall).media_address == "5005"


def test_the_same_token_is_the_same_request_after_a_redirect() -> None:
    """The request that opened the session is known again by what it asked for, not by who listens now."""
    story = some.listening({})
    story.at(1.0, MOVED)
    story.at(2.0, END)
    ask = e.MonitorRequested(from_address="5004", to_address="5025", user="ann", token="t")
    story.at(3.0, ask, e.MonitorStarted(monitor_call="m2", from_address="5004", to_address="5025", call="c1"))
    story.at(4.0, e.ListenerMoved(monitor_call="m2", from_address="5005"))
    assert story.at(5.0, ask).answer == story.session().id


def test_the_phone_that_a_monitor_call_left_is_free() -> None:
    """After a redirect the former phone is on no call any more, and the new one is on the monitor call."""
    story = some.listening({})
    story.at(1.0, MOVED)
    floor = story.engine.floor
    assert [[call.id for call in floor.calls_of(phone)] for phone in ("5004", "5005")] == [[], ["m1"]]


def test_the_end_of_the_new_phones_leg_is_the_end() -> None:
    """After a redirect the monitor call is up as long as the new phone is on it, and no longer."""
    story = some.listening({})
    story.at(1.0, MOVED)
    assert story.at(2.0, e.ConnectionCleared(call="m1", address="5004")).moves == ()
    (move,) = story.at(3.0, e.ConnectionCleared(call="m1", address="5005")).moves
    assert (move.after, move.reason) == (State.ENDED, Reason.SUPERVISOR_DROPPED)


def test_the_final_session_is_found_by_its_last_pair() -> None:
    """A session that was redirected is forgotten in its time as any other, and nothing of it stays behind."""
    story = Story(settings(late_window_s=10.0))
    story.at(0.0, *LISTENING, MOVED, END)
    story.pass_time(20.0)
    assert (story.engine.sessions.by_id, story.engine.sessions.finals_of_pair) == ({}, {})


def test_who_moves_names_the_former_phone() -> None:
    """The notice of a redirect says from where to where, so that the former supervisor can be told."""
    story = some.listening({})
    (notice,) = story.at(1.0, MOVED).notices
    assert (notice.kind, notice.text) == (NoticeKind.LISTENER_MOVED, "5004 to 5005")


@pytest.mark.parametrize("leaving", ["5005", "5006", "5007"])
def test_who_leaves_leaves_the_others(leaving: str) -> None:
    """Of three who listen besides one leaves: of him it is known until when he did, and the others still do."""
    story = some.listening({"on_forbid": "notice"})
    phones = ("5005", "5006", "5007")
    story.at(1.0, *(e.ListenerJoined(monitor_call="m1", from_address=phone) for phone in phones))
    story.at(2.0, e.ListenerLeft(monitor_call="m1", from_address=leaving))
    besides = [(one.extension, one.until) for one in story.session().went.joined]
    assert besides == [(phone, 2.0 if phone == leaving else None) for phone in phones]


def test_the_same_listener_besides_is_one() -> None:
    """Somebody who is told twice to have joined is there once, and his leaving is said once."""
    story = some.listening({})
    join, left = (kind(monitor_call="m1", from_address="5005") for kind in (e.ListenerJoined, e.ListenerLeft))
    story.at(1.0, join)
    story.at(2.0, join, left, left)
    assert len(story.session().went.joined) == 1
    assert len(story.notices(NoticeKind.LISTENER_LEFT)) == 1
