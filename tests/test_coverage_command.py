"""What stories and recordings exercised: the counts, what was never seen, the diagram by traffic, the exit codes."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.coverage import SECTIONS, Coverage, mermaid, watch_story
from monitoring_core.domain.events import Event
from monitoring_core.domain.outcomes import State
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.files import load_rules
from monitoring_core.scenario import find_stories, read_story, run_file
from monitoring_core.session import TABLE
from monitoring_core.testing.strategies import events
from tests.cli import ASK, CALL, SITE, Shell, at
from tests.test_stories import STORIES, stem

pytestmark = pytest.mark.search

RULES = load_rules()
STARTED: dict[str, Any] = {
    "event": "monitor_started",
    "monitor_call": "m1",
    "from_address": "5004",
    "to_address": "5025",
    "call": "c1",
}
GONE: dict[str, Any] = {"event": "connection_cleared", "call": "c1", "address": "5025"}
LOG = (*SITE, at(1, CALL), at(2, ASK), at(3, STARTED), at(9, GONE))
OWN_RULES = """
title = "a site of its own"
about = "for the counts"
rules = '''
[[rule]]
id = "anybody"
effect = "permit"
because = "so"
'''
when = [
  { at = 1, event = "established", call = "c1", address = "1" },
  { at = 2, event = "monitor_requested", from_address = "2", to_address = "1" },
  { at = 3, event = "stop_requested", session = "S1", from_address = "2" },
  { at = 4, event = "command_outcome", command = "S1 SetSilentMonitoring", outcome = "failed" },
]
"""


def counted(shell: Shell, *arguments: str) -> Any:
    """What `coverage --json` says."""
    return json.loads(shell("coverage", "--json", *arguments).out)


def answers(found: Any, rule: str, mode: str = "silent") -> tuple[int, int, int]:
    """How often a rule applied, was undecided, and missed in a mode."""
    (row,) = (row for row in found["rules"] if (row["rule"], row["mode"]) == (rule, mode))
    return row["applied"], row["undecided"], row["missed"]


def seen(counts: dict[str, int]) -> dict[str, int]:
    """What was seen at all."""
    return {name: count for name, count in counts.items() if count}


# Recordings


def test_a_log_is_counted(shell: Shell) -> None:
    """Of a log every row, reason, certainty, command, event and answer of a rule is counted."""
    found = counted(shell, shell.log(*LOG))
    assert found["runs"] == 1
    assert seen(found["rows"]) == {"- PERMIT": 1, "REQUESTED STARTED": 1, "ACTIVE FINISHED": 1}
    assert seen(found["reasons"]) == {"agent_dropped": 1}
    assert seen(found["certainties"]) == {"start confirmed": 1, "end confirmed": 1}
    assert seen(found["commands"]) == {"start_monitoring": 1}
    assert found["events"]["signed_in"] == 2
    assert answers(found, "own-team") == (1, 0, 0)
    assert answers(found, "agent-idle") == (0, 0, 1)


def test_a_rule_answers_once(shell: Shell) -> None:
    """A rule is asked once for each verdict, though a refusal asks again what it did not know."""
    found = counted(shell, shell.log(at(1, CALL), at(2, ASK)))
    assert answers(found, "phone-configured") == (0, 1, 0)
    assert answers(found, "supervisor-signed-in") == (1, 0, 0)
    assert answers(found, "own-team") == (0, 1, 0)


def test_a_rule_counts_in_the_mode_that_was_asked_for(shell: Shell) -> None:
    """A request for another mode is counted there, and rules that are not for that mode are not asked."""
    found = counted(shell, shell.log(*SITE, at(1, CALL), at(2, {**ASK, "mode": "barge"})))
    assert sum(answers(found, "mode-while-held", "barge")) == 1
    assert sum(answers(found, "mode-while-held", "whisper")) == 0
    assert sum(answers(found, "own-team")) == 0


@given(told=st.lists(events, max_size=20))
def test_counts_are_those_of_the_steps(told: list[Event]) -> None:
    """Whatever happens, moves, notices and commands are counted as the steps have them, and rules as often as asked."""
    found, engine = Coverage(RULES.book), Engine(RULES.book, Settings(), "x")
    told = [event for event in told if event.__struct_config__.tag != "log"]
    found.watch(told, Settings(), "x")
    steps = [engine.step(event) for event in told]
    moves = Counter(f"{move.before or '-'} {move.trigger}" for step in steps for move in step.moves)
    notices = Counter(notice.kind for step in steps for notice in step.notices)
    assert seen(found.counts("rows")) == dict(moves)
    assert seen(found.counts("notices")) == dict(notices)
    assert sum(found.counts("commands").values()) == sum(len(step.commands) for step in steps)
    asked = {sum(given.values()) for rule, mode, given in found.rules() if mode == "silent" and rule != "own-team"}
    assert len(asked) == 1


def test_a_record_that_cannot_be_read(shell: Shell) -> None:
    """What can be read is counted; that something could not be is told, with exit code 2."""
    log = shell.write("log.jsonl", Path(shell.log(*LOG)).read_bytes() + b"{}\n")
    done = shell("coverage", "--json", log)
    assert done.code == 2
    assert json.loads(done.out)["rows"]["- PERMIT"] == 1


# Stories


def test_rules_of_a_story_are_not_the_books(shell: Shell) -> None:
    """Where a story brings its rules, they do not count for the book that has none of them; all else counts."""
    story = shell.write("own.story.toml", OWN_RULES)
    found = counted(shell, story)
    assert {name for row in found["rules"] for name in [row["rule"]]} == {rule.id for rule in RULES.book.rules}
    assert all(not sum(given.values()) for _, _, given in _watched(Path(story)).rules())
    assert found["rows"]["- PERMIT"] == 1


def test_rules_that_say_the_same_are_the_books(shell: Shell) -> None:
    """A story that brings or names just the rules that are counted counts for them."""
    rules = shell.folder / "rules"
    rules.mkdir()
    shell.write("rules/anybody.toml", OWN_RULES.split("'''")[1])
    story = shell.write("own.story.toml", OWN_RULES)
    assert answers(counted(shell, story, "--rules", str(rules)), "anybody") == (1, 0, 0)


def test_nicknames_mean_what_they_mean_in_a_story(shell: Shell) -> None:
    """A stop and the outcome of a command find their session by the names that the story gives them."""
    found = counted(shell, shell.write("own.story.toml", OWN_RULES))
    assert seen(found["rows"]) == {"- PERMIT": 1, "REQUESTED FAILED": 1}
    assert found["notices"]["stop_remembered"] == 1


def test_every_way_of_a_story_counts(shell: Shell) -> None:
    """A story with a parameter of two values is two runs."""
    text = OWN_RULES.replace(
        "when = [", '[parameters]\nlistener = ["2", "3"]\n[[when]]\nat = 0\nevent = "time_passed"\n', 1
    )
    ways = text.partition("  { at = 1")[0] + '[[when]]\nat = 1\nevent = "monitor_requested"\n'
    found = counted(shell, shell.write("ways.story.toml", ways + 'from_address = "${listener}"\nto_address = "1"\n'))
    assert found["runs"] == 2


@pytest.mark.parametrize("path", STORIES, ids=stem)
def test_our_stories_move_as_they_say(path: Path) -> None:
    """Every move that one of our stories expects, if it passes, is counted, and no other."""
    story = read_story(path)
    if story.recorded or not run_file(path, RULES).passed:
        return
    expected = Counter(one["state"] for row in story.rows for one in row.then or () if "state" in one)
    counts, got = _watched(path).counts("rows"), Counter[str]()
    for before, trigger, after in TABLE:
        got[after.value] += counts[f"{before or '-'} {trigger}"]
    assert +got == Counter({State(state).value: count for state, count in expected.items()})


def test_a_story_with_a_recording(shell: Shell) -> None:
    """What a story's recording tells counts with its rows, each at its time."""
    shell.log(*SITE, at(1, CALL), at(9, GONE))
    asked = "event = 'monitor_requested', from_address = '5004', to_address = '5025', user = '47483657'"
    rows = f"when = [{{ at = 2, {asked} }}]"
    story = shell.write("x.story.toml", f"title = 'x'\nabout = 'x'\nrecorded = 'log.jsonl'\nsessions = []\n{rows}\n")
    found = counted(shell, story)
    assert found["events"]["established"] == 1
    assert seen(found["rows"]) == {"- PERMIT": 1, "REQUESTED FINISHED": 1}


