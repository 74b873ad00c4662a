"""Shell: owns the promise that every store of a journal keeps: the records of each site in order, and a shelf beside.

Refuses to know what a record or a shelf holds; `ledger` does. What SQLite and PostgreSQL both can promise is promised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from msgspec import Struct

from monitoring_core.errors import JournalError


class Head(Struct, frozen=True):
    """The end of a site's chain: the position of its last record (0: none) and that record's digest."""

    position: int
    digest: bytes


class Record(Struct, frozen=True):
    """One entry as it is stored; `digest` is the chain's up to and with this record."""

    position: int
    body: bytes
    digest: bytes


class Turn(Protocol):
    """One site in one transaction: what it reads is one moment's, what it writes is kept whole or not at all."""

    @property
    def head(self) -> Head:
        """The last record, with what this turn appended."""

    @property
    def start(self) -> Head:
        """Where the records begin: the last one that was cut off, position 0 if none was."""

    @property
    def records_max(self) -> int | None:
        """How many records of a site the store wants to keep; None: all."""

    def read(self, after: int = 0) -> Iterator[Record]:
        """Every record with a position beyond `after`, in order, none left out. Use it up before you write."""

    def append(self, records: Sequence[Record]) -> None:
        """Add records. Raises JournalError unless they continue the head one by one."""

    def cut(self, position: int) -> None:
        """Forget the records up to `position`, which becomes the start. Raises JournalError if there is none such."""

    def begin(self, start: Head) -> None:
        """Let a site whose records are somewhere else, up to `start`, go on here from there.

        Raises JournalError unless nothing was written to the site yet.
        """

    def shelves(self) -> list[str]:
        """Every shelf on which something stands, by name."""

    def get(self, shelf: str, key: str) -> bytes | None:
        """What stands on a shelf under `key`."""

    def scan(self, shelf: str) -> Iterator[tuple[str, bytes]]:
        """All of a shelf, by key. Use it up before you write."""

    def put(self, shelf: str, items: Mapping[str, bytes | None]) -> None:
        """Set keys of a shelf; None removes one."""


class Journal(Protocol):
    """A store. Its methods raise JournalError, with nothing half done, if the store cannot do its work."""

    def turn(self, site: str) -> AbstractContextManager[Turn]:
        """The exclusive right to write to a site, until the end of the block, which commits; an exception undoes all.

        Whoever else wants it waits, in whatever process. When the block has ended what it wrote survives a crash.
        """

    def view(self, site: str) -> AbstractContextManager[Turn]:
        """The site as it is at one moment, to be read only; a thread may have several, one in another."""

    def sites(self) -> list[str]:
        """Every site that was ever written to, by name."""

    def scrub(self) -> None:
        """What was deleted is in none of the store's files any more."""

    def close(self) -> None:
        """Give back everything; a second time does nothing."""


def begins(turn: Turn, where: str) -> None:
    """Raises JournalError unless nothing was written to the site yet."""
    if turn.head.position or turn.shelves():
        fix = "name a journal that does not have this site"
        raise JournalError(f"the site has been written to, up to position {turn.head.position}", where, fix)


def continues(head: Head, records: Sequence[Record], where: str) -> None:
    """Raises JournalError unless the positions go on from `head` one by one."""
    for expected, record in enumerate(records, start=head.position + 1):
        if record.position != expected:
            raise JournalError(
                what=f"position {record.position} does not follow {expected - 1}: somebody else wrote meanwhile",
                where=where,
                fix="read what is new, step it, and append then",
            )
