"""Books that chance writes, of the facts that the oracle derives from events, and the settings that it knows."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import attrs

from monitoring_core.domain.facts import FACTS, Fact
from monitoring_core.domain.settings import REJUDGE, Settings
from monitoring_core.rules.book import RuleBook
from monitoring_core.rules.load import load_book
from monitoring_core.testing.rulebooks import CHOICES, DECLARED, as_toml, rule
from tests.oracle.judge import NaiveBook

DEFAULT = (Path(__file__).parents[2] / "rules" / "eligibility.toml").read_text(encoding="utf-8")
"""The default book, as it is packaged."""
PEOPLE, TEAMS, ROLES = ("ann", "bob", "eve", "joe"), ("sales", "support"), ("Agent", "Supervisor")
STATES, TYPES = ("NOT_READY", "READY", "TALKING"), ("INBOUND", "OUTBOUND_PREVIEW")
CALLS = ("c1", "c2", "c3", "c4", "c5", "c6")
MONITOR_CALLS = ("m1", "m2", "m3", "m4", "m5")
EXTENSIONS = ("5004", "5005", "5025", "5026", "0170")
_SETS: tuple[list[str], ...] = ([], ["sales"], ["support"], ["sales", "support"])
LITERALS: dict[str, tuple[Any, ...]] = {
    "request.user": PEOPLE,
    "request.from_address": EXTENSIONS,
    "request.to_address": EXTENSIONS,
    "supervisor.person": PEOPLE,
    "supervisor.roles": (["Supervisor"], ["Agent"], ["Agent", "Supervisor"]),
    "supervisor.teams": _SETS,
    "supervisor.state": STATES,
    "agent.person": PEOPLE,
    "agent.roles": (["Supervisor"], ["Agent"], ["Agent", "Supervisor"]),
    "agent.teams": _SETS,
    "agent.state": STATES,
    "call.id": (*CALLS, "m1", "m2"),
    "call.type": TYPES,
    "site.utc_offset": ("+00:00", "+01:00"),
}
"""What the site of these logs may have there; any other fact has the values of its catalogue or its type."""
DECIDED = tuple(FACTS.values())
"""Every fact of the catalogue: the oracle derives them all."""
ALWAYS = {"id": "anybody", "effect": "permit", "because": "this site trusts everybody", "when": {}, "unless": []}
RULES_MAX = 6


@attrs.frozen
class Book:
    """One book twice: compiled, and as the oracle reads it."""

    text: str
    compiled: RuleBook
    naive: NaiveBook


def book(text: str) -> Book:
    """That text, read by both."""
    return Book(text, load_book({"book.toml": text}), NaiveBook(text))


def book_text(random: Random) -> str:
    """The default book now and then, else up to `RULES_MAX` rules of chance, some with a permit for everybody."""
    if random.random() < 0.2:
        return DEFAULT
    rules = [_of_this_site(random, rule(random, number, DECIDED)) for number in range(random.randint(0, RULES_MAX))]
    return as_toml([*rules, ALWAYS] if random.random() < 0.7 else rules) or "rule = []\n"


def given_settings(random: Random) -> dict[str, Any]:
    """Settings of chance, where the oracle knows them; mostly the defaults."""

    def one(usual: Any, *others: Any) -> Any:
        return usual if random.random() < 0.7 else random.choice(others)

    return {
        "confirmation": one("switch", "none"),
        "late_start": one("leave", "drop"),
        "broadcast_refusals": random.random() < 0.3,
        "second_listener": one("refuse", "replace"),
        "second_target": one("refuse", "replace"),
        "rejudge": one(REJUDGE, (), REJUDGE[:2], REJUDGE[2:]),
        "on_forbid": one("notice", "drop"),
        "per_pair": one(1, 2),
        "per_agent": one(1, 2, 3),
        "per_supervisor": one(1, 2, 3),
    }


def settings_of(given: dict[str, Any]) -> Settings:
    """The same for the engine."""
    return Settings(**given)


def _of_this_site(random: Random, made: dict[str, Any]) -> dict[str, Any]:
    """The same rule, with operands that can hold on this site."""
    tables = [
        {name: _tests(random, FACTS[name], tests) for name, tests in table.items()}
        for table in (made["when"], *made["unless"])
    ]
    when, *unless = [{name: tests for name, tests in table.items() if tests} for table in tables]
    apart = [table for number, table in enumerate(unless) if table and table not in unless[:number]]
    return {**made, "when": when, "unless": apart}


def _tests(random: Random, fact: Fact, tests: dict[str, Any]) -> dict[str, Any]:
    """A literal of this site where there was one of none, and another fact of the catalogue where one was declared."""
    found: dict[str, Any] = {}
    literals = LITERALS.get(fact.name) or fact.values or CHOICES[fact.type]
    for test, was in tests.items():
        kind = "set" if test in {"member_of", "overlaps", "within"} else fact.type
        others = [name for name, other in FACTS.items() if other.type == kind and name != fact.name]
        if test in {"known", "between"}:
            found[test] = was
        elif test == "in":
            found[test] = random.sample(literals, min(len(literals), len(was)))
        elif isinstance(was, str) and was in {one.name for one in DECLARED}:
            found |= {test: random.choice(others)} if others else {}
        else:
            found[test] = random.choice([one for one in literals if one != []])
    return found