def test_settings_are_counted_where_they_are_in_force(shell: Shell) -> None:
    """A value of a setting counts once for each run with it, a default too, and so does each change of mode."""
    changed = 'settings.scope = "call"\nsettings.modes = { silent = ["barge"] }\n'
    stories = [shell.write(f"{name}.story.toml", text + OWN_RULES) for name, text in (("a", ""), ("b", changed))]
    settings = counted(shell, *stories)["settings"]
    assert (settings["scope = agent"], settings["scope = call"], settings["scope = next_calls"]) == (1, 1, 0)
    assert (settings["modes: silent to barge"], settings["modes: silent to whisper"]) == (2, 1)
    assert settings["confirmation = switch"] == 2


def test_a_folder_is_all_its_stories(shell: Shell) -> None:
    """A folder stands for every story below it."""
    shell.write("a.story.toml", OWN_RULES)
    shell.write("b.story.toml", OWN_RULES)
    assert counted(shell, str(shell.folder))["runs"] == len(find_stories(shell.folder)) == 2


# What is said


def test_what_was_never_seen_is_listed(shell: Shell) -> None:
    """The table ends with what was never exercised, by section, and how much there is of it."""
    said = shell("coverage", shell.log(*LOG)).out.partition("never exercised\n")[2]
    assert [line.strip().partition(":")[0] for line in said.splitlines()] == list(SECTIONS)
    assert "rows: 6 of 9: - FORBID, - STARTED, REQUESTED FAILED" in said
    assert re.search(r"rules: 18 of 19: agent-idle, .*supervisor-state\n", said)


