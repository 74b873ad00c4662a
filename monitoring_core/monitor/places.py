"""Shell: owns which store the place of a journal means: a path is SQLite's file, postgresql://... a PostgreSQL server.

Refuses to know what a store promises; the port does.
"""

from __future__ import annotations

from pathlib import Path

from monitoring_core.errors import UsageError
from monitoring_core.journal import Journal, SqliteJournal

SERVER = ("postgresql://", "postgres://")


def is_server(place: str | Path) -> bool:
    """Whether the journal is a server's."""
    return isinstance(place, str) and place.startswith(SERVER)


def opened(place: str | Path) -> Journal:
    """The journal there, made if there is none. Raises JournalError, and UsageError without the extra `postgres`."""
    if not is_server(place):
        return SqliteJournal(place)
    from monitoring_core.journal.postgres import PostgresJournal  # noqa: PLC0415 # needs an extra

    return PostgresJournal(str(place))


def opened_if_there(place: str | Path) -> Journal:
    """The journal there. Raises UsageError where a file would have to be made."""
    if not is_server(place):
        file = Path(place)
        if not (file.is_file() and file.stat().st_size):
            raise UsageError("there is no journal", str(place), "name the file that Monitor.open was given")
    return opened(place)
