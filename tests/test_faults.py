"""The layer that forgets and fails, proved on plain sqlite3, and the disk that it remembers."""

from __future__ import annotations

import errno
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.faults import vfs
from tests.faults.disk import SECTOR_BYTES, Disk, File, Truncate, Write
from tests.faults.story import TRANSACTIONS, found, tell
from tests.faults.vfs import BROKEN_STATUS, POWER_CUT_STATUS, install

pytestmark = pytest.mark.search

CUTS = range(2, 170, 7)
"""A few dozen operations of the story, which has some 160."""
SEEDS = range(60)
"""Enough to see each thing that a power cut may do."""


def _random(seed: int) -> Random:
    return Random(seed)


def _python(*given: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[1]
    return subprocess.run([sys.executable, *given], capture_output=True, check=False, text=True, cwd=root)


def _lost(path: Path, mode: str, synchronous: str, *, cut_at: int = 0, fail_at: int = 0) -> set[int]:
    """The transactions that were acknowledged before the power cut and are not there afterwards."""
    done = _python("-m", "tests.faults.story", str(path), mode, synchronous, str(cut_at), str(fail_at))
    assert (done.returncode, done.stderr) == (POWER_CUT_STATUS, "")
    assert not path.with_name(f"{path.name}-shm").exists()
    acknowledged = set(map(int, done.stdout.split()))
    assert acknowledged or 0 < cut_at < CUTS[8]
    return acknowledged - found(path)


def _lost_at_any(folder: Path, mode: str, synchronous: str) -> bool:
    with ThreadPoolExecutor(2) as pool:
        return any(pool.map(lambda cut_at: _lost(folder / f"{cut_at}.db", mode, synchronous, cut_at=cut_at), CUTS))


def _connected(path: Path, mode: str = "wal", timeout_s: float = 60) -> closing[sqlite3.Connection]:
    database = sqlite3.connect(path, isolation_level=None, timeout=timeout_s)
    database.execute(f"pragma journal_mode = {mode}").fetchall()
    return closing(database)


def _left(path: Path, disk: Disk, seed: int) -> bytes | None:
    """What a power cut leaves of one file."""
    disk.power_cut(_random(seed))
    return path.read_bytes() if path.exists() else None


@pytest.mark.parametrize(("mode", "synchronous"), [("wal", "full"), ("truncate", "full"), ("delete", "extra")])
def test_a_power_cut_takes_nothing_acknowledged(tmp_path: Path, mode: str, synchronous: str) -> None:
    """Where SQLite promises it, whatever was acknowledged before a power cut is there after it, in a sound database."""
    assert not _lost_at_any(tmp_path, mode, synchronous)


@pytest.mark.parametrize(("mode", "synchronous"), [("wal", "normal"), ("delete", "full")])
def test_a_power_cut_takes_what_was_not_synced(tmp_path: Path, mode: str, synchronous: str) -> None:
    """Where SQLite promises only a sound database, power cuts take acknowledged transactions and leave it sound."""
    assert _lost_at_any(tmp_path, mode, synchronous)


def test_a_power_cut_breaks_what_is_never_synced(tmp_path: Path) -> None:
    """With synchronous=OFF, the power cuts take acknowledged transactions, and sooner or later the whole database."""
    with pytest.raises((sqlite3.DatabaseError, AssertionError)):
        assert not _lost_at_any(tmp_path, "wal", "off")


def test_a_failed_operation_and_a_power_cut_take_nothing_acknowledged(tmp_path: Path) -> None:
    """Whatever is acknowledged before and after an operation failed survives a power cut at the end."""
    with ThreadPoolExecutor(2) as pool:
        assert not any(
            pool.map(lambda fail_at: _lost(tmp_path / f"{fail_at}.db", "wal", "full", fail_at=fail_at), CUTS)
        )


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_failing_operation_takes_nothing_acknowledged(tmp_path: Path, error: int) -> None:
    """Whichever operation fails once, all acknowledged transactions are there, and none is there by half."""
    with install() as faults:
        tell(tmp_path / "whole.db", "wal", "full", lambda _: None)
        for number in range(1, faults.writes + 1):
            acknowledged: set[int] = set()
            faults.fail_at(number, error)
            tell(tmp_path / f"{number}.db", "wal", "full", acknowledged.add)
            assert len(faults.failed) == number
            assert len(acknowledged) >= len(TRANSACTIONS) - 1
            assert acknowledged <= found(tmp_path / f"{number}.db")


@pytest.mark.parametrize(
    ("mode", "kinds"),
    [
        ("wal", "create extend write sync"),
        ("delete", "create write sync delete"),
        ("truncate", "create write sync truncate"),
    ],
)
def test_a_failing_operation_is_reported(tmp_path: Path, mode: str, kinds: str) -> None:
    """Whichever operation of a single statement fails, of every kind that there is, SQLite reports it."""
    with install() as faults:
        with _connected(tmp_path / "whole.db", mode) as database:
            before = faults.writes
            database.execute("create table t (x)")
            operations = faults.writes - before
        for number in range(1, operations + 1):
            with _connected(tmp_path / f"{number}.db", mode) as database:
                faults.fail_at(number, errno.EIO)
                with pytest.raises(sqlite3.OperationalError):
                    database.execute("create table t (x)")
        assert len(faults.failed) == operations
        assert {said.split()[0] for said in faults.failed} == set(kinds.split())


@pytest.mark.parametrize(("error", "said"), [(errno.ENOSPC, "database or disk is full"), (errno.EIO, "disk I/O error")])
def test_a_disk_fails_until_it_is_healed(tmp_path: Path, error: int, said: str) -> None:
    """What fails forever does so with SQLite's own words, until it is healed."""
    with install() as faults, _connected(tmp_path / "j.db") as database:
        database.execute("create table t (x)")
        faults.fail_at(1, error, forever=True)
        for _ in range(3):
            with pytest.raises(sqlite3.OperationalError, match=said):
                database.execute("insert into t values (1)")
        faults.heal()
        database.execute("insert into t values (2)")
        assert database.execute("select x from t").fetchall() == [(2,)]
        assert faults.failed == ["write j.db-wal"] * 3


def test_half_of_a_write_that_fails_is_done(tmp_path: Path) -> None:
    """A write that fails leaves its first half, as a full disk may: here of the log's header of 32 bytes."""
    with install() as faults, _connected(tmp_path / "j.db") as database:
        faults.fail_at(3, errno.ENOSPC)
        with pytest.raises(sqlite3.OperationalError, match="full"):
            database.execute("create table t (x)")
        assert (tmp_path / "j.db-wal").stat().st_size == 16


def test_a_later_sync_does_not_save_what_a_failed_one_left(tmp_path: Path) -> None:
    """After a failed sync of the log, the next one succeeds, and yet a power cut after it takes what was written."""
    code = """if True:
        import errno, random, sqlite3, sys, tests.faults.vfs as vfs
        faults = vfs.install()
        database = sqlite3.connect(sys.argv[1], isolation_level=None)
        for statement in ("pragma journal_mode = wal", "create table t (x)", "pragma wal_checkpoint(truncate)"):
            database.execute(statement).fetchall()
        database.execute("pragma synchronous = normal")
        faults.track()
        database.execute("insert into t values (1)")
        faults.fail_at(1, errno.EIO)
        faults.cut_power_at(3, random.Random(0))
        for _ in (1, 2):
            try:
                database.execute("pragma wal_checkpoint").fetchall()
            except sqlite3.OperationalError:
                print(faults.failed)
    """
    done = _python("-c", code, str(tmp_path / "j.db"))
    assert (done.returncode, done.stdout) == (POWER_CUT_STATUS, "['sync j.db-wal']\n")
    with closing(sqlite3.connect(tmp_path / "j.db")) as database:
        assert database.execute("select x from t").fetchall() == []


def test_only_a_disk_s_errors_can_be_asked_for() -> None:
    """An error that a disk does not give is refused with its name."""
    with install() as faults, pytest.raises(ValueError, match="not with EPERM"):
        faults.fail_at(1, errno.EPERM)


def test_a_power_cut_needs_to_know_what_is_safe() -> None:
    """Without track() a power cut is refused, at once and also for later."""
    with install() as faults:
        with pytest.raises(RuntimeError, match="call track"):
            faults.cut_power_at(1, _random(0))
        with pytest.raises(RuntimeError, match="call track"):
            faults.power_cut(_random(0))


def test_locks_pass_through(tmp_path: Path) -> None:
    """While one connection writes, another one cannot."""
    with install(), _connected(tmp_path / "j.db") as one, _connected(tmp_path / "j.db", timeout_s=0) as other:
        one.execute("begin immediate")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("begin immediate")


def test_threads_pass_through(tmp_path: Path) -> None:
    """Connections of several threads on one file each keep what they wrote."""

    def write(number: int) -> None:
        with _connected(tmp_path / "j.db") as mine:
            for _ in range(10):
                mine.execute("insert into t values (?)", (number,))

    with install(), _connected(tmp_path / "j.db") as database:
        database.execute("create table t (x)")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, range(8)))
        assert database.execute("select count(*), count(distinct x) from t").fetchone() == (80, 8)


