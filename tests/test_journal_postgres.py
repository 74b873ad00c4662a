"""A journal in PostgreSQL, on a real server: the contract of journals, and what only a server can do to one."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import psycopg
import pytest

from monitoring_core.errors import JournalError, UsageError
from monitoring_core.journal import Journal, Ledger, MemoryJournal, SqliteJournal, erase
from monitoring_core.journal.postgres import PostgresJournal
from monitoring_core.monitor import places, upkeep
from tests import postgres
from tests.cli import Shell
from tests.contracts.journal import CONTRACT, append
from tests.journals import KEY, SITE
from tests.test_cli_journals import BEGIN_S, WHO, write
from tests.test_journal_proof import lived

PROCESSES, TURNS = 4, 25
WRITER = f"""
import sys
from contextlib import closing
from monitoring_core.journal import Record
from monitoring_core.journal.postgres import PostgresJournal

with closing(PostgresJournal(sys.argv[1])) as journal:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range({TURNS}):
        with journal.turn("s") as turn:
            count = int(turn.get("a", "count") or b"0")
            turn.append([Record(turn.head.position + 1, f"{{sys.argv[2]}}/{{number}}".encode(), b"")])
            turn.put("a", {{"count": b"%d" % (count + 1)}})
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server for all of them."""
    with postgres.server() as address:
        yield address


@pytest.fixture
def address(server: str) -> Iterator[str]:
    """A new database."""
    with postgres.database(server) as made:
        yield made


@pytest.fixture
def journal(address: str) -> Iterator[PostgresJournal]:
    """A new journal."""
    with closing(PostgresJournal(address)) as opened:
        yield opened


@pytest.mark.parametrize("claim", CONTRACT, ids=lambda claim: claim.__name__)
def test_the_contract_is_kept(journal: Journal, claim: Callable[[Journal], None]) -> None:
    """PostgreSQL keeps every claim of the contract."""
    claim(journal)


def test_processes_take_turns(address: str, journal: PostgresJournal) -> None:
    """Four processes that read, add one and write lose nothing, leave no gap, and each keeps its own order."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, address, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    for one in started:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in started:
        one.communicate("go\n")
        assert one.returncode == 0
    with journal.view("s") as turn:
        assert turn.get("a", "count") == b"%d" % (PROCESSES * TURNS)
        told = [one.body.decode().split("/") for one in turn.read()]
    for number in range(PROCESSES):
        assert [int(place) for name, place in told if name == str(number)] == list(range(TURNS))


def test_sites_do_not_wait_for_each_other(journal: PostgresJournal) -> None:
    """While one thread is in a turn of one site, another one begins and ends a turn of another site."""

    def other() -> None:
        with journal.turn("t") as turn:
            append(turn)

    with journal.turn("s") as turn:
        append(turn)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(30)
        assert not thread.is_alive()
    assert journal.sites() == ["s", "t"]


def test_who_waits_too_long_for_a_site_is_told(address: str, journal: PostgresJournal) -> None:
    """A turn that is not given up within `wait_s` is an error that says so, and the other one goes on."""
    with closing(PostgresJournal(address, wait_s=0.05)) as impatient, journal.turn("s") as turn:
        append(turn)
        with pytest.raises(JournalError, match="another process holds this site") as refused, impatient.turn("s"):
            pass
        assert refused.value.where.endswith(", s")
        append(turn)
    with journal.view("s") as view:
        assert view.head.position == 2


def test_who_stops_in_a_turn_loses_the_site(address: str, journal: PostgresJournal) -> None:
    """A turn that does nothing for `idle_s` is ended by the server: others go on, what it writes later is refused."""

    def stop(zombie: Journal) -> None:
        with zombie.turn("s") as lost:
            append(lost)
            with journal.turn("s") as turn:  # waits for it
                append(turn)
            append(lost)

    with closing(PostgresJournal(address, idle_s=0.1)) as zombie:
        with pytest.raises(JournalError, match="cannot be used"):
            stop(zombie)
        with zombie.turn("s") as turn:
            append(turn)
    with journal.view("s") as view:
        assert view.head.position == 2


def test_a_head_that_somebody_moved_is_fenced(journal: PostgresJournal) -> None:
    """Even if the lock did not hold, who appends at a position that is not the last one any more writes nothing."""
    with journal.turn("s") as turn:
        append(turn)

    def write() -> None:
        with journal.turn("s") as turn:
            turn._execute("update site set position = 5")  # noqa: SLF001 # as if somebody had
            append(turn)

    with pytest.raises(JournalError, match="somebody else wrote meanwhile"):
        write()
    with journal.view("s") as view:
        assert (view.head.position, len(list(view.read()))) == (1, 1)


def test_a_lost_connection_is_replaced(address: str, journal: PostgresJournal) -> None:
    """A turn whose connection the server ends is undone with a clear error; the next one has another connection."""
    with journal.turn("s") as turn:
        append(turn)

    def lose() -> None:
        with journal.turn("s") as turn:
            append(turn)
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = current_database() and pid <> pg_backend_pid()"
                )
            append(turn)

    with pytest.raises(JournalError, match="cannot be used"):
        lose()
    with journal.turn("s") as turn:
        assert turn.head.position == 1
        append(turn)


@pytest.mark.usefixtures("journal")
def test_a_newer_format_is_refused(address: str) -> None:
    """A journal of a newer program is not touched."""
    with psycopg.connect(address) as connection:
        connection.execute("update monitoring_core.journal set format = 99")
    with pytest.raises(JournalError, match="format 99"):
        PostgresJournal(address)


