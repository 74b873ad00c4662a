"""How much memory sessions take, whether it stays flat while they come and go, and what a new one costs among many.

Every event is decoded from its own line, so that no two sessions share a text that would not be shared in life. What
a session costs is CPU time, in two processes that take turns: one with a thousand sessions alive, one with a million.
"""

from __future__ import annotations

import argparse
import gc
import os
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import count, islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from time import process_time

import msgspec

from monitoring_core.domain.events import (
    AnyEvent,
    CallCleared,
    CommandOutcome,
    Established,
    Event,
    MonitorEnded,
    MonitorRequested,
    MonitorStarted,
    SignedIn,
    TimePassed,
)
from monitoring_core.domain.settings import Limits, Settings
from monitoring_core.engine import Engine
from monitoring_core.rules.load import load_book

ALIVE = 50_000
FEW, MANY = 1_000, 1_000_000
BATCH = 500
TENTHS = 10
EVERY_S = 0.05
"""Between one new session and the next."""
EPOCH = 1_800_000_000.0
BOOK = load_book(
    {"anybody.toml": '[[rule]]\nid = "anybody"\neffect = "permit"\nbecause = "this site trusts everybody"\n'}
)
SETTINGS = Settings(
    session_lease_s=3_600,
    call_lease_s=3_600,
    limits=Limits(finals_max=20_000, calls_gone_max=20_000, people_max=3 * MANY, calls_max=3 * MANY),
)
"""What bounds the memory of the past is a part of its default, so that it is reached soon."""
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

_decode = msgspec.json.Decoder(AnyEvent).decode


def tell(engine: Engine, event: Event, now: float = EPOCH) -> None:
    """Step an event as it comes from a line."""
    engine.step(_decode(msgspec.json.encode(msgspec.structs.replace(event, at=now, received_at=now))))


def rss() -> int:
    """The memory that this process has now, bytes."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES


def seat(engine: Engine, number: int, now: float = EPOCH) -> None:
    """A supervisor and an agent who talks to a customer."""
    for event in (
        SignedIn(person=f"supervisor-{number}", extension=f"1{number:06}"),
        SignedIn(person=f"agent-{number}", extension=f"2{number:06}"),
        Established(call=f"call-{number}", address=f"0170{number:06}"),
        Established(call=f"call-{number}", address=f"2{number:06}"),
    ):
        tell(engine, event, now)


def ask(number: int) -> MonitorRequested:
    """The supervisor of that number asks for his agent."""
    return MonitorRequested(from_address=f"1{number:06}", to_address=f"2{number:06}", user=f"supervisor-{number}")


def start(number: int) -> MonitorStarted:
    """He listens."""
    return MonitorStarted(
        monitor_call=f"monitor-{number}",
        from_address=f"1{number:06}",
        to_address=f"2{number:06}",
        call=f"call-{number}",
    )


def per_session() -> None:
    """Print what the sessions alive add to a floor that was there before."""
    engine = Engine(BOOK, SETTINGS)
    for number in range(ALIVE):
        seat(engine, number)
    gc.collect()
    tracemalloc.start()
    before = _traced()
    print(f"\nBytes of each of {ALIVE:,} sessions alive\n\n  {'':34}{'bytes':>10}{'aim':>10}")
    sessions: tuple[tuple[str, Callable[[int], Event], int], ...] = (
        ("requested", ask, 700),
        ("active, with its monitor call", start, 1_400),
    )
    for what, make, aim in sessions:
        for number in range(ALIVE):
            tell(engine, make(number))
        if make is start:
            tell(engine, TimePassed(), EPOCH + 2 * SETTINGS.confirm_s)
        print(f"  {what:34}{(_traced() - before) / ALIVE:>10,.0f}{aim:>10,}")
    tracemalloc.stop()


def _traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def come_and_go() -> Iterator[tuple[Event, float]]:
    """Sessions without end, each with its call; the oldest ends as soon as there are enough."""
    for number in count():
        now = EPOCH + number * EVERY_S
        yield Established(call=f"call-{number}", address=f"0170{number:06}"), now
        yield Established(call=f"call-{number}", address=f"2{number:06}"), now
        yield ask(number), now
        yield start(number), now
        if number >= ALIVE:
            yield MonitorEnded(monitor_call=f"monitor-{number - ALIVE}"), now
            yield CallCleared(call=f"call-{number - ALIVE}"), now


def flat(events: int) -> None:
    """Print the memory at each tenth of so many events."""
    engine, stream = Engine(BOOK, SETTINGS), come_and_go()
    print(f"\n{events:,} events, {ALIVE:,} sessions alive at most")
    print(f"\n  {'events':>12}{'ended':>12}{'remembered':>12}{'MB':>8}")
    seen, ended = [], 0
    for _ in range(TENTHS):
        for event, now in islice(stream, events // TENTHS):
            tell(engine, event, now)
            ended += type(event) is MonitorEnded
        seen.append(rss())
        print(f"  {engine.position:>12,}{ended:>12,}{len(engine.sessions.finals):>12,}{seen[-1] / 1e6:>8,.0f}")
    print(f"  at the end {seen[-1] / seen[TENTHS // 2]:.3f} of what it was after the first six tenths")


def creations(alive: int, pipe: Connection) -> None:
    """Have so many sessions alive; then, whenever told to, open some more, say what each took, and end them."""
    engine = Engine(BOOK, SETTINGS)
    for number in range(alive):
        tell(engine, ask(number))
    numbers = count(alive)
    pipe.send(0.0)
    while batch := pipe.recv():
        events = [_decode(msgspec.json.encode(ask(number))) for number in islice(numbers, batch)]
        began = process_time()
        steps = [engine.step(event) for event in events]
        pipe.send((process_time() - began) / batch)
        for step in steps:
            command = engine.sessions.by_id[step.answer].start_command
            tell(engine, CommandOutcome(command=command, outcome="failed"))


def among_many(rounds: int) -> None:
    """Print what it costs to open a session among few and among many."""
    context = get_context("spawn")
    pipes: list[Connection] = []
    for alive in (FEW, MANY):
        here, there = context.Pipe()
        context.Process(target=creations, args=(alive, there), daemon=True).start()
        pipes.append(here)
    for pipe in pipes:
        pipe.recv()
    seconds: list[list[float]] = [[], []]
    for _ in range(rounds):
        for pipe, found in zip(pipes, seconds, strict=True):
            pipe.send(BATCH)
            found.append(pipe.recv())
    few, many = map(median, seconds)
    print(f"\nTo open a session, CPU time\n\n  among {FEW:>9,}{few * 1e6:>10.1f} us")
    print(f"  among {MANY:>9,}{many * 1e6:>10.1f} us, {many / few:.2f} times (aim 1.20)")


def main() -> None:
    """All of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="how many, while sessions come and go")
    parser.add_argument("--rounds", type=int, default=100, help="how often the two sizes take turns")
    given = parser.parse_args()
    per_session()
    flat(given.events)
    among_many(given.rounds)


if __name__ == "__main__":
    main()
