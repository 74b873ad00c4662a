"""Shell: owns the index beside a log: each site's records in blocks; each session's row, and the steps that tell of it.

Refuses to be taken for the index of a log that changed since, or of other rules. Whoever asks for one session reads
its row and its steps, found by halving in a sorted table: their number of bytes does not grow with the log.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Self

import msgspec
from msgspec import Struct

from monitoring_core.domain.events import Unreadable
from monitoring_core.domain.outcomes import NOTHING
from monitoring_core.engine import Engine
from monitoring_core.engine.site import BEHAVIOUR
from monitoring_core.errors import UsageError, quote
from monitoring_core.files import Record
from monitoring_core.large.blocks import packed, unpacked
from monitoring_core.large.partitions import Partition, Recipe, settled
from monitoring_core.large.reading import Reading
from monitoring_core.large.told import Told, sessions_of, told
from monitoring_core.large.workers import Workers, seldom_collecting
from monitoring_core.replay import Replay, Row

SUFFIX = ".index"
VERSION = 1
BLOCK_RECORDS = 10_000
ENDS_BYTES = 65_536
"""So much of a log's beginning and end is compared with what was indexed."""

_MAGIC = b"monitoring-core index\n"
_KEY_BYTES = 16
_SIZE = struct.Struct(">I")
_ENTRY = struct.Struct(f">{_KEY_BYTES}sQ")
_TAIL = struct.Struct(">QQQ")
_ROW, _STEP, _BLOCK = b"r", b"s", b"b"


class Stamp(Struct, frozen=True):
    """What a log is known by without reading it all."""

    size_bytes: int
    modified_ns: int
    ends: str


class Footer(Struct, frozen=True):
    """What an index says of itself; `rules`: the digest of what the replay went by."""

    version: int
    log: Stamp
    rules: str
    sessions: int
    unreadable: int
    problems: list[Unreadable]


class Segment(Struct, frozen=True):
    """One partition's part of an index: a file, and key and offset of each thing in it."""

    file: str
    entries: list[tuple[bytes, int]]
    sessions: int
    unreadable: int
    problems: list[Unreadable]


class Reader:
    """Reads a file here and there, and counts how many bytes that takes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.bytes_read = 0

    def read(self, offset: int, size_bytes: int) -> bytes:
        """As many bytes from there as there are, up to that many."""
        self._file.seek(offset)
        data = self._file.read(size_bytes)
        self.bytes_read += len(data)
        return data


def index_of(log: str) -> Path:
    """Where the index of a log is, if it has one."""
    return Path(log + SUFFIX)


# Writing


def write_index(partitions: list[Partition], stamp: Stamp, workers: Workers) -> Footer:
    """Replay all partitions of a log, whose stamp was this before it was sorted; the index appears when it is whole.

    Raises UsageError if the log changed meanwhile, or there is no place beside it.
    """
    log, recipe = partitions[0].log.name, partitions[0].recipe
    place = index_of(log)
    try:
        file = NamedTemporaryFile(dir=place.parent, prefix=place.name, delete=False)  # noqa: SIM115 # it gets its name
    except OSError as error:
        raise UsageError(f"cannot write here: {error.strerror}", str(place), "make its folder writable") from error
    try:
        with file:
            footer = _write(file, log, recipe, workers(index_partition, partitions), stamp)
        shutil.copymode(log, file.name)
        Path(file.name).replace(place)
    except BaseException:
        Path(file.name).unlink(missing_ok=True)
        raise
    return footer


def _write(file: IO[bytes], log: str, recipe: Recipe, segments: Iterator[Segment], stamp: Stamp) -> Footer:
    entries, sessions = list[bytes](), 0
    unreadable, problems = 0, list[Unreadable]()
    file.write(_MAGIC)
    for segment in segments:
        start = file.tell()
        with Path(segment.file).open("rb") as part:
            shutil.copyfileobj(part, file)
        entries += [_ENTRY.pack(key, offset + start) for key, offset in segment.entries]
        sessions += segment.sessions
        unreadable, problems = segment.unreadable, segment.problems  # the same of each site
    if stamp_of(log) != stamp:
        raise UsageError("this log changed while it was read", log, "index it when nobody writes to it")
    footer = Footer(VERSION, stamp, rules_digest(recipe), sessions, unreadable, problems)
    table = file.tell()
    file.writelines(sorted(entries))
    end = file.tell()
    file.write(msgspec.json.encode(footer))
    file.write(_TAIL.pack(table, len(entries), end))
    return footer


def index_partition(job: Partition) -> Segment:
    """Replay the sites of a partition into a segment."""
    rules = job.recipe.rules()
    with seldom_collecting(), NamedTemporaryFile(dir=job.log.scratch, prefix="index-", delete=False) as file:
        segment, reading = _Writer(file), Reading("", job.log.name)
        sessions = 0
        for site in job.sites:
            reading = Reading(site, job.log.name)
            run = Replay(Engine(rules.book, rules.settings, site))
            sessions += _index_site(run, reading, segment, job.log.records(site))
    return Segment(file.name, segment.entries, sessions, reading.unreadable, reading.problems)


def _index_site(run: Replay, reading: Reading, segment: _Writer, records: Iterator[Record]) -> int:
    sessions = 0
    for event, step in run.run(reading.events(segment.passing(reading.site, records))):
        if step is not NOTHING and (names := sessions_of(step)):
            segment.keep(_STEP, names, msgspec.json.encode(told(run.engine, event, step)))
        if step.moves:
            for row in settled(run.rows):
                segment.keep(_ROW, [row.session], msgspec.json.encode(row))
                sessions += 1
    for row in run.finish():
        segment.keep(_ROW, [row.session], msgspec.json.encode(row))
        sessions += 1
    return sessions


class _Writer:
    """A segment that is being written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.entries: list[tuple[bytes, int]] = []

    def keep(self, kind: bytes, names: Iterable[str], data: bytes) -> None:
        """Write this, to be found by each of these names."""
        offset, small = self._file.tell(), zlib.compress(data, 1)
        self.entries += [(_key(kind, name), offset) for name in names]
        self._file.write(_SIZE.pack(len(small)) + small)

    def passing(self, site: str, records: Iterator[Record]) -> Iterator[Record]:
        """The records, kept as they pass."""
        while block := list(islice(records, BLOCK_RECORDS)):
            numbers, those = zip(*block, strict=True)
            self.keep(_BLOCK, [site], packed(numbers, those))
            yield from block


