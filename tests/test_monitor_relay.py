"""The relay: commands leave in order, starts never late or twice, stops always; what became of each is kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from monitoring_core.domain.events import CommandOutcome, StopRequested
from monitoring_core.domain.outcomes import AnyCommand, DropMonitorCall, StartMonitoring
from monitoring_core.journal import Entry
from monitoring_core.monitor import Monitor
from monitoring_core.monitor.relay import Sole
from monitoring_core.outbound import InDoubtError, NotSentError, RefusedError
from tests.helpers import SEATS, START, talk
from tests.test_monitor import Clock

PATIENCE_S = 20.0


class Wire:
    """A way out that a test watches: `fate` says what becomes of each attempt."""

    drops_repeats: ClassVar[bool] = False

    def __init__(self, fate: Callable[[int], Exception | None] = lambda _number: None) -> None:
        self.fate = fate
        self.sent: list[tuple[str, AnyCommand]] = []
        self.attempts = 0
        self.is_closed = False
        self.news = threading.Condition()

    def send(self, command_id: str, command: AnyCommand) -> None:
        """Take it, or not."""
        with self.news:
            self.attempts += 1
            self.news.notify_all()
        problem = self.fate(self.attempts)
        if problem is None or isinstance(problem, InDoubtError):
            self.sent.append((command_id, command))
        if problem is not None:
            raise problem

    def close(self) -> None:
        """Nothing to give back."""
        self.is_closed = True


class Idempotent(Wire):
    """A way out whose receiver takes a command of the same id once."""

    drops_repeats: ClassVar[bool] = True


class Listening:
    """A monitor with a wire, and every outcome of a command as it is told."""

    def __init__(self, path: Path | None, wire: Wire, clock: Any, **given: Any) -> None:
        self.clock, self.wire = clock, wire
        self.monitor = Monitor.open(path, outbound=wire, clock=clock, **given)
        self.outcomes: list[CommandOutcome] = []
        self._news = threading.Condition()
        self.monitor.subscribe(self._hear)

    def _hear(self, entry: Entry) -> None:
        with self._news:
            if isinstance(entry.event, CommandOutcome):
                self.outcomes.append(entry.event)
            self._news.notify_all()

    def seat(self) -> Listening:
        """Everybody in his place, Bob on a call."""
        for event in (*SEATS, *talk()):
            self.monitor.feed(event)
        return self

    def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until something is so; fails if it never is."""
        with self._news:
            assert self._news.wait_for(is_so, PATIENCE_S)

    def attempted(self, count: int) -> None:
        """Wait for so many attempts."""
        with self.wire.news:
            assert self.wire.news.wait_for(lambda: self.wire.attempts >= count, PATIENCE_S)

    def told(self, count: int) -> list[tuple[str, str]]:
        """The first so many outcomes, by session and word."""
        self.until(lambda: len(self.outcomes) >= count)
        return [(one.command.split("/")[0], one.outcome) for one in self.outcomes[:count]]


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def listen(clock: Clock) -> Iterator[Callable[..., Listening]]:
    """Opens monitors with a wire; all are closed at the end."""
    opened: list[Listening] = []

    def open_one(path: Path | None, wire: Wire, **given: Any) -> Listening:
        opened.append(Listening(path, wire, clock, **given))
        return opened[-1]

    yield open_one
    for one in opened:
        one.monitor.close()


Listen = Callable[..., Listening]


def test_a_start_leaves_once_and_what_became_of_it_is_kept(listen: Listen, tmp_path: Path) -> None:
    """A permitted request leaves by the way out with its derived id, and that it was sent is an event."""
    site = listen(tmp_path / "j", Wire()).seat()
    session = site.monitor.request("5004", "5025", "ann").session
    assert site.told(1) == [(session, "sent")]
    ((name, command),) = site.wire.sent
    assert name.startswith(f"{session}/")
    assert isinstance(command, StartMonitoring)
    assert site.monitor.waiting() == []


def test_a_start_that_surely_did_not_leave_is_tried_again_in_time(listen: Listen, tmp_path: Path) -> None:
    """While it is still valid, a start that surely did not arrive is tried again."""
    site = listen(tmp_path / "j", Wire(lambda number: NotSentError("down") if number == 1 else None)).seat()
    session = site.monitor.request("5004", "5025", "ann").session
    site.attempted(1)
    site.clock.now += 1.0
    assert site.told(1) == [(session, "sent")]
    assert site.wire.attempts == 2


def test_a_start_is_never_sent_late(listen: Listen, tmp_path: Path) -> None:
    """A start that could not leave in time is never sent: it lapsed, and the session is rejected as not sent."""
    site = listen(tmp_path / "j", Wire(lambda _number: NotSentError("down"))).seat()
    session = site.monitor.request("5004", "5025", "ann").session
    site.attempted(1)
    site.clock.now += 6.0
    assert site.told(1) == [(session, "lapsed")]
    assert site.monitor.session(session).reason == "not_sent"
    assert site.wire.sent == []


