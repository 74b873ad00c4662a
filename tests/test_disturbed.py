"""Logs with one fault each: every event doubled, dropped, swapped with the next, and every end delayed.

Whatever is lost or comes late, no session stays open beyond its lease, none starts twice, and what nobody told is not
told as if somebody had.
"""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain, islice
from pathlib import Path

import pytest
from msgspec.structs import replace

from monitoring_core.domain import events as e
from monitoring_core.domain.events import Event
from monitoring_core.domain.outcomes import Certainty, Move, StartMonitoring, Trigger
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.files import load_floor, load_rules
from monitoring_core.properties import Watch
from monitoring_core.rules.book import RuleBook
from monitoring_core.scenario.folder import read_story
from monitoring_core.sources.asterisk import AsteriskSource
from tests.helpers import ANYBODY

pytestmark = pytest.mark.search

SCENARIOS = Path(__file__).parents[1] / "scenarios"
STORIES = sorted(path.name for path in SCENARIOS.glob("*.story.toml"))
EVENTS_MAX = 200
LATER = (1, 3, EVENTS_MAX)
"""By how many events an end is delayed."""
ENDS = (e.ConnectionCleared, e.CallCleared, e.MonitorEnded, e.Transferred)

Log = tuple[Event, ...]
Faults = Iterator[tuple[str, Log]]


def doubled(log: Log) -> Faults:
    """Every event told twice."""
    for number, event in enumerate(log):
        yield f"doubled {number}", (*log[: number + 1], event, *log[number + 1 :])


def dropped(log: Log) -> Faults:
    """Every event lost."""
    for number in range(len(log)):
        yield f"dropped {number}", (*log[:number], *log[number + 1 :])


def swapped(log: Log) -> Faults:
    """Every event received after the next one."""
    for number in range(len(log) - 1):
        yield f"swapped {number}", moved(log, number, 1)


def delayed(log: Log) -> Faults:
    """Every end received later, or last of all."""
    for number, event in enumerate(log):
        if isinstance(event, ENDS):
            for later in LATER:
                yield f"delayed {number} by {later}", moved(log, number, later)


def moved(log: Log, number: int, later: int) -> Log:
    """The log with one event received that much later; when each of them was received stays in order."""
    order = [*log[:number], *log[number + 1 : number + 1 + later], log[number], *log[number + 1 + later :]]
    return tuple(replace(event, received_at=slot.received_at) for event, slot in zip(order, log, strict=True))


FAULTS: tuple[Callable[[Log], Faults], ...] = (doubled, dropped, swapped, delayed)


def timed(events: Iterator[Event] | list[Event]) -> Log:
    """The events with a time of receipt each, that never runs back."""
    now, log = 0.0, list[Event]()
    for number, event in enumerate(events):
        said = event.received_at if event.received_at is not None else event.at
        now = max(now, float(number) if said is None else said)
        log.append(replace(event, received_at=now))
    return tuple(log)


def problems(log: Log, book: RuleBook, settings: Settings) -> list[str]:
    """What is wrong once the log is over, and long silence after it."""
    engine = Engine(book, settings, "s")
    watch, moves = Watch(engine), list[tuple[int, Move]]()
    starts = Counter[str]()
    lease_s = 10 * (settings.session_lease_s + settings.call_lease_s)
    silence = e.TimePassed(received_at=(log[-1].received_at or 0.0) + lease_s)
    found: list[str] = []
    for number, event in enumerate((*log, silence)):
        step = engine.step(event)
        found += [f"event {number}: {broken.what}" for broken in watch.check(step, event)]
        moves += [(number, move) for move in step.moves]
        starts.update(command.session for command in step.commands if isinstance(command, StartMonitoring))
    found += [f"{session.id} is still {session.state}" for session in engine.sessions.alive()]
    starts.update(move.session for _, move in moves if move.trigger is Trigger.STARTED and move.before is None)
    found += [f"{session} started {times} times" for session, times in starts.items() if times > 1]
    found += [
        f"{move.session} is {move.reason}, {move.certainty}, though nobody said so"
        for number, move in moves
        if number == len(log) and move.certainty is Certainty.CONFIRMED
    ]
    return found


def all_problems(log: Log, book: RuleBook, settings: Settings) -> list[str]:
    """What is wrong with any of the faults."""
    faulty = chain.from_iterable(faults(log) for faults in FAULTS)
    return [f"{name}: {problem}" for name, one in faulty for problem in problems(one, book, settings)]


@pytest.mark.parametrize("name", STORIES)
def test_a_story_with_any_one_fault_ends_well(name: str) -> None:
    """Each story with each of its events doubled, dropped, swapped or (an end) delayed keeps what must hold."""
    story, rules = read_story(SCENARIOS / name), load_rules(None)
    log = timed([row.event for row in story.rows])
    if not log:
        pytest.skip("a story of a recording has no events of its own")
    assert all_problems(log, story.book or rules.book, story.settings_on(rules.settings)) == []


@cache
def recorded() -> Log:
    """The large recording as events, with a request for every spy that somebody opens on it."""
    source = AsteriskSource()
    with gzip.open(SCENARIOS / "recorded" / "contact-centre-a.jsonl.gz") as lines:
        told = list(chain.from_iterable(source.feed(line) for line in lines))
    events = list[Event]()
    for event in told:
        if isinstance(event, e.MonitorStarted):
            asked = e.MonitorRequested(from_address=event.from_address, to_address=event.to_address, at=event.at)
            events.append(asked)
        events.append(event)
    return timed(events)


@pytest.mark.parametrize("quarter", range(4))
def test_a_piece_of_a_recording_with_any_one_fault_ends_well(quarter: int) -> None:
    """The same of pieces of a real recording, of 200 events each."""
    first = quarter * len(recorded()) // 4
    floor = load_floor(str(SCENARIOS / "recorded" / "contact-centre-a.floor.toml"))
    piece = timed([*floor, *islice(recorded(), first, first + EVENTS_MAX)])
    log = piece[len(floor) :]
    assert any(isinstance(event, e.MonitorStarted) for event in log)
    assert all_problems(log, ANYBODY, Settings(per_agent=9, per_supervisor=9, per_pair=9)) == []
