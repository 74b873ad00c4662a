"""A short life of a monitor, over and over: each time another operation on its files fails, or the power is cut there.

Run as `python -m tests.faults.monitor FOLDER ENOSPC|EIO|power EVERY`; prints what came out as one JSON object.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from random import Random
from typing import TypeVar

from monitoring_core.domain.events import CallCleared, Established, Event, MonitorStarted
from monitoring_core.errors import JournalError
from monitoring_core.journal import Entry, Ledger, SqliteJournal, verify
from monitoring_core.monitor import Monitor
from tests.crash.writer import rules
from tests.faults.vfs import POWER_CUT_STATUS, Faults, install

T = TypeVar("T")

SITE = "default"
CALLS = 4
FAILED, UNTOUCHED = 1, 0
SNAPSHOT_EVERY = 7


def play(path: Path, promise: Callable[[str], None]) -> None:
    """Open it, feed, ask, change the rules, close; who gets an error goes on with the next. Promises are told."""
    monitor = _tried(lambda: Monitor.open(path, rules=rules(), clock=lambda: 1_800_000_000.0))
    if monitor is None:
        return
    monitor._sites._snapshot_every = SNAPSHOT_EVERY  # noqa: SLF001 # so that a short life has some
    for number in range(CALLS):
        for event in _call(number):
            if _tried(lambda event=event: monitor.feed(event)) is not None:  # type: ignore[misc]
                promise(str(event.id))
        token = f"t{number}"
        answer = _tried(lambda token=token, number=number: monitor.request("s", f"a{number}", token=token))  # type: ignore[misc]
        if answer is not None:
            promise(f"{token} {answer.session}")
        _tried(lambda number=number: monitor.feed(CallCleared(call=f"c{number}")))  # type: ignore[misc]
    _tried(lambda: monitor.reload(rules()))
    _tried(monitor.close)


def found(path: Path, promises: list[str]) -> dict[str, int]:
    """What the journal says of them, with no fault any more, and that it goes on."""
    entries, problems = _entries(path)
    ids = {entry.event.id for entry in entries}
    answers = {f"{getattr(entry.event, 'token', None)} {entry.step.answer}" for entry in entries if entry.step.answer}
    with Monitor.open(path, rules=rules()) as monitor:
        goes_on = monitor.request("x", "y").permit
    return {
        "lost": sum(one not in (answers if " " in one else ids) for one in promises),
        "problems": problems,
        "doubled": len(ids - {None}) != len([entry for entry in entries if entry.event.id]),
        "stuck": not goes_on,
    }


def once(path: Path, fault: str, number: int) -> tuple[int, list[str]]:
    """One life, in a process of its own; how it ended, and what was promised."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        faults = install()
        _arm(faults, fault, number)
        with os.fdopen(writing, "w", buffering=1, encoding="utf-8") as told:
            play(path, lambda said: told.writelines([said, "\n"]))
        faults.heal()
        os._exit(FAILED if faults.failed else UNTOUCHED)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as heard:
        promises = heard.read().splitlines()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), promises


def main(folder: Path, fault: str, every: int) -> dict[str, int]:
    """Until a life has so few operations that none of them was hit."""
    total = {"lives": 0, "promises": 0, "lost": 0, "problems": 0, "doubled": 0, "stuck": 0, "broken": 0}
    for number in count(1, every):
        path = folder / f"{fault}-{number}.db"
        status, promises = once(path, fault, number)
        if status not in (FAILED, UNTOUCHED, POWER_CUT_STATUS):
            total["broken"] += 1
        total["lives"] += 1
        total["promises"] += len(promises)
        for name, value in found(path, promises).items():
            total[name] += value
        if status == UNTOUCHED:
            return total
    raise AssertionError("a count has no end")


def _arm(faults: Faults, fault: str, number: int) -> None:
    if fault == "power":
        faults.track()
        faults.cut_power_at(number, Random(number))
    else:
        faults.fail_at(number, getattr(errno, fault))


def _call(number: int) -> Iterator[Event]:
    yield Established(call=f"c{number}", address=f"n{number}", id=f"1.{number}")
    yield Established(call=f"c{number}", address=f"a{number}", id=f"2.{number}")
    yield MonitorStarted(monitor_call=f"m{number}", from_address="z", to_address=f"a{number}", id=f"3.{number}")


def _entries(path: Path) -> tuple[list[Entry], int]:
    journal, ledger = SqliteJournal(path), Ledger(SITE)
    try:
        with journal.view(SITE) as turn:
            return list(ledger.read(turn)), len(verify(SITE, ledger, turn).problems)
    finally:
        journal.close()


def _tried(work: Callable[[], T]) -> T | None:
    try:
        return work()
    except JournalError:
        return None


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))
