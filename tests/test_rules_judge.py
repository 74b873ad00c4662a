"""The fast judge against the naive one, and the properties of a verdict."""

from __future__ import annotations

from calendar import monthrange
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.domain.outcomes import RuleHit, RuleMiss, TestSeen, Verdict
from monitoring_core.rules.book import RuleBook
from monitoring_core.rules.cases import load_cases
from monitoring_core.rules.compile import days_in_month
from monitoring_core.rules.judge import judge
from monitoring_core.rules.load import load_book
from monitoring_core.testing.rulebooks import as_toml, book_text, declarations, facts, rule, without
from monitoring_core.testing.strategies import randoms
from tests.oracle.judge import NaiveBook

RULES = Path(__file__).parent.parent / "rules"
HEAD = '[[rule]]\nid = "one"\neffect = "permit"\nbecause = "so it is"\n'
FORBID = '[[rule]]\nid = "two"\neffect = "forbid"\nbecause = "no"\nerror = "Invalid State"\n'


def loaded(text: str) -> RuleBook:
    """The book of one text."""
    return load_book({"book.toml": text})


def summary(verdict: Verdict) -> dict[str, Any]:
    """A verdict in the words of the naive judge."""
    return {
        "permit": verdict.permit,
        "hits": [(hit.rule, hit.undecided) for hit in verdict.hits],
        "duties": list(verdict.duties),
    }


def permits(text: str, **known: Any) -> bool:
    """Whether one permit with `when` as in `text` permits; a double underscore stands for the dot."""
    book = loaded(f"{HEAD}when.{text}\n")
    return judge(
        book, {"request.mode": "silent", **{name.replace("__", "."): value for name, value in known.items()}}
    ).permit


@given(randoms)
def test_the_fast_judge_says_what_the_naive_one_says(random: Random) -> None:
    """On any book and facts, decision, deciding rules, their order, undecidedness and duties are the naive judge's."""
    text = book_text(random)
    book, naive = loaded(text), NaiveBook(text)
    for _ in range(5):
        seen = facts(random)
        assert summary(judge(book, seen)) == naive.judge(seen)


@given(randoms)
def test_order_does_not_matter(random: Random) -> None:
    """The same rules in another order, in several files, are the same book and give the same verdict."""
    rules = [rule(random, number) for number in range(5)]
    head, other = declarations(random), random.sample(rules, 5)
    first = loaded(head + as_toml(rules))
    second = load_book({"a.toml": as_toml(other[:2]), "b.toml": head + as_toml(other[2:])})
    seen = facts(random)
    assert judge(first, seen) == judge(second, seen)


@given(randoms)
def test_doubles_do_not_matter(random: Random) -> None:
    """The same rules twice, under other ids, permit and forbid the same with the same duties."""
    rules = [rule(random, number) for number in range(4)]
    head = declarations(random)
    once = loaded(head + as_toml(rules))
    twice = loaded(head + as_toml(rules + [{**one, "id": f"{one['id']}-again"} for one in rules]))
    seen = facts(random)
    first, second = judge(once, seen), judge(twice, seen)
    assert (first.permit, first.duties, first.missing) == (second.permit, second.duties, second.missing)


@given(randoms)
def test_one_forbid_beats_all_permits(random: Random) -> None:
    """Whatever else a book says, one more forbid that applies refuses, and is named."""
    text = book_text(random) + FORBID
    verdict = judge(loaded(text), facts(random) | {"request.mode": "silent"})
    assert not verdict.permit
    assert "two" in [hit.rule for hit in verdict.hits]


@given(randoms)
def test_without_a_permit_it_is_forbidden(random: Random) -> None:
    """A book whose permits are taken out permits nothing."""
    rules = [one for one in (rule(random, number) for number in range(6)) if one["effect"] != "permit"]
    assert not judge(loaded(declarations(random) + as_toml(rules)), facts(random)).permit


@given(randoms)
def test_removing_a_fact_never_turns_forbid_into_permit(random: Random) -> None:
    """Of what is refused, nothing is permitted once one fact less is known (where no default steps in for it)."""
    book = loaded(book_text(random))
    for _ in range(5):
        seen = facts(random)
        if not judge(book, seen).permit:
            for name in seen.keys() - book.defaults.keys():
                assert not judge(book, without(seen, name)).permit


