"""Shell: owns `diff`: what a log would have looked like by other rules, and whether that is as expected.

Refuses to work the differences out; it reads what is expected, and says no to what is not.
"""

from __future__ import annotations

import os
import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import attrs
import msgspec

from monitoring_core.cli import show
from monitoring_core.cli.inputs import SITE, Input, input_of, rules_of, with_progress
from monitoring_core.cli.logs import unread
from monitoring_core.domain.events import Log
from monitoring_core.errors import SourceError, UsageError, quote
from monitoring_core.files import STDIN, Recording, Rules
from monitoring_core.replay import Row
from monitoring_core.scenario import updated
from monitoring_core.whatif import Cause, Change, Differ, Kind, Side, after
from monitoring_core.whatif.story import shortest, text_of

OK, NO = 0, 1
TWO = 2
SHOWN_MAX = 10

HELP = """
The log is read once, as OLD says (its own source, its bounds), and replayed by both. What the switch did stays what
it did: a start that only NEW permits is not confirmed by the log, unless there was a monitor call all the same, or
--confirmation none believes that every start happened.

kinds of changes, in this order:
  newly_allowed      refused by OLD, allowed by NEW     newly_refused   the other way round
  decided_otherwise  the same answer by other rules     only_new        a session that OLD does not have
  only_old           a session that NEW does not have   went_otherwise  another end, other times, other commands
  said_otherwise     of no session                      reworded        only the words of a reason, or an API error

Each is by the rules (settings are rules), or because of a session that was different before: those are its
consequences.

--expected FILE: one thing a line, # begins a comment. A session's id: whatever changes about it. A rule's id: what
changes by it alone, or together with other rules named here. A line of --json: that change. So the output of --json,
read and found right, is the next run's FILE.

exit code 1: something is newly allowed and not expected (with --any: something is different and not expected).
"""
_WORDS = {
    Kind.NEWLY_ALLOWED: "newly allowed",
    Kind.NEWLY_REFUSED: "newly refused",
    Kind.DECIDED_OTHERWISE: "decided otherwise",
    Kind.ONLY_NEW: "only in the new run",
    Kind.ONLY_OLD: "only in the old run",
    Kind.WENT_OTHERWISE: "went otherwise",
    Kind.SAID_OTHERWISE: "said otherwise, of no session",
    Kind.REWORDED: "reworded",
}
_JUDGED = {
    "request": "{} asked to listen to {}",
    "mode": "{} asked for another mode, listening to {}",
    "observed": "{} listened unasked to {}",
    "again": "{} listened to {}, and was judged again",
}


def arguments(made: ArgumentParser) -> None:
    """What `diff` understands besides what says how a log is read."""
    made.add_argument("log", metavar="LOG", help="a file, or - for stdin")
    made.add_argument(
        "--rules",
        metavar="DIR",
        action="append",
        default=[],
        required=True,
        help="twice: the old rules, then the new ones; folders, cce or ccx. Once: the new ones beside the packaged",
    )
    made.add_argument("--confirmation", choices=("switch", "none"), help="overrides both: does the switch confirm?")
    made.add_argument("--json", action="store_true", help="one change a line, as JSON")
    made.add_argument("--expected", metavar="FILE", help="sessions, rules or changes that are expected, a line each")
    made.add_argument("--any", action="store_true", help="1 for everything that is not expected")
    made.add_argument("--story", metavar="DIR", help="write a story of the first difference into that folder")