def test_what_is_required_decides_the_exit_code(shell: Shell) -> None:
    """Something required that was never exercised is a no, and named; where all was seen it is a yes."""
    log = shell.log(*LOG)
    assert shell("coverage", log).code == 0
    missing = shell("coverage", log, "--require", "rows,rules")
    assert missing.code == 1
    assert "required, but never exercised: - FORBID" in missing.err
    ours = Path(__file__).parents[1] / "scenarios"
    assert shell("coverage", str(ours), "--require", "rows,reasons,certainties,commands").code == 0


def test_only_what_there_is_can_be_required(shell: Shell) -> None:
    """A section that there is not is refused with the one that may be meant."""
    done = shell("coverage", shell.log(*LOG), "--require", "row")
    assert done.code == 2
    assert 'did you mean "rows"?' in done.err


def test_the_diagram_is_by_traffic(shell: Shell) -> None:
    """Each row is an arrow with its count, dashed and thin for none, the thicker the more there is."""
    lines = shell("coverage", "--draw", shell.log(*LOG)).out.splitlines()
    assert '    start -->|"PERMIT 1"| REQUESTED' in lines
    assert '    start -.->|"FORBID 0"| REJECTED' in lines
    assert "    class REQUESTED,ACTIVE,ENDED seen" in lines
    assert "    class REJECTED never" in lines
    assert sum("linkStyle" in line for line in lines) == len(TABLE)


def test_much_traffic_is_thicker_than_little() -> None:
    """Twice the traffic is one pixel more, up to a limit."""
    widths = []
    for count in (0, 1, 2, 8, 10_000_000):
        found = Coverage(RULES.book)
        found.seen["rows"]["- PERMIT"] = count
        widths.append(int(re.findall(r"linkStyle 0 .*stroke-width:(\d+)px", mermaid(found))[0]))
    assert widths == [1, 1, 2, 4, 10]


def _watched(path: Path) -> Coverage:
    found = Coverage(RULES.book)
    watch_story(found, path, RULES.settings)
    return found
