"""What a journal says happened is what everybody saw: many clients at once, other processes, older code, `can`.

As a program it takes a longer run than `make test` does: `python -m tests.test_monitor_history 20000`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from monitoring_core.domain import events as e
from monitoring_core.domain.events import CommandOutcome, Established, Event, MonitorRequested, RulesChanged
from monitoring_core.domain.outcomes import State
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import BEHAVIOUR, Engine
from monitoring_core.errors import EventError
from monitoring_core.journal import Entry, Journal, Ledger, MemoryJournal, SqliteJournal
from monitoring_core.monitor import Monitor
from monitoring_core.monitor.answers import of_step, of_verdict
from monitoring_core.monitor.library import Edition, Library, digest, edition
from monitoring_core.monitor.sites import Sites
from monitoring_core.replay import Row, encode, row
from tests import strategies_events as some
from tests.crash.history import AGENTS, OPERATION, PROCESSES, THREADS, rules, told
from tests.helpers import ANYBODY, ASK, DEFAULT, RULES, SEATS, inside, state_of, talk
from tests.oracle.linearizable import Operation, problems

SITE = "default"
ROOT = Path(__file__).parents[1]
REQUESTS = 2_000
NOBODY = '[[rule]]\nid = "none"\neffect = "forbid"\nbecause = "not today"\n'
WITHOUT_THE_SWITCH = 'confirmation = "none"\n'
EVERYBODY = '[[rule]]\nid = "all"\neffect = "permit"\nbecause = "a test"\n'


class SingleEngine:
    """One engine that steps what the journal has, entry by entry, by the rules that the journal has."""

    def __init__(self, journal: Journal) -> None:
        self._ledger, self._library = Ledger(SITE), Library()
        with journal.view(SITE) as turn:
            self.entries = list(self._ledger.read(turn))
            digests = {text for one in self.entries if isinstance(one.event, RulesChanged) for text in texts(one.event)}
            self._texts = {one: self._ledger.text(turn, one) or "" for one in digests}
        first = self.entries[0].event
        assert isinstance(first, RulesChanged)
        self.engine = Engine(*self._compiled(first), SITE, first.behaviour)
        self.rows: dict[str, Row] = {}
        self.different: list[int] = []

    def take(self, position: int) -> Any:
        """What whoever wrote this entry must have been answered."""
        entry = self.entries[position - 1]
        if isinstance(entry.event, RulesChanged):
            self.engine.use(*self._compiled(entry.event), entry.event.behaviour)
        step = self.engine.step(entry.event)
        if encode(step) != encode(entry.step):
            self.different.append(position)
        self.rows |= {move.session: row(self.engine.sessions.by_id[move.session]) for move in step.moves}
        if not isinstance(entry.event, MonitorRequested):
            return encode(step).decode()
        try:
            return told(of_step(self.engine, step))
        except EventError as error:
            return type(error).__name__

    def read(self, asked: Any) -> Any:
        """What would be answered now."""
        return told(of_verdict(self.engine.can(MonitorRequested(from_address=asked[0], to_address=asked[1]))))

    def run(self) -> SingleEngine:
        """Take all that there is."""
        for entry in self.entries:
            self.take(entry.position)
        return self

    def _compiled(self, change: RulesChanged) -> Any:
        return self._library.compiled(Edition(*(self._texts[one] for one in texts(change))))


def texts(change: RulesChanged) -> tuple[str, str]:
    """The digests of book and settings."""
    return change.book, change.settings


# Many at once


@attrs.define
class History:
    """What many clients did on one journal at once, and the journal."""

    operations: list[Operation]
    kinds: Counter[str]
    machine: SingleEngine
    missing: int
    rows: list[Row]

    @property
    def problems(self) -> list[str]:
        """What is wrong with it."""
        found = list(problems(self.operations, len(self.machine.entries), self.machine))
        if self.missing:
            found.append(f"{self.missing} entries that a client wrote have no operation, or the other way round")
        found += [f"the step at {position} is not the single engine's" for position in self.machine.different]
        if self.rows != list(self.machine.rows.values()):
            found.append("the sessions are not those of a single engine")
        return found


def live(folder: Path, requests: int) -> History:
    """Two processes, eight threads in all, and so many requests on one journal."""
    path = folder / "journal.db"
    with Monitor.open(path, rules=rules(folder / "rules", 1)) as monitor:
        for agent in range(AGENTS):
            monitor.feed(Established(call=f"c{agent}", address=f"a{agent}"))
            monitor.feed(Established(call=f"c{agent}", address=f"n{agent}"))
    rules(folder / "other", 2)
    each = str(requests // (PROCESSES * THREADS))
    clients = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.crash.history", str(path), str(process), each, str(folder / "other")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for process in range(PROCESSES)
    ]
    for client in clients:
        assert client.stdout is not None
        assert client.stdout.readline() == "ready\n"
    for client in clients:
        assert client.stdin is not None
        client.stdin.write("\n")
        client.stdin.flush()
    noted = [json.loads(line) for client in clients for line in client.communicate()[0].splitlines()]
    assert [client.returncode for client in clients] == [0] * PROCESSES
    return history(path, noted)


def history(path: Path, noted: Sequence[dict[str, Any]]) -> History:
    """What was noted, each write at the position where the journal has it."""
    with closing(SqliteJournal(path)) as journal:
        machine = SingleEngine(journal)
        with journal.view(SITE) as turn:
            rows = list(Ledger(SITE).rows(turn))
    positions = {name: entry.position for entry in machine.entries if (name := operation_of(entry)) is not None}
    writes = {one["name"] for one in noted if one["kind"] != "can"}
    operations = [
        Operation(
            f"{one['kind']} {one['name']}",
            one["began"],
            one["ended"],
            one["asked"],
            one["answer"],
            0 if one["kind"] == "can" else positions.get(one["name"], -1),
        )
        for one in noted
    ]
    kinds = Counter(f"{one['kind']} {one['answer'][0]}" if one["kind"] != "feed" else "feed" for one in noted)
    return History(operations, kinds, machine, len(writes ^ positions.keys()), rows)


def operation_of(entry: Entry) -> int | None:
    """The operation that wrote an entry; None if no client's did."""
    if isinstance(entry.event, MonitorRequested):
        return int(str(entry.event.facts[OPERATION]))
    return None if entry.event.id is None else int(entry.event.id)


