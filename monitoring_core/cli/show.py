"""Shell: owns how answers look as text: the table of sessions, refusals with their reasons, steps one after another.

Refuses to work anything out; rows, verdicts and steps come in, lines come out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from monitoring_core.domain.events import Event, Unreadable, Value
from monitoring_core.domain.outcomes import Step, Verdict
from monitoring_core.finesse.failures import explained
from monitoring_core.large import Kind
from monitoring_core.replay import Row
from monitoring_core.rules.book import shown
from monitoring_core.rules.compile import Facts
from monitoring_core.rules.remedy import Remedy

_HEADS = ("session", "origin", "supervisor", "agent", "call", "verdict", "asked", "active", "ended", "state", "reason")
_NUMBERS = {"asked", "active", "ended"}


def sessions(rows: Sequence[Row]) -> Iterator[str]:
    """The table of sessions, one a line."""
    table = [_HEADS, *(_cells(row) for row in rows)]
    widths = [max(len(cells[column]) for cells in table) for column in range(len(_HEADS))]
    for cells in table:
        padded = (
            cell.rjust(width) if head in _NUMBERS else cell.ljust(width)
            for head, cell, width in zip(_HEADS, cells, widths, strict=True)
        )
        yield "  ".join(padded).rstrip()


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.session,
        row.origin,
        _party(row.extension, row.supervisor),
        _party(row.agent_extension, row.agent),
        row.call or "-",
        row.verdict,
        _time(row.requested_at),
        _time(row.active_at),
        _time(row.ended_at),
        row.state,
        (row.reason or "-") + ("" if row.end_certainty in (None, "confirmed") else f" ({row.end_certainty})"),
    )


def _party(extension: str, person: str) -> str:
    return f"{extension} ({person})" if person else extension


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f}"


def counts(rows: Iterable[Row]) -> Iterator[str]:
    """How many sessions there are of each kind and end."""
    return tally(Counter((row.origin, row.state, row.reason) for row in rows))


def tally(found: Counter[Kind]) -> Iterator[str]:
    """The same, counted already."""
    yield f"{found.total()} sessions"
    told = ((origin, state, reason or "still alive", number) for (origin, state, reason), number in found.items())
    for origin, state, reason, number in sorted(told):
        yield f"  {number:5}  {origin} {state} {reason}"


def refusal(row: Row, verdict: Verdict, remedies: Iterable[str]) -> Iterator[str]:
    """One refused request: who asked, every reason, and what would have permitted it."""
    at = f" at {row.requested_at:.2f} s" if row.requested_at is not None else ""
    supervisor, agent = _party(row.extension, row.supervisor), _party(row.agent_extension, row.agent)
    yield f"{row.session}{at}: {supervisor} asked to listen to {agent}"
    yield from (f"  {line}" for line in reasons(verdict))
    yield from (f"  {line}" for line in remedies)


def reasons(verdict: Verdict) -> Iterator[str]:
    """Every rule that decided, with the facts that it saw."""
    for hit in verdict.hits:
        unsure = ", as something is not known" if hit.undecided else ""
        yield f"{hit.effect} {hit.rule}{unsure}: {hit.because}"
        yield from (f"  {name} is {value(seen)}" for name, seen in hit.facts.items())
    for miss in verdict.misses:
        yield f"no permit by {miss.rule}: {miss.because}"
        for test in miss.tests:
            other = "" if test.other is None else f" ({value(test.other)})"
            yield f"  {test.fact} is {value(test.seen)}, and should be: {test.test}{other}"
    if verdict.missing:
        yield f"not known: {', '.join(verdict.missing)}"


def would_permit(remedies: Sequence[Remedy]) -> Iterator[str]:
    """What would have had to be otherwise."""
    if not remedies:
        yield "no change of up to three facts would have permitted it"
    for number, remedy in enumerate(remedies):
        changes = " and ".join(f"{one.fact} = {value(one.value)} (was {value(one.now)})" for one in remedy)
        yield f"{'would have permitted it' if number == 0 else '                     or'}: {changes}"


def facts(known: Facts) -> Iterator[str]:
    """Every fact by name."""
    width = max(map(len, known), default=0)
    yield from (f"{name.ljust(width)}  {value(shown(known[name]))}" for name in sorted(known))


def value(seen: Value | None) -> str:
    """A fact's value as people read it."""
    if seen is None:
        return "not known"
    if isinstance(seen, tuple):
        return ", ".join(seen) or "nothing"
    return str(seen).lower() if isinstance(seen, bool) else str(seen)


def step(event: Event, did: Step, session: str) -> Iterator[str]:
    """What an event led to for one session: moves, commands, notices; the verdict is told apart."""
    yield f"event: {msgspec.json.encode(event).decode()}"
    for move in did.moves:
        if move.session == session:
            why = " ".join(filter(None, (move.reason, move.certainty, move.code, move.text)))
            yield f"move: {move.before or '-'} {move.trigger} {move.after}" + (f" ({why})" if why else "")
            yield from (f"  {line}" for line in explanation(move.code))
    for command in did.commands:
        if command.session == session:
            yield f"command: {msgspec.json.encode(command).decode()}"
    for notice in did.notices:
        if notice.session == session:
            yield f"notice: {notice.kind}" + (f": {notice.text}" if notice.text else "")


def explanation(code: str) -> tuple[str, ...]:
    """What an error code of Finesse means and what to do; nothing for a code that is not Finesse's."""
    failure = explained(code)
    return () if failure.where == "unknown" else tuple(failure.lines())


def unreadable(problems: Sequence[Unreadable], number: int) -> Iterator[str]:
    """The first records that could not be read, and how many there were."""
    for problem in problems:
        yield f"{problem.where}: {problem.what}"
        if problem.fix:
            yield f"  fix: {problem.fix}"
    if number > len(problems):
        yield f"... and {number - len(problems)} more"
