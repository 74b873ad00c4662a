"""Shell: owns what a site's records mean: an event each, or that one could not be read, which is counted.

Refuses to open anything; what is said of a record that cannot be read is what `replay --site` says of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from monitoring_core.domain.events import Event, Unreadable
from monitoring_core.errors import EventError, MonitoringError, SourceError
from monitoring_core.files import Record
from monitoring_core.sources.native import NativeSource

PROBLEMS_MAX = 10
"""So many are kept, the first ones."""


@attrs.define
class Reading:
    """The records of one site on their way to its engine. `name` is the log's; `problems` are the first ones."""

    site: str
    name: str
    unreadable: int = 0
    problems: list[Unreadable] = attrs.field(factory=list)

    def events(self, records: Iterable[Record]) -> Iterator[Event]:
        """What they mean, in order. Raises UsageError for a log of a later format than this program knows."""
        feed = NativeSource(self.site).feed
        for number, record in records:
            try:
                if isinstance(record, SourceError):
                    yield self._refused(number, record, "")
                else:
                    yield from feed(record)
            except EventError as error:
                yield self._refused(number, error, f", {error.where}")

    def _refused(self, number: int, error: MonitoringError, place: str) -> Unreadable:
        self.unreadable += 1
        event = Unreadable(what=error.what, where=f"{self.name}:{number}{place}", fix=error.fix)
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(event)
        return event
