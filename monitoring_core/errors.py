"""Pure: owns the one family of exceptions, each saying what is wrong, where, and how to fix it.

Refuses to know who raises them; a refused request is never one of them, it is a Verdict (law 8).
"""

from __future__ import annotations

import attrs

QUOTE_CHARS_MAX = 40


def quote(text: object) -> str:
    """`text` as it may stand in an error: at most 40 characters, control characters escaped."""
    shown = ascii(text) if not isinstance(text, str) else ascii(text)[1:-1]
    return shown if len(shown) <= QUOTE_CHARS_MAX else shown[: QUOTE_CHARS_MAX - 3] + "..."


@attrs.define(auto_exc=True, str=False)
class MonitoringError(Exception):
    """Misuse or unusable input: `what` is wrong, `where` it stands, and the `fix`; all three are text."""

    what: str
    where: str = ""
    fix: str = ""

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        return f"{self.what}{place}" + (f"\n  fix: {self.fix}" if self.fix else "")


class MessageError(MonitoringError):
    """Bytes that are not a message of the bus."""


class EventError(MonitoringError):
    """A line that is not an event of the native log, or an event that cannot be applied."""


class SourceError(MonitoringError):
    """A recording that its source cannot read."""


class RuleError(MonitoringError):
    """One problem of one rule, settings or cases file."""


@attrs.define(auto_exc=True, str=False)
class RuleBookError(MonitoringError):
    """Every problem of a rule book at once, in the order of the text."""

    problems: tuple[RuleError, ...] = ()

    def __str__(self) -> str:
        return "\n".join([self.what, *(str(problem) for problem in self.problems)])


class IllegalMove(MonitoringError):
    """A trigger that the state table has no row for."""


class JournalError(MonitoringError):
    """A journal that cannot be read or written; nothing of what was tried is half done."""


class StoryError(MonitoringError):
    """A story file that is not one."""


class UsageError(MonitoringError):
    """A command line, or a call of the library, that asks for something impossible."""