def _key(kind: bytes, name: str) -> bytes:
    return hashlib.sha256(kind + name.encode()).digest()[:_KEY_BYTES]


# Reading


def open_index(log: str, recipe: Recipe | None = None) -> Index | None:
    """The index of a log, if it has one; of what `recipe` says, if that is given.

    Raises UsageError if it cannot be used: the log is not the one that was indexed, or the rules are others.
    """
    place = index_of(log)
    if not place.exists():
        return None
    index = Index(place)
    try:
        index.check(log, recipe)
    except BaseException:
        index.close()
        raise
    return index


class Index:
    """What was indexed, read as it is asked for; closed when `with` ends. Raises UsageError if it is no whole one."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._file = place.open("rb")
        self.reader = read = Reader(self._file)
        end = place.stat().st_size
        try:
            self._table, self._entries, start = _TAIL.unpack(read.read(max(0, end - _TAIL.size), _TAIL.size))
            self.footer = msgspec.json.decode(read.read(start, end - _TAIL.size - start), type=Footer)
        except (OSError, ValueError, OverflowError, struct.error) as error:
            self.close()
            raise self._useless("this is no whole index") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Done with it."""
        self._file.close()

    def check(self, log: str, recipe: Recipe | None) -> None:
        """Raises UsageError if it is not of this version, of this log as it is now, or not of these rules."""
        footer = self.footer
        if footer.version != VERSION:
            raise self._useless(f"this index has version {footer.version}; this program reads {VERSION}")
        if stamp_of(log, self.reader) != footer.log:
            raise self._useless("the log has changed since it was indexed")
        if recipe is not None and rules_digest(recipe) != footer.rules:
            raise self._useless("this index was made by other rules")

    def _useless(self, what: str) -> UsageError:
        fix = f"make it again: monitoring-core index {quote(str(self._place).removesuffix(SUFFIX))}, or delete it"
        return UsageError(what, str(self._place), fix)

    @property
    def unreadable(self) -> int:
        """How many records of the log could not be read."""
        return self.footer.unreadable

    @property
    def problems(self) -> list[Unreadable]:
        """The first of them."""
        return self.footer.problems

    def row(self, session: str) -> Row | None:
        """How a session stands at the end of the log."""
        return next((msgspec.json.decode(data, type=Row) for data in self._find(_ROW, session)), None)

    def steps(self, session: str) -> Iterator[Told]:
        """Every step that tells of a session, in order."""
        return (msgspec.json.decode(data, type=Told) for data in self._find(_STEP, session))

    def records(self, site: str) -> Iterator[Record]:
        """All that counts for a site, with the number of each line or item in the log."""
        return (record for data in self._find(_BLOCK, site) for record in unpacked(data))

    def _find(self, kind: bytes, name: str) -> Iterator[bytes]:
        key, read = _key(kind, name), self.reader.read
        place = bisect_left(range(self._entries), key, key=lambda number: self._entry(number)[0])
        while place < self._entries:
            found, offset = self._entry(place)
            if found != key:
                return
            (size,) = _SIZE.unpack(read(offset, _SIZE.size))
            yield zlib.decompress(read(offset + _SIZE.size, size))
            place += 1

    def _entry(self, number: int) -> tuple[bytes, int]:
        return _ENTRY.unpack(self.reader.read(self._table + number * _ENTRY.size, _ENTRY.size))


def stamp_of(log: str, counting: Reader | None = None) -> Stamp:
    """The stamp of a log as it is now. Raises UsageError if it cannot be read."""
    try:
        with Path(log).open("rb") as file:
            told, reader = os.fstat(file.fileno()), Reader(file)
            size = told.st_size
            ends = reader.read(0, ENDS_BYTES) + reader.read(max(0, size - ENDS_BYTES), ENDS_BYTES)
    except OSError as error:
        raise UsageError(f"cannot read this log: {error.strerror}", log, "name a file that we may read") from error
    if counting is not None:
        counting.bytes_read += reader.bytes_read
    return Stamp(size, told.st_mtime_ns, hashlib.sha256(ends).hexdigest())


def rules_digest(recipe: Recipe) -> str:
    """What tells one set of rules, settings and ways to go by them from another."""
    said = (recipe, BEHAVIOUR)
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()
