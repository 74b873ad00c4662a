"""Shell: owns who does jobs: this process, a pool of processes, or a Dask cluster; all behind one small port.

Refuses to know what a job is. A worker that dies loses nothing: its jobs are done again, so a job must be such that
doing it twice does it once.
"""

from __future__ import annotations

import gc
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from types import TracebackType
from typing import Protocol, Self, TypeVar

from monitoring_core.errors import MonitoringError

DEATHS_MAX = 5
"""So often workers may die in a row, without a job being done, until we give up."""

_COLLECTING = (100_000, 50, 100)
"""How many new values, young and middle collections Python waits for before the next collection."""

J = TypeVar("J")
R = TypeVar("R")


class Workers(Protocol):
    """Does all jobs, and gives what each comes to, in whatever order they end. `do` and jobs can be pickled."""

    def __call__(self, do: Callable[[J], R], jobs: Sequence[J]) -> Iterator[R]:
        """Raises what `do` raises, and WorkersDied if workers die again and again."""
        ...


class WorkersDied(MonitoringError):
    """Workers that end before they are done, again and again."""


def here(do: Callable[[J], R], jobs: Sequence[J]) -> Iterator[R]:
    """Nobody else does them, one after another."""
    return map(do, jobs)


class Pool:
    """So many processes of this machine."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._pool = self._new()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def __call__(self, do: Callable[[J], R], jobs: Sequence[J]) -> Iterator[R]:
        """All jobs, again those whose worker died."""
        left, deaths = dict(enumerate(jobs)), 0
        while left:
            broken: BrokenProcessPool | None = None
            futures: dict[Future[R], int] = {}
            try:
                for number, job in left.items():
                    futures[self._pool.submit(do, job)] = number
            except BrokenProcessPool as error:
                broken = error
            for future in as_completed(futures):
                try:
                    result = future.result()
                except BrokenProcessPool as error:
                    broken = error
                    continue
                del left[futures[future]]
                deaths = 0
                yield result
            if broken is not None:
                deaths += 1
                if deaths > DEATHS_MAX:
                    raise died(str(broken)) from broken
                self._pool.shutdown(cancel_futures=True)
                self._pool = self._new()

    def _new(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._number, mp_context=context, initializer=_begin)


def died(why: str) -> WorkersDied:
    """The error when there is no use in going on."""
    fix = "give them more memory, or use fewer"
    return WorkersDied(f"workers died again and again before they were done: {why}", "workers", fix)


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """A log is millions of values that live shortly and in no circles: looking for circles as often as Python does by
    itself takes a sixth of a replay's time.
    """
    usual = gc.get_threshold()
    gc.set_threshold(*_COLLECTING)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _begin() -> None:
    """Ctrl-C at a terminal goes to every process there: a worker has nothing to say about it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
