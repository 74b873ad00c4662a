"""Each planted bug is found by the shipped machine, told as a short story that fails by itself, and by `explore`."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitoring_core.explore import Bounds
from monitoring_core.explore import search as explored
from monitoring_core.explore.alphabet import ALPHABET
from monitoring_core.files import load_rules
from tests.planted.bugs import BUGS
from tests.planted.search import search

pytestmark = pytest.mark.search

SEED = 1
EVENTS_MAX = 8
LONG = "late_end_hits_the_next_session"
DEPTH = dict.fromkeys(BUGS, 4) | {LONG: 6}
"""How deep to search; a path with a disturbance in it is one event shorter."""
OF_LONG = ("request", "started", "started otherwise", "cleared", "ended", "ended otherwise")
"""With all kinds of events it is found, too, after minutes."""


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str, tmp_path: Path) -> None:
    """The bug is found, and its story, of at most eight events, fails where the bug is and passes where it is not."""
    found = search(BUGS[name], SEED, tmp_path)
    assert found.examples is not None
    assert found.events <= EVENTS_MAX
    assert found.fails_again
    assert found.passes


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found_by_explore(name: str) -> None:
    """A search of every order of events in the small world breaks a property, by few events."""
    rules = load_rules(None)
    kinds = [kind for kind in ALPHABET if name != LONG or kind.name in OF_LONG]
    with BUGS[name]():
        found = explored(rules.book, rules.settings, Bounds(depth=DEPTH[name]), kinds=kinds)
    assert found.shortest is not None
    assert len(found.shortest.happened) <= DEPTH[name]


def test_explore_finds_nothing_without_a_bug() -> None:
    """The same search breaks no property of the engine as it is."""
    rules = load_rules(None)
    assert explored(rules.book, rules.settings, Bounds(depth=4)).broken == {}
