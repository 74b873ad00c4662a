"""Shell: owns what one record of a story means, whether it stands in the story itself or in a recording beside it.

Refuses to stop at a record that cannot be read: that is an event, too.
"""

from __future__ import annotations

from monitoring_core.domain.events import Event, Unreadable
from monitoring_core.errors import EventError, MessageError, SourceError
from monitoring_core.sources import Source


def told_by(source: Source, record: bytes | SourceError, place: str) -> list[Event]:
    """The events of a record, or that it could not be read or had. `place`: where it stands."""
    try:
        if isinstance(record, SourceError):
            raise record
        return source.feed(record)
    except (EventError, MessageError, SourceError) as error:
        where = place + (f", {error.where}" if error is not record else "")
        return [Unreadable(what=error.what, where=where, fix=error.fix)]
