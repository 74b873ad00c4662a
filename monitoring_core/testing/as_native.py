"""Shell: owns a story as lines of our own log.

Refuses to leave anything out: what other systems cannot say is told by these lines there, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import structs

from monitoring_core.testing.happenings import Happening, Told


def as_native(story: Iterable[Happening]) -> list[Told]:
    """All of it."""
    return [told for number, happening in enumerate(story) for told in natively(number, happening)]


def natively(number: int, happening: Happening) -> Iterator[Told]:
    """One happening of it."""
    for event in happening.events:
        timed = structs.replace(event, at=happening.at, received_at=happening.at)
        yield Told(number, "events", msgspec.json.encode(timed))
