"""Runs of chance over engine and oracle: how many triples, how many of them apart, how often each kind of thing.

A group is two books, settings, and some logs under them; its number and the seed are all that it is made of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

import attrs
import msgspec

from monitoring_core.domain import events as e
from monitoring_core.domain.outcomes import Step, Verdict
from tests.triples.books import book, book_text, given_settings
from tests.triples.compare import Both, Difference, World
from tests.triples.logs import Writer
from tests.triples.shrink import shrunk

LOGS = 4
EVENTS_MIN, EVENTS_MAX = 20, 70
Progress = Callable[[int], object]


@attrs.frozen
class Found:
    """Where engine and oracle differ: in which group, after how many events of a log, and how little shows it."""

    group: int
    events: int
    world: World
    shortest: Difference


@attrs.define
class Tally:
    """What a run went through; `apart`: hashes of the triples, so that equal ones count once."""

    triples: int = 0
    groups: int = 0
    kinds: Counter[str] = attrs.field(factory=Counter)
    apart: set[int] = attrs.field(factory=set)
    found: Found | None = None


def run(tally: Tally, seed: int, count: int, progress: Progress, first: int = 0) -> None:
    """`count` triples, or as many as there are until the first difference."""
    while tally.triples < count and tally.found is None:
        before = tally.triples
        run_group(tally, seed, first + tally.groups, count)
        tally.groups += 1
        progress(tally.triples - before)


def run_group(tally: Tally, seed: int, group: int, count: int) -> None:
    """The logs of one group, as long as there are fewer than `count` triples in all."""
    random = Random(f"{seed} {group}")
    world = World((book(book_text(random)), book(book_text(random))), given_settings(random))
    for _ in range(LOGS):
        both, log = Both(world), list[e.Event]()
        writer = Writer(random, both.follower)
        for _ in range(random.randint(EVENTS_MIN, EVENTS_MAX)):
            if tally.triples >= count:
                return
            event = writer.next()
            log.append(event)
            tally.apart.add(_hash(both, event))
            is_repeat = (event.source, event.id) in both.follower.repeats and event.id is not None
            step, engine, oracle = both.tell(event)
            tally.triples += 1
            if engine != oracle:
                tally.found = Found(group, len(log), *shrunk(world, Difference(tuple(log), engine, oracle)))
                return
            tally.kinds.update(["a repeat"] if is_repeat else kinds(event, step))


def _hash(both: Both, event: e.Event) -> int:
    """Of what both start from, but for names of sessions, moments and ids of events: these would tell all apart."""
    known = both.follower
    sessions = [
        [value for key, value in one.items() if key not in {"id", "due", "start", "drop"}] for one in known.sessions
    ]
    people = (known.persons, known.phones, known.seats, known.left)
    calls = (known.legs, known.order, known.calls, known.ended, known.became, known.monitors, known.early)
    told = msgspec.structs.replace(event, at=None, received_at=None, id=None)
    return hash((both.book.compiled.digest, repr((people, calls, sessions, both.world.given)), repr(told)))


def kinds(event: e.Event, step: Step) -> Iterator[str]:
    """What happened, in words; a triple may be of several kinds."""
    yield f"event {type(event).__name__}"
    is_request = isinstance(event, e.MonitorRequested)
    if is_request and step.answer and not step.verdicts:
        yield "a token again"
    for judged in step.verdicts:
        who = "request" if is_request else "observed" if _opens(step, judged.session) else "judged again"
        yield f"{who}: {_told(judged.verdict)}"
    for move in step.moves:
        row = f"{move.before or '-'} {move.trigger} {move.after}"
        yield f"move {row}" + (f", {move.reason}" if move.reason else "")
    for command in step.commands:
        yield f"command {type(command).__name__}"
    for notice in step.notices:
        yield f"notice {notice.kind}"
    if not (step.moves or step.verdicts or step.commands or step.notices or step.answer):
        yield "nothing follows"


def _opens(step: Step, session: str) -> bool:
    return any(move.session == session and move.before is None for move in step.moves)


def _told(verdict: Verdict) -> str:
    if verdict.permit:
        return f"permitted by {_many(len(verdict.hits))}, on {_many(len(verdict.candidates))} calls"
    if not verdict.hits:
        return "refused, no permit"
    undecided = " undecided" if all(hit.undecided for hit in verdict.hits) else ""
    return f"refused by {_many(len(verdict.hits))}{undecided}"


def _many(number: int) -> str:
    return str(number) if number < 3 else "3 or more"
