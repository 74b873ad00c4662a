"""Shell: owns the watch over the sites of a monitor, if it is switched on: what is broken is logged and counted.

Refuses to stop a site or to change a step: what is in the journal is what the engine said, watched or not.
"""

from __future__ import annotations

from collections import Counter

import attrs

from monitoring_core.domain.events import Event
from monitoring_core.domain.outcomes import Step
from monitoring_core.engine import Engine
from monitoring_core.log import logger
from monitoring_core.properties import Watch

_log = logger("monitor")


@attrs.define
class Guard:
    """Watches every step of one site, whoever wrote it; `broken` counts by property. To be used as the site is."""

    site: str
    broken: Counter[int] = attrs.field(factory=Counter)
    _watch: Watch | None = None

    def begin(self, engine: Engine) -> None:
        """From now on it is this engine that runs the site, however much it has been through."""
        self._watch = Watch(engine)

    def look(self, engine: Engine, event: Event, step: Step) -> None:
        """One step, directly after it."""
        if self._watch is None or self._watch.engine is not engine:
            self.begin(engine)
            return
        for broken in self._watch.check(step, event):
            self.broken[broken.property] += 1
            where = {"site": self.site, "position": engine.position, "property": broken.property}
            _log.error("a property is broken", what=broken.what, **where)