def test_a_journal_is_made_once(address: str) -> None:
    """Eight threads that open a new journal at the same time all find it."""
    errors: list[BaseException] = []
    begin = threading.Barrier(8)

    def work() -> None:
        begin.wait()
        try:
            PostgresJournal(address).close()
        except BaseException as error:  # noqa: BLE001 # shown below
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_an_error_hides_the_password() -> None:
    """Where nobody listens, the error names the server, and never who asked with which password."""
    with pytest.raises(JournalError) as refused:
        PostgresJournal("postgresql://ann:secret@127.0.0.1:1/calls")
    assert refused.value.where == "postgresql://127.0.0.1:1/calls, its tables"
    assert "secret" not in str(refused.value)


def test_use_after_a_fork_is_refused(journal: PostgresJournal) -> None:
    """A child process that was forked cannot use, and does not close, its parent's connections."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            journal.close()
            journal.sites()
        except JournalError as error:
            os.write(write, error.what.encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 1000) == b"this journal was opened before a fork"
    assert journal.sites() == []


def test_what_is_deleted_is_in_no_table_file(journal: PostgresJournal, address: str) -> None:
    """After a scrub the pages of all tables hold nothing of what was removed."""
    secret = b"Annabella Montgomery" * 50
    with journal.turn("s") as turn:
        turn.put("a", {"k": secret, "l": b"kept"})
    with journal.turn("s") as turn:
        turn.put("a", {"k": None})
    journal.scrub()
    with psycopg.connect(address) as connection:
        connection.execute("checkpoint")
        (folder,), *_ = connection.execute("show data_directory").fetchall()
        (path,), *_ = connection.execute("select pg_relation_filepath('monitoring_core.shelf')").fetchall()
    table = Path(folder, path).read_bytes()
    assert b"kept" in table
    assert b"Montgomery" not in table


# The same site in every store


def everything(journal: Journal) -> list[object]:
    """All that is stored of the site."""
    with journal.view(SITE) as turn:
        shelves = {shelf: list(turn.scan(shelf)) for shelf in turn.shelves()}
        return [turn.start, turn.head, list(turn.read(turn.start.position)), shelves]


def steps(journal: Journal) -> list[bytes]:
    """What each entry says that followed, byte for byte, where the values of people are there."""
    with journal.view(SITE) as turn:
        return [msgspec.json.encode(entry.step) for entry in Ledger(SITE).read(turn)]


def test_all_stores_have_the_same_steps(journal: PostgresJournal, tmp_path: Path) -> None:
    """The same events lead to the same steps, byte for byte, in memory, in SQLite and in PostgreSQL."""
    with closing(SqliteJournal(tmp_path / "journal")) as file:
        stores: list[Journal] = [MemoryJournal(), file, journal]
        for store in stores:
            lived(store)
        first, *others = [steps(store) for store in stores]
    assert len(first) > 20
    assert all(other == first for other in others)


@pytest.mark.parametrize("is_pruned", [False, True])
def test_a_journal_that_moved_is_what_it_was(address: str, tmp_path: Path, is_pruned: bool) -> None:  # noqa: FBT001
    """From SQLite to PostgreSQL and back, also after erase and prune, each byte is the same and the chain is sound."""
    here, back = tmp_path / "here", tmp_path / "back"
    with closing(SqliteJournal(here)) as journal:
        written = lived(journal, KEY, pruned=is_pruned)
        with journal.turn(SITE) as turn:
            assert erase(written.ledger, turn, ["0172"])
        before, head = everything(journal), written.head
    assert upkeep.migrate(here, address, SITE) == head
    assert upkeep.migrate(address, back, SITE) == head
    for place in (address, back):
        with closing(places.opened_if_there(place)) as journal:
            assert everything(journal) == before
        verified = upkeep.verify(place, SITE, [head], KEY)
        assert (verified.problems, verified.head) == ((), head)
        assert verified.erased


def test_a_site_that_is_there_is_not_overwritten(address: str, tmp_path: Path) -> None:
    """Moving a site into a journal that has it is refused, and both stay as they are."""
    with closing(SqliteJournal(tmp_path / "here")) as journal:
        lived(journal)
    upkeep.migrate(tmp_path / "here", address, SITE)
    with closing(PostgresJournal(address)) as journal:
        before = everything(journal)
        with pytest.raises(JournalError, match="has been written to"):
            upkeep.migrate(tmp_path / "here", address, SITE)
        assert everything(journal) == before


def test_the_commands_take_a_server(address: str, tmp_path: Path, shell: Shell) -> None:
    """`migrate` moves a journal, and `verify`, `audit`, `erase` and `prune` do on a server what they do on a file."""
    journal = write(tmp_path)
    assert shell("migrate", journal, address).out == "default: entries up to 14 copied\n"
    audited = shell("audit", journal)
    assert audited.out
    assert shell("audit", address) == audited
    assert shell("verify", address).code == 0
    assert shell("erase", address, "--person", WHO).code == 0
    assert shell("prune", address, "--before", str(BEGIN_S + 15.0)).code == 0
    assert shell("verify", address).code == 0
    assert WHO not in shell("audit", address).out


def test_a_server_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without psycopg the error names what to install, and a file is still opened."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "monitoring_core.journal.postgres")
    with pytest.raises(UsageError, match="needs psycopg") as refused:
        places.opened("postgresql://127.0.0.1/calls")
    assert refused.value.fix == "pip install 'monitoring-core[postgres]'"
