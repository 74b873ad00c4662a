"""Shell: owns the reading of Finesse's notifications and answers, as they are recorded or come in live.

Refuses to open anything: records come in one by one, from whoever reads them.
"""

from monitoring_core.sources.finesse.source import FinesseSource

__all__ = ["FinesseSource"]
