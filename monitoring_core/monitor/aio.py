"""Shell: owns the monitor's face for asyncio: the same names, awaited, over the same core.

Refuses to wait in the event loop: what a journal takes its time for happens in threads, many of them together.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from monitoring_core.domain.events import Event, Mode, Value
from monitoring_core.domain.outcomes import Step
from monitoring_core.files import Rules
from monitoring_core.journal import Entry, Head, Pending
from monitoring_core.monitor.answers import Answer
from monitoring_core.monitor.face import PAGE_ENTRIES, Monitor
from monitoring_core.replay import Row

P = ParamSpec("P")
T = TypeVar("T")

TOGETHER = 64
"""Threads, and so the events that can wait for one commit."""


class AsyncMonitor:
    """A `Monitor` for asyncio; every method means and raises what the monitor's of that name does."""

    def __init__(self, monitor: Monitor, threads: ThreadPoolExecutor) -> None:
        self._monitor, self._threads = monitor, threads

    @classmethod
    async def open(cls, path: str | Path | None = None, **given: Any) -> Self:
        """Open a journal; see `Monitor.open`."""
        threads = ThreadPoolExecutor(TOGETHER, "monitoring")
        try:
            loop = asyncio.get_running_loop()
            return cls(await loop.run_in_executor(threads, partial(Monitor.open, path, **given)), threads)
        except BaseException:
            threads.shutdown(wait=False)
            raise

    @property
    def site(self) -> str:
        """The name of the site."""
        return self._monitor.site

    def at(self, site: str) -> AsyncMonitor:
        """The same journal's monitor of another site."""
        return AsyncMonitor(self._monitor.at(site), self._threads)

    async def request(  # the monitor's own
        self,
        from_address: str,
        to_address: str,
        user: str = "",
        *,
        token: str | None = None,
        mode: Mode = "silent",
        facts: Mapping[str, Value] | None = None,
    ) -> Answer:
        """See `Monitor.request`."""
        return await self._do(
            self._monitor.request, from_address, to_address, user, token=token, mode=mode, facts=facts
        )

    async def can(  # the monitor's own
        self,
        from_address: str,
        to_address: str,
        user: str = "",
        *,
        token: str | None = None,
        mode: Mode = "silent",
        facts: Mapping[str, Value] | None = None,
    ) -> Answer:
        """See `Monitor.can`."""
        return await self._do(self._monitor.can, from_address, to_address, user, token=token, mode=mode, facts=facts)

    async def change_mode(
        self, session: str, mode: Mode, user: str = "", *, facts: Mapping[str, Value] | None = None
    ) -> Answer:
        """See `Monitor.change_mode`."""
        return await self._do(self._monitor.change_mode, session, mode, user, facts=facts)

    async def feed(self, event: Event) -> Step:
        """See `Monitor.feed`."""
        return await self._do(self._monitor.feed, event)

    async def stop(self, session: str) -> Step:
        """See `Monitor.stop`."""
        return await self._do(self._monitor.stop, session)

    async def sessions(self) -> list[Row]:
        """See `Monitor.sessions`."""
        return await self._do(self._monitor.sessions)

    async def session(self, session: str) -> Row:
        """See `Monitor.session`."""
        return await self._do(self._monitor.session, session)

    async def entries(self, after: int = 0) -> AsyncIterator[Entry]:
        """See `Monitor.entries`."""
        while page := await self._do(self._page, after):
            for entry in page:
                yield entry
            after = page[-1].position

    async def explain(self, session: str) -> list[Entry]:
        """See `Monitor.explain`."""
        return await self._do(self._monitor.explain, session)

    async def subscribe(self, callback: Callable[[Entry], object]) -> Callable[[], None]:
        """See `Monitor.subscribe`; the callback runs in the event loop that subscribed, in order."""
        loop = asyncio.get_running_loop()

        def tell(entry: Entry) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(callback, entry)

        return await self._do(self._monitor.subscribe, tell)

    async def reload(self, rules: str | Path | Rules) -> None:
        """See `Monitor.reload`."""
        await self._do(self._monitor.reload, rules)

    async def waiting(self) -> list[Pending]:
        """See `Monitor.waiting`."""
        return await self._do(self._monitor.waiting)

    async def dead_letters(self) -> list[Pending]:
        """See `Monitor.dead_letters`."""
        return await self._do(self._monitor.dead_letters)

    async def broken(self) -> dict[int, int]:
        """See `Monitor.broken`."""
        return await self._do(lambda: self._monitor.broken)

    async def head(self) -> Head:
        """See `Monitor.head`."""
        return await self._do(lambda: self._monitor.head)

    async def close(self) -> None:
        """See `Monitor.close`."""
        await self._do(self._monitor.close)
        self._threads.shutdown()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _page(self, after: int) -> list[Entry]:
        return list(islice(self._monitor.entries(after), PAGE_ENTRIES))

    async def _do(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """What was begun is done also if whoever waits for it is cancelled."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(work, *given, **named))
