"""Shell: owns time on a live stream: when a record was received, what the clock on the wall says, that time passes.

Refuses to touch a stream that brings times of its own: a recording sent through a pipe is replayed, not lived.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec import structs

from monitoring_core.domain.events import Event, MonitorRequested, Unreadable
from monitoring_core.errors import SourceError, UsageError
from monitoring_core.files.recordings import Record
from monitoring_core.monitor.answers import with_clock

TICK_S = 1.0
WAITING_RECORDS_MAX = 10_000

Arrival = tuple[int, bytes | SourceError | None, float]


class Live:
    """A recording that is being made. Iterating gives its records, and a None every second in which none came.

    `received_at` (seconds since 1970, never running back) is when the last one given was received: a thread notes it,
    so that a record that had to wait is not taken for a fresh one. `is_stamped`: the recording says itself when each
    record was received, by the clock of this machine, and time passes for it as well.
    """

    def __init__(self, recording: Iterable[Record], tick_s: float = TICK_S, *, is_stamped: bool = False) -> None:
        self.received_at = 0.0
        self._recording = recording
        self._tick_s = tick_s
        self._has_own_times: bool | None = False if is_stamped else None
        self._offset_s = time.time() - time.monotonic()
        self._arrivals: queue.Queue[Arrival | UsageError | None] = queue.Queue(WAITING_RECORDS_MAX)

    def clock(self) -> float | None:
        """The time that `stamp` gives, seconds; None if the stream has times of its own."""
        return None if self._has_own_times is not False else time.monotonic() + self._offset_s

    def __iter__(self) -> Iterator[tuple[int, bytes | SourceError | None]]:
        threading.Thread(target=self._receive, daemon=True).start()
        while True:
            try:
                arrival = self._arrivals.get(timeout=self._tick_s)
            except queue.Empty:
                if self._has_own_times is False:
                    self.received_at = time.monotonic() + self._offset_s
                    yield 0, None
                continue
            if arrival is None:
                return
            if isinstance(arrival, UsageError):
                raise arrival
            number, record, self.received_at = arrival
            yield number, record

    def _receive(self) -> None:
        last: UsageError | None = None
        try:
            for number, record in self._recording:
                self._arrivals.put((number, record, time.monotonic() + self._offset_s))
        except UsageError as error:
            last = error
        finally:
            self._arrivals.put(last)

    def stamp(self, event: Event) -> Event:
        """The event with its time and, if it asks for something, with what the clock on the wall says."""
        if self._has_own_times is None and type(event) is not Unreadable:
            self._has_own_times = event.received_at is not None
        if self._has_own_times is not False or event.received_at is not None:
            return event
        if isinstance(event, MonitorRequested):
            event = structs.replace(event, facts=with_clock(event.facts, datetime.now().astimezone()))
        return structs.replace(event, received_at=self.received_at)
