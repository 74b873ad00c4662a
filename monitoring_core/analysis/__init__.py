"""Shell: owns what can be said of rule books without any request: rules that never matter, books that judge alike.

Refuses to guess: what it says holds for every request there could be, and what takes too many cases is not decided.
"""

from monitoring_core.analysis.against import Difference, difference
from monitoring_core.analysis.findings import Finding, findings
from monitoring_core.analysis.groups import NotDecidedError

__all__ = ["Difference", "Finding", "NotDecidedError", "difference", "findings"]
