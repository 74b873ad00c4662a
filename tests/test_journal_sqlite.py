"""What is special about a journal in a SQLite file: what can be wrong with the file, who shares it, what is deleted."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from monitoring_core.errors import JournalError
from monitoring_core.journal import SqliteJournal
from monitoring_core.journal.sqlite import APPLICATION_ID, FORMAT
from tests.contracts.journal import append, record

ROOT = Path(__file__).parents[1]
PAGE_BYTES = 4096
PROCESSES, THREADS, TURNS = 2, 4, 25

WRITER = f"""
import sys, threading
from monitoring_core.journal import Record, SqliteJournal

print("ready", flush=True)
path, name = sys.stdin.readline().split()
journal = SqliteJournal(path)

def work(thread):
    for number in range({TURNS}):
        with journal.turn("s") as turn:
            count = int(turn.get("a", "count") or b"0")
            body = f"{{name}}/{{thread}}/{{number}}".encode()
            turn.append([Record(turn.head.position + 1, body, b"")])
            turn.put("a", {{"count": b"%d" % (count + 1)}})

threads = [threading.Thread(target=work, args=(thread,)) for thread in range({THREADS})]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
journal.close()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "journal"


@pytest.fixture
def journal(path: Path) -> Iterator[SqliteJournal]:
    """A journal that waits for nobody, with a site of three entries."""
    opened = SqliteJournal(path, wait_s=0.01)
    with opened.turn("s") as turn:
        append(turn, 3)
        turn.put("a", {"k": b"v"})
    yield opened
    opened.close()


def files(path: Path) -> list[Path]:
    """The files of the journal."""
    return sorted(path.parent.glob(path.name + "*"))


def read_all(path: Path) -> None:
    """Open it and read all of it."""
    with closing(SqliteJournal(path, wait_s=0.01)) as opened:
        for site in opened.sites():
            with opened.view(site) as turn:
                list(turn.read())
                list(turn.scan("a"))


def broken(path: Path) -> JournalError:
    """How opening and reading all of it ends."""
    with pytest.raises(JournalError) as raised:
        read_all(path)
    assert raised.value.where == str(path)
    assert raised.value.fix
    return raised.value


# Durability


def test_it_is_as_durable_as_sqlite_can_be(journal: SqliteJournal) -> None:
    """Every commit is synced in a write-ahead log, and what is deleted is overwritten."""
    asked = "journal_mode", "synchronous", "secure_delete"
    found = [journal._writer.execute(f"pragma {name}").fetchone()[0] for name in asked]  # noqa: SLF001
    assert found == ["wal", 2, 1]


def test_it_is_a_file(journal: SqliteJournal, path: Path) -> None:
    """What was written is there for who opens the file afterwards, which then is the only one."""
    journal.close()
    assert files(path) == [path]
    with closing(SqliteJournal(path)) as again, again.view("s") as turn:
        assert list(turn.read()) == [record(1), record(2), record(3)]
        assert turn.get("a", "k") == b"v"


def test_a_copy_of_the_files_is_what_a_crash_leaves(journal: SqliteJournal, path: Path, tmp_path: Path) -> None:
    """Whatever was committed is in the files before anything is closed; what was not is not."""
    crashed = tmp_path / "crashed"
    with journal.turn("s") as turn:
        append(turn)
        turn.put("a", {"k": b"w"})
        for file in files(path):
            shutil.copy(file, str(crashed) + file.name.removeprefix(path.name))
    with closing(SqliteJournal(crashed)) as again, again.view("s") as turn:
        assert (turn.head.position, turn.get("a", "k")) == (3, b"v")


def test_rows_that_nobody_wants_hold_nothing(path: Path) -> None:
    """Who stops reading in the middle, by an error, holds on to nothing: the journal is closed with all in one file."""
    with closing(SqliteJournal(path)) as journal:
        with journal.turn("s") as turn:
            append(turn, 3)
        reading: list[Iterator[Any]] = []
        with journal.view("s") as turn:
            reading.append(turn.read())
            next(reading[0])
        with journal.turn("s") as turn:
            reading.append(turn.scan("a"))
            append(turn)
        with closing(sqlite3.connect(path)) as other:
            (is_busy, *_) = other.execute("pragma wal_checkpoint(truncate)").fetchone()
    assert not is_busy


