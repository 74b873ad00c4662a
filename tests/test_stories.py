"""Every story in `scenarios/` is a test: it passes by the default rules and settings; no choice of a site lacks one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from monitoring_core.domain.events import Mode
from monitoring_core.domain.settings import MODES, REJUDGE, Settings
from monitoring_core.files import load_rules
from monitoring_core.scenario import find_stories, read_story, run_file

SCENARIOS = Path(__file__).parents[1] / "scenarios"
STORIES = find_stories(SCENARIOS)
RULES = load_rules()
SECTIONS = ("domain.md section 3", "domain.md section 4")


def stem(path: Path) -> str:
    """A story's name, as tables and reports give it."""
    return path.name.removesuffix(".story.toml")


def rows(section: str) -> dict[str, list[str]]:
    """What the README's section on `section` lists, each with the stories that are named for it."""
    text = (SCENARIOS / "README.md").read_text(encoding="utf-8")
    (part,) = (part for part in text.split("\n## ") if part.partition("\n")[0].endswith(section))
    lines = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]
    return {what: re.findall(r"`([^`]+)`", stories) for what, stories in lines[1:]}


def choices(name: str, hint: Any) -> Iterator[tuple[str, object]]:
    """Each value out of a fixed choice that the setting `name` may have, or have in it."""
    if hint is bool or get_origin(hint) is Literal:
        yield from ((name, value) for value in ((False, True) if hint is bool else get_args(hint)))
    else:
        for part in get_args(hint):
            yield from choices(name, part)


def values(setting: object) -> Iterator[object]:
    """A setting's own value, or those within it, the names of a table included."""
    if isinstance(setting, dict):
        for key, inner in setting.items():
            yield key
            yield from values(inner)
    elif isinstance(setting, list | tuple):
        for inner in setting:
            yield from values(inner)
    else:
        yield setting


CHOICES = [choice for name, hint in get_type_hints(Settings).items() for choice in dict.fromkeys(choices(name, hint))]
SETTINGS = [read_story(path).settings for path in STORIES]
"""What each story says of its site, its openings included."""


@pytest.mark.parametrize("path", STORIES, ids=stem)
def test_story(path: Path) -> None:
    """The story goes as it is told, and nothing else happens."""
    outcome = run_file(path, RULES)
    assert outcome.passed, outcome.report


@pytest.mark.parametrize("section", SECTIONS)
def test_every_row_has_its_stories(section: str) -> None:
    """Whatever the tables list is told by at least one story, and every story that they name exists."""
    known = {stem(path) for path in STORIES}
    missing = {what: [name for name in names if name not in known] for what, names in rows(section).items()}
    assert all(rows(section).values())
    assert not {what: names for what, names in missing.items() if names}


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: f"{choice[0]}={choice[1]}")
def test_every_choice_is_told(choice: tuple[str, object]) -> None:
    """Every value that a setting can be chosen to have, its default too, stands in the settings of some story."""
    name, value = choice
    assert any(value in list(values(settings[name])) for settings in SETTINGS if name in settings)


def test_every_edge_of_the_mode_table_is_a_row() -> None:
    """Each change of mode, known to the default table or not, has a story that is named after it, and is listed."""
    listed = {name for names in rows(SECTIONS[1]).values() for name in names}
    steps: dict[bool, set[str]] = defaultdict(set)
    for before in get_args(Mode):
        for after in get_args(Mode):
            if before != after:
                steps[after in MODES[before]].add(f"{before}-to-{after}".replace("_", "-"))
    assert {f"mode-{step}" for step in steps[True]} | {f"no-mode-{step}" for step in steps[False]} <= listed


@pytest.mark.parametrize("why", REJUDGE)
def test_a_reason_to_judge_again_is_told_with_and_without(why: str) -> None:
    """There is a story of a site that judges again for it and does what follows, and one of a site that does not."""
    listed = {name for names in rows(SECTIONS[1]).values() for name in names}
    name = f"rejudge-{why.replace('_', '-')}"
    assert {f"{name}-and-drop", f"{name}-not-listed"} <= listed
    assert why not in read_story(SCENARIOS / f"{name}-not-listed.story.toml").settings["rejudge"]
