"""Whether what many clients saw of one thing, all at once, could have come of their doing it one after another.

A write has a position: where the thing says that it took it. A read has none; it may have happened at any position
that its begin and end allow. One order is accepted if

- each write has a position of its own, and none has a position that is not there;
- what ended before something else began comes before it, writes and reads alike;
- each answer is that of a machine that takes the positions one by one and is asked the reads in between.

Who asks brings the machine. It is told of positions that no client wrote, too: of what the thing does by itself.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Protocol


@dataclass(frozen=True)
class Operation:
    """What a client did, from when to when, both on one clock for all, and the answer. `position` 0: it only read."""

    name: str
    began: int
    ended: int
    asked: Any
    answer: Any
    position: int = 0


class Machine(Protocol):
    """Does one thing after another."""

    def take(self, position: int) -> Any:
        """Do what stands at this position, the next; gives the answer to it."""

    def read(self, asked: Any) -> Any:
        """The answer to a read, now."""


def problems(operations: Sequence[Operation], last: int, machine: Machine) -> Iterator[str]:
    """Why there is no such order; nothing if there is one. `last`: how many positions there are."""
    writes = [operation for operation in operations if operation.position]
    reads = sorted((one for one in operations if not one.position), key=lambda read: read.began)
    yield from _positions(writes, last)
    window = _windows(writes, last)
    for write in writes:
        if window(write)[0] >= write.position:
            yield f"{write.name} at {write.position} began after one at {window(write)[0]} had ended"
    allowed = {read.name: window(read) for read in reads}
    fits: dict[str, list[int]] = {read.name: [] for read in reads}
    by_position = {write.position: write for write in writes}
    coming = sorted(reads, key=lambda read: allowed[read.name], reverse=True)
    here: list[Operation] = []
    for position in range(last + 1):
        answer = machine.take(position) if position else None
        mine = by_position.get(position)
        if mine is not None and mine.answer != answer:
            yield f"{mine.name} at {position} was answered {mine.answer!r}, not {answer!r}"
        while coming and allowed[coming[-1].name][0] <= position:
            here.append(coming.pop())
        here = [read for read in here if allowed[read.name][1] >= position]
        for read in here:
            if machine.read(read.asked) == read.answer:
                fits[read.name].append(position)
    yield from _unplaced(reads, fits)


def _positions(writes: Sequence[Operation], last: int) -> Iterator[str]:
    taken: dict[int, str] = {}
    for write in writes:
        if not 1 <= write.position <= last:
            yield f"{write.name} is at {write.position}, which is not there"
        if write.position in taken:
            yield f"{write.name} and {taken[write.position]} are both at {write.position}"
        taken[write.position] = write.name


def _windows(writes: Sequence[Operation], last: int) -> Any:
    """What gives the least position after which, and the last at which, an operation may have read."""
    ended, began = sorted(writes, key=lambda one: one.ended), sorted(writes, key=lambda one: one.began, reverse=True)
    ends, begins = [one.ended for one in ended], [-one.began for one in began]
    highest = list(accumulate((one.position for one in ended), max, initial=0))
    lowest = list(accumulate((one.position for one in began), min, initial=last + 1))

    def window(operation: Operation) -> tuple[int, int]:
        before, after = bisect_left(ends, operation.began), bisect_left(begins, -operation.ended)
        return highest[before], lowest[after] - 1

    return window


def _unplaced(reads: Sequence[Operation], fits: dict[str, list[int]]) -> Iterator[str]:
    """Reads that nothing explains, when each is put as early as its answer and the reads before it let it."""
    placed: list[tuple[int, int]] = []
    for read in reads:
        least = max((position for ended, position in placed if ended < read.began), default=0)
        position = next((one for one in fits[read.name] if one >= least), None)
        if position is None:
            yield f"{read.name} was answered {read.answer!r}, which was so at no position that it could have seen"
        else:
            placed.append((read.ended, position))
