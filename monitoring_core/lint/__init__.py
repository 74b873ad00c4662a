"""Shell: owns what is wrong with a log itself: ends told late or never, impossible orders, spies nobody asked for.

Refuses to judge by anybody's rules; of those it has what `lifecycle.toml` says of the site, and nothing else.
"""

from monitoring_core.lint.asterisk import SpyStops
from monitoring_core.lint.findings import KINDS, Ends, Finding, Kind, Spread, spread
from monitoring_core.lint.lint import Lint

__all__ = ["KINDS", "Ends", "Finding", "Kind", "Lint", "Spread", "SpyStops", "spread"]
