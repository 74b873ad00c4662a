"""Pure: owns how values written in TOML become values of facts: the one value of a fact, and the operand of a test.

Refuses to know where the value stands; it raises a bare RuleError that the caller gives its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitoring_core.domain.facts import Fact, FactType
from monitoring_core.errors import RuleError, quote
from monitoring_core.rules.book import Test
from monitoring_core.rules.compile import READ, TESTS
from monitoring_core.rules.text import did_you_mean

_ARTICLES: dict[FactType, tuple[str, str]] = {
    "text": ("text", '"NOT_READY"'),
    "flag": ("a flag", "true or false"),
    "number": ("a number", "3"),
    "set": ("a set", '["sales", "service"]'),
    "time": ("a time", '"08:30"'),
    "date": ("a date", '"2025-12-24"'),
}
_OF_FACT = ("same_as", "member_of")
_OF_SETS = ("overlaps", "within")


def a(kind: FactType) -> str:
    """`kind` with its article."""
    return _ARTICLES[kind][0]


def _told(raw: object) -> str:
    """`raw` about as it was written."""
    return f'"{quote(raw)}"' if isinstance(raw, str) else str(raw).lower() if isinstance(raw, bool) else quote(raw)


def read_value(fact: Fact, raw: object) -> Any:
    """`raw` as a value of `fact`; TOML's own dates and times are taken as the text they are."""
    if type(raw).__name__ in {"date", "time"}:
        raw = str(raw)
    value = READ[fact.type](tuple(raw) if isinstance(raw, list) else raw)
    if value is None:
        raise RuleError(
            f"{fact.name} is {a(fact.type)}, {_told(raw)} is not", fix=f"write it like {_ARTICLES[fact.type][1]}"
        )
    for member in value if isinstance(value, frozenset) else (value,):
        if fact.values and member not in fact.values:
            raise RuleError(f'{fact.name} is never "{quote(member)}"', fix=did_you_mean(str(member), fact.values))
    return value


def read_test(fact: Fact, test: str, raw: object, catalogue: Mapping[str, Fact]) -> Test:
    """The test that `{ test = raw }` is on `fact`."""
    if test not in TESTS:
        raise RuleError(f'unknown test "{quote(test)}"', fix=did_you_mean(test, TESTS))
    if fact.type not in TESTS[test]:
        fit = ", ".join(name for name, types in TESTS.items() if fact.type in types)
        raise RuleError(f'"{test}" cannot test {fact.name}, which is {a(fact.type)}', fix=f"{a(fact.type)} takes {fit}")
    if test == "known":
        if not isinstance(raw, bool):
            raise RuleError(f"known takes a flag, {_told(raw)} is none", fix="write known = true or known = false")
        return Test(fact, test, raw)
    if test in _OF_FACT or (test in _OF_SETS and not isinstance(raw, list)) or _names_a_fact(test, raw):
        return Test(fact, test, other=_other(fact, test, raw, catalogue))
    if test in {"in", "between"}:
        return Test(fact, test, _several(fact, test, raw))
    if fact.type == "set" and raw == []:
        raise RuleError(f"{test} takes a set that is not empty", fix='write it like ["sales", "service"]')
    return Test(fact, test, read_value(fact, raw))


def _names_a_fact(test: str, raw: object) -> bool:
    """Whether the operand of `below` or `at_least` is a fact's name: it begins with a letter, a time does not."""
    return test in {"below", "at_least"} and isinstance(raw, str) and raw[:1].isalpha()


def _other(fact: Fact, test: str, raw: object, catalogue: Mapping[str, Fact]) -> Fact:
    wanted: FactType = "set" if test == "member_of" else fact.type
    if not isinstance(raw, str):
        also = " or a list of texts" if test in _OF_SETS else ""
        raise RuleError(
            f"{test} takes the name of a fact{also}, {_told(raw)} is none", fix=f"name a fact that is {a(wanted)}"
        )
    if raw not in catalogue:
        raise RuleError(
            f'unknown fact "{quote(raw)}"', fix=did_you_mean(raw, catalogue, f"declare it: [facts.{quote(raw)}]")
        )
    other = catalogue[raw]
    if other.type != wanted:
        raise RuleError(
            f"{raw} is {a(other.type)}, {test} needs {a(wanted)} here", fix=f"name a fact that is {a(wanted)}"
        )
    if other is fact:
        raise RuleError(f"{raw} is compared with itself", fix="name another fact")
    return other


def _several(fact: Fact, test: str, raw: object) -> tuple[Any, ...]:
    if not isinstance(raw, list) or not raw:
        raise RuleError(f"{test} takes a list, {_told(raw)} is none", fix=f"write it like [{_ARTICLES[fact.type][1]}]")
    values = tuple(read_value(fact, one) for one in raw)
    if test == "between" and (len(values) != 2 or values[0] == values[1]):  # noqa: PLR2004
        raise RuleError(
            "between takes two different times", fix='write it like ["08:00", "18:00"]: start included, end excluded'
        )
    return values
