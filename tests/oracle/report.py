"""Which sessions of a run a query of the report means: looked for one by one, with all that was told at hand.

It knows only rows, steps and times; how the report counts, and what it keeps, it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import attrs

from monitoring_core.domain.events import Event
from monitoring_core.domain.outcomes import Listener, Step
from monitoring_core.engine import Engine
from monitoring_core.replay import Replay, Row

NOT_BY_THE_SWITCH = frozenset(
    """
    monitor_requested stop_requested mode_requested duty_done command_outcome time_passed rules_changed journal_head
    """.split()
)
AGAINST_THE_RULES = frozenset("forbidden_monitor forbidden_mode no_longer_permitted".split())
TABLE = (
    ("", "PERMIT"),
    ("", "FORBID"),
    ("", "STARTED"),
    ("REQUESTED", "STARTED"),
    ("REQUESTED", "FAILED"),
    ("REQUESTED", "UNSENT"),
    ("REQUESTED", "UNCONFIRMED"),
    ("REQUESTED", "FINISHED"),
    ("ACTIVE", "FINISHED"),
)
"""The moves by their number, as the design has them."""


@attrs.define
class Watched:
    """A run of which nothing is forgotten: each event, its step, and the site's time then."""

    told: list[tuple[Event, Step, float | None]]
    rows: list[Row]

    @classmethod
    def run(cls, engine: Engine, events: Iterable[Event], note: Callable[[Event, Step], None]) -> Watched:
        """Step them all, and have each noted at once."""
        replay, told = Replay(engine), []
        for event, step in replay.run(events):
            note(event, step)
            told.append((event, step, engine.now))
        return cls(told, replay.finish())

    def found(self, query: Mapping[str, str], gap_s: float) -> set[str]:
        """The sessions that the query means."""
        return {row.session for row in self.rows if self._is_meant(row, query, gap_s)}

    def silences(self, gap_s: float) -> list[tuple[float, float]]:
        """From when until when the switch told nothing."""
        times = [
            now
            for event, _, now in self.told
            if now is not None and type(event).__struct_config__.tag not in NOT_BY_THE_SWITCH
        ]
        return [(since, until) for since, until in pairwise(times) if until - since >= gap_s]

    def notices(self, session: str) -> set[str]:
        """The kinds of notices of a session."""
        return {notice.kind for _, step, _ in self.told for notice in step.notices if notice.session == session}

    def moves(self, session: str) -> set[tuple[str, str]]:
        """The moves of a session: from which state, by what."""
        found = (move for _, step, _ in self.told for move in step.moves if move.session == session)
        return {(move.before or "", move.trigger.value) for move in found}

    def positions(self, session: str) -> list[int]:
        """The steps that say something of a session, and the repeats of its request."""
        return [
            position
            for position, (_, step, _) in enumerate(self.told, 1)
            if step.answer == session
            or any(one.session == session for one in (*step.moves, *step.verdicts, *step.commands, *step.notices))
        ]

    def _is_meant(self, row: Row, query: Mapping[str, str], gap_s: float) -> bool:
        asked = dict(query)
        who: dict[str, str] = {name: asked.pop(name) for name in ("by", "of", "from_s", "below_s") if name in asked}
        if who and not any(_fits(listener, who) for listener in row.listeners):
            return False
        return all(self._says(row, name, value, gap_s) for name, value in asked.items())

    def _says(self, row: Row, name: str, value: str, gap_s: float) -> bool:
        match name:
            case "show":
                return self._is_shown(row, value, gap_s)
            case "rule":
                return value in row.rules
            case "reason":
                return row.reason == value
            case "move":
                return TABLE[int(value)] in self.moves(row.session)
            case "session":
                return row.session == value
        raise AssertionError(name)

    def _is_shown(self, row: Row, kind: str, gap_s: float) -> bool:
        certain = {listener.certainty for listener in row.listeners} | {row.end_certainty or "confirmed"}
        is_of: dict[str, bool] = {
            "all": True,
            "listened": len(row.listeners) > 0,
            "refused": row.reason == "forbidden",
            "unstarted": row.state == "REJECTED" and row.reason != "forbidden",
            "observed": row.origin == "observed",
            "alarm": bool(self.notices(row.session) & AGAINST_THE_RULES),
            "uncertain": len(row.listeners) > 0 and certain != {"confirmed"},
            "silent": any(_meets(row, silence) for silence in self.silences(gap_s)),
            "alive": row.state in ("REQUESTED", "ACTIVE"),
        }
        return is_of[kind]


def listened_s(rows: Iterable[Row], who: Mapping[str, str]) -> Iterator[float]:
    """How long each listener listened who fits, seconds, where that is known."""
    for row in rows:
        for one in row.listeners:
            if _fits(one, who) and one.from_ is not None and one.until is not None:
                yield round(one.until - one.from_, 3)


def _fits(one: Listener, who: Mapping[str, str]) -> bool:
    known = one.from_ is not None and one.until is not None
    long: Any = round(one.until - one.from_, 3) if known and one.until is not None and one.from_ is not None else None
    return (
        who.get("by") in (None, one.supervisor or one.extension)
        and who.get("of") in (None, one.agent or one.agent_extension)
        and ("from_s" not in who or (long is not None and long >= float(who["from_s"])))
        and ("below_s" not in who or (long is not None and long < float(who["below_s"])))
    )


def _meets(row: Row, silence: tuple[float, float]) -> bool:
    began = row.requested_at if row.requested_at is not None else row.active_at
    if began is None:
        return False
    return began < silence[1] and (row.ended_at is None or row.ended_at > silence[0])
