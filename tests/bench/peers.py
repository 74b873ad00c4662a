"""The replay of a large site's log, beside the same job on libraries that people write such things with.

The log is a day of a large site: 2,000 agents in 100 teams, about ten events a call, a request for each fifth call (a
tenth of them for an idle agent, a fifth for another team's), three calls in ten held, one in twenty transferred, one
event in a hundred told twice, each heard up to 0.2 s late. Contenders share `job`: json, attrs, dictionaries, only
what this log needs. They differ in what keeps the states of calls' legs and of sessions, and in what judges. All must
find the same sessions, with pair, call, state, reason, rules and times, before anything is measured; those that run
the whole log, at its end, too.

Where only sessions are machines and legs are not, most of the time goes into json, attrs and dictionaries, whatever
the library: that row is there to show it. Contenders too slow for the whole log run its first pieces.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import msgspec

from monitoring_core.domain.events import Event
from monitoring_core.engine import Engine
from monitoring_core.files import load_rules
from monitoring_core.replay import Replay, Row
from monitoring_core.sources.native import NativeSource
from monitoring_core.testing.large import LargeSite
from tests.bench.contenders.job import Job
from tests.bench.contenders.track import Entry, Track

PIECE = 20_000
CHECKED = 60_000
"""How many events are compared before anything is measured."""


@attrs.define
class Pieces:
    """A log, piece by piece."""

    path: Path
    lines: list[bytes] = attrs.field(factory=list)
    _open: Iterator[bytes] | None = None

    def ready(self, _turn: int) -> None:
        """The next piece, from the first on."""
        if self._open is None:
            self._open = self.path.open("rb")
        self.lines = list(islice(self._open, PIECE))


@attrs.define
class Ours(Pieces):
    """Source, engine, rows and digest."""

    def __attrs_post_init__(self) -> None:
        rules = load_rules()
        self._feed, self._run = NativeSource().feed, Replay(Engine(rules.book, rules.settings))

    _feed: Callable[[bytes], list[Event]] = attrs.field(init=False)
    _run: Replay = attrs.field(init=False)

    def go(self) -> int:
        """The whole replay."""
        feed = self._feed
        for _ in self._run.run(event for line in self.lines for event in feed(line)):
            pass
        return len(self.lines)

    def answer(self) -> object:
        """The rows, as the contenders have them."""
        return {row.session: _told(row) for row in self._run.finish()}


def _told(row: Row) -> tuple[object, ...]:
    pair = (row.origin, row.extension, row.agent_extension, row.call)
    times = (row.requested_at, row.active_at, row.ended_at)
    return (*pair, row.state, row.reason, tuple(sorted(row.rules)), *times)


@attrs.define
class Theirs(Pieces):
    """The job with the kit of that name."""

    kit: str = ""

    def __attrs_post_init__(self) -> None:
        module, _, name = self.kit.partition(":")
        self._job = Job(getattr(import_module(f"tests.bench.contenders.{module}"), name)())

    _job: Job = attrs.field(init=False)

    def go(self) -> int:
        """The whole replay."""
        self._job.feed(self.lines)
        return len(self.lines)

    def answer(self) -> object:
        """Every session."""
        return self._job.answer()


CONTENDERS: tuple[tuple[str, str, str, float | None, int], ...] = (
    ("json + attrs + transitions models", "on_transitions:Kit", "transitions", 4, 15),
    ("the same, only sessions are models", "on_transitions:SessionsOnly", "", None, 50),
    ("python-statemachine + business-rules", "on_statemachine:Kit", "python-statemachine", 10, 3),
    ("sismic", "on_sismic:Kit", "sismic", 10, 7),
    ("eventsourcing aggregates, saved in memory", "on_eventsourcing:Saved", "eventsourcing", 10, 15),
    ("the same, nothing saved", "on_eventsourcing:Kit", "", None, 50),
)
"""Name, kit, package, aim, and in how many of fifty pieces it takes part."""
WHOLE = 50


def entries(log: Path, turns: int) -> list[Entry]:
    """Us first."""
    found = [Entry("monitoring-core, the whole replay", Ours, (log,))]
    for name, kit, package, aim, share in CONTENDERS:
        found.append(Entry(name, _theirs, (log, kit), max(1, turns * share // WHOLE), package, aim))
    return found


def _theirs(log: Path, kit: str) -> Theirs:
    return Theirs(log, kit=kit)


def write(path: Path, number: int) -> None:
    """The log, and its mix."""
    kinds: Counter[str] = Counter()
    with path.open("wb") as log:
        calls = number // 10
        for event in islice(LargeSite(calls=calls, requests=calls // 5).events(), number):
            kinds[type(event).__name__] += 1
            log.write(msgspec.json.encode(event) + b"\n")
    mix = ", ".join(f"{name} {times:,}" for name, times in kinds.most_common())
    print(f"The log: {kinds.total():,} events, {path.stat().st_size:,} bytes. {mix}")


def main() -> None:
    """Compare, then measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=1_000_000, help="events of the log")
    number = parser.parse_args().number
    with TemporaryDirectory() as folder:
        log, start = Path(folder, "log.jsonl"), Path(folder, "start.jsonl")
        write(log, number)
        with log.open("rb") as lines:
            start.write_bytes(b"".join(islice(lines, CHECKED)))
        with Track([attrs.evolve(entry, turns=0) for entry in entries(start, 1)]) as track:
            track.run(CHECKED // PIECE)
            track.agree()
        print(f"All contenders find the same sessions in the first {CHECKED:,} events.")
        turns = number // PIECE
        with Track(entries(log, turns)) as track:
            track.run(turns)
            track.agree()
            print("Those that run the whole log find the same sessions in it.")
        track.table("A day of a large site, replayed", "events")


if __name__ == "__main__":
    main()
