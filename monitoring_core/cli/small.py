"""Shell: owns the commands that read no log: scenario, draw, decode, schema.

Refuses to do more than ask the rooms and print their answers.
"""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from itertools import chain
from pathlib import Path

import msgspec

from monitoring_core.cli.inputs import rules_of
from monitoring_core.cli.update import update
from monitoring_core.domain.events import json_schema
from monitoring_core.domain.settings import Limits
from monitoring_core.errors import MessageError, UsageError
from monitoring_core.files import STDIN
from monitoring_core.message import decode as decode_message
from monitoring_core.scenario import find_stories, run_file
from monitoring_core.session import mermaid

OK, NO = 0, 1


def draw(_options: Namespace) -> int:
    """Print the state table as a Mermaid diagram."""
    sys.stdout.write(mermaid())
    return OK


def schema(_options: Namespace) -> int:
    """Print the JSON Schema of one line of the native log."""
    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
    return OK


def decode(options: Namespace) -> int:
    """Print what a bus message is, or why it is none."""
    limit = Limits().message_bytes_max + 1
    try:
        if options.message == STDIN:
            raw = sys.stdin.buffer.read(limit)
        else:
            with Path(options.message).open("rb") as file:
                raw = file.read(limit)
        message = decode_message(raw)
    except OSError as error:
        raise UsageError(f"cannot open this file: {error.strerror}", options.message, "name a file, or -") from error
    except MessageError as error:
        sys.stderr.write(f"{error}\n")
        return NO
    told = {"message": type(message).__name__, **msgspec.to_builtins(message)}
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    return OK


def scenario(options: Namespace) -> int:
    """Run stories; print the report of each, and how many passed. Rewrite those that fail, if that is wanted."""
    if options.yes and not options.update:
        raise UsageError("--yes answers what only --update asks", "--yes", "add --update, or leave it out")
    rules, passed = rules_of(options), []
    for path in chain.from_iterable(map(find_stories, options.paths)):
        outcome = run_file(path, rules)
        sys.stdout.write(outcome.report + "\n")
        if options.update and not outcome.passed and update(path, rules, yes=options.yes):
            outcome = run_file(path, rules)
            sys.stdout.write(f"rewritten; {outcome.report}\n")
        passed.append(outcome.passed)
    sys.stdout.write(f"{sum(passed)} of {len(passed)} stories passed\n")
    return OK if all(passed) else NO
