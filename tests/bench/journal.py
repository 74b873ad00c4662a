"""How fast the journal is: against bare SQLite writing the same rows, and against the `eventsourcing` library.

Contenders take turns, round by round, in files beside each other and with the same pragmas. Figures are medians of wall
time, since what is measured waits for the disk, and of CPU time, in case others use that disk. `eventsourcing` is no
dependency: without it the rest is printed, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from itertools import count, islice
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter, process_time, time
from typing import Any

from monitoring_core.domain.events import (
    ConnectionCleared,
    Delivered,
    Established,
    Event,
    Held,
    MonitorFailed,
    PhoneChanged,
    Retrieved,
    SignedIn,
)
from monitoring_core.domain.outcomes import Step
from monitoring_core.engine import Engine
from monitoring_core.files import load_rules
from monitoring_core.journal import Record, SqliteJournal
from monitoring_core.monitor import Monitor
from monitoring_core.monitor.library import edition
from monitoring_core.monitor.served import Ask
from monitoring_core.monitor.sites import Sites

GROUP = 50
SITE = "default"
PRAGMAS = ("synchronous = full", "secure_delete = on")
BODY, DIGEST, ROW = bytes(400), bytes(32), bytes(300)
"""About as large as those of an event that moves a session."""
SEATS = (
    SignedIn(person="ann", extension="5004", roles=("Supervisor",), supervises=("sales",), state="NOT_READY"),
    SignedIn(person="bob", extension="5025", roles=("Agent",), teams=("sales",)),
    PhoneChanged(extension="5025", supports_monitoring=True, configured=True),
    Established(call="c1", address="0170"),
    Established(call="c1", address="5025"),
)

Contender = Callable[[int], None]
"""Does its work so many times."""


def race(title: str, contenders: dict[str, Contender], *, times: int, units: int, rounds: int) -> None:
    """Let the contenders take turns; print what each does a second, and how many times as fast as the last it is.

    `units`: how many events one time is.
    """
    wall: dict[str, list[float]] = {name: [] for name in contenders}
    work: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            began, worked = perf_counter(), process_time()
            contender(times)
            wall[name].append((perf_counter() - began) / (times * units))
            work[name].append((process_time() - worked) / (times * units))
    print(f"\n{title}\n\n  {'':34}{'a second':>12}{'us each':>10}{'ratio':>8}{'CPU us':>10}{'ratio':>8}")
    last = list(contenders)[-1]
    for name in contenders:
        each, busy = median(wall[name]), median(work[name])
        print(f"  {name:34}{1 / each:>12,.0f}{each * 1e6:>10.1f}{median(wall[last]) / each:>8.2f}", end="")
        print(f"{busy * 1e6:>10.1f}{median(work[last]) / busy:>8.2f}")


# Ready-made records


def by_port(path: Path, size: int) -> Contender:
    """Transactions of the port, with `size` records and as many rows of sessions each."""
    journal, position = SqliteJournal(path), count(1)

    def work(times: int) -> None:
        for _ in range(times):
            records = [Record(number, BODY, DIGEST) for number in islice(position, size)]
            with journal.turn(SITE) as turn:
                turn.append(records)
                turn.put("session", {f"{SITE}-{record.position}": ROW for record in records})

    return work


def by_hand(path: Path, size: int) -> Contender:
    """The same rows in the same tables, and nothing else."""
    SqliteJournal(path).close()
    database, position = sqlite3.connect(path, isolation_level=None), count(1)
    for pragma in PRAGMAS:  # the file is in write-ahead mode already
        database.execute(f"pragma {pragma}")

    def work(times: int) -> None:
        for _ in range(times):
            numbers = list(islice(position, size))
            database.execute("begin immediate")
            database.executemany(
                "insert into entry (site, position, body, digest) values (?, ?, ?, ?)",
                [(SITE, number, BODY, DIGEST) for number in numbers],
            )
            database.execute("insert or replace into site values (?, ?, ?, ?, ?)", (SITE, numbers[-1], DIGEST, 0, b""))
            database.executemany(
                "insert or replace into shelf (site, shelf, key, value) values (?, ?, ?, ?)",
                [(SITE, "session", f"{SITE}-{number}", ROW) for number in numbers],
            )
            database.execute("commit")

    return work


# Events as they come


def happenings(stream: int = 0) -> Iterator[Event]:
    """One call after another: it rings, is answered, held, taken up again, and over."""
    for number in count():
        call, agent = f"c{stream}-{number}", f"{stream}-{number % GROUP}"
        for kind in (Delivered, Established, Held, Retrieved, ConnectionCleared):
            yield kind(call=call, address=agent, at=time())


class Ours:
    """The whole monitor: step, seal, chain, append."""

    def __init__(self, path: Path) -> None:
        self.sites = Sites(SqliteJournal(path), None, edition(load_rules().texts))
        self.sites.look(SITE, lambda _engine: None)

    def one(self, event: Event) -> None:
        """What `Monitor.feed` does."""
        self.sites.ask(SITE, lambda _engine: event, _step)

    def group(self, events: list[Event]) -> None:
        """They wait when the turn of the last has come, as if each had a thread."""
        (served,) = self.sites.served()
        served.asks.extend(Ask(partial(_given, event), _step) for event in events[:-1])
        self.one(events[-1])


class Peer:
    """An application of the `eventsourcing` library, in which each phone is an aggregate that is told the same."""

    def __init__(self, path: Path) -> None:
        self.new, self.phones = _phone(), dict[str, Any]()
        self.application = import_module("eventsourcing.application").Application(
            env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(path)}
        )
        with self.application.factory.datastore.get_connection(commit=True) as connection:
            for pragma in PRAGMAS:  # it keeps this connection, in write-ahead mode, and writes through no other
                connection.cursor().execute(f"pragma {pragma}")

    def one(self, event: Event) -> None:
        """The aggregate is told and saved; it is at hand and need not be read."""
        self.application.save(self._told(event))

    def group(self, events: list[Event]) -> None:
        """All in one transaction; it has no way to make one of those that merely wait."""
        self.application.save(*{phone.id: phone for phone in map(self._told, events)}.values())

    def _told(self, event: Any) -> Any:
        phone = self.phones.get(event.address)
        if phone is None:
            phone = self.phones[event.address] = self.new(event.address)
        phone.happened(type(event).__name__, event.call, event.at, time())
        return phone


@cache
def _phone() -> Any:
    domain = import_module("eventsourcing.domain")

    class Phone(domain.Aggregate):  # type: ignore[name-defined,misc]
        """Its call, and how that stands."""

        @domain.event("Opened")  # type: ignore[untyped-decorator]
        def __init__(self, address: str) -> None:
            self.address, self.call, self.state = address, "", ""

        @domain.event("Happened")  # type: ignore[untyped-decorator]
        def happened(self, kind: str, call: str, at: float, received_at: float) -> None:
            self.call, self.state, self.changed_at, self.seen_at = call, kind, at, received_at

    return Phone


def alone(contestant: Ours | Peer) -> Contender:
    """One event after another."""
    events = happenings()

    def work(times: int) -> None:
        for event in islice(events, times):
            contestant.one(event)

    return work


def together(contestant: Ours | Peer) -> Contender:
    """One group after another."""
    events = happenings()

    def work(times: int) -> None:
        for _ in range(times):
            contestant.group(list(islice(events, GROUP)))

    return work


def threads(contestant: Ours | Peer) -> Contender:
    """As many threads as a group has events, each with one event after another."""
    pool, streams = ThreadPoolExecutor(GROUP), [happenings(number) for number in range(GROUP)]

    def work(times: int) -> None:
        def some(stream: Iterator[Event]) -> None:
            for event in islice(stream, times):
                contestant.one(event)

        list(pool.map(some, streams))

    return work


def _given(event: Event, _engine: Engine) -> Event:
    return event


def _step(_engine: Engine, step: Step) -> Step:
    return step


# The tables


def appends(folder: Path, rounds: int) -> None:
    """Ready-made records, alone and in groups."""
    for size, times in ((1, 10), (GROUP, 2)):
        contenders = {
            "the journal's port": by_port(folder / f"port-{size}", size),
            "bare sqlite3": by_hand(folder / f"bare-{size}", size),
        }
        race(f"Durable appends, {size} a transaction", contenders, times=times, units=size, rounds=rounds)


def feeds(folder: Path, rounds: int) -> str:
    """Whole events, alone and in groups; what there was to measure against."""
    try:
        peer = f"eventsourcing {version('eventsourcing')}"
    except PackageNotFoundError:
        peer = ""
    races: tuple[tuple[str, Callable[[Ours | Peer], Contender], int, int], ...] = (
        ("alone", alone, 10, 1),
        (f"{GROUP} waiting", together, 2, GROUP),
        (f"{GROUP} threads", threads, 2, GROUP),
    )
    for title, kind, times, units in races:
        contenders = {"the monitor": kind(Ours(folder / f"monitor {title}"))}
        if peer:
            contenders[peer] = kind(Peer(folder / f"peer {title}"))
        race(f"Durable events, {title}", contenders, times=times, units=units, rounds=rounds)
    return peer


def latency(folder: Path, number: int) -> None:
    """How long a request takes that is permitted; each opens a session, which then fails."""
    monitors = {"in memory": Monitor.open(), "durable": Monitor.open(folder / "requests")}
    seconds: dict[str, list[float]] = {name: [] for name in monitors}
    for monitor in monitors.values():
        for event in SEATS:
            monitor.feed(event)
    for _ in range(number):
        for name, monitor in monitors.items():
            before = perf_counter()
            answer = monitor.request("5004", "5025", "ann")
            seconds[name].append(perf_counter() - before)
            if not answer.permit:
                raise SystemExit(f"the request was to be permitted: {answer.because}")
            monitor.feed(MonitorFailed(from_address="5004", code="1"))
    print(f"\nLatency of {number:,} requests\n\n  {'':44}{'median us':>12}{'p99 us':>10}")
    for name, found in seconds.items():
        print(f"  {name:44}{median(found) * 1e6:>12,.0f}{quantiles(found, n=100)[-1] * 1e6:>10,.0f}")


def main() -> int:
    """All of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="how often the contenders take turns")
    rounds = parser.parse_args().rounds
    with TemporaryDirectory() as name:
        folder = Path(name)
        appends(folder, rounds)
        peer = feeds(folder, rounds)
        latency(folder, 20 * rounds)
    if not peer:
        print("\neventsourcing is not installed, so nothing was measured against it: pip install eventsourcing")
    return 0 if peer else 1


if __name__ == "__main__":
    sys.exit(main())
