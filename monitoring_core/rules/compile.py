"""Pure: owns what each test of the language means: which facts it may stand on, and the closure that decides it.

Refuses to know rules, verdicts and texts; a closure answers true, false, or None where a fact is not known.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from monitoring_core.domain.events import Value
from monitoring_core.domain.facts import Fact, FactType

Facts = Mapping[str, Value | frozenset[str]]
"""Facts by name; one that is absent, or has not the type of its declaration, is not known."""
Check = Callable[[Facts], bool | None]

_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?", re.ASCII)
_DATE = re.compile(r"(\d{4})-(0[1-9]|1[0-2])-(\d\d)", re.ASCII)
_INFINITE = float("inf")


def read_text(value: object) -> str | None:
    """A text."""
    return value if isinstance(value, str) else None


def read_flag(value: object) -> bool | None:
    """True or false."""
    return value if isinstance(value, bool) else None


def read_number(value: object) -> float | None:
    """A finite number; a flag is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_INFINITE < value < _INFINITE:
        return None
    return value


def read_set(value: object) -> frozenset[str] | None:
    """A set of texts; a tuple of them, as events carry sets, is one too."""
    if isinstance(value, frozenset):
        return value
    if isinstance(value, tuple) and all(isinstance(member, str) for member in value):
        return frozenset(value)
    return None


def read_time(value: object) -> str | None:
    """A wall-clock time with its seconds, so that the order of texts is the order of times."""
    if not isinstance(value, str) or not (found := _TIME.fullmatch(value)):
        return None
    return value if found[2] else value + ":00"


def read_date(value: object) -> str | None:
    """A date of the calendar."""
    if not isinstance(value, str) or not (found := _DATE.fullmatch(value)) or found[1] == "0000":
        return None
    return value if 1 <= int(found[3]) <= days_in_month(int(found[1]), int(found[2])) else None


def days_in_month(year: int, month: int) -> int:
    """28 to 31; `month` counts from 1."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if leap and month == 2 else (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]  # noqa: PLR2004


READ: dict[FactType, Callable[[object], Any]] = {
    "text": read_text,
    "flag": read_flag,
    "number": read_number,
    "set": read_set,
    "time": read_time,
    "date": read_date,
}


# Values of these exact types need no reading; the call that is saved is half of a test's time.
_PLAIN: dict[FactType, type] = {"text": str, "flag": bool, "number": int, "set": frozenset}


def _between(value: str, ends: tuple[str, str]) -> bool:
    """Start included, end excluded; a start after the end wraps midnight."""
    start, end = ends
    return start <= value < end if start < end else value >= start or value < end


_SCALARS: tuple[FactType, ...] = ("text", "flag", "number", "time", "date")
_ORDERED: tuple[FactType, ...] = ("number", "time", "date")

TESTS: dict[str, tuple[FactType, ...]] = {
    "is": _SCALARS,
    "is_not": _SCALARS,
    "in": _SCALARS,
    "below": _ORDERED,
    "at_least": _ORDERED,
    "between": ("time",),
    "known": (*_SCALARS, "set"),
    "same_as": (*_SCALARS, "set"),
    "member_of": ("text",),
    "overlaps": ("set",),
    "within": ("set",),
}
"""Every test, and the types of facts that it may stand on."""

_RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "is": operator.eq,
    "is_not": operator.ne,
    "in": lambda value, options: value in options,
    "below": operator.lt,
    "at_least": operator.ge,
    "between": _between,
    "same_as": operator.eq,
    "member_of": lambda value, members: value in members,
    "overlaps": lambda left, right: not left.isdisjoint(right),
    "within": operator.le,
}


def compile_test(fact: Fact, test: str, literal: Any, other: Fact | None) -> Check:
    """The closure of one test, against `other` if that is given, else against `literal` (already of its type)."""
    name, read = fact.name, READ[fact.type]
    if test == "known":

        def known(facts: Facts) -> bool | None:
            return (read(facts.get(name)) is not None) is literal

        return known
    relation, plain = _RELATIONS[test], _PLAIN.get(fact.type)
    if other is None:

        def against_literal(facts: Facts) -> bool | None:
            value = facts.get(name)
            if type(value) is not plain and (value := read(value)) is None:
                return None
            return relation(value, literal)

        return against_literal
    other_name, read_other, plain_other = other.name, READ[other.type], _PLAIN.get(other.type)

    def against_fact(facts: Facts) -> bool | None:
        value, compared = facts.get(name), facts.get(other_name)
        if type(value) is not plain and (value := read(value)) is None:
            return None
        if type(compared) is not plain_other and (compared := read_other(compared)) is None:
            return None
        return relation(value, compared)

    return against_fact


def compile_all(checks: tuple[Check, ...]) -> Check:
    """Kleene's AND: false if one is false, else undecided if one is, else true."""
    if len(checks) == 1:
        return checks[0]

    def every(facts: Facts) -> bool | None:
        outcome: bool | None = True
        for check in checks:
            met = check(facts)
            if met is False:
                return False
            if met is None:
                outcome = None
        return outcome

    return every


def compile_rule(when: tuple[Check, ...], unless: tuple[Check, ...]) -> Check:
    """Kleene's `all of when, and not one of unless`."""
    every = compile_all(when)
    if not unless:
        return every
    if not when and len(unless) == 1:  # the usual forbid, for which a general loop takes twice as long
        (only,) = unless

        def not_lifted(facts: Facts) -> bool | None:
            lifted = only(facts)
            return None if lifted is None else not lifted

        return not_lifted

    def met(facts: Facts) -> bool | None:
        outcome = every(facts)
        if outcome is False:
            return False
        for alternative in unless:
            lifted = alternative(facts)
            if lifted:
                return False
            if lifted is None:
                outcome = None
        return outcome

    return met