# What can be wrong with a file


def test_a_missing_folder(tmp_path: Path) -> None:
    """A journal in a folder that is not there is refused, with the repair."""
    assert "folder exists" in broken(tmp_path / "nowhere" / "journal").fix


def test_a_place_that_can_hold_none() -> None:
    """Where there is no write-ahead log, as in memory, no journal is made."""
    with pytest.raises(JournalError, match="cannot hold a journal"):
        SqliteJournal(":memory:")


def test_something_else_than_a_database(path: Path) -> None:
    """A file that is no database is refused, and left as it was."""
    path.write_bytes(b"anything" * 1_000)
    assert "not a database" in broken(path).what
    assert path.read_bytes() == b"anything" * 1_000


@pytest.mark.parametrize("application_id", [0, 4711])
def test_another_programs_database(path: Path, application_id: int) -> None:
    """Another program's database is refused, and left as it was, whether it says whose it is or not."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table theirs (id integer)")
        database.execute(f"pragma application_id = {application_id}")
    before = path.read_bytes()
    assert "another program's" in broken(path).what
    assert [file.read_bytes() for file in files(path)] == [before]


def test_an_empty_file_becomes_a_journal(path: Path) -> None:
    """A file with nothing in it, as a temporary one, is made a journal."""
    path.touch()
    with closing(SqliteJournal(path)) as journal, journal.turn("s") as turn:
        append(turn)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("pragma application_id").fetchone() == (APPLICATION_ID,)
        assert database.execute("pragma user_version").fetchone() == (FORMAT,)


def test_a_newer_format(journal: SqliteJournal, path: Path) -> None:
    """A journal of a newer format is refused, with both versions, and left as it was."""
    journal.close()
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"pragma user_version = {FORMAT + 1}")
    before = path.read_bytes()
    error = broken(path)
    assert (error.what, error.fix) == (
        f"this journal has format {FORMAT + 1}, this program knows {FORMAT}",
        "open it with a newer monitoring-core",
    )
    assert path.read_bytes() == before


def test_a_file_that_cannot_be_written(journal: SqliteJournal, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would write to a file that this process may only read is refused, with the repair; reading works."""
    journal.close()
    connect = sqlite3.connect

    def may_only_read(where: str, **given: Any) -> sqlite3.Connection:
        database: sqlite3.Connection = connect(f"file:{where}?mode=ro", uri=True, **given)
        return database

    monkeypatch.setattr(sqlite3, "connect", may_only_read)
    with closing(SqliteJournal(path)) as opened:
        with opened.view("s") as turn:
            assert turn.head.position == 3
        with pytest.raises(JournalError, match="readonly") as raised, opened.turn("s") as turn:
            append(turn)
    assert "the right to write" in raised.value.fix


def test_a_damaged_page(journal: SqliteJournal, path: Path) -> None:
    """Whichever page is damaged, reading all ends in a clear error; the first one is the file's head."""
    with journal.turn("s") as turn:
        turn.append([record(number, bytes(300)) for number in range(4, 60)])
        turn.put("a", {str(number): bytes(300) for number in range(60)})
    journal.close()
    image = path.read_bytes()
    assert len(image) > 10 * PAGE_BYTES
    for start in range(0, len(image), PAGE_BYTES):
        path.write_bytes(image[:start] + b"\xa5" * PAGE_BYTES + image[start + PAGE_BYTES :])
        assert "name a journal" in broken(path).fix if start == 0 else "backup" in broken(path).fix


def test_a_damaged_table_of_contents(journal: SqliteJournal, path: Path) -> None:
    """Where not even the names of its tables are text any more, opening ends in a clear error."""
    journal.close()
    image = path.read_bytes()
    assert image.count(b"CREATE TABLE shelf") == 1
    path.write_bytes(image.replace(b"CREATE TABLE shelf", b"\xa5REATE TABLE \xa5helf"))
    assert "backup" in broken(path).fix


