"""Requests that wait for an agent's calls: what each call opens, what they outlive, and what ends them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.domain import events as e
from monitoring_core.domain.outcomes import NOTHING, NoticeKind, Reason, StartMonitoring, State, Step
from monitoring_core.domain.settings import Settings
from monitoring_core.engine.site import Site
from monitoring_core.replay import row
from monitoring_core.rules.load import load_book
from monitoring_core.state import dump, load
from tests import strategies_running as some
from tests.helpers import ANYBODY, ASK, DEFAULT, END, SEATS, START, Story, settings, talk

NEXT = Settings(scope="next_calls")
WAIT = Settings(idle_target="wait")
EVE = e.SignedIn(person="eve", extension="5005", roles=("Supervisor",), supervises=("sales",))
THEIRS = e.MonitorRequested(from_address="5005", to_address="5025", user="eve")
NAME = "s-4.standing"
"""Of ASK, told after SEATS."""
DECLARED = load_book(
    {
        "declared.toml": """
[facts."supervisor.trusted"]
type = "flag"
meaning = "the program vouches for him"

[[rule]]
id = "trusted"
effect = "permit"
because = "the program vouches for him"
when.supervisor.trusted = { is = true }

[[rule]]
id = "at-night"
effect = "forbid"
because = "nobody listens outside working hours"
unless.site.local_time = { between = ["08:00", "18:00"] }
"""
    }
)

calls = st.sampled_from(["c1", "c2", "c3", "c4"])
lives = st.lists(
    st.one_of(
        st.builds(e.Established, call=calls, address=st.sampled_from(["0170", "5025", "5025", "5026"])),
        st.builds(e.Held, call=calls, address=st.just("5025")),
        st.builds(e.Retrieved, call=calls, address=st.just("5025")),
        st.builds(e.ConnectionCleared, call=calls, address=st.sampled_from(["0170", "5025"])),
        st.builds(e.CallCleared, call=calls),
        st.builds(
            e.MonitorStarted,
            monitor_call=st.sampled_from(["m1", "m2"]),
            from_address=st.just("5004"),
            to_address=st.just("5025"),
            call=calls,
        ),
        st.builds(e.MonitorEnded, monitor_call=st.sampled_from(["m1", "m2"])),
        st.builds(e.StopRequested, session=st.sampled_from([NAME, "s-5.standing", "s-9"])),
        st.builds(e.SignedOut, person=st.sampled_from(["ann", "bob", "eve"])),
        st.builds(
            e.SignedIn, person=st.sampled_from(["ann", "bob", "eve"]), extension=st.sampled_from(["5004", "5025"])
        ),
        st.sampled_from([ASK, THEIRS, e.TimePassed(), e.SwitchRestarted()]),
    ),
    max_size=30,
)
sites = st.sampled_from([NEXT, WAIT])


def waiting(site: Settings = NEXT, book: Any = ANYBODY) -> Story:
    """Ann waits for Bob's calls."""
    story = Story(site, book)
    story.at(0.0, *SEATS, ASK)
    return story


def kinds(step: Step) -> list[str]:
    """The kinds of a step's notices."""
    return [notice.kind for notice in step.notices]


def started(step: Step) -> list[str]:
    """The sessions that a step starts."""
    return [command.session for command in step.commands if isinstance(command, StartMonitoring)]


def inner(story: Story) -> Site:
    """The site behind a story."""
    return story.engine.inner


def known(story: Story) -> tuple[Any, ...]:
    """All sessions, all requests that wait, and when the next deadline falls."""
    engine = story.engine
    return [row(one) for one in engine.sessions.by_id.values()], dict(engine.standing), engine.next_due()


@given(sites, lives)
def test_every_life_keeps_what_must_hold(site: Settings, life: list[e.Event]) -> None:
    """Indexes, deadlines and properties hold after every event, and the index of waiting requests is that of all."""
    story = waiting(site)
    for number, event in enumerate(life, 1):
        story.at(float(number), event)
        requests = inner(story).standing
        filed = {name for _address, names in inner(story).standing_on.items() for name in names}
        assert filed == requests.keys() == {standing.id for standing in requests.values()}


@given(sites, lives)
def test_one_request_has_one_session_at_a_time(site: Settings, life: list[e.Event]) -> None:
    """Whatever happens, no two sessions alive came from the same standing request."""
    story = waiting(site)
    for number, event in enumerate(life, 1):
        story.at(float(number), event)
        names = [one.went.standing for one in story.engine.sessions.alive() if one.went.standing]
        assert len(names) == len(set(names))


@given(sites, lives)
def test_what_is_over_opens_nothing(site: Settings, life: list[e.Event]) -> None:
    """A session comes only from a request that stood before the event, or was made by it."""
    story = waiting(site)
    for number, event in enumerate(life, 1):
        before = set(story.engine.standing)
        step = story.at(float(number), event)
        opened = {story.engine.sessions.by_id[move.session].went.standing for move in step.moves if not move.before}
        assert opened <= before | {step.answer, ""}