@given(randoms)
def test_every_missing_fact_is_one_that_is_not_known(random: Random) -> None:
    """`missing` names only facts of the rules that are absent, of a wrong type, and without default."""
    book, naive_text = (loaded(text := book_text(random)), text)
    seen = facts(random)
    for name in judge(book, seen).missing:
        assert NaiveBook(naive_text).value(name, seen) is None


@given(randoms)
def test_an_undecided_rule_has_a_missing_fact(random: Random) -> None:
    """Where a deciding rule is undecided, a fact is named as missing."""
    verdict = judge(loaded(book_text(random)), facts(random))
    assert verdict.missing or not any(hit.undecided for hit in verdict.hits)


@given(st.randoms(use_true_random=False))
def test_layout_does_not_change_the_digest(random: Random) -> None:
    """Comments and blank lines leave the digest as it is."""
    text = book_text(random)
    assert loaded(text).digest == loaded("# a comment\n" + text.replace("\n", "\n\n")).digest


def test_a_word_of_a_reason_changes_the_digest() -> None:
    """The digest covers what the supervisor reads."""
    assert loaded(HEAD).digest != loaded(HEAD.replace("so", "because so")).digest


def test_the_digest_is_the_same_in_every_process() -> None:
    """The digest of a small book is a literal that no hash seed or version of Python changes."""
    assert loaded(HEAD).digest == "0c9be9566e8a62d4dde53a0164d42bcf37c63fe966438e9f8c737a22148e5a3d"


@pytest.mark.parametrize(
    ("text", "known", "outcome"),
    [
        ('agent.state = { is = "READY" }', {"agent__state": "READY"}, True),
        ('agent.state = { is_not = "READY" }', {"agent__state": "READY"}, False),
        ('agent.state = { is_not = "READY" }', {}, False),
        ('agent.state = { is_not = "READY" }', {"agent__state": 5}, False),
        ('agent.line = { in = ["held", "idle"] }', {"agent__line": "held"}, True),
        ("call.parties = { below = 3 }", {"call__parties": 2}, True),
        ("call.parties = { below = 3 }", {"call__parties": 3}, False),
        ("call.parties = { below = 3 }", {"call__parties": float("nan")}, False),
        ("call.parties = { below = 3 }", {"call__parties": float("-inf")}, False),
        ("call.parties = { below = 3 }", {"call__parties": True}, False),
        ("call.parties = { at_least = 3 }", {"call__parties": 3}, True),
        ("call.parties = { at_least = 2, below = 4 }", {"call__parties": 4}, False),
        ('agent.sessions = { below = "limits.per_agent" }', {"agent__sessions": 1, "limits__per_agent": 2}, True),
        ('agent.sessions = { below = "limits.per_agent" }', {"agent__sessions": 1}, False),
        ('agent.sessions = { below = "limits.per_agent" }', {"limits__per_agent": 1.5, "agent__sessions": 1.5}, False),
        ('agent.person = { same_as = "supervisor.person" }', {"agent__person": "7", "supervisor__person": "7"}, True),
        (
            'agent.teams = { same_as = "supervisor.teams" }',
            {"agent__teams": (), "supervisor__teams": frozenset()},
            True,
        ),
        ('agent.person = { member_of = "agent.teams" }', {"agent__person": "7", "agent__teams": ("7",)}, True),
        ('agent.teams = { overlaps = "supervisor.teams" }', {"agent__teams": (), "supervisor__teams": ("a",)}, False),
        (
            'agent.teams = { within = "supervisor.teams" }',
            {"agent__teams": ("a",), "supervisor__teams": ("a", "b")},
            True,
        ),
        ('agent.roles = { overlaps = ["Agent"] }', {"agent__roles": frozenset(("Agent", "x"))}, True),
        ('agent.roles = { within = ["Agent"] }', {"agent__roles": frozenset(("Agent", "x"))}, False),
        ('agent.roles = { within = ["Agent"] }', {"agent__roles": ("Agent", 5)}, False),
        ('site.local_time = { between = ["08:00", "18:00"] }', {"site__local_time": "08:00"}, True),
        ('site.local_time = { between = ["08:00", "18:00"] }', {"site__local_time": "18:00:00"}, False),
        ('site.local_time = { between = ["08:00", "18:00"] }', {"site__local_time": "17:59:59"}, True),
        ('site.local_time = { between = ["22:00", "06:00"] }', {"site__local_time": "05:59"}, True),
        ('site.local_time = { between = ["22:00", "06:00"] }', {"site__local_time": "22:00"}, True),
        ('site.local_time = { between = ["22:00", "06:00"] }', {"site__local_time": "12:00"}, False),
        ('site.local_time = { between = ["22:00", "06:00"] }', {"site__local_time": "24:00"}, False),
        ('site.local_time = { at_least = "09:00:00" }', {"site__local_time": "09:00"}, True),
        ('site.date = { in = ["2025-12-25", 2025-12-26] }', {"site__date": "2025-12-26"}, True),
        ('site.date = { is_not = "2025-12-25" }', {"site__date": "2025-02-29"}, False),
        ('site.date = { is_not = "2025-12-25" }', {"site__date": "0000-01-01"}, False),
        ('site.date = { is_not = "2025-12-25" }', {"site__date": "tomorrow"}, False),
        ('site.date = { is_not = "2025-12-25" }', {"site__date": "2000-02-29"}, True),
        ('site.date = { is_not = "2025-12-25" }', {"site__date": "1900-02-29"}, False),
        ("agent.state = { known = true }", {"agent__state": "READY"}, True),
        ("agent.state = { known = true }", {}, False),
    ],
)
def test_each_test_means_what_the_page_says(text: str, known: dict[str, Any], outcome: bool) -> None:  # noqa: FBT001
    """A permit with that one test permits exactly when the test holds; what has not its fact's type is not known."""
    assert permits(text, **known) is outcome


