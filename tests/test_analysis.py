"""What can be said of rule books without any request: against brute force, and one by one."""

from __future__ import annotations

import json
from collections import Counter
from itertools import combinations, pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings

from monitoring_core.analysis import Difference, NotDecidedError, difference, findings
from monitoring_core.domain.facts import Fact
from monitoring_core.domain.settings import Limits
from monitoring_core.files import load_rules
from monitoring_core.rules.book import RuleBook
from monitoring_core.rules.judge import judge
from monitoring_core.rules.load import load_book, places
from monitoring_core.testing.rulebooks import DECLARED, as_toml, book_text, facts, literal, rule
from monitoring_core.testing.strategies import randoms
from tests.oracle.analysis import BruteForce, differ
from tests.oracle.judge import NaiveBook

SEARCHED = 40
PERMIT = '[[rule]]\nid = "{}"\neffect = "permit"\nbecause = "so it is"\n'
FORBID = '[[rule]]\nid = "{}"\neffect = "forbid"\nbecause = "no"\n'
REQUIRE = '[[rule]]\nid = "{}"\neffect = "require"\nduty = "{}"\nbecause = "so that he hears it"\n'

# Worlds of few facts, and for each type enough values that whatever rules can tell apart is among them.


def _subsets(elements: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(some) for size in range(len(elements) + 1) for some in combinations(elements, size))


CLOSED: dict[str, tuple[Any, ...]] = {"text": tuple("abcd"), "set": _subsets("abcd")}
OPEN: dict[str, tuple[Any, ...]] = {
    "text": tuple("abcde"),
    "flag": (True, False),
    "number": (-2, -1, 0, 0.3, 0.6, 1, 1.3, 1.6, 2, 2.2, 2.4, 2.5, 3, 4),
    "set": _subsets("abcdef"),
    "time": (
        *(f"{hour}:00" for hour in "00 07 08 09 10 12 13 14".split()),
        *(f"08:00:{n}0" for n in "123"),
        "23:59:59",
    ),
    "date": (
        *(f"2024-{day}" for day in "01-01 01-02 02-28 02-29 05-01 06-01 12-31".split()),
        *(f"2025-0{n}-01" for n in "123"),
    ),
}
SMALL = (("text.one", "text.two", "flag.one"), ("flag.one", "flag.two", "number.one"), ("date.one", "date.two"))
LARGE = (
    ("set.one", "set.two"),
    ("text.one", "text.two", "set.one"),
    ("text.one", "set.one", "set.two"),
    ("number.one", "number.two"),
    ("number.one", "flag.one", "text.one"),
    ("time.one", "time.two"),
)
ALWAYS_CLOSED = LARGE[2]
"""Of a text and two sets brute force could not try all that is new to them."""


