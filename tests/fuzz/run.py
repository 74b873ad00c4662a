"""The run over all decoders: how many inputs each gets, what came of them, and what got away.

Time is the processor's, of this process: what else the machine does changes nothing of it.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Iterable

import attrs

from monitoring_core.errors import MonitoringError, RuleBookError
from tests.fuzz.decoders import Decoder
from tests.fuzz.mutate import chance_of, mutated

MEMORY_GROWTH_BYTES_MAX = 512 * 1024 * 1024
"""How much more memory the whole run may ever take than there was before it."""
CALIBRATION = 200
_ESCAPES_KEPT = 5
_SHOWN_CHARS_MAX = 300
_UNIT_BYTES = 1 if sys.platform == "darwin" else 1_024

Progress = Callable[[int], object]


@attrs.define
class Tally:
    """What came of the inputs of one decoder; `escapes`: number of the input, what got away."""

    decoder: Decoder
    inputs: int = 0
    values: int = 0
    errors: int = 0
    escaped: int = 0
    escapes: list[tuple[int, str]] = attrs.field(factory=list)
    spent_s: float = 0.0
    slowest_s: float = 0.0
    slowest: int = 0


def spent_s() -> float:
    """Seconds of the processor that this process has had."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory_bytes() -> int:
    """The most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT_BYTES


def input_of(decoder: Decoder, seed: int, number: int) -> bytes:
    """The input of that number."""
    return mutated(chance_of(seed, decoder.name, number), decoder.samples)


def fuzz(tally: Tally, seed: int, count: int, budget_s: float | None, progress: Progress) -> None:
    """Up to `count` more inputs, or as many as the budget allows."""
    end_s = None if budget_s is None else spent_s() + budget_s
    for _ in range(count):
        if end_s is not None and tally.inputs % 16 == 0 and spent_s() >= end_s:
            return
        one(tally, tally.inputs, input_of(tally.decoder, seed, tally.inputs))
        progress(1)


def one(tally: Tally, number: int, data: bytes) -> None:
    """What one input leads to: a value, one error that is documented and can be told, or an escape."""
    before_s = spent_s()
    tally.inputs += 1
    try:
        tally.decoder.decode(data)
        tally.values += 1
    except tally.decoder.family as error:
        problem = told_badly(error)
        tally.errors += 1
        if problem:
            _escape(tally, number, problem)
    except (Exception, RecursionError) as error:  # noqa: BLE001 # whatever it is, it got away
        _escape(tally, number, f"{type(error).__name__}: {error}")
    took_s = spent_s() - before_s
    tally.spent_s += took_s
    if took_s > tally.slowest_s:
        tally.slowest_s, tally.slowest = took_s, number


def told_badly(error: MonitoringError) -> str:
    """Why an error is none that people can be told: it says nothing, or cannot be written. Empty if it can."""
    problems = error.problems if isinstance(error, RuleBookError) else (error,)
    for problem in problems[:3]:
        said = str(problem)
        if not problem.what.strip():
            return "an error that says nothing"
        try:
            said.encode()
        except UnicodeEncodeError:
            return f"an error that cannot be written: {said!a}"
    return "" if problems else "an error without a problem"


def shares(tallies: Iterable[Tally], count: int) -> list[int]:
    """How many inputs each gets, so that all together are `count`, and all take as long."""
    rates = [tally.inputs / max(tally.spent_s, 1e-6) for tally in tallies]
    return [round(count * rate / (sum(rates) or 1.0)) for rate in rates]


def _escape(tally: Tally, number: int, problem: str) -> None:
    tally.escaped += 1
    if len(tally.escapes) < _ESCAPES_KEPT:
        shown = ascii(problem)
        tally.escapes.append((number, shown[:_SHOWN_CHARS_MAX]))
