"""Whom a session follows, and who makes room for whom: call scope, replacing, conferences, duties before a start."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.domain import events as e
from monitoring_core.domain.outcomes import (
    NOTHING,
    Certainty,
    DropMonitorCall,
    NoticeKind,
    Origin,
    Reason,
    StartMonitoring,
    State,
    Step,
)
from monitoring_core.domain.settings import Settings
from monitoring_core.replay import row
from monitoring_core.rules.load import load_book
from monitoring_core.state import dump, load
from tests import strategies_running as some
from tests.helpers import ANYBODY, ASK, DEFAULT, LISTENING, SEATS, START, Story, settings, talk

CALL = Settings(scope="call")
CARL = (
    e.SignedIn(person="carl", extension="5026", teams=("sales",)),
    e.PhoneChanged(extension="5026", supports_monitoring=True, configured=True),
)
ZOE = e.SignedIn(person="zoe", extension="5027", teams=("support",))
SESSION = "s-9"
"""Of `following`."""
TONE_RULES = """
[[rule]]
id = "anybody"
effect = "permit"
because = "this site trusts everybody"

[[rule]]
id = "tone"
effect = "require"
duty = "tone"
because = "everybody hears that somebody listens"
"""
MORNING = """
[[rule]]
id = "mornings"
effect = "forbid"
because = "nobody listens after noon"
unless.site.local_time = { between = ["08:00", "12:00"] }
"""
ONCE = """
[[rule]]
id = "once"
effect = "forbid"
because = "nobody listens to one agent twice"
when.pair.sessions = { at_least = 1 }
"""
TONE = load_book({"tone.toml": TONE_RULES})
BEFORE = {"duties": {"tone": "before_start"}}

phones = st.sampled_from(["5025", "5026", "5027", "5099", "0171"])
lives = st.lists(
    st.one_of(
        st.builds(e.Transferred, call=st.just("c1"), by=phones, to=phones),
        st.builds(e.Established, call=st.sampled_from(["c1", "c1", "c2"]), address=phones),
        st.builds(e.Held, call=st.just("c1"), address=phones),
        st.builds(e.Retrieved, call=st.just("c1"), address=phones),
        st.builds(e.ConnectionCleared, call=st.sampled_from(["c1", "c1", "c2"]), address=phones),
        st.builds(e.Conferenced, call=st.just("c2"), into=st.just("c1")),
        st.builds(e.SignedIn, person=st.sampled_from(["carl", "zoe", "yan"]), extension=phones),
        st.builds(e.SignedOut, person=st.sampled_from(["bob", "carl"])),
        st.sampled_from([e.StopRequested(session=SESSION), e.MonitorEnded(monitor_call="m1"), e.TimePassed()]),
    ),
    max_size=25,
)
conferences = st.sampled_from(["continue", "suspend", "end"])


def following(site: Settings = CALL, book: Any = DEFAULT) -> Story:
    """Ann listens to Bob on m1, and follows his call; Carl may be listened to, Zoe may not."""
    story = Story(site, book)
    story.at(0.0, *SEATS, *CARL, ZOE, *LISTENING[len(SEATS) :])
    assert story.session().id == SESSION
    return story


def drops(*steps: Step) -> list[DropMonitorCall]:
    """Every stop that the switch is asked for."""
    return [command for step in steps for command in step.commands if isinstance(command, DropMonitorCall)]


def known(story: Story) -> tuple[Any, ...]:
    """All sessions, all requests that wait, and when the next deadline falls."""
    engine = story.engine
    return [row(one) for one in engine.sessions.by_id.values()], dict(engine.standing), engine.next_due()


@given(lives, conferences)
def test_every_life_keeps_what_must_hold(life: list[e.Event], conference: Any) -> None:
    """Indexes, deadlines and properties hold after every event of any life of a session that follows its call."""
    story = following(settings(scope="call", conference=conference))
    story.tell(*some.timed([(1.0, event) for event in life]))


@given(lives)
def test_whoever_is_monitored_is_on_the_call(life: list[e.Event]) -> None:
    """As long as it runs, the monitored party is somebody who has not left its call, or nobody."""
    story = following()
    for event in some.timed([(1.0, event) for event in life]):
        story.tell(event)
        session = story.session()
        if session.state is State.ACTIVE and session.to_address:
            assert story.engine.floor.is_listed(session.to_address, session.call or "")


@given(lives)
def test_whoever_is_followed_was_judged(life: list[e.Event]) -> None:
    """No party is monitored but after a permit for it in the same step; without one the switch is asked to end it."""
    story = following()
    for event in some.timed([(1.0, event) for event in life]):
        before = story.session().stop_wanted
        step = story.tell(event)
        if any(notice.kind == NoticeKind.PARTY_FOLLOWED for notice in step.notices):
            permitted = step.verdicts[-1].verdict.permit
            assert permitted or before or story.session().stop_wanted or story.session().reason


@given(lives)
def test_the_account_has_no_gaps(life: list[e.Event]) -> None:
    """Who listened to whom is told from the start to the end: each part begins when the one before it ended."""
    story = following()
    story.tell(*some.timed([(1.0, event) for event in life]))
    session = story.session()
    parts = row(session).listeners
    assert (parts[0].from_, parts[-1].until) == (session.active_at, session.ended_at)
    assert all(one.until == other.from_ for one, other in pairwise(parts))


@given(lives, st.integers(0, 25))
def test_a_site_that_was_put_away_goes_on_as_it_would_have(life: list[e.Event], cut: int) -> None:
    """Dumped and loaded at any moment, also while nobody is monitored, it has the same steps."""
    one, events = following(), some.timed([(1.0, event) for event in life])
    one.tell(*events[:cut])
    other = Story(CALL, DEFAULT)
    load(other.engine, dump(one.engine))
    assert [one.engine.step(event) for event in events[cut:]] == [other.engine.step(event) for event in events[cut:]]
    assert known(one) == known(other)


@given(lives)
def test_the_switch_is_asked_once(life: list[e.Event]) -> None:
    """Whatever forbids a session, and however often, its end is asked for once."""
    story = following(settings(scope="call", conference="end", on_forbid="drop"))
    assert len(drops(*(story.tell(event) for event in some.timed([(1.0, event) for event in life])))) <= 1


def test_of_several_the_last_to_join_is_followed() -> None:
    """Whoever leaves two agents on his call is followed by the one who came last: the transfer was to him."""
    story = following(book=ANYBODY)
    story.at(1.0, e.Established(call="c1", address="5027"), e.Established(call="c1", address="5026"))
    story.at(2.0, e.ConnectionCleared(call="c1", address="5025"))
    assert story.session().agent == "carl"


def test_a_conference_in_wait_for_its_party_is_one() -> None:
    """Two who join a call whose agent has left make a conference of it: the switch is asked for the end."""
    story = following(settings(scope="call", conference="end"), ANYBODY)
    story.at(1.0, e.Transferred(call="c1", by="5025", to="5099"), e.Established(call="c1", address="5099"))
    assert len(drops(story.at(2.0, e.Established(call="c1", address="0171")))) == 1


def test_a_request_follows_nobody() -> None:
    """Only a session that runs follows its call: before the start a transfer is the end of the request."""
    story = Story(CALL)
    story.at(0.0, *SEATS, *talk(), ASK)
    (move,) = story.at(1.0, e.Transferred(call="c1", by="5025", to="5026")).moves
    assert (move.after, move.reason) == (State.REJECTED, Reason.AGENT_TRANSFERRED)


def test_a_snapshot_shows_who_has_the_call() -> None:
    """A snapshot without the agent, and with another, is his leaving: the session is the other's."""
    story = following()
    view = e.CallView("c1", tuple(e.Participant(address, e.LegState.CONNECTED) for address in ("0170", "5026")))
    watched = e.CallView("m1", monitor=e.MonitorOf("5004", "5025", "c1"))
    story.at(1.0, e.Snapshot(covers=("calls",), calls=(view, watched)))
    assert (story.session().state, story.session().agent) == (State.ACTIVE, "carl")


