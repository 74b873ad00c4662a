"""A disk that remembers what it was told to keep: what of files written, but not yet synced, a power cut leaves.

A sync keeps the writes and truncates of its file, and the name of the file with every change of a name before it (one
ordered log of names, as file systems with a journal have). All else is at risk: of the names a prefix is kept, of a
file's contents any subset, and of one write any of its sectors.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import NamedTuple

SECTOR_BYTES = 512
"""What a disk writes whole or not at all; more than that may be torn."""


class Write(NamedTuple):
    """Bytes at an offset; beyond the end of the file there are zeros between."""

    offset: int
    data: bytes

    def onto(self, image: bytearray) -> None:
        """Does it."""
        image.extend(bytes(max(0, self.offset - len(image))))
        image[self.offset : self.offset + len(self.data)] = self.data

    def sectors(self) -> list[Write]:
        """The parts of it that cannot be torn, which begin where the file's sectors do."""
        end = self.offset + len(self.data)
        first_end = self.offset - self.offset % SECTOR_BYTES + SECTOR_BYTES
        borders = [self.offset, *range(first_end, end, SECTOR_BYTES), end]
        return [Write(start, self.data[start - self.offset : stop - self.offset]) for start, stop in pairwise(borders)]


class Truncate(NamedTuple):
    """A new, usually smaller, size."""

    size: int

    def onto(self, image: bytearray) -> None:
        """Does it."""
        del image[self.size :]
        image.extend(bytes(self.size - len(image)))


class File:
    """What is safe of one file, and what has been done to it since, in order."""

    def __init__(self, safe: bytes = b"") -> None:
        self.safe = bytearray(safe)
        self.later: list[Write | Truncate] = []

    def sync(self) -> None:
        """All so far is safe."""
        for change in self.later:
            change.onto(self.safe)
        self.later.clear()

    def sync_failed(self) -> None:
        """The writes so far can be read but are never kept, whatever is synced later: Linux forgets that they wait."""
        self.later = [change for change in self.later if isinstance(change, Truncate)]

    def after_power_cut(self, random: Random) -> bytes:
        """What is safe, with some of what was done later: all, none or any, and writes of which only parts are kept."""
        image = bytearray(self.safe)
        kept, torn = random.choice((0.0, 0.5, 0.9, 1.0)), random.choice((0.0, 0.5))
        for change in self.later:
            if isinstance(change, Write) and random.random() < torn:
                for sector in change.sectors():
                    if random.random() < kept:
                        sector.onto(image)
            elif random.random() < kept:
                change.onto(image)
        return bytes(image)


class Disk:
    """The files of one process by their paths. What is there when a path is first seen is taken for safe."""

    def __init__(self) -> None:
        self._names: dict[str, File] = {}
        self._safe_names: dict[str, File] = {}
        self._later: list[tuple[str, File | None]] = []

    def create(self, path: str) -> File:
        """A new file of that path."""
        self._names[path] = file = File()
        self._later.append((path, file))
        return file

    def open(self, path: str, read: Callable[[], bytes]) -> File:
        """The file of that path, which is there; `read` gives what it holds, if it is seen for the first time."""
        if path not in self._names:
            self._names[path] = self._safe_names[path] = File(read())
        return self._names[path]

    def sync(self, file: File) -> None:
        """All done to the file is safe, and so is its name."""
        file.sync()
        named = [number for number, (_, other) in enumerate(self._later, 1) if other is file]
        self._keep_names(named[-1] if named else 0)

    def delete(self, path: str, *, synced: bool) -> None:
        """The path, of which `open` knows, is gone; for good if its folder was `synced` then."""
        del self._names[path]
        self._later.append((path, None))
        if synced:
            self._keep_names(len(self._later))

    def power_cut(self, random: Random) -> None:
        """Sets every file to what is left of it."""
        touched = {**self._safe_names, **self._names, **dict(self._later)}
        self._keep_names(random.randint(0, len(self._later)))
        for path in touched:
            if path in self._safe_names:
                Path(path).write_bytes(self._safe_names[path].after_power_cut(random))
            else:
                Path(path).unlink(missing_ok=True)

    def _keep_names(self, count: int) -> None:
        for path, file in self._later[:count]:
            if file:
                self._safe_names[path] = file
            else:
                self._safe_names.pop(path, None)
        del self._later[:count]
