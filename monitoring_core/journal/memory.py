"""Shell: owns a journal that lives as long as its process: for tests, and for sites that need no proof.

Refuses to grow without end: it asks for the oldest records to be cut off.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import attrs

from monitoring_core.errors import JournalError
from monitoring_core.journal.port import Head, Record, begins, continues

RECORDS_MAX = 100_000
BEGINNING = Head(0, b"")


@attrs.define
class _Site:
    start: Head = BEGINNING
    records: list[Record] = attrs.field(factory=list)
    shelves: dict[str, dict[str, bytes]] = attrs.field(factory=dict)

    @property
    def is_written(self) -> bool:
        return self.start != BEGINNING or bool(self.records) or any(self.shelves.values())


class MemoryTurn:
    """One site in one turn; what it wrote can be taken back."""

    def __init__(self, site: _Site, records_max: int, *, is_writing: bool) -> None:
        self._site, self._is_writing = site, is_writing
        self.records_max = records_max
        self._before = (site.start, site.records, len(site.records))
        self._replaced: list[tuple[str, str, bytes | None]] = []

    @property
    def head(self) -> Head:
        """The last record."""
        records = self._site.records
        return Head(records[-1].position, records[-1].digest) if records else self._site.start

    @property
    def start(self) -> Head:
        """The last record that was cut off."""
        return self._site.start

    def read(self, after: int = 0) -> Iterator[Record]:
        """Every record beyond `after`."""
        return iter(self._site.records[max(0, after - self._site.start.position) :])

    def append(self, records: Sequence[Record]) -> None:
        """Add records that continue the head."""
        self._check()
        continues(self.head, records, "in memory")
        self._site.records.extend(records)

    def cut(self, position: int) -> None:
        """Forget the records up to `position`."""
        self._check()
        count = position - self._site.start.position
        if not 0 < count <= len(self._site.records):
            raise JournalError("there is no such record to cut at", f"position {position}", "name one that is there")
        last = self._site.records[count - 1]
        self._site.start, self._site.records = Head(last.position, last.digest), self._site.records[count:]

    def begin(self, start: Head) -> None:
        """Go on from `start`, whose records are somewhere else."""
        self._check()
        begins(self, "in memory")
        self._site.start = start

    def shelves(self) -> list[str]:
        """Every shelf on which something stands."""
        return sorted(shelf for shelf, items in self._site.shelves.items() if items)

    def get(self, shelf: str, key: str) -> bytes | None:
        """What stands under `key`."""
        return self._site.shelves.get(shelf, {}).get(key)

    def scan(self, shelf: str) -> Iterator[tuple[str, bytes]]:
        """All of a shelf, by key."""
        return iter(sorted(self._site.shelves.get(shelf, {}).items()))

    def put(self, shelf: str, items: Mapping[str, bytes | None]) -> None:
        """Set keys; None removes one."""
        self._check()
        kept = self._site.shelves.setdefault(shelf, {})
        for key, value in items.items():
            self._replaced.append((shelf, key, kept.get(key)))
            _set(kept, key, value)

    def undo(self) -> None:
        """Take back all that was written."""
        self._site.start, self._site.records, count = self._before
        del self._site.records[count:]
        for shelf, key, value in reversed(self._replaced):
            _set(self._site.shelves[shelf], key, value)

    def _check(self) -> None:
        if not self._is_writing:
            raise JournalError("a view is to be read only", "in memory", "write in a turn")


class MemoryJournal:
    """`records_max`: how many records of a site are to be kept; `Ledger.save` cuts the others off now and then."""

    def __init__(self, records_max: int = RECORDS_MAX) -> None:
        self._records_max = records_max
        self._sites: dict[str, _Site] = {}
        self._lock = threading.RLock()
        self._is_open, self._is_in_turn = True, False

    @contextmanager
    def turn(self, site: str) -> Iterator[MemoryTurn]:
        """The right to write, until the end of the block; an exception undoes all of it."""
        with self._lock:
            self._check()
            if self._is_in_turn:
                raise JournalError("a turn cannot be in another one", "in memory", "end that one first")
            turn = MemoryTurn(self._sites.setdefault(site, _Site()), self._records_max, is_writing=True)
            self._is_in_turn = True
            try:
                yield turn
            except BaseException:
                turn.undo()
                raise
            finally:
                self._is_in_turn = False

    @contextmanager
    def view(self, site: str) -> Iterator[MemoryTurn]:
        """The site as it is, to be read only."""
        with self._lock:
            self._check()
            yield MemoryTurn(self._sites.get(site) or _Site(), self._records_max, is_writing=False)

    def sites(self) -> list[str]:
        """Every site that was written to."""
        with self._lock:
            self._check()
            return sorted(name for name, site in self._sites.items() if site.is_written)

    def scrub(self) -> None:
        """There are no files."""

    def close(self) -> None:
        """What it held is gone."""
        self._is_open, self._sites = False, {}

    def _check(self) -> None:
        if not self._is_open:
            raise JournalError("this journal is closed", "in memory", "open another; what it held is gone")


def _set(shelf: dict[str, bytes], key: str, value: bytes | None) -> None:
    if value is None:
        shelf.pop(key, None)
    else:
        shelf[key] = value
