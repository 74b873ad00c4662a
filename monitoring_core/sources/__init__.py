"""Shell: owns the choice of a source by its name; each system whose records become events has a module of its own.

Refuses to open anything: records come in one by one, from whoever reads them.
"""

from __future__ import annotations

from collections.abc import Callable

from monitoring_core.domain.events import Event
from monitoring_core.domain.settings import Settings
from monitoring_core.sources.asterisk import AsteriskSource
from monitoring_core.sources.native import NativeSource
from monitoring_core.sources.workspace import WorkspaceSource

SOURCES = ("events", "workspace", "asterisk")

Feed = Callable[[bytes], list[Event]]
Finish = Callable[[], list[Event]]


def source_of(name: str, settings: Settings, site: str = "") -> tuple[Feed, Finish]:
    """What makes events of each record, and of what is left at the end, for the source of that name in SOURCES.

    `site`: whose lines of a native log count; the others do not name any.
    """
    if name == "asterisk":
        asterisk = AsteriskSource()
        return asterisk.feed, asterisk.finish
    return (WorkspaceSource(settings.source) if name == "workspace" else NativeSource(site)).feed, list
