"""Snapshots and restarts: what is covered and not shown is gone, what is newer stays, and all of it is inferred."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from monitoring_core.domain import events as e
from monitoring_core.domain.events import LegState
from monitoring_core.domain.outcomes import NOTHING, Certainty, NoticeKind, Origin, Reason, State, Trigger
from tests.helpers import ASK, DEFAULT, LISTENING, SEATS, START, Story, settings, talk


def call(name: str = "c1", *addresses: str) -> e.CallView:
    """A call in which everybody is connected."""
    listed = tuple(e.Participant(address, LegState.CONNECTED) for address in addresses or ("0170", "5025"))
    return e.CallView(name, listed)


def shot(*calls: e.CallView, **given: Any) -> e.Snapshot:
    """A snapshot of the calls of the site."""
    return e.Snapshot(**{"covers": ("calls",), "calls": calls, **given})


MONITOR = e.CallView("m1", (e.Participant("5004", LegState.CONNECTED),), monitor=e.MonitorOf("5004", "5025", "c1"))


# Sessions


def test_a_monitor_call_that_a_snapshot_shows_starts_the_request() -> None:
    """A start that the switch never reported is inferred from the snapshot that shows it."""
    (move,) = Story().tell(*talk(), ASK, shot(call(), MONITOR)).moves
    assert (move.trigger, move.certainty) == (Trigger.STARTED, Certainty.INFERRED)


def test_a_program_that_attaches_late_finds_what_is_up() -> None:
    """An empty site that gets a snapshot observes each monitor call once."""
    story = Story()
    story.tell(shot(call(), MONITOR))
    assert (story.session().origin, story.session().call) == (Origin.OBSERVED, "c1")
    assert story.tell(shot(call(), MONITOR)) is NOTHING


def test_what_a_snapshot_does_not_show_has_ended() -> None:
    """A call that should be there and is not has ended, and its session with it, inferred."""
    (move,) = Story().tell(*LISTENING, shot(call("c9", "0171"))).moves
    assert (move.reason, move.certainty) == (Reason.CALL_ENDED, Certainty.INFERRED)


def test_a_monitor_call_that_a_snapshot_does_not_show_was_dropped() -> None:
    """When the call is there and the monitor call is not, the supervisor has dropped, inferred."""
    (move,) = Story().tell(*LISTENING, shot(call())).moves
    assert (move.reason, move.certainty) == (Reason.SUPERVISOR_DROPPED, Certainty.INFERRED)


def test_an_agent_whom_a_snapshot_does_not_show_on_his_call_has_left_it() -> None:
    """A call shown without the monitored agent ends his session, inferred, and goes on."""
    story = Story()
    (move,) = story.tell(
        *LISTENING, e.Established(call="c1", address="0171"), shot(call("c1", "0170", "0171"), MONITOR)
    ).moves
    assert (move.reason, move.certainty) == (Reason.AGENT_DROPPED, Certainty.INFERRED)
    assert story.engine.floor.is_listed("0171", "c1")


@pytest.mark.parametrize("others", [(), (e.Participant("0170", LegState.CLEARED),)])
def test_a_snapshot_of_who_is_alone_leaves_him_on_his_call(others: tuple[e.Participant, ...]) -> None:
    """A call that is shown is up, also with only one participant, whether the others are shown gone or not at all."""
    alone = e.CallView("c1", (e.Participant("5025", LegState.CONNECTED), *others))
    assert Story().tell(*LISTENING, shot(alone, MONITOR)) is NOTHING


# What it covers


@pytest.mark.parametrize(
    "elsewhere",
    [
        shot(covers=()),
        shot(covers=("people", "phones")),
        shot(scope="person", about="eve"),
        shot(scope="team", about="other"),
    ],
)
def test_absent_means_gone_only_inside_what_is_covered(elsewhere: e.Snapshot) -> None:
    """A snapshot of something else ends nothing."""
    story = Story()
    story.tell(*LISTENING)
    assert not story.tell(elsewhere).moves


@pytest.mark.parametrize(
    "inside",
    [
        shot(scope="person", about="bob"),
        shot(scope="team", about="sales"),
        shot(scope="person", about="bob", people=(e.PersonView("bob", ("5025",)),)),
        shot(scope="team", about="new", people=(e.PersonView("zoe", ("5025",)),)),
    ],
)
def test_the_calls_of_who_is_covered_are_covered(inside: e.Snapshot) -> None:
    """A snapshot of a person or a team covers the calls of those on their extensions."""
    story = Story()
    step = story.tell(*LISTENING, inside)
    assert [move.session for move in step.moves] == ["s-6"]


def test_the_call_that_a_shown_monitor_call_names_is_not_absent() -> None:
    """A snapshot that shows only the monitor call still says that its call is up."""
    assert Story().tell(*LISTENING, shot(MONITOR)) is NOTHING


# What is newer


def test_what_changed_after_a_snapshot_stays() -> None:
    """A call that changed after `as_of` is newer than the snapshot that does not show it."""
    story = Story()
    story.at(100.0, *LISTENING)
    assert story.at(110.0, shot(as_of=99.0)) is NOTHING
    assert story.session().state is State.ACTIVE


def test_who_came_after_a_snapshot_stays_on_his_call() -> None:
    """A party that joined after `as_of` is not removed by a snapshot that could not know of him."""
    story = Story()
    story.at(100.0, *LISTENING)
    story.at(105.0, e.Established(call="c1", address="0171"))
    assert story.at(110.0, shot(call(), MONITOR, as_of=104.0)) is NOTHING
    assert story.engine.floor.is_listed("0171", "c1")


@pytest.mark.parametrize(("times", "moment"), [({"as_of": 100.0}, 100.0), ({"at": 101.0}, 101.0), ({}, 110.0)])
def test_a_snapshot_is_as_old_as_it_says(times: dict[str, float], moment: float) -> None:
    """Without `as_of` the snapshot's own time counts, without that the site's."""
    story = Story()
    story.tell(e.TimePassed(received_at=110.0), shot(call("c9"), **times))
    assert story.engine.floor.calls.by_id["c9"].changed_at == moment


def test_a_snapshot_from_the_future_is_as_old_as_its_event() -> None:
    """An `as_of` beyond the skew is noted and does not make later events too old to count."""
    story = Story()
    story.at(100.0, *LISTENING)
    step = story.at(101.0, shot(call(), MONITOR, as_of=1e9))
    assert [notice.kind for notice in step.notices] == ["clock_skew"]
    (move,) = story.at(102.0, e.ConnectionCleared(call="c1", address="5025")).moves
    assert move.reason is Reason.AGENT_DROPPED


def test_a_snapshot_may_be_older_than_the_skew() -> None:
    """A snapshot of long ago is an old snapshot, and not a wrong clock."""
    story = Story()
    story.at(10_000.0, *LISTENING)
    assert story.at(10_001.0, shot(as_of=1.0)) is NOTHING


def test_a_newer_snapshot_brings_back_what_was_thought_gone() -> None:
    """A call whose end was told wrongly is up again when a later snapshot shows it, and not when an older one does."""
    story = Story()
    story.at(100.0, *talk(), e.CallCleared(call="c1"))
    story.at(101.0, shot(call(), as_of=99.0))
    assert not story.engine.floor.calls.by_id
    story.at(102.0, shot(call(), as_of=101.0))
    assert [one.id for one in story.engine.floor.candidates("5025")] == ["c1"]


def test_a_snapshot_under_an_old_id_is_about_the_surviving_call() -> None:
    """A snapshot that shows a call by an id that it had before does not bring a second call into being."""
    story = Story()
    story.at(1.0, *LISTENING, e.Conferenced(call="c1", into="c2"))
    story.at(2.0, shot(call("c1"), MONITOR))
    assert set(story.engine.floor.calls.by_id) == {"c2", "m1"}
    assert story.session().state is State.ACTIVE


def test_a_surviving_call_that_ended_comes_back_under_its_own_id() -> None:
    """The same where the surviving call was thought gone."""
    story = Story()
    story.at(1.0, *talk(), *talk("c2", "0171", "5026"), e.Conferenced(call="c1", into="c2"), e.CallCleared(call="c2"))
    story.at(2.0, shot(call("c1")))
    assert set(story.engine.floor.calls.by_id) == {"c2"}


# People and phones


def test_who_is_covered_and_not_shown_is_signed_out() -> None:
    """A snapshot of people signs out whom it covers and does not show."""
    story = Story()
    story.tell(*SEATS, e.Snapshot(covers=("people",), people=(e.PersonView("ann", ("5004",)),)))
    assert story.engine.floor.people.on("5025") is None
    assert story.engine.floor.people.on("5004") is not None


def test_a_sign_out_that_a_snapshot_shows_ends_a_request() -> None:
    """A request whose agent is not signed in any more, as a snapshot shows, is over."""
    (move,) = (
        Story()
        .tell(*SEATS, *talk(), ASK, e.Snapshot(covers=("people",), people=(e.PersonView("ann", ("5004",)),)))
        .moves
    )
    assert (move.after, move.reason) == (State.REJECTED, Reason.AGENT_SIGNED_OUT)


def test_who_is_shown_elsewhere_has_moved_his_seat() -> None:
    """Who is shown on another extension is signed in there, and not where he was."""
    story = Story()
    story.tell(
        *SEATS, e.Snapshot(covers=("people",), people=(e.PersonView("ann", ("5005",)),), scope="person", about="ann")
    )
    people = story.engine.floor.people
    assert (people.on("5004"), people.on("5005")) == (None, people.persons["ann"])
    assert people.on("5025") is people.persons["bob"]


def test_a_snapshot_names_the_agent_of_a_running_session() -> None:
    """Who listens and who is listened to is filled in when a snapshot says who sits there."""
    story = Story()
    story.tell(*talk(), START)
    story.tell(e.Snapshot(covers=("people",), people=(e.PersonView("bob", ("5025",)), e.PersonView("ann", ("5004",)))))
    assert (story.session().supervisor, story.session().agent) == ("ann", "bob")


def test_people_and_phones_that_changed_after_a_snapshot_stay() -> None:
    """What is known of persons, seats and phones from after `as_of` is newer than the snapshot."""
    story = Story()
    story.at(100.0, *SEATS)
    bob, phone = e.PersonView("bob", (), teams=("other",)), e.PhoneView("5025", configured=False)
    story.at(101.0, e.Snapshot(covers=("people", "phones"), as_of=99.0, people=(bob,), phones=(phone,)))
    people = story.engine.floor.people
    assert set(people.signed_in_on) == {"5004", "5025"}
    assert people.persons["bob"].teams == frozenset({"sales"})
    assert people.phones["5025"].configured is True


def test_a_snapshot_of_the_sites_phones_forgets_those_that_it_does_not_show() -> None:
    """A phone that a whole snapshot does not show is not known any more."""
    story = Story()
    story.tell(*SEATS, e.Snapshot(covers=("phones",), phones=(e.PhoneView("5026", supports_monitoring=True),)))
    assert set(story.engine.floor.people.phones) == {"5026"}


def test_a_snapshot_of_a_teams_phones_forgets_none() -> None:
    """A phone belongs to no team: a part's snapshot adds and forgets nothing."""
    story = Story()
    story.tell(*SEATS, e.Snapshot(covers=("phones",), scope="team", about="sales"))
    assert set(story.engine.floor.people.phones) == {"5025"}


