"""Finesse's tables as stories: every row is listed with its stories, and no code that we explain is without one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from monitoring_core.finesse.failures import FAILURES, Platform
from monitoring_core.scenario import Story, find_stories, read_story
from tests.test_finesse_profiles import NEVER_JUDGED

SCENARIOS = Path(__file__).parents[1] / "scenarios"
STORIES = {path.name.removesuffix(".story.toml"): path for path in find_stories(SCENARIOS)}
HERE = "-refused-here"
ROWS = [(failure.code, platform) for failure in FAILURES for platform in failure.platforms]
COMMON = {failure.code for failure in FAILURES if len(failure.platforms) > 1}


def listed() -> list[str]:
    """The stories that the README names for Finesse's tables."""
    readme = (SCENARIOS / "README.md").read_text(encoding="utf-8")
    section = readme.partition("\n## Finesse's tables")[2].partition("\n## ")[0]
    return re.findall(r"`(finesse-[^`]+)`", section)


@cache
def story(name: str) -> Story:
    """The story of that name."""
    return read_story(STORIES[name])


def codes(name: str) -> Iterator[str]:
    """The codes of the switch, or of a profile in its place, that follow in a story."""
    for row in story(name).rows:
        for one in row.then or ():
            if one.get("notice") == "mode_failed":
                yield one["text"]
            yield from (one[key] for key in ("code", "errorType") if key in one)


def told(code: str, *, here: bool) -> set[str]:
    """The profiles under which a story tells of that code, as the switch's or as `here`."""
    names = [name for name in listed() if name.endswith(HERE) is here]
    return {story(name).profile for name in names for one in codes(name) if one.startswith(code)}


def test_every_listed_story_exists() -> None:
    """Whatever the README names for a row is a story."""
    assert not set(listed()) - set(STORIES)


def test_every_story_of_finesse_is_listed() -> None:
    """No story of Finesse is left out of the tables."""
    assert not {name for name in STORIES if name.startswith("finesse-")} - set(listed())


@pytest.mark.parametrize(("code", "platform"), ROWS)
def test_every_code_comes_from_the_switch(code: str, platform: Platform) -> None:
    """Each code that we explain ends or refuses something in a story; what both platforms have is told once."""
    assert ("cce" if code in COMMON else platform) in told(code, here=False)


@pytest.mark.parametrize(("code", "platform"), [row for row in ROWS if row[0] not in NEVER_JUDGED])
def test_every_code_that_can_be_is_refused_here_first(code: str, platform: Platform) -> None:
    """Each code whose cause we can know is that of a refusal by the platform's profile in a story."""
    assert ("cce" if code in COMMON else platform) in told(code, here=True)


@pytest.mark.parametrize("name", [name for name in STORIES if name.startswith("finesse-") and name.endswith(HERE)])
def test_what_is_refused_here_never_goes_out(name: str) -> None:
    """In a story of what is refused here nobody asks the switch for what the story is about."""
    own = [row for row in story(name).rows if row.place.startswith(name)]
    assert {one["send"] for row in own for one in row.then or () if "send" in one} == {"SetAPIError"}
