"""Shell: owns the embedded monitor: journal, engine and way out behind one small face, for threads and for asyncio.

Refuses to decide and to store by itself; the rooms above do. With `cli` the only place that chooses adapters.
"""

from monitoring_core.monitor.aio import AsyncMonitor
from monitoring_core.monitor.answers import Answer
from monitoring_core.monitor.face import Monitor

__all__ = ["Answer", "AsyncMonitor", "Monitor"]