def test_making_one_is_done_whole_or_not_at_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When making a new journal fails in the middle the file is as new, and can be made one later."""
    with monkeypatch.context() as failing:
        failing.setattr("monitoring_core.journal.sqlite._SCHEMA", "create table site (x); this is no statement")
        broken(path)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("select count(*) from sqlite_master").fetchone() == (0,)
    SqliteJournal(path).close()


def test_one_that_was_made_but_never_opened(journal: SqliteJournal, path: Path) -> None:
    """A journal whose making was cut short before its log was begun is opened, but not while another reads it."""
    journal.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        assert other.execute("pragma journal_mode = delete").fetchone() == ("delete",)
        other.execute("begin")
        other.execute("select * from site").fetchone()
        assert "locked" in broken(path).what
        other.execute("rollback")
    with closing(SqliteJournal(path)) as again, again.view("s") as turn:
        assert turn.head.position == 3


@pytest.mark.parametrize(
    ("table", "column"),
    [("entry", "body"), ("entry", "digest"), ("shelf", "value"), ("site", "digest"), ("site", "start_digest")],
)
@pytest.mark.parametrize("value", ["text", 1, 1.5])
def test_a_value_of_another_type(journal: SqliteJournal, path: Path, table: str, column: str, value: object) -> None:
    """What has another type than what is written there is found where it is read."""
    journal.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(f"update {table} set {column} = ?", (value,))  # noqa: S608 # names from above
    assert broken(path).what == "the journal is damaged"


def test_a_full_disk(journal: SqliteJournal) -> None:
    """A turn for which there is no room ends in a clear error, nothing of it is kept, and with room all goes on."""
    pages = journal._writer.execute("pragma page_count").fetchone()[0]  # noqa: SLF001
    journal._writer.execute(f"pragma max_page_count = {pages}")  # noqa: SLF001

    def too_much() -> None:
        with journal.turn("s") as turn:
            turn.put("b", {"small": b""})
            turn.append([record(4, bytes(100 * PAGE_BYTES))])

    with pytest.raises(JournalError, match="full") as raised:
        too_much()
    assert "make room" in raised.value.fix
    journal._writer.execute("pragma max_page_count = 1000000")  # noqa: SLF001
    with journal.turn("s") as turn:
        assert (turn.head.position, turn.get("b", "small")) == (3, None)
        append(turn)


@pytest.mark.parametrize("said", ["disk I/O error", "something new"])
def test_any_other_error_of_sqlite(journal: SqliteJournal, said: str) -> None:
    """Whatever SQLite says comes as an error of the family, with its words and a repair, and undoes the turn."""

    def fails() -> None:
        with journal.turn("s") as turn:
            append(turn)
            raise sqlite3.OperationalError(said)

    with pytest.raises(JournalError, match=said) as raised:
        fails()
    assert raised.value.fix
    with journal.view("s") as turn:
        assert turn.head.position == 3


# Who shares it


def test_a_turn_waits_only_so_long(journal: SqliteJournal, path: Path) -> None:
    """While another process holds the file a turn ends in a clear error after its time; views do not wait at all."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(JournalError, match="locked") as raised, journal.turn("s"):
            pass
        with journal.view("s") as turn:
            assert turn.head.position == 3
    assert "another process" in raised.value.fix
    with journal.turn("s") as turn:
        append(turn)


def test_a_view_is_of_its_moment(journal: SqliteJournal, path: Path) -> None:
    """What others write while a view is open is not in it, and is in the next."""
    with closing(SqliteJournal(path)) as other, journal.view("s") as view:
        with other.turn("s") as turn:
            append(turn)
            turn.put("a", {"k": b"w"})
        assert (view.head.position, len(list(view.read())), view.get("a", "k")) == (3, 3, b"v")
        with other.view("s") as turn:
            assert (turn.head.position, turn.get("a", "k")) == (4, b"w")