def test_a_permit_names_every_permit_with_its_facts() -> None:
    """A permit's verdict has every permit that applied, with the values that it saw, sets as sorted tuples."""
    book = loaded(HEAD + 'when.agent.teams = { overlaps = ["b", "a"] }\n' + HEAD.replace("one", "another"))
    verdict = judge(book, {"request.mode": "silent", "agent.teams": frozenset(("b", "a"))})
    assert verdict == Verdict(
        permit=True,
        book=book.digest,
        hits=(
            RuleHit("another", "permit", "so it is"),
            RuleHit("one", "permit", "so it is", facts={"agent.teams": ("a", "b")}),
        ),
    )


def test_a_refusal_lists_met_forbids_before_undecided_ones() -> None:
    """Forbids come met before undecided, then by id, each with error and values."""
    late = FORBID.replace("two", "z") + "when.call.parties = { at_least = 3 }\n"
    book = loaded(HEAD + FORBID + 'when.agent.state = { is = "READY" }\n' + late)
    verdict = judge(book, {"request.mode": "silent", "call.parties": 3})
    assert verdict.hits == (
        RuleHit("z", "forbid", "no", "Invalid State", facts={"call.parties": 3}),
        RuleHit("two", "forbid", "no", "Invalid State", undecided=True, facts={"agent.state": None}),
    )
    assert verdict.missing == ("agent.state",)


def test_a_missing_permit_tells_which_tests_failed() -> None:
    """Where no permit applied, each is listed with the tests that failed and the `unless` that may lift it."""
    book = loaded(
        HEAD + 'error = "Invalid Supervisor"\n'
        'when.agent.teams = { overlaps = "supervisor.teams" }\nwhen.call.parties = { below = 3 }\n'
        'unless.agent.state = { is = "READY" }\n'
        + HEAD.replace("one", "zero")
        + "unless.call.parties = { below = 3 }\n"
    )
    verdict = judge(book, {"request.mode": "silent", "agent.teams": ("z", "y"), "call.parties": 2})
    assert verdict.misses == (
        RuleMiss(
            "one",
            "so it is",
            (
                TestSeen("agent.teams", "overlaps supervisor.teams", ("y", "z"), None),
                TestSeen("agent.state", 'unless is "READY"'),
            ),
            "Invalid Supervisor",
        ),
        RuleMiss("zero", "so it is", (TestSeen("call.parties", "unless below 3", 2),)),
    )
    assert verdict.missing == ("agent.state", "supervisor.teams")


