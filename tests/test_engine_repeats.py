"""Property 6 by example: what is remembered of the past, for how long, and that a repeat says nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from monitoring_core.domain import events as e
from monitoring_core.domain.outcomes import NOTHING
from monitoring_core.testing.strategies import TELL_THE_FLOOR, events
from tests.helpers import ANYBODY, ASK, END, LISTENING, START, Story, settings, state_of, talk

TWICE = frozenset({"event_refused"})


@given(st.lists(events, max_size=12))
def test_an_event_with_an_id_counts_once(told: list[e.Event]) -> None:
    """Property 6: any event that comes again with its id, at once or later, gives the one empty step."""
    story = Story(settings(confirmation="none"))
    named = [replace(event, id=str(number)) for number, event in enumerate(told)]
    for event in named:
        story.tell(event)
        assert story.tell(event) is NOTHING
    before = state_of(story.engine)
    for event in named:
        assert story.tell(event) is NOTHING
    assert state_of(story.engine) == before


@given(st.lists(events, max_size=12))
def test_what_the_floor_knows_is_no_news(told: list[e.Event]) -> None:
    """Property 6 without ids: an event about the floor that comes twice in a row changes nothing and emits nothing."""
    story = Story()
    for event in told:
        story.tell(event)
        if isinstance(event, TELL_THE_FLOOR):
            before = state_of(story.engine)
            step = story.tell(event)
            assert replace(step, notices=()) == NOTHING
            assert {notice.kind for notice in step.notices} <= TWICE
            assert state_of(story.engine) == before


@given(st.lists(events, max_size=10), st.lists(events, max_size=10), st.sampled_from(["switch", "none"]))
def test_the_same_token_is_one_session(before: list[e.Event], between: list[e.Event], confirmation: Any) -> None:
    """Property 6: whatever happens between, a request repeated with its token opens nothing and has the same answer."""
    story = Story(settings(confirmation=confirmation))
    asked = replace(ASK, token="mine")
    story.tell(*before)
    first = story.tell(asked).answer
    story.tell(*between)
    assert story.tell(asked) == replace(NOTHING, answer=first)


def test_a_repeat_is_a_repeat_of_its_source() -> None:
    """Ids are a source's own: the same id from another source is another event."""
    story = Story()
    story.tell(replace(talk()[0], id="1", source="one"))
    story.tell(replace(talk()[1], id="1", source="other"))
    assert len(story.engine.floor.calls.by_id["c1"].legs) == 2


def test_every_sources_repeats_are_told() -> None:
    """A source that names itself is remembered as well as one that does not."""
    story = Story()
    asked = replace(ASK, id="1", source="bus")
    story.tell(*talk(), replace(asked, source="other"), asked)
    assert story.tell(asked) is NOTHING


def test_a_repeat_has_a_position() -> None:
    """A repeated event counts as an event: it is in the journal and has a place there."""
    story = Story()
    story.tell(*[replace(START, id="1")] * 3)
    assert story.engine.position == 3


def test_a_repeat_still_brings_the_time() -> None:
    """What a repeat says is known, when it came is not: deadlines fire."""
    story = Story()
    story.at(0.0, *talk(), replace(ASK, id="1"))
    assert len(story.at(20.0, replace(ASK, id="1")).moves) == 1


def test_old_event_ids_are_forgotten() -> None:
    """Beyond the window an id says nothing: the event is judged by what it says."""
    story = Story(settings(repeats_max=1, per_pair=9))
    asked = [replace(ASK, id=str(number)) for number in (1, 2, 3)]
    story.tell(*talk(), *asked, asked[0])
    assert len(story.engine.sessions.by_id) == 4


def test_final_sessions_are_forgotten_after_the_window() -> None:
    """A final session is known for the late window and then only to the journal."""
    story = Story(settings(late_window_s=60.0))
    story.at(0.0, *LISTENING, END)
    story.pass_time(59.0)
    assert list(story.engine.sessions.by_id) == ["s-6"]
    story.pass_time(60.0)
    assert story.engine.sessions.by_id == {}


def test_the_oldest_final_sessions_are_forgotten_beyond_the_limit() -> None:
    """Without times, final sessions are forgotten by their number."""
    story = Story(settings(finals_max=1), ANYBODY)
    story.tell(*talk(), ASK, START, END, ASK, replace(START, monitor_call="m2"), replace(END, monitor_call="m2"))
    story.tell(e.TimePassed())
    assert list(story.engine.sessions.by_id) == ["s-6"]


@pytest.mark.parametrize("again", [replace(START, at=500.0), START])
def test_a_repeat_without_an_id_that_comes_late_is_known_all_the_same(again: e.Event) -> None:
    """A repeated start of a session that is over does not open another."""
    story = Story()
    story.at(1.0, *LISTENING, END)
    assert story.at(500.0, again) is NOTHING
