"""Shell: owns what commands that work on whole logs share: a scratch folder, and who works.

Refuses to know what the work is.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from tempfile import TemporaryDirectory
from typing import TypeVar

from tqdm import tqdm

from monitoring_core.errors import UsageError
from monitoring_core.large import LOCAL, Pool, Workers, cluster, here

WORKERS_OF_A_CLUSTER = 2

J = TypeVar("J")
R = TypeVar("R")


def add_workers(made: ArgumentParser, when: str = "") -> None:
    """The options."""
    made.add_argument("--workers", metavar="N", type=int, help=f"{when}so many processes (default: only this one)")
    made.add_argument(
        "--cluster", metavar="ADDRESS", help=f"{when}a Dask scheduler, or {LOCAL} for one here with N workers"
    )
    made.add_argument(
        "--scratch", metavar="DIR", help=f"{when}where the log is sorted by site; needs room for all of it, unpacked"
    )


def scratch_of(options: Namespace) -> TemporaryDirectory[str]:
    """A folder that is gone afterwards. Raises UsageError if there is no place for it."""
    try:
        return TemporaryDirectory(dir=options.scratch, prefix="monitoring-core-")
    except OSError as error:
        fix = "name a folder that can be written to: --scratch DIR"
        raise UsageError(f"cannot make a folder: {error.strerror}", options.scratch or "", fix) from error


def workers_of(options: Namespace) -> AbstractContextManager[Workers]:
    """Whom the command line names. Raises UsageError if it names nobody."""
    number: int | None = options.workers
    if number is not None and number < 1:
        raise UsageError("nobody works", f"--workers {number}", "write --workers 1, or more")
    if options.cluster:
        return cluster(options.cluster, number or WORKERS_OF_A_CLUSTER)
    return Pool(number) if number else nullcontext(here)


def shown(workers: Workers, what: str) -> Workers:
    """At a terminal, with a bar of how many jobs are done."""

    def with_bar(do: Callable[[J], R], jobs: Sequence[J]) -> Iterator[R]:
        return iter(tqdm(workers(do, jobs), total=len(jobs), unit=f" {what}", file=sys.stderr, leave=False))

    return with_bar if sys.stderr.isatty() else workers
