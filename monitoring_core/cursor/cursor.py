"""Shell: owns where one is in a log: after so many events, with the engines as they were then, and the ways to move.

Refuses to replay everything for a step back: it goes on from the state kept before.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

import attrs
import msgspec

from monitoring_core.cursor.tape import Line, Mark, Tape
from monitoring_core.engine import Engine


@attrs.define
class Cursor:
    """A place in `tape`: after `position` events; 0 is before the first. `fresh` makes engines like those it was wound
    with. `engines` are as they were then; `line` is the event that led there, None at 0. `stepped`: how many events it
    has stepped so far, for whoever wants to know what moving costs.
    """

    tape: Tape
    fresh: Callable[[], Sequence[Engine]]
    position: int = 0
    line: Line | None = None
    stepped: int = 0
    engines: Sequence[Engine] = attrs.field(init=False)
    _block: int = -1
    _lines: list[bytes] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.engines = self.fresh()

    def go(self, position: int) -> None:
        """Be after so many events; less than none and more than all are the two ends of the log."""
        position = max(0, min(position, self.tape.length))
        if position == self.position:
            return
        block = self.tape.block_of(position)
        if position < self.position or block > self.tape.block_of(self.position + 1):
            self.engines = self.fresh()
            self.position, self.line = max(0, block) * self.tape.block_events, None
            if position > 0:
                self.tape.restore(block, self.engines)
        while self.position < position:
            self.line = self.read(self.position + 1)
            for engine in self.engines:
                engine.step(self.line.event)
            self.position += 1
            self.stepped += 1

    def read(self, position: int) -> Line:
        """The event at `position`, from 1, and what followed; without going there."""
        block = self.tape.block_of(position)
        if block != self._block:
            self._block, self._lines = block, self.tape.lines(block)
        return Line.read(self._lines[position - 1 - block * self.tape.block_events])

    def marked(self, mark: Mark, *, back: bool = False) -> int | None:
        """The next position with that mark, or the one before; None if there is none."""
        marks = self.tape.marks[mark]
        place = bisect_left(marks, self.position) - 1 if back else bisect_right(marks, self.position)
        return marks[place] if 0 <= place < len(marks) else None

    def at(self, seconds: float) -> int:
        """The position at which the site's time was last up to `seconds`."""
        return bisect_right(self.tape.times, seconds)

    def find(self, text: str, *, back: bool = False) -> int | None:
        """The next position, or the one before, whose event or steps have `text`, large or small letters; or None."""
        wanted = msgspec.json.encode(text)[1:-1].lower()
        if back:
            blocks = range(self.tape.block_of(self.position), -1, -1) if self.position else range(0)
        else:
            blocks = range(self.tape.block_of(self.position + 1), self.tape.blocks())
        for block in blocks:
            first = block * self.tape.block_events
            lines = [first + number for number, line in enumerate(self._found(block, wanted), 1) if line]
            fits = [line for line in lines if (line < self.position if back else line > self.position)]
            if fits:
                return fits[-1] if back else fits[0]
        return None

    def _found(self, block: int, wanted: bytes) -> list[bool]:
        """Of each line of a block whether it has what is wanted; most blocks have it nowhere."""
        text = self.tape.text(block).lower()
        return [wanted in line for line in text.splitlines()] if wanted in text else []
