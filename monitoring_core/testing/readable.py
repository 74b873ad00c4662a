"""Shell: owns how an answer of the engine looks in a failing assert: one thing a line, and where two of them differ.

Refuses to know pytest; `plugin` asks it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import msgspec

from monitoring_core.domain.outcomes import NOTHING, AnyCommand, Judged, Move, Notice, Step, Verdict
from monitoring_core.domain.settings import Settings
from monitoring_core.scenario.seen import seen_in, shown

_MISSING = object()


def compared(op: str, left: object, right: object) -> list[str]:
    """The lines for `left op right`: each of them as a story would tell it, and the fields in which two differ."""
    differing = list(_differing("", msgspec.to_builtins(left), msgspec.to_builtins(right))) if op == "==" else []
    return [
        f"{type(left).__name__} {op} {type(right).__name__}",
        "left:",
        *_told(left),
        "right:",
        *_told(right),
        *(["where they differ:", *(f"  {line}" for line in differing)] if differing else []),
    ]


def _told(side: object) -> list[str]:
    lines = [line for one in (side if isinstance(side, list | tuple) else [side]) for line in _lines(one)]
    return [f"  {line}" for line in lines] or ["  nothing"]


def _lines(one: object) -> list[str]:
    step = _as_step(one)
    if step == NOTHING and one != NOTHING:
        return [repr(one)]
    known = [*step.moves, *step.verdicts, *step.commands, *step.notices]
    names = {name: name for name in [step.answer, *(thing.session for thing in known)]}
    return [shown(seen.said) for seen in seen_in(step, names, {}, Settings())]


def _as_step(one: object) -> Step:
    if isinstance(one, Step):
        return one
    return Step(
        moves=(one,) if isinstance(one, Move) else (),
        verdicts=(one,) if isinstance(one, Judged) else (Judged("?", one),) if isinstance(one, Verdict) else (),
        commands=(one,) if isinstance(one, AnyCommand) else (),
        notices=(one,) if isinstance(one, Notice) else (),
    )


def _differing(path: str, left: Any, right: Any) -> Iterator[str]:
    """Single fields; whole things that one side lacks can be seen above."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in dict.fromkeys((*left, *right)):
            here = f"{path}.{key}" if path else key
            yield from _differing(here, left.get(key, _MISSING), right.get(key, _MISSING))
    elif isinstance(left, list | tuple) and isinstance(right, list | tuple):
        for number, (one, other) in enumerate(zip_longest(left, right, fillvalue=_MISSING)):
            yield from _differing(f"{path}[{number}]", one, other)
    elif left != right and not any(isinstance(one, dict | list | tuple) for one in (left, right)):
        yield f"{path or 'all'}: {_value(left)} != {_value(right)}"


def _value(value: Any) -> str:
    return "nothing" if value is _MISSING else repr(value)
