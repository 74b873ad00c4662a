"""A naive judge: reads the TOML itself, knows three values (True, False, None) and no closures."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from monitoring_core.domain.facts import FACTS

MODES = ("silent", "whisper", "barge", "take_over")
EFFECTS = ("permit", "forbid", "require")
FORMS = {"time": r"\d\d:\d\d(:\d\d)?", "date": r"\d{4}-\d\d-\d\d"}
KINDS: dict[str, Any] = {
    "text": str,
    "flag": bool,
    "number": (int, float),
    "set": (frozenset, tuple),
    "time": str,
    "date": str,
}
HOLDS: dict[str, Any] = {
    "is": lambda value, other: value == other,
    "is_not": lambda value, other: value != other,
    "same_as": lambda value, other: value == other,
    "below": lambda value, other: value < other,
    "at_least": lambda value, other: value >= other,
    "in": lambda value, other: any(value == one for one in other),
    "member_of": lambda value, other: any(value == one for one in other),
    "overlaps": lambda value, other: any(one in other for one in value),
    "within": lambda value, other: all(one in other for one in value),
    "between": lambda value, ends: (
        sum(value >= end for end in ends) == 1 if ends[0] < ends[1] else not ends[1] <= value < ends[0]
    ),
}


class NaiveBook:
    """The rules as TOML has them."""

    def __init__(self, text: str) -> None:
        data = tomllib.loads(text)
        self.declared = dict(flat(data.get("facts", {})))
        declared = {name: table["type"] for name, table in self.declared.items()}
        self.types = {name: fact.type for name, fact in FACTS.items()} | declared
        self.rules = sorted(data.get("rule", []), key=lambda rule: str(rule["id"]))

    def value(self, name: str, facts: Mapping[str, Any]) -> Any:
        """The value of a fact; None: not known."""
        value, kind = facts.get(name, self.declared.get(name, {}).get("default")), self.types[name]
        value = tuple(value) if isinstance(value, list) else value
        if not isinstance(value, KINDS[kind]) or (kind == "number" and isinstance(value, bool)):
            return None
        if not re.fullmatch(FORMS.get(kind, ".*"), str(value)):
            return None
        return set(value) if kind == "set" else f"{value}:00"[:8] if kind == "time" else value

    def test(self, name: str, test: str, operand: Any, facts: Mapping[str, Any]) -> bool | None:
        """One test."""
        value = self.value(name, facts)
        if test == "known":
            return (value is not None) is bool(operand)
        if operand in list(self.types):
            other = self.value(operand, facts)
        elif isinstance(operand, list):
            other = [self.value(name, {name: one}) for one in operand] if test in {"in", "between"} else set(operand)
        elif test in {"is", "is_not", "below", "at_least"}:
            other = self.value(name, {name: operand})
        return None if value is None or other is None else bool(HOLDS[test](value, other))

    def rule(self, rule: dict[str, Any], facts: Mapping[str, Any]) -> bool | None:
        """When, and the mode, and not one of unless."""
        mode, unless = facts.get("request.mode"), rule.get("unless", [])
        to = rule.get("to", MODES)
        tables = [rule.get("when", {}), *([unless] if isinstance(unless, dict) else unless)]
        met, *lifted = (kleene([self.test(*one, facts) for one in leaves(table)]) for table in tables)
        return kleene(
            [None if mode is None else mode in to, met, *(None if one is None else not one for one in lifted)]
        )

    def might(self, rule: dict[str, Any], facts: Mapping[str, Any]) -> bool:
        """Whether something that is not known, or that it asks to be known, might make a rule apply."""
        unless = rule.get("unless", [])
        tests = [
            one
            for table in (rule.get("when", {}), *([unless] if isinstance(unless, dict) else unless))
            for one in leaves(table)
        ]
        asked = [name for name, test, _ in tests if test == "known" and self.value(name, facts) is None]
        to = rule.get("to", MODES)
        return facts["request.mode"] in to and (self.rule(rule, facts) is None or bool(asked))

    def judge(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Whether it permits, the rules that decided with "undecided", duties."""
        met = {rule["id"]: self.rule(rule, facts) for rule in self.rules}
        applying = {
            effect: [r for r in self.rules if r["effect"] == effect and met[r["id"]] is not False] for effect in EFFECTS
        }
        permits = [rule for rule in applying["permit"] if met[rule["id"]]]
        permit = bool(permits) and not applying["forbid"]
        hits = permits if permit else sorted(applying["forbid"], key=lambda rule: met[rule["id"]] is None)
        return {
            "permit": permit,
            "hits": [(rule["id"], met[rule["id"]] is None) for rule in hits],
            "duties": sorted({rule["duty"] for rule in applying["require"]}) if permit else [],
        }


def kleene(answers: list[bool | None]) -> bool | None:
    """AND of three values."""
    return False if False in answers else None if None in answers else True


def flat(table: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """The declarations by their dotted names."""
    if "type" in table:
        return [(prefix[1:], table)]
    return [one for key, below in table.items() for one in flat(below, f"{prefix}.{key}")]


def leaves(table: dict[str, Any], prefix: str = "") -> list[tuple[str, str, Any]]:
    """Each (fact, test, operand)."""
    if not all(isinstance(below, dict) for below in table.values()):
        return [(prefix[1:], test, operand) for test, operand in table.items()]
    return [one for key, below in table.items() for one in leaves(below, f"{prefix}.{key}")]
