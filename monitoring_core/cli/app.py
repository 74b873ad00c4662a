"""Shell: owns `main`: what the command line understands, how errors are told, and the exit codes.

Refuses to do a command's work; the modules beside it do.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

from monitoring_core.cli import (
    check,
    coverage,
    diff,
    explore,
    indexed,
    inspecting,
    journals,
    lint,
    logs,
    mutate,
    report,
    running,
    sites,
    small,
)
from monitoring_core.cli.inputs import SITE
from monitoring_core.coverage import SECTIONS
from monitoring_core.errors import MonitoringError
from monitoring_core.files import STDIN
from monitoring_core.large import seldom_collecting
from monitoring_core.log import NAME
from monitoring_core.scenario import STORIES
from monitoring_core.sources import SOURCES

UNUSABLE, INTERRUPTED, NOBODY_READS = 2, 130, 141

_CODES = """
exit codes:
    0  done; the answer is yes
    1  the answer is no: rules with problems, a story that failed, no message, a journal with a problem
    2  not possible: the command line, or something that cannot be read (everything else was done)
  130  stopped by Ctrl-C
  141  nobody reads the output any more
"""

_MERGE = """
Events of --with are merged by their time (received_at, else at). Where the recording has no times, give each of their
lines "after": the number of messages that come before it.
"""

_MOMENT = "2026-01-31 (midnight, UTC), 2026-01-31T08:00:00+01:00, or seconds since 1970"

Command = Callable[[Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. `arguments` without the program's name; the exit code."""
    options = _parser().parse_args(arguments)
    command: Command = options.command
    try:
        with _logging(options.verbose), seldom_collecting():
            code = command(options)
            sys.stdout.flush()
            return code
    except MonitoringError as error:
        sys.stderr.write(f"{error}\n")
        return UNUSABLE
    except BrokenPipeError:
        # What is still buffered would fail again when Python ends, with a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOBODY_READS
    except KeyboardInterrupt:
        return INTERRUPTED


@contextmanager
def _logging(verbosity: int) -> Iterator[None]:
    """The library's log goes to stderr while a command runs; only here is it configured."""
    log, handler = logging.getLogger(NAME), logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO if verbosity else logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(level)
        log.removeHandler(handler)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="monitoring-core",
        description="Decides, records and explains who may silently listen to whom in a contact centre.",
        epilog=_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    parser.set_defaults(verbose=0, confirmation=None, rules=None, site="", floor=None, additions=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, command: Command, what: str, *parents: ArgumentParser, epilog: str = "") -> ArgumentParser:
        form = argparse.RawDescriptionHelpFormatter
        made = commands.add_parser(
            name, help=what, description=what, epilog=epilog + _CODES, parents=parents, formatter_class=form
        )
        made.set_defaults(command=command)
        return made

    rules, log = _rules(), _log()
    _add_run(add("run", running.run, "step events; write what must be sent, one bus message a line", rules, log))
    _add_replay(add("replay", sites.replay, "the table of sessions of a log, its refusals", rules, log, epilog=_MERGE))
    made = add("explain", logs.explain, "every step of one session, and why", rules, log, epilog=_MERGE)
    made.add_argument("log", metavar="LOG", help="a file, or - for stdin")
    made.add_argument("session", metavar="SESSION", help=f"its id, like {SITE}-17")
    indexed.arguments(add("index", indexed.index, "an index beside a log, for `explain` and `audit`", rules))
    what = "load the rules of a folder and run their cases; print every problem, and what is odd"
    check.arguments(add("check", check.check, what, epilog=check.ABOUT))
    _add_scenario(add("scenario", small.scenario, "run stories", rules))
    _add_coverage(add("coverage", coverage.coverage, "what stories or recordings exercised", rules, log, epilog=_MERGE))
    report.arguments(add("report", report.report, "a log as one page for a browser", rules, log, epilog=_MERGE))
    _add_questions(add, rules, log)
    add("draw", small.draw, "the state table as a Mermaid diagram")
    made = add("decode", small.decode, "say what a bus message is, or why it is none")
    made.add_argument("message", metavar="FILE", nargs="?", default=STDIN, help="one message (default: stdin)")
    add("schema", small.schema, "the JSON Schema of the native log")
    _add_journals(add)
    return parser


def _add_replay(made: ArgumentParser) -> None:
    made.add_argument("log", metavar="LOG", help="a file, or - for stdin")
    made.add_argument("--json", action="store_true", help="one session a line, as JSON")
    made.add_argument("--remedies", action="store_true", help="say of each refusal what would have permitted it")
    made.add_argument("--watch", action="store_true", help="check the properties after every event; 1 if one is broken")
    made.add_argument("--at", metavar="T", help=f"people, calls and sessions then; {_MOMENT}, or #12: after 12 events")
    sites.arguments(made)