def test_a_snapshot_names_who_has_the_call() -> None:
    """Nobody is known on the phone that the call went to, until a snapshot of people says who sits there."""
    story = following()
    story.at(1.0, e.Transferred(call="c1", by="5025", to="5099"), e.Established(call="c1", address="5099"))
    assert (story.session().agent, story.session().to_address) == ("", "")
    people = (e.PersonView("yan", ("5099",), teams=("sales",)),)
    story.at(2.0, e.Snapshot(covers=("people",), scope="person", about="yan", people=people))
    assert (story.session().agent, story.session().to_address) == ("yan", "5099")


def test_a_party_that_holds_is_a_party() -> None:
    """Whoever has the call is judged at once, also if he is first seen with the call on hold; media are paused."""
    story = following(book=ANYBODY)
    story.at(1.0, e.Transferred(call="c1", by="5025", to="5026"))
    legs = (e.Participant("0170", e.LegState.CONNECTED), e.Participant("5026", e.LegState.HELD))
    story.at(2.0, e.CallSeen(view=e.CallView("c1", legs)))
    assert (story.session().agent, story.session().paused) == ("carl", True)


def test_a_party_whose_leave_is_unclear_is_refused() -> None:
    """Whoever cannot be judged is not listened to: a phone of which nothing is known is reason enough to end it."""
    story = following()
    story.at(1.0, e.SignedIn(person="yan", extension="5099", teams=("sales",)))
    step = story.at(2.0, e.Transferred(call="c1", by="5025", to="5099"), e.Established(call="c1", address="5099"))
    assert len(drops(step)) == 1
    assert step.verdicts[0].verdict.missing == ("agent.phone.configured", "agent.phone.supports_monitoring")


