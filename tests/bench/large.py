"""A log of many sites: what one process, two, and a Dask cluster whose workers are killed make of it, and an index.

Every site has a day of about 40,000 events; a larger log has more sites, whose events come in turn. Memory is that of
all processes together and of the largest one, looked at four times a second; logs of two sizes show whether it grows.
CPU seconds are stated beside wall-clock seconds, as other work on the machine costs only the latter.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any, TypeVar

import attrs
import msgspec
import psutil
from msgspec import Struct, structs

from monitoring_core import large
from monitoring_core.large import Pool, Workers, cluster, digest_of, here, partitioned, recipe_from
from monitoring_core.testing.large import LargeSite

CALLS, AGENTS, REQUESTS = 3_850, 200, 770
NAME = b"site-000000"
SESSIONS_SHOWN = 1_000
KILLED = 2
SITES_MIN = 6
"""So many that workers can be killed in the middle."""
MEGABYTE = 1_000_000

J = TypeVar("J")
R = TypeVar("R")


def write_log(path: Path, events: int) -> int:
    """A log of about so many events; how many there are. Sites differ in name only: that costs them no less."""
    site = NAME.decode()
    told = LargeSite(agents=AGENTS, calls=CALLS, requests=REQUESTS, site=site).events()
    day = [msgspec.json.encode(structs.replace(event, site=site)) + b"\n" for event in told]
    names = [b"site-%06d" % number for number in range(max(SITES_MIN, round(events / len(day))))]
    with path.open("wb") as file:
        for line in day:
            file.writelines(line.replace(NAME, name) for name in names)
    return len(day) * len(names)


@attrs.define
class Memory:
    """The peaks of this process with all that it started, bytes."""

    together: int = 0
    largest: int = 0

    def look(self) -> None:
        """Now."""
        mine = psutil.Process()
        sizes = []
        for process in (mine, *mine.children(recursive=True)):
            try:
                sizes.append(process.memory_info().rss)
            except psutil.Error:  # it ended meanwhile
                continue
        self.together, self.largest = max(self.together, sum(sizes)), max(self.largest, *sizes)

    def __str__(self) -> str:
        return f"{self.together / MEGABYTE:,.0f} MB together, {self.largest / MEGABYTE:,.0f} MB the largest process"


@contextmanager
def looking() -> Iterator[Memory]:
    """Look until it ends."""
    memory, over = Memory(), Event()

    def look() -> None:
        while not over.wait(0.25):
            memory.look()

    thread = Thread(target=look)
    thread.start()
    try:
        yield memory
    finally:
        over.set()
        thread.join()


@attrs.define
class Timed:
    """Workers whose CPU seconds are added up by process, phase by phase."""

    workers: Workers
    phases: list[Counter[int]] = attrs.field(factory=list)

    def __call__(self, do: Callable[[J], R], jobs: Sequence[J]) -> Iterator[R]:
        """All jobs."""
        spent = Counter[int]()
        self.phases.append(spent)
        for process, seconds, result in self.workers(partial(_timed, do), jobs):
            spent[process] += seconds  # type: ignore[assignment] # a counter of seconds
            yield result

    @property
    def all_s(self) -> float:
        """Of all processes."""
        return sum(sum(phase.values()) for phase in self.phases)

    @property
    def longest_s(self) -> float:
        """Of the process that worked longest in each phase: what all others wait for."""
        return sum(max(phase.values()) for phase in self.phases)


def _timed(do: Callable[[J], R], job: J) -> tuple[int, float, R]:
    began = time.process_time()
    result = do(job)
    return os.getpid(), time.process_time() - began, result


class Run(Struct, frozen=True):
    """How one replay of all sites went; what it took."""

    digest: str
    seconds: float
    cpu_s: float
    longest_s: float
    memory: str


HOW: dict[str, Callable[[], AbstractContextManager[Workers]]] = {
    "one process": lambda: nullcontext(here),
    "a pool of one": lambda: Pool(1),
    "a pool of two": lambda: Pool(2),
    "Dask, two workers, two killed": lambda: cluster("local", 2),
}


def measured(log: Path, how: str, events: int) -> Run:
    """Replay all sites of a log, in a fresh process and those that it starts."""
    command = [sys.executable, __file__, "--replay", how, "--log", str(log)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    run = msgspec.json.decode(done.stdout, type=Run)
    print(f"  {how}: {run.seconds:.1f} s, {events / run.seconds:,.0f} events a second; {run.cpu_s:.1f} s of CPU")
    print(f"    {run.memory}", flush=True)
    return run


def replay(log: Path, how: str) -> Run:
    """What `measured` starts."""
    with looking() as memory, TemporaryDirectory(dir=log.parent) as scratch, HOW[how]() as workers:
        timed = Timed(killing(workers) if how.endswith("killed") else workers)
        began = time.perf_counter()
        ordered = large.sort_log(str(log), scratch, timed)
        parts = large.replay_sites(partitioned(ordered, recipe_from(), "default"), timed)
        digest = digest_of(one for part in parts for one in part)
        return Run(digest, time.perf_counter() - began, timed.all_s, timed.longest_s, str(memory))


def killing(workers: Any) -> Workers:
    """A cluster of which two workers are killed: when a third of the partitions is done, and when two thirds are."""
    killed = set[int]()

    def run(do: Callable[[J], R], jobs: Sequence[J]) -> Iterator[R]:
        is_replay = isinstance(jobs[0], large.Partition)
        at = {len(jobs) * (number + 1) // (KILLED + 1) for number in range(KILLED)} if is_replay else set()
        for done, result in enumerate(workers(do, jobs)):
            if done in at:
                alive = set(workers.client.run(os.getpid).values()) - killed
                killed.add(chosen := min(alive))
                os.kill(chosen, signal.SIGKILL)
                sys.stderr.write(f"    killed worker {len(killed)} after {done} of {len(jobs)} partitions\n")
            yield result
        if is_replay and len(killed) != KILLED:
            raise SystemExit(f"{len(killed)} workers were killed")

    return run


def whole(log: Path, events: int) -> None:
    """One process, and Dask with two workers killed; it fails if they do not say the same."""
    print(f"\n{events:,} events, {log.stat().st_size / MEGABYTE:,.0f} MB", flush=True)
    one, dask = (measured(log, how, events) for how in ("one process", "Dask, two workers, two killed"))
    print(f"  digest {one.digest}")
    if dask.digest != one.digest:
        raise SystemExit(f"Dask says {dask.digest}")
    print("  the same from both")


def cores(log: Path, events: int) -> None:
    """A pool of one, and of two."""
    one, two = (measured(log, how, events) for how in ("a pool of one", "a pool of two"))
    clock, work = one.seconds / two.seconds, one.longest_s / two.longest_s
    print(f"  two to one: {clock:.2f} by the clock, {work:.2f} by the CPU seconds of the process that works longest")


def index(log: Path, events: int) -> None:
    """Bytes and time of one session."""
    began, recipe = time.process_time(), recipe_from()
    stamp = large.stamp_of(str(log))
    with TemporaryDirectory(dir=log.parent) as scratch:
        partitions = partitioned(large.sort_log(str(log), scratch, here), recipe, "default")
        sessions = [row["session"] for row in _rows(partitions)][-SESSIONS_SHOWN:]
        footer = large.write_index(partitions, stamp, here)
    size = large.index_of(str(log)).stat().st_size
    print(f"\nindex of {events:,} events: {footer.sessions:,} sessions, {size / MEGABYTE:,.0f} MB", end="")
    print(f", made in {time.process_time() - began:.1f} s of CPU (with a replay before it)")
    found = defaultdict[str, list[tuple[int, float]]](list)
    for session in sessions:
        for what, ask in (("its steps", lambda known, name: list(known.steps(name))), ("its row", large.Index.row)):
            began = time.perf_counter()
            known = large.open_index(str(log), recipe)
            assert known is not None  # it was written just now
            with known:
                if not ask(known, session):
                    raise SystemExit(f"the index does not know {session}")
                found[what].append((known.reader.bytes_read, time.perf_counter() - began))
    for what, asked in found.items():
        most, longest = (max(values) for values in zip(*asked, strict=True))
        middle = sorted(seconds for _, seconds in asked)[len(asked) // 2]
        print(f"  {what}: at most {most:,} bytes, {middle * 1000:.1f} ms (median), {longest * 1000:.1f} ms (longest)")


def _rows(partitions: list[large.Partition]) -> Iterator[Any]:
    for done in large.replay_sites(partitions[:1], here):
        for one in done:
            yield from map(msgspec.json.decode, one.rows())


def main() -> None:
    """Two sizes; cores and index by the first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="of the larger log; the smaller has a fifth")
    parser.add_argument("--scratch", help="a folder with room for the log three times")
    parser.add_argument("--replay", choices=HOW, help=argparse.SUPPRESS)
    parser.add_argument("--log", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.replay:
        sys.stdout.buffer.write(msgspec.json.encode(replay(options.log, options.replay)))
        return
    with TemporaryDirectory(dir=options.scratch) as folder:
        log = Path(folder, "log.jsonl")
        events = write_log(log, options.events // 5)
        whole(log, events)
        cores(log, events)
        index(log, events)
        large.index_of(str(log)).unlink()
        events = write_log(log, options.events)
        whole(log, events)


if __name__ == "__main__":
    main()