def test_a_removed_layer_is_gone(tmp_path: Path) -> None:
    """After its removal neither a connection that is open, nor a new one, is counted, and both work."""
    with install() as faults:
        database = sqlite3.connect(tmp_path / "j.db", isolation_level=None)
        database.execute("create table t (x)")
    writes = faults.writes
    database.execute("insert into t values (1)")
    database.close()
    with _connected(tmp_path / "j.db", "delete") as other:
        other.execute("insert into t values (2)")
        assert other.execute("select x from t").fetchall() == [(1,), (2,)]
    assert 0 < writes == faults.writes
    with pytest.raises(sqlite3.OperationalError, match="no such vfs"):
        sqlite3.connect(f"file:x?mode=memory&vfs={faults.name}", uri=True)


def test_a_connection_may_outlive_python(tmp_path: Path) -> None:
    """A process whose connection is still open when Python ends, ends well."""
    code = """if True:
        import sqlite3, sys, tests.faults.vfs as vfs
        faults = vfs.install()
        left = sqlite3.connect(sys.argv[1])
        left.execute("pragma journal_mode = wal").fetchall()
        left.execute("create table t (x)")
        raise SystemError("the end")
    """
    done = _python("-c", code, str(tmp_path / "j.db"))
    assert done.returncode == 1
    assert done.stderr.endswith("SystemError: the end\n")