# The switch comes up anew


def test_a_restart_of_the_switch_ends_whatever_is_up() -> None:
    """All calls are gone without a word: sessions that ran end as switch_lost, requests are rejected with it."""
    story = Story()
    story.tell(*LISTENING, *talk("c2", "0171", "5026"), replace(ASK, to_address="5026"))
    step = story.tell(e.SwitchRestarted())
    assert [(move.session, move.after, move.reason, move.certainty) for move in step.moves] == [
        ("s-6", State.ENDED, Reason.SWITCH_LOST, Certainty.INFERRED),
        ("s-10", State.REJECTED, Reason.SWITCH_LOST, Certainty.INFERRED),
    ]
    assert not story.engine.floor.calls.by_id


def test_a_restart_ends_also_sessions_without_a_known_call() -> None:
    """A session of which no call is known is gone with the switch as well."""
    story = Story()
    (move,) = story.tell(replace(START, call=None), e.SwitchRestarted()).moves
    assert move.reason is Reason.SWITCH_LOST


def test_people_stay_over_a_restart() -> None:
    """A restart of the switch signs nobody out."""
    story = Story(book=DEFAULT)
    story.tell(*LISTENING, e.SwitchRestarted(), *talk("c2"))
    assert story.tell(ASK).verdicts[0].verdict.permit


