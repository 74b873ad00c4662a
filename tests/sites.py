"""What the tests of large logs share: logs of several sites, ways to replay them, and workers that are killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import msgspec
from hypothesis import strategies as st
from msgspec.structs import replace

from monitoring_core.engine import Engine
from monitoring_core.large import SiteReplay, Workers, blocks, here, partitioned, recipe_from, replay_sites, sort_log
from monitoring_core.testing.large import LargeSite

RECIPE = recipe_from()
GARBAGE = (
    b"",
    b"  ",
    b"{",
    b"[1",
    b'{"event":"nothing"}',
    b'{"event":"held","call":1,"site":"a"}',
    b"\xff",
    b'{"site":"b"}',
)

J = TypeVar("J")
R = TypeVar("R")


def day(site: str, seed: int = 0, calls: int = 12, agents: int = 20) -> list[bytes]:
    """A small site's day, a line each."""
    events = LargeSite(agents=agents, calls=calls, requests=calls, seed=seed, site=site or "default").events()
    return [msgspec.json.encode(replace(event, site=site)) for event in events]


def interleaved(days: Sequence[Sequence[bytes]], seed: int = 0) -> list[bytes]:
    """Those days as one log; each keeps its order."""
    order = [number for number, one in enumerate(days) for _ in one]
    Random(seed).shuffle(order)
    rest = [iter(one) for one in days]
    return [next(rest[number]) for number in order]


@st.composite
def logs(draw: st.DrawFn) -> bytes:
    """Up to four sites, lines that name none, and lines that nobody can read."""
    seeds = st.integers(0, 1_000)
    names = draw(st.lists(st.sampled_from(["a", "b", "b-1", "ü \U0001f512"]), unique=True, max_size=4))
    days = [day(name, draw(seeds), draw(st.integers(1, 8))) for name in names]
    days += [day("", draw(seeds), 2)] * draw(st.integers(0 if names else 1, 1))
    days += [draw(st.lists(st.sampled_from(GARBAGE), max_size=5))]
    ends = b"\n" * draw(st.integers(0, 2))
    return b"\n".join(interleaved(days, draw(seeds))) + ends


def replay(
    log: str, workers: Workers = here, partitions: int = 64, part_bytes: int = 2**26, waiting_bytes: int = 2**24
) -> dict[str, tuple[SiteReplay, list[str]]]:
    """Every site of a log, with its rows."""
    with TemporaryDirectory() as scratch:
        ordered = sort_log(log, scratch, workers, part_bytes, waiting_bytes)
        done = [
            one for part in replay_sites(partitioned(ordered, RECIPE, "default", partitions), workers) for one in part
        ]
        assert len({one.site for one in done}) == len(done)
        return {one.site: (one, [row.decode().rstrip("\n") for row in one.rows()]) for one in done}


def dying(workers: Workers, folder: Path, deaths: int = 1) -> Workers:
    """The same workers, but so many of them are killed in the middle of a job of each kind."""

    def run(do: Callable[[J], R], jobs: Sequence[J]) -> Iterator[R]:
        return workers(partial(_dies, do, folder, deaths), jobs)

    return run


def _dies(do: Callable[[J], R], folder: Path, deaths: int, job: J) -> R:
    """What happens in the worker: it kills itself after a while, if not so many have done so."""
    for number in range(deaths):
        try:
            Path(folder, f"{getattr(do, '__name__', '')}-{number}").touch(exist_ok=False)
        except FileExistsError:
            continue
        _kill_after(50)
        break
    return do(job)


def counted(folder: Path, job: int) -> int:
    """A job that leaves a trace each time; the third one kills its worker the first time."""
    Path(folder, f"{job}-{len(list(folder.glob(f'{job}-*')))}").touch()
    if job == 2 and len(list(folder.glob("2-*"))) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return job * job


def _kill_after(calls: int) -> None:
    """The process kills itself in its so manieth call of what a job does for each record or event."""
    left = calls

    def counted(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            nonlocal left
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*given)

        return call

    for owner, name in ((Engine, "step"), (blocks, "site_of")):
        setattr(owner, name, counted(getattr(owner, name)))