def _add_questions(add: Callable[..., ArgumentParser], rules: ArgumentParser, log: ArgumentParser) -> None:
    made = add("diff", diff.diff, "what would a log look like by other rules?", log, epilog=diff.HELP + _MERGE)
    diff.arguments(made)
    what = "what is wrong with a log: ends told late or never, impossible orders, monitor calls nobody asked for"
    lint.add_arguments(add("lint", lint.lint, what, rules, log, epilog=_MERGE))
    what = "go through a log on the terminal, event by event, in both directions"
    inspecting.add_arguments(add("inspect", inspecting.inspect, what, rules, log, epilog=_MERGE + inspecting.KEYS))
    mutate.arguments(add("mutate", mutate.mutate, "which small mistakes would cases and stories notice?"))
    explore.add_arguments(add("explore", explore.explore, "search a small world: is any property broken?", rules))


def _rules() -> ArgumentParser:
    shared = ArgumentParser(add_help=False)
    shared.add_argument("--rules", metavar="DIR", help="a folder with rules, cce or ccx (default: the packaged ones)")
    shared.add_argument(
        "--confirmation", choices=("switch", "none"), help="overrides lifecycle.toml: does the switch confirm starts?"
    )
    return shared


def _log() -> ArgumentParser:
    shared = ArgumentParser(add_help=False)
    shared.add_argument(
        "--source", choices=SOURCES, default=SOURCES[0], help="who wrote the log (default: %(default)s)"
    )
    shared.add_argument("--floor", metavar="FILE", help="people, teams and phones: TOML, or native events")
    shared.add_argument("--with", dest="additions", metavar="FILE", help="native events to be merged in")
    shared.add_argument("--site", default="", help=f"whose lines count (default: all), and its name (default: {SITE})")
    shared.add_argument("-v", "--verbose", action="store_const", const=1, default=0, help="log every move on stderr")
    return shared


def _add_run(made: ArgumentParser) -> None:
    made.add_argument("log", metavar="LOG", nargs="?", default=STDIN, help="a file, or - for stdin (default)")
    made.add_argument("--xmpp", metavar="FILE", help="instead of LOG: Finesse itself, where this file (TOML) says")
    made.add_argument("--record", metavar="FILE", help="with --xmpp: keep the log of what comes; added to it")
    made.add_argument("--out", metavar="FILE", default=STDIN, help="where messages go (default: stdout); added to it")
    made.add_argument(
        "--gate",
        action="store_true",
        help="let through what comes in: a SetSilentMonitoring if it is permitted, other requests as they are; "
        "what the switch tells is heard only",
    )


def _add_scenario(made: ArgumentParser) -> None:
    made.add_argument("paths", metavar="PATH", nargs="+", help=f"a story, or a folder with {STORIES}")
    made.add_argument("--update", action="store_true", help="show what a failing story would have to say, and ask")
    made.add_argument("--yes", action="store_true", help="with --update: rewrite without asking")


def _add_coverage(made: ArgumentParser) -> None:
    made.add_argument("paths", metavar="PATH", nargs="+", help=f"a story, a folder with {STORIES}, or a recording")
    form = made.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the counts as JSON")
    form.add_argument("--mermaid", "--draw", dest="diagram", action="store_true", help="the state diagram by traffic")
    made.add_argument(
        "--require",
        metavar="WHAT",
        default="",
        help="1 if something of it was never exercised; with commas between: " + ", ".join(SECTIONS),
    )


def _add_journals(add: Callable[..., ArgumentParser]) -> None:
    journal, key = _journal(), ArgumentParser(add_help=False)
    key.add_argument("--key-file", metavar="FILE", help="the key of the chain, if it has one")
    made = add("audit", journals.audit, "who listened to whom, when, by which rule; who was refused why", journal)
    made.add_argument("--session", metavar="ID", help="this one only; JOURNAL may be a log that has an index")
    made.add_argument("--supervisor", metavar="X", help="a person's id, or an extension")
    made.add_argument("--agent", metavar="Y", help="the same")
    made.add_argument("--since", metavar="T", help="sessions that went on then or later; " + _MOMENT)
    made.add_argument("--until", metavar="T", help="sessions that began before")
    form = made.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one session a line, as JSON")
    form.add_argument("--csv", action="store_true", help="comma-separated values")
    made = add("verify", journals.verify, "is a journal what was once written? what first is not", journal, key)
    made.add_argument("--head", metavar="FILE", help="heads kept outside, a line each: SITE POSITION DIGEST")
    made.add_argument("--json", action="store_true", help="one site a line, as JSON, with all problems")
    made = add("erase", journals.erase, "delete what is known of persons and numbers; verify goes on", journal)
    made.add_argument("--person", metavar="ID", action="append", default=[], help="a person's id; his name goes, too")
    made.add_argument("--number", metavar="N", action="append", default=[], help="an address or number")
    made = add("prune", journals.prune, "delete old entries; a snapshot stays, from which all goes on", journal, key)
    made.add_argument("--before", metavar="T", required=True, help=_MOMENT)
    made = add("migrate", journals.migrate, "copy a journal into another store, its chain as it is", journal)
    made.add_argument("target", metavar="TARGET", help="a file, or postgresql://...; made if there is none")


def _journal() -> ArgumentParser:
    shared = ArgumentParser(add_help=False)
    shared.add_argument("journal", metavar="JOURNAL", help="the file, or postgresql://...")
    shared.add_argument("--site", help="one site (default: all)")
    return shared


def _version() -> str:
    try:
        return version("monitoring-core")
    except PackageNotFoundError:
        return "(not installed)"
