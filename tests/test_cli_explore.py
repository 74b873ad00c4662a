"""The command `explore`: its lines and its JSON, its exit codes, the story that it writes, and its bar."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from monitoring_core.engine import Engine
from monitoring_core.rules.book import MODES
from tests.cli import Shell

pytestmark = pytest.mark.search

CONSENT = """
[facts]
agent.consent = { type = "flag", meaning = "he agreed to be listened to" }

[[rule]]
id = "agreed"
effect = "permit"
because = "who agreed may be listened to"
when.agent.consent = { is = true }
"""


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that takes an event that comes again for a new one."""
    monkeypatch.setattr(Engine, "_is_repeat", lambda *_: False)


def test_it_says_how_deep_and_what_never_decided(shell: Shell) -> None:
    """The lines tell the depth, how many situations there are, that nothing is broken, rows, rules, and which never."""
    done = shell("explore", "--depth", "2", "--disturbances", "0")
    assert done.code == 0
    assert done.out.startswith("complete to depth 2\n")
    assert "0 properties broken" in done.out
    assert "REQUESTED  UNCONFIRMED" in done.out
    assert "never alone decisive:" in done.out
    assert done.err == ""


def test_as_json(shell: Shell) -> None:
    """The same as JSON, with the figures of each depth and of each rule by mode."""
    done = shell("explore", "--depth", "2", "--disturbances", "0", "--json")
    found = json.loads(done.out)
    assert (done.code, found["depth"], found["stopped_by"], found["broken"]) == (0, 2, "", [])
    assert found["states"] == sum(level["states"] for level in found["levels"])
    assert found["transitions"] == sum(level["transitions"] for level in found["levels"])
    assert {one["mode"] for one in found["rules"]} == set(MODES)
    assert any(one["rule"] == "own-team" and one["decisive"] for one in found["rules"])


@pytest.mark.usefixtures("forgetful")
def test_a_broken_property_is_a_story(shell: Shell) -> None:
    """What is broken is no, with the shortest way there; the story of it is written, and fails when it is run."""
    path = shell.folder / "found.story.toml"
    done = shell("explore", "--depth", "3", "--story", str(path))
    assert done.code == 1
    assert "property 6 is broken after 2 events" in done.out
    assert "# property 6 is broken" in done.out
    ran = shell("scenario", str(path))
    assert ran.code == 1
    assert "property 6 is broken" in ran.out


@pytest.mark.usefixtures("forgetful")
def test_a_broken_property_as_json(shell: Shell) -> None:
    """What is broken stands in the JSON with its number, its events and its timeline."""
    (broken,) = json.loads(shell("explore", "--depth", "3", "--json").out)["broken"]
    assert broken["property"] == 6
    assert [event["event"] for event in broken["events"]] == ["monitor_requested", "monitor_requested"]
    assert broken["timeline"]


def test_a_bound_is_told(shell: Shell) -> None:
    """Where a bound stops it, it says so, and to which depth it is complete."""
    done = shell("explore", "--states-max", "1")
    assert done.code == 0
    assert done.out.startswith("complete to depth 1; stopped by 1 situations\n")


def test_the_facts_of_a_book_are_told(shell: Shell) -> None:
    """A fact that a site declared itself is told by each value that its rules tell apart, so that its rules decide."""
    shell.write("own.toml", CONSENT)
    found = json.loads(shell("explore", "--rules", str(shell.folder), "--depth", "3", "--json").out)
    assert any(one["decisive"] for one in found["rules"] if one["rule"] == "agreed")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--depth", "0"), "from 1 to 30"),
        (("--depth", "x"), "from 1 to 30"),
        (("--disturbances", "-1"), "argument --disturbances"),
        (("--seconds", "0"), "more than 0"),
        (("--seconds", "soon"), "more than 0"),
        (("--states-max", "0"), "from 1 to"),
        (("--story", "found.toml"), "ends in .story.toml"),
        (("--rules", "nowhere"), "there are no rules here"),
    ],
)
def test_what_cannot_be_used_is_two(shell: Shell, arguments: tuple[str, ...], said: str) -> None:
    """What makes no sense, or is not there, is 2, and said."""
    done = shell("explore", *arguments)
    assert done.code == 2
    assert said in done.err
    assert done.out == ""


@pytest.mark.usefixtures("forgetful")
def test_a_story_that_cannot_be_written_is_two(shell: Shell) -> None:
    """A story in a folder that is not there is 2, after what was found."""
    done = shell("explore", "--depth", "2", "--story", str(Path("nowhere") / "found.story.toml"))
    assert done.code == 2
    assert "cannot write this file" in done.err


def test_a_bar_at_a_terminal(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal a bar says at which depth it is; stdout is as ever."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    done = shell("explore", "--depth", "2", "--disturbances", "0")
    assert "depth " in done.err
    assert done.out.startswith("complete to depth 2\n")