def test_what_many_do_at_once_is_one_after_another(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Two processes and eight threads, 2,000 requests: one order explains every answer, and nothing is lost."""
    found = live(tmp_path, REQUESTS)
    record_property("shown", f"history: {dict(found.kinds)}, {len(found.machine.entries)} entries")
    assert found.problems == []
    assert found.kinds["request True"] + found.kinds["request False"] == REQUESTS
    assert min(found.kinds.values()) > 50
    written = Counter(type(entry.event).__name__ for entry in found.machine.entries)
    assert written["RulesChanged"] == 2
    assert written["JournalHead"] > 5


class Register:
    """A value that is written and read, one thing after another: the simplest machine."""

    def __init__(self, written: Sequence[int]) -> None:
        self._written, self._value = written, 0

    def take(self, position: int) -> int:
        """A write is answered with the value before it."""
        before, self._value = self._value, self._written[position - 1]
        return before

    def read(self, _asked: object) -> int:
        """The value."""
        return self._value


@st.composite
def lives_of_a_register(draw: st.DrawFn) -> tuple[list[Operation], list[int]]:
    """Operations, each of which happened at some moment between its begin and its end, and what was written."""
    operations: list[Operation] = []
    written: list[int] = []
    for moment in range(draw(st.integers(1, 12))):
        began, ended = 10 * moment - draw(st.integers(0, 60)), 10 * moment + draw(st.integers(0, 60))
        value = written[-1] if written else 0
        position = 0
        if draw(st.booleans()):
            written.append(draw(st.integers(1, 3)))
            position = len(written)
        operations.append(Operation(str(moment), began, ended, None, value, position))
    return draw(st.permutations(operations)), written


@given(lives_of_a_register())
def test_the_oracle_accepts_what_happened_one_after_another(life: tuple[list[Operation], list[int]]) -> None:
    """Whatever overlaps, if each operation happened at one moment of its own time, there is an order."""
    operations, written = life
    assert list(problems(operations, len(written), Register(written))) == []


@pytest.mark.parametrize(
    ("operations", "says"),
    [
        ([("a", 0, 1, 0, 1), ("b", 2, 3, 9, 2)], "b at 2 was answered 9, not 7"),
        ([("a", 0, 1, 0, 2), ("b", 2, 3, 7, 1)], "b at 1 began after one at 2 had ended"),
        ([("a", 0, 1, 0, 1), ("b", 0, 1, 0, 1)], "both at 1"),
        ([("a", 0, 1, 0, 3)], "a is at 3, which is not there"),
        ([("a", 0, 1, 0, -1)], "a is at -1, which is not there"),
        ([("a", 0, 1, 0, 1), ("late", 2, 3, 0, 0)], "late was answered 0"),
        ([("early", 0, 1, 7, 0), ("a", 2, 3, 0, 1)], "early was answered 7"),
        ([("new", 0, 1, 8, 0), ("old", 2, 3, 7, 0), ("a", 0, 9, 0, 1), ("b", 0, 9, 7, 2)], "old was answered 7"),
    ],
    ids=["wrong answer", "against time", "twice", "nowhere", "lost", "stale", "foreseen", "back again"],
)
def test_the_oracle_finds_what_no_order_explains(operations: list[tuple[Any, ...]], says: str) -> None:
    """A wrong answer, a swapped, doubled or lost write, a stale read, a read of the future, a value that goes back."""
    made = [Operation(name, began, ended, None, answer, at) for name, began, ended, answer, at in operations]
    assert any(says in found for found in problems(made, 2, Register([7, 8])))


# The same steps again, elsewhere


@attrs.define
class Writers:
    """Several processes' worth of sites on one journal, that write by turns, and what their callers were answered."""

    journal: Journal
    snapshot_every: int = 5
    sites: list[Sites] = attrs.field(init=False)
    noted: list[bytes] = attrs.field(factory=list)
    clock: count[int] = attrs.field(factory=lambda: count(1_000))

    def __attrs_post_init__(self) -> None:
        self.sites = [self.open(book(EVERYBODY)) for _ in range(2)]

    def open(self, fallback: Edition) -> Sites:
        """One more, which knows only what the journal has."""
        return Sites(
            self.journal,
            None,
            fallback,
            clock=lambda: float(next(self.clock)),
            snapshot_every=self.snapshot_every,
            head_every=7,
        )

    def tell(self, event: Event, writer: int = 0) -> None:
        """One of them is told an event."""
        step = self.sites[writer].ask(SITE, lambda _engine: event, lambda _engine, step: step)
        self.noted.append(encode(step))

    def reopen(self, writer: int) -> None:
        """One of them forgets everything, and opens the journal again."""
        self.sites[writer] = self.open(book(NOBODY))


def book(text: str, settings: str = "") -> Edition:
    """Rules of one file."""
    return edition({"book.toml": text, "lifecycle.toml": settings})


timed = st.builds(
    lambda event, at, name: replace(event, at=at, received_at=at, id=name),
    some.events,
    st.none() | st.integers(1_000, 1_300).map(float),
    st.none() | st.sampled_from(["e1", "e2"]),
)
doings = st.lists(
    st.tuples(st.sampled_from(["tell"] * 8 + ["reopen", "reload", "save"]), st.sampled_from([0, 1]), timed), max_size=40
)


@given(doings)
def test_whoever_wrote_one_engine_gives_the_same_steps(doings: list[tuple[str, int, Event]]) -> None:
    """Whatever two writers tell by turns, reopened, reloaded and from snapshots, one engine gives the same bytes."""
    writers = Writers(MemoryJournal())
    for do, writer, event in doings:
        if do == "tell":
            writers.tell(event, writer)
        elif do == "reopen":
            writers.reopen(writer)
        elif do == "save":
            writers.sites[writer].save(SITE)
        else:
            writers.sites[writer].reload(book((NOBODY, EVERYBODY)[writer], f"confirm_s = {5 + writer}"), SITE)
    if not writers.journal.sites():
        return
    single = SingleEngine(writers.journal)
    single.run()
    assert single.different == []
    told_by = {RulesChanged, e.JournalHead}
    assert [encode(one.step) for one in single.entries if type(one.event) not in told_by] == writers.noted
    seen = [site.look(SITE, state_of) for site in (*writers.sites, writers.open(book(NOBODY)))]
    assert seen[0] == seen[1] == seen[2]
