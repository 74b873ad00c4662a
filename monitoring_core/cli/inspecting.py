"""Shell: owns `inspect`: a log wound once, by one rule book or by two, and then looked at on a screen.

Refuses to draw; `screen` does, which the extra `inspect` brings. Without a terminal there is nothing to look at.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from importlib.util import find_spec

from monitoring_core.cli.inputs import SITE, input_of, rules_of, unread, with_progress
from monitoring_core.cursor import Cursor, wind
from monitoring_core.engine import Engine
from monitoring_core.errors import UsageError
from monitoring_core.files import STDIN, load_rules

KEYS = """
keys:
  right, left            one event on, one back                 r, R   next refusal, the one before
  page down, page up     a hundred                              e, E   next end of a session, the one before
  home, end              the beginning, the end of the log      d, D   next divergence of two books, the one before
  g                      go to #12, 12 (an event) or a time     /      search, then n, N: the next, the one before
  s, S                   rules of the next session, of the one before    tab    another pane, up and down scroll it
  q                      leave
"""


def add_arguments(made: ArgumentParser) -> None:
    """What `inspect` understands."""
    made.add_argument("log", metavar="LOG", help="a file")
    made.add_argument("--against", metavar="DIR", help="a second folder with rules, to be compared at every event")


def inspect(options: Namespace) -> int:
    """Look at a log on the terminal, event by event."""
    _check(options)
    from monitoring_core.cli.screen import Inspector  # noqa: PLC0415 # an extra

    rules = [rules_of(options)]
    names = [options.rules or "the packaged rules"]
    if options.against:
        rules.append(load_rules(options.against))
        names.append(options.against)
    source = input_of(options, rules[0].settings)

    def fresh() -> list[Engine]:
        return [Engine(one.book, one.settings, options.site or SITE) for one in rules]

    tape = wind(with_progress(source), fresh())
    Inspector(Cursor(tape, fresh), options.log, [one.book for one in rules], names).run()
    return unread(source)


def _check(options: Namespace) -> None:
    if find_spec("textual") is None:
        fix = "pip install 'monitoring-core[inspect]', or use `replay --at` and `explain`"
        raise UsageError("inspect draws with textual, which needs an extra", "textual", fix)
    if options.log == STDIN:
        raise UsageError("inspect needs the keyboard, so the log cannot come from stdin", STDIN, "name a file")
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        fix = "run it at a terminal, or use `replay --at` and `explain`"
        raise UsageError("inspect needs a terminal", "stdin or stderr is none", fix)
