"""Shell: owns how the differences between two runs look as text: a table, each decision whole, what came of it.

Refuses to find, count on or write anything; changes come in, lines come out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from monitoring_core.cli import show
from monitoring_core.replay import Row
from monitoring_core.whatif import Cause, Change, Consequences, Kind, Side

HEADS = ("change", "session", "line", "at", "supervisor", "agent", "old", "new", "why")
WORDS = {
    Kind.NEWLY_ALLOWED: "newly allowed",
    Kind.NEWLY_REFUSED: "newly refused",
    Kind.DECIDED_OTHERWISE: "decided otherwise",
    Kind.ONLY_NEW: "only in the new run",
    Kind.ONLY_OLD: "only in the old run",
    Kind.WENT_OTHERWISE: "went otherwise",
    Kind.SAID_OTHERWISE: "said otherwise, of no session",
    Kind.REWORDED: "reworded",
}
DECIDED = (Kind.NEWLY_ALLOWED, Kind.NEWLY_REFUSED, Kind.DECIDED_OTHERWISE)
_JUDGED = {
    "": "{} and {}",
    "request": "{} asked to listen to {}",
    "mode": "{} asked for another mode, listening to {}",
    "observed": "{} listened unasked to {}",
    "again": "{} listened to {}, and was judged again",
}


def first_of(changes: Sequence[Change]) -> Change:
    """The first difference of meaning, or else of words; of one event, what the rules make of it goes first."""
    return min(
        changes, key=lambda change: (change.kind is Kind.REWORDED, change.position, change.cause is not Cause.RULES)
    )


def table(changes: Sequence[Change]) -> Iterator[str]:
    """All but what is only reworded, one a line, with a head."""
    rows = [_cells(change) for change in changes if change.kind is not Kind.REWORDED]
    cells = [HEADS, *rows] if rows else []
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def whole(change: Change, consequences: Consequences) -> Iterator[str]:
    """One change: who, the reasons of both runs with the facts that they read, and what came of it."""
    yield f"{_name(change)}, {_place(change)}: {_JUDGED[change.judged].format(*_people(change))}"
    yield f"  {WORDS[change.kind]}, {_why(change)}"
    if change.judged:
        for name, side in (("old", change.old), ("new", change.new)):
            yield f"  {name}: {side.word or 'not judged'}"
            yield from (f"    {line}" for line in _reasons(side))
    for fact in change.facts:
        yield f"  {fact.fact} was {show.value(fact.old)}, and is {show.value(fact.new)}"
    yield from (f"  then {line}" for line in _course(change))
    yield from _consequences(consequences.of(change))


def first(change: Change, consequences: Consequences) -> Iterator[str]:
    """Where the two runs part, by which event, and what follows from it."""
    yield f"first difference: {_name(change)}, {_place(change)}"
    yield f"  {WORDS[change.kind]}, {_why(change)}"
    yield f"  event: {msgspec.json.encode(change.event).decode()}"
    yield from _consequences(consequences.of(change))


def reworded(changes: Sequence[Change]) -> Iterator[str]:
    """How often only the words of which rules are others."""
    counts = Counter(change.rules for change in changes if change.kind is Kind.REWORDED)
    if counts:
        yield f"{counts.total()} reworded"
        yield from (f"  {number:5}  {', '.join(rules)}" for rules, number in sorted(counts.items()))


def counts_of(changes: Sequence[Change]) -> Iterator[str]:
    """How many of each kind and cause."""
    counts = Counter((change.kind, change.cause) for change in changes)
    yield f"{len(changes)} changes"
    for kind in Kind:
        for cause, by in ((Cause.RULES, "by the rules"), (Cause.EARLIER, "because of an earlier difference")):
            if counts[kind, cause]:
                yield f"  {counts[kind, cause]:5}  {WORDS[kind]}, {by}"


def _cells(change: Change) -> tuple[str, ...]:
    at = "-" if change.at is None else f"{change.at:.2f}"
    ends = (_end(change, change.old), _end(change, change.new))
    return (change.kind.replace("_", " "), _name(change), str(change.line), at, *_people(change), *ends, _why(change))


def _name(change: Change) -> str:
    return change.session or "-"


def _people(change: Change) -> tuple[str, str]:
    row = change.new.row or change.old.row
    return (
        ("-", "-") if row is None else (_party(row.extension, row.supervisor), _party(row.agent_extension, row.agent))
    )


def _party(extension: str, person: str) -> str:
    return f"{extension} ({person})" if person else extension


def _end(change: Change, side: Side) -> str:
    if side.row is None:
        return "-"
    word = f"{side.word}, " if change.judged and side.word else ""
    return f"{word}{side.row.reason or side.row.state}"


def _why(change: Change) -> str:
    if change.cause is Cause.EARLIER:
        return f"because of {', '.join(change.because_of)}"
    return f"by {', '.join(change.rules)}" if change.rules else "by the settings"


def _place(change: Change) -> str:
    at = "" if change.at is None else f" at {change.at:.2f} s"
    return f"position {change.position}, line {change.line}{at}"


def _reasons(side: Side) -> Iterator[str]:
    if side.verdict is not None:
        yield from show.reasons(side.verdict) if side.verdict.hits or side.verdict.misses else ["no rule permits it"]


def _course(change: Change) -> Iterator[str]:
    old, new = _ending(change.old.row), _ending(change.new.row)
    if old != new:
        yield f"{old} in the old run, {new} in the new one"
    if change.old.commands != change.new.commands:
        yield f"sent {_sent(change.old)} in the old run, {_sent(change.new)} in the new one"


def _sent(side: Side) -> str:
    return ", ".join(type(one).__name__ for one in side.commands) or "nothing"


def _ending(row: Row | None) -> str:
    return "no session" if row is None else f"{row.state} {row.reason or ''}".strip()


def _consequences(found: Sequence[Change]) -> Iterator[str]:
    yield f"  consequences: {len(found) or 'none'}"
    yield from (f"    {_name(one)}, {_place(one)}: {WORDS[one.kind]}" for one in found)
