"""Kills a writer at random moments, many times, and then asks journal, receiver and promises whether they agree.

What must be 0: promised events that the journal lacks, sessions started twice, ids with two contents, sessions and
commands that the journal does not explain, tokens with two answers, problems that verify finds.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import attrs

from monitoring_core.domain.events import MonitorRequested, RulesChanged
from monitoring_core.domain.outcomes import StartMonitoring
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.journal import Entry, Ledger, SqliteJournal, verify
from monitoring_core.message import encode, of_command
from monitoring_core.monitor import Monitor
from monitoring_core.outbound import HttpOutbound
from monitoring_core.replay import Row, row
from tests.crash.writer import KEY, rules, write

SITE = "default"
KILLED_AFTER_S = (0.02, 0.5)
AGAIN = 5


@attrs.define
class Found:
    """What came out of a run; all but the first five must be 0."""

    kills: int = 0
    entries: int = 0
    promises: int = 0
    sessions: int = 0
    received: int = 0
    lost_events: int = 0
    lost_answers: int = 0
    tokens_with_two_answers: int = 0
    sessions_started_twice: int = 0
    ids_with_two_contents: int = 0
    unexplained_commands: int = 0
    unexplained_sessions: int = 0
    steps_that_differ: int = 0
    problems: int = 0

    @property
    def wrong(self) -> dict[str, int]:
        """What is not 0, though it must be."""
        return {name: count for name, count in list(attrs.asdict(self).items())[5:] if count}


@attrs.define
class Run:
    """One journal, one receiver, and the writers that are killed, in `folder`."""

    folder: Path
    seed: int = 1

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.folder / "journal.db"

    def kill(self, times: int) -> Iterator[int]:
        """Start a writer and kill it, so often; yields the number after each."""
        with self._receiver() as port:
            random = Random(self.seed)
            for number in range(1, times + 1):
                self._one(port, number, random)
                yield number
            self._settle(port)

    def found(self, kills: int) -> Found:
        """What journal, receiver and promises say of each other."""
        entries, rows, problems = self._journal()
        promises = list(_lines(self.folder / "promises"))
        received = list(_lines(self.folder / "received"))
        found = Found(kills, len(entries), len(promises), len(rows), len(received), problems=problems)
        _promises(found, entries, promises)
        _received(found, entries, received)
        _replayed(found, entries, rows)
        return found

    def _receiver(self) -> Receiver:
        return Receiver(self.folder)

    def _one(self, port: int, number: int, random: Random) -> None:
        again = self._last_asked()
        child = os.fork()
        if child == 0:
            try:
                promises = os.open(self.folder / "promises", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                write(self.journal, port, promises, self.seed * 1_000_000 + number, again)
            except BaseException as error:  # noqa: BLE001 # told by the exit code; nothing of the parent may run here
                os.write(2, f"the writer failed: {error!r}\n".encode())
            finally:
                os._exit(1)
        time.sleep(random.uniform(*KILLED_AFTER_S))
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        if not os.WIFSIGNALED(status):
            raise AssertionError(f"writer {number} ended by itself")

    def _last_asked(self) -> list[tuple[str, str, str]]:
        asked = [line for line in _lines(self.folder / "promises") if "token" in line][-AGAIN:]
        return [(line["token"], line["supervisor"], line["agent"]) for line in asked]

    def _settle(self, port: int) -> None:
        """Open it once more, and let everything that waits leave or lapse."""
        outbound = HttpOutbound(f"http://127.0.0.1:{port}/", Settings(), key=KEY)
        with Monitor.open(self.journal, rules=rules(), outbound=outbound) as monitor:
            for _ in range(600):
                if not monitor.waiting():
                    return
                time.sleep(0.05)
            raise AssertionError(f"commands that never left: {monitor.waiting()[:3]}")

    def _journal(self) -> tuple[list[Entry], list[Row], int]:
        journal, ledger = SqliteJournal(self.journal), Ledger(SITE)
        try:
            with journal.view(SITE) as turn:
                verified = verify(SITE, ledger, turn, [turn.head])
                return list(ledger.read(turn)), list(ledger.rows(turn)), len(verified.problems)
        finally:
            journal.close()


class Receiver:
    """The receiver in its own process; as a context it gives the port. While the file `down` is there it hangs up."""

    def __init__(self, folder: Path, down: Path | None = None) -> None:
        self._folder, self._down = folder, down

    def __enter__(self) -> int:
        port = self._folder / "port"
        command = [sys.executable, "-m", "tests.crash.receiver", str(port), str(self._folder / "received")]
        command += [] if self._down is None else ["--down-file", str(self._down)]
        self._process = subprocess.Popen(command)
        for _ in range(400):
            if port.exists() and port.read_text().strip():
                return int(port.read_text())
            time.sleep(0.05)
        self._process.kill()
        raise AssertionError("the receiver did not start")

    def __exit__(self, *_error: object) -> None:
        self._process.terminate()
        self._process.wait()


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """Every whole line; the last may be torn, which nobody was promised."""
    text = path.read_bytes() if path.exists() else b""
    return (json.loads(line) for line in text.splitlines(keepends=True) if line.endswith(b"\n"))


def _promises(found: Found, entries: list[Entry], promises: list[dict[str, Any]]) -> None:
    kept = {entry.event.id for entry in entries if entry.event.id}
    found.lost_events = sum(line["event"] not in kept for line in promises if "event" in line)
    opened = {
        entry.event.token: entry.step.answer
        for entry in reversed(entries)
        if isinstance(entry.event, MonitorRequested) and entry.event.token
    }
    answers: dict[str, set[tuple[str, bool]]] = defaultdict(set)
    for line in promises:
        if "token" in line:
            answers[line["token"]].add((line["session"], line["permit"]))
            found.lost_answers += opened.get(line["token"]) != line["session"]
    found.tokens_with_two_answers = sum(len(said) > 1 for said in answers.values())


def _received(found: Found, entries: list[Entry], received: list[dict[str, Any]]) -> None:
    commands = {
        f"{command.session}/{entry.position}/{number}": command
        for entry in entries
        for number, command in enumerate(entry.step.commands)
    }
    contents: dict[str, set[str]] = defaultdict(set)
    starts: dict[str, int] = defaultdict(int)
    for line in received:
        contents[line["id"]].add(json.dumps(line["body"], sort_keys=True))
        command = commands.get(line["id"])
        message = None if command is None else of_command(command, Settings())
        if message is None or json.loads(encode(message)) != line["body"]:
            found.unexplained_commands += 1
        elif isinstance(command, StartMonitoring):
            starts[command.session] += 1
    found.ids_with_two_contents = sum(len(said) > 1 for said in contents.values())
    found.sessions_started_twice = sum(count > 1 for count in starts.values())


def _replayed(found: Found, entries: list[Entry], rows: list[Row]) -> None:
    """A fresh engine on the same events: the same steps, and the same sessions as the journal's rows have."""
    told: dict[str, Row] = {}
    given = rules()
    engine = Engine(given.book, given.settings, SITE)
    for entry in entries:
        if isinstance(entry.event, RulesChanged):
            engine.use(given.book, given.settings, entry.event.behaviour)
        step = engine.step(entry.event)
        found.steps_that_differ += step != entry.step
        told |= {move.session: row(engine.sessions.by_id[move.session]) for move in step.moves}
    found.unexplained_sessions = sum(told.get(one.session) != one for one in rows) + len(
        told.keys() - {one.session for one in rows}
    )
