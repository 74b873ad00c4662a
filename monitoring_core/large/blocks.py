"""Shell: owns the sorting of a log by site: each part of it becomes a file of blocks, each block one site's records.

Refuses to step anything. A record that names no site, or cannot be read, counts for each site, as it does where one
site of a log is asked for; memory is bounded by what waits to be written, whatever the log's size.
"""

from __future__ import annotations

import heapq
import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import IO, Any

import msgspec
from msgspec import Struct

from monitoring_core.domain.settings import Limits
from monitoring_core.errors import SourceError
from monitoring_core.files import Record, Recording, Span, spans
from monitoring_core.large.workers import Workers
from monitoring_core.sources.native import site_of

EACH = ""
"""Stands where a site's name would, for what counts for each."""
PART_BYTES = 67_108_864
"""So much of a log is sorted at a time, where it can be cut."""
WAITING_BYTES = 16_777_216
"""So much of it waits in memory until it is written."""

_PLACE = struct.Struct(">IQI")
"""Of a block: its part, from which byte of it, how many. There may be very many of them."""

_Waiting = tuple[list[int], list[bytes | SourceError]]


class Sorting(Struct, frozen=True):
    """One part of a log that has to be sorted into the folder `scratch`."""

    log: str
    scratch: str
    part: int
    span: Span | None
    waiting_bytes: int


class Sorted(Struct, frozen=True):
    """A part that was: how many lines or items it has; of each site, where its blocks stand and how many records."""

    part: int
    lines: int
    blocks: dict[str, bytearray]
    records: dict[str, int]


def sort_part(job: Sorting) -> Sorted:
    """Write the blocks of one part. Raises UsageError if it cannot be opened."""
    recording = Recording(job.log, Limits(), job.span)
    blocks, records = dict[str, bytearray](), Counter[str]()
    waiting, waits = dict[str, _Waiting](), 0

    def write(file: IO[bytes]) -> None:
        for site, (numbers, those) in waiting.items():
            data = packed(numbers, those)
            blocks.setdefault(site, bytearray()).extend(_PLACE.pack(job.part, file.tell(), len(data)))
            records[site] += len(numbers)
            file.write(data)

    with _file_of(job.scratch, job.part).open("wb") as file:
        for number, record in recording:
            if isinstance(record, bytes):
                site = site_of(record)
                waits += len(record)
            else:
                site = EACH
            found = waiting.get(site)
            if found is None:
                found = waiting[site] = ([], [])
            found[0].append(number)
            found[1].append(record)
            if waits >= job.waiting_bytes:
                write(file)
                waiting, waits = {}, 0
        write(file)
    return Sorted(job.part, recording.lines, blocks, records)


def packed(numbers: Sequence[int], records: Sequence[bytes | SourceError]) -> bytes:
    """Records with their numbers as one block; they may hold any byte."""
    return msgspec.msgpack.encode((numbers, records), enc_hook=_told)


def unpacked(data: bytes) -> Iterator[Record]:
    """What was packed."""
    return ((number, _record(kept)) for number, kept in zip(*_DECODER.decode(data), strict=True))


def _told(error: Any) -> tuple[str, str, str]:
    return error.what, error.where, error.fix


def _record(kept: bytes | tuple[str, str, str]) -> bytes | SourceError:
    return kept if isinstance(kept, bytes) else SourceError(*kept)


_DECODER = msgspec.msgpack.Decoder(tuple[list[int], list[bytes | tuple[str, str, str]]])


class SortedLog(Struct, frozen=True):
    """All parts of the log of that `name`, sorted in the folder `scratch`; `befores`: how many lines before each."""

    name: str
    scratch: str
    befores: list[int]
    blocks: dict[str, bytearray]
    sizes: dict[str, int]

    def sites(self, otherwise: str) -> list[str]:
        """Those that the log names, in order; if it names none, the one called `otherwise`."""
        return sorted(self.blocks.keys() - {EACH}) or [otherwise]

    def size(self, site: str) -> int:
        """How many records are this site's only."""
        return self.sizes.get(site, 0)

    def only(self, sites: Iterable[str]) -> SortedLog:
        """As much of it as these sites need."""
        names = [name for name in (*sites, EACH) if name in self.blocks]
        blocks = {name: self.blocks[name] for name in names}
        return SortedLog(self.name, self.scratch, self.befores, blocks, {name: self.sizes[name] for name in names})

    def records(self, site: str) -> Iterator[Record]:
        """What counts for a site, in the order of the log, with the number of each line or item in it."""
        mine, each = self._of(site), self._of(EACH)
        return heapq.merge(mine, each, key=itemgetter(0)) if EACH in self.blocks else mine

    def _of(self, name: str) -> Iterator[Record]:
        for part, offset, size_bytes in _PLACE.iter_unpack(self.blocks.get(name, b"")):
            with _file_of(self.scratch, part).open("rb") as file:
                file.seek(offset)
                data = file.read(size_bytes)
            before = self.befores[part]
            yield from ((number + before, record) for number, record in unpacked(data))


def sort_log(
    log: str, scratch: str, workers: Workers, part_bytes: int = PART_BYTES, waiting_bytes: int = WAITING_BYTES
) -> SortedLog:
    """Sort all of it. Raises UsageError if it cannot be opened."""
    parts = enumerate(spans(log, part_bytes))
    jobs = [Sorting(log, scratch, number, span, waiting_bytes) for number, span in parts]
    befores, before = list[int](), 0
    blocks, sizes = dict[str, bytearray](), Counter[str]()
    for part in sorted(workers(sort_part, jobs), key=attrgetter("part")):
        befores.append(before)
        before += part.lines
        sizes.update(part.records)
        for site, found in part.blocks.items():
            blocks.setdefault(site, bytearray()).extend(found)
    return SortedLog(Recording(log).name, scratch, befores, blocks, dict(sizes))


def _file_of(scratch: str, part: int) -> Path:
    return Path(scratch, f"part-{part}")
