"""What the shipped machine makes of a bug: how soon it finds it, and how short its story is."""

from __future__ import annotations

from pathlib import Path

import attrs

from monitoring_core.errors import MonitoringError
from monitoring_core.files import load_rules
from monitoring_core.scenario import run_file
from monitoring_core.testing.machine import MonitoringMachine, run
from tests.planted.bugs import Bug

EXAMPLES_MAX = 1_000
SEEDS = tuple(range(1, 21))


@attrs.frozen
class Search:
    """After how many examples it was found (None: it was not), in a story of how many events, without who is there.

    `fails_again`: whether that story, run as a file, fails where the bug is. `passes`: whether it passes without it.
    """

    seed: int
    examples: int | None
    events: int = 0
    fails_again: bool = False
    passes: bool = False


def search(bug: Bug, seed: int, folder: Path) -> Search:
    """One search for `bug`."""

    class Site(MonitoringMachine):
        stories = folder

    with bug():
        found = run(Site, seed, EXAMPLES_MAX)
        if found is None:
            return Search(seed, None)
        fails = not passes(found.story)
    return Search(seed, found.examples, found.failing.happened, fails, passes(found.story))


def passes(story: Path) -> bool:
    """Whether that story passes, run as the command line runs it."""
    try:
        return run_file(story, load_rules(None)).passed
    except (MonitoringError, ArithmeticError, LookupError, TypeError, ValueError):
        return False