def diff(options: Namespace) -> int:
    """Print what changes; NO if something is newly allowed (or changes, with --any) that nobody expected."""
    old, new = _both(options)
    expected = Expected.read(options.expected) if options.expected else Expected()
    if options.story and options.log == STDIN:
        raise UsageError("a story needs the log twice", "--story", "give the log as a file")
    source, differ = input_of(options, old.settings), Differ(old, new, options.site or SITE)
    for event in with_progress(source):
        differ.step(event, source.line)
    changes = differ.finish()
    unexpected = [
        change for change in changes if (options.any or change.kind is Kind.NEWLY_ALLOWED) and not expected.has(change)
    ]
    if options.json:
        for change in changes:
            sys.stdout.buffer.write(msgspec.json.encode(change) + b"\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _report(options, changes))
    if options.story and changes:
        sys.stderr.write(f"{_story(options, old, new, _first(changes))}\n")
    sys.stderr.writelines(f"{line}\n" for line in _summary(differ, changes, unexpected, expected))
    return unread(source) or (NO if unexpected else OK)


def _both(options: Namespace) -> tuple[Rules, Rules]:
    if len(options.rules) > TWO:
        raise UsageError("these are more than two rule books", "--rules", "name the old rules, then the new ones")
    old, new = [None, *options.rules][-TWO:]
    both = [rules_of(Namespace(rules=one, confirmation=options.confirmation)) for one in (old, new)]
    return both[0], both[1]


# What is expected


@attrs.define
class Expected:
    """What somebody said beforehand: `names` of sessions and rules, `changes` by kind and session; what of it came."""

    names: set[str] = attrs.field(factory=set)
    changes: set[tuple[str, str]] = attrs.field(factory=set)
    came: set[object] = attrs.field(factory=set)

    @classmethod
    def read(cls, path: str) -> Expected:
        """As it stands in that file. Raises UsageError if it cannot be read, or for a line that is no change."""
        found = cls()
        for number, record in Recording(path):
            if isinstance(record, SourceError):
                raise record
            text = record.decode("utf-8", "replace")
            if not text.startswith("{"):
                found.names |= {name for name in [text.partition("#")[0].strip()] if name}
                continue
            try:
                change = msgspec.json.decode(record, type=_Told)
            except (msgspec.DecodeError, UnicodeDecodeError):
                fix = "write a line of --json, a session's id or a rule's"
                raise UsageError(f"this is no change: {quote(text)}", f"{path}:{number}", fix) from None
            found.changes.add((change.kind, change.session))
        return found

    def has(self, change: Change) -> bool:
        """Whether this one was expected: itself, its session, or every rule that makes the difference."""
        sessions = {change.session, change.old.session, change.new.session} & self.names
        itself = {(change.kind.value, change.session)} & self.changes
        rules = {*change.rules} if {*change.rules} <= self.names else set[str]()
        self.came |= sessions | itself | rules
        return bool(sessions or itself or rules)

    def never_came(self) -> list[str]:
        """What was expected in vain."""
        return sorted([*(self.names - self.came), *(f"{kind} {session}" for kind, session in self.changes - self.came)])


class _Told(msgspec.Struct):
    kind: str
    session: str


# What is printed


def _first(changes: Sequence[Change]) -> Change:
    """The first difference of meaning, or else of words."""
    return min(changes, key=lambda change: (change.kind is Kind.REWORDED, change.position, change.cause))


def _report(options: Namespace, changes: Sequence[Change]) -> Iterator[str]:
    if not changes:
        yield "no difference"
        return
    yield from _table([_HEADS, *(_cells(change) for change in changes if change.kind is not Kind.REWORDED)])
    yield from _reworded(changes)
    for kind in (Kind.NEWLY_ALLOWED, Kind.NEWLY_REFUSED, Kind.DECIDED_OTHERWISE):
        found = [change for change in changes if change.kind is kind]
        if found:
            yield from ("", f"{len(found)} {_WORDS[kind]}")
        for change in found:
            yield from ("", *_told(change))
    first = _first(changes)
    followed = after(first, changes)
    yield from ("", f"first difference: {first.session}, {_place(first)}", f"  {_WORDS[first.kind]}, {_why(first)}")
    yield f"  consequences: {len(followed)}"
    yield from (f"    {one.session}, {_place(one)}: {_WORDS[one.kind]}" for one in followed)
    yield f"  alone: {_explain(options, first)}"
    yield from ("", *_counts(changes))


_HEADS = ("change", "session", "line", "at", "supervisor", "agent", "old", "new", "why")


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    for row in rows if len(rows) > 1 else ():
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _cells(change: Change) -> tuple[str, ...]:
    row = change.new.row or change.old.row
    people = (_party(row.extension, row.supervisor), _party(row.agent_extension, row.agent)) if row else ("-", "-")
    at = "-" if change.at is None else f"{change.at:.2f}"
    ends = (_end(change, change.old), _end(change, change.new))
    return (change.kind.replace("_", " "), change.session or "-", str(change.line), at, *people, *ends, _why(change))


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


def _told(change: Change) -> Iterator[str]:
    """One change whole: who, and the reasons of both with the facts that they read."""
    row = change.new.row or change.old.row
    people = (_party(row.extension, row.supervisor), _party(row.agent_extension, row.agent)) if row else ("?", "?")
    yield f"{change.session}, {_place(change)}: {_JUDGED[change.judged].format(*people)}"
    yield f"  {_why(change)}"
    for name, side in (("old", change.old), ("new", change.new)):
        yield f"  {name}: {side.word or 'not judged'}"
        yield from (f"    {line}" for line in _reasons(side))
    for fact in change.facts:
        yield f"  {fact.fact} was {show.value(fact.old)}, and is {show.value(fact.new)}"
    yield from (f"  then {line}" for line in _course(change))


def _reasons(side: Side) -> Iterator[str]:
    if side.verdict is not None:
        yield from show.reasons(side.verdict) if side.verdict.hits or side.verdict.misses else ["no rule permits it"]


def _course(change: Change) -> Iterator[str]:
    rows = (change.old.row, change.new.row)
    told = [_ending(row) for row in rows]
    if told[0] != told[1]:
        yield f"{told[0]} in the old run, {told[1]} in the new one"
    if change.old.commands != change.new.commands:
        sent = [
            ", ".join(type(one).__name__ for one in side.commands) or "nothing" for side in (change.old, change.new)
        ]
        yield f"sent {sent[0]} in the old run, {sent[1]} in the new one"


def _sent(side: Side) -> str:
    return ", ".join(type(one).__name__ for one in side.commands) or "nothing"


def _ending(row: Row | None) -> str:
    return "no session" if row is None else f"{row.state} {row.reason or ''}".strip()


def _reworded(changes: Sequence[Change]) -> Iterator[str]:
    counts = Counter(change.rules for change in changes if change.kind is Kind.REWORDED)
    if counts:
        yield from ("", f"{counts.total()} reworded")
        yield from (f"  {number:5}  {', '.join(rules)}" for rules, number in sorted(counts.items()))


def _counts(changes: Sequence[Change]) -> Iterator[str]:
    counts = Counter((change.kind, change.cause) for change in changes)
    yield f"{len(changes)} changes"
    for (kind, cause), number in sorted(counts.items(), key=lambda item: list(Kind).index(item[0][0])):
        by = "by the rules" if cause is Cause.RULES else "because of an earlier difference"
        yield f"  {number:5}  {_WORDS[kind]}, {by}"


def _summary(
    differ: Differ, changes: Sequence[Change], unexpected: Sequence[Change], expected: Expected
) -> Iterator[str]:
    yield f"{differ.events} events, {differ.requests} requests judged, {len(changes)} changes"
    if unexpected:
        yield f"{len(unexpected)} not expected: {', '.join(_some(dict.fromkeys(one.session for one in unexpected)))}"
    if in_vain := expected.never_came():
        yield f"expected in vain: {', '.join(_some(in_vain))}"


def _some(names: Sequence[str] | dict[str, None]) -> Iterator[str]:
    yield from islice(names, SHOWN_MAX)
    if len(names) > SHOWN_MAX:
        yield "..."


def _explain(options: Namespace, change: Change) -> str:
    """The command that shows the session alone, in the run that has it."""
    side, rules = (change.new, options.rules[-1]) if change.new.session else (change.old, [None, *options.rules][-TWO])
    given = (
        ("--rules", rules),
        ("--confirmation", options.confirmation),
        ("--source", options.source),
        ("--floor", options.floor),
        ("--with", options.additions),
        ("--site", options.site),
    )
    named = [word for option, value in given if value for word in (option, value)]
    return shlex.join(["monitoring-core", "explain", options.log, side.session or change.session, *named])


# A story of it


def _story(options: Namespace, old: Rules, new: Rules, change: Change) -> str:
    """Write the story of the first difference; what is to be said of it."""
    again: Input = input_of(options, old.settings)
    told = (event for event in again.events() if type(event) is not Log)
    events = shortest(change, list(islice(told, change.position)), old, new)
    if events is None:
        return f"no story: what went before {change.session} names sessions by their ids"
    folder = Path(options.story)
    path = folder / f"{change.session or 'difference'}.story.toml"
    settings = {"confirmation": options.confirmation} if options.confirmation else {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text_of(change, events, settings), encoding="utf-8")
        path.write_text(updated(path, new).text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write this file: {error.strerror}", str(path), "name a folder to write to") from error
    rules = shlex.join(["--rules", options.rules[-1]])
    return f"story: monitoring-core scenario {rules} {shlex.quote(os.fspath(path))}"
