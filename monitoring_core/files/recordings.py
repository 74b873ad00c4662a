"""Shell: owns the way from a file or stdin to its records: one JSON object each, from JSON lines, a list or Parquet.

Refuses to look into a record. What a file is (plain, gzip, zstd, Parquet; lines or a list) is told by its content,
never by its name, and memory is bounded by the longest line, or for a list by its size.
"""

from __future__ import annotations

import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, cast

import msgspec

from monitoring_core.domain.settings import Limits
from monitoring_core.errors import SourceError, UsageError
from monitoring_core.files.parquet import parquet_records
from monitoring_core.files.zstd import unzstd

STDIN = "-"
_LIMITS = Limits()
_GZIP, _ZSTD, _PARQUET = b"\x1f", b"(", b"P"
"""First bytes. JSON text begins with none, and waiting for a second byte could mean waiting for a live sender."""

Record = tuple[int, bytes | SourceError]
"""The number of the line, or of the item of a list, from 1; and what stands there, or why that cannot be told."""
Span = tuple[int, int]
"""From which byte of a file to which."""


def spans(path: str, size_bytes: int) -> list[Span | None]:
    """A file cut at the ends of lines into parts of about that size, so that several may read it at once.

    None is the whole: that is what there is of stdin, and of a file that is packed or one JSON list.
    Raises UsageError if it cannot be opened.
    """
    if path == STDIN:
        return [None]
    with _opened(path) as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(0)
        if not end or file.peek(1)[:1] in (_GZIP, _ZSTD, _PARQUET, b"["):
            return [None]
        cuts = [0]
        while cuts[-1] < end:
            file.seek(min(cuts[-1] + size_bytes, end))
            file.readline()
            cuts.append(file.tell())
        return list(pairwise(cuts))


class Recording:
    """The records of the file `path` ("-" is stdin), to be read once; of one `span` only, numbered from its start.

    Iterating raises UsageError if it cannot be opened. What is too long, or damaged from some place on, comes as a
    SourceError in the place of its record: what was read before it counts.
    """

    def __init__(self, path: str, limits: Limits = _LIMITS, span: Span | None = None) -> None:
        self.name = "stdin" if path == STDIN else path
        self.size_bytes: int | None = None
        self.lines = 0
        """How many there are, once all have been read; of Parquet and a list, how many records."""
        self._path = path
        self._limits = limits
        self._span = span
        self._raw: IO[bytes] | None = None

    @property
    def position_bytes(self) -> int:
        """How much of the file, as it is packed, has been read."""
        return 0 if self._raw is None or self._raw.closed or self.size_bytes is None else self._raw.tell()

    def __iter__(self) -> Iterator[Record]:
        if self._path == STDIN:
            yield from self._records(_stdin())
            return
        with _opened(self._path) as file:
            self._raw = file
            self.size_bytes = os.fstat(file.fileno()).st_size or None
            yield from self._records(file if self._span is None else io.BufferedReader(_Part(file, self._span)))

    def _records(self, raw: IO[bytes]) -> Iterator[Record]:
        number, is_first = 0, not (self._span and self._span[0])
        try:
            start = cast("io.BufferedReader", raw).peek(1)[:1] if is_first else b""
            if start == _PARQUET:
                for number, row in enumerate(parquet_records(raw), 1):
                    yield number, row
                self.lines = number
                return
            stream = _unpacked(raw, start)
            for number, data in self._lines(stream, may_be_list=is_first):
                if is_first and isinstance(data, bytes) and data.startswith(b"["):  # no JSON object begins so
                    yield from self._items(data, stream)
                    return
                is_first = False
                yield number, data
        except (OSError, EOFError, zlib.error) as error:
            yield number + 1, self._damaged(str(error))

    def _lines(self, stream: IO[bytes], *, may_be_list: bool) -> Iterator[Record]:
        bytes_max = self._limits.line_bytes_max
        number = 0
        while line := stream.readline(bytes_max + 1):
            number += 1
            is_list = may_be_list and number == 1 and line.startswith(b"[")
            if len(line) > bytes_max and not line.endswith(b"\n") and not is_list:
                while (rest := stream.readline(bytes_max)) and not rest.endswith(b"\n"):
                    pass
                yield number, self._too_long()
            elif data := line.strip():
                yield number, data
        self.lines = number

    def _items(self, start: bytes, stream: IO[bytes]) -> Iterator[Record]:
        """The items of a JSON list; it is read as a whole, so it has a limit of its own."""
        whole = start + stream.read(self._limits.list_bytes_max + 1)
        if len(whole) > self._limits.list_bytes_max:
            yield 1, self._list_too_large()
            return
        try:
            items = msgspec.json.decode(whole, type=list[msgspec.Raw])
        except (msgspec.DecodeError, RecursionError) as error:
            yield 1, SourceError(f"not a JSON list: {error}", self.name, "give JSON lines, or one JSON list of objects")
            return
        for number, item in enumerate(items, 1):
            yield number, bytes(item)
        self.lines = len(items)

    def _too_long(self) -> SourceError:
        limit = self._limits.line_bytes_max
        return SourceError(
            f"a line has more than {limit} bytes", self.name, "give one record a line, or raise the limit"
        )

    def _list_too_large(self) -> SourceError:
        limit = self._limits.list_bytes_max
        return SourceError(f"a JSON list has more than {limit} bytes", self.name, "give JSON lines: one record a line")

    def _damaged(self, what: str) -> SourceError:
        return SourceError(
            f"the rest cannot be unpacked: {what}", self.name, "copy the file again, or take what is there"
        )


def _stdin() -> IO[bytes]:
    """A reader of its own: a thread that waits in sys.stdin would keep Python from ending (it holds a lock there)."""
    try:
        return os.fdopen(sys.stdin.fileno(), "rb", closefd=False)
    except OSError:  # not a stream of the system
        return sys.stdin.buffer


def _unpacked(raw: IO[bytes], start: bytes) -> IO[bytes]:
    if start == _GZIP:
        return cast("IO[bytes]", gzip.GzipFile(fileobj=raw))
    return unzstd(raw) if start == _ZSTD else raw


def _opened(path: str) -> io.BufferedReader:
    try:
        return Path(path).open("rb")
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        what = f"cannot open this file: {reason}"
        raise UsageError(what, path, "name a file that can be read, or - for stdin") from error


class _Part(io.RawIOBase):
    """One span of a file, as if there were nothing else."""

    def __init__(self, file: IO[bytes], span: Span) -> None:
        self._file = file
        self._left = span[1] - file.seek(span[0])

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)
