"""Mutants: each is one small mistake, valid TOML and told by its difference; our own cases and stories notice all."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from random import Random
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import settings as limited

from monitoring_core.domain.events import Mode
from monitoring_core.domain.facts import Fact
from monitoring_core.domain.outcomes import State, Trigger
from monitoring_core.domain.settings import Settings
from monitoring_core.errors import IllegalMove, RuleBookError
from monitoring_core.files import Rules, load_rules
from monitoring_core.mutation import Score, load_equivalent, load_suite, mutants, played_by, scored
from monitoring_core.mutation.literals import other_lists, other_values
from monitoring_core.mutation.page import edited, written
from monitoring_core.rules.lifecycle import load_settings
from monitoring_core.rules.load import load_book
from monitoring_core.session import TABLE, after, life
from monitoring_core.testing.rulebooks import as_toml, book_text, declarations, facts, rule
from monitoring_core.testing.strategies import randoms

pytestmark = pytest.mark.search

SCENARIOS = Path(__file__).parents[1] / "scenarios"

ANYBODY = '[[rule]]\nid = "anybody"\neffect = "permit"\nbecause = "so"\n'
BEEP = '[[rule]]\nid = "beep"\neffect = "require"\nduty = "tone"\nbecause = "law"\n'
NO_VIP = (
    '[[rule]]\nid = "no-vip"\neffect = "forbid"\nbecause = "not those"\nerror = "No"\n'
    'to = ["silent", "barge"] # how\nwhen.agent.calls = { at_least = 2 }\n'
    'unless.agent.teams = { overlaps = ["a", "b"] }\n'
)
CASES = """
[facts]
request.mode = "silent"
agent.calls = 2
agent.teams = ["c"]
[[case]]
name = "forbidden"
verdict = "forbid"
reasons = ["no-vip"]
"""
STORY = """
title = "one asks, and listens"
about = "for the mutants"
{more}
when = [
  {{ at = 1, event = "established", call = "c1", address = "1" }},
  {{ at = 2, event = "monitor_requested", from_address = "2", to_address = "1", then = [
    {{ session = "S1", verdict = "permit", rules = ["anybody"] }},
    {{ session = "S1", state = "REQUESTED" }},
    {{ send = "SetSilentMonitoring", fromAddress = "2", toAddress = "1", UserName = "" }},
  ] }},
  {{ at = 12, event = "time_passed", then = [
    {{ session = "S1", state = "REJECTED", reason = "unconfirmed", certainty = "assumed" }},
  ] }},
]
"""


def rules_of(book: str, cases: str = "", settings: str = "") -> Rules:
    """A folder of rules in memory."""
    texts = {"book.toml": book, "book.cases.toml": cases, "lifecycle.toml": settings}
    return Rules(load_book(texts), load_settings("lifecycle.toml", settings), texts)


def score_of(rules: Rules, *paths: Path, reasons: dict[str, str] | None = None, profile: str = "") -> Score:
    """Every mutant, but for those of the table where no story is told."""
    suite = load_suite(rules, paths, profile)
    found = [mutant for mutant in mutants(rules) if suite.stories or mutant.kind == "rule"]
    return scored(found, suite, reasons or {})


def fates(score: Score, fate: str) -> list[str]:
    """The names of the mutants of that fate."""
    return [result.mutant.name for result in score.results if result.fate == fate]


def applied(text: str, diff: str) -> str:
    """`text` with a difference applied that has no line around it that stayed."""
    rows, made, place = text.split("\n"), list[str](), 0
    for line in diff.splitlines()[2:]:
        if head := re.fullmatch(r"@@ -(\d+)(?:,(\d+))? \+\S+ @@", line):
            start = int(head[1]) - (head[2] != "0")
            made += rows[place:start]
            place = start
        elif line.startswith("-"):
            assert rows[place] == line[1:]
            place += 1
        else:
            made.append(line[1:])
    return "\n".join([*made, *rows[place:]])


# One text


@pytest.mark.parametrize(
    ("text", "path", "value", "expected"),
    [
        ("a  =  1  # why\nb = 2\n", ("a",), 5, "a  = 5  # why\nb = 2\n"),
        ("a = 1\n# of b\nb = 2\n", ("a",), None, "# of b\nb = 2\n"),
        ('a = "x # y" # z', ("a",), "=", 'a = "=" # z'),
        ("a = [ # one\n  1,\n  2 ]\nb = 1", ("a",), [3], "a = [3]\nb = 1"),
        ('"a=b".c = 1', ("a=b", "c"), 2, '"a=b".c = 2'),
        ("a = { b = 1, c = 2 }", ("a", "b"), None, "a = { c = 2 }"),
        ("a = { b = { c = 1 } }\nd = 1", ("a", "b", "c"), None, "d = 1"),
        ("a.b.c = 1\na.b.d = 2\ne = 1", ("a", "b"), {"f": {"g": True}}, "a.b.f = { g = true }\ne = 1"),
        ("[a]\nb = 1\n\n[c]\nd = 1\n", ("a", "e"), ["x"], '[a]\nb = 1\ne = ["x"]\n\n[c]\nd = 1\n'),
        ("[[a]]\nb = 1\n[[a]]\nb = 2\n", ("a", 0), None, "[[a]]\nb = 2\n"),
        (
            "[[a]]\nb = 1\n[[a.c]]\nd = 1\n[[a.c]]\nd = 2\n[e]",
            ("a", 0, "c", 1),
            None,
            "[[a]]\nb = 1\n[[a.c]]\nd = 1\n[e]",
        ),
        (
            "[[a]]\nc.d = 1\nb = 1\n[e]",
            ("a", 0, "c"),
            [{"d": 1}, {"f": {"g": 2}}],
            "[[a]]\nb = 1\n[[a.c]]\nd = 1\n[[a.c]]\nf = { g = 2 }\n[e]",
        ),
    ],
)
def test_a_value_is_changed_where_it_stands(text: str, path: tuple[Any, ...], value: Any, expected: str) -> None:
    """Layout, comments and all that is not at the path stay; what a deletion leaves empty goes with it."""
    assert edited(text, ((path, value),)) == expected
    tomllib.loads(expected)


@pytest.mark.parametrize(
    "text", ['x = "a\\"b\\\\\\u007f\\n"', "x = [1.5, inf, -7, true]", "x = 1979-05-27T07:32:00Z", "x = { 'a b' = {} }"]
)
def test_what_is_written_reads_as_it_was(text: str) -> None:
    """Every kind of value of TOML is written so that it is read again."""
    value = tomllib.loads(text)["x"]
    assert tomllib.loads(f"x = {written(value)}")["x"] == value


# What is mutated


@limited(max_examples=40)
@given(randoms)
def test_every_mutant_is_another_text_and_its_difference_makes_it(random: Random) -> None:
    """A mutant of any book is TOML that says something else, as no other of its name, and its difference makes it."""
    rules = rules_of(book_text(random, most=1))
    original, named = rules.texts["book.toml"], dict[str, Any]()
    for mutant in mutants(rules):
        if mutant.kind == "rule":
            text = mutant.texts["book.toml"]
            assert tomllib.loads(text) != tomllib.loads(original)
            assert applied(original, mutant.diff()) == text
            assert named.setdefault(mutant.name, tomllib.loads(text)) == tomllib.loads(text)


@given(randoms)
def test_a_negated_test_says_the_opposite(random: Random) -> None:
    """Where a rule is one test, in `when` or in `unless`, its negation holds where it does not; both are undecided."""
    one = rule(random, 1)
    one["unless"] = one["unless"][:1]
    place = "unless" if one["unless"] and (random.random() < 0.5 or not one["when"]) else "when"
    one = {**one, "when": one["when"] if place == "when" else {}, "unless": one["unless"] if place == "unless" else []}
    rules = rules_of(declarations(random) + as_toml([one]))
    seen = facts(random)
    (original,) = rules.book.rules
    if sum(map(len, (original.when, *original.unless))) != 1:
        return
    (mutant,) = [mutant for mutant in mutants(rules) if mutant.name.endswith(" negated")]
    loaded = mutant.load()
    if loaded is None:
        assert " known " in mutant.name
    else:
        before, now = original.met(seen), loaded[0].rules[0].met(seen)
        assert now == (None if before is None else not before)


def test_a_test_beside_others_is_negated_where_one_rule_can_say_it() -> None:
    """Of an alternative of several tests, those are negated that have an opposite: an order, an equality, a time."""
    tests = 'site.local_time = { between = ["22:00", "06:00"] }\nagent.calls = { below = 2 }\n'
    tests += 'agent.line = { in = ["idle"] }\n'
    found = mutants(rules_of(ANYBODY + "[[rule.unless]]\n" + tests))
    texts = [mutant.texts["book.toml"] for mutant in found if mutant.name.endswith(" negated")]
    assert [text.removeprefix(ANYBODY + "[[rule.unless]]\n") for text in texts] == [
        tests.replace('["22:00", "06:00"]', '["06:00", "22:00"]'),
        tests.replace("below", "at_least"),
    ]


def test_what_is_done_to_a_rule() -> None:
    """Rule, effect, modes, code, each test and each literal have their mutants; a `require` another duty."""
    names = [mutant.name.removeprefix("rule ") for mutant in mutants(rules_of(NO_VIP + BEEP)) if mutant.kind == "rule"]
    assert names == [
        "no-vip: dropped",
        'no-vip: effect = "permit"',
        "no-vip: to is without silent",
        "no-vip: to is without barge",
        'no-vip: error = "not No"',
        "no-vip: when.agent.calls at_least 2 dropped",
        "no-vip: when.agent.calls at_least 2 negated",
        "no-vip: when.agent.calls at_least 2 is 3",
        "no-vip: when.agent.calls at_least 2 is 1",
        'no-vip: unless.agent.teams overlaps ["a", "b"] dropped',
        'no-vip: unless.agent.teams overlaps ["a", "b"] negated',
        'no-vip: unless.agent.teams overlaps ["a", "b"] is ["b"]',
        'no-vip: unless.agent.teams overlaps ["a", "b"] is ["not a", "b"]',
        'no-vip: unless.agent.teams overlaps ["a", "b"] is ["a"]',
        'no-vip: unless.agent.teams overlaps ["a", "b"] is ["a", "not b"]',
        "beep: dropped",
        "beep: to is without silent",
        "beep: to is without whisper",
        "beep: to is without barge",
        "beep: to is without take_over",
        'beep: duty = "agent_notice"',
    ]


def test_alternatives_are_dropped() -> None:
    """Each alternative with several tests is dropped as a whole, and so are all of them."""
    more = "[[rule.unless]]\nagent.calls = { is = 1 }\ncall.held = { is = true }\n"
    more += "[[rule.unless]]\nagent.calls = { is = 3 }\n"
    names = [mutant.name for mutant in mutants(rules_of(ANYBODY + more)) if mutant.kind == "rule"]
    assert [name for name in names if re.search(r"unless(\[\d\])? dropped", name)] == [
        "rule anybody: unless[1] dropped",
        "rule anybody: unless dropped",
    ]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("number", 2, [3, 1]),
        ("time", "23:59", ["00:00", "23:58"]),
        ("time", "08:00:00", ["08:00:01", "07:59:59"]),
        ("date", "2024-02-29", ["2024-03-01", "2024-02-28"]),
        ("date", "9999-12-31", ["9999-12-31", "9999-12-31"]),
        ("text", "READY", ["not READY"]),
        ("flag", True, []),
    ],
)
def test_a_literal_is_off_by_one(kind: Any, value: Any, expected: list[Any]) -> None:
    """Numbers by one, times by what they end in, dates by a day; a text is one that nobody knows; a flag is negated."""
    assert list(other_values(Fact("x", kind, ""), value)) == expected


def test_a_text_of_few_is_another_of_them() -> None:
    """Where a fact has only certain values, a wrong one is one of those, and never one that stands there too."""
    fact = Fact("x", "text", "", values=("a", "b", "c"))
    assert list(other_values(fact, "c")) == ["a"]
    assert list(other_lists(fact, ["a", "b"])) == [["b"], ["c", "b"], ["a"], ["a", "c"]]
    assert list(other_lists(fact, ["a", "b", "c"])) == [["b", "c"], ["a", "c"], ["a", "b"]]


def test_a_setting_is_changed_alone() -> None:
    """Each mutant of our own lifecycle.toml changes a setting, or an edge, duty or entry of one, or does not load."""
    rules = load_rules()
    found = [mutant for mutant in mutants(rules) if mutant.kind == "setting"]
    settings = [loaded[1] for mutant in found if (loaded := mutant.load())]
    assert {mutant.name for mutant in found if mutant.load() is None} == {
        f"setting limits.{name}: 0" for name in ("per_pair", "per_agent", "per_supervisor")
    }
    for one in settings:
        assert [name for name in attrs.fields_dict(Settings) if getattr(one, name) != getattr(rules.settings, name)]
    named = {mutant.name.removeprefix("setting ").partition(":")[0].partition(".")[0] for mutant in found}
    assert named == {*attrs.fields_dict(Settings), "bounds"} - {"per_pair", "per_agent", "per_supervisor"} | {"limits"}


def test_every_edge_between_modes_is_dropped_or_added() -> None:
    """Of twelve changes of mode, those that there are have a mutant without them, and the others one with them."""
    modes: dict[Mode, tuple[Mode, ...]] = load_rules().settings.modes
    names = {mutant.name for mutant in mutants(load_rules()) if mutant.name.startswith("setting modes.")}
    assert names == {
        f"setting modes.{one}: {'without' if other in modes[one] else 'with'} {other}"
        for one in modes
        for other in modes
        if one != other
    }


# The table


def test_every_row_is_dropped_and_led_elsewhere() -> None:
    """Each row has a mutant without it, and one for each state that it does not lead to."""
    rows = [mutant for mutant in mutants(load_rules()) if mutant.kind == "row"]
    assert len(rows) == len(TABLE) * len(State)
    assert len({mutant.table for mutant in rows} | {TABLE}) == len(rows) + 1
    assert rows[0].diff() == "--- the state table\n+++ the state table\n-- PERMIT REQUESTED"


def test_another_table_is_played_and_put_away() -> None:
    """While it is played, sessions move by it, whatever goes wrong; afterwards every module has the real one."""
    users = [name for name, module in sys.modules.items() if getattr(module, "after", None) is after]
    assert "monitoring_core.session.life" in users
    assert "monitoring_core.properties" in users
    with pytest.raises(IllegalMove, match="FINISHED is no move from ACTIVE"), played_by(TABLE[:-1]):
        vars(life)["after"](State.ACTIVE, Trigger.FINISHED)
    assert [name for name in users if vars(sys.modules[name])["after"] is not after] == []


# What notices


def test_a_known_survivor_survives_until_a_case_is_written() -> None:
    """A bound that no case is near survives, and the case at the bound kills it."""
    at_bound = '[[case]]\nname = "one call"\nfacts.agent.calls = 1\nverdict = "permit"\nreasons = ["anybody"]\n'
    name = "rule no-vip: when.agent.calls at_least 2 is 1"
    assert name in fates(score_of(rules_of(ANYBODY + NO_VIP, CASES)), "survived")
    assert name in fates(score_of(rules_of(ANYBODY + NO_VIP, CASES + at_bound)), "killed")


def test_who_noticed_is_told(tmp_path: Path) -> None:
    """A mutant that is killed names the case or the story."""
    (tmp_path / "one.story.toml").write_text(STORY.format(more=""))
    score = score_of(rules_of(ANYBODY + NO_VIP, CASES), tmp_path)
    by = {result.mutant.name: result.by for result in score.results}
    assert by["rule no-vip: dropped"] == "book.cases.toml:6, case forbidden"
    assert by["row - PERMIT REQUESTED: dropped"] == "one.story.toml"


def test_a_story_with_its_own_rules_notices_no_mutant_of_others(tmp_path: Path) -> None:
    """It cannot kill a mutant of a rule that it does not run by, but one of the table."""
    (tmp_path / "one.story.toml").write_text(STORY.format(more=f"rules = '''{ANYBODY}'''"))
    score = score_of(rules_of(ANYBODY), tmp_path)
    assert {name.partition(" ")[0] for name in fates(score, "killed")} == {"row"}
    assert "rule anybody: dropped" in fates(score, "survived")


def test_a_setting_is_noticed_unless_the_story_has_its_own(tmp_path: Path) -> None:
    """A story at the very moment notices a time off by one, but not where it says that time itself."""
    rules = rules_of(ANYBODY, settings="confirm_s = 10\n")
    names = ["setting confirm_s: 11", "setting confirm_s: 9"]
    story = tmp_path / "one.story.toml"
    story.write_text(STORY.format(more=""))
    assert names[0] in fates(score_of(rules, tmp_path), "killed")
    story.write_text(STORY.format(more="settings.confirm_s = 10"))
    assert [name for name in fates(score_of(rules, tmp_path), "survived") if name in names] == names


def test_what_fails_anyway_is_left_out(tmp_path: Path) -> None:
    """A case and a story that fail without a mutant notice none."""
    (tmp_path / "one.story.toml").write_text(STORY.format(more="settings.confirm_s = 50"))
    suite = load_suite(rules_of(ANYBODY, CASES.replace("no-vip", "nobody")), [tmp_path])
    assert (suite.cases, suite.stories) == ([], [])
    assert suite.left_out == ("book.cases.toml:6, case forbidden", "one.story.toml")


def test_every_way_of_a_story_may_notice(tmp_path: Path) -> None:
    """A story with a parameter of two values is two stories."""
    more = "[parameters]\nlistener = ['2', '3']"
    text = STORY.format(more="").replace('"2"', '"${listener}"') + more
    (tmp_path / "one.story.toml").write_text(text)
    suite = load_suite(rules_of(ANYBODY), [tmp_path])
    assert (len(suite.stories), suite.left_out) == (2, ())


def test_mutants_that_say_the_same_are_run_once() -> None:
    """Of two mutants that make the same book, only the first counts."""
    twice = ANYBODY + 'when.agent.state = { in = ["A", "A"] }\n'
    score = score_of(rules_of(twice, CASES.replace("no-vip", "anybody")))
    assert len(fates(score, "same")) == 1
    assert score.count("killed") + score.count("survived") == len(score.results) - 1


# Equivalent ones


def test_an_equivalent_mutant_does_not_count() -> None:
    """What its author lists with a reason is told apart and is neither killed nor survived."""
    name = "rule no-vip: when.agent.calls at_least 2 is 1"
    score = score_of(rules_of(ANYBODY + NO_VIP, CASES), reasons={name: "so"})
    assert [(one.mutant.name, one.by) for one in score.results if one.fate == "equivalent"] == [(name, "so")]
    assert name not in fates(score, "survived")


def test_a_mutant_that_is_noticed_is_wrongly_listed() -> None:
    """A listed mutant that a case notices is killed all the same, and told."""
    score = score_of(rules_of(ANYBODY + NO_VIP, CASES), reasons={"rule no-vip: dropped": "so"})
    assert score.wrongly_listed == ("rule no-vip: dropped",)
    assert "rule no-vip: dropped" in fates(score, "killed")


def test_a_list_of_equivalent_mutants_is_read_with_every_problem() -> None:
    """Mutants by name with their reasons; whatever is wrong is told at once."""
    good = '[[equivalent]]\nmutant = "a"\nreason = "b"\n'
    assert load_equivalent("e.toml", good) == {"a": "b"}
    with pytest.raises(RuleBookError) as caught:
        load_equivalent("e.toml", good + good + '[[equivalent]]\nreason = " "\nwhy = 1\n[x]\n')
    assert [problem.what for problem in caught.value.problems] == [
        "this mutant is listed twice",
        "an equivalent mutant needs its mutant",
        "an equivalent mutant needs its reason",
        'unknown key "why"',
        'unknown key "x"',
    ]


# Our own


def told(score: Score) -> str:
    """The survivors."""
    return "\n".join(f"{one.mutant.name}\n{one.mutant.diff()}" for one in score.results if one.fate == "survived")


def test_our_own_cases_and_stories_notice_every_mutant(record_property: Any) -> None:
    """The default rules, their settings and the state table: mutation score 100 %, and none is listed as equivalent."""
    score = score_of(load_rules(), SCENARIOS)
    assert score.percent == 100.0, told(score)
    assert score.count("killed") >= 270
    record_property(
        "shown", f"mutants of the default rules, settings and table: {score.count('killed')} of them noticed"
    )


@pytest.mark.parametrize("profile", ["cce", "ccx"])
def test_the_profiles_cases_and_stories_notice_every_mutant(profile: str) -> None:
    """The rules and settings of each profile: mutation score 100 % by its cases and the stories of Finesse."""
    rules = load_rules(profile)
    suite = load_suite(rules, sorted(SCENARIOS.glob("finesse-*.story.toml")), profile)
    score = scored([mutant for mutant in mutants(rules) if mutant.kind != "row"], suite, {})
    assert score.percent == 100.0, told(score)
    assert score.count("killed") >= 240
