"""What would have permitted it: against brute force, and one by one."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given

from monitoring_core.rules.book import RuleBook
from monitoring_core.rules.candidates import candidates
from monitoring_core.rules.cases import load_cases
from monitoring_core.rules.judge import judge
from monitoring_core.rules.load import load_book
from monitoring_core.rules.remedy import Change, what_would_permit
from monitoring_core.testing.rulebooks import CHOICES, DECLARED, as_toml, declarations, facts, rule
from monitoring_core.testing.strategies import randoms
from tests.oracle.remedy import Judge, remedies

RULES = Path(__file__).parent.parent / "rules"
REFUSALS = 10_000
HEAD = '[[rule]]\nid = "one"\neffect = "permit"\nbecause = "so it is"\n'
EVERY: dict[str, tuple[Any, ...]] = {
    "text": ("a", "b", "c", "d"),
    "flag": (True, False),
    "number": (-1, 0, 0.5, 1, 1.5, 2, 2.25, 2.5, 3),
    "set": tuple(map(frozenset, ("", "a", "b", "c", "d", "ab", "ac", "bc", "ad", "abc", "bcd", "abcd"))),
    "time": (
        "00:00:00",
        "07:59:59",
        "08:00:00",
        "08:00:15",
        "08:00:30",
        "10:00:00",
        "12:00:00",
        "13:00:00",
        "23:59:59",
    ),
    "date": ("2024-02-28", "2024-02-29", "2024-06-01", "2024-12-31", "2025-01-01", "2025-01-02", "2020-01-01"),
}


def small_book(random: Random) -> RuleBook:
    """A book of up to four rules on up to four facts (and those that they are compared with)."""
    named = tuple(random.sample(DECLARED, 4))
    rules = [rule(random, number, named) for number in range(random.randint(1, 4))]
    return load_book({"book.toml": declarations(random) + as_toml(rules)})


def as_changes(book: RuleBook, seen: dict[str, Any]) -> list[dict[str, Any]]:
    """The answer as dicts; sets as the rules take them."""
    return [
        {one.fact: frozenset(one.value) if isinstance(one.value, tuple) else one.value for one in remedy}
        for remedy in what_would_permit(book, seen)
    ]


@pytest.mark.search
@pytest.mark.parametrize("seed", range(4))
def test_ten_thousand_refusals_against_brute_force(seed: int) -> None:
    """For 10,000 generated refusals (in four parts) the answer is brute force's: the same smallest sets and values."""
    random, checked, answered = Random(seed), 0, [0, 0, 0, 0]
    while checked < REFUSALS / 4:
        book = small_book(random)
        brute = Judge(book)
        for _ in range(40):
            seen = {**book.defaults, **facts(random)}
            if brute.permits(seen):
                continue
            found = as_changes(book, seen)
            assert found == remedies(brute, seen, candidates(book, seen))
            checked += 1
            answered[len(found[0]) if found else 0] += 1
    assert min(answered) > REFUSALS / 1_000  # each size, and "nothing would", was really met


@given(randoms)
def test_what_is_offered_permits(random: Random) -> None:
    """Every answer, applied to the facts, is a permit, and none of its changes can be left out."""
    book, seen = small_book(random), facts(random)
    for changes in as_changes(book, seen):
        assert judge(book, {**seen, **changes}).permit
        for name in changes:
            fewer = {other: value for other, value in changes.items() if other != name}
            assert not judge(book, {**seen, **fewer}).permit


@given(randoms)
def test_no_single_change_is_overlooked(random: Random) -> None:
    """If any value at all of one changeable fact permits, that fact is among the answers."""
    book, seen = small_book(random), facts(random)
    if judge(book, seen).permit:
        return
    alone = [
        fact.name
        for fact in book.catalogue.values()
        if fact.name in book.declared and fact.changeable
        if any(judge(book, {**seen, fact.name: value}).permit for value in EVERY[fact.type])
    ]
    offered = [next(iter(changes)) for changes in as_changes(book, seen) if len(changes) == 1]
    assert set(alone) <= set(offered)


