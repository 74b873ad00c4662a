"""Shell: owns what a lint answers: single findings, how the ends of monitor calls were told, how late the late ones.

Refuses to find anything; its neighbours do.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from statistics import median
from typing import Literal

import attrs
from msgspec import Struct

Kind = Literal["late", "never", "order", "unasked"]
KINDS: tuple[Kind, ...] = ("late", "never", "order", "unasked")


class Finding(Struct, frozen=True):
    """One thing that is wrong. `source`: who said so.

    `record`, `position`: how many records, and how many events, the log had told with what shows it. `at`: when that
    was, seconds. `about`: the monitor call, or the call. `late_s`: of an end that came late, if there are times.
    """

    kind: Kind
    source: str
    record: int
    position: int
    at: float | None
    about: str
    text: str
    late_s: float | None = None


class Spread(Struct, frozen=True):
    """How some numbers are spread, seconds: half of them are up to `median_s`, 95 of 100 up to `p95_s`."""

    count: int
    median_s: float
    p95_s: float
    longest_s: float


def spread(numbers: Iterable[float]) -> Spread | None:
    """None where there are none. The 95th percentile is the smallest that 95 of 100 do not exceed."""
    ordered = sorted(numbers)
    if not ordered:
        return None
    return Spread(len(ordered), median(ordered), ordered[ceil(0.95 * len(ordered)) - 1], ordered[-1])


@attrs.define
class Ends:
    """What became of the ends of monitor calls: `told` while both were still there, or never told, as both are
    (`up`) at the end of the log; those that came late or never are `findings`.
    """

    told: int = 0
    up: int = 0
    findings: list[Finding] = attrs.field(factory=list)
