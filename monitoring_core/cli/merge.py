"""Shell: owns the merging of native events into a recording: by time, or after so many messages where it has no times.

Refuses to guess a place: a line with neither a time nor `after` is an error.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import attrs
import msgspec
from msgspec import structs

from monitoring_core.domain.events import Event
from monitoring_core.errors import EventError, SourceError
from monitoring_core.files import Recording
from monitoring_core.sources.native import NativeSource

AFTER = "after"


@attrs.define
class Additions:
    """What waits to be merged, in order: events with their time (seconds), or the number of messages before them."""

    by_time: deque[tuple[float, Event]] = attrs.field(factory=deque)
    by_number: deque[tuple[int, Event]] = attrs.field(factory=deque)
    _shell_times: bool = False
    _times: bool = False

    def __bool__(self) -> bool:
        return bool(self.by_time or self.by_number)

    def before(self, messages: int, events: list[Event]) -> list[Event]:
        """What comes before `events`, the meaning of the message that `messages` others precede.

        Of one time, the recording comes first: a request that names a moment is judged by all that was known then.
        """
        due = [self.by_number.popleft()[1] for _ in _leading(self.by_number, messages + 1)]
        until = next((time for event in events if (time := time_of(event)) is not None), None)
        if until is not None:
            self._times, self._shell_times = True, events[0].received_at is not None
            due += [self._dated(*self.by_time.popleft()) for _ in _leading(self.by_time, until)]
        return due

    def rest(self, messages: int) -> Iterator[Event | SourceError]:
        """What comes after the last of all `messages`, or why it cannot."""
        for after, _ in self.by_number:
            if after > messages:
                what = f"{AFTER} is {after}, and the recording has {messages} messages"
                yield SourceError(what, "--with", "count the messages again")
                return
        yield from (event for _, event in self.by_number)
        if self.by_time and not self._times and messages:
            what = "the recording has no times to merge by"
            yield SourceError(what, "--with", f'give each line "{AFTER}": the number of messages before it')
            return
        yield from (self._dated(time, event) for time, event in self.by_time)

    def _dated(self, time: float, event: Event) -> Event:
        """Where the recording says when a message was received, what is merged was received at its own time."""
        return structs.replace(event, received_at=time) if self._shell_times else event


def load_additions(path: str, site: str) -> Additions:
    """The native events of a file, in order. Raises EventError for the first line that is none or has no place."""
    source, found = NativeSource(site), Additions()
    timed: list[tuple[float, Event]] = []
    counted: list[tuple[int, Event]] = []
    recording = Recording(path)
    for number, record in recording:
        if isinstance(record, SourceError):
            raise record
        try:
            after, rest = _after(record)
            for event in source.feed(rest):
                time = time_of(event)
                if after is not None:
                    counted.append((after, event))
                elif time is not None:
                    timed.append((time, event))
                else:
                    fix = f'give it "at" (seconds), or "{AFTER}": the number of messages before it'
                    raise EventError("nothing says where this event belongs", "the line itself", fix)
        except EventError as error:
            raise EventError(error.what, f"{recording.name}:{number}, {error.where}", error.fix) from error
    found.by_time.extend(sorted(timed, key=lambda pair: pair[0]))
    found.by_number.extend(sorted(counted, key=lambda pair: pair[0]))
    return found


def time_of(event: Event) -> float | None:
    """When the event was received, else when it happened, seconds."""
    return event.at if event.received_at is None else event.received_at


def _leading(waiting: deque[tuple[Any, Event]], until: float) -> range:
    """A range as long as the part of `waiting` that comes before `until`."""
    return range(next((index for index, (place, _) in enumerate(waiting) if place >= until), len(waiting)))


def _after(record: bytes) -> tuple[int | None, bytes]:
    """The extra key `after`, and the record without it."""
    try:
        fields = msgspec.json.decode(record, type=dict[str, msgspec.Raw])
        raw = fields.pop(AFTER, None)
        after = None if raw is None else msgspec.json.decode(raw, type=int)
    except msgspec.ValidationError:
        fix = f'write "{AFTER}" as a whole number: that of the messages before this event'
        raise EventError(f"this is no event with a number under {AFTER}", AFTER, fix) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, record
    return after, record if after is None else msgspec.json.encode(fields)