def default_book() -> tuple[RuleBook, dict[str, Any]]:
    """The default book, and facts that it permits."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in RULES.glob("*.toml")}
    case = load_cases("cases", texts["eligibility.cases.toml"])[0]
    known = {name: frozenset(value) if isinstance(value, list) else value for name, value in case.facts.items()}
    return load_book(texts), known


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({"agent.line": "held"}, (((Change("agent.line", "held", "connected")),),)),
        ({"agent.sessions": 1}, ((Change("agent.sessions", 1, 0),),)),
        (
            {"agent.teams": frozenset(("billing",))},
            (
                (Change("agent.teams", ("billing",), ("billing", "sales")),),
                (Change("supervisor.teams", ("sales", "service"), ("billing", "sales", "service")),),
            ),
        ),
        (
            {"agent.line": "idle", "supervisor.state": "READY"},
            ((Change("agent.line", "idle", "connected"), Change("supervisor.state", "READY", "NOT_READY")),),
        ),
        ({"request.user": "somebody else"}, ()),
        ({"request.mode": "barge"}, ((Change("request.mode", "barge", "silent"),),)),
        ({}, ()),
    ],
)
def test_the_default_book_says_what_would_have_permitted(changed: dict[str, Any], answer: object) -> None:
    """Each refusal has its smallest changes; who asks, and on which extension, cannot be changed."""
    book, known = default_book()
    assert what_would_permit(book, {**known, **changed}) == answer


def test_more_than_three_changes_are_no_answer() -> None:
    """Where four facts would have to be otherwise, nothing is offered."""
    book, known = default_book()
    wrong: dict[str, Any] = {
        "agent.line": "held",
        "agent.sessions": 1,
        "supervisor.state": "READY",
        "agent.signed_in": False,
    }
    assert what_would_permit(book, {**known, **wrong}) == ()


def test_the_search_has_a_limit() -> None:
    """A search that may judge only so often stops with what it has."""
    book, known = default_book()
    assert what_would_permit(book, {**known, "agent.line": "held"}, tries_max=2) == ()


def offered(declared: str, when: str, **known: Any) -> list[Any]:
    """What is offered for the one declared fact `it` so that the permit's test `when` holds."""
    head = f'[facts.it]\ntype = "{declared}"\nmeaning = "made up"\n'
    book = load_book({"book.toml": f"{head}{HEAD}when.it = {{ {when} }}\n"})
    return [remedy[0].value for remedy in what_would_permit(book, {"request.mode": "silent", **known})]


@pytest.mark.parametrize(
    ("declared", "when", "known", "value"),
    [
        ("flag", "is = true", {}, True),
        ("text", 'is_not = "x"', {"it": "x"}, "something else"),
        ("text", 'is_not = "something else"', {"it": "something else"}, "something else'"),
        ("number", "at_least = 3", {"it": 1}, 3),
        ("number", "below = 3", {"it": 3}, 2),
        ("number", "at_least = 3, below = 4, is_not = 3", {"it": 3}, 3.5),
        ("number", "at_least = 1000, below = 1001, is_not = 1000", {"it": 1000}, 1000.5),
        ("number", f"at_least = {10**400}, is_not = {10**400}", {}, 10**400 + 1),
        ("time", 'below = "00:00:30"', {"it": "00:00:30"}, "00:00:29"),
        ("time", 'below = "12:34:56"', {"it": "12:34:56"}, "12:34:55"),
        ("time", 'between = ["23:59:59", "00:00:00"], is_not = "23:59:58"', {}, "23:59:59"),
        ("date", 'below = "2024-03-01"', {}, "2024-02-29"),
        ("date", 'below = "2024-01-01"', {}, "2023-12-31"),
        ("date", 'at_least = "2024-12-31", is_not = "2024-12-31"', {}, "2025-01-01"),
        ("date", 'at_least = "2024-02-28", is_not = "2024-02-28"', {}, "2024-02-29"),
        ("date", 'at_least = "2024-01-31", is_not = "2024-01-31"', {}, "2024-02-01"),
        ("date", 'at_least = "2023-02-28", is_not = "2023-02-28"', {}, "2023-03-01"),
        ("set", 'overlaps = ["x"]', {"it": ("y",)}, ("x", "y")),
        ("set", 'within = ["x", "y"]', {"it": ("x", "z")}, ("x",)),
    ],
)
def test_each_type_has_a_value_to_offer(declared: str, when: str, known: dict[str, Any], value: object) -> None:
    """Constants, the gaps between them and one fresh value are tried; for sets, one element more and what is common."""
    assert offered(declared, when, **known) == [value]


