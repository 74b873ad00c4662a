"""Shell: owns `report`: a log replayed once and written as one page that a browser shows without a network.

Refuses to judge and to show; it opens the log as `replay` does, and says where the page is.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterable
from math import isfinite
from pathlib import Path

from monitoring_core.cli import show
from monitoring_core.cli.inputs import engine_of, input_of, rules_of, unread, with_progress
from monitoring_core.errors import UsageError
from monitoring_core.files import STDIN
from monitoring_core.replay import Replay
from monitoring_core.report import GAP_S, About, Gathered, page


def arguments(made: ArgumentParser) -> None:
    """What the command understands besides rules and log."""
    made.add_argument("log", metavar="LOG", help="a file, or - for stdin")
    made.add_argument("-o", "--out", metavar="FILE", default="report.html", help="the page (default: %(default)s)")
    made.add_argument(
        "--gap",
        metavar="SECONDS",
        type=_seconds,
        default=GAP_S,
        help="show it where the switch told nothing for so long (default: %(default)g)",
    )


def report(options: Namespace) -> int:
    """Replay the log and write its page; UNREADABLE if some records could not be read."""
    rules = rules_of(options)
    engine, source = engine_of(options, rules), input_of(options, rules.settings)
    run, gathered = Replay(engine), Gathered(engine, options.gap)
    for event, step in run.run(with_progress(source)):
        gathered.note(event, step)
    rows = run.finish()
    about = About(
        log=Path(source.recording.name).name,
        site=engine.site,
        events=run.events,
        digest=run.digest,
        book=rules.book.digest,
        unreadable=source.unreadable,
        problems=tuple(show.unreadable(source.problems, source.unreadable)),
    )
    _write(options.out, page(about, gathered, rows))
    code = unread(source)
    sys.stderr.write(f"{len(rows)} sessions, {options.out}\n" if options.out != STDIN else "")
    return code


def _write(path: str, pieces: Iterable[str]) -> None:
    if path == STDIN:
        sys.stdout.buffer.writelines(piece.encode("utf-8", "replace") for piece in pieces)
        return
    try:
        with Path(path).open("w", encoding="utf-8", errors="replace", newline="\n") as file:
            file.writelines(pieces)
    except OSError as error:
        raise UsageError(
            f"cannot write: {error.strerror}", path, "name a file in a folder that we may write"
        ) from error


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not (isfinite(seconds) and seconds > 0):
        raise ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds
