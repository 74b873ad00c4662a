"""Shell: owns the question what a set of stories or recordings exercised: rules, rows of the table, reasons, settings.

Refuses to judge whether a story goes right (`scenario` does) and to print; it counts, and says what was never seen.
"""

from monitoring_core.coverage.diagram import mermaid
from monitoring_core.coverage.stories import watch_story
from monitoring_core.coverage.tally import SECTIONS, Coverage

__all__ = ["SECTIONS", "Coverage", "mermaid", "watch_story"]