def test_nobody_follows_a_call_to_himself() -> None:
    """A call that is transferred to another phone of the listener's own is not his to listen to."""
    story = following()
    story.at(1.0, e.SignedIn(person="ann", extension="5014"), e.PhoneChanged(extension="5014", configured=True))
    step = story.at(2.0, e.Transferred(call="c1", by="5025", to="5014"), e.Established(call="c1", address="5014"))
    assert "not-oneself" in [hit.rule for hit in step.verdicts[0].verdict.hits]
    assert len(drops(step)) == 1


def test_a_call_that_is_transferred_to_the_listener_has_nobody_to_listen_to() -> None:
    """An agent who hands his call to the very supervisor who listens leaves no party behind, and he is not his own."""
    story = following(book=ANYBODY)
    story.at(1.0, e.Transferred(call="c1", by="5025", to="5004"), e.Established(call="c1", address="5004"))
    assert (story.session().state, story.session().to_address) == (State.ACTIVE, "")


def test_a_lost_switch_ends_it_whomever_it_follows() -> None:
    """A switch that came up anew has no call to follow."""
    story = following()
    story.at(1.0, e.Transferred(call="c1", by="5025", to="5026"), e.SwitchRestarted())
    assert story.session().reason is Reason.SWITCH_LOST


def test_on_a_bus_that_never_answers_a_forbidden_party_ends_it_at_once() -> None:
    """Where no monitor call is known nothing can be asked: who may not be listened to is the end of it."""
    story = Story(settings(scope="call", confirmation="none"), DEFAULT)
    story.at(0.0, *SEATS, ZOE, *talk(), ASK)
    step = story.at(1.0, e.Transferred(call="c1", by="5025", to="5027"), e.Established(call="c1", address="5027"))
    assert [(move.after, move.reason, move.certainty) for move in step.moves] == [
        (State.ENDED, Reason.NO_LONGER_PERMITTED, Certainty.ASSUMED)
    ]


# Who makes room for whom


@pytest.mark.parametrize("way", ["second_listener", "second_target"])
def test_nobody_replaces_himself(way: str) -> None:
    """The same supervisor for the same agent is no second listener and no second target: the limit per pair stands."""
    story = Story(settings(**{way: "replace"}), DEFAULT)
    story.at(0.0, *LISTENING)
    step = story.at(1.0, ASK)
    assert "limit-per-pair" in [hit.rule for hit in step.verdicts[0].verdict.hits]
    assert not drops(step)


@given(st.integers(1, 4), st.integers(1, 6))
def test_as_many_stay_as_there_is_room_for(room: int, asked: int) -> None:
    """Of any number of supervisors who replace each other, the latest ones within the limit are not asked to go."""
    story = Story(settings(second_listener="replace", per_agent=room))
    story.at(0.0, *SEATS, *talk())
    for number in range(asked):
        story.at(1.0 + number, e.MonitorRequested(from_address=f"60{number:02}", to_address="5025"))
    stay = [one.from_address for one in story.engine.sessions.alive() if one.stop_wanted is None]
    assert stay == [f"60{number:02}" for number in range(asked)][-room:]


def test_what_can_is_what_happens_where_others_make_room() -> None:
    """`can` permits what a request then does, and asks nobody to make room by itself."""
    story = Story(settings(second_listener="replace"))
    story.at(0.0, *LISTENING)
    asked = e.MonitorRequested(from_address="5005", to_address="5025")
    assert story.engine.can(asked).permit
    assert story.session().stop_wanted is None
    assert len(drops(story.at(1.0, asked))) == 1


# Conferences


@pytest.mark.parametrize("parties", [2, 3, 4])
def test_a_conference_ends_it_once_the_switch_has_done_it(parties: int) -> None:
    """From the third party on the switch is asked for the end, once, and the session runs until it says so."""
    story = Story(settings(conference="end"))
    story.at(0.0, *LISTENING)
    steps = [story.at(1.0, e.Established(call="c1", address=f"017{number}")) for number in range(2, parties)]
    assert (len(drops(*steps)), story.session().state) == (int(parties > 2), State.ACTIVE)