def test_an_unless_that_cannot_lift_is_not_told() -> None:
    """An alternative of `unless` that is false is no reason of a missing permit; its unknown facts do not matter."""
    text = 'when.agent.state = { is = "READY" }\nunless.call.parties = { below = 3 }\nunless.call.type = { is = "x" }\n'
    verdict = judge(loaded(HEAD + text), {"request.mode": "silent", "call.parties": 5})
    assert [seen.fact for seen in verdict.misses[0].tests] == ["agent.state"]
    assert verdict.missing == ("agent.state",)


def test_with_a_permit_that_applied_no_permit_is_missed() -> None:
    """A forbid's verdict lists no misses where some permit applied."""
    text = HEAD + FORBID + HEAD.replace("one", "never") + 'when.agent.state = { is = "READY" }\n'
    assert not judge(loaded(text), {"request.mode": "silent"}).misses


def test_a_fact_that_a_rule_asks_to_be_known_is_missing() -> None:
    """A forbid that applies because a fact is not known names that fact as missing, though nothing is undecided."""
    verdict = judge(loaded(FORBID + "unless.agent.person = { known = true }\n"), {"request.mode": "silent"})
    assert verdict.missing == ("agent.person",)
    assert not verdict.hits[0].undecided


def test_an_undecided_duty_applies() -> None:
    """A require that a missing fact leaves undecided counts, and the permit names the fact."""
    require = '[[rule]]\nid = "r"\neffect = "require"\nduty = "tone"\nbecause = "x"\n'
    book = loaded(HEAD + require + "unless.call.parties = { below = 3 }\n")
    verdict = judge(book, {"request.mode": "silent"})
    assert (verdict.permit, verdict.duties, verdict.missing) == (True, ("tone",), ("call.parties",))
    assert book.duties == ("tone",)


def test_a_rule_without_to_is_for_every_mode() -> None:
    """A rule that names no mode counts for each; one that names some counts for those only."""
    every, some = loaded(HEAD), loaded(HEAD + 'to = ["barge", "whisper"]\n')
    modes = ("silent", "whisper", "barge", "take_over")
    assert [judge(every, {"request.mode": mode}).permit for mode in modes] == [True] * 4
    assert [judge(some, {"request.mode": mode}).permit for mode in modes] == [False, True, True, False]


def test_a_mode_that_is_not_known_is_refused() -> None:
    """Without a mode, or with one that does not exist, nothing is permitted; the missing mode is named."""
    book = loaded(HEAD)
    assert judge(book, {}).missing == ("request.mode",)
    assert not judge(book, {"request.mode": "loud"}).permit


def test_a_declared_default_steps_in() -> None:
    """A declared fact that is not known has its default, one that is known has its own value."""
    text = '[facts.consent]\ntype = "flag"\nmeaning = "he agreed"\ndefault = true\n'
    book = loaded(text + HEAD + "when.consent = { is = true }\n")
    assert judge(book, {"request.mode": "silent"}).hits[0].facts == {"consent": True}
    assert not judge(book, {"request.mode": "silent", "consent": False}).permit


def test_the_default_book_permits_and_tells_every_value() -> None:
    """The default book permits its cases' starting facts and shows both teams, each as a sorted tuple."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in RULES.glob("*.toml")}
    case = load_cases("c", texts["eligibility.cases.toml"])[0]
    known = {name: frozenset(value) if isinstance(value, list) else value for name, value in case.facts.items()}
    verdict = judge(load_book(texts), known)
    assert verdict.hits[0].facts == {"agent.teams": ("sales",), "supervisor.teams": ("sales", "service")}


@pytest.mark.parametrize("year", [1900, 2000, 2023, 2024])
def test_a_month_has_the_days_of_the_calendar(year: int) -> None:
    """Every month, of leap years and others, has as many days as the standard library says."""
    assert [days_in_month(year, month) for month in range(1, 13)] == [
        monthrange(year, month)[1] for month in range(1, 13)
    ]
