"""Shell: owns the command line, `monitoring-core`; with `monitor` the only place that chooses adapters.

Refuses to decide anything about monitoring: it opens, feeds, prints, and says by its exit code how it went.
"""

from monitoring_core.cli.app import main

__all__ = ["main"]
