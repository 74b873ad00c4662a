"""Shell: owns the append-only record of each site: stores behind one small port, and what their records say.

Refuses to step events and to send commands: `monitor` brings together journal, engine and way out.
"""

from monitoring_core.journal.erasure import erase, prune
from monitoring_core.journal.ledger import Entry, Happened, Ledger, Pending, as_read
from monitoring_core.journal.memory import MemoryJournal
from monitoring_core.journal.port import Head, Journal, Record, Turn
from monitoring_core.journal.proof import Problem, Verified, verify
from monitoring_core.journal.sqlite import SqliteJournal

__all__ = [
    "Entry",
    "Happened",
    "Head",
    "Journal",
    "Ledger",
    "MemoryJournal",
    "Pending",
    "Problem",
    "Record",
    "SqliteJournal",
    "Turn",
    "Verified",
    "as_read",
    "erase",
    "prune",
    "verify",
]