def test_a_stop_that_is_on_its_way_stays_the_reason() -> None:
    """A third party who joins after the supervisor's stop is not what ended it."""
    story = Story(settings(conference="end"))
    story.at(0.0, *LISTENING)
    story.at(1.0, e.StopRequested(session="s-6"), e.Established(call="c1", address="0171"))
    story.at(2.0, e.MonitorEnded(monitor_call="m1"))
    assert story.session().reason is Reason.SUPERVISOR_DROPPED


# Duties before a start


@given(st.floats(1.0, 100.0))
def test_a_duty_that_nobody_does_lapses(confirm_s: float) -> None:
    """A request whose duty is never acknowledged is over when its time is, and nothing was sent for it."""
    story = Story(settings(confirm_s=confirm_s, **BEFORE), TONE)
    story.at(0.0, *SEATS, *talk(), ASK)
    (move,) = story.pass_time(confirm_s).moves
    assert (move.after, move.reason, story.session().start_command) == (State.REJECTED, Reason.UNCONFIRMED, "")


def test_without_times_a_duty_is_waited_for_without_end() -> None:
    """On a site without times an acknowledgement is never too late."""
    story = Story(settings(**BEFORE), TONE)
    story.tell(*SEATS, *talk(), ASK)
    step = story.tell(e.DutyDone(session="s-6", duty="tone"))
    assert [type(command) for command in step.commands] == [StartMonitoring]


def test_the_start_perishes_from_when_the_duty_was_done() -> None:
    """`valid_until` counts from the step that sends the start, not from the request."""
    story = Story(settings(start_valid_s=3.0, **BEFORE), TONE)
    story.at(0.0, *SEATS, *talk(), ASK)
    story.at(4.0, e.DutyDone(session="s-6", duty="tone"))
    assert story.command(StartMonitoring).valid_until == 4.0 + 3.0


def test_the_time_to_confirm_counts_from_when_the_duty_was_done() -> None:
    """A late start has as long as any other: from the step that sends it, not from the request."""
    story = Story(settings(confirm_s=10.0, **BEFORE), TONE)
    story.at(0.0, *SEATS, *talk(), ASK)
    story.at(4.0, e.DutyDone(session="s-6", duty="tone"))
    (move,) = story.pass_time(60.0).moves
    assert (move.reason, move.at) == (Reason.UNCONFIRMED, 14.0)


@pytest.mark.parametrize(
    "done", [e.DutyDone(session="s-6", duty="agent_notice"), e.DutyDone(session="s-9", duty="tone")]
)
def test_another_duty_and_another_session_are_nothing_to_it(done: e.DutyDone) -> None:
    """Only the duty that it waits for, done for itself, starts a session."""
    story = Story(settings(**BEFORE), TONE)
    story.at(0.0, *SEATS, *talk(), ASK)
    assert story.at(1.0, done) is NOTHING


def test_facts_of_the_request_are_judged_again() -> None:
    """What came with the request is known once more when its duty is done, the clock's facts included."""
    book = load_book({"tone.toml": TONE_RULES + MORNING})
    story = Story(settings(**BEFORE), book)
    asked = e.MonitorRequested(from_address="5004", to_address="5025", facts={"site.local_time": "09:00"})
    story.at(0.0, *SEATS, *talk(), asked)
    assert story.at(1.0, e.DutyDone(session="s-6", duty="tone")).commands


def test_the_outcome_of_a_late_start_is_its_own() -> None:
    """A start that was sent after its duty was done can fail as any other, under the id of the step that sent it."""
    story = Story(settings(**BEFORE), TONE)
    story.at(0.0, *SEATS, *talk(), ASK)
    story.at(1.0, e.DutyDone(session="s-6", duty="tone"))
    step = story.at(2.0, e.CommandOutcome(command="s-6/7/0", outcome="failed", code="13145"))
    assert [(move.after, move.code) for move in step.moves] == [(State.REJECTED, "13145")]


def test_a_monitor_call_that_does_not_wait_for_the_duty_is_not_the_requests() -> None:
    """Our start has not gone out, so it is none of ours: it is observed, and fills the limits of what waits."""
    story = Story(settings(**BEFORE), load_book({"tone.toml": TONE_RULES, "once.toml": ONCE}))
    story.at(0.0, *SEATS, *talk(), ASK, START)
    assert [(one.origin, one.state) for one in story.engine.sessions.by_id.values()] == [
        (Origin.REQUESTED, State.REQUESTED),
        (Origin.OBSERVED, State.ACTIVE),
    ]
    assert not story.at(1.0, e.DutyDone(session="s-6", duty="tone")).commands
    assert story.session(0).state is State.REJECTED
