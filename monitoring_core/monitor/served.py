"""Shell: owns one site that this process serves: its engine, kept level with the journal, whoever else writes to it.

Refuses to open transactions and to wait: it is handed a turn, and told afterwards whether that turn was kept.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import attrs
import msgspec
from msgspec import Struct, structs

from monitoring_core.domain.events import Event, RulesChanged, Unreadable
from monitoring_core.domain.outcomes import Step
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.errors import JournalError
from monitoring_core.journal import Entry, Happened, Ledger, Turn, as_read
from monitoring_core.log import logger
from monitoring_core.monitor.guard import Guard
from monitoring_core.monitor.library import Edition, Library, digest
from monitoring_core.replay import Row, row
from monitoring_core.rules.book import RuleBook
from monitoring_core.state import dump, load

T = TypeVar("T")
Listener = Callable[[Entry], None]

_log = logger("monitor")
_REFUSED_CHARS_MAX = 2_000


class Ask(Struct, Generic[T], eq=False):
    """An event that somebody waits for. `make` gives it when its turn has come, or None if nothing is to be done;
    `then` reads the answer directly after the step; `done` is set when the journal has it, or will not.
    """

    make: Callable[[Engine], Event | None]
    then: Callable[[Engine, Step], T]
    answer: T | None = None
    error: BaseException | None = None
    done: bool = False


@attrs.define(eq=False)
class Served:
    """One site. `lock` is held by whoever uses the engine; entries to be told to `listeners` queue in `untold`.

    `edition`: the rules that this process brings; None goes on with those that the journal has, or with `fallback`
    on a new site. `queues`: whether commands are left in the journal for a relay. `guard`: watches each step, if it
    is asked to. `due`: when the next deadline falls of a site that was put away (seconds).
    """

    name: str
    ledger: Ledger
    library: Library
    edition: Edition | None
    fallback: Edition
    queues: bool = True
    guard: Guard | None = None
    asks: deque[Ask[Any]] = attrs.field(factory=deque)
    due: float | None = None
    engine: Engine | None = None
    running: RulesChanged | None = None
    saved_at: int = 0
    told_at: int | None = None
    lock: threading.Lock = attrs.field(factory=threading.Lock)
    listeners: list[Listener] = attrs.field(factory=list)
    untold: deque[Entry] = attrs.field(factory=deque)
    _settled: threading.Condition = attrs.field(factory=threading.Condition)
    _committer: int | None = None
    _fresh: list[Entry] = attrs.field(factory=list)
    _erased: bytes | None = None
    _telling: threading.Lock = attrs.field(factory=threading.Lock)
    _happened: list[Happened] = attrs.field(factory=list)

    def begin(self, turn: Turn) -> Engine:
        """To be called first in a turn: who was erased is in no engine any more, and what was pruned cannot be read."""
        erased = self.ledger.erased(turn)
        if erased != self._erased or (self.engine is not None and self.engine.position < turn.start.position):
            self.engine, self._erased = None, erased
        return self.catch_up(turn)

    def is_mine(self, ask: Ask[Any]) -> bool:
        """Wait until the ask is done (False), or nobody commits: then it is for the caller to commit all that waits.

        Who waited for the lock instead would keep others from it, and the next commit would be of one ask only.
        """
        with self._settled:
            self._settled.wait_for(lambda: ask.done or self._committer is None)
            if not ask.done:
                self._committer = threading.get_ident()
            return not ask.done

    def settle(self) -> None:
        """If it was for the caller to commit, that is done now, and the next may begin."""
        with self._settled:
            if self._committer == threading.get_ident():
                self._committer = None
                self._settled.notify_all()

    def catch_up(self, turn: Turn) -> Engine:
        """The engine as the journal has it now; what others wrote meanwhile is folded, and told like our own."""
        engine = self.engine or self._opened(turn)
        for entry in self.ledger.read(turn, engine.position):
            if isinstance(entry.event, RulesChanged):
                self._run_by(turn, engine, entry.event)
            step = engine.step(entry.event)
            if self.guard is not None:
                self.guard.look(engine, entry.event, step)
            if step != entry.step:
                _log.warning("an entry replays differently", site=self.name, position=entry.position)
            self._queue(entry)
        self.engine = engine
        self.told_at = engine.position if self.told_at is None else self.told_at
        return engine

    def _opened(self, turn: Turn) -> Engine:
        engine = self._open(turn)
        if self.guard is not None:
            self.guard.begin(engine)
        return engine

    def ready(self, turn: Turn) -> Engine:
        """The engine in the middle of a turn: since its beginning nobody else can have written."""
        return self.engine or self.catch_up(turn)

    def adopt(self, turn: Turn) -> None:
        """Begin to run by the edition that this process brings, if that is another one: a change is an entry."""
        edition = self.edition or (None if self.running else self.fallback)
        if edition is not None and edition.event != self.running:
            for text in (edition.book, edition.settings):
                self.ledger.keep_text(turn, digest(text), text)
            self.perform(turn, edition.event)

    def perform(self, turn: Turn, event: Event) -> Step:
        """Step one event as it will be read; it is kept by `keep`. Raises EventError, nothing done, if it never could.

        What the engine chokes on is an event too, with its error.
        """
        engine, kept = self.ready(turn), as_read(event)
        try:
            if isinstance(kept, RulesChanged):
                self._run_by(turn, engine, kept)
            step = engine.step(kept)
        except Exception as error:  # noqa: BLE001 # whatever it is, this site goes on without the event
            _log.exception("an event could not be applied", site=self.name)
            self.keep(turn)
            self.engine = None
            engine = self.catch_up(turn)
            told = msgspec.json.encode(kept).decode()[:_REFUSED_CHARS_MAX]
            kept = as_read(Unreadable(what=repr(error), where=told, received_at=event.received_at))
            step = engine.step(kept)
        if self.guard is not None:
            self.guard.look(engine, kept, step)
        self._happened.append((kept, step, _rows(engine, step) if step.moves else ()))
        return step

    def keep(self, turn: Turn) -> None:
        """Write what was performed."""
        happened, self._happened = self._happened, []
        for entry in self.ledger.append(turn, happened, queue=self.queues):
            self._queue(entry)

    def kept(self) -> None:
        """The turn was kept: what it wrote may be told."""
        if self.listeners:
            self.untold.extend(self._fresh)
        self._fresh = []

    def save(self, turn: Turn) -> None:
        """Keep a snapshot, so that opening does not depend on how long the journal is."""
        engine = self.catch_up(turn)
        if engine.position > self.saved_at and self.running is not None:
            self.ledger.save(turn, engine.position, {**structs.asdict(self.running), "state": dump(engine)})
            self.saved_at = engine.position

    def forget(self) -> None:
        """The turn was not kept: nothing of it is true. The next one opens the site again."""
        self.engine, self.running, self._happened = None, None, []
        if self._fresh:
            self.told_at, self._fresh = self._fresh[0].position - 1, []
        self.ledger.forget()

    def next_due(self) -> float | None:
        """When something falls due on this site (seconds); None also while somebody is at work on it."""
        if not self.lock.acquire(blocking=False):
            return None
        try:
            return self.due if self.engine is None else self.engine.next_due()
        finally:
            self.lock.release()

    def tell(self) -> None:
        """Tell the listeners, in order, outside the lock. Whoever is telling already tells ours too."""
        while self.untold and self._telling.acquire(blocking=False):
            try:
                while self.untold:
                    self._tell(self.untold.popleft())
            finally:
                self._telling.release()

    def _tell(self, entry: Entry) -> None:
        for listener in list(self.listeners):
            try:
                listener(entry)
            except Exception:  # noqa: BLE001 # theirs, and none of the others' business
                _log.exception("a subscriber failed", site=self.name, position=entry.position)

    def _queue(self, entry: Entry) -> None:
        """What was there when the site was first opened is history; nothing is told twice."""
        if self.told_at is not None and entry.position > self.told_at:
            self.told_at = entry.position
            self._fresh.append(entry)

    def _open(self, turn: Turn) -> Engine:
        saved = self.ledger.saved(turn)
        if saved is None:
            return self._begin(turn)
        self.saved_at, kept = saved
        self.running = RulesChanged(book=kept["book"], settings=kept["settings"], behaviour=kept["behaviour"])
        book, settings = self._compiled(turn, self.running)
        engine = Engine(book, settings, self.name, self.running.behaviour)
        load(engine, kept["state"])
        return engine

    def _begin(self, turn: Turn) -> Engine:
        """A site's first entry says by which rules it runs."""
        first = next(iter(self.ledger.read(turn)), None)
        if first is not None and isinstance(first.event, RulesChanged):
            book, settings = self._compiled(turn, first.event)
            return Engine(book, settings, self.name, first.event.behaviour)
        book, settings = self.library.compiled(self.edition or self.fallback)
        return Engine(book, settings, self.name)

    def _run_by(self, turn: Turn, engine: Engine, change: RulesChanged) -> None:
        book, settings = self._compiled(turn, change)
        engine.use(book, settings, change.behaviour)
        self.running = change

    def _compiled(self, turn: Turn, change: RulesChanged) -> tuple[RuleBook, Settings]:
        book, settings = self.ledger.text(turn, change.book), self.ledger.text(turn, change.settings)
        if book is None or settings is None:
            raise JournalError("the journal lacks the rules that it ran by", self.name, "restore it from a backup")
        return self.library.compiled(Edition(book, settings))


def _rows(engine: Engine, step: Step) -> tuple[Row, ...]:
    moved = dict.fromkeys(move.session for move in step.moves)
    return tuple(row(engine.sessions.by_id[name]) for name in moved)
