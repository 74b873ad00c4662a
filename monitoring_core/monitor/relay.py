"""Shell: owns the way of commands from the journal to a way out: in order per site, starts never late and never twice.

Refuses to decide what is sent, and to remember by itself: every attempt that could be repeated harmfully is in the
journal before it is made, and what became of each command is an event.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Literal

import attrs

from monitoring_core.domain.events import CommandOutcome
from monitoring_core.domain.outcomes import ChangeMode, StartMonitoring
from monitoring_core.journal import Pending
from monitoring_core.log import logger
from monitoring_core.monitor.served import Served
from monitoring_core.monitor.sites import Sites
from monitoring_core.outbound import NotSentError, Outbound, OutboundError, RefusedError

POLL_S = 0.5
"""How often is looked for what other processes wrote, and whether the one that relayed has died."""
RETRY_FIRST_S = 0.1
RETRY_MAX_S = 5.0

Outcome = Literal["sent", "failed", "lapsed", "in_doubt"]

_log = logger("relay")


@attrs.define
class _Pause:
    """When a site whose way out failed is tried again (seconds since 1970), and how long the next pause will be."""

    until: float = 0.0
    next_s: float = RETRY_FIRST_S


class Relay:
    """One thread that carries out commands. Of all processes on a journal only one relays; if it dies, another does.

    A start that may have been sent before a crash is not sent again, unless the receiver drops repeats: it is in
    doubt, and the engine asks for a snapshot. Whatever else is in doubt does no harm twice.
    """

    def __init__(self, sites: Sites, outbound: Outbound, journal: Path | None) -> None:
        self._sites, self._outbound = sites, outbound
        self._turn = Sole(journal)
        self._pauses: dict[str, _Pause] = {}
        self._surely_not_sent: set[str] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="monitoring-relay", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being sent, and end; the rest stays in the journal."""
        self._over.set()
        self._sites.work.set()
        self._thread.join()
        self._turn.release()
        self._outbound.close()

    def _run(self) -> None:
        while not self._over.is_set():
            self._sites.work.clear()
            try:
                if self._turn.acquire():
                    for served in self._sites.served():
                        self._relay(served)
            except Exception:  # noqa: BLE001 # a journal that cannot be read now may be read later
                _log.exception("the relay failed")
            self._sites.work.wait(self._until_next())

    def _until_next(self) -> float:
        now = self._sites.clock()
        return max(0.01, min([POLL_S, *(pause.until - now for pause in self._pauses.values())]))

    def _relay(self, served: Served) -> None:
        """All that waits, until one cannot be sent; behind that one only what perished is dealt with."""
        with self._sites.journal.view(served.name) as view:
            waiting = list(served.ledger.pending(view))
        pause = self._pauses.get(served.name)
        is_blocked = pause is not None and self._sites.clock() < pause.until
        for pending in waiting:
            if self._over.is_set():
                return
            if self._is_late(pending):
                self._tell(served, pending, "lapsed")
            elif not is_blocked:
                is_blocked = not self._send(served, pending)

    def _is_late(self, pending: Pending) -> bool:
        valid_until = getattr(pending.command, "valid_until", None)
        return valid_until is not None and self._sites.clock() > valid_until

    def _send(self, served: Served, pending: Pending) -> bool:
        """Whether it is done with, one way or another."""
        may_repeat = self._outbound.drops_repeats or not isinstance(pending.command, StartMonitoring | ChangeMode)
        if not may_repeat and pending.attempted and pending.id not in self._surely_not_sent:
            self._tell(served, pending, "in_doubt", "it may have been sent before a crash")
            return True
        if not may_repeat and not pending.attempted:
            self._sites.attempt(served.name, pending.id)
        if self._is_late(pending):  # the journal took its time
            self._tell(served, pending, "lapsed")
            return True
        self._surely_not_sent.discard(pending.id)
        try:
            self._outbound.send(pending.id, pending.command)
        except RefusedError as error:
            self._tell(served, pending, "failed", error.what, error.code)
        except NotSentError as error:
            self._surely_not_sent.add(pending.id)
            self._pause(served, error)
            return False
        except Exception as error:  # noqa: BLE001 # a way out that raises anything else is in doubt, too
            if may_repeat:
                self._pause(served, error)
                return False
            self._tell(served, pending, "in_doubt", _words(error))
        else:
            self._tell(served, pending, "sent")
        self._pauses.pop(served.name, None)
        return True

    def _tell(self, served: Served, pending: Pending, outcome: Outcome, text: str = "", code: str = "") -> None:
        self._surely_not_sent.discard(pending.id)
        event = CommandOutcome(command=pending.id, outcome=outcome, code=code, text=text)
        self._sites.ask(served.name, lambda _engine: event, lambda _engine, _step: None)

    def _pause(self, served: Served, error: Exception) -> None:
        pause = self._pauses.setdefault(served.name, _Pause())
        pause.until = self._sites.clock() + pause.next_s
        pause.next_s = min(2 * pause.next_s, RETRY_MAX_S)
        _log.warning("not sent, will be tried again", site=served.name, why=_words(error))


def _words(error: Exception) -> str:
    return error.what if isinstance(error, OutboundError) else repr(error)


class Sole:
    """The right to be the only one that relays from a journal. It ends with the process, however that ends.

    It is the lock on an empty database beside the journal, which the system gives back for whoever dies.
    """

    def __init__(self, journal: Path | None) -> None:
        self._path = None if journal is None else f"{journal}-relay"
        self._held: sqlite3.Connection | None = None

    def acquire(self) -> bool:
        """Whether we have it now."""
        if self._path is None or self._held is not None:
            return True
        lock = sqlite3.connect(self._path, timeout=0.0, isolation_level=None, check_same_thread=False)
        try:
            lock.execute("begin exclusive")
        except sqlite3.OperationalError:
            lock.close()
            return False
        self._held = lock
        return True

    def release(self) -> None:
        """Leave it to others."""
        if self._held is not None:
            self._held.close()
            self._held = None
