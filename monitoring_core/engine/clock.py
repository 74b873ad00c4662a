"""Pure: owns the time of a site, which events bring, and the deadlines that run on it.

Refuses to know what a deadline means; a site without times has none.
"""

from __future__ import annotations

import heapq
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
    """

    def __init__(self, skew_s_max: float) -> None:
        self.now: float | None = None
        self.until: float | None = None
        self.skew_s_max = skew_s_max
        self.by_shell = False
        self.deadlines: list[Deadline] = []
        self.quiet_until = NOT_QUIET

    def read(self, event: Event) -> float | None:
        """The site's time with this event, seconds; None while no event brought one."""
        said = event.received_at
        if said is not None:
            self.by_shell = True
        elif not self.by_shell:
            said = event.at
        now = self.now
        return now if said is None or (now is not None and now > said) else said

    def is_skewed(self, at: float) -> bool:
        """Whether `at` (seconds) is too far from a time that the shell put in to order anything."""
        return self.by_shell and self.now is not None and abs(at - self.now) > self.skew_s_max

    def arm(self, due: float, order: int, kind: Due, subject: str) -> None:
        """Set a deadline; one that no longer matters when it fires is for its handler to ignore."""
        self.quiet_until = min(self.quiet_until, due)
        heapq.heappush(self.deadlines, Deadline(due, order, kind, subject))

    def pop_due(self, until: float) -> Deadline | None:
        """The next deadline due up to `until` (seconds), if any: by due time, then order. Its due time is now."""
        if not self.deadlines or self.deadlines[0].due > until:
            return None
        deadline = heapq.heappop(self.deadlines)
        self.now = deadline.due if self.now is None else max(self.now, deadline.due)
        return deadline
