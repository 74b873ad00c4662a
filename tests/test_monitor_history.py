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
from monitoring_core.journal import Entry, Journal, Ledger, MemoryJournal, SqliteJournal, as_read
from monitoring_core.journal.beside import LATEST, TEXTS
from monitoring_core.journal.ledger import SNAPSHOTS
from monitoring_core.monitor import Monitor
from monitoring_core.monitor.answers import Answer, of_step, of_verdict
from monitoring_core.monitor.library import Edition, Library, digest, edition
from monitoring_core.monitor.sites import Sites
from monitoring_core.replay import Row, encode, row
from monitoring_core.rules.book import RuleBook
from monitoring_core.testing import strategies as some
from tests.crash.history import AGENTS, OPERATION, PROCESSES, THREADS, rules, told
from tests.helpers import ANYBODY, ASK, DEFAULT, SEATS, state_of, talk
from tests.oracle.linearizable import Operation, problems
from tests.test_journal_personal import with_long_names

pytestmark = pytest.mark.search

SITE = "default"
ROOT = Path(__file__).parents[1]
REQUESTS = 2_000
FLOORS, FLOORS_OF_A_SITE = 10_000, 20
NOBODY = '[[rule]]\nid = "none"\neffect = "forbid"\nbecause = "not today"\n'
WITHOUT_THE_SWITCH = 'confirmation = "none"\n'
EVERYBODY = '[[rule]]\nid = "all"\neffect = "permit"\nbecause = "a test"\n'


class SingleEngine:
    """One engine that steps what the journal has, entry by entry, by the rules that the journal has."""

    def __init__(self, journal: Journal) -> None:
        self._library = Library()
        with journal.view(SITE) as turn:
            self.entries = list(Ledger(SITE).read(turn))
            self._texts = {name: text.decode() for name, text in turn.scan(TEXTS)}
        first = self.entries[0].event
        assert isinstance(first, RulesChanged)
        book, settings = self._compiled(first)
        self.engine = Engine(book, settings, SITE, first.behaviour)
        self.rows: dict[str, Row] = {}
        self.given: list[bytes] = []
        self.answers: dict[str, Answer] = {}

    def take(self, position: int) -> Any:
        """What whoever wrote this entry must have been answered."""
        entry = self.entries[position - 1]
        if isinstance(entry.event, RulesChanged):
            book, settings = self._compiled(entry.event)
            self.engine.use(book, settings, entry.event.behaviour)
        step = self.engine.step(entry.event)
        self.given.append(encode(step))
        self.rows |= {move.session: row(self.engine.sessions.by_id[move.session]) for move in step.moves}
        if not isinstance(entry.event, MonitorRequested):
            return self.given[-1].decode()
        try:
            answer = of_step(step)
        except EventError as error:
            return type(error).__name__
        if isinstance(answer, Answer):
            self.answers[answer.session] = answer
            return told(answer)
        return told(self.answers[answer])

    @property
    def different(self) -> list[int]:
        """The positions whose steps were others when they were written."""
        pairs = zip(self.entries, self.given, strict=True)
        return [entry.position for entry, given in pairs if encode(entry.step) != given]

    def steps(self) -> list[bytes]:
        """The steps of all that there is, as one engine gives them."""
        for entry in self.entries:
            self.take(entry.position)
        return self.given

    def read(self, asked: Any) -> Any:
        """What would be answered now."""
        return told(of_verdict(self.engine.can(MonitorRequested(from_address=asked[0], to_address=asked[1]))))

    def _compiled(self, change: RulesChanged) -> tuple[RuleBook, Settings]:
        return self._library.compiled(Edition(self._texts[change.book], self._texts[change.settings]))


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
    some.events | some.requests(),
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
    single.steps()
    assert single.different == []
    told_by = {RulesChanged, e.JournalHead}
    assert [encode(one.step) for one in single.entries if type(one.event) not in told_by] == writers.noted
    seen = [site.look(SITE, state_of) for site in (*writers.sites, writers.open(book(NOBODY)))]
    assert seen[0] == seen[1] == seen[2]


@given(st.lists(timed.map(with_long_names), min_size=1, max_size=25))
def test_a_snapshot_names_nobody(happened: list[Event]) -> None:
    """Whatever happened, no name, id or number of anybody is in the snapshot that a site keeps: erasing reaches it."""
    writers = Writers(MemoryJournal(), snapshot_every=1_000)
    for event in happened:
        writers.tell(event)
    writers.sites[0].save(SITE)
    with writers.journal.view(SITE) as turn:
        assert b"personal text" not in (turn.get(SNAPSHOTS, LATEST) or b"personal text: none")


