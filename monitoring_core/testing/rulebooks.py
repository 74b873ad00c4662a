"""Shell: owns rule books and facts that chance writes: small worlds in which values collide and every test occurs.

Refuses to bring chance along: whoever calls gives the `Random`. The texts are those of a rule file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from random import Random
from typing import Any

from monitoring_core.domain.facts import Fact
from monitoring_core.rules.compile import TESTS

MODES = ("silent", "whisper", "barge", "take_over")
DUTIES = ("agent_notice", "tone")
CHOICES: dict[str, tuple[Any, ...]] = {
    "text": ("a", "b", "c"),
    "flag": (True, False),
    "number": (0, 1, 2, 2.5),
    "set": ((), ("a",), ("a", "b"), ("b", "c"), ("c",)),
    "time": ("08:00", "08:00:30", "12:00", "23:59:59"),
    "date": ("2024-02-28", "2024-02-29", "2024-12-31", "2025-01-01"),
}
DECLARED = tuple(Fact(f"{kind}.{name}", kind, "made up") for kind in CHOICES for name in ("one", "two"))  # type: ignore[arg-type]
_KNOWN = {("permit", "when"): True, ("forbid", "unless"): True, ("forbid", "when"): False, ("permit", "unless"): False}


def literal(random: Random, kind: str) -> Any:
    """A value as TOML has it."""
    value = random.choice(CHOICES[kind])
    return list(value) if isinstance(value, tuple) else value


def _chance(random: Random, of_one: float) -> bool:
    return random.random() < of_one


def _operand(random: Random, fact: Fact, test: str) -> Any:
    others = [other.name for other in DECLARED if other.type == fact.type and other.name != fact.name]
    one: Any = literal(random, fact.type)
    operands: dict[str, tuple[Any, ...]] = {
        "same_as": tuple(others),
        "member_of": ("set.one", "set.two"),
        "overlaps": (*others, ["a"], ["b", "c"]),
        "within": (*others, ["a"], ["b", "c"]),
        "below": (*others, one),
        "at_least": (*others, one),
        "in": ([one], [one, literal(random, fact.type)]),
        "between": (random.sample(CHOICES["time"], 2),),
    }
    return random.choice(operands.get(test, (one,)))


def _table(random: Random, effect: str, place: str, facts: tuple[Fact, ...], least: int) -> dict[str, dict[str, Any]]:
    table: dict[str, dict[str, Any]] = {}
    for _ in range(random.randint(least, 2)):
        fact = random.choice(facts)
        test = random.choice([test for test, types in TESTS.items() if fact.type in types])
        if test == "known":
            if (effect, place) in _KNOWN:
                table.setdefault(fact.name, {})[test] = _KNOWN[effect, place]
        else:
            table.setdefault(fact.name, {})[test] = _operand(random, fact, test)
    return table


def rule(random: Random, number: int, facts: tuple[Fact, ...] = DECLARED) -> dict[str, Any]:
    """One rule as data; `when` and `unless` by the facts' whole names."""
    effect = random.choice(["permit", "permit", "forbid", "forbid", "require"])
    made: dict[str, Any] = {"id": f"rule-{number}", "effect": effect, "because": f"reason {number}"}
    if _chance(random, 0.5):
        made["to"] = random.sample(MODES, random.randint(1, 3))
    if effect == "require":
        made["duty"] = random.choice(DUTIES)
    made["when"] = _table(random, effect, "when", facts, 0)
    unless: list[Any] = []
    for _ in range(random.choice([0, 1, 1, 2])):
        table = _table(random, effect, "unless", facts, 1)
        if table and table not in unless:
            unless.append(table)
    return {**made, "unless": unless}


def declarations(random: Random, *, defaults: bool = True, changeable: bool = False) -> str:
    """The text that declares DECLARED, some with a default, some that nobody can change."""
    lines = []
    for fact in DECLARED:
        lines += [f"[facts.{fact.name}]", f'type = "{fact.type}"', 'meaning = "made up"']
        if defaults and _chance(random, 0.1):
            lines.append(f"default = {json.dumps(literal(random, fact.type))}")
        if not changeable and _chance(random, 0.2):
            lines.append("changeable = false")
    return "\n".join(lines) + "\n"


def as_toml(rules: list[dict[str, Any]]) -> str:
    """Rules as text."""
    lines = []
    for one in rules:
        lines.append("[[rule]]")
        lines += [f"{key} = {json.dumps(one[key])}" for key in one if key not in {"when", "unless"}]
        tables = [("[rule.when]", one["when"]), *(("[[rule.unless]]", table) for table in one["unless"])]
        for head, table in tables:
            lines += [head] * bool(table)
            lines += [
                f"{fact}.{test} = {json.dumps(raw)}" for fact, tests in table.items() for test, raw in tests.items()
            ]
    return "\n".join(lines) + "\n"


def book_text(random: Random, most: int = 6) -> str:
    """A whole rule file."""
    return declarations(random) + as_toml([rule(random, number) for number in range(random.randint(0, most))])


def facts(random: Random) -> dict[str, Any]:
    """Facts of which some are not known and, rarely, one has a type that is not its own."""
    made: dict[str, Any] = {}
    for fact in DECLARED:
        kind = fact.type if _chance(random, 0.97) else random.choice(list(CHOICES))
        if _chance(random, 0.8):
            value = random.choice(CHOICES[kind])
            made[fact.name] = frozenset(value) if isinstance(value, tuple) and _chance(random, 0.8) else value
    if _chance(random, 0.95):
        made["request.mode"] = random.choice(MODES)
    return made


def without(facts: Mapping[str, Any], name: str) -> dict[str, Any]:
    """`facts` but for one."""
    return {other: value for other, value in facts.items() if other != name}