@given(sites, lives, st.integers(0, 30))
def test_a_site_that_was_put_away_goes_on_as_it_would_have(site: Settings, life: list[e.Event], cut: int) -> None:
    """Dumped and loaded at any moment, waiting requests included, it has the same steps."""
    one, events = waiting(site), some.timed([(1.0, event) for event in life])
    one.tell(*events[:cut])
    other = Story(site)
    load(other.engine, dump(one.engine))
    assert [one.engine.step(event) for event in events[cut:]] == [other.engine.step(event) for event in events[cut:]]
    assert known(one) == known(other)


@given(sites, lives)
def test_whether_a_request_would_wait_is_known_before(site: Settings, life: list[e.Event]) -> None:
    """`would_wait` says of every request what `step` then does with it."""
    story = waiting(site)
    for number, event in enumerate(life, 1):
        expected = isinstance(event, e.MonitorRequested) and story.engine.would_wait(event)
        step = story.at(float(number), event)
        assert (NoticeKind.STANDING in kinds(step)) is expected


@given(st.integers(1, 5))
def test_so_many_may_wait(room: int) -> None:
    """One request more than standing_max is refused, says which bound it met, and changes nothing."""
    story = Story(settings(scope="next_calls", standing_max=room))
    story.at(0.0, *SEATS, *[ASK] * room)
    before = set(story.engine.standing)
    (notice,) = story.at(1.0, ASK).notices
    assert (notice.kind, set(story.engine.standing)) == (NoticeKind.EVENT_REFUSED, before)
    assert f"standing_max is {room}" in notice.text


def test_a_lower_bound_lets_nobody_else_wait() -> None:
    """Where more wait already than a bound that came into use since then allows, they stay, and nobody new may."""
    story = Story(settings(scope="next_calls", standing_max=3))
    story.at(0.0, *SEATS, *[ASK] * 3)
    story.engine.use(ANYBODY, settings(scope="next_calls", standing_max=1))
    assert kinds(story.at(1.0, ASK)) == [NoticeKind.EVENT_REFUSED]
    assert len(story.engine.standing) == 3


def test_what_is_over_makes_room() -> None:
    """A request that was stopped does not count any more."""
    story = waiting(settings(scope="next_calls", standing_max=1))
    step = story.at(1.0, e.StopRequested(session=NAME), ASK)
    assert kinds(step) == [NoticeKind.STANDING]


def test_what_waits_counts_in_no_limit() -> None:
    """Who only waits listens to nobody: another may listen to the agent meanwhile, and he to another."""
    story = waiting(NEXT, DEFAULT)
    hits = story.engine.can(ASK).hits
    assert not [hit.rule for hit in hits if hit.rule.startswith("limit-")]


def test_the_clock_of_the_request_is_not_that_of_the_call() -> None:
    """What the wall clock showed at the request is not known of the call; what the program declared is."""
    asked = e.MonitorRequested(
        from_address="5004", to_address="5025", facts={"supervisor.trusted": True, "site.local_time": "12:00"}
    )
    story = Story(NEXT, DECLARED)
    story.at(0.0, *SEATS, asked)
    (judged,) = story.at(1.0, *talk()).verdicts
    assert [(hit.rule, hit.undecided) for hit in judged.verdict.hits] == [("at-night", True)]
    assert judged.verdict.missing == ("site.local_time",)


def test_a_snapshot_brings_the_call() -> None:
    """A call that only a snapshot shows is a call of the agent's: it opens a session."""
    story = waiting()
    view = e.CallView("c1", tuple(e.Participant(address, e.LegState.CONNECTED) for address in ("0170", "5025")))
    assert started(story.at(1.0, e.Snapshot(covers=("calls",), calls=(view,)))) == ["s-5"]


def test_a_call_that_was_held_when_it_was_joined_is_no_call_yet() -> None:
    """A snapshot that shows the agent's leg as held opens no session that listens: the rules say why not."""
    story = waiting(NEXT, DEFAULT)
    legs = (e.Participant("0170", e.LegState.CONNECTED), e.Participant("5025", e.LegState.HELD))
    step = story.at(1.0, e.Snapshot(covers=("calls",), calls=(e.CallView("c1", legs),)))
    assert not started(step)


@pytest.mark.parametrize("event", [e.SignedOut(person="ann"), e.SignedOut(person="bob"), SEATS[0], SEATS[1]])
def test_whose_request_it_was(event: e.Event) -> None:
    """A sign-out of either ends it; saying again who sits there does not."""
    story = waiting()
    over = isinstance(event, e.SignedOut)
    assert (kinds(story.at(1.0, event)), bool(story.engine.standing)) == ([NoticeKind.STANDING_OVER] * over, not over)


@pytest.mark.parametrize("extension", ["5004", "5025"])
def test_somebody_else_on_either_extension_ends_it(extension: str) -> None:
    """Whoever takes over the supervisor's or the agent's extension has neither his rights nor his listeners."""
    story = waiting()
    story.at(1.0, e.SignedIn(person="zoe", extension=extension))
    assert not story.engine.standing
    assert not started(story.at(2.0, *talk()))


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (e.SignedOut(person="ann"), "its supervisor signed out"),
        (e.SignedOut(person="bob"), "its agent signed out"),
        (e.SignedIn(person="zoe", extension="5004"), "its supervisor is somebody else now"),
        (e.SignedIn(person="zoe", extension="5025"), "its agent is somebody else now"),
    ],
)
def test_why_it_waits_no_more(event: e.Event, why: str) -> None:
    """What ends a request that waits says whose extension it was, and whether anybody sits there now."""
    (notice,) = (one for one in waiting().at(1.0, event).notices if one.kind == NoticeKind.STANDING_OVER)
    assert notice.text == f"{NAME}: {why}"


def test_another_extension_of_his_is_nothing_to_it() -> None:
    """A supervisor who signs in elsewhere, and out there, still waits where he asked."""
    story = waiting()
    story.at(1.0, e.SignedIn(person="ann", extension="5014"), e.SignedOut(person="ann", extension="5014"))
    assert started(story.at(2.0, *talk())) == ["s-8"]


def test_a_switch_that_comes_up_anew_does_not_end_it() -> None:
    """A restart ends the calls, and not the wish to hear the next."""
    story = waiting()
    story.at(1.0, *talk(), START, e.SwitchRestarted())
    assert story.session().reason is Reason.SWITCH_LOST
    assert started(story.at(2.0, *talk("c2")))


def test_a_stop_ends_only_what_came_of_it() -> None:
    """A stop of one request leaves the sessions of another alone."""
    story = Story(settings(scope="next_calls", per_agent=2))
    story.at(0.0, *SEATS, EVE, ASK, THEIRS, *talk())
    story.at(1.0, e.StopRequested(session="s-5.standing"))
    asked = {one.went.standing: one.stop_wanted for one in story.engine.sessions.alive()}
    assert asked == {"s-5.standing": Reason.SUPERVISOR_DROPPED, "s-6.standing": None}


def test_a_session_that_is_stopping_is_not_stopped_again() -> None:
    """Whoever stops the session, and then the request, asks the switch once."""
    story = waiting()
    story.at(1.0, *talk(), START, e.StopRequested(session="s-6"))
    assert not story.at(2.0, e.StopRequested(session=NAME)).commands


def test_two_stops_are_one() -> None:
    """A request that is over cannot be stopped: it is nobody's session, and is said not to be."""
    story = waiting()
    story.at(1.0, e.StopRequested(session=NAME))
    assert kinds(story.at(2.0, e.StopRequested(session=NAME))) == [NoticeKind.STOP_UNKNOWN]


def test_only_the_next_call_where_it_waits_for_one() -> None:
    """A site that makes requests wait for an idle agent's next call gives him one, whatever becomes of it."""
    story = waiting(WAIT)
    assert started(story.at(1.0, *talk())) == ["s-6"]
    story.at(2.0, START, END, e.CallCleared(call="c1"))
    assert story.at(3.0, *talk("c2")) is NOTHING


def test_a_session_that_he_stopped_is_not_opened_again() -> None:
    """A supervisor who dropped one call is not given the same one again, nor one that was up then."""
    story = waiting()
    story.at(1.0, *talk(), START, e.ConnectionCleared(call="m1", address="5004"))
    assert story.session().state is State.ENDED
    assert story.at(2.0, e.Held(call="c1", address="5025"), e.Retrieved(call="c1", address="5025")) is NOTHING


def test_a_request_that_never_started_gives_way_to_the_next_call() -> None:
    """The call is over before anybody listened, and the agent is on another: that one is heard."""
    story = waiting()
    story.at(1.0, *talk(), e.Held(call="c1", address="5025"), *talk("c2", "0171", "5025"))
    step = story.at(2.0, e.CallCleared(call="c1"))
    assert next((move.session, move.after) for move in step.moves) == ("s-6", State.REJECTED)
    assert len(started(step)) == 1


def test_the_token_of_a_request_that_waits_is_its_own() -> None:
    """Somebody else's request by the same token is refused, and so is the same supervisor's for another agent."""
    story = Story(NEXT)
    asked = e.MonitorRequested(from_address="5004", to_address="5025", user="ann", token="t")
    story.at(0.0, *SEATS, asked)
    assert story.at(1.0, asked) == Step(answer=NAME)
    other = e.MonitorRequested(from_address="5004", to_address="5026", user="ann", token="t")
    assert kinds(story.at(2.0, other)) == [NoticeKind.EVENT_REFUSED]