ELSEWHERE = """
import sys
from monitoring_core.journal import SqliteJournal
from tests.test_monitor_history import SingleEngine
sys.stdout.buffer.write(b"\\n".join(SingleEngine(SqliteJournal(sys.argv[1])).steps()))
"""
"""Another process, with a hash seed of its own, that prints the steps of a journal."""


def test_another_process_gives_the_same_steps(tmp_path: Path) -> None:
    """A journal written with snapshots and reloads gives the same steps, byte for byte, in any other process."""
    writers = Writers(SqliteJournal(tmp_path / "journal"))
    random = Random(1)
    for number in range(300):
        writers.tell(any_event(random), number % 2)
        if number % 60 == 30:
            writers.sites[0].reload(book((NOBODY, EVERYBODY)[number % 120 > 60], "confirm_s = 5"), SITE)
        if number % 50 == 25:
            writers.reopen(number % 2)
    writers.journal.close()
    with closing(SqliteJournal(tmp_path / "journal")) as journal:
        written = [encode(entry.step) for entry in SingleEngine(journal).entries]
    assert len(set(written)) > 50
    for seed in ("1", "2", "77"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-c", ELSEWHERE, str(tmp_path / "journal")]
        done = subprocess.run(command, capture_output=True, env=environment, check=True)
        assert done.stdout == b"\n".join(written)


def any_event(random: Random) -> Event:
    """One of a small site's: people, calls and monitor calls, as they come."""
    listener, agent = random.choice(("5004", "5026")), random.choice(("5025", "5025", "5026"))
    call, customer = f"c{random.randrange(4)}", random.choice(("0170", "0171", "0172"))
    monitor_call = f"m{random.randrange(4)}"
    leg = random.choice((e.Established, e.Established, e.Established, e.Held, e.Retrieved, e.Delivered, e.Parked))
    person, extension = random.choice((("ann", "5004"), ("bob", "5025"), ("eve", "5026")))
    makes: tuple[tuple[int, Callable[[], Event]], ...] = (
        (8, lambda: leg(call=call, address=random.choice((agent, customer)))),
        (6, lambda: MonitorRequested(from_address=listener, to_address=agent, user="ann")),
        (2, lambda: e.MonitorStarted(monitor_call=monitor_call, from_address=listener, to_address=agent, call=call)),
        (2, lambda: e.MonitorEnded(monitor_call=monitor_call)),
        (1, lambda: e.ConnectionCleared(call=call, address=random.choice((agent, customer)))),
        (1, lambda: e.CallCleared(call=call)),
        (1, lambda: e.Conferenced(call=call, into=f"c{random.randrange(4)}")),
        (1, lambda: e.Transferred(call=call, by=agent, to=customer)),
        (2, lambda: replace(SEATS[0], person=person, extension=extension, teams=("sales",))),
        (1, lambda: e.PersonChanged(person=person, state=random.choice(("NOT_READY", "READY")), teams=("sales",))),
        (1, lambda: e.PhoneChanged(extension=agent, supports_monitoring=random.random() < 0.8, configured=True)),
        (1, lambda: e.SignedOut(person=person)),
    )
    (make,) = random.choices([make for _, make in makes], [weight for weight, _ in makes])
    return make()


# Older code


def lived_under(behaviour: int, mark: int) -> MemoryJournal:
    """A journal as code of that behaviour wrote it, whatever it says: a start was assumed, and then failed."""
    journal, ledger = MemoryJournal(), Ledger(SITE)
    rules_of_then = book(EVERYBODY, WITHOUT_THE_SWITCH)
    compiled, settings = Library().compiled(rules_of_then)
    engine = Engine(compiled, settings, SITE, behaviour)
    events = (
        replace(rules_of_then.event, behaviour=mark),
        *talk(),
        ASK,
        CommandOutcome(command=f"{SITE}-4/4/0", outcome="failed"),
        e.Held(call="c1", address="5025"),
    )
    with journal.turn(SITE) as turn:
        for text in (rules_of_then.book, rules_of_then.settings):
            ledger.keep_text(turn, digest(text), text)
        for number, event in enumerate(events):
            step = engine.step(event := replace(event, received_at=float(number)))
            moved = tuple(row(engine.sessions.by_id[move.session]) for move in step.moves)
            ledger.append(turn, [(as_read(event), step, moved)])
    return journal


def state_in(sites: Sites) -> State | None:
    """Where the one session stands."""
    return sites.look(SITE, lambda engine: engine.sessions.by_id[f"{SITE}-4"].state)


def test_older_entries_keep_their_outcome() -> None:
    """A journal of behaviour 1 opens under this code with the same steps, also from a snapshot, and goes on so."""
    journal = lived_under(1, mark=1)
    single = SingleEngine(journal)
    single.steps()
    assert single.different == []
    sites = Sites(journal, None, book(NOBODY), clock=lambda: 5.0)
    assert state_in(sites) is State.ACTIVE
    sites.save(SITE)
    again = Sites(journal, None, book(NOBODY), clock=lambda: 5.0)
    assert state_in(again) is State.ACTIVE
    again.ask(SITE, lambda _engine: CommandOutcome(command=f"{SITE}-4/4/0", outcome="failed"), lambda *_given: None)
    assert state_in(again) is State.ACTIVE


def test_with_another_mark_older_entries_have_another_outcome() -> None:
    """The same journal, marked as of behaviour 2, differs at the start that failed, and only from there on."""
    single = SingleEngine(lived_under(1, mark=2))
    single.steps()
    assert single.different == [5, 6]
    single = SingleEngine(lived_under(2, mark=2))
    single.steps()
    assert single.different == []


def test_new_rules_bring_new_behaviour() -> None:
    """Who opens an older journal with his own rules goes on by today's behaviour, from an entry on that says so."""
    journal = lived_under(1, mark=1)
    sites = Sites(journal, book(EVERYBODY, WITHOUT_THE_SWITCH), book(NOBODY), clock=lambda: 5.0)
    sites.ask(SITE, lambda _engine: CommandOutcome(command=f"{SITE}-4/4/0", outcome="failed"), lambda *_given: None)
    assert state_in(sites) is State.ENDED
    single = SingleEngine(journal)
    single.steps()
    assert single.different == []
    assert isinstance(single.entries[6].event, RulesChanged)
    assert single.entries[6].event.behaviour == BEHAVIOUR


# Can


def test_can_is_what_request_would_say(record_property: Callable[[str, object], None]) -> None:
    """On 10,000 generated floors `can` gives the verdict of the request that follows, and leaves no trace."""
    random, said = Random(2), Counter[bool]()
    for site in range(FLOORS // FLOORS_OF_A_SITE):
        given = (DEFAULT if site % 2 else ANYBODY, Settings(per_supervisor=2), SITE)
        engine, unasked = Engine(*given), Engine(*given)
        for event in (*SEATS, *talk()):
            assert engine.step(event) == unasked.step(event)
        for number in range(FLOORS_OF_A_SITE):
            for event in (e.TimePassed(), *(any_event(random) for _ in range(random.randrange(4)))):
                event = replace(event, received_at=float(number))  # noqa: PLW2901
                assert engine.step(event) == unasked.step(event)
            request = replace(any_request(random), received_at=float(number))
            could = engine.can(request)
            step = engine.step(request)
            assert step == unasked.step(request)
            if step.verdicts:
                assert step.verdicts[-1].verdict == could
            else:
                assert engine.answered(request) == step.answer
            said[could.permit] += 1
        assert state_of(engine) == state_of(unasked)
    record_property("shown", f"can: {said[True]} permits and {said[False]} refusals on {said.total()} floors")
    assert said.total() == FLOORS
    assert min(said.values()) > FLOORS // 10


def any_request(random: Random) -> MonitorRequested:
    """Asked by somebody of somebody, sometimes by a token, sometimes of a call that is not there."""
    pair = random.choice((("5004", "5025"), ("5004", "5026"), ("5026", "5025"), ("5004", "5099")))
    user = random.choice(("ann", "ann", "ann", "bob", ""))
    token = f"{user} {'-'.join(pair)} {random.randrange(3)}" if random.random() < 0.2 else None
    return MonitorRequested(from_address=pair[0], to_address=pair[1], user=user, token=token, facts={"vip": True})


def main(requests: int) -> int:
    """A run of that length; 1 if anything is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        found = live(Path(folder), requests)
    for kind, number in sorted(found.kinds.items()):
        sys.stdout.write(f"{number:10,}  {kind}\n")
    wrong = found.problems
    sys.stdout.write(f"{len(found.machine.entries):10,}  entries\n{len(wrong):10,}  problems\n")
    sys.stdout.writelines(f"{problem}\n" for problem in wrong[:20])
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else REQUESTS))
