"""Shell: owns the staying in step with Finesse: connect, subscribe, then ask how things stand, and again after a loss.

Refuses to give up, to pass over a loss in silence, and to keep more records than it has room for.
"""

from __future__ import annotations

import asyncio
import queue
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from xml.etree.ElementTree import Element

import attrs

from monitoring_core.errors import SourceError, UsageError, quote
from monitoring_core.log import logger
from monitoring_core.sources.notifications.records import Record, record, updates_in
from monitoring_core.sources.notifications.xmpp import Connection, LostError, Service, UnwelcomeError

_DOUBLINGS_MAX = 16
_STOPPED = "stopped"


@attrs.frozen
class Timing:
    """How long things may take, seconds, and how many records may wait.

    `connect_s`: until there is a session. `answer_s`: for one answer of the server. `ping_s`: between the questions
    whether it is still there. `first_s` to `last_s`: between two attempts; from the first again after a connection
    that lasted `steady_s`. `first_s` is also what clocks may differ: Finesse's by a quarter of it from ours.
    """

    connect_s: float = 15.0
    answer_s: float = 10.0
    ping_s: float = 10.0
    first_s: float = 2.0
    last_s: float = 30.0
    steady_s: float = 30.0
    waiting_records_max: int = 10_000

    def pause_s(self, attempt: int, chance: float) -> float:
        """How long to wait before the next attempt after `attempt` that failed in a row; `chance` is from 0 to 1.

        Doubled each time up to the last, of which half is left to chance: so that not all come back at once.
        """
        longest = min(self.last_s, self.first_s * (1 << min(attempt, _DOUBLINGS_MAX)))
        return longest * (1 + chance) / 2


