"""`python -m tests.planted`: the table of bug, seeds that found it, median examples and length of the longest story.

Without a bug the same search is run, and must find nothing. It takes about ten minutes on one processor.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median

from tests.planted.bugs import BUGS, none
from tests.planted.search import SEEDS, Search, search

FOUND_MIN = len(SEEDS) - 1
EVENTS_MAX = 8


def row(name: str, searches: list[Search]) -> str:
    """One line of the table."""
    found = [one for one in searches if one.examples is not None]
    middle = f"{median(one.examples or 0 for one in found):g}" if found else "-"
    longest = max((one.events for one in found), default=0)
    good = sum(one.fails_again and one.passes for one in found)
    return f"| {name.replace('_', ' ')} | {len(found)} of {len(searches)} | {middle} | {longest} | {good} |"


def is_good(searches: list[Search]) -> bool:
    """Whether it is found often enough, and every story is short, fails again, and passes without the bug."""
    found = [one for one in searches if one.examples is not None]
    return len(found) >= FOUND_MIN and all(one.events <= EVENTS_MAX and one.fails_again and one.passes for one in found)


def say(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Print the table; 1 if a bug is found too seldom, or something is found where there is none."""
    say("| bug | found | median examples | events of the longest story | stories that hold |")
    say("|---|---|---|---|---|")
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, bug in BUGS.items():
            searches = [search(bug, seed, Path(folder)) for seed in SEEDS]
            say(row(name, searches))
            bad += not is_good(searches)
        searches = [search(none, seed, Path(folder)) for seed in SEEDS]
        say(row("(none)", searches))
        bad += any(one.examples is not None for one in searches)
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
