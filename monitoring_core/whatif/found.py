"""Shell: owns a difference in the making: what both runs did with one session since they first differed about it.

Refuses to find it, and to say what it follows from.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import msgspec
from msgspec.structs import replace

from monitoring_core.domain.events import Event
from monitoring_core.domain.outcomes import AnyCommand, BroadcastError, Notice, NoticeKind, Verdict
from monitoring_core.replay import row
from monitoring_core.session import FINAL, Session
from monitoring_core.whatif.changes import Cause, Change, Differing, Judgement, Kind, Side
from monitoring_core.whatif.runs import Part

Both = tuple[Session | None, Session | None]

_TOLD_APART = frozenset({"session", "verdict", "rules", "because"})
"""Fields of a row that are a name, or tell the verdict, which has a place of its own."""
_WORDS = frozenset({NoticeKind.MODE_REFUSED.value})
"""Notices whose text quotes a rule."""


@attrs.define(eq=False)
class Found:
    """One difference: `sessions`, `words`, `verdicts`, `parts` are of the old run and the new.

    `was_apart`: whether it stood otherwise in the two runs after the event before, or is decided otherwise by this one.
    """

    kind: Kind
    name: str
    sessions: Both
    position: int
    line: int
    at: float | None
    event: Event
    cause: Cause = Cause.RULES
    judged: Judgement = ""
    because_of: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    facts: tuple[Differing, ...] = ()
    words: tuple[str, str] = ("", "")
    verdicts: tuple[Verdict | None, Verdict | None] = (None, None)
    parts: tuple[Part, Part] = attrs.field(factory=lambda: (Part(), Part()))
    was_apart: bool = True

    def add(self, parts: tuple[Part, Part]) -> None:
        """What one more step did with it."""
        for mine, more in zip(self.parts, parts, strict=True):
            mine.commands += more.commands
            mine.notices += more.notices

    @property
    def is_over(self) -> bool:
        """Whether it is final wherever it was, so that it stands in nobody's way any more."""
        return all(session is None or session.state in FINAL for session in self.sessions)

    @property
    def is_apart(self) -> bool:
        """Whether it stands otherwise in the two runs now, in what other sessions may feel."""
        old, new = map(_felt, self.sessions)
        return old != new

    def change(self) -> Change:
        """As it stands at the end of the log."""
        sides = [self._side(number) for number in (0, 1)]
        return Change(
            kind=self.kind,
            session=self.name,
            position=self.position,
            line=self.line,
            at=self.at,
            event=self.event,
            cause=self.cause,
            judged=self.judged,
            because_of=self.because_of,
            rules=self.rules,
            facts=self.facts,
            differs=self._differs(sides) if None not in self.sessions else (),
            old=sides[0],
            new=sides[1],
        )

    def _side(self, number: int) -> Side:
        session, part = self.sessions[number], self.parts[number]
        return Side(
            session=session.id if session else "",
            word=self.words[number],
            verdict=self.verdicts[number],
            commands=tuple(part.commands),
            notices=tuple(part.notices),
            row=row(session) if session and self.kind is not Kind.REWORDED else None,
        )

    def _differs(self, sides: Sequence[Side]) -> tuple[str, ...]:
        rows = [msgspec.to_builtins(side.row) or {} for side in sides]
        fields = [name for name in rows[0] if name not in _TOLD_APART and rows[0][name] != rows[1][name]]
        said = [([plain(one) for one in side.commands], [plain(one) for one in side.notices]) for side in sides]
        return (
            *fields,
            *(name for name, *pair in zip(("commands", "notices"), *said, strict=True) if pair[0] != pair[1]),
        )


def plain(said: AnyCommand | Notice) -> AnyCommand | Notice:
    """The same without its session's name, and without the words of a rule: these change no meaning."""
    if isinstance(said, BroadcastError):
        return replace(said, session="", because="")
    if isinstance(said, Notice) and said.kind in _WORDS:
        return replace(said, session="", text="")
    return replace(said, session="")


def same(one: Part, other: Part) -> bool:
    """Whether both moved, sent and told the same."""
    if (one.moves, one.commands, one.notices) == (other.moves, other.commands, other.notices):
        return True
    return _plain_part(one) == _plain_part(other)


def _plain_part(part: Part) -> tuple[object, ...]:
    moves = [replace(move, session="") for move in part.moves]
    return moves, [*map(plain, part.commands)], [*map(plain, part.notices)]


def _felt(session: Session | None) -> object:
    """What of a session others may feel; a final one is in nobody's way."""
    if session is None or session.state in FINAL:
        return None
    went = session.went
    who = (session.listener, session.target, session.pair)
    return who, session.state, session.mode, session.calls, session.monitor_call, session.stop_wanted, went.duties
