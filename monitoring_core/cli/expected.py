"""Shell: owns what somebody expects to change, as a file says it: sessions, rules, or changes found right before.

Refuses to know how changes are found; it says of each whether it was expected, and what was expected in vain.
"""

from __future__ import annotations

import attrs
import msgspec

from monitoring_core.errors import SourceError, UsageError, quote
from monitoring_core.files import Recording
from monitoring_core.whatif import Change

Told = tuple[str, str, int, tuple[str, ...]]
"""What makes a change the same one again."""


class _Line(msgspec.Struct):
    kind: str
    session: str
    position: int
    rules: tuple[str, ...] = ()


@attrs.define
class Expected:
    """What was said beforehand: `names` of sessions and rules, and `changes`; `came`: what of it was seen."""

    names: set[str] = attrs.field(factory=set)
    changes: set[Told] = attrs.field(factory=set)
    came: set[str | Told] = attrs.field(factory=set)

    @classmethod
    def read(cls, path: str) -> Expected:
        """As it stands in that file. Raises UsageError if it cannot be read, or for a line that is no change."""
        found = cls()
        for number, record in Recording(path):
            if isinstance(record, SourceError):
                raise record
            line = record.decode("utf-8", "replace")
            if not line.startswith("{"):
                found.names |= {line.partition("#")[0].strip()} - {""}
                continue
            try:
                told = msgspec.json.decode(line, type=_Line)
            except msgspec.DecodeError:
                fix = "write a line of --json, a session's id or a rule's"
                raise UsageError(f"this is no change: {quote(line)}", f"{path}:{number}", fix) from None
            found.changes.add((told.kind, told.session, told.position, told.rules))
        return found

    def has(self, change: Change) -> bool:
        """Whether this one was expected: itself, its session, or every rule that makes the difference."""
        itself: Told = (change.kind.value, change.session, change.position, change.rules)
        sessions = {change.session, change.old.session, change.new.session} & self.names
        rules = {*change.rules} if self.names.issuperset(change.rules) else set[str]()
        came: set[str | Told] = {*sessions, *rules, *({itself} & self.changes)}
        self.came |= came
        return bool(came)

    def never_came(self) -> list[str]:
        """What was expected in vain."""
        changes = (f"{kind} {session}" for kind, session, *_ in self.changes - self.came)
        return sorted([*(self.names - self.came), *changes])
