"""A site as one plain value: what is in it, what it shares with nobody, and what is no such value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from monitoring_core.domain import events as e
from monitoring_core.domain.events import Event
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.errors import UsageError
from monitoring_core.floor.entities import Call, Person, Phone
from monitoring_core.session import Session
from monitoring_core.state import dump, load
from monitoring_core.testing import strategies as some
from tests.helpers import ANYBODY, ASK, END, LISTENING, START, consistent, inside, settings, state_of

timed = st.builds(
    lambda event, at, name: replace(event, at=at, received_at=at, id=name),
    some.events,
    st.none() | st.integers(0, 1_000).map(float),
    st.none() | st.sampled_from(["e1", "e2"]),
)
lives = st.lists(timed, max_size=40)
STORY = (*(replace(event, received_at=1.0, id=event.id) for event in LISTENING), e.Held(call="c1", address="5025"))
"""Everything is in it: people, phones, calls, a session, times, a request; `lived` adds repeats, tokens and finals."""

KEPT = {
    "clock": {"now", "until", "by_shell", "heap", "turns"},
    "people": {"persons", "phones", "signed_in_on", "seats", "left", "all_are_known"},
    "calls": {"by_id", "by_address", "gone"},
    "sessions": {"by_id", "finals"},
}
DERIVED = {
    "clock": {"skew_s_max", "quiet_until"},
    "people": {"limits"},
    "calls": {"limits", "born", "heed"},
    "sessions": {"waiting", "by_monitor_call", "by_call", "by_party", "finals_of_pair"},
}
"""What comes with the settings, is empty between two steps, or follows from the rest."""


def engine(given: Settings | None = None) -> Engine:
    """A site where nothing has happened."""
    return Engine(ANYBODY, given or Settings(), "s")


def lived(*events: Event, given: Settings | None = None) -> Engine:
    """A site where that happened."""
    made = engine(given)
    for event in events:
        made.step(event)
    return made


def full() -> Engine:
    """A site with something of everything; who asks for an idle agent waits."""
    return lived(
        replace(ASK, from_address="5027", to_address="5099"),
        *STORY,
        replace(ASK, id="r1", token="t1"),
        replace(START, monitor_call="m2", from_address="5026"),
        replace(END, monitor_call="m2"),
        e.CallCleared(call="c9"),
        e.MonitorEnded(monitor_call="m9"),
        e.SignedOut(person="ann"),
        given=Settings(idle_target="wait"),
    )


def again(state: Any, given: Settings | None = None) -> Engine:
    """A site that goes on from a value."""
    made = engine(given)
    load(made, state)
    return made


def parts(state: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Everything in a value, with the way to it."""
    yield path, state
    inner = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, list) else ()
    for key, value in inner:
        yield from parts(value, (*path, key))


@given(lives)
def test_a_state_comes_back_whole_from_json(life: list[Event]) -> None:
    """Whatever happened, an engine made of the value's JSON gives the same value, knows the same, its indexes fit."""
    before = lived(*life)
    state = dump(before)
    after = again(json.loads(json.dumps(state, allow_nan=False)))
    assert dump(after) == state
    assert state_of(after) == state_of(before)
    assert finals_of_pairs(after) == finals_of_pairs(before)
    consistent(after)


def test_a_state_is_written_in_one_way() -> None:
    """Sets are written in the order of their elements, so one state has one text in every process."""
    teams = tuple("hgfedcba")
    ann = e.SignedIn(person="ann", extension="5001", roles=teams, teams=teams, supervises=teams)
    (person,) = dump(lived(ann))["people"]["persons"]
    assert person["roles"] == person["teams"] == person["supervises"] == list("abcdefgh")


def finals_of_pairs(site: Engine) -> dict[Any, list[str]]:
    """The ids of the final sessions that may still matter to a pair."""
    return {pair: [session.id for session in finals] for pair, finals in site.sessions.finals_of_pair.items()}


