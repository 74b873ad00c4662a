"""Each of the planted bugs is found by the shipped machine, and told as a short story that fails by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.planted.bugs import BUGS
from tests.planted.search import search

pytestmark = pytest.mark.search

SEED = 1
EVENTS_MAX = 8


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str, tmp_path: Path) -> None:
    """The bug is found, and its story, of at most eight events, fails where the bug is and passes where it is not."""
    found = search(BUGS[name], SEED, tmp_path)
    assert found.examples is not None
    assert found.events <= EVENTS_MAX
    assert found.fails_again
    assert found.passes
