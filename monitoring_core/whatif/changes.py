"""Shell: owns what two runs of one log can differ in, as values with one JSON form, and what follows from what.

Refuses to find the differences; `differ` does.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from heapq import heappop, heappush
from typing import Literal

from msgspec import Struct

from monitoring_core.domain.events import Event, Value
from monitoring_core.domain.outcomes import AnyCommand, Notice, Verdict
from monitoring_core.replay import Row


class Kind(StrEnum):
    """In what the two runs differ, the gravest first."""

    NEWLY_ALLOWED = "newly_allowed"
    NEWLY_REFUSED = "newly_refused"
    DECIDED_OTHERWISE = "decided_otherwise"
    ONLY_NEW = "only_new"
    ONLY_OLD = "only_old"
    WENT_OTHERWISE = "went_otherwise"
    SAID_OTHERWISE = "said_otherwise"
    REWORDED = "reworded"


ORDER = tuple(Kind)
STANDING = ".standing"
"""How the name of a request that waits for calls ends."""


class Cause(StrEnum):
    """Whether the rules alone make the difference, or an earlier difference does."""

    RULES = "rules"
    EARLIER = "earlier"


Judgement = Literal["", "request", "mode", "observed", "again"]


class Differing(Struct, frozen=True):
    """A fact that was not the same in both runs (None: not known there)."""

    fact: str
    old: Value | None
    new: Value | None


class Side(Struct, frozen=True, omit_defaults=True):
    """One run's part: what was decided of the session, how it stood at the end, and what it led to.

    `word`: permit or forbid of a request; allowed, forbidden or not decidable of a monitor call; empty if it was not
    judged. `commands`, `notices`: of the session, from the event on in which the runs first differed about it.
    """

    session: str = ""
    word: str = ""
    verdict: Verdict | None = None
    commands: tuple[AnyCommand, ...] = ()
    notices: tuple[Notice, ...] = ()
    row: Row | None = None


class Change(Struct, frozen=True, omit_defaults=True):
    """One thing that went otherwise; `session` is the name of it in the old run, or in the new one if only there.

    `position`: of the `event`, counted as the engine does; `line`: where the log stood then, 0 before its first line.
    `at`: site time, seconds. `judged`: what was decided then, if anything was: a request to listen, one for another
    mode, a monitor call that nobody asked for, or a running session once more. `because_of`: the sessions whose
    difference led to this one, if that is the cause. `rules`: those that make the difference. `facts`: what was not
    the same when it was judged. `differs`: the fields of the session's row, and `commands` and `notices`, that are
    not the same in the end.
    """

    kind: Kind
    session: str
    position: int
    line: int
    at: float | None
    event: Event
    cause: Cause
    judged: Judgement = ""
    because_of: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    facts: tuple[Differing, ...] = ()
    differs: tuple[str, ...] = ()
    old: Side = Side()
    new: Side = Side()


def by_kind(changes: Iterable[Change]) -> list[Change]:
    """The gravest kind first, each kind in the order in which it happened."""
    return sorted(changes, key=lambda change: (ORDER.index(change.kind), change.position))


def asked_as(name: str) -> str:
    """The name of the session that was opened, or would have been, by what `name` stands for: it may wait for calls."""
    return name.removesuffix(STANDING)


class Consequences:
    """What follows from what, among `changes`."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self._from: dict[str, list[tuple[int, int, Change]]] = {}
        for number, change in enumerate(sorted(changes, key=lambda one: one.position)):
            for name in change.because_of:
                self._from.setdefault(asked_as(name), []).append((change.position, number, change))

    def of(self, first: Change) -> list[Change]:
        """The consequences of `first`, and theirs, in the order in which they happened."""
        found, seen = list[Change](), set[int]()
        waiting = [(first.position, -1, first)]
        while waiting:
            position, _, change = heappop(waiting)
            found.append(change)
            for later in self._from.get(asked_as(change.session), ()):
                if later[0] >= position and later[1] not in seen and later[2] is not first:
                    seen.add(later[1])
                    heappush(waiting, later)
        return found[1:]
