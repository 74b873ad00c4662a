"""The face that a program embeds: requests, stops, sessions, subscriptions, rules that change, and who may use it."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from monitoring_core.domain.events import (
    AnyEvent,
    CallCleared,
    CommandOutcome,
    ConnectionCleared,
    Established,
    JournalHead,
    MonitorRequested,
    MonitorStarted,
    RulesChanged,
    Unreadable,
)
from monitoring_core.domain.outcomes import NOTHING
from monitoring_core.engine import Engine
from monitoring_core.errors import EventError, JournalError, RuleBookError, UsageError
from monitoring_core.files import Rules, load_rules
from monitoring_core.journal import Entry, SqliteJournal
from monitoring_core.monitor import Monitor, upkeep
from monitoring_core.monitor.sites import SITES_OPEN_MAX, Sites
from tests.helpers import SEATS, START, talk

Open = Callable[..., Monitor]

EVERYBODY = '[[rule]]\nid = "all"\neffect = "permit"\nbecause = "a test"\n'
NOBODY = '[[rule]]\nid = "none"\neffect = "forbid"\nbecause = "not today"\n'


class Clock:
    """A clock that a test sets; seconds since 1970."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        """What time it is."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
def opened(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Open]:
    """Opens monitors, in memory or on one file; all are closed at the end."""
    monitors: list[Monitor] = []

    def open_one(**given: Any) -> Monitor:
        path = None if request.param == "memory" else tmp_path / "journal.db"
        monitors.append(Monitor.open(path, **{"clock": clock, **given}))
        return monitors[-1]

    yield open_one
    for monitor in monitors:
        monitor.close()


def folder(place: Path, text: str, settings: str = "") -> Path:
    """A folder of rules."""
    place.mkdir(exist_ok=True)
    (place / "book.toml").write_text(text)
    (place / "lifecycle.toml").write_text(settings)
    return place


def seated(monitor: Monitor) -> Monitor:
    """Everybody in his place and Bob on a call."""
    for event in (*SEATS, *talk()):
        monitor.feed(event)
    return monitor


def test_a_permitted_request_names_its_session(opened: Open) -> None:
    """The answer to a permitted request has the session, which is then among those alive."""
    monitor = seated(opened())
    answer = monitor.request("5004", "5025", "ann")
    assert answer.permit
    assert [row.session for row in monitor.sessions()] == [answer.session]


def test_a_refused_request_says_every_reason(opened: Open) -> None:
    """A refusal is an answer, with a reason for every rule that forbids."""
    answer = opened().request("5004", "5025", "ann")
    assert not answer.permit
    assert len(answer.because) > 1
    assert answer.verdict is not None
    assert set(answer.because) == {hit.because for hit in answer.verdict.hits} | {
        miss.because for miss in answer.verdict.misses
    }


def test_can_is_the_answer_without_the_session(opened: Open) -> None:
    """What can says is what request then says, and nothing came of it."""
    monitor = seated(opened())
    head = monitor.head
    could = monitor.can("5004", "5025", "ann")
    assert monitor.head == head
    assert could.verdict == monitor.request("5004", "5025", "ann").verdict


def test_the_same_token_is_the_same_answer_after_reopening(tmp_path: Path, clock: Clock) -> None:
    """A token asked again, also of a monitor that was opened anew, is the same session and the same answer."""
    with Monitor.open(tmp_path / "j", clock=clock) as monitor:
        first = seated(monitor).request("5004", "5025", "ann", token="t")
        assert monitor.request("5004", "5025", "ann", token="t") == first
        assert monitor.can("5004", "5025", "ann", token="t") == first
    with Monitor.open(tmp_path / "j", clock=clock) as monitor:
        assert monitor.request("5004", "5025", "ann", token="t") == first


def test_a_token_of_a_session_long_forgotten_is_answered_from_the_journal(tmp_path: Path, clock: Clock) -> None:
    """Where the engine has forgotten the session, the journal still knows what was answered."""
    with Monitor.open(tmp_path / "j", clock=clock) as monitor:
        first = monitor.request("5004", "5025", "ann", token="t")
        clock.now += 10_000.0
        monitor.request("1", "2")
        again = monitor.request("5004", "5025", "ann", token="t")
        assert again == first
        assert monitor.can("5004", "5025", "ann", token="t") == again