@pytest.mark.parametrize(("declared", "value"), [("date", "0001-01-01"), ("date", "9999-12-31")])
def test_the_calendar_has_ends(declared: str, value: str) -> None:
    """Nothing before the first and after the last date is offered."""
    assert offered(declared, f'is_not = "{value}"', it=value) in [["9999-12-30"], ["0001-01-02"]]


@pytest.mark.parametrize("declared", ["number", "time", "date"])
def test_two_facts_that_are_not_known_can_be_made_equal(declared: str) -> None:
    """Where neither of two compared facts is known, some value is offered for both."""
    head = "".join(f'[facts.{name}]\ntype = "{declared}"\nmeaning = "made up"\n' for name in ("this", "that"))
    book = load_book({"book.toml": f'{head}{HEAD}when.this = {{ same_as = "that" }}\n'})
    ((first, second),) = what_would_permit(book, {"request.mode": "silent"})
    assert first.value == second.value


def test_a_number_between_huge_ones_is_not_sought() -> None:
    """Between neighbouring whole numbers too large for fractions no value is tried, and none fails to be made."""
    least = 10**400
    assert offered("number", f"at_least = {least}, below = {least + 1}, is_not = {least}") == []


def test_values_reach_facts_through_a_chain_of_comparisons() -> None:
    """A value that a rule has for one fact is tried for all that are compared with it, also by way of another."""
    names = ("first", "second", "third")
    head = "".join(f'[facts.{name}]\ntype = "text"\nmeaning = "made up"\n' for name in names)
    chain = (
        'when.first = { same_as = "second" }\nwhen.second = { same_as = "third" }\nunless.first = { is_not = "x" }\n'
    )
    (remedy,) = what_would_permit(load_book({"b.toml": head + HEAD + chain}), {"request.mode": "silent"})
    assert remedy == tuple(Change(name, None, "x") for name in names)


def test_a_set_may_need_two_elements_more() -> None:
    """Where a set lacks two elements that different facts name, both are offered together."""
    tests = 'when.agent.person = { member_of = "it" }\nwhen.supervisor.person = { member_of = "it" }\n'
    book = load_book({"b.toml": '[facts.it]\ntype = "set"\nmeaning = "made up"\n' + HEAD + tests})
    known = {"request.mode": "silent", "agent.person": "1", "supervisor.person": "2"}
    assert what_would_permit(book, known) == ((Change("it", None, ("1", "2")),),)


def test_another_mode_is_offered_where_the_permit_is_for_that() -> None:
    """Who asks to listen silently where only whispering is permitted is told so."""
    book = load_book({"b.toml": HEAD + 'to = "whisper"\n'})
    assert what_would_permit(book, {"request.mode": "silent"}) == ((Change("request.mode", "silent", "whisper"),),)


def test_another_mode_is_offered_where_a_rule_tests_the_mode() -> None:
    """The same where the mode stands among the tests of a rule that is for every mode."""
    forbid = HEAD.replace("permit", "forbid").replace("one", "two") + 'when.request.mode = { is = "silent" }\n'
    book = load_book({"b.toml": HEAD + forbid})
    assert what_would_permit(book, {"request.mode": "silent"}) == ((Change("request.mode", "silent", "whisper"),),)


def test_elements_that_no_rule_tells_apart_count_as_one() -> None:
    """Of two teams that no rule names, one stands for both: leaving only the other is not tried besides."""
    book = load_book({"b.toml": HEAD + 'when.agent.teams = { overlaps = ["a"] }\n'})
    tried = candidates(book, {"request.mode": "silent", "agent.teams": frozenset("bc")})["agent.teams"]
    assert frozenset("b") in tried
    assert frozenset("c") not in tried


@pytest.mark.parametrize("test", ["below = 0", "at_least = 1, below = 2, is_not = 1"])
def test_counts_are_whole_and_not_negative(test: str) -> None:
    """For a built-in number no value is offered that no count can have."""
    book = load_book({"book.toml": f"{HEAD}when.call.parties = {{ {test} }}\n"})
    assert what_would_permit(book, {"request.mode": "silent", "call.parties": 1}) == ()


def test_choices_stay_inside_the_small_world() -> None:
    """The values that generated rules use are among those tried above, so that nothing is overlooked unnoticed."""
    for kind in ("text", "flag", "number", "date"):
        assert set(CHOICES[kind]) <= set(EVERY[kind])
