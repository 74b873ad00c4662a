"""Shell: owns what `inspect` says of a place in a log, pane by pane as lines, and what a place that is typed in means.

Refuses to know of a screen. What a log says stays inert: what cannot be printed is shown as its code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import isfinite
from typing import Any

import msgspec

from monitoring_core.cli import show
from monitoring_core.cli.moment import AFTER, call_lines, moment, people_lines, picture
from monitoring_core.cursor import Cursor, Line, RuleValue, facts_of, rule_values, subjects
from monitoring_core.cursor.rulevalues import call_of
from monitoring_core.cursor.tape import differ
from monitoring_core.domain.outcomes import NOTHING, Origin, State, Step
from monitoring_core.replay import Row
from monitoring_core.rules.book import RuleBook
from monitoring_core.rules.compile import Facts

NOT_SAID = frozenset({"event", "at", "received_at", "id", "source", "site"})
"""What the short form of an event leaves out, or says elsewhere."""
SHOWN_MAX = 60
"""How many calls or people are listed; those that the event names come first."""
ANSWERS = {True: "met", False: "not met", None: "not decidable"}


def inert(text: str) -> str:
    """The same with what cannot be printed as its code."""
    return text if text.isprintable() else "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def head(cursor: Cursor, name: str) -> str:
    """Where one is."""
    tape, at = cursor.tape, cursor.position
    return f"{inert(name)}   event {at:,} of {tape.length:,}   {seconds(cursor, at)}".rstrip()


def seconds(cursor: Cursor, position: int) -> str:
    """The site's time after that event, empty if it has none."""
    at = cursor.tape.times[position - 1] if position else float("-inf")
    return f"{at:.2f} s" if isfinite(at) else ""


