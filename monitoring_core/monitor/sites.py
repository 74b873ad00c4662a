"""Shell: owns the sites of one journal in this process: who may write when, what is committed together, idle sites.

Refuses to decide anything: it brings events to engines and their steps into the journal, and tells of it afterwards.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

from msgspec import structs

from monitoring_core.domain.events import Event, JournalHead, TimePassed
from monitoring_core.domain.outcomes import NOTHING, Step
from monitoring_core.engine import Engine
from monitoring_core.errors import JournalError, MonitoringError, UsageError
from monitoring_core.journal import Journal, Ledger, Turn
from monitoring_core.log import logger
from monitoring_core.monitor.guard import Guard
from monitoring_core.monitor.library import Edition, Library
from monitoring_core.monitor.served import Ask, Served

T = TypeVar("T")

SITES_OPEN_MAX = 256
SNAPSHOT_EVERY = 10_000
HEAD_EVERY = 1_000
_log = logger("monitor")

TOGETHER_MAX = 500
"""Events of one transaction, so that nobody waits for more than these."""


class Sites:
    """Every site of one journal. Safe to use from many threads, and beside other processes on the same journal.

    `edition`: the rules this process brings; None: those that each site has, for a new one `fallback`. `clock`: seconds
    since 1970, for events that do not say when they were received. `head_every`: after so many entries the end of the
    chain is told as a notice. `watch`: whether sites that are opened
    from then on have the properties checked after every step, and what is broken logged and counted.
    """

    def __init__(
        self,
        journal: Journal,
        edition: Edition | None,
        fallback: Edition,
        *,
        key: bytes | None = None,
        queues: bool = True,
        clock: Callable[[], float] = time.time,
        snapshot_every: int = SNAPSHOT_EVERY,
        head_every: int = HEAD_EVERY,
    ) -> None:
        self.journal = journal
        self.clock = clock
        self.work = threading.Event()
        self._edition, self._fallback, self._key, self._queues = edition, fallback, key, queues
        self._snapshot_every, self._head_every = snapshot_every, head_every
        self.watch, self._library = False, Library()
        self._served_by_name: dict[str, Served] = {}
        self._recent: dict[str, Served] = {}
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._closed = False

    def ask(self, site: str, make: Callable[[Engine], Event | None], then: Callable[[Engine, Step], T]) -> T:
        """Have an event stepped and kept; returns when it is. Whatever waits meanwhile is committed together.

        Raises JournalError, nothing done, if it cannot be kept.
        """
        served = self._served(site)
        ask = Ask(make, then)
        served.asks.append(ask)
        while not ask.done:
            try:
                if served.is_mine(ask):
                    with served.lock:
                        count = min(len(served.asks), TOGETHER_MAX)
                        self._commit(served, [served.asks.popleft() for _ in range(count)])
            finally:
                served.settle()
        served.tell()
        if ask.error is not None:
            raise ask.error
        return ask.answer  # type: ignore[return-value] # it was set with `done`

    def look(self, site: str, read: Callable[[Engine], T]) -> T:
        """Read the engine as it is now, everything that is due already done. Nothing is written but that."""
        served = self._served(site)
        with self._looking(served) as engine:
            if engine.next_due() is None or (engine.next_due() or 0.0) > self.clock():
                return read(engine)
        return self.ask(site, self.tick, lambda engine, _step: read(engine))

    def tick(self, engine: Engine) -> TimePassed | None:
        """The event of time passing, if anything is due."""
        due, now = engine.next_due(), self.clock()
        return TimePassed(received_at=now) if due is not None and due <= now else None

    def reading(self, site: str) -> tuple[Ledger, AbstractContextManager[Turn]]:
        """The site's ledger and a view of its records."""
        served = self._served(site)
        return served.ledger, self.journal.view(site)

    def served(self) -> list[Served]:
        """The sites that are open."""
        with self._lock:
            return list(self._served_by_name.values())

    def subscribe(self, site: str, listener: Callable[[Any], None]) -> Callable[[], None]:
        """Tell `listener` every entry from now on; returns what ends it."""
        served = self._served(site)
        self.look(site, lambda _engine: None)
        served.listeners.append(listener)
        return lambda: served.listeners.remove(listener) if listener in served.listeners else None

    def reload(self, edition: Edition, site: str) -> None:
        """From now on the site runs by `edition`. Raises RuleBookError, nothing changed, if it is broken."""
        self._library.compiled(edition)
        served = self._served(site)
        with served.lock, self._turn(served) as turn:
            served.edition = edition
            served.adopt(turn)
        served.tell()

    def attempt(self, site: str, command: str) -> None:
        """Note in the journal that a command is about to be sent."""
        served = self._served(site)
        with served.lock, self._turn(served) as turn:
            served.ledger.attempt(turn, command)

    def save(self, site: str) -> None:
        """Keep a snapshot of the site now."""
        served = self._served(site)
        with served.lock, self._turn(served) as turn:
            served.save(turn)

    def close(self) -> None:
        """Keep a snapshot of every open site, then close the journal. A second time does nothing."""
        if self._closed or os.getpid() != self._pid:
            return
        try:
            for served in self.served():
                self.save(served.name)
        finally:
            self._closed = True
            self.journal.close()

    def _served(self, site: str) -> Served:
        self._check()
        with self._lock:
            served = self._served_by_name.get(site)
            if served is None:
                ledger = Ledger(site, self._key)
                guard = Guard(site) if self.watch else None
                served = Served(site, ledger, self._library, self._edition, self._fallback, self._queues, guard)
                self._served_by_name[site] = served
            self._recent[site] = self._recent.pop(site, served)
            idle = self._recent.pop(next(iter(self._recent))) if len(self._recent) > SITES_OPEN_MAX else None
        if idle is not None:
            self._put_away(idle)
        return served

    def broken(self, site: str) -> dict[int, int]:
        """How often which property was broken on that site, by its number; nothing where nobody watches."""
        guard = self._served(site).guard
        return {} if guard is None else dict(guard.broken)

    def _check(self) -> None:
        if os.getpid() != self._pid:
            raise UsageError("this monitor was opened before a fork", "this process", "open one in each process")
        if self._closed:
            raise UsageError("this monitor is closed", "", "open it again")

    def _commit(self, served: Served, asks: list[Ask[Any]]) -> None:
        """One transaction for all of them; if it is not kept, all of them hear why."""
        try:
            with self._turn(served) as turn:
                served.adopt(turn)
                for ask in asks:
                    self._perform(served, turn, ask)
        except BaseException as error:
            for ask in asks:
                ask.error = ask.error or error
            if not isinstance(error, Exception):
                raise
        finally:
            for ask in asks:
                ask.done = True

    def _perform(self, served: Served, turn: Turn, ask: Ask[Any]) -> None:
        try:
            event = ask.make(served.ready(turn))
            if event is not None and event.received_at is None:
                event = structs.replace(event, received_at=self.clock())
            step = NOTHING if event is None else served.perform(turn, event)
            ask.answer = ask.then(served.ready(turn), step)
        except JournalError:
            raise
        except MonitoringError as error:  # what was asked is wrong; the others' is not
            ask.error = error

    @contextmanager
    def _turn(self, served: Served) -> Iterator[Turn]:
        """A transaction of the site; what was performed in it is kept at its end."""
        try:
            with self.journal.turn(served.name) as turn:
                before = served.begin(turn).position
                yield turn
                served.keep(turn)
                if turn.head.position // self._head_every > before // self._head_every:
                    self._tell_head(served, turn)
                if turn.head.position - served.saved_at >= self._snapshot_every:
                    served.save(turn)
        except BaseException:
            served.forget()
            raise
        served.kept()
        self.work.set()

    def _tell_head(self, served: Served, turn: Turn) -> None:
        """So that something outside knows it; who cuts the journal later must cut there, too."""
        position, digest = turn.head.position, turn.head.digest.hex()
        _log.info("journal head", site=served.name, position=position, digest=digest)
        served.perform(turn, JournalHead(position=position, digest=digest, received_at=self.clock()))
        served.keep(turn)

    @contextmanager
    def _looking(self, served: Served) -> Iterator[Engine]:
        with served.lock:
            with self.journal.view(served.name) as view:
                engine = served.begin(view)
            served.kept()
            yield engine
        served.tell()

    def _put_away(self, idle: Served) -> None:
        """Keep a snapshot of a site that was idle longest, and give its memory back; its next use opens it again."""
        with idle.lock:
            if idle.engine is not None:
                with self._turn(idle) as turn:
                    idle.save(turn)
                idle.due = idle.engine.next_due()
                idle.forget()
        idle.tell()
