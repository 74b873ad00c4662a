"""A short life of a database, told in a process of its own: some transactions, each acknowledged once it is committed.

Run as `python -m tests.faults.story PATH JOURNAL_MODE SYNCHRONOUS CUT_AT FAIL_AT`; it prints the number of each
transaction that was acknowledged. It ends with the power cut, which comes at operation CUT_AT or else when all is done;
operation FAIL_AT fails.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

from tests.faults.vfs import install

TRANSACTIONS = range(1, 9)
PART_BYTES = 3_000
"""Two parts of a transaction fill more than one page, so that it could be there by half."""


def tell(path: Path, mode: str, synchronous: str, acknowledge: Callable[[int], None]) -> None:
    """All transactions; whoever fails is not acknowledged, and those after it are tried all the same."""
    with closing(_opened(path, mode, synchronous)) as database:
        for number in TRANSACTIONS:
            with suppressed():
                _transact(database, number)
                acknowledge(number)


def found(path: Path) -> set[int]:
    """The transactions that are there, in a database that is sound, none of them by half."""
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("pragma integrity_check").fetchall() == [("ok",)]
        if not database.execute("select 1 from sqlite_schema").fetchone():
            return set()
        parts: set[tuple[int, int]] = set(database.execute("select number, part from parts"))
    whole = {number for number, _ in parts}
    assert parts == {(number, part) for number in whole for part in (1, 2)}
    return whole


@contextmanager
def suppressed() -> Iterator[None]:
    """Whatever SQLite reports is known, and that is all."""
    try:
        yield
    except sqlite3.Error:
        return


def _opened(path: Path, mode: str, synchronous: str) -> sqlite3.Connection:
    """Tried twice; SQLite changes the mode only when the pragma is asked for a row after its first one."""
    for _ in range(2):
        with suppressed():
            database = sqlite3.connect(path, isolation_level=None)
            for pragma in (f"journal_mode = {mode}", f"synchronous = {synchronous}", "wal_autocheckpoint = 9"):
                database.execute(f"pragma {pragma}").fetchall()
            return database
    raise AssertionError("what fails once must not fail again")


def _transact(database: sqlite3.Connection, number: int) -> None:
    database.execute("begin immediate")
    try:
        database.execute("create table if not exists parts (number, part, content, primary key (number, part))")
        for part in (1, 2):
            content = bytes([number]) * PART_BYTES
            database.execute("insert into parts values (?, ?, ?)", (number, part, content))
        database.execute("commit")
    except sqlite3.Error:
        if database.in_transaction:
            database.execute("rollback")
        raise


def _main(path: str, mode: str, synchronous: str, cut_at: str, fail_at: str) -> None:
    faults, random = install(), Random(cut_at + fail_at)
    faults.track()
    if int(cut_at):
        faults.cut_power_at(int(cut_at), random)
    if int(fail_at):
        faults.fail_at(int(fail_at), errno.EIO)
    tell(Path(path), mode, synchronous, _report)
    faults.power_cut(random)


def _report(number: int) -> None:
    os.write(1, b"%d\n" % number)


if __name__ == "__main__":
    _main(*sys.argv[1:])