def test_a_stop_does_not_perish(listen: Listen, tmp_path: Path) -> None:
    """A stop that could not leave is tried until it does, however late."""
    site = listen(tmp_path / "j", Wire()).seat()
    session = site.monitor.request("5004", "5025", "ann").session
    site.told(1)
    site.wire.fate = lambda number: NotSentError("down") if number < 4 else None
    site.monitor.feed(START)
    site.monitor.feed(StopRequested(session=session))
    for attempt in (2, 3):
        site.attempted(attempt)
        site.clock.now += 6.0
    assert site.told(2)[1] == (session, "sent")
    assert isinstance(site.wire.sent[-1][1], DropMonitorCall)


def test_behind_one_that_waits_nothing_overtakes(listen: Listen, tmp_path: Path) -> None:
    """Commands of a site leave in their order: behind one that cannot be sent the others wait, and only perish."""
    site = listen(tmp_path / "j", Wire()).seat()
    session = site.monitor.request("5004", "5025", "ann").session
    site.told(1)
    site.monitor.feed(START)
    site.wire.fate = lambda _number: NotSentError("down")
    site.monitor.stop(session)
    site.attempted(2)
    for event in talk("c2", "0171", "5026"):
        site.monitor.feed(event)
    second = site.monitor.request("5005", "5026").session
    assert second
    site.wire.fate = lambda _number: None
    site.clock.now += 1.0
    assert site.told(2)[1] == (session, "sent")


def test_what_is_refused_for_good_has_failed(listen: Listen, tmp_path: Path) -> None:
    """A start that the receiver will never take has failed, with the receiver's words."""
    site = listen(tmp_path / "j", Wire(lambda _number: RefusedError("no such extension"))).seat()
    session = site.monitor.request("5004", "5025", "ann").session
    assert site.told(1) == [(session, "failed")]
    assert site.outcomes[0].text == "no such extension"
    assert site.monitor.session(session).reason == "failed"


def test_a_start_in_doubt_is_not_sent_again(listen: Listen, tmp_path: Path) -> None:
    """A start that may have arrived is not repeated: it is in doubt, and a snapshot is asked for."""
    wire = Wire(lambda number: InDoubtError("no answer") if number == 1 else RefusedError("not on this bus"))
    site = listen(tmp_path / "j", wire).seat()
    session = site.monitor.request("5004", "5025", "ann").session
    assert site.told(1) == [(session, "in_doubt")]
    asked = [type(command).__name__ for entry in site.monitor.explain(session) for command in entry.step.commands]
    assert asked == ["StartMonitoring", "AskSnapshot"]
    assert len(wire.sent) == 1


def test_a_start_in_doubt_is_repeated_where_repeats_are_dropped(listen: Listen, tmp_path: Path) -> None:
    """A receiver that takes each id once gets the start again, with the same id."""
    wire = Idempotent(lambda number: InDoubtError("no answer") if number == 1 else None)
    site = listen(tmp_path / "j", wire).seat()
    session = site.monitor.request("5004", "5025", "ann").session
    site.attempted(1)
    site.clock.now += 1.0
    assert site.told(1) == [(session, "sent")]
    assert wire.sent[0] == wire.sent[1]


def test_a_way_out_that_breaks_leaves_a_start_in_doubt(listen: Listen, tmp_path: Path) -> None:
    """Whatever a way out raises besides its own errors, the start may have arrived."""
    site = listen(
        tmp_path / "j", Wire(lambda number: ZeroDivisionError() if number == 1 else RefusedError("no"))
    ).seat()
    session = site.monitor.request("5004", "5025", "ann").session
    assert site.told(1) == [(session, "in_doubt")]


def test_an_attempt_before_a_crash_leaves_a_start_in_doubt(listen: Listen, tmp_path: Path) -> None:
    """A start whose attempt is in the journal without an outcome is not sent by whoever opens the journal next."""
    first = listen(tmp_path / "j", Wire(), relay=False).seat()
    session = first.monitor.request("5004", "5025", "ann").session
    (pending,) = first.monitor.waiting()
    first.monitor._sites.attempt("default", pending.id)  # noqa: SLF001
    first.monitor.close()
    second = listen(tmp_path / "j", Wire(lambda _number: RefusedError("not on this bus")))
    second.until(lambda: bool(second.outcomes))
    outcomes = [entry.event for entry in second.monitor.entries() if isinstance(entry.event, CommandOutcome)]
    assert (outcomes[0].command.split("/")[0], outcomes[0].outcome) == (session, "in_doubt")
    assert second.wire.sent == []


def test_without_a_way_out_nothing_waits(clock: Clock) -> None:
    """Where nobody relays, whoever feeds carries the commands out: none is left in the journal."""
    with Monitor.open(clock=clock) as monitor:
        for event in (*SEATS, *talk()):
            monitor.feed(event)
        assert monitor.request("5004", "5025", "ann").permit
        assert monitor.waiting() == []


def test_only_one_relays(tmp_path: Path) -> None:
    """Of all that have a journal open only one relays; another takes over when it ends."""
    one, other = Sole(tmp_path / "j"), Sole(tmp_path / "j")
    assert one.acquire()
    assert not other.acquire()
    one.release()
    assert other.acquire()
    other.release()


def test_closing_closes_the_way_out(listen: Listen, tmp_path: Path) -> None:
    """With the monitor its way out is closed."""
    site = listen(tmp_path / "j", Wire())
    site.monitor.close()
    assert site.wire.is_closed
