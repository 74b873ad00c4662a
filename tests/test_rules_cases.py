"""Cases beside the rules: the default book's own all hold, and one that does not says what differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitoring_core.errors import RuleBookError
from monitoring_core.rules.book import RuleBook
from monitoring_core.rules.cases import Case, load_cases, run_cases
from monitoring_core.rules.load import load_book

RULES = Path(__file__).parent.parent / "rules"
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in sorted(RULES.glob("*.toml"))}
CASES = load_cases("eligibility.cases.toml", TEXTS["eligibility.cases.toml"])
BOOK = load_book(TEXTS)
SMALL = load_book(
    {
        "small.toml": '[facts.vip]\ntype = "flag"\nmeaning = "an important customer"\n'
        '[[rule]]\nid = "anybody"\neffect = "permit"\nbecause = "all may"\n'
        '[[rule]]\nid = "no-vip"\neffect = "forbid"\nbecause = "not those"\nunless.vip = { is = false }\n'
        '[[rule]]\nid = "beep"\neffect = "require"\nduty = "tone"\nbecause = "the law"\n'
    }
)
GOOD = '[[case]]\nname = "a"\nverdict = "permit"\nreasons = []\n'
HEAD = '[facts]\nrequest.mode = "silent"\nvip = false\n'


def told(text: str, book: RuleBook = SMALL) -> list[str]:
    """What the cases of a text say that is not as expected."""
    return [mismatch for result in run_cases(book, load_cases("c.toml", HEAD + text)) for mismatch in result.mismatches]


def problems(text: str) -> list[str]:
    """What loading says of the cases."""
    with pytest.raises(RuleBookError) as caught:
        load_cases("c.toml", text)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_each_case_of_the_default_book_holds(case: Case) -> None:
    """The default book says of each case what its author wrote."""
    (result,) = run_cases(BOOK, [case])
    assert not result.mismatches, str(result)


def test_every_rule_of_the_default_book_is_the_only_reason_once() -> None:
    """Each rule of the default book decides some case alone, known to be broken and not only undecided."""
    alone = {case.expected["reasons"][0] for case in CASES if len(case.expected["reasons"]) == 1}
    met = {
        reason
        for case in CASES
        for reason in case.expected["reasons"]
        if case.expected["verdict"] == "forbid" and not case.expected.get("missing")
    }
    assert {rule.id for rule in BOOK.rules} == alone == met


def test_every_fact_of_the_default_book_is_not_known_once() -> None:
    """For each fact that the default book reads, a case takes exactly that one away and is refused for it."""
    named = {fact.name for rule in BOOK.rules for fact in rule.facts} | {"request.mode"}
    assert named <= {name for case in CASES for name in case.expected.get("missing", [])}


def test_the_default_book_is_one_permit_and_forbids_with_errors() -> None:
    """The default book has one permit, for silent monitoring only, and every rule names an API error."""
    assert [rule.id for rule in BOOK.rules if rule.effect == "permit"] == ["own-team"]
    assert [rule.to for rule in BOOK.rules if rule.effect == "permit"] == [("silent",)]
    assert all(rule.error for rule in BOOK.rules)


def test_a_case_that_holds_says_so() -> None:
    """A case whose verdict, reasons, duties and missing facts are as written is as expected."""
    text = '[[case]]\nname = "a"\nverdict = "permit"\nreasons = ["anybody"]\nduties = ["tone"]\nmissing = []\n'
    (result,) = run_cases(SMALL, load_cases("c.toml", HEAD + text))
    assert str(result) == "c.toml:4, case a: as expected"


def test_a_case_without_a_heading_is_on_the_first_line() -> None:
    """Cases written as a list have no lines of their own: the file's first one stands for them."""
    text = 'case = [{ name = "a", verdict = "permit", reasons = [] }]\n'
    assert [case.where for case in load_cases("c.toml", text)] == ["c.toml:1, case a"]


def test_a_case_that_fails_says_what_differs() -> None:
    """A wrong verdict comes with the rules' reasons; wrong reasons, duties and missing facts with what they are."""
    text = (
        '[[case]]\nname = "a"\nfacts.vip = true\nverdict = "permit"\nreasons = ["anybody"]\nduties = ["tone"]\n'
        '[[case]]\nname = "b"\nunknown = ["vip"]\nverdict = "forbid"\nreasons = ["no-vip"]\nmissing = []\n'
    )
    first, second = run_cases(SMALL, load_cases("c.toml", HEAD + text))
    assert str(first) == (
        "c.toml:4, case a: not as expected\n"
        "  verdict: expected permit, but it is forbid (not those)\n"
        "  reasons: expected anybody, but it is no-vip\n"
        "  duties: expected tone, but it is none"
    )
    assert second.mismatches == ("missing: expected none, but it is vip",)


def test_a_wrong_verdict_without_any_reason_is_told() -> None:
    """Where no rule says why, the wrong verdict stands alone."""
    assert told('[[case]]\nname = "a"\nverdict = "permit"\nreasons = []\n', load_book({}))[-1] == (
        "verdict: expected permit, but it is forbid"
    )


def test_facts_that_the_book_does_not_know_are_told() -> None:
    """A misspelt fact, and a value that is not of its fact's type, are mismatches with a fix."""
    text = '[[case]]\nname = "a"\nfacts = { vipp = true, agent.line = 5 }\nverdict = "permit"\nreasons = ["anybody"]\n'
    assert sorted(told(text)) == [
        'agent.line is text, 5 is not; write it like "NOT_READY"',
        'unknown fact "vipp"; did you mean "vip"?',
    ]


def test_each_problem_of_a_case_has_its_words() -> None:
    """Everything that is wrong with a file of cases comes at once, with line, case, key and fix."""
    text = (
        "other = 1\n[[case]]\n"
        '[[case]]\nname = "b"\nverdict = "permitted"\nreasons = "own-team"\nunknown = ["vip"]\nmising = []\n'
    )
    assert problems(text) == [
        'unknown key "other" (c.toml:1, other)\n  fix: one of: case, facts',
        "a case needs a name (c.toml:2, case number 1, name)\n  fix: say in a few words what it shows",
        "a case expects a verdict (c.toml:2, case number 1, verdict)\n  fix: one of: forbid, permit",
        "a case expects reasons (c.toml:2, case number 1, reasons)\n  fix: write the ids of the rules: reasons = [...]",
        'a case expects a verdict (c.toml:5, case b, verdict)\n  fix: did you mean "permit"?',
        'reasons is a list of texts (c.toml:6, case b, reasons)\n  fix: write it like ["one", "two"]',
        '"vip" is not given anyway (c.toml:7, case b, unknown)\n  fix: leave it out',
        'unknown key "mising" (c.toml:8, case b, mising)\n  fix: did you mean "missing"?',
    ]


@pytest.mark.parametrize("text", ["x = = 1", "case = 1", "facts = 1", GOOD + "facts = 1"])
def test_what_is_no_file_of_cases_is_refused(text: str) -> None:
    """A text that is not TOML, and facts or cases that are not tables, are problems."""
    assert len(problems(text)) == 1
