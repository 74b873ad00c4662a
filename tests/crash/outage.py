"""The receiver is gone for a while: no start may arrive late, and every stop must arrive in the end."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import attrs

from monitoring_core.domain.events import Established, MonitorStarted
from monitoring_core.domain.outcomes import DropMonitorCall, StartMonitoring
from monitoring_core.domain.settings import Settings
from monitoring_core.monitor import Monitor
from monitoring_core.outbound import HttpOutbound
from tests.crash.harness import Receiver
from tests.crash.writer import KEY, rules

EVERY_S = 0.25
LATE_S = 0.5
"""A start is checked directly before it is sent; more than this after its time nobody can call the way there."""
SETTLED_S = 30.0


@attrs.define
class Outage:
    """What came out; the last three must be 0."""

    seconds: float
    starts: int = 0
    stops: int = 0
    starts_received: int = 0
    starts_not_sent: int = 0
    starts_late: int = 0
    stops_lost: int = 0
    still_waiting: int = 0

    @property
    def wrong(self) -> bool:
        """Whether anything is not as it must be."""
        return bool(self.starts_late or self.stops_lost or self.still_waiting or not self.starts_not_sent)


def outage(folder: Path, seconds: float) -> Outage:
    """Ask and stop while the receiver is there, while it is down for `seconds`, and when it is back."""
    down = folder / "down"
    found = Outage(seconds)
    with Receiver(folder, down) as port:
        outbound = HttpOutbound(f"http://127.0.0.1:{port}/", Settings(), key=KEY)
        with Monitor.open(folder / "journal.db", rules=rules(), outbound=outbound) as monitor:
            sessions = [_listen(monitor, f"early{number}") for number in range(20)]
            _settle(monitor)
            down.touch()
            until, number = time.monotonic() + seconds, 0
            while time.monotonic() < until:
                number += 1
                _listen(monitor, f"down{number}")
                if sessions:
                    monitor.stop(sessions.pop())
                time.sleep(EVERY_S)
            down.unlink()
            _settle(monitor)
            found.still_waiting = len(monitor.waiting())
            _count(found, monitor, folder / "received")
    return found


def _listen(monitor: Monitor, name: str) -> str:
    monitor.feed(Established(call=f"c-{name}", address=f"n-{name}"))
    monitor.feed(Established(call=f"c-{name}", address=f"a-{name}"))
    session = monitor.request(f"s-{name}", f"a-{name}").session
    if name.startswith("early"):
        monitor.feed(
            MonitorStarted(monitor_call=f"m-{name}", from_address=f"s-{name}", to_address=f"a-{name}", call=f"c-{name}")
        )
    return session


def _settle(monitor: Monitor) -> None:
    until = time.monotonic() + SETTLED_S
    while monitor.waiting() and time.monotonic() < until:
        time.sleep(EVERY_S)


def _count(found: Outage, monitor: Monitor, log: Path) -> None:
    received: dict[str, dict[str, Any]] = {}
    for line in log.read_text().splitlines():
        said = json.loads(line)
        received.setdefault(said["id"], said)
    for entry in monitor.entries():
        for number, command in enumerate(entry.step.commands):
            arrived = received.get(f"{command.session}/{entry.position}/{number}")
            if isinstance(command, StartMonitoring):
                found.starts += 1
                found.starts_received += arrived is not None
                found.starts_not_sent += arrived is None
                found.starts_late += arrived is not None and arrived["at"] > (command.valid_until or 0.0) + LATE_S
            elif isinstance(command, DropMonitorCall):
                found.stops += 1
                found.stops_lost += arrived is None
