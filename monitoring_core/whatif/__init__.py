"""Shell: owns the question "what if": one log by two rule books at once, and all that would have gone otherwise.

Refuses to read logs and to print; events come in, changes come out, each with what it follows from.
"""

from monitoring_core.whatif.changes import ORDER, Cause, Change, Consequences, Differing, Kind, Side, asked_as, by_kind
from monitoring_core.whatif.differ import Differ

__all__ = ["ORDER", "Cause", "Change", "Consequences", "Differ", "Differing", "Kind", "Side", "asked_as", "by_kind"]
