"""Every story in `scenarios/` is a test: it passes by the default rules and settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitoring_core.files import load_rules
from monitoring_core.scenario import find_stories, run_file

STORIES = find_stories(Path(__file__).parents[1] / "scenarios")
RULES = load_rules()


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.name.removesuffix(".story.toml"))
def test_story(path: Path) -> None:
    """The story goes as it is told, and nothing else happens."""
    outcome = run_file(path, RULES)
    assert outcome.passed, outcome.report