def test_what_a_snapshot_says_of_a_call_is_said_by_that_call() -> None:
    """A monitor call that names a call puts nobody on it that the snapshot does not show there; again is no news."""
    story = Story()
    monitor = e.CallView("m1", monitor=e.MonitorOf("5004", "5026", "c1"))
    shown = e.Snapshot(covers=("calls",), calls=(e.CallView("c1"), monitor))
    story.at(1.0, *talk(), shown)
    assert (story.session().state, story.session().call) == (State.ACTIVE, None)
    assert story.at(1.0, shown) is NOTHING


# The call of a session that nobody knew the call of

OF_ONE = {"scope": "person", "about": "somebody"}
"""So that nothing is gone which a snapshot does not show."""
UNKNOWN = e.CallView("m1", (e.Participant("5004", LegState.CONNECTED),), monitor=e.MonitorOf("5004", "5025"))
OTHERS = e.CallView("m2", (e.Participant("5009", LegState.CONNECTED),), monitor=e.MonitorOf("5009", "5025"))


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ((call(),), "c1"),
        ((call(), call("c2", "0171", "5025")), None),
        ((call("c1", "0170", "5026"),), None),
        ((), None),
    ],
    ids=["one", "two", "another's", "none"],
)
def test_a_snapshot_names_the_call_only_if_it_is_the_only_one(shown: tuple[e.CallView, ...], found: str | None) -> None:
    """A session whose call nobody knew is about the one call that its agent is shown on, and about no guess."""
    story = Story()
    story.tell(shot(UNKNOWN, **OF_ONE), shot(*shown, **OF_ONE))
    assert story.session().call == found


