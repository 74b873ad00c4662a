"""Lets contenders take turns, each in a process of its own, and compares what they find before what they take.

A figure is CPU time of the contender's process. A ratio is the median over the turns that both ran: machines get slower
and faster while a bench runs, so only neighbours in time are compared.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from importlib.metadata import version
from multiprocessing import get_context
from multiprocessing.connection import Connection
from statistics import median
from time import process_time
from typing import Any, Protocol, Self

import attrs


class Contender(Protocol):
    """Somebody who does the job, turn by turn."""

    def ready(self, turn: int) -> None:
        """Whatever is not measured: have the input of this turn at hand."""

    def go(self) -> int:
        """The work of the turn; how many things were done."""

    def answer(self) -> object:
        """What was found so far, to be compared; it must be the same as ours."""


@attrs.frozen
class Entry:
    """Somebody who runs: how he is made, in how many turns he takes part, the package that he is made of.

    `aim`: what the ratio should be at least. `is_compared`: whether he finds anything that could be.
    """

    name: str
    make: Callable[..., Contender]
    args: tuple[object, ...] = ()
    turns: int = 0
    package: str = ""
    aim: float | None = None
    is_compared: bool = True

    @property
    def title(self) -> str:
        """The name, with the version of the package."""
        return self.name.replace(self.package, f"{self.package} {version(self.package)}") if self.package else self.name


def _serve(entry: Entry, parent: Connection) -> None:
    contender = entry.make(*entry.args)
    while (turn := parent.recv()) is not None:
        if turn == "answer":
            parent.send(contender.answer())
            continue
        contender.ready(turn)
        gc.collect()
        before = process_time()
        done = contender.go()
        parent.send((process_time() - before, done))


class Track:
    """The contenders in their processes; the first is who the others are measured against."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = list(entries)
        self.seconds: dict[str, dict[int, float]] = {entry.name: {} for entry in self.entries}
        self.done: dict[str, int] = dict.fromkeys(self.seconds, 0)
        self._lines: dict[str, Connection] = {}
        self._processes: list[Any] = []

    def __enter__(self) -> Self:
        context = get_context("spawn")
        for entry in self.entries:
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(entry, theirs), daemon=True)
            process.start()
            theirs.close()
            self._lines[entry.name] = ours
            self._processes.append(process)
        return self

    def __exit__(self, *_error: object) -> None:
        for line in self._lines.values():
            with suppress(OSError):  # who failed is not there any more
                line.send(None)
        for process in self._processes:
            process.join()

    def run(self, turns: int) -> None:
        """All turns, one contender after the other in each."""
        for turn in range(turns):
            for entry in self.entries:
                if entry.turns and turn >= entry.turns:
                    continue
                seconds, done = self._ask(entry, turn)
                self.seconds[entry.name][turn] = seconds / done
                self.done[entry.name] += done

    def agree(self) -> None:
        """Stop where somebody who ran as far as the first found anything else."""
        first, *others = (entry for entry in self.entries if entry.is_compared)
        answer = self._ask(first, "answer")
        if not answer:
            raise SystemExit(f"{first.name} found nothing, so nothing can be compared")
        for other in others:
            if self.seconds[other.name].keys() != self.seconds[first.name].keys():
                continue
            found = self._ask(other, "answer")
            if found != answer:
                raise SystemExit(f"{other.title} does not find what {first.name} does: {_difference(answer, found)}")

    def ratio(self, entry: Entry, first: Entry | None = None) -> float:
        """How many times as fast as this one `first` is, or the first of all, over the turns that both ran."""
        ours, theirs = self.seconds[(first or self.entries[0]).name], self.seconds[entry.name]
        return median(each / ours[turn] for turn, each in theirs.items() if turn in ours)

    def table(self, title: str, unit: str) -> None:
        """Print all of it."""
        print(f"\n{title}\n\n  {'':62}{unit:>12}{'a second':>12}{'us each':>10}{'ratio':>11}{'aim':>8}")
        for entry in self.entries:
            each = median(self.seconds[entry.name].values())
            aim = "" if entry.aim is None else f"{entry.aim:g}"
            print(f"  {entry.title:62}{self.done[entry.name]:>12,}{1 / each:>12,.0f}{each * 1e6:>10.1f}", end="")
            print(f"{self.ratio(entry):>11.2f}{aim:>8}")

    def _ask(self, entry: Entry, what: object) -> Any:
        line = self._lines[entry.name]
        line.send(what)
        try:
            return line.recv()
        except (EOFError, ConnectionError):
            raise SystemExit(f"{entry.title} failed, see above") from None


def _difference(answer: object, found: object) -> str:
    if isinstance(answer, Mapping) and isinstance(found, Mapping):
        keys = [key for key in {**answer, **found} if answer.get(key) != found.get(key)]
        shown = [f"{key}: {answer.get(key)} and {found.get(key)}" for key in keys[:3]]
        return f"{len(keys)} of {len(answer)} differ: {'; '.join(shown)}"
    return f"{str(answer)[:300]} and {str(found)[:300]}"
