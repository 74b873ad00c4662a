"""The second half of `make demo`: the same recording into a journal, by a process that is killed in the middle of it.

The recorded time is the clock. What was sent goes to a file; the journal is opened again, finished, audited, verified.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from monitoring_core.cli import main
from monitoring_core.cli.inputs import input_of
from monitoring_core.domain.events import Event
from monitoring_core.domain.settings import Settings
from monitoring_core.journal import SqliteJournal
from monitoring_core.monitor import Monitor
from monitoring_core.outbound import FileOutbound

RECORDED = Path(__file__).parent / "recorded"
SOURCE = "recording"
KILLED_AT = 1_200
"""The position at which the first process is killed."""


class RecordedClock:
    """The time of the recording, seconds."""

    now = 0.0

    def __call__(self) -> float:
        """What time it is in the recording."""
        return self.now


def events() -> Iterator[Event]:
    """What happened, with the supervisors' requests, each with its number as its id."""
    options = Namespace(
        log=str(RECORDED / "contact-centre-a.jsonl.gz"),
        source="asterisk",
        site="",
        floor=str(RECORDED / "contact-centre-a.floor.toml"),
        additions=str(RECORDED / "contact-centre-a.requests.jsonl"),
    )
    for number, event in enumerate(input_of(options, Settings()).events(), start=1):
        yield replace(event, id=str(number), source=SOURCE)


def feed(journal: Path, sent: Path) -> None:
    """Feed what the journal does not have yet; every command is out before time goes on."""
    clock = RecordedClock()
    with Monitor.open(journal, outbound=FileOutbound(sent, Settings()), clock=clock) as monitor:
        done = fed(journal)
        for number, event in enumerate(events(), start=1):
            clock.now = max(clock.now, event.received_at or 0.0)
            if number > done and monitor.feed(event).commands:
                while monitor.waiting():
                    time.sleep(0.001)


def fed(journal: Path) -> int:
    """The number of the last event of the recording that the journal has."""
    with Monitor.open(journal, clock=RecordedClock()) as monitor:
        last = [entry.event for entry in monitor.entries() if entry.event.source == SOURCE]
    return int(last[-1].id or 0) if last else 0


def position(journal: Path) -> int:
    """How far the journal is; 0 before there is one."""
    if not journal.exists():
        return 0
    store = SqliteJournal(journal)
    try:
        with store.view("default") as turn:
            return turn.head.position
    finally:
        store.close()


def demo(folder: Path) -> int:
    """Kill, reopen, finish, audit, verify; the worst exit code."""
    journal, sent = folder / "journal.db", folder / "sent.jsonl"
    print("\n=== The same into a journal on disk, by a process that is killed in the middle\n", flush=True)
    child = subprocess.Popen([sys.executable, __file__, str(journal), str(sent)])
    while position(journal) < KILLED_AT and child.poll() is None:
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    print(f"killed with SIGKILL; the journal has {position(journal)} entries, {_lines(sent)} messages were sent")
    feed(journal, sent)
    print(f"opened again and finished: {position(journal)} entries, {_lines(sent)} messages sent", flush=True)
    starts = [line for line in sent.read_text().splitlines() if "SetSilentMonitoring" in line]
    print(f"{len(starts)} of them are SetSilentMonitoring\n", flush=True)
    codes = []
    for arguments in (["audit", str(journal), "--supervisor", "8003"], ["verify", str(journal)]):
        print(f"=== monitoring-core {arguments[0]} JOURNAL {' '.join(arguments[2:])}\n", flush=True)
        codes.append(main(arguments))
    return max(codes)


def _lines(path: Path) -> int:
    return len(path.read_bytes().splitlines()) if path.exists() else 0


if __name__ == "__main__":
    if len(sys.argv) == 3:  # noqa: PLR2004 # the process that is killed: journal and file of what was sent
        feed(Path(sys.argv[1]), Path(sys.argv[2]))
        sys.exit(0)
    with tempfile.TemporaryDirectory() as place:
        sys.exit(demo(Path(place)))
