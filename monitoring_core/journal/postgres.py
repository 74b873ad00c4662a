"""Shell: owns a journal in a PostgreSQL database, shared by processes on many machines that take turns site by site.

Refuses to know what it stores, and needs psycopg (the extra `postgres`). A site's row is its lock and holds its head,
so positions have no gaps: a global serial would, and a reader would skip what is committed late.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from monitoring_core.errors import JournalError, UsageError, quote
from monitoring_core.journal.port import Head, Record, begins, continues

try:
    import psycopg
    from psycopg import conninfo
except ImportError as error:
    raise UsageError(
        "a journal in PostgreSQL needs psycopg", quote(str(error)), "pip install 'monitoring-core[postgres]'"
    ) from error

FORMAT = 1
IDLE_S = 30.0
"""How long a transaction may do nothing before the server ends it: who stopped in a turn holds his site no longer."""
ROWS = 1_000
"""How many rows come at a time."""
WAIT_S = 30.0
"""How long a turn waits for those of others."""
KEEP_ALIVE = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
"""TCP's own look at whether the other side is there, seconds: after 25 s a server that is gone is known to be gone."""
SERVER_KEEP_ALIVE = {"tcp_keepalives_idle": 10, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 3}
"""The same of the server, which gives the site of a machine that is gone to others."""

SCHEMA = "monitoring_core"
"""The tables' own place, so that another program's may have the same names."""
_TABLES = f"""
create schema if not exists {SCHEMA};
create table if not exists journal (format integer not null);
create table if not exists site (site bytea primary key, position bigint not null, digest bytea not null,
    start_position bigint not null, start_digest bytea not null);
create table if not exists entry (site bytea not null, position bigint not null, body bytea not null,
    digest bytea not null, primary key (site, position));
create table if not exists shelf (site bytea not null, shelf bytea not null, key bytea not null,
    value bytea not null, primary key (site, shelf, key));
lock table journal in share row exclusive mode
"""
"""Names are kept as UTF-8: PostgreSQL's texts know no NUL, and their order is that of a language."""
_ENDS = "select position, digest, start_position, start_digest from site where site = %s"
_KEEP_ENDS = (
    "update site set (position, digest, start_position, start_digest) = (%s, %s, %s, %s)"
    " where site = %s and position = %s and start_position = %s"
)

_FIXES: tuple[tuple[type[Exception], str], ...] = (
    (psycopg.errors.LockNotAvailable, "another process holds this site for too long; see who, then try again"),
    (psycopg.errors.IdleInTransactionSessionTimeout, "do less in one turn; nothing of this one was kept"),
    (psycopg.errors.DiskFull, "make room on the server's disk, then try again: nothing was written"),
    (psycopg.errors.InsufficientPrivilege, f"give this user the right to create and write the schema {SCHEMA}"),
    (psycopg.errors.ReadOnlySqlTransaction, "connect to the server that takes writes, not to a copy of it"),
    (psycopg.OperationalError, "see that the server is up; whether the last turn was kept its head says"),
)


class PostgresTurn:
    """One site in one transaction."""

    records_max = None

    def __init__(self, database: psycopg.Connection[Any], site: str, where: str, *, is_writing: bool) -> None:
        self._execute, self._database = database.execute, database
        self._site, self._where, self._is_writing = site.encode(), where, is_writing
        self.has_written, self._cursors = False, 0
        row = self._lock() if is_writing else self._execute(_ENDS, (self._site,)).fetchone()
        head, head_digest, start, start_digest = row or (0, b"", 0, b"")
        self._head, self._start = Head(head, head_digest), Head(start, start_digest)

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
        asked = "select position, body, digest from entry where site = %s and position > %s order by position"
        for position, body, digest in self._some_by_some(asked, (self._site, after)):
            yield Record(position, body, digest)

    def append(self, records: Sequence[Record]) -> None:
        """Add records that continue the head."""
        self._check()
        if not records:
            return
        continues(self._head, records, self._where)
        self._database.cursor().executemany(
            "insert into entry (site, position, body, digest) values (%s, %s, %s, %s)",
            [(self._site, record.position, record.body, record.digest) for record in records],
        )
        self._keep_ends(Head(records[-1].position, records[-1].digest), self._start)

    def cut(self, position: int) -> None:
        """Forget the records up to `position`."""
        self._check()
        row = self._execute(
            "select digest from entry where site = %s and position = %s", (self._site, position)
        ).fetchone()
        if row is None:
            raise JournalError("there is no such record to cut at", f"position {position}", "name one that is there")
        self._execute("delete from entry where site = %s and position <= %s", (self._site, position))
        self._keep_ends(self._head, Head(position, row[0]))

    def begin(self, start: Head) -> None:
        """Go on from `start`, whose records are somewhere else."""
        self._check()
        begins(self, self._where)
        self._keep_ends(start, start)

    def shelves(self) -> list[str]:
        """Every shelf on which something stands."""
        rows = self._execute("select distinct shelf from shelf where site = %s order by shelf", (self._site,))
        return [shelf.decode() for (shelf,) in rows]

    def get(self, shelf: str, key: str) -> bytes | None:
        """What stands under `key`."""
        asked = "select value from shelf where site = %s and shelf = %s and key = %s"
        row = self._execute(asked, (self._site, shelf.encode(), key.encode())).fetchone()
        return None if row is None else bytes(row[0])

    def scan(self, shelf: str) -> Iterator[tuple[str, bytes]]:
        """All of a shelf, by key."""
        asked = "select key, value from shelf where site = %s and shelf = %s order by key"
        for key, value in self._some_by_some(asked, (self._site, shelf.encode())):
            yield key.decode(), value

    def put(self, shelf: str, items: Mapping[str, bytes | None]) -> None:
        """Set keys; None removes one."""
        self._check()
        on = (self._site, shelf.encode())
        kept = [(*on, key.encode(), value) for key, value in items.items() if value is not None]
        gone = [(*on, key.encode()) for key, value in items.items() if value is None]
        if kept:
            self.has_written = True
            self._database.cursor().executemany(
                "insert into shelf (site, shelf, key, value) values (%s, %s, %s, %s)"
                " on conflict (site, shelf, key) do update set value = excluded.value",
                kept,
            )
        if gone:
            deleted = self._database.cursor()
            deleted.executemany("delete from shelf where site = %s and shelf = %s and key = %s", gone)
            self.has_written |= deleted.rowcount > 0

    def _some_by_some(self, asked: str, given: tuple[object, ...]) -> Iterator[Any]:
        """Rows of which the server keeps the rest: others can be asked for meanwhile."""
        self._cursors += 1
        with self._database.cursor(f"rows{self._cursors}") as cursor:
            cursor.itersize = ROWS
            cursor.execute(asked, given)
            yield from cursor

    def _lock(self) -> Any:
        """The site's row, which is ours until the transaction ends; that of a new site is seen by others only then."""
        self._execute("insert into site values (%s, 0, '', 0, '') on conflict do nothing", (self._site,))
        return self._execute(f"{_ENDS} for update", (self._site,)).fetchone()

    def _keep_ends(self, head: Head, start: Head) -> None:
        """Whoever lost the site meanwhile, however that may be, finds another head than he knows: he writes nothing."""
        new = (head.position, head.digest, start.position, start.digest)
        known = (self._site, self._head.position, self._start.position)
        if self._execute(_KEEP_ENDS, (*new, *known)).rowcount != 1:
            raise JournalError(
                f"position {self._head.position} is not the last one: somebody else wrote meanwhile",
                self._where,
                "read what is new, step it, and append then",
            )
        self._head, self._start, self.has_written = head, start, True

    def _check(self) -> None:
        if not self._is_writing:
            raise JournalError("a view is to be read only", self._where, "write in a turn")


class PostgresJournal:
    """The journal in the database at `url` (postgresql://...); its tables are made if there are none.

    `wait_s`: how long a turn waits for those of others. Turns of different sites do not wait for each other.
    Raises JournalError if the database cannot be used, or is of a newer version of this one.
    """

    def __init__(self, url: str, wait_s: float = WAIT_S, idle_s: float = IDLE_S) -> None:
        self._url, self._wait_s, self._idle_s = url, wait_s, idle_s
        self._pid, self._is_open = os.getpid(), True
        self._guard, self._idle = threading.Lock(), list[psycopg.Connection[Any]]()
        self._here = threading.local()
        self._where = "the database"
        with self._clear_words("its tables"):
            self._where = _without_password(url)
            try:
                with self._connected() as database:
                    self._prepare(database)
            except BaseException:
                self.close()
                raise

    @contextmanager
    def turn(self, site: str) -> Iterator[PostgresTurn]:
        """The right to write, until the end of the block; an exception undoes all of it."""
        if getattr(self._here, "is_in_turn", False):
            raise JournalError("a turn cannot be in another one", self._where, "end that one first")
        with self._clear_words(site), self._connected() as database:
            self._here.is_in_turn = True
            try:
                turn = PostgresTurn(database, site, self._where, is_writing=True)
                yield turn
                if turn.has_written:  # else no trace is left of a site that nothing was written to
                    database.commit()
            finally:
                self._here.is_in_turn = False

    @contextmanager
    def view(self, site: str) -> Iterator[PostgresTurn]:
        """The site at one moment, to be read only."""
        with self._clear_words(site), self._connected() as database:
            database.execute("set transaction isolation level repeatable read, read only")
            yield PostgresTurn(database, site, self._where, is_writing=False)

    def sites(self) -> list[str]:
        """Every site that was written to."""
        with self._clear_words("the sites"), self._connected() as database:
            return [name.decode() for (name,) in database.execute("select site from site order by site")]

    def scrub(self) -> None:
        """What was deleted is in none of the tables' files any more.

        The server's own log of writes, its archive and its backups hold it as long as the server keeps them: a client
        cannot reach there.
        """
        with self._clear_words("the tables"), self._connected() as database:
            database.rollback()
            database.autocommit = True
            try:
                database.execute("vacuum (full) entry, shelf, site")
            finally:
                database.autocommit = False

    def close(self) -> None:
        """Give the connections back. In a process that was forked it does nothing: they are the parent's."""
        if os.getpid() != self._pid:
            return
        with self._guard:
            self._is_open, idle, self._idle = False, self._idle, []
        for database in idle:
            database.close()

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection for one transaction, which is undone unless it was committed."""
        if os.getpid() != self._pid:  # before the lock, which another thread may have held at the fork
            raise JournalError("this journal was opened before a fork", self._where, "open it in each process")
        with self._guard:
            if not self._is_open:
                raise JournalError("this journal is closed", self._where, "open it again")
            database = self._idle.pop() if self._idle else None
        if database is None:
            database = self._connect()
        try:
            yield database
        finally:
            with suppress(psycopg.Error):
                database.rollback()
            with self._guard:
                is_kept = all((self._is_open, not database.closed))
                if is_kept:
                    self._idle.append(database)
            if not is_kept:
                database.close()

    def _connect(self) -> psycopg.Connection[Any]:
        """Checked, as a pooler between us and the server may swallow what is set."""
        wanted = {
            "idle_in_transaction_session_timeout": int(self._idle_s * 1000),
            "lock_timeout": int(self._wait_s * 1000),
            "search_path": SCHEMA,
            "synchronous_commit": "on",
            **SERVER_KEEP_ALIVE,
        }
        options = " ".join(f"-c {name}={value}" for name, value in wanted.items())
        database = psycopg.connect(self._url, options=options, **KEEP_ALIVE)  # type: ignore[arg-type]
        try:
            for name in ("idle_in_transaction_session_timeout", "search_path", "synchronous_commit"):
                row = database.execute("select setting from pg_settings where name = %s", (name,)).fetchone()
                if row is None or row[0] != str(wanted[name]):
                    fix = "connect to the server itself, or let its pooler pass start-up options on"
                    raise JournalError(f"the server does not take {name}", self._where, fix)
            database.rollback()
        except BaseException:
            database.close()
            raise
        return database

    def _prepare(self, database: psycopg.Connection[Any]) -> None:
        """Tables that are not there are made; of those who do so at once one succeeds, and the others find them."""
        for is_last in (False, True):
            try:
                database.execute(_TABLES)
                row = database.execute("select format from journal").fetchone()
                if row is None:
                    database.execute("insert into journal values (%s)", (FORMAT,))
                database.commit()
                break
            except (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateTable):
                if is_last:
                    raise
                database.rollback()
        if row is not None and row[0] > FORMAT:
            what = f"this journal has format {row[0]}, this program knows {FORMAT}"
            raise JournalError(what, self._where, "open it with a newer monitoring-core")

    @contextmanager
    def _clear_words(self, site: str) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            said = " ".join(str(error).split())
            fix = next((fix for kind, fix in _FIXES if isinstance(error, kind)), "see what PostgreSQL says of this")
            raise JournalError(f"the journal cannot be used: {quote(said)}", f"{self._where}, {site}", fix) from error


def _without_password(url: str) -> str:
    """How errors name the database."""
    told = conninfo.conninfo_to_dict(url)
    return f"postgresql://{told.get('host') or 'localhost'}:{told.get('port') or 5432}/{told.get('dbname') or ''}"
