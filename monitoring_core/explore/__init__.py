"""Shell: owns the exhaustive search of a small world over the real engine: every order of events up to a depth.

Refuses to run stories; what it finds is written as one, and `scenario` runs that.
"""

from monitoring_core.explore.alphabet import ALPHABET, Kind
from monitoring_core.explore.search import Bounds, Counterexample, Found, Level, Tick, search
from monitoring_core.explore.story import ENDING, timeline, write_story
from monitoring_core.explore.tally import Tally

__all__ = [
    "ALPHABET",
    "ENDING",
    "Bounds",
    "Counterexample",
    "Found",
    "Kind",
    "Level",
    "Tally",
    "Tick",
    "search",
    "timeline",
    "write_story",
]
