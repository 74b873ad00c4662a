"""Shell: owns a journal in one SQLite file: durable at every commit, shared by threads and processes that take turns.

Refuses to know what it stores. A failed write is undone by SQLite itself; here it gets words that say what to do.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from monitoring_core.errors import JournalError, quote
from monitoring_core.journal.port import Head, Record, begins, continues

T = TypeVar("T")

FORMAT = 1
APPLICATION_ID = 0x6D6F6E63
"""Says in the file's header that it is ours ("monc"); another program's database is not touched."""
WAIT_S = 30.0
"""How long a turn waits for those of other processes."""

_SCHEMA = f"""
create table site (site text primary key, position integer not null, digest blob not null,
    start_position integer not null, start_digest blob not null) without rowid;
create table entry (site text not null, position integer not null, body blob not null, digest blob not null,
    primary key (site, position));
create table shelf (site text not null, shelf text not null, key text not null, value blob not null,
    primary key (site, shelf, key));
pragma application_id = {APPLICATION_ID};
pragma user_version = {FORMAT}
"""
"""Rows of those that may be large are not in their index: a search there would read whole ones that it passes."""

_PUT = (
    "insert into shelf (site, shelf, key, value) values (?, ?, ?, ?)"
    " on conflict (site, shelf, key) do update set value = excluded.value"
)

DAMAGED = "restore it from a backup; `monitoring-core verify` says how far its entries are sound"
MALFORMED = "malformed schema"
_FIXES = (
    ("locked", "another process holds it for too long; see who has it open, then try again"),
    ("full", "make room on its disk, then try again: nothing was written"),
    ("readonly", "give this process the right to write to the file and its folder"),
    ("unable to open", "see that its folder exists, and that this process may write there"),
    ("not a database", "name a journal, or a new file"),
    ("malformed", DAMAGED),
    ("could not decode", DAMAGED),
    ("disk i/o", "look into the disk and the system's log, then try again: nothing was written"),
)


class SqliteTurn:
    """One site in one transaction."""

    records_max = None

    def __init__(self, database: sqlite3.Connection, site: str, where: str, *, is_writing: bool) -> None:
        self._execute, self._many = database.execute, database.executemany
        self._site, self._where, self._is_writing = site, where, is_writing
        self._asked: list[sqlite3.Cursor] = []
        row = self._execute(
            "select position, digest, start_position, start_digest from site where site = ?", (site,)
        ).fetchone()
        self._is_new = row is None
        head, head_digest, start, start_digest = row or (0, b"", 0, b"")
        self._head = Head(self._sound(int, head), self._sound(bytes, head_digest))
        self._start = Head(self._sound(int, start), self._sound(bytes, start_digest))

    @property
    def head(self) -> Head:
        """The last record."""
        return self._head

    @property
    def start(self) -> Head:
        """The last record that was cut off."""
        return self._start

    def read(self, after: int = 0) -> Iterator[Record]:
        """Every record beyond `after`."""
        rows = self._rows(
            "select position, body, digest from entry where site = ? and position > ? order by position",
            (self._site, after),
        )
        for position, body, digest in rows:
            yield Record(self._sound(int, position), self._sound(bytes, body), self._sound(bytes, digest))

    def append(self, records: Sequence[Record]) -> None:
        """Add records that continue the head."""
        self._check()
        if not records:
            return
        continues(self._head, records, self._where)
        self._many(
            "insert into entry (site, position, body, digest) values (?, ?, ?, ?)",
            [(self._site, record.position, record.body, record.digest) for record in records],
        )
        self._head = Head(records[-1].position, records[-1].digest)
        self._keep_ends()

    def cut(self, position: int) -> None:
        """Forget the records up to `position`."""
        self._check()
        row = self._execute(
            "select digest from entry where site = ? and position = ?", (self._site, position)
        ).fetchone()
        if row is None:
            raise JournalError("there is no such record to cut at", f"position {position}", "name one that is there")
        self._execute("delete from entry where site = ? and position <= ?", (self._site, position))
        self._start = Head(position, row[0])
        self._keep_ends()

    def begin(self, start: Head) -> None:
        """Go on from `start`, whose records are somewhere else."""
        self._check()
        begins(self, self._where)
        self._head = self._start = start
        self._keep_ends()

    def shelves(self) -> list[str]:
        """Every shelf on which something stands."""
        rows = self._execute("select distinct shelf from shelf where site = ? order by shelf", (self._site,))
        return [self._sound(str, shelf) for (shelf,) in rows]

    def get(self, shelf: str, key: str) -> bytes | None:
        """What stands under `key`."""
        row = self._execute(
            "select value from shelf where site = ? and shelf = ? and key = ?", (self._site, shelf, key)
        ).fetchone()
        return None if row is None else self._sound(bytes, row[0])

    def scan(self, shelf: str) -> Iterator[tuple[str, bytes]]:
        """All of a shelf, by key."""
        rows = self._rows("select key, value from shelf where site = ? and shelf = ? order by key", (self._site, shelf))
        for key, value in rows:
            yield self._sound(str, key), self._sound(bytes, value)

    def put(self, shelf: str, items: Mapping[str, bytes | None]) -> None:
        """Set keys; None removes one."""
        self._check()
        kept = [(self._site, shelf, key, value) for key, value in items.items() if value is not None]
        gone = [(self._site, shelf, key) for key, value in items.items() if value is None]
        if kept:
            self._many(_PUT, kept)
        if gone:
            self._many("delete from shelf where site = ? and shelf = ? and key = ?", gone)
        if self._is_new and kept:
            self._keep_ends()

    def end(self) -> None:
        """Give up rows that nobody wanted any more: they would hold on to the file as it was, longer than the turn."""
        for rows in self._asked:
            rows.close()

    def _rows(self, asked: str, given: tuple[object, ...]) -> sqlite3.Cursor:
        rows = self._execute(asked, given)
        self._asked.append(rows)
        return rows

    def _keep_ends(self) -> None:
        self._execute(
            "insert or replace into site values (?, ?, ?, ?, ?)",
            (self._site, self._head.position, self._head.digest, self._start.position, self._start.digest),
        )
        self._is_new = False

    def _sound(self, kind: type[T], value: object) -> T:
        """What we wrote is of that type; a damaged page may hold anything else."""
        if type(value) is not kind:
            raise JournalError("the journal is damaged", self._where, DAMAGED)
        return value

    def _check(self) -> None:
        if not self._is_writing:
            raise JournalError("a view is to be read only", self._where, "write in a turn")


class SqliteJournal:
    """The journal in the file `path`, made if there is none. `wait_s`: how long a turn waits for those of others.

    Raises JournalError if the file cannot be used, is another program's, or is of a newer version of this one.
    """

    def __init__(self, path: str | Path, wait_s: float = WAIT_S) -> None:
        self._where = str(path)
        self._pid = os.getpid()
        self._is_open = True
        self._writing, self._reading = threading.RLock(), threading.RLock()
        with self._clear_words():
            self._writer = self._connect(wait_s)
            try:
                self._prepare(wait_s)
                self._reader = self._connect(wait_s)
            except BaseException:
                self._writer.close()
                raise

    @contextmanager
    def turn(self, site: str) -> Iterator[SqliteTurn]:
        """The right to write, until the end of the block; an exception undoes all of it."""
        with self._using(self._writing):
            if self._writer.in_transaction:
                raise JournalError("a turn cannot be in another one", self._where, "end that one first")
            self._writer.execute("begin immediate")
            try:
                turn = SqliteTurn(self._writer, site, self._where, is_writing=True)
                try:
                    yield turn
                finally:
                    turn.end()
                self._writer.execute("commit")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("rollback")
                raise

    @contextmanager
    def view(self, site: str) -> Iterator[SqliteTurn]:
        """The site at one moment, to be read only."""
        with self._using(self._reading):
            is_outer = not self._reader.in_transaction
            if is_outer:
                self._reader.execute("begin")
            try:
                turn = SqliteTurn(self._reader, site, self._where, is_writing=False)
                try:
                    yield turn
                finally:
                    turn.end()
            finally:
                if is_outer and self._reader.in_transaction:
                    self._reader.execute("rollback")

    def sites(self) -> list[str]:
        """Every site that was written to."""
        with self._using(self._reading):
            return [name for (name,) in self._reader.execute("select site from site order by site")]

    def scrub(self) -> None:
        """What was deleted is in no file any more. Takes as long as copying the journal twice, and as much room: beside
        it, and where the system has its temporary files.

        `secure_delete` clears what is deleted, but not the copies that stay behind when a page is divided.
        """
        with self._using(self._writing):
            self._writer.execute("vacuum")
            busy = self._writer.execute("pragma wal_checkpoint(truncate)").fetchone()[0]
        if busy:
            raise JournalError("somebody still reads older states", self._where, "close the other programs, try again")

    def close(self) -> None:
        """Give the file back. In a process that was forked it does nothing: the file is the parent's."""
        if not self._is_open or os.getpid() != self._pid:
            return
        self._is_open = False
        with self._reading:
            self._reader.close()
        with self._writing:
            with suppress(sqlite3.Error):  # the next to open it can do that, too
                self._writer.execute("pragma wal_checkpoint(truncate)")
            self._writer.close()

    def _connect(self, wait_s: float) -> sqlite3.Connection:
        database = sqlite3.connect(
            self._where, timeout=wait_s, isolation_level=None, check_same_thread=False, cached_statements=64
        )
        try:
            database.execute("pragma synchronous = full")
            database.execute("pragma secure_delete = on")
        except UnicodeDecodeError as error:  # SQLite quotes what it does not understand
            database.close()
            raise sqlite3.DatabaseError(MALFORMED) from error
        except BaseException:
            database.close()
            raise
        return database

    def _prepare(self, wait_s: float) -> None:
        """A new file becomes ours, one of ours is checked; two processes that make it at once make it once."""
        run = self._writer.execute
        if self._is_new():
            run("begin immediate")
            try:
                for statement in _SCHEMA.split(";") if self._is_new() else ():
                    run(statement)
                run("commit")
            except BaseException:
                if self._writer.in_transaction:
                    run("rollback")
                raise
        if self._begin_log(wait_s) != "wal":
            raise JournalError("this place cannot hold a journal", self._where, "name a file on a local disk")

    def _begin_log(self, wait_s: float) -> str:
        """The kind of log that the file has from now on. For this one thing SQLite does not wait by itself."""
        until = time.monotonic() + wait_s
        while True:
            try:
                return str(self._writer.execute("pragma journal_mode = wal").fetchone()[0])
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() >= until:
                    raise
            time.sleep(0.001)

    def _is_new(self) -> bool:
        """Whether nothing is in the file. Raises JournalError if what is in it is not for us."""
        (application_id,), (version,), (tables,) = (
            self._writer.execute(asked).fetchone()
            for asked in ("pragma application_id", "pragma user_version", "select count(*) from sqlite_master")
        )
        if application_id == APPLICATION_ID and version > FORMAT:
            what = f"this journal has format {version}, this program knows {FORMAT}"
            raise JournalError(what, self._where, "open it with a newer monitoring-core")
        if application_id != APPLICATION_ID and (application_id or tables):
            raise JournalError("this database is another program's", self._where, "name a journal, or a new file")
        return not application_id

    @contextmanager
    def _using(self, lock: threading.RLock) -> Iterator[None]:
        if os.getpid() != self._pid:  # before the lock, which another thread may have held at the fork
            raise JournalError("this journal was opened before a fork", self._where, "open it in each process")
        with lock, self._clear_words():
            if not self._is_open:
                raise JournalError("this journal is closed", self._where, "open it again")
            yield

    @contextmanager
    def _clear_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            said = str(error)
            fix = next((fix for word, fix in _FIXES if word in said.lower()), "see what SQLite says of this error")
            raise JournalError(f"the journal cannot be used: {quote(said)}", self._where, fix) from error
