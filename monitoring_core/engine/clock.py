"""Pure: owns the time of a site, which events bring, and the deadlines that run on it.

Refuses to know what a deadline means; a site without times has none.
"""

from __future__ import annotations

import heapq
from collections import deque
from enum import IntEnum

from msgspec import Struct

from monitoring_core.domain.events import Event

NOT_QUIET = float("-inf")


class Due(IntEnum):
    """What falls due, in the order in which it fires for one session at one moment."""

    CONFIRM = 0
    SESSION_LEASE = 1
    SESSION_EXPIRY = 2
    CALL_LEASE = 3
    CALL_EXPIRY = 4
    MODE = 5


class Deadline(Struct, frozen=True, order=True, array_like=True, gc=False):
    """At `due` (site time, seconds) something falls due for a session or call; ties go by `order`."""

    due: float
    order: int
    kind: Due
    subject: str


class Clock:
    """The site's time: `received_at` as the shell puts it in, never running back; without it the largest `at`.

    `now` is when what is being dealt with was due or happened; `until` is the time of the event that brought it up.
    `quiet_until`: before that time nothing falls due and nothing is to be forgotten, so that most events need not ask.
    Deadlines stand in a `heap`, but for those that are set in the order in which they fall due: these stand in `turns`.
    """

    def __init__(self, skew_s_max: float) -> None:
        self.now: float | None = None
        self.until: float | None = None
        self.skew_s_max = skew_s_max
        self.by_shell = False
        self.heap: list[Deadline] = []
        self.turns: deque[Deadline] = deque()
        self.quiet_until = NOT_QUIET

    @property
    def deadlines(self) -> list[Deadline]:
        """All of them, in the order in which they fall due."""
        return sorted([*self.heap, *self.turns])

    @property
    def next(self) -> Deadline | None:
        """The one that falls first, if there is any."""
        if not (self.heap and self.turns):
            return self.heap[0] if self.heap else self.turns[0] if self.turns else None
        return min(self.heap[0], self.turns[0])

    def read(self, event: Event) -> float | None:
        """The site's time with this event, seconds; None while no event brought one."""
        said, now = event.received_at, self.now
        if said is not None:
            self.by_shell = True
        elif not self.by_shell:
            said = event.at
        return now if said is None or (now is not None and now > said) else said

    def is_skewed(self, at: float) -> bool:
        """Whether `at` (seconds) is too far from a time that the shell put in to order anything."""
        return self.by_shell and self.now is not None and abs(at - self.now) > self.skew_s_max

    def arm(self, due: float, order: int, kind: Due, subject: str) -> None:
        """Set a deadline; one that no longer matters when it fires is for its handler to ignore."""
        self.quiet_until = min(self.quiet_until, due)
        heapq.heappush(self.heap, Deadline(due, order, kind, subject))

    def arm_in_turn(self, due: float, order: int, kind: Due, subject: str) -> None:
        """Set a deadline that mostly falls after all that were set so: it costs a fifth of another."""
        if not self.turns:
            self.quiet_until = min(self.quiet_until, due)
        elif due <= self.turns[-1].due:
            self.arm(due, order, kind, subject)
            return
        self.turns.append(Deadline(due, order, kind, subject))

    def drop_next(self) -> None:
        """Take away the one that falls first."""
        if self.turns and self.next is self.turns[0]:
            self.turns.popleft()
        else:
            heapq.heappop(self.heap)

    def pop_due(self, until: float) -> Deadline | None:
        """The next deadline due up to `until` (seconds), if any: by due time, then order. Its due time is now."""
        deadline = self.next
        if deadline is None or deadline.due > until:
            return None
        self.drop_next()
        self.now = deadline.due if self.now is None else max(self.now, deadline.due)
        return deadline
