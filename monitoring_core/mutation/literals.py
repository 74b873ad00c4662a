"""Shell: owns what is wrong with one value by a little: numbers and times off by one, a text or an element otherwise.

Refuses to know where the value stands; what cannot stand there does not load, and is then no mutant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from monitoring_core.domain.facts import Fact

_DAY = date(2000, 1, 1)


def other_values(fact: Fact, value: Any) -> Iterator[Any]:
    """What `value` of `fact`, as TOML has it, could be by mistake: its neighbours, or another text."""
    if fact.type == "number":
        yield from (value + 1, value - 1)
    elif fact.type == "time":
        yield from (_time_off(str(value), 1), _time_off(str(value), -1))
    elif fact.type == "date":
        yield from (_date_off(str(value), 1), _date_off(str(value), -1))
    elif fact.type != "flag":
        yield from other_texts(value, fact.values, (value,))


def other_lists(fact: Fact, values: list[Any]) -> Iterator[list[Any]]:
    """What a list of values of `fact` could be by mistake: without one of them, or with one of them otherwise."""
    for place, value in enumerate(values):
        before, after = values[:place], values[place + 1 :]
        if before or after:
            yield [*before, *after]
        texts = fact.type in ("text", "set")
        others = other_texts(value, fact.values, values) if texts else other_values(fact, value)
        yield from ([*before, other, *after] for other in others)


def other_texts(text: str, options: Sequence[str], taken: Sequence[str]) -> Iterator[str]:
    """A text that is none of those `taken`: one that nobody knows, or the next of the `options` that there are."""
    if not options:
        yield f"not {text}"
        return
    start = options.index(text) if text in options else 0
    yield from [one for one in (*options[start:], *options[:start]) if one not in taken][:1]


def _time_off(text: str, steps: int) -> str:
    """A wall-clock time later or earlier by one of the last that it names, minutes or seconds."""
    step = timedelta(minutes=steps) if text.count(":") == 1 else timedelta(seconds=steps)
    moved = (datetime.combine(_DAY, time.fromisoformat(text)) + step).time()
    return moved.isoformat("minutes" if text.count(":") == 1 else "seconds")


def _date_off(text: str, days: int) -> str:
    """The day after or before; at the end of the calendar, that day."""
    day = date.fromisoformat(text)
    return day.isoformat() if day in (date.min, date.max) else (day + timedelta(days=days)).isoformat()