def test_processes_take_turns(path: Path) -> None:
    """Processes with threads each, which make the journal all at once, lose nothing and mix nothing up."""
    command = [sys.executable, "-c", WRITER]
    writers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for _ in range(PROCESSES)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for name, writer in enumerate(writers):
        assert writer.stdin is not None
        writer.stdin.write(f"{path} {name}\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    with closing(SqliteJournal(path)) as journal, journal.view("s") as turn:
        bodies = [one.body.decode() for one in turn.read()]
        assert turn.get("a", "count") == b"%d" % len(bodies)
    for process in range(PROCESSES):
        for thread in range(THREADS):
            mine = [body for body in bodies if body.startswith(f"{process}/{thread}/")]
            assert mine == [f"{process}/{thread}/{number}" for number in range(TURNS)]
    assert len(bodies) == PROCESSES * THREADS * TURNS


def in_a_fork(work: Callable[[], object]) -> int:
    """With what a forked process ends that does `work`: 7 if the journal refused it as one of before a fork."""
    with warnings.catch_warnings():  # newer Pythons warn of what is tested here
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except JournalError as error:
            status = 7 if "before a fork" in error.what else 2
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_forked_process_may_not_use_it(journal: SqliteJournal) -> None:
    """In a forked process whatever reads or writes is refused, even while the parent is in a turn."""
    with journal.turn("s") as turn:
        append(turn)
        uses = (
            lambda: journal.turn("s").__enter__(),
            lambda: journal.view("s").__enter__(),
            journal.sites,
            journal.scrub,
        )
        assert [in_a_fork(use) for use in uses] == [7] * 4
    with journal.view("s") as turn:
        assert turn.head.position == 4


def test_no_lock_of_another_thread_holds_up_a_forked_process(journal: SqliteJournal) -> None:
    """In a process that was forked while another thread was in a turn, a turn is refused, and close returns."""
    inside, over = threading.Event(), threading.Event()

    def work() -> None:
        with journal.turn("s"), journal.view("s"):
            inside.set()
            over.wait()

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait()
    try:
        assert in_a_fork(lambda: journal.turn("s").__enter__()) == 7
        assert in_a_fork(journal.close) == 0
    finally:
        over.set()
        thread.join()


def test_a_forked_process_that_ends_does_no_harm(journal: SqliteJournal, path: Path) -> None:
    """When a forked process lets go of its copy, the parent's journal goes on, locked and whole as before."""

    def let_go() -> None:
        journal._writer.close()  # noqa: SLF001 # as the end of an interpreter does
        journal._reader.close()  # noqa: SLF001

    with journal.turn("s") as turn:
        append(turn)
        assert in_a_fork(let_go) == 0
        other = SqliteJournal(path, wait_s=0.01)
        with closing(other), pytest.raises(JournalError, match="locked"), other.turn("s"):
            pass
        append(turn)
    with journal.view("s") as turn:
        assert turn.head.position == 5
    assert journal._reader.execute("pragma integrity_check").fetchone() == ("ok",)  # noqa: SLF001


# What is deleted


@pytest.mark.parametrize("seed", range(4))
def test_what_was_deleted_is_in_no_file(path: Path, seed: int) -> None:
    """After a scrub the bytes of what was deleted are in no file, however often pages were divided meanwhile."""
    random = Random(seed)
    journal = SqliteJournal(path)
    secrets: dict[str, bytes] = {}
    for _ in range(60):
        items: dict[str, bytes | None] = {}
        for _ in range(random.randint(1, 30)):
            key = f"{random.randrange(10**9)}" + "k" * random.choice((0, 100, 3_000))
            items[key] = b"v" * random.choice((0, 20, 200, 5_000))
            if random.random() < 0.1:
                secrets[f"{key}SECRET"] = items[f"{key}SECRET"] = b"SECRET"
        with journal.turn("s") as turn:
            turn.put("a", items)
    with journal.turn("s") as turn:
        turn.put("a", dict.fromkeys(secrets))
        append(turn)
    assert any(b"SECRET" in file.read_bytes() for file in files(path))
    journal.scrub()
    assert len(files(path)) > 1
    assert not any(b"SECRET" in file.read_bytes() for file in files(path))
    with journal.view("s") as turn:
        assert turn.head.position == 1
    journal.close()


def test_a_scrub_says_when_somebody_still_reads_what_was_deleted(journal: SqliteJournal, path: Path) -> None:
    """While an older view is open nothing can be scrubbed, which is told; afterwards it can."""
    with closing(SqliteJournal(path)) as other, other.view("s"):
        with journal.turn("s") as turn:
            turn.put("a", {"k": None})
        with pytest.raises(JournalError, match="still reads"):
            journal.scrub()
    journal.scrub()
