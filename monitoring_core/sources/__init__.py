"""Shell: owns the choice of a source by its name; each system whose records become events has a module of its own.

Refuses to open anything: records come in one by one, from whoever reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from monitoring_core.domain.events import Event
from monitoring_core.domain.settings import Settings
from monitoring_core.sources.asterisk import AsteriskSource
from monitoring_core.sources.finesse import FinesseSource
from monitoring_core.sources.native import NativeSource
from monitoring_core.sources.workspace import WorkspaceSource

SOURCES = ("events", "workspace", "asterisk", "finesse")


class Source(NamedTuple):
    """What makes events of each record, of what is left at the end, and of time that passes without a record (seconds
    since 1970), as some sources keep a record back until what follows explains it.
    """

    feed: Callable[[bytes], list[Event]]
    finish: Callable[[], list[Event]] = list
    pass_time: Callable[[float], list[Event]] = lambda _now: []


def source_of(name: str, settings: Settings, site: str = "") -> Source:
    """The source of that name in SOURCES. `site`: whose lines of a native log count; the others do not name any."""
    if name == "asterisk":
        asterisk = AsteriskSource()
        return Source(asterisk.feed, asterisk.finish)
    if name == "finesse":
        finesse = FinesseSource(settings.limits)
        return Source(finesse.feed, finesse.finish, finesse.pass_time)
    return Source((WorkspaceSource(settings.source) if name == "workspace" else NativeSource(site)).feed)