def test_a_token_for_another_request_is_refused(opened: Open) -> None:
    """A token that was used for another request is a mistake of the caller, and said so."""
    monitor = opened()
    monitor.request("5004", "5025", "ann", token="t")
    with pytest.raises(EventError, match="could not be applied"):
        monitor.request("5004", "5026", "ann", token="t")
    with pytest.raises(EventError, match="used for another request"):
        monitor.can("5004", "5026", "ann", token="t")


def test_the_clock_on_the_wall_is_in_the_request(opened: Open) -> None:
    """The shell puts date, weekday, time and offset into the request, where a replay elsewhere finds them."""
    monitor = opened()
    entries: list[Entry] = []
    monitor.subscribe(entries.append)
    monitor.request("5004", "5025", facts={"site.weekday": "monday"})
    (asked,) = (entry.event for entry in entries if isinstance(entry.event, MonitorRequested))
    assert asked.facts["site.weekday"] == "monday"
    assert {"site.local_time", "site.date", "site.utc_offset"} <= asked.facts.keys()


def test_stop_asks_for_the_end_of_a_session(opened: Open) -> None:
    """A stop of a session that runs becomes a SetDROP; one of a session that is not alive is refused."""
    monitor = seated(opened())
    session = monitor.request("5004", "5025", "ann").session
    monitor.feed(START)
    assert [type(command).__name__ for command in monitor.stop(session).commands] == ["DropMonitorCall"]
    with pytest.raises(UsageError, match="no such session"):
        monitor.stop("nobody-1")


def test_explain_tells_all_of_a_session(opened: Open) -> None:
    """Explain gives the entries that concern a session, each with its position, event and step, and no others."""
    monitor = seated(opened())
    session = monitor.request("5004", "5025", "ann").session
    monitor.feed(START)
    monitor.feed(CallCleared(call="c1"))
    told = monitor.explain(session)
    assert [type(entry.event) for entry in told] == [MonitorRequested, MonitorStarted, CallCleared]
    assert monitor.session(session).reason == "call_ended"


def test_a_session_that_never_was_is_not_found(opened: Open) -> None:
    """Asking for a session that the journal does not have is a mistake of the caller."""
    with pytest.raises(UsageError, match="no such session"):
        opened().session("default-99")


# Subscriptions


def test_subscribers_hear_every_entry_in_order(opened: Open) -> None:
    """Each entry from the subscription on is told once, in order, until the subscription ends."""
    monitor = opened()
    entries: list[Entry] = []
    end = monitor.subscribe(entries.append)
    start = monitor.head.position
    for event in talk():
        monitor.feed(event)
    end()
    end()
    monitor.feed(CallCleared(call="c1"))
    assert [entry.position for entry in entries] == [start + 1, start + 2]
    assert [replace(entry.event, received_at=None) for entry in entries] == list(talk())


def test_a_subscriber_may_use_the_monitor(opened: Open) -> None:
    """A callback runs after the commit and outside all locks: it may ask and feed, and hears of that too."""
    monitor = opened()
    heard: list[type] = []

    def callback(entry: Entry) -> None:
        heard.append(type(entry.event))
        if isinstance(entry.event, MonitorRequested):
            monitor.feed(CallCleared(call="c9"))
            assert monitor.head.position > entry.position

    monitor.subscribe(callback)
    monitor.request("5004", "5025")
    assert heard == [MonitorRequested, CallCleared]


def test_a_subscriber_that_raises_stops_nothing(opened: Open) -> None:
    """A callback that raises is logged; the others hear, and the caller has his answer."""
    monitor = opened()
    entries: list[Entry] = []
    monitor.subscribe(lambda _entry: 1 / 0)  # type: ignore[arg-type]
    monitor.subscribe(entries.append)
    assert not monitor.request("5004", "5025").permit
    assert len(entries) == 1


