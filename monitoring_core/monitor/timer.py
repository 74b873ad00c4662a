"""Shell: owns the passing of time on a site without traffic: whatever falls due fires, though nothing happens.

Refuses to know what is due; the engine says when, and what follows.
"""

from __future__ import annotations

import threading

from monitoring_core.log import logger
from monitoring_core.monitor.sites import Sites

TICK_S = 0.2
"""How late a deadline may fire where nothing else happens, seconds."""

_log = logger("timer")


class Timer:
    """One thread that lets time pass on every open site on which something is due."""

    def __init__(self, sites: Sites) -> None:
        self._sites = sites
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="monitoring-timer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(TICK_S):
            for served in self._sites.served():
                try:
                    due = served.next_due()
                    if due is not None and due <= self._sites.clock():
                        self._sites.ask(served.name, self._sites.tick, lambda _engine, _step: None)
                except Exception:  # noqa: BLE001 # it stays due
                    _log.exception("time could not pass", site=served.name)
