"""Shell: owns `diff`: what a log would have looked like by other rules, and whether that is as expected.

Refuses to work the differences out; it reads what is expected, and says no to what is not.
"""

from __future__ import annotations

import re
import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import islice
from pathlib import Path

import msgspec

from monitoring_core.cli import changes as text
from monitoring_core.cli.expected import Expected
from monitoring_core.cli.inputs import SITE, input_of, rules_of, unread, with_progress
from monitoring_core.domain.events import Log
from monitoring_core.errors import UsageError, quote
from monitoring_core.files import STDIN, Rules
from monitoring_core.files.rulefolders import profiles
from monitoring_core.rules.text import did_you_mean
from monitoring_core.scenario import STORIES, read_story, updated
from monitoring_core.sources import SOURCES
from monitoring_core.whatif import Change, Consequences, Differ, Kind, asked_as
from monitoring_core.whatif.story import brings, shortest, text_of

OK, NO = 0, 1
TWO = 2
SHOWN_MAX = 10
_NO_FILE_NAME = re.compile(r"[^\w.-]+")

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
changes by it alone, or together with other rules named here. A line of --json: that change, for that reason. So the
output of --json, read and found right, is the next run's FILE.

--only SESSION: the changes about that session and their consequences, each whole, and the steps of it in both runs.
The names of sessions are those of both runs: an id says which event opened the session.

--story DIR: the few events that bring the first difference (with --only, of that session), as a story that says what
NEW makes of them. It brings NEW along, so `monitoring-core scenario DIR` needs no more.