class World:
    """Some declared facts, closed or with a default by chance, and rules on them."""

    def __init__(self, random: Random, names: tuple[str, ...]) -> None:
        self.random, self.lines = random, list[str]()
        self.facts = tuple(fact for fact in DECLARED if fact.name in names)
        self.values = {fact.name: self._declared(fact, closed=names == ALWAYS_CLOSED) for fact in self.facts}

    def _declared(self, fact: Fact, *, closed: bool) -> tuple[Any, ...]:
        """What the fact may be: with a default, something of another type, too, as only so it is not known."""
        closed = fact.type in CLOSED and (closed or self.random.random() < 0.3)
        self.lines += [f"[facts.{fact.name}]", f'type = "{fact.type}"', 'meaning = "made up"']
        self.lines += ['values = ["a", "b", "c", "d"]'] * closed
        values = (CLOSED if closed else OPEN)[fact.type]
        if self.random.random() < 0.3:
            self.lines.append(f"default = {json.dumps(literal(self.random, fact.type))}")
            return (*values, 0 if fact.type == "text" else "odd")
        return values

    def rule(self, number: int) -> dict[str, Any]:
        """A rule that reads no other facts."""
        others = {fact.name for fact in DECLARED} - {fact.name for fact in self.facts}
        while True:
            made = rule(self.random, number, self.facts)
            tables = [tests for table in (made["when"], *made["unless"]) for tests in table.values()]
            if others.isdisjoint(raw for tests in tables for raw in tests.values() if isinstance(raw, str)):
                break
        if self.random.random() < 0.6:
            made["to"] = ["silent"]
        if made["effect"] != "require" and self.random.random() < 0.4:
            made["error"] = self.random.choice("EF")
        return made

    def rules(self) -> list[dict[str, Any]]:
        """Up to five."""
        return [self.rule(number) for number in range(self.random.randint(1, 5))]

    def others(self, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Nearly the same: a rule more, or less, or instead, and maybe all under other ids."""
        way, other = self.random.randrange(4), list(rules)
        if way:
            other.pop(self.random.randrange(len(other)))
        if way != 1:
            other.append(self.rule(9))
        return [{**one, "id": f"other-{one['id']}"} for one in other] if way == 3 else other

    def text(self, rules: list[dict[str, Any]]) -> str:
        """As a rule file."""
        return "\n".join(self.lines) + "\n" + as_toml(rules)


def loaded(text: str) -> RuleBook:
    """The book of one text."""
    return load_book({"book.toml": text})


def check_findings(world: World) -> list[str]:
    """That brute force finds the same odd; what it found."""
    text = world.text(world.rules())
    found, brute = {one.rule: one for one in findings(loaded(text))}, BruteForce(text, world.values)
    assert {key: one.kind for key, one in found.items()} == {
        key: kind for key in brute.rules if (kind := brute.kind(key))
    }
    for one in found.values():
        assert not one.by or brute.always_with(one.rule, one.by, "forbid" if one.kind == "covered" else "")
    return [one.kind for one in found.values()]


def check_difference(world: World) -> bool:
    """That brute force finds one, too, or none either; whether there is one."""
    rules = world.rules()
    texts = [world.text(rules), world.text(world.others(rules))]
    found = difference(loaded(texts[0]), loaded(texts[1]))
    brutes = [BruteForce(text, world.values) for text in texts]
    assert differ(brutes[0], brutes[1]) is (found is not None)
    if found:
        really_differ(found, texts)
    return found is not None


def really_differ(found: Difference, texts: list[str]) -> None:
    """That both judges, the fast and the naive one, judge the request differently, and so only with every fact."""
    assert found.verdicts == tuple(judge(loaded(text), found.facts) for text in texts)
    said = [told(text, found.facts) for text in texts]
    assert said[0][:2] != said[1][:2]
    for name in found.facts.keys() - {"request.mode"}:
        fewer = {other: value for other, value in found.facts.items() if other != name}
        assert [told(text, fewer) for text in texts] != said


def told(text: str, seen: dict[str, Any]) -> tuple[object, ...]:
    """What the naive judge says of a request: the word, the duties, and by which rules."""
    known = {name: (value,) for name, value in seen.items() if name != "request.mode"}
    word, duties, _ = BruteForce(text, known).answer(-1, seen["request.mode"])
    verdict, naive = judge(loaded(text), seen), NaiveBook(text).judge(seen)
    assert (verdict.permit, verdict.duties) == (naive["permit"], tuple(naive["duties"])) == (word == "allowed", duties)
    return word, duties, naive["hits"]


@settings(max_examples=30)
@given(randoms)
def test_what_is_odd_is_what_brute_force_finds(random: Random) -> None:
    """On small worlds every finding is true for all values, and of every other rule there is a case that it decides."""
    check_findings(World(random, random.choice(SMALL)))


@settings(max_examples=30)
@given(randoms)
def test_books_differ_where_brute_force_finds_a_difference(random: Random) -> None:
    """On small worlds a difference is one for both judges, and books that are called equivalent differ nowhere."""
    check_difference(World(random, random.choice(SMALL)))


@pytest.mark.search
@pytest.mark.parametrize("names", [*SMALL, *LARGE], ids="-".join)
def test_oddities_of_many_books(names: tuple[str, ...]) -> None:
    """On larger worlds, too, with sets, texts in sets, numbers and times that are compared, and every kind is met."""
    found = Counter(kind for seed in range(SEARCHED) for kind in check_findings(World(Random(seed), names)))
    assert found.keys() == {"never_applies", "never_met", "covered", "implied", "never_decides"}


@pytest.mark.search
@pytest.mark.parametrize("names", [*SMALL, *LARGE], ids="-".join)
def test_differences_of_many_books(names: tuple[str, ...]) -> None:
    """The same of differences; both answers are met."""
    found = Counter(check_difference(World(Random(seed), names)) for seed in range(SEARCHED // 2))
    assert min(found[True], found[False]) > 1


@settings(max_examples=50)
@given(randoms)
def test_what_is_equivalent_is_judged_alike(random: Random) -> None:
    """Books over all facts that are called equivalent say the same of any facts; doubled rules in another order are."""
    text = book_text(random, most=4)
    rules = [one for one in text.split("[[rule]]\n")[1:] if random.random() < 0.8]
    head = text.partition("[[rule]]\n")[0]
    other = head + "".join(f"[[rule]]\n{one}" for one in rules)
    if difference(loaded(text), loaded(other)) is None:
        again = Random(random.random())
        for _ in range(50):
            seen = {"request.mode": "silent"} | facts(again)
            first, second = (judge(loaded(one), seen) for one in (text, other))
            assert (first.permit, first.duties) == (second.permit, second.duties)
    twice = other + "".join(f"[[rule]]\n{one}".replace('id = "', 'id = "again-') for one in reversed(rules))
    assert difference(loaded(other), loaded(twice)) is None


# The packaged books

PACKAGED = (None, "cce", "ccx")


@pytest.mark.parametrize("name", PACKAGED)
def test_no_packaged_rule_is_for_nothing(name: str | None) -> None:
    """Every rule of the packaged books decides something, or is there for the error that goes out."""
    assert findings(load_rules(name).book) == ()


@pytest.mark.parametrize(
    ("names", "hits"),
    [
        ((None, "cce"), ("own-team", "absent-from-address")),
        ((None, "ccx"), ("own-team", "absent-from-address")),
        (("ccx", "cce"), ("own-team", "target-hold-or-not-ready")),
        ((None, None), ()),
        (("cce", "cce"), ()),
        (("ccx", "ccx"), ()),
    ],
)
def test_the_packaged_books_are_not_alike(names: tuple[str | None, str | None], hits: tuple[str, ...]) -> None:
    """Each judges as itself, and each pair differs by a request that the one permits and the other forbids for sure."""
    found = difference(load_rules(names[0]).book, load_rules(names[1]).book)
    assert tuple(hit.rule for verdict in (found.verdicts if found else ()) for hit in verdict.hits) == hits
    assert not any(hit.undecided for verdict in (found.verdicts if found else ()) for hit in verdict.hits)


# One by one


def kinds(text: str, **limits: int) -> dict[str, str]:
    """The kind of each finding, by rule."""
    return {one.rule: one.kind for one in findings(loaded(text), Limits(**limits))}


def declared(kind: str, *more: str, name: str = "it") -> str:
    """The declaration of one fact."""
    return "\n".join([f"[facts.{name}]", f'type = "{kind}"', 'meaning = "made up"', *more, ""])


ANY = PERMIT.format("any")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (PERMIT.format("a") + 'when.call.type = { is = "x", is_not = "x" }\n', {"a": "never_applies"}),
        (ANY + FORBID.format("a") + 'when.call.type = { is = "x", in = ["y"] }\n', {"a": "never_met"}),
        (ANY + FORBID.format("a") + 'when.call.type = { is = "x" }\n', {}),
        (
            ANY
            + FORBID.format("a")
            + 'when.call.type = { in = ["x", "y"] }\n'
            + FORBID.format("b")
            + 'when.call.type = { is = "x" }\n',
            {"b": "implied"},
        ),
        (ANY + PERMIT.format("b") + 'when.call.type = { is = "x" }\n', {"b": "implied"}),
        (
            PERMIT.format("a")
            + 'when.call.type = { is = "x" }\n'
            + FORBID.format("b")
            + 'unless.call.type = { is_not = "x" }\n',
            {"a": "covered"},
        ),
        (
            PERMIT.format("a")
            + 'when.call.type = { is = "x" }\n'
            + FORBID.format("b")
            + 'unless.call.type = { is = "x" }\n',
            {"b": "never_decides"},
        ),
        (
            PERMIT.format("a")
            + 'when.call.type = { is = "x" }\n'
            + FORBID.format("b")
            + 'error = "Invalid State"\nunless.call.type = { is = "x" }\n',
            {},
        ),
        (
            ANY
            + REQUIRE.format("a", "tone")
            + REQUIRE.format("b", "tone")
            + "when.agent.calls = { below = 2 }\n"
            + REQUIRE.format("c", "agent_notice")
            + "when.agent.calls = { below = 2 }\n",
            {"b": "implied"},
        ),
        (FORBID.format("a") + 'when.call.type = { is = "x" }\n', {}),
        ("", {}),
    ],
)
def test_each_kind_of_oddity(text: str, found: dict[str, str]) -> None:
    """Contradictions, rules that others imply or cover, and those that something else always decides are found."""
    assert kinds(text) == found


@pytest.mark.parametrize(
    ("errors", "found"),
    [(("E", "F"), {}), (("E", "E"), {"a": "implied"}), (("", "E"), {}), (("E", ""), {})],
)
def test_a_forbid_may_be_there_for_its_error(errors: tuple[str, str], found: dict[str, str]) -> None:
    """A narrower forbid with another error that goes out first is for something; with the same error it is not."""
    first, second = (f'error = "{error}"\n' if error else "" for error in errors)
    narrow = FORBID.format("a") + first + 'when.call.type = { is = "x" }\n'
    wide = FORBID.format("b") + second + 'when.call.type = { in = ["x", "y"] }\n'
    assert kinds(ANY + narrow + wide) == found
    assert kinds(ANY + (narrow + wide).replace('"b"', '"0"')) == {"a": "implied"}


def test_a_forbid_may_be_there_to_forbid_for_sure() -> None:
    """A forbid that is met where the wider one is not decidable is for something: a running session is ended by it."""
    wide = FORBID.format("a") + "when.call.held = { is = true }\n"
    sure = FORBID.format("b") + "when.call.held = { known = false }\n"
    assert kinds(ANY + wide + sure) == {}
    may = PERMIT.format("p") + "when.call.held = { is = false }\n"
    assert kinds(may + FORBID.format("c") + "when.call.held = { known = false }\n") == {}
    assert kinds(ANY + wide + FORBID.format("b") + "when.call.held = { is = true }\n") == {
        "a": "implied",
        "b": "implied",
    }


NEITHER_WITHIN = '! agent.roles: within = "agent.teams"; ! agent.teams: within = "agent.roles"'
VALUES: tuple[tuple[str, str], ...] = (
    ("agent.sessions: below = 0", "never_met"),
    ("agent.sessions: at_least = 1, below = 2, is_not = 1", "never_met"),
    ("agent.sessions: at_least = 0, below = 1", ""),
    ("agent.sessions: is_not = -5, below = 1", ""),
    ('agent.sessions: at_least = 6, is_not = 6, below = "agent.calls"', ""),
    ('it: at_least = 1, is_not = 1, below = "agent.calls"; agent.calls: below = 2', "never_met"),
    ("it: below = 0", ""),
    ("it: at_least = 1, below = 2, is_not = 1", ""),
    ('agent.sessions: below = "it", at_least = 3; it: below = 4, is_not = 3', ""),
    ('agent.sessions: below = "it", at_least = 3; it: below = 3, at_least = 3', "never_met"),
    ('agent.calls: at_least = "it", below = 2; it: at_least = 1, is_not = 1', "never_met"),
    (f"it: at_least = {10**400}, below = {10**400 + 1}, is_not = {10**400}", "never_met"),
    (f"it: at_least = {10**400}, is_not = {10**400}", ""),
    ("it: below = -1e308", ""),
    ("it: at_least = 1e308, is_not = 1e308", ""),
    ("it: at_least = -1e308, below = 1e308, is_not = -1e308", ""),
    (f"it: at_least = {2**53}, below = {2**53 + 1}, is_not = {2**53}", "never_met"),
    ("it: at_least = 0, below = 5e-324, is_not = 0", "never_met"),
    ("it: at_least = 0, below = 1e-323, is_not = 0", ""),
    ('site.local_time: below = "00:00"', "never_met"),
    ('site.local_time: below = "00:00:01"', ""),
    ('site.local_time: at_least = "23:59:58", is_not = "23:59:58"', ""),
    ('site.local_time: at_least = "23:59:59", is_not = "23:59:59"', "never_met"),
    ('site.local_time: at_least = "12:00", below = "12:00:02", is_not = "12:00"', ""),
    ('site.local_time: between = ["22:00", "06:00"], at_least = "06:00", below = "22:00"', "never_met"),
    ('site.date: at_least = "2024-02-28", below = "2024-03-01", is_not = "2024-02-28"', ""),
    ('site.date: at_least = "2023-02-28", below = "2023-03-01", is_not = "2023-02-28"', "never_met"),
    ('site.date: below = "0001-01-01"', "never_met"),
    ('site.date: below = "0001-01-02"', ""),
    ('site.date: at_least = "9999-12-31", is_not = "9999-12-31"', "never_met"),
    ('! agent.line: in = ["connected", "held", "waiting", "alerting", "initiated", "idle"]', "never_met"),
    ('! agent.line: in = ["connected", "held", "waiting", "alerting", "initiated"]', ""),
    ('agent.line: same_as = "call.type"; call.type: is = "busy"', "never_met"),
    ('agent.line: same_as = "supervisor.line"; ! supervisor.line: is = "idle"', ""),
    ('agent.roles: within = ["a"]; ! agent.roles: within = ["a", "b"]', "never_met"),
    ('agent.teams: within = "agent.roles"; agent.roles: within = ["a"]; ! agent.teams: within = ["a"]', "never_met"),
    (
        'agent.teams: overlaps = "agent.roles"; agent.roles: within = ["a"]; ! agent.teams: overlaps = ["a"]',
        "never_met",
    ),
    (f'agent.teams: overlaps = "agent.roles"; {NEITHER_WITHIN}', ""),
    ('agent.person: member_of = "agent.teams"; agent.teams: within = ["a"]; ! agent.person: in = ["a"]', "never_met"),
    ('agent.person: member_of = "agent.teams"; ! agent.person: in = ["a", "b"]', ""),
    (
        'call.id: same_as = "call.type"; call.type: same_as = "agent.state"; ! call.id: same_as = "agent.state"',
        "never_met",
    ),
    ('call.id: is_not = "a"; call.type: is_not = "a"; ! call.id: same_as = "call.type"', ""),
    ('request.mode: is = "silent"', ""),
    ('request.mode: same_as = "call.type"; ! call.type: in = ["silent", "barge"]', ""),
    ('request.mode: same_as = "call.type"; ! call.type: in = ["silent", "barge", "whisper", "take_over"]', "never_met"),
)


def written(text: str) -> str:
    """`a: is = 1; ! b: is = 2` as the language has it: when a is 1, unless b is 2."""
    parts = (part.strip().partition(": ") for part in text.split(";"))
    tests = ((f"unless.{fact[2:]}" if fact[0] == "!" else f"when.{fact}", said) for fact, _, said in parts)
    return "".join(f"{fact} = {{ {said} }}\n" for fact, said in tests)


@pytest.mark.parametrize(("text", "found"), VALUES)
def test_each_type_has_its_values(text: str, found: str) -> None:
    """A forbid that no value of its facts meets is found, one that some value meets is not; nothing is too large."""
    assert kinds(declared("number") + ANY + FORBID.format("a") + written(text)) == ({"a": found} if found else {})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('request.mode: is = "silent"', {"a": "never_applies"}),
        ('request.mode: is_not = "silent"', {}),
        ('request.mode: same_as = "call.type"; call.type: is = "silent"', {"a": "never_met"}),
        ('request.mode: same_as = "call.type"; call.type: is = "barge"', {}),
    ],
)
def test_a_rule_may_ask_for_the_mode(text: str, found: dict[str, str]) -> None:
    """What a rule asks of the mode is seen together with the modes that it is for."""
    assert kinds(ANY + FORBID.format("a") + 'to = "barge"\n' + written(text)) == found


@pytest.mark.parametrize(
    ("kind", "default", "text", "found"),
    [
        ("flag", "true", "unless.it = { is = true }", ""),
        ("flag", "true", "unless.it = { known = true }", ""),
        ("flag", "true", "when.it = { known = false }", ""),
        ("text", '"x"', 'when.it = { same_as = "call.type" }\nunless.call.type = { is = "y" }', ""),
        ("set", '["a", "b"]', 'when.it = { within = "agent.teams" }\nunless.agent.teams = { overlaps = ["c"] }', ""),
        ("set", '["a", "b", "c", "d"]', 'unless.agent.teams = { within = "it" }', ""),
    ],
)
def test_a_default_is_a_value_and_can_be_missed(kind: str, default: str, text: str, found: str) -> None:
    """What is absent is its default; a value of another type is not known all the same."""
    book = declared(kind, f"default = {default}") + ANY + FORBID.format("a") + text + "\n"
    assert kinds(book) == ({"a": found} if found else {})


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        ('when.call.type = { in = ["x", "y"] }', 'when.call.type = { in = ["y", "x"] }', ""),
        ("when.agent.sessions = { is_not = 0 }", "when.agent.sessions = { at_least = 1 }", ""),
        ("when.call.held = { is = true }", "when.call.held = { is_not = false }", ""),
        ("when.agent.calls = { below = 2 }", "unless.agent.calls = { at_least = 2 }", ""),
        ("when.agent.calls = { below = 2 }", "when.agent.calls = { below = 3 }", "permit"),
        ("when.call.held = { known = false }", "unless.call.held = { known = true }", ""),
        ('to = "silent"', 'to = ["silent", "barge"]', "permit"),
        ("when.call.held = { known = false }", "when.agent.calls = { below = 0 }", "permit"),
    ],
)
def test_two_ways_to_say_the_same(before: str, after: str, word: str) -> None:
    """Books that say the same in other words are equivalent, and others are not, whichever is first."""
    one, other = (loaded(ANY + FORBID.format("a") + text + "\n") for text in (before, after))
    for books in ((one, other), (other, one)):
        found = difference(*books)
        assert (found is None) is (word == "")
        assert found is None or sorted(verdict.permit for verdict in found.verdicts) == [False, True]


def test_books_may_differ_in_what_is_sure() -> None:
    """Books that permit the same may still differ: where a fact is not known, one forbids for sure and one does not."""
    first = ANY + FORBID.format("a") + "when.call.held = { is = true }\n"
    second = first + FORBID.format("b") + "when.call.held = { known = false }\n"
    found = difference(loaded(first), loaded(second))
    assert found is not None
    assert found.facts == {"request.mode": "silent"}
    assert [[hit.undecided for hit in verdict.hits] for verdict in found.verdicts] == [[True], [False, True]]


def test_books_may_differ_in_duties() -> None:
    """Books that permit the same with other duties are not equivalent; with the same duties by other rules they are."""
    tone = ANY + REQUIRE.format("a", "tone")
    found = difference(loaded(tone), loaded(ANY + REQUIRE.format("a", "agent_notice")))
    assert found is not None
    assert [verdict.duties for verdict in found.verdicts] == [("tone",), ("agent_notice",)]
    assert difference(loaded(tone), loaded(ANY + REQUIRE.format("b", "tone") + "when.call.held = { is = true }\n"))
    assert difference(loaded(tone), loaded(tone.replace('"a"', '"z"'))) is None


def test_two_empty_books_are_alike() -> None:
    """Books without rules permit nothing, both of them; a permit is a difference, one that is always beaten is none."""
    assert difference(loaded(""), loaded("")) is None
    assert difference(loaded(""), loaded(ANY))
    assert difference(loaded(""), loaded(ANY + FORBID.format("a"))) is None


def test_values_of_both_declarations_are_tried() -> None:
    """Where one book knows more values of a fact, a value that only it knows may be the difference."""
    text = 'when.it = { in = ["a", "b"] }\n'
    short = loaded(declared("text", 'values = ["a", "b"]') + PERMIT.format("a") + text)
    wide = loaded(
        declared("text", 'values = ["a", "b", "c"]') + PERMIT.format("a") + 'when.it = { in = ["a", "b", "c"] }\n'
    )
    found = difference(short, wide)
    assert found is not None
    assert found.facts == {"request.mode": "silent", "it": "c"}
    known = loaded(declared("text", 'values = ["a", "b"]') + PERMIT.format("a") + "when.it = { known = true }\n")
    assert difference(short, known) is None


def test_other_defaults_are_a_difference() -> None:
    """The same rules with another default of a fact, or with none, judge a request without that fact differently."""
    rules = PERMIT.format("a") + "when.it = { is = true }\n"
    found = difference(loaded(declared("flag", "default = true") + rules), loaded(declared("flag") + rules))
    assert found is not None
    assert found.facts == {"request.mode": "silent"}


def test_all_of_a_default_counts() -> None:
    """Where only the one book has a set by default, a request is found in which all that is in it is elsewhere, too."""
    rules = PERMIT.format("a") + 'when.it = { within = "agent.teams" }\n'
    books = [loaded(declared("set", *more) + rules) for more in (['default = ["a", "b", "c"]'], [])]
    for one, other in (books, reversed(books)):
        found = difference(one, other)
        assert found is not None
        assert found.facts == {"request.mode": "silent", "agent.teams": {"a", "b", "c"}}
        assert sorted(verdict.permit for verdict in found.verdicts) == [False, True]


# What is not decided


def test_another_type_of_a_fact_is_not_decided() -> None:
    """Books that declare a fact with different types are not called equivalent, though their rules read alike."""
    rules = PERMIT.format("a") + "when.it = { known = true }\n"
    with pytest.raises(NotDecidedError, match="declare it with different types"):
        difference(loaded(declared("flag") + rules), loaded(declared("text") + rules))


@pytest.mark.parametrize("cases_max", [1, 2, 5, 20, 100, 1000])
def test_beyond_the_limit_nothing_is_said(cases_max: int) -> None:
    """With fewer cases to be tried some rules are not decided, others are as they are; no difference is overlooked."""
    limits = Limits(analysis_cases_max=cases_max)
    texts = [ANY + FORBID.format("a") + 'when.agent.sessions = { below = "limits.per_agent" }\n']
    texts += [
        texts[0].replace("below", "at_least"),
        texts[0] + FORBID.format("b") + "when.agent.sessions = { below = 1 }\n",
    ]
    for text in texts:
        everything = findings(loaded(text))
        assert all(one in everything or one.kind == "not_decided" for one in findings(loaded(text), limits))
    for one, other in combinations(map(loaded, texts[:2]), 2):
        try:
            assert difference(one, other, limits)
        except NotDecidedError as error:
            assert error.where == "analysis_cases_max"


def test_the_limit_names_itself() -> None:
    """What is not decided for too many cases says which setting allows more, and with that it is decided."""
    text = ANY + FORBID.format("a") + 'when.agent.sessions = { below = "limits.per_agent" }\n'
    found = findings(loaded(text), Limits(analysis_cases_max=3))[0]
    assert (found.rule, found.kind) == ("a", "not_decided")
    assert "more than 3 cases" in found.what
    assert "analysis_cases_max" in found.fix
    with pytest.raises(NotDecidedError, match="more than 3 cases"):
        difference(
            loaded(text), loaded(text.replace('"a"', '"b"').replace("below", "at_least")), Limits(analysis_cases_max=3)
        )


@pytest.mark.parametrize("kind", ["set", "text", "number", "time"])
def test_very_many_facts_that_are_compared_are_not_decided(kind: str) -> None:
    """Where forty facts are all compared with each other, the limit holds, and no memory is filled before."""
    names = [f"it.number{number}" for number in range(40)]
    text = "".join(declared(kind, name=name) for name in names) + PERMIT.format("a")
    text += "".join(f'when.{one} = {{ same_as = "{other}" }}\n' for one, other in pairwise(names))
    other = text + 'unless.call.type = { is = "x" }\n'
    assert kinds(text) == {"a": "not_decided"}
    with pytest.raises(NotDecidedError):
        difference(loaded(text), loaded(other))


def test_what_has_no_cases_may_not_matter() -> None:
    """A contradiction is found though other facts of the rule have more cases than may be tried."""
    many = 'when.agent.sessions = { below = "limits.per_agent" }\nwhen.pair.sessions = { below = "limits.per_agent" }\n'
    text = (
        ANY + FORBID.format("a") + many + FORBID.format("b") + 'to = "barge"\nwhen.request.mode = { is = "silent" }\n'
    )
    assert kinds(text, analysis_cases_max=10) == {"a": "not_decided", "b": "never_applies", "any": "not_decided"}


# What is easy stays easy


def test_a_wide_rule_is_decided_at_once() -> None:
    """A rule with three hundred tests on as many facts is narrowed by each of them, not tried one by one."""
    names = [f"it.number{number}" for number in range(300)]
    head = "".join(declared("flag", name=name) for name in names)
    text = head + PERMIT.format("a") + "".join(f"when.{name} = {{ is = true }}\n" for name in names)
    assert kinds(text, analysis_cases_max=10) == {}
    assert kinds(text + "unless.it.number7 = { is_not = false }\n", analysis_cases_max=10) == {"a": "never_applies"}


def test_what_has_nothing_in_common_is_not_multiplied() -> None:
    """Forty rules of which each needs a choice of its own take forty choices, also where the last is contradicted."""
    text = ANY
    for number in range(40):
        text = declared("flag", name=f"it.a{number}") + declared("flag", name=f"it.b{number}") + text
        text += (
            FORBID.format(f"r{number}") + f"when.it.a{number} = {{ is = true }}\nwhen.it.b{number} = {{ is = true }}\n"
        )
    assert kinds(text, analysis_cases_max=2_000) == {}
    last = FORBID.format("x") + "when.it.a0 = { is = true }\n" + FORBID.format("y") + "unless.it.a0 = { is = true }\n"
    assert kinds(text + last, analysis_cases_max=2_000) == {"any": "covered", "r0": "implied"}


# Where a rule stands


def test_each_rule_has_its_place() -> None:
    """File and line of each rule of all files are known by its id; cases and settings hold none."""
    texts = {
        "a.toml": f"# first\n{ANY}\n{FORBID.format('no')}",
        "b.toml": "\n" + PERMIT.format("last"),
        "lifecycle.toml": "",
        "a.cases.toml": '[[case]]\nname = "x"\nverdict = "permit"\n',
    }
    assert places(texts) == {"any": "a.toml:2", "no": "a.toml:7", "last": "b.toml:2"}