def around(cursor: Cursor, lines: int) -> Iterator[tuple[int, str, str]]:
    """So many events around the place: position, what happened to sessions, the event in short; 0 is the beginning."""
    first = max(0, min(cursor.position - lines // 2, cursor.tape.length + 1 - lines))
    for position in range(first, min(first + lines, cursor.tape.length + 1)):
        if position == 0:
            yield 0, "", "the log begins"
            continue
        line = cursor.read(position)
        yield position, happened(line), f"{position:>7}  {seconds(cursor, position):>10}  {short(line)}"


def happened(line: Line) -> str:
    """A word for what an event led to; empty if to nothing."""
    finals = {move.after for move in line.steps[0].moves}
    if len(line.steps) > 1 and differ(*line.steps):
        return "divergence"
    if State.REJECTED in finals:
        return "refusal"
    if State.ENDED in finals:
        return "end"
    return "step" if line.steps[0] is not NOTHING else ""


def short(line: Line) -> str:
    """An event's kind and values."""
    told: dict[str, Any] = msgspec.to_builtins(line.event)
    values = [_value(value) for name, value in told.items() if name not in NOT_SAID]
    return inert("  ".join([told["event"], *values]))


def event(cursor: Cursor, names: Sequence[str]) -> Iterator[str]:
    """The event with all of its values, and what followed; where two books are run (`names`), by each."""
    line = cursor.line
    if line is None:
        yield "the log begins here"
        return
    told: dict[str, Any] = msgspec.to_builtins(line.event)
    width = max(map(len, told))
    for name, value in told.items():
        yield inert(f"{name.ljust(width)}  {_value(value)}")
    differing = len(line.steps) > 1 and differ(*line.steps)
    for name, step in zip(names if differing else [""], line.steps, strict=False):
        yield ""
        yield inert(f"by {name}:") if name else "what followed:"
        yield from (inert(f"  {one}") for one in _followed(step))


def _followed(step: Step) -> Iterator[str]:
    if step is NOTHING:
        yield "nothing"
    for move in step.moves:
        why = " ".join(filter(None, (move.reason, move.certainty, move.code, move.text)))
        yield f"{move.session}: {move.before or '-'} {move.trigger} {move.after}" + (f" ({why})" if why else "")
    for one in step.verdicts:
        yield f"{one.session}: {'permit' if one.verdict.permit else 'forbid'}"
        yield from (f"  {line}" for line in show.reasons(one.verdict))
    yield from (f"command: {msgspec.json.encode(command).decode()}" for command in step.commands)
    for notice in step.notices:
        yield f"notice: {notice.kind}" + "".join(f" {part}" for part in (notice.session, notice.text) if part)


def floor(cursor: Cursor) -> Iterator[str]:
    """Sessions alive, calls and people; of these first those whom the event names."""
    seen = picture(cursor.engines[0], cursor.position)
    named = set(_texts(msgspec.to_builtins(cursor.line.event))) if cursor.line is not None else set()
    yield f"{len(seen.sessions)} sessions alive"
    yield from (inert(f"  {_session(one)}") for one in seen.sessions)
    if seen.standing:
        yield inert(f"{len(seen.standing)} requests wait for calls: {', '.join(seen.standing)}")
    for what, lines in (("calls", call_lines(seen)), ("people signed in", people_lines(seen))):
        yield from ("", f"{len(lines)} {what}")
        ordered = sorted(lines, key=lambda line: named.isdisjoint(line.replace(",", " ").split()))
        yield from map(inert, ordered[:SHOWN_MAX])
        if len(lines) > SHOWN_MAX:
            yield f"  ... and {len(lines) - SHOWN_MAX} more"


def _session(one: Row) -> str:
    call = f", call {one.call}" if one.call else ""
    kind = one.mode if one.origin == Origin.REQUESTED else f"{one.mode}, {one.origin}, {one.verdict}"
    return f"{one.session}  {one.state}  {one.extension} on {one.agent_extension}{call} ({kind})"


def rules(cursor: Cursor, books: Sequence[RuleBook], names: Sequence[str], chosen: int) -> Iterator[str]:
    """What each rule says of one session now, by each book, and the facts that it reads.

    `chosen`: which of the sessions, counted on from the one that the event is about.
    """
    all_of_them = subjects(cursor.engines[0], cursor.line)
    if not all_of_them:
        yield "no session, so there is nothing to judge"
        return
    name = all_of_them[chosen % len(all_of_them)]
    yield inert(_subject(cursor, name, chosen % len(all_of_them), len(all_of_them)))
    known: list[tuple[str, Facts]] = []
    for number, (book, title) in enumerate(zip(books, names, strict=True)):
        by = f", by {inert(title)}" if len(books) > 1 else ""
        yield ""
        if name not in cursor.engines[number].sessions.by_id:
            yield f"no such session{by}"
            continue
        facts = facts_of(cursor.engines[number], cursor.line, name, number)
        yield f"rules{by}"
        yield from map(inert, _values(rule_values(book, facts)))
        if facts not in [seen for _, seen in known]:
            known.append((by, facts))
    for by, facts in known:
        yield from ("", f"facts{by}", *(inert(f"  {line}") for line in show.facts(facts)))


def _values(values: Sequence[RuleValue]) -> Iterator[str]:
    """Those that apply, or may, each with its reason and what it saw; the rest by name."""
    for value in sorted(values, key=lambda value: value.met is None):
        if value.met is not False:
            yield f"  {ANSWERS[value.met]}: {value.effect} {value.rule}, {value.because}"
            yield from (f"    {name} is {show.value(seen)}" for name, seen in value.facts.items())
    for effect in ("permit", "forbid", "require"):
        unmet = [value.rule for value in values if value.effect == effect and value.met is False]
        if unmet:
            yield f"  {ANSWERS[False]}: {effect} {', '.join(unmet)}"


def _subject(cursor: Cursor, name: str, place: int, count: int) -> str:
    session = cursor.engines[0].sessions.by_id[name]
    call = call_of(session)
    on = f", call {call}" if call else ""
    return f"{name} ({place + 1} of {count}): {session.from_address} on {session.to_address}{on}, {session.state}"


def place(cursor: Cursor, text: str) -> int:
    """The position that somebody means: #12 or 12 is after the twelfth event, all else a time. Raises UsageError."""
    number = text.strip().removeprefix(AFTER)
    return int(number) if number.isdecimal() else cursor.at(moment(text.strip()))


def _value(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