exit code 1: something is newly allowed and not expected (with --any: something is different and not expected).
"""


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
    made.add_argument("--only", metavar="SESSION", help="show one session's changes and their consequences only")
    made.add_argument("--story", metavar="DIR", help="write a story of the first difference into that folder")


def diff(options: Namespace) -> int:
    """Print what changes; NO if something is newly allowed (or changes, with --any) that nobody expected."""
    old, new = _both(options)
    if options.story and options.log == STDIN:
        raise UsageError("a story needs the log twice", "--story", "give the log as a file")
    if options.expected == options.log == STDIN:
        raise UsageError("stdin is the log", "--expected", "give what is expected as a file")
    expected = Expected.read(options.expected) if options.expected else Expected()
    source, differ = input_of(options, old.settings), Differ(old, new, options.site or SITE)
    for event in with_progress(source):
        differ.step(event, source.line)
    every = differ.finish()
    unforeseen = {id(change) for change in every if not expected.has(change)}
    changes = _only(options.only, every)
    unexpected = [
        change for change in changes if id(change) in unforeseen and (options.any or change.kind is Kind.NEWLY_ALLOWED)
    ]
    if options.json:
        for change in changes:
            sys.stdout.buffer.write(msgspec.json.encode(change) + b"\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _report(options, changes))
    if options.story and changes:
        sys.stderr.write(f"{_story(options, old, new, _named(options.only, changes))}\n")
    sys.stderr.writelines(f"{line}\n" for line in _summary(differ, changes, unexpected, expected))
    return unread(source) or (NO if unexpected else OK)


def _both(options: Namespace) -> tuple[Rules, Rules]:
    old, new = (rules_of(Namespace(rules=book, confirmation=options.confirmation)) for book in _books(options))
    return old, new


def _books(options: Namespace) -> tuple[str | None, str]:
    """How the old rules and the new ones are named. Raises UsageError for more of them."""
    if len(options.rules) > TWO:
        raise UsageError("these are more than two rule books", "--rules", "name the old rules, then the new ones")
    return (options.rules[0] if len(options.rules) == TWO else None), options.rules[-1]


# What is shown


def _only(session: str | None, changes: list[Change]) -> list[Change]:
    """The changes about that session and their consequences; all if none is named. Raises UsageError if it has none."""
    if session is None:
        return changes
    consequences = Consequences(changes)
    about = [change for change in changes if session in _names(change)]
    if not about:
        names = {name for change in changes for name in _names(change)}
        fix = did_you_mean(session, names, "name one that changes; without --only all are shown")
        raise UsageError(f"nothing changes about {quote(session)}", "--only", fix)
    shown = {id(later) for change in about for later in (change, *consequences.of(change))}
    return [change for change in changes if id(change) in shown]


def _names(change: Change) -> set[str]:
    return {change.session, asked_as(change.session), change.old.session, change.new.session} - {""}


def _named(session: str | None, changes: Sequence[Change]) -> Change:
    """The first difference, of that session if one is named."""
    return text.first_of([change for change in changes if session is None or session in _names(change)])


def _report(options: Namespace, changes: Sequence[Change]) -> Iterator[str]:
    if not changes:
        yield "no difference"
        return
    consequences, first = Consequences(changes), _named(options.only, changes)
    yield from text.table(changes)
    yield from text.reworded(changes)
    for kind in Kind if options.only else text.DECIDED:
        found = [change for change in changes if change.kind is kind]
        if found:
            yield from ("", f"{len(found)} {text.WORDS[kind]}")
        for change in found:
            yield from ("", *text.whole(change, consequences))
    yield from ("", *text.first(first, consequences), *(f"  {line}" for line in _commands(options, first)), "")
    yield from text.counts_of(changes)


def _commands(options: Namespace, change: Change) -> Iterator[str]:
    """Those that show the session alone: the changes about it, or, where that is done, its steps in both runs."""
    books = _books(options)
    if options.only is None:
        named = [word for book in books if book is not None for word in ("--rules", book)]
        if change.session:
            yield f"alone: {_command(options, 'diff', options.log, *named, '--only', asked_as(change.session))}"
        return
    for when, side, book in zip(("old", "new"), (change.old, change.new), books, strict=True):
        if side.session:
            named = [] if book is None else ["--rules", book]
            yield f"its {when} steps: {_command(options, 'explain', options.log, side.session, *named)}"


def _command(options: Namespace, *words: str) -> str:
    """A line for a shell, that reads the log as this one does."""
    given = (
        ("--confirmation", options.confirmation),
        ("--source", "" if options.source == SOURCES[0] else options.source),
        ("--floor", options.floor),
        ("--with", options.additions),
        ("--site", options.site),
    )
    return shlex.join(
        ["monitoring-core", *words, *(word for option, value in given if value for word in (option, value))]
    )


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


# A story of it


def _story(options: Namespace, old: Rules, new: Rules, change: Change) -> str:
    """Write the story of a difference, and the new rules beside it; what is to be said of it."""
    name = change.session or "the first difference"
    if change.kind is Kind.REWORDED:
        return f"no story of {name}: only words are others, and stories do not tell them"
    told = (event for event in input_of(options, old.settings).events() if type(event) is not Log)
    events = shortest(change, list(islice(told, change.position)), old, new)
    if events is None:
        return f"no story of {name}: it takes events that name sessions or commands by their ids"
    folder = Path(options.story)
    path = folder / (_NO_FILE_NAME.sub("-", name) + STORIES.removeprefix("*"))
    settings = {"confirmation": options.confirmation} if options.confirmation else {}
    try:
        profile = _bring_along(new, options.rules[-1], folder)
        path.write_text(text_of(change, events, profile, settings), encoding="utf-8")
        path.write_text(updated(path, new).text, encoding="utf-8")
        if not brings([row.event for row in read_story(path).rows], change, old, new):
            path.unlink()
            return f"no story of {name}: a story cannot say all that its events say"
    except OSError as error:
        raise UsageError(f"cannot write there: {error.strerror}", str(path), "name a folder to write to") from error
    return f"story: {shlex.join(['monitoring-core', 'scenario', str(path)])}"


def _bring_along(rules: Rules, name: str, folder: Path) -> str:
    """The rules as a story in `folder` names them: a profile, or else a copy beside it, named after what it says."""
    folder.mkdir(parents=True, exist_ok=True)
    if name in profiles():
        return name
    digest = sha256(msgspec.json.encode(sorted(rules.texts.items()))).hexdigest()
    beside = folder / f"rules-{digest[:12]}"
    beside.mkdir(exist_ok=True)
    for file, said in rules.texts.items():
        (beside / file).write_text(said, encoding="utf-8")
    return f"./{beside.name}"