def test_subscribers_hear_what_others_write(tmp_path: Path, clock: Clock) -> None:
    """What another monitor wrote to the same journal is told as soon as this one learns of it."""
    with Monitor.open(tmp_path / "j", clock=clock) as one, Monitor.open(tmp_path / "j", clock=clock) as other:
        entries: list[Entry] = []
        one.subscribe(entries.append)
        other.feed(CallCleared(call="c1"))
        one.feed(CallCleared(call="c2"))
        assert [entry.event.call for entry in entries if isinstance(entry.event, CallCleared)] == ["c1", "c2"]


# What goes wrong


def test_an_event_that_cannot_be_applied_is_kept_and_stops_nothing(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the engine chokes on is kept with its error; the site goes on, the events around it are not lost."""
    monitor = opened()
    step = Engine.step

    def choke(engine: Engine, event: AnyEvent) -> Any:
        if isinstance(event, CallCleared):
            raise ZeroDivisionError
        return step(engine, event)

    monkeypatch.setattr(Engine, "step", choke)
    entries: list[Entry] = []
    monitor.subscribe(entries.append)
    monitor.feed(talk()[0])
    assert monitor.feed(CallCleared(call="c1")).notices[0].kind == "event_refused"
    monitor.feed(talk()[1])
    assert [type(entry.event).__name__ for entry in entries] == ["Established", "Unreadable", "Established"]
    kept = entries[1].event
    assert isinstance(kept, Unreadable)
    assert "ZeroDivisionError" in kept.what
    assert "call_cleared" in kept.where


def test_what_could_not_be_kept_did_not_happen(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the journal fails, the caller hears it and the monitor knows what the journal knows, no more."""
    with Monitor.open(tmp_path / "j", clock=clock) as monitor:
        seated(monitor)
        before = monitor.head

        def full(*_given: object, **_named: object) -> None:
            raise JournalError("the disk is full")

        with monkeypatch.context() as broken:
            broken.setattr("monitoring_core.journal.Ledger.append", full)
            with pytest.raises(JournalError, match="full"):
                monitor.request("5004", "5025", "ann")
        assert monitor.head == before
        assert monitor.sessions() == []
        assert monitor.request("5004", "5025", "ann").permit


def test_after_close_nothing_works(opened: Open) -> None:
    """A closed monitor refuses everything with a clear error, and closes a second time in silence."""
    monitor = opened()
    monitor.close()
    monitor.close()
    with pytest.raises(UsageError, match="closed"):
        monitor.feed(CallCleared(call="c1"))


def test_a_fork_may_not_use_it(tmp_path: Path) -> None:
    """In a forked process the monitor of the parent refuses to work; the parent's goes on."""
    with Monitor.open(tmp_path / "j") as monitor:
        with warnings.catch_warnings():  # newer Pythons warn of what is tested here
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            try:
                monitor.feed(CallCleared(call="c1"))
            except UsageError as error:
                os._exit(7 if "fork" in error.what else 1)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert monitor.feed(CallCleared(call="c1")) is NOTHING


# Rules


def test_rules_change_while_it_runs(opened: Open, tmp_path: Path) -> None:
    """After a reload the next request is judged by the new rules; the change is an entry."""
    monitor = opened(rules=folder(tmp_path / "a", EVERYBODY))
    assert monitor.request("5004", "5025").permit
    monitor.reload(folder(tmp_path / "b", NOBODY))
    assert monitor.request("1", "2").because == ("not today",)


def test_a_broken_reload_changes_nothing(opened: Open, tmp_path: Path) -> None:
    """A broken file is refused with its problems, and the old rules go on."""
    monitor = opened(rules=folder(tmp_path / "a", EVERYBODY))
    with pytest.raises(RuleBookError):
        monitor.reload(folder(tmp_path / "b", EVERYBODY + "when.nonsense = 1\n"))
    assert monitor.request("5004", "5025").permit


def test_sessions_that_run_keep_their_rules(opened: Open, tmp_path: Path) -> None:
    """A session that runs when the rules change goes on, with the verdict of the book that permitted it."""
    monitor = opened(rules=folder(tmp_path / "a", EVERYBODY))
    session = monitor.request("5004", "5025").session
    book = load_rules(tmp_path / "a").book.digest
    monitor.reload(folder(tmp_path / "b", NOBODY))
    (row,) = monitor.sessions()
    (judged,) = monitor.explain(session)[0].step.verdicts
    assert (row.session, row.verdict, judged.verdict.book) == (session, "permit", book)


def test_the_journals_own_rules_go_on(tmp_path: Path, clock: Clock) -> None:
    """Opened without rules, a site goes on with those that its journal has, though their folder is gone."""
    rules = load_rules(folder(tmp_path / "rules", NOBODY))
    with Monitor.open(tmp_path / "j", rules=Rules(rules.book, rules.settings, rules.texts), clock=clock) as monitor:
        monitor.request("1", "2")
    with Monitor.open(tmp_path / "j", clock=clock) as monitor:
        assert monitor.request("1", "2").because == ("not today",)
        kinds = [entry.event for entry in _entries(tmp_path / "j") if isinstance(entry.event, RulesChanged)]
        assert len(kinds) == 1


# Time, sites, threads


def test_deadlines_fire_without_traffic(tmp_path: Path, clock: Clock) -> None:
    """A request that nobody confirms is rejected when its time has come, though nothing else happens."""
    with Monitor.open(tmp_path / "j", clock=clock) as monitor:
        session = seated(monitor).request("5004", "5025", "ann").session
        told = threading.Event()
        monitor.subscribe(lambda _entry: told.set())
        clock.now += 11.0
        assert told.wait(20.0)
        assert monitor.session(session).reason == "unconfirmed"


def test_sites_of_one_journal_do_not_see_each_other(opened: Open) -> None:
    """Each site of a journal has its own floor, sessions and positions."""
    monitor = seated(opened())
    other = monitor.at("other")
    assert monitor.request("5004", "5025", "ann").permit
    assert not other.request("5004", "5025", "ann").permit
    assert other.sessions() == []
    assert other.request("1", "2").session.startswith("other-")


def test_idle_sites_are_put_away_and_come_back(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """More sites than may be open at once: the idle ones give their memory back, and go on where they were."""
    monkeypatch.setattr("monitoring_core.monitor.sites.SITES_OPEN_MAX", 3)
    assert SITES_OPEN_MAX > 3
    with Monitor.open(tmp_path / "j", clock=clock) as monitor:
        sites = [monitor.at(f"site{number}") for number in range(6)]
        sessions = [seated(site).request("5004", "5025", "ann").session for site in sites]
        assert [[row.session for row in site.sessions()] for site in sites] == [[session] for session in sessions]


def test_many_threads_lose_nothing(opened: Open) -> None:
    """Eight threads feed at once: every event has a position of its own, each thread's in its order."""
    monitor = opened()
    entries: list[Entry] = []
    monitor.subscribe(entries.append)

    def work(number: int) -> None:
        for turn in range(25):
            monitor.feed(CommandOutcome(command=f"{number}/{turn}/0", outcome="sent"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = [entry.event.command for entry in entries if isinstance(entry.event, CommandOutcome)]
    assert len(told) == 200
    assert [entry.position for entry in entries] == list(range(entries[0].position, entries[0].position + 200))
    for number in range(8):
        mine = [command for command in told if command.startswith(f"{number}/")]
        assert mine == [f"{number}/{turn}/0" for turn in range(25)]


def _entries(path: Path) -> list[Entry]:
    with Monitor.open(path) as monitor:
        ledger, view = monitor._sites.reading("default")  # noqa: SLF001
        with view as turn:
            return list(ledger.read(turn))


def test_what_is_written_can_be_read_by_another_store_object(tmp_path: Path, clock: Clock) -> None:
    """A journal is a file: closed and opened again it has the same sites and the same head."""
    with Monitor.open(tmp_path / "j", clock=clock) as monitor:
        seated(monitor)
        head = monitor.head
    journal = SqliteJournal(tmp_path / "j")
    with journal.view("default") as turn:
        assert turn.head == head
    assert journal.sites() == ["default"]
    journal.close()


# What is proved, and what is forgotten


def test_the_head_is_told_every_so_often(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many entries the end of the chain is told as a notice, which somebody outside can keep."""
    monkeypatch.setattr(
        "monitoring_core.monitor.face.Sites", lambda *given, **named: Sites(*given, **named, head_every=10)
    )
    monitor = opened()
    entries: list[Entry] = []
    monitor.subscribe(entries.append)
    for number in range(20):
        monitor.feed(CallCleared(call=f"c{number}"))
    told = [(entry.position, entry.step.notices[0].text) for entry in entries if isinstance(entry.event, JournalHead)]
    digests = {entry.position: entry.digest.hex() for entry in entries}
    assert told == [(11, f"10 {digests[10]}"), (21, f"20 {digests[20]}")]


def test_numbers_of_customers_go_with_their_calls(tmp_path: Path, clock: Clock) -> None:
    """When a snapshot is kept, the number of a customer whose call is over is deleted; one on a call stays."""
    with Monitor.open(tmp_path / "j", clock=clock) as monitor:
        for call, customer in (("c1", "0170111"), ("c2", "0170222")):
            for event in talk(call, customer, "5025"):
                monitor.feed(event)
        monitor.feed(CallCleared(call="c1"))
        monitor.request("5004", "5025")
    said = [getattr(entry.event, "address", "") for entry in _entries(tmp_path / "j")]
    assert "0170111" not in said
    assert "0170222" in said
    assert said[2] == "5025"


def test_a_call_goes_on_across_opening(tmp_path: Path, clock: Clock) -> None:
    """A monitor opened again knows who is on which call: an end that comes then ends the session."""
    with Monitor.open(tmp_path / "j", clock=clock) as monitor:
        session = seated(monitor).request("5004", "5025", "ann").session
        monitor.feed(START)
    with Monitor.open(tmp_path / "j", clock=clock) as monitor:
        monitor.feed(ConnectionCleared(call="c1", address="0170"))
        assert monitor.session(session).reason == "call_ended"


def test_who_was_erased_is_in_no_engine(tmp_path: Path, clock: Clock) -> None:
    """Erased by another process, a person is a pseudonym at once for a monitor that has the journal open, too."""
    with Monitor.open(tmp_path / "j", clock=clock) as monitor:
        session = seated(monitor).request("5004", "5025", "ann").session
        monitor.feed(CallCleared(call="c1"))
        assert monitor.session(session).supervisor == "ann"
        assert upkeep.erase(tmp_path / "j", "default", ["ann"])
        monitor.feed(CallCleared(call="c2"))
        assert monitor.session(session).supervisor.startswith("~")
        known = monitor._sites.look("default", lambda engine: list(engine.floor.people.persons))  # noqa: SLF001
        assert "ann" not in known


def test_what_was_pruned_is_taken_from_the_snapshot(tmp_path: Path, clock: Clock) -> None:
    """A monitor that was behind when another process pruned the journal goes on from the snapshot that stayed."""
    with Monitor.open(tmp_path / "j", clock=clock) as behind:
        with Monitor.open(tmp_path / "j", clock=clock) as ahead:
            session = seated(ahead).request("5004", "5025", "ann").session
            clock.now += 1.0
            ahead.feed(START)
        assert upkeep.prune(tmp_path / "j", "default", clock.now)
        assert [row.session for row in behind.sessions()] == [session]
        behind.feed(CallCleared(call="c1"))
        assert behind.session(session).reason == "call_ended"


def test_an_event_whose_fields_are_not_of_their_types_is_refused(opened: Open) -> None:
    """What could not be read from a journal again never gets into it; the caller hears why, and the site goes on."""
    monitor = opened()
    head = monitor.head
    with pytest.raises(EventError, match=r"address"):
        monitor.feed(Established(call="c1", address=5025))  # type: ignore[arg-type]
    assert monitor.head == head
    monitor.feed(Established(call="c1", address="5025"))
    assert monitor.head.position == head.position + 1
