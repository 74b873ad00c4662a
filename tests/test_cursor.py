"""A cursor over a log: wherever it goes, all is as if the log had been replayed to there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from monitoring_core.cursor import Cursor, Mark, Tape, facts_of, rule_values, subjects, wind
from monitoring_core.domain import events as e
from monitoring_core.domain.events import Event
from monitoring_core.domain.outcomes import State, Step
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.rules.book import RuleBook
from monitoring_core.rules.judge import judge
from monitoring_core.sources.native import NativeSource
from monitoring_core.state import dump
from monitoring_core.testing.as_native import as_native
from monitoring_core.testing.large import LargeSite
from monitoring_core.testing.stories import stories
from monitoring_core.testing.switch import Story
from tests.helpers import ANYBODY, DEFAULT

DAY = list(LargeSite(agents=40, calls=60, requests=30).events())
BLOCK = 50


def cursor(events: Sequence[Event], *books: RuleBook, block: int = BLOCK) -> Cursor:
    """A cursor over these events, by these books or the default one."""

    def fresh() -> list[Engine]:
        return [Engine(book, Settings()) for book in books or (DEFAULT,)]

    return Cursor(wind(events, fresh(), block), fresh)


def replayed(events: Sequence[Event], book: RuleBook = DEFAULT) -> tuple[Engine, Step | None]:
    """The naive way to be after these events."""
    engine, step = Engine(book, Settings()), None
    for event in events:
        step = engine.step(event)
    return engine, step


def same(there: Cursor, events: Sequence[Event], *books: RuleBook) -> bool:
    """Whether a cursor is where a replay of everything would be, with each of its engines."""
    told = events[: there.position]
    for number, book in enumerate(books or (DEFAULT,)):
        engine, step = replayed(told, book)
        if dump(engine) != dump(there.engines[number]) or step != (there.line and there.line.steps[number]):
            return False
    return there.line is None if not told else there.line is not None and there.line.event == told[-1]


@given(st.lists(st.integers(-5, len(DAY) + 5), min_size=1, max_size=6))
@effort(max_examples=30, deadline=None)
def test_wherever_it_goes_all_is_as_replayed(places: list[int]) -> None:
    """Engines, event and steps are those of a replay up to there, whichever way one came; beyond an end is the end."""
    there = cursor(DAY)
    for place in places:
        there.go(place)
        assert there.position == max(0, min(place, len(DAY)))
        assert same(there, DAY)


@effort(max_examples=30, deadline=None)
@given(story=stories(), block=st.integers(1, 5), data=st.data())
def test_stories_can_be_gone_through_in_any_order(story: Story, block: int, data: st.DataObject) -> None:
    """Of whatever people do with telephones, in blocks of any size and by two books at once, the same holds."""
    events = [event for one in as_native(story.happenings) for event in _read(one.record)]
    there = cursor(events, DEFAULT, ANYBODY, block=block)
    for place in data.draw(st.lists(st.integers(0, len(events)), max_size=8)):
        there.go(place)
        assert same(there, events, DEFAULT, ANYBODY)


def _read(record: bytes) -> list[Event]:
    return NativeSource().feed(record)


def test_a_step_back_replays_no_more_than_a_block() -> None:
    """From the end of a long log, each step back costs at most a block of steps, and a jump no more."""
    there = cursor(DAY)
    there.go(len(DAY))
    for place in (len(DAY) - 1, len(DAY) - 2, 3 * BLOCK + 1, 3 * BLOCK, 1, 0):
        before = there.stepped
        there.go(place)
        assert there.stepped - before <= BLOCK
        assert there.position == place
    assert len(DAY) > 10 * BLOCK


def test_a_step_forward_is_one_step() -> None:
    """Going on costs what it goes on, also from block to block."""
    there = cursor(DAY)
    for place in range(1, 2 * BLOCK + 3):
        there.go(place)
        assert there.stepped == place


def test_an_empty_log_has_one_place() -> None:
    """Without events there is only the beginning; nothing is marked, found or later."""
    there = cursor([])
    there.go(7)
    assert (there.position, there.line, there.at(9.0)) == (0, None, 0)
    assert (there.marked(Mark.END), there.marked(Mark.END, back=True)) == (None, None)
    assert (there.find("x"), there.find("x", back=True)) == (None, None)


def _positions(state: State) -> list[int]:
    engine = Engine(DEFAULT, Settings())
    steps = [engine.step(event) for event in DAY]
    return [number for number, step in enumerate(steps, 1) if any(move.after is state for move in step.moves)]


@pytest.mark.parametrize(("mark", "state"), [(Mark.REFUSAL, State.REJECTED), (Mark.END, State.ENDED)])
def test_marks_are_gone_through_in_both_directions(mark: Mark, state: State) -> None:
    """Jumping on visits every step with a refusal, or an end, in order; jumping back the same in reverse."""
    there, right = cursor(DAY), _positions(state)
    assert len(right) > 3
    forward, backward = [], []
    while (place := there.marked(mark)) is not None:
        forward.append(place)
        there.go(place)
    there.go(len(DAY))
    while (place := there.marked(mark, back=True)) is not None:
        backward.append(place)
        there.go(place)
    assert forward == right
    assert backward == [place for place in reversed(right) if place != len(DAY)]


def test_a_divergence_is_where_two_books_answer_otherwise() -> None:
    """Marked is every event after which two books differ in sessions, commands or notices, not in reasons alone."""
    there = cursor(DAY, DEFAULT, ANYBODY)
    engines = [Engine(book, Settings()) for book in (DEFAULT, ANYBODY)]
    right = []
    for number, event in enumerate(DAY, 1):
        one, other = (_without_reasons(engine.step(event)) for engine in engines)
        right += [number] if one != other else []
    assert list(there.tape.marks[Mark.DIVERGENCE]) == right
    assert right
    assert not cursor(DAY, DEFAULT, DEFAULT).tape.marks[Mark.DIVERGENCE]


def _without_reasons(step: Step) -> dict[str, Any]:
    told: dict[str, Any] = {name: getattr(step, name) for name in step.__struct_fields__}
    return told | {"verdicts": [(one.session, one.verdict.permit) for one in step.verdicts]}


def test_time_is_a_place() -> None:
    """At a time one is after the last event up to it, and before the first at the beginning of time."""
    there = cursor(DAY)
    engine = Engine(DEFAULT, Settings())
    for number, event in enumerate(DAY[:300], 1):
        engine.step(event)
        assert there.at(engine.now or 0.0) >= number
    there.go(there.at(DAY[200].received_at or 0.0))
    assert there.line is not None
    assert there.line.event == DAY[200]
    assert there.at(float("-inf")) < 150


@given(text=st.sampled_from(["C7", "e30", "agent_dropped", "default-", "own-team", "1003", "nowhere", '"', "é\t"]))
@effort(max_examples=30, deadline=None)
def test_a_text_is_found_wherever_it_is(text: str) -> None:
    """Searching visits every event with the text in itself or in what followed, both ways; capitals do not matter."""
    tape = cursor(DAY).tape
    lines = [line for block in range(tape.blocks()) for line in tape.lines(block)]
    wanted = text.replace('"', '\\"').replace("\t", "\\t").lower().encode()
    right = [number for number, line in enumerate(lines, 1) if wanted in line.lower()]
    assert _visited(tape, text, back=False) == right
    assert _visited(tape, text, back=True) == right[::-1]


def _visited(tape: Tape, text: str, *, back: bool) -> list[int]:
    there = Cursor(tape, lambda: [Engine(DEFAULT, Settings())])
    there.position = tape.length + 1 if back else 0
    visited = []
    while (place := there.find(text, back=back)) is not None:
        visited.append(place)
        there.position = place
    return visited


def test_the_version_of_a_log_is_no_event() -> None:
    """The line that says how a native log is written is passed over, as a replay does."""
    assert cursor([e.Log(version=1), *DAY[:3]]).tape.length == 3


def test_rules_have_the_values_by_which_was_judged() -> None:
    """At every verdict, the rules that apply by their values are those that the verdict names."""
    there = cursor(DAY)
    judged = 0
    for place in range(1, there.tape.length + 1):
        there.go(place)
        line = there.line
        assert line is not None
        for one in line.steps[0].verdicts:
            judged += 1
            assert one.session in subjects(there.engines[0], line)
            facts = facts_of(there.engines[0], line, one.session)
            values = rule_values(DEFAULT, facts)
            verdict = judge(DEFAULT, facts)
            applied = {value.rule for value in values if value.effect == "forbid" and value.met is not False}
            permits = {value.rule for value in values if value.effect == "permit" and value.met}
            assert {hit.rule for hit in one.verdict.hits} == (permits if one.verdict.permit else applied)
            assert verdict.permit == one.verdict.permit
    assert judged > 10


def test_rules_can_be_asked_of_who_is_alive() -> None:
    """Between events that judge, the rules' values are those of now, for each session alive."""
    there = cursor(DAY)
    there.go(there.marked(Mark.END) or 0)
    place = there.position
    while not (alive := there.engines[0].sessions.alive()):
        there.go(place := place + 1)
    names = subjects(there.engines[0], there.line)
    assert {session.id for session in alive} <= set(names)
    assert all(rule_values(DEFAULT, facts_of(there.engines[0], there.line, name)) for name in names)
    assert subjects(there.engines[0], None) == [session.id for session in reversed(alive)]