def test_a_fault_of_the_layer_is_no_fault_of_the_disk(tmp_path: Path) -> None:
    """An exception in the layer itself ends the process with its traceback and a status of its own."""
    code = "import sqlite3, sys, tests.faults.vfs as vfs; vfs.install()._handles = None; sqlite3.connect(sys.argv[1])"
    done = _python("-c", code + ".execute('create table t (x)')", str(tmp_path / "j.db"))
    assert done.returncode == BROKEN_STATUS
    assert "TypeError" in done.stderr


def test_a_python_that_hides_its_sqlite_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no library shows SQLite's functions, the error says what is needed."""
    monkeypatch.setattr(vfs, "_libraries", lambda: iter(()))
    with pytest.raises(RuntimeError, match="linked dynamically"):
        install()


def test_a_second_sqlite_is_not_taken_for_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that shows the functions, but is not the one that sqlite3 uses, is left alone."""
    monkeypatch.setattr(vfs, "_is_used", lambda _: False)
    with pytest.raises(RuntimeError, match="linked dynamically"):
        install()


@given(some.lists(some.tuples(some.integers(0, 3_000), some.binary(max_size=2_000)), max_size=5), some.randoms())
def test_what_is_synced_is_safe(writes: list[tuple[int, bytes]], random: Random) -> None:
    """After a sync a power cut leaves just what was written, with zeros between."""
    file, expected = File(), bytearray(5_000)
    for offset, data in writes:
        file.later.append(Write(offset, data))
        expected[offset : offset + len(data)] = data
    size = max((offset + len(data) for offset, data in writes), default=0)
    file.later.append(Truncate(size + 9))
    file.sync()
    assert file.after_power_cut(random) == expected[:size] + bytes(9)


def test_a_write_is_torn_between_sectors_only() -> None:
    """Of a write that is torn each sector is old or new, and over many power cuts some writes are torn."""
    offset, size = 100, 4 * SECTOR_BYTES
    torn = False
    for seed in SEEDS:
        file = File(b"o" * size)
        file.later.append(Write(offset, b"n" * (size - offset)))
        left = file.after_power_cut(_random(seed))
        assert left[:offset] == b"o" * offset
        sectors = [left[max(start, offset) : start + SECTOR_BYTES] for start in range(0, size, SECTOR_BYTES)]
        assert all(len(set(sector)) == 1 for sector in sectors)
        torn |= len(set(left[offset:])) == 2
    assert torn


def test_later_writes_are_kept_in_any_choice() -> None:
    """Of two writes that no sync followed, power cuts keep both, none, only the first and only the second."""
    left = set()
    for seed in SEEDS:
        file = File(b"--")
        file.later += [Write(0, b"1"), Write(1, b"2")]
        left.add(file.after_power_cut(_random(seed)))
    assert left == {b"12", b"--", b"1-", b"-2"}


def test_a_file_never_synced_is_empty_or_absent(tmp_path: Path) -> None:
    """Of a new file that was never synced a power cut leaves nothing, an empty file, or what was written."""
    left = set()
    for seed in SEEDS:
        disk, path = Disk(), tmp_path / "f"
        path.write_bytes(b"new")
        disk.create(str(path)).later.append(Write(0, b"new"))
        left.add(_left(path, disk, seed))
    assert left == {None, b"", b"new"}


@pytest.mark.parametrize("synced", [False, True])
def test_a_deletion_is_safe_when_its_folder_is_synced(tmp_path: Path, synced: bool) -> None:  # noqa: FBT001
    """A deleted file may come back after a power cut, unless its folder was synced."""
    left = set()
    for seed in SEEDS:
        disk, path = Disk(), tmp_path / "f"
        disk.open(str(path), lambda: b"old")
        disk.delete(str(path), synced=synced)
        path.unlink(missing_ok=True)
        left.add(_left(path, disk, seed))
    assert left == ({None} if synced else {None, b"old"})


def test_a_synced_file_keeps_the_names_before_it(tmp_path: Path) -> None:
    """A file that was created before another one was synced is there after a power cut."""
    for seed in SEEDS:
        disk, path = Disk(), tmp_path / "f"
        disk.create(str(path))
        disk.sync(disk.create(str(tmp_path / "g")))
        assert _left(path, disk, seed) == b""


def test_what_a_failed_sync_left_is_never_safe() -> None:
    """A write before a sync that failed is not kept by a sync that succeeds; one after it is."""
    file = File(b"--")
    file.later.append(Write(0, b"1"))
    file.sync_failed()
    file.later.append(Write(1, b"2"))
    file.sync()
    assert file.after_power_cut(_random(0)) == b"-2"