class Notifications:
    """Records of what Finesse tells on `nodes`, as they come, for ever; to be iterated once.

    `snapshots`: asked after each subscription, in a thread of its own, with the moment (seconds since 1970) from which
    its pictures count; what it raises as SourceError is asked again. That moment is the middle of the time in which
    nothing could be heard: all that was told before is older, all that is told from now on is newer and stays, and
    neither depends on two clocks that agree to the millisecond. What is told meanwhile comes after the pictures, but
    waits for them no longer than one answer may take: they say what became of the calls of who has signed out since.
    Iterating raises UsageError where the first connection shows that there will be none: user or password are not
    accepted, the certificate is not trusted, the extra is missing. `clock`: seconds since 1970.
    """

    def __init__(
        self,
        service: Service,
        nodes: Sequence[str],
        snapshots: Callable[[float], Iterable[Record]],
        *,
        timing: Timing | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = f"{service.host}:{service.port}"
        self.timing = timing or Timing()
        self._service, self._nodes, self._snapshots, self._clock = service, tuple(nodes), snapshots, clock
        self._known = frozenset(nodes)
        self._waiting: queue.Queue[Record] = queue.Queue(self.timing.waiting_records_max)
        self._stopping, self._ended = threading.Event(), threading.Event()
        self._error: UsageError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: Connection | None = None
        self._is_paused = self._is_heard = self._was_welcome = False
        self._heard_until = clock() - self.timing.first_s
        self._held: list[Record] | None = None

    def __iter__(self) -> Iterator[tuple[int, Record]]:
        """Number, from 1, and record."""
        threading.Thread(target=self._stay, name="finesse notifications", daemon=True).start()
        number = 0
        try:
            while (taken := self._take()) is not None:
                number += 1
                yield number, taken
        finally:
            self.stop()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Say goodbye, and end the iteration when what waits has been read; from any thread, as often as you like."""
        self._stopping.set()
        self._wake()

    def add(self, one: Record) -> None:
        """A record that somebody else asked for, behind those that wait. Raises SourceError if there is no room."""
        try:
            self._waiting.put_nowait(one)
        except queue.Full:
            raise SourceError("too many records wait already", self.name, "ask again when they are read") from None

    # Where it is iterated

    def _take(self) -> Record | None:
        while True:
            try:
                taken = self._waiting.get(timeout=0.2)
            except queue.Empty:
                if self._ended.is_set() and self._waiting.empty():
                    return None
                continue
            if self._is_paused and self._waiting.qsize() <= self._waiting.maxsize // 4:
                self._wake()
            return taken

    def _wake(self) -> None:
        self._soon(self._woken)

    def _soon(self, what: Callable[[], None]) -> None:
        """Do it in the loop of the connection, if there is one."""
        loop = self._loop
        with suppress(RuntimeError):  # that one is closed
            if loop is not None:
                loop.call_soon_threadsafe(what)

    # In the thread that stays connected

    def _stay(self) -> None:
        attempt = 0
        try:
            while not self._stopping.is_set():
                began = time.monotonic()
                why = asyncio.run(self._connect())
                if self._stopping.is_set():
                    break
                attempt = 0 if time.monotonic() - began >= self.timing.steady_s else attempt
                pause_s = self.timing.pause_s(attempt, random.random())  # noqa: S311 # not a secret
                _log.warning("no connection to Finesse", server=self.name, why=why, again_in_s=round(pause_s, 1))
                attempt += 1
                self._stopping.wait(pause_s)
        except UsageError as error:
            self._error = error
        finally:
            self._ended.set()

    async def _connect(self) -> str:
        """One connection, from its beginning to its end; why it ended. Raises UsageError if there can be none."""
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        self._is_paused, self._is_heard, self._held = False, False, None
        if self._stopping.is_set():
            return _STOPPED
        connection = self._connection = Connection(self._service, self._received)
        gone = threading.Event()
        ends = [asyncio.ensure_future(one) for one in (self._attend(connection, gone), connection.lost(), self._end())]
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            why = next(end for end in ends if end in done).result()
            if why == _STOPPED:
                await connection.close(self._nodes)
        except LostError as error:
            return str(error)
        except UnwelcomeError as error:
            if self._was_welcome:  # a server that is starting may refuse whom it knows
                return str(error)
            fix = "see that address, user, password and the certificate's authority are right"
            raise UsageError(f"there is no way to Finesse's notifications: {error}", self.name, fix) from None
        else:
            return why
        finally:
            gone.set()
            self._connection = None
            self._heard_until = self._clock() if self._is_heard else self._heard_until
            connection.abort()

    async def _attend(self, connection: Connection, gone: threading.Event) -> str:
        """Subscribe, then ask how things stand, then see that the server is still there; why it is not any more."""
        await connection.open(self.timing.connect_s)
        self._was_welcome, self._held = True, []
        refused = await connection.subscribe(self._nodes, self.timing.answer_s)
        _log.info("subscribed", server=self.name, nodes=len(self._nodes) - len(refused))
        for node, why in refused.items():
            fix = "see that it exists, and that this user may subscribe to it"
            self._put(SourceError(f"cannot subscribe: {quote(why)}", quote(node), fix))
        as_of = (self._heard_until + self._clock()) / 2
        threading.Thread(target=self._ask, args=(as_of, gone), name="finesse snapshots", daemon=True).start()
        self._is_heard = True
        asyncio.get_running_loop().call_later(self.timing.answer_s, self._release)
        while True:
            await asyncio.sleep(self.timing.ping_s)
            # Who does not read does not see the answer either.
            if not self._is_paused and not await connection.ping(self.timing.answer_s) and not self._is_paused:
                return f"no answer to a ping within {self.timing.answer_s:g} s"

    async def _end(self) -> str:
        await self._stopped.wait()
        return _STOPPED

    def _received(self, message: Element) -> None:
        for node, update in updates_in(message, self._known):
            one = record(self._clock(), node, update)
            if self._held is None:
                self._put(one)
                continue
            self._held.append(one)
            if len(self._held) > self._waiting.maxsize // 4:
                self._release()

    def _release(self) -> None:
        held, self._held = self._held or [], None
        for one in held:
            self._put(one)

    def _put(self, one: Record) -> None:
        connection = self._connection
        try:
            self._waiting.put_nowait(one)
        except queue.Full:
            # What was not kept is in the pictures that are asked for after the next connection.
            if connection is not None:
                _log.warning("records come faster than they are read", waiting=self._waiting.maxsize)
                connection.abort()
            return
        if connection is not None and not self._is_paused and self._waiting.qsize() > self._waiting.maxsize // 2:
            self._is_paused = True
            connection.pause(paused=True)

    def _woken(self) -> None:
        if self._stopping.is_set():
            self._stopped.set()
        if self._is_paused and self._connection is not None:
            self._is_paused = False
            self._connection.pause(paused=False)

    # In the thread that asks how things stand

    def _ask(self, as_of: float, gone: threading.Event) -> None:
        attempt = 0
        while not gone.is_set():
            try:
                for one in self._snapshots(as_of):
                    while self._waiting.qsize() > self._waiting.maxsize // 2 and not gone.wait(0.05):
                        pass
                    if gone.is_set():
                        return
                    self._waiting.put(one)
            except SourceError as error:
                pause_s = self.timing.pause_s(attempt, random.random())  # noqa: S311 # not a secret
                _log.warning("no snapshot", what=error.what, where=error.where, again_in_s=round(pause_s, 1))
                attempt += 1
            else:
                pause_s = 0.0
            if not gone.is_set():
                self._soon(self._release)
            if not pause_s:
                return
            gone.wait(pause_s)


_log = logger("sources")
