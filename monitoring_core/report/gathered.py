"""Shell: owns what a report keeps of a run: the steps of each session, the rows of the table it took, and its lanes.

Refuses to count and to show. Of a session that is final only compressed text is kept, as a log may have very many.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

import attrs
import msgspec
from msgspec import Struct

from monitoring_core.domain.events import Event, MonitorRequested, Value
from monitoring_core.domain.outcomes import AnyCommand, Judged, Move, Notice, Step, Verdict
from monitoring_core.engine import Engine
from monitoring_core.large.told import word
from monitoring_core.replay import Row, row
from monitoring_core.report.lanes import Silences, Trail, Trails, lanes
from monitoring_core.rules.book import shown
from monitoring_core.session import FINAL, TABLE

GAP_S = 10.0
EVENT_BYTES_MAX = 4_096
"""A picture of a whole site is left out of the steps that it leads to, and what it was is said instead."""
PACKED_LEVEL = 1

_BIT = {(before, trigger): 1 << number for number, (before, trigger, _) in enumerate(TABLE)}


class Told(Struct, frozen=True, omit_defaults=True):
    """One step as it concerns one session. `at`: site time, seconds. `event`: the event's native JSON.

    `word`, `verdict`: what the rules said, where they were asked, and `facts` all that they could read: for a request
    those of then, for what is judged later those after the step.
    """

    position: int
    at: float | None
    event: msgspec.Raw
    moves: tuple[Move, ...] = ()
    word: str = ""
    verdict: Verdict | None = None
    facts: dict[str, Value | None] = {}
    commands: tuple[AnyCommand, ...] = ()
    notices: tuple[Notice, ...] = ()


@attrs.define(eq=False)
class Kept:
    """What is kept of one session: its steps as JSON, `taken`: the rows of the table, a bit each, kinds of notices.

    `row`: as it was when it became final, until its lanes are laid.
    """

    steps: list[bytes] = attrs.field(factory=list)
    notices: frozenset[str] = frozenset()
    taken: int = 0
    row: Row | None = None
    trails: dict[str, Trail] = attrs.field(factory=dict)
    lanes: bytes = b""
    packed: bytes = b""

    def close(self, row: Row) -> None:
        """It is final: its steps need little room from now on, and its lanes as soon as its calls are over."""
        self.packed, self.steps = zlib.compress(b",".join(self.steps), PACKED_LEVEL), []
        self.row = row
        for trail in self.trails.values():
            if not trail.is_over:
                trail.waiting.append(row.session)
        self.settle()

    def settle(self) -> None:
        """If it is final and its calls are over, nothing will change its lanes any more."""
        if self.row is not None and all(trail.is_over for trail in self.trails.values()):
            self.lay(self.row)

    def lay(self, row: Row) -> None:
        """Its lanes as they stand."""
        self.lanes = msgspec.json.encode(tuple(lanes(row, self.trails.values())))
        self.row, self.trails = None, {}

    def text(self) -> bytes:
        """All of it as one JSON object."""
        before = [zlib.decompress(self.packed)] if self.packed else []
        return b'{"lanes":%b,"steps":[%b]}' % (self.lanes, b",".join([*before, *self.steps]))


@attrs.define
class Gathered:
    """What is told of a run of `engine`, step by step; `gap_s`: from how many seconds on a silence is shown."""

    engine: Engine
    gap_s: float = GAP_S
    sessions: dict[str, Kept] = attrs.field(factory=dict)
    silences: Silences = attrs.field(init=False)
    trails: Trails = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.silences, self.trails = Silences(self.gap_s), Trails(self.engine)

    def note(self, event: Event, step: Step) -> None:
        """What happened, and what it led to; directly after the step, as the facts are those of then."""
        for trail in self.trails.note(event, step):
            for name in trail.waiting:
                self.sessions[name].settle()
        self.silences.note(event, self.engine.now)
        concerned = dict.fromkeys(_concerned(step))
        if not concerned:
            return
        raw = _raw(event)
        for name in concerned:
            kept = self.sessions.setdefault(name, Kept())
            kept.steps.append(msgspec.json.encode(self._told(event, step, name, raw)))
            self._follow(name, kept, step)

    def texts(self, rows: Iterable[Row]) -> Iterator[bytes]:
        """Each session as one JSON object, in the order of `rows`; those still alive as they stand."""
        for one in rows:
            kept = self.sessions[one.session]
            if not kept.lanes:
                kept.lay(one)
            yield kept.text()

    def _follow(self, name: str, kept: Kept, step: Step) -> None:
        """Note the rows of the table that it took and the calls that it is about."""
        found = self.engine.sessions.by_id.get(name)
        for call in () if found is None or kept.packed else (found.call,) if found.call else found.candidates:
            trail = self.trails.live.get(call)
            if trail is not None:
                kept.trails[call] = trail
        kept.notices |= {notice.kind for notice in step.notices if notice.session == name}
        for move in step.moves:
            if move.session == name:
                kept.taken |= _BIT[move.before, move.trigger]
                if move.after in FINAL and found is not None:
                    kept.close(row(found))

    def _told(self, event: Event, step: Step, name: str, raw: msgspec.Raw) -> Told:
        judged = next((one for one in step.verdicts if one.session == name), None)
        return Told(
            position=self.engine.position,
            at=self.engine.now,
            event=raw,
            moves=tuple(one for one in step.moves if one.session == name),
            word=word(self.engine, event, step, judged) if judged else "",
            verdict=judged.verdict if judged else None,
            facts=self._facts(event, judged) if judged else {},
            commands=tuple(one for one in step.commands if one.session == name),
            notices=tuple(one for one in step.notices if one.session == name),
        )

    def _facts(self, event: Event, judged: Judged) -> dict[str, Value | None]:
        if judged.session not in self.engine.sessions.by_id:
            return {}
        known = self.engine.facts(judged, event.facts if isinstance(event, MonitorRequested) else None)
        return {name: shown(known[name]) for name in sorted(known)}


def _concerned(step: Step) -> Iterator[str]:
    """The sessions that a step says something of."""
    parts = (step.moves, step.verdicts, step.commands, step.notices)
    yield from (one.session for part in parts for one in part if one.session)
    if step.answer:
        yield step.answer


def _raw(event: Event) -> msgspec.Raw:
    raw = msgspec.json.encode(event)
    if len(raw) > EVENT_BYTES_MAX:
        kind = str(type(event).__struct_config__.tag)
        raw = msgspec.json.encode({"event": kind, "at": event.at, "left_out_bytes": len(raw)})
    return msgspec.Raw(raw)
