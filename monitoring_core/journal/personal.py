"""Shell: owns which texts of an entry are personal: everything but what is listed here, by its key.

Refuses to know what becomes of them; it walks plain values (dictionaries, lists, texts) and asks for each such text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from monitoring_core.domain import events as e

Replace = Callable[[str], str]

PLAIN = frozenset(
    """
    event id source site call into monitor_call mode state cause roles teams supervises type covers scope code command
    outcome session standing token book settings reason digest
    trigger before after certainty duty rule rules effect because error fact test missing duties candidates kind answer
    origin verdict follows start_certainty end_certainty
    """.split()
)
"""Keys whose texts are ids of calls and sessions, words of the house, of the rules and of the platform.

A key that is not here is personal: ids, names and addresses of people, and every text that might quote them.
"""

_NESTED = frozenset({dict, list, tuple})
_WITH_TEXT = _NESTED | {str}

CALL_EVENTS = frozenset(
    {
        e.Initiated,
        e.Delivered,
        e.Established,
        e.Held,
        e.Retrieved,
        e.Parked,
        e.Transferred,
        e.Conferenced,
        e.ConnectionCleared,
        e.CallSeen,
    }
)
"""Who is named in these and nowhere else is a customer, or a phone that nobody knows."""


def replaced(value: Any, replace: Replace, key: str = "") -> Any:
    """The same value with every personal text replaced. Values of facts are personal, but for those of the site."""
    kind = type(value)
    if kind is str:
        return value if key in PLAIN else replace(value)
    if kind is list or kind is tuple:
        return [replaced(inner, replace, key) for inner in value]
    if kind is not dict:
        return value
    if key == "facts":
        return {name: inner if name.startswith("site.") else replaced(inner, replace) for name, inner in value.items()}
    there = value.copy()
    for name, inner in value.items():  # every event comes along here: it calls itself only where it must
        kind = type(inner)
        if kind is str:
            if name not in PLAIN:
                there[name] = replace(inner)
        elif kind in _NESTED:
            there[name] = replaced(inner, replace, name)
    return there


def every_text(value: Any, replace: Replace) -> Any:
    """The same value with every text replaced, names of dictionaries too."""
    kind = type(value)
    if kind is str:
        return replace(value)
    if kind is dict:
        return {
            replace(name): every_text(inner, replace) if type(inner) in _WITH_TEXT else inner
            for name, inner in value.items()
        }
    if kind is list or kind is tuple:
        return [every_text(inner, replace) if type(inner) in _WITH_TEXT else inner for inner in value]
    return value


def texts(value: Any) -> set[str]:
    """Every text in it."""
    return _met(every_text, value)


def personal_texts(value: Any) -> set[str]:
    """Every personal text in it."""
    return _met(replaced, value)


def _met(walk: Callable[[Any, Replace], Any], value: Any) -> set[str]:
    found: set[str] = set()

    def note(text: str) -> str:
        found.add(text)
        return text

    walk(value, note)
    return found
