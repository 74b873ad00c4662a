"""Pure: owns a session's life: the state table, the one way to advance a session, and the index of sessions.

Refuses to know why a trigger is fed: verdicts, calls and deadlines are the engine's.
"""

from monitoring_core.session.index import Sessions
from monitoring_core.session.life import (
    Course,
    Pauses,
    Session,
    Standing,
    advance,
    grounds,
    opened_at,
    order_of,
)
from monitoring_core.session.table import FINAL, TABLE, after, mermaid

__all__ = [
    "FINAL",
    "TABLE",
    "Course",
    "Pauses",
    "Session",
    "Sessions",
    "Standing",
    "advance",
    "after",
    "grounds",
    "mermaid",
    "opened_at",
    "order_of",
]
