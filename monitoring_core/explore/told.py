"""Shell: owns what the world may be told because a rule book asks for it: each value that its tests can tell apart.

Refuses to tell what a call, a session or the site's clock gives: a person's, a phone's and a call's own facts only.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from monitoring_core.domain import events as e
from monitoring_core.engine import Engine
from monitoring_core.explore.world import AGENTS, CALLS, SUPERVISORS
from monitoring_core.rules.book import RuleBook, Test

ANOTHER = "another"
"""A text that no rule names."""
_OF_PERSON = frozenset({"state", "roles"})
_OF_PHONE = frozenset({"supports_monitoring", "configured", "security"})
_GIVEN = frozenset(
    "person signed_in teams state line sessions calls id connected held is_monitor_call parties type roles".split()
)
"""What is told by other events, or follows from them."""


def tell(engine: Engine) -> Iterator[e.Event]:
    """Every fact that the book compares with a literal, by each value that it tells apart, for whomever it is about."""
    for name, value in wanted(engine.inner.book):
        role, _, fact = name.partition(".")
        if fact.startswith("phone."):
            yield from _of_phones(engine, fact.removeprefix("phone."), value)
        elif role in ("supervisor", "agent", "parties"):
            yield from _of_people(engine, role, fact, value)
        elif role == "call":
            yield from _of_calls(engine, fact, value)


@lru_cache(maxsize=16)
def wanted(book: RuleBook) -> tuple[tuple[str, Any], ...]:
    """Names of facts with values."""
    tests = [test for rule in book.rules for tests in (rule.when, *rule.unless) for test in tests]
    found = [(test.fact.name, value) for test in tests if test.other is None for value in _values(test)]
    return tuple(dict.fromkeys(found))


def _values(test: Test) -> tuple[Any, ...]:
    literal = test.literal
    texts = (literal,) if isinstance(literal, str) else tuple(sorted(map(str, literal))) if _is_many(literal) else ()
    match test.fact.type:
        case "flag":
            return (True, False)
        case "text":
            return (*texts, ANOTHER)
        case "set":
            return (texts, ())
        case "number" if isinstance(literal, int | float) and not isinstance(literal, bool):
            return (literal - 1, literal)
        case _:
            return ()


def _is_many(literal: object) -> bool:
    return isinstance(literal, tuple | list | set | frozenset)


def _of_people(engine: Engine, role: str, fact: str, value: Any) -> Iterator[e.Event]:
    seats = {"supervisor": SUPERVISORS, "agent": AGENTS}.get(role, (*SUPERVISORS, *AGENTS))
    for seat in seats:
        person = engine.floor.people.persons[seat.person]
        if fact in _OF_PERSON:
            known = getattr(person, fact)
            if known != (frozenset(value) if isinstance(value, tuple) else value):
                yield e.PersonChanged(person=seat.person, **{fact: value})
        elif fact not in _GIVEN and person.facts.get(fact) != value:
            yield e.PersonChanged(person=seat.person, facts={fact: value})


def _of_phones(engine: Engine, fact: str, value: Any) -> Iterator[e.Event]:
    for seat in AGENTS:
        phone = engine.floor.people.phones[seat.extension]
        if fact in _OF_PHONE:
            if getattr(phone, fact) != value:
                yield e.PhoneChanged(extension=seat.extension, **{fact: value})
        elif phone.facts.get(fact) != value:
            yield e.PhoneChanged(extension=seat.extension, facts={fact: value})


def _of_calls(engine: Engine, fact: str, value: Any) -> Iterator[e.Event]:
    for name in CALLS:
        call = engine.floor.calls.by_id.get(name)
        if call is not None and fact == "type" and call.type != value:
            yield e.CallChanged(call=name, type=value)
        elif call is not None and fact not in _GIVEN and (call.facts or {}).get(fact) != value:
            yield e.CallChanged(call=name, facts={fact: value})
