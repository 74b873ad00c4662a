"""Law 9 by example: what a site knows is bounded, and what would be one too many changes nothing and says so."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from monitoring_core.domain import events as e
from monitoring_core.domain.events import CallView, LegState, MonitorOf, Participant, PersonView, PhoneView
from monitoring_core.domain.outcomes import NOTHING
from monitoring_core.domain.settings import Settings
from monitoring_core.testing.strategies import events
from tests.helpers import ANYBODY, ASK, END, SEATS, START, Story, inside, settings, state_of, talk

FULL = settings(people_max=2, phones_max=2, calls_max=2)
ON_BOTH = (Participant("5026", LegState.CONNECTED),)


def full(given: Settings = FULL) -> Story:
    """A site that knows as many people (ann, bob), phones (5004, 5025) and calls (c1, c2) as it may."""
    story = Story(given)
    story.tell(*SEATS, e.PhoneChanged(extension="5004"), *talk("c1"), *talk("c2", "5004"))
    assert not story.notices("event_refused")
    return story


def refused(story: Story, event: e.Event) -> str:
    """Why `event` was refused, if it was, having changed nothing; else nothing."""
    before = state_of(story.engine)
    step = story.tell(event)
    if not any(notice.kind == "event_refused" for notice in step.notices):
        return ""
    assert replace(step, notices=()) == NOTHING
    assert state_of(story.engine) == before
    return step.notices[0].text


def shot(**given: Any) -> e.Snapshot:
    """A snapshot of all of the site."""
    return e.Snapshot(covers=("people", "phones", "calls"), **given)


# One too many


@pytest.mark.parametrize(
    "event",
    [
        e.SignedIn(person="eve", extension="5004"),
        e.SignedOut(person="eve"),
        e.PersonChanged(person="eve"),
        shot(people=(PersonView("ann", ("5004",)), PersonView("eve"))),
    ],
)
def test_a_person_too_many_is_refused(event: e.Event) -> None:
    """Whatever would bring one more person than `people_max` changes nothing and names him."""
    assert refused(full(), event).startswith("there is no room for more: people_max is 2 (eve)")


@pytest.mark.parametrize(
    "event",
    [
        e.PhoneChanged(extension="5026"),
        e.SignedIn(person="ann", extension="5026"),
        e.SignedOut(person="ann", extension="5026"),
        shot(people=(PersonView("bob", ("5026",)),)),
        shot(phones=(PhoneView("5025"), PhoneView("5004"), PhoneView("5026"))),
        e.Snapshot(covers=("phones",), scope="person", about="bob", phones=(PhoneView("5026"),)),
    ],
)
def test_a_phone_too_many_is_refused(event: e.Event) -> None:
    """Whatever would bring one more phone than `phones_max`, or one more seat, changes nothing and names it."""
    assert refused(full(), event).startswith("there is no room for more: phones_max is 2 (5026)")


@pytest.mark.parametrize(
    "event",
    [
        *(kind(call="c3", address="5026") for kind in get_args(e.LegEvent)),
        e.CallChanged(call="c3"),
        e.CallSeen(view=CallView("c3", ON_BOTH)),
        e.Transferred(call="c3", by="5026"),
        e.Transferred(call="c1", by="5025", into="c3"),
        e.Conferenced(call="c1", into="c3"),
        e.MonitorStarted(monitor_call="c3", from_address="5004", to_address="5025", call="c1"),
        shot(calls=(CallView("c1"), CallView("c2"), CallView("c3", ON_BOTH))),
        e.Snapshot(covers=("calls",), scope="person", about="bob", calls=(CallView("c3", ON_BOTH),)),
    ],
)
def test_a_call_too_many_is_refused(event: e.Event) -> None:
    """Whatever would bring up one more call than `calls_max` changes nothing and names it."""
    assert refused(full(), event).startswith("there is no room for more: calls_max is 2 (c3)")


@pytest.mark.parametrize(
    "event",
    [
        e.Transferred(call="c2", by="5025", into="c3"),
        replace(START, call="c3"),
        e.CallSeen(
            view=CallView("m1", (Participant("5004", LegState.CONNECTED),), monitor=MonitorOf("5004", "1", "c3"))
        ),
    ],
)
def test_two_calls_come_up_together_or_not_at_all(event: e.Event) -> None:
    """An event that brings up two calls, where there is room for one, brings up neither."""
    story = Story(FULL)
    story.tell(*talk("c1"))
    assert "calls_max is 2 (c3)" in refused(story, event)


def test_the_name_that_a_call_had_takes_no_room() -> None:
    """A monitor call that names its judged call as before it became another needs room for itself only."""
    story = Story(FULL)
    story.tell(*SEATS, *talk("c1"), *talk("c2", "5025"), e.Conferenced(call="c2", into="c1"))
    assert not refused(story, replace(START, call="c2"))


def test_an_early_end_is_kept_where_its_start_is_refused() -> None:
    """A monitor call whose end overtook it, and for which there is no room, is still known to be over."""
    story = full()
    story.tell(END)
    assert "calls_max is 2 (m1)" in refused(story, START)
    story.tell(e.CallCleared(call="c2"))
    assert len(story.tell(START).moves) == 2


def test_a_refusal_says_how_to_make_room() -> None:
    """The notice of a refused event says what, where, and which setting to raise."""
    assert refused(full(), e.Established(call="c3", address="1")) == (
        "there is no room for more: calls_max is 2 (c3)\n"
        "  fix: raise calls_max under [bounds] of lifecycle.toml, if the site is really that large"
    )


# What is known, and what makes room


def test_who_is_known_is_told_of_as_before() -> None:
    """A site that is full goes on hearing of everybody and everything that it knows, in a snapshot too."""
    story = full()
    seen = shot(
        people=(PersonView("ann", ("5025",)), PersonView("bob", ("5004",))),
        phones=(PhoneView("5004"), PhoneView("5025")),
        calls=(CallView("c2"), CallView("c1")),
    )
    for event in (*SEATS, *talk("c1", "5026"), e.Transferred(call="c1", by="5026"), seen):
        assert not refused(story, event)


@pytest.mark.parametrize(
    "end", [e.CallCleared(call="c1"), e.SwitchRestarted(), e.Transferred(call="c1", by="5025", into="c2")]
)
def test_a_call_that_is_over_makes_room(end: e.Event) -> None:
    """Only calls that are up count."""
    story = full()
    story.tell(end)
    assert not refused(story, e.Established(call="c3", address="5026"))


def test_what_a_snapshot_of_the_site_does_not_show_makes_room() -> None:
    """A full site is not stuck: a snapshot may show as many other calls and phones as there is room for at all."""
    story = full()
    calls, phones = (CallView("c3", ON_BOTH), CallView("c4", ON_BOTH)), (PhoneView("5026"), PhoneView("5027"))
    assert not refused(story, shot(calls=calls, phones=phones))
    assert (set(story.engine.floor.calls.by_id), set(story.engine.floor.people.phones)) == (
        {"c3", "c4"}, {"5026", "5027"},
    )  # fmt: skip


def test_the_call_of_a_monitor_call_needs_no_room_in_a_snapshot() -> None:
    """A call that a snapshot only mentions, as that of a monitor call, does not come up by it."""
    story = Story(FULL)
    story.tell(*talk("c1"))
    view = CallView("m1", (Participant("5004", LegState.CONNECTED),), monitor=MonitorOf("5004", "5025", "c9"))
    assert not refused(story, shot(calls=(CallView("c1"), view)))
    assert set(story.engine.floor.calls.by_id) == {"c1", "m1"}


def test_what_is_newer_than_a_snapshot_makes_no_room() -> None:
    """Calls and phones that a snapshot does not show, and that changed after it, stay and count."""
    story = Story(FULL)
    story.at(100.0, *SEATS, e.PhoneChanged(extension="5004"), *talk("c1"), *talk("c2", "5004"))
    assert "(c3)" in refused(story, shot(as_of=99.0, received_at=100.0, calls=(CallView("c3"),)))
    assert "(5026)" in refused(story, shot(as_of=99.0, received_at=100.0, phones=(PhoneView("5026"),)))


@pytest.mark.parametrize("new", [e.PersonChanged(person="eve"), e.PhoneChanged(extension="1"), *talk("c3", "1")])
def test_what_is_beyond_a_lowered_limit_stays(new: e.Event) -> None:
    """Where a site that knows more gets a lower limit, it forgets nothing and learns of nobody new."""
    story = full()
    story.engine.use(ANYBODY, settings(people_max=1, phones_max=1, calls_max=1))
    seen = shot(calls=(CallView("c1"), CallView("c2")), phones=(PhoneView("5004"), PhoneView("5025")))
    for event in (*SEATS, *talk("c1"), *talk("c2", "5004"), seen):
        assert not refused(story, event)
    assert "there is no room for more" in refused(story, new)


@given(st.lists(events, max_size=12))
def test_nothing_grows_beyond_its_limit(told: list[e.Event]) -> None:
    """Whatever happens, a site knows no more than it may, and an event that is refused changes nothing at all."""
    story = Story(FULL)
    for event in told:
        refused(story, event)
        people, calls = story.engine.floor.people, story.engine.floor.calls
        assert max(len(people.persons), len(people.phones), len(people.seats), len(calls.by_id)) <= 2
        assert people.seats.keys() >= {*people.signed_in_on, *people.left}


# Event ids and calls without times


def test_the_source_first_seen_is_forgotten_first() -> None:
    """Beyond `sources_max` the ids of the source that came first are forgotten, and of no other."""
    story = Story(settings(sources_max=2, per_pair=9))
    story.tell(*talk(), *(replace(ASK, id="1", source=source) for source in ("one", "two", "three")))
    assert story.tell(replace(ASK, id="1", source="two")) is NOTHING
    assert story.tell(replace(ASK, id="1", source="three")) is NOTHING
    assert story.tell(replace(ASK, id="1", source="one")).answer


def test_no_source_is_too_many() -> None:
    """However many sources there are, the ids of no more than `sources_max` are kept."""
    story = Story(settings(sources_max=2))
    story.tell(*(replace(START, id="1", source=str(number)) for number in range(9)))
    assert list(story.engine.repeats) == ["7", "8"]


def test_a_lowered_number_of_sources_counts_from_the_next_one() -> None:
    """Where fewer sources are allowed than there are, a new one leaves just as many as are."""
    story = Story(settings(sources_max=9))
    starts = [replace(START, id="1", source=str(number)) for number in range(9)]
    story.tell(*starts[:8])
    story.engine.use(ANYBODY, settings(sources_max=2))
    story.tell(starts[8])
    assert list(story.engine.repeats) == ["7", "8"]


def test_calls_without_times_wait_for_no_lease() -> None:
    """Without times nothing is kept of a call that is over but that it is."""
    story = Story()
    story.tell(*(event for number in range(9) for event in (*talk(f"c{number}"), e.CallCleared(call=f"c{number}"))))
    site = inside(story.engine)
    assert not site.floor.calls.born
    story.tell(e.TimePassed(at=0.0))
    assert not site.clock.deadlines
