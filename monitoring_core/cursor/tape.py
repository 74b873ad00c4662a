"""Shell: owns a log that was read once: its events and steps, packed, and the engines' whole state at intervals.

Refuses to step anything after that; where something happened is kept as marks, so that nobody need look for it.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterable, Sequence
from enum import StrEnum
from math import inf

import attrs
import msgspec
from msgspec import Struct

from monitoring_core.domain.events import AnyEvent, Event, Log
from monitoring_core.domain.outcomes import NOTHING, State, Step
from monitoring_core.engine import Engine
from monitoring_core.state import dump, load

BLOCK_EVENTS = 16_384
"""So many events are packed together, with the state before the first. To step back costs a state to be read and at
most so many steps; of a site with 2,000 agents either is about 0.1 s, and a state packed 1 MB.
"""
PACKING = 1
"""zlib's level: the fastest."""

_EVENT, _STEP = msgspec.json.Decoder(AnyEvent), msgspec.json.Decoder(Step)


class Mark(StrEnum):
    """What one may want to jump to: a refusal, an end of a session, an event to which two books answer otherwise."""

    REFUSAL = "refusal"
    END = "end"
    DIVERGENCE = "divergence"


class Line(Struct, frozen=True):
    """One event of the log, as packed; `steps`: what each engine made of it."""

    event: Event
    steps: tuple[Step, ...]

    @staticmethod
    def read(text: bytes) -> Line:
        """As `wind` has written it."""
        event, *steps = text.split(b"\t")
        return Line(_EVENT.decode(event), tuple(_STEP.decode(step) if step else NOTHING for step in steps))


@attrs.define
class Tape:
    """`length` events. `marks`: positions, ascending, counted from 1. `times`: the site's time after each event,
    seconds, minus infinity while it had none; it never runs back.
    """

    block_events: int = BLOCK_EVENTS
    length: int = 0
    marks: dict[Mark, array[int]] = attrs.field(factory=lambda: {mark: array("q") for mark in Mark})
    times: array[float] = attrs.field(factory=lambda: array("d"))
    _blocks: list[bytes] = attrs.field(factory=list)
    _states: list[tuple[bytes, ...]] = attrs.field(factory=list)

    @property
    def size_bytes(self) -> int:
        """How much it takes, nearly."""
        states = sum(len(one) for kept in self._states for one in kept)
        return states + sum(map(len, self._blocks)) + self.times.itemsize * len(self.times)

    def block_of(self, position: int) -> int:
        """The number of the block in which the event at `position` (from 1) is."""
        return (position - 1) // self.block_events

    def lines(self, block: int) -> list[bytes]:
        """The lines of a block."""
        return self.text(block).splitlines()

    def text(self, block: int) -> bytes:
        """The same in one, each with its newline."""
        return zlib.decompress(self._blocks[block])

    def blocks(self) -> int:
        """How many there are."""
        return len(self._blocks)

    def restore(self, block: int, engines: Sequence[Engine]) -> None:
        """Put fresh `engines` where they were before the first event of a block."""
        for engine, packed in zip(engines, self._states[block], strict=True):
            load(engine, msgspec.msgpack.decode(zlib.decompress(packed)))

    def keep_states(self, engines: Sequence[Engine]) -> None:
        """A block begins here."""
        packed = (zlib.compress(msgspec.msgpack.encode(dump(engine)), PACKING) for engine in engines)
        self._states.append(tuple(packed))

    def keep_lines(self, lines: Sequence[bytes]) -> None:
        """A block is complete."""
        self._blocks.append(zlib.compress(b"".join(lines), PACKING))

    def mark(self, steps: Sequence[Step]) -> None:
        """Note what may be jumped to, in what the first engine made of the latest event, or in how others differ."""
        finals = {move.after for move in steps[0].moves}
        for mark, state in ((Mark.REFUSAL, State.REJECTED), (Mark.END, State.ENDED)):
            if state in finals:
                self.marks[mark].append(self.length)
        if len(steps) > 1 and differ(*steps):
            self.marks[Mark.DIVERGENCE].append(self.length)


def wind(events: Iterable[Event], engines: Sequence[Engine], block_events: int = BLOCK_EVENTS) -> Tape:
    """Step every event through fresh `engines`, and keep all that is needed to be anywhere again."""
    tape, lines = Tape(block_events), list[bytes]()
    first = engines[0]
    for event in events:
        if isinstance(event, Log):
            continue
        if tape.length % block_events == 0:
            if lines:
                tape.keep_lines(lines)
            lines.clear()
            tape.keep_states(engines)
        steps = [engine.step(event) for engine in engines]
        tape.length += 1
        tape.times.append(-inf if first.now is None else first.now)
        lines.append(_packed(event, steps))
        tape.mark(steps)
    if lines:
        tape.keep_lines(lines)
    return tape


def _packed(event: Event, steps: Sequence[Step]) -> bytes:
    """JSON has neither tabs nor newlines of its own."""
    told = [msgspec.json.encode(event), *(b"" if step is NOTHING else msgspec.json.encode(step) for step in steps)]
    return b"\t".join(told) + b"\n"


def differ(one: Step, other: Step) -> bool:
    """Whether two books made a difference: other reasons for the same answer are none."""
    if one is NOTHING and other is NOTHING:
        return False
    return _answer(one) != _answer(other)


def _answer(step: Step) -> tuple[object, ...]:
    verdicts = [(judged.session, judged.verdict.permit) for judged in step.verdicts]
    return step.moves, verdicts, step.commands, step.notices, step.answer