def test_all_who_listen_to_an_agent_get_his_call() -> None:
    """However many monitor calls were shown before the call, each of their sessions ends with it."""
    story = Story()
    story.tell(shot(UNKNOWN, OTHERS, **OF_ONE), shot(call(), **OF_ONE))
    moves = story.tell(e.CallCleared(call="c1")).moves
    assert [(move.session, move.reason) for move in moves] == [("s-1", Reason.CALL_ENDED), ("s-1.1", Reason.CALL_ENDED)]


def test_a_call_that_becomes_known_is_judged() -> None:
    """What was not decidable without a call is decided with it: he who listens may not."""
    story = Story(book=DEFAULT)
    story.tell(
        *SEATS,
        shot(OTHERS, **OF_ONE),
        e.SignedIn(person="eve", extension="5009", roles=("Supervisor",), supervises=("x",)),
    )
    (notice,) = story.tell(shot(call(), **OF_ONE)).notices
    assert notice.kind == NoticeKind.NO_LONGER_PERMITTED


def test_a_call_on_hold_pauses_the_session_that_it_becomes_known_to() -> None:
    """Where the agent is shown to hold the call, nobody hears anything."""
    story = Story()
    held = e.CallView("c1", (e.Participant("5025", LegState.HELD), e.Participant("0170", LegState.CONNECTED)))
    story.tell(shot(UNKNOWN, **OF_ONE), shot(held, **OF_ONE))
    assert (story.session().call, story.session().paused) == (None, False)


def test_an_older_behaviour_finds_no_call() -> None:
    """A journal of before keeps its steps: there such a session stayed without a call."""
    story = Story()
    story.engine.use(DEFAULT, settings(), behaviour=2)
    story.tell(shot(UNKNOWN, **OF_ONE), shot(call(), **OF_ONE))
    assert story.session().call is None