@given(lives, lives)
def test_a_state_is_of_its_moment(before: list[Event], after: list[Event]) -> None:
    """What happens later changes neither the value, nor another engine that was made of it."""
    site = lived(*before)
    state = dump(site)
    kept = json.dumps(state)
    other = again(state)
    known = state_of(other)
    third = again(state)
    for event in after:
        site.step(event)
        third.step(event)
    assert json.dumps(state) == kept
    assert state_of(other) == known
    assert state_of(third) == state_of(site)


@pytest.mark.parametrize("name", KEPT)
def test_of_every_attribute_it_is_decided(name: str) -> None:
    """Every attribute of clock, people, calls and sessions is kept, or is known to follow from the rest."""
    site = inside(full())
    part: Any = {
        "clock": site.clock,
        "people": site.floor.people,
        "calls": site.floor.calls,
        "sessions": site.sessions,
    }[name]
    names = attrs.fields_dict(type(part)) if attrs.has(type(part)) else vars(part)
    assert names.keys() == KEPT[name] | DERIVED[name]


@pytest.mark.parametrize(
    ("kind", "at"),
    [
        (Person, ("people", "persons", 0)),
        (Phone, ("people", "phones", 0)),
        (Call, ("calls", "calls", 0)),
        (Session, ("sessions", 0)),
    ],
)
def test_every_field_of_an_entity_is_kept(kind: type[Any], at: tuple[Any, ...]) -> None:
    """Persons, phones, calls and sessions are kept with every field that they have."""
    assert set(dict(parts(dump(full())))[at]) == set(attrs.fields_dict(kind))


def test_the_story_has_something_of_everything() -> None:
    """No part of the value is empty in the tests that take it apart."""
    empty = {path for path, value in parts(dump(full())) if len(path) == 1 and value in ({}, [])}
    assert empty == set()


# Other settings


@given(lives, lives)
def test_smaller_limits_keep_what_is_known(before: list[Event], after: list[Event]) -> None:
    """An engine with smaller limits takes the whole value and goes on from it, with every index as it should be."""
    site = again(dump(lived(*before)), settings(repeats_max=1, tokens_max=1, finals_max=1, calls_gone_max=1))
    for event in after:
        site.step(event)
        consistent(site)


def test_repeats_are_bounded_by_the_new_limits() -> None:
    """Repeats are remembered as many as the new settings say, not as many as the old ones said."""
    site = again(dump(lived(*(e.TimePassed(id=f"e{number}") for number in range(10)))), settings(repeats_max=2))
    for number in range(10, 20):
        site.step(e.TimePassed(id=f"e{number}"))
    (window,) = site.repeats.values()
    assert {key for kept in window.generations for key in kept} <= {f"e{number}" for number in range(16, 20)}


def test_deadlines_stay_as_they_were_set() -> None:
    """A deadline that was set under other settings falls when it was to fall."""
    site = again(dump(lived(*STORY[:-2])), settings(confirm_s=500.0))
    assert site.next_due() == 11.0


# What is no state


@pytest.mark.parametrize("key", [*dump(engine())])
def test_what_lacks_a_part_is_none(key: str) -> None:
    """A value without one of its parts is refused."""
    state = dump(full())
    del state[key]
    with pytest.raises(KeyError, match=key):
        again(state)


def test_what_was_changed_is_refused_or_taken() -> None:
    """A text in the place of any list or number of sessions and clock is taken, or refused as what is no state."""
    original, refused = json.dumps(dump(full())), 0
    for path, value in [*parts(json.loads(original))]:
        if path[:1] not in {("sessions",), ("clock",)} or len(path) < 2 or isinstance(value, str | None):
            continue
        state = json.loads(original)
        dict(parts(state))[path[:-1]][path[-1]] = "nonsense"
        try:
            again(state)
        except (msgspec.ValidationError, KeyError):
            refused += 1
    assert refused > 20


def test_the_state_of_another_release_is_refused() -> None:
    """What another version of this program wrote is named with both versions, and nothing is loaded."""
    engine = Engine(ANYBODY, Settings())
    with pytest.raises(UsageError, match="has version 1; this program reads version"):
        load(engine, {**dump(Engine(ANYBODY, Settings())), "version": 1})
