"""Shell: owns `coverage`: what stories or recordings exercised, as a table, as JSON, or as the diagram by traffic.

Refuses to count; it names the runs, asks for the counts, and says no where something required was never seen.
"""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from monitoring_core.cli.inputs import SITE, Input, input_of, rules_of, unread, with_progress
from monitoring_core.coverage import SECTIONS, Coverage, mermaid, watch_story
from monitoring_core.domain.settings import Settings
from monitoring_core.errors import UsageError, quote
from monitoring_core.rules.text import did_you_mean
from monitoring_core.scenario import STORIES, find_stories

OK, NO = 0, 1
_HEADS = ("rule", "mode", "applied", "undecided", "missed")


def coverage(options: Namespace) -> int:
    """Run all that is named and print what it exercised; NO if something required never was, else how reading went."""
    required = _required(options.require)
    rules = rules_of(options)
    found, code = Coverage(rules.book), OK
    for path in options.paths:
        if Path(path).is_dir() or path.endswith(STORIES.removeprefix("*")):
            for story in find_stories(path):
                watch_story(found, story, rules.settings)
        else:
            code = max(code, unread(_watched(found, path, options, rules.settings)))
    if options.diagram:
        sys.stdout.write(mermaid(found))
    elif options.json:
        sys.stdout.write(json.dumps(_plain(found), indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in (*_table(found), *_never(found)))
    missing = [section for section in required if found.never(section)]
    sys.stderr.writelines(f"required, but never exercised: {', '.join(found.never(one))}\n" for one in missing)
    return code or (NO if missing else OK)


def _required(asked: str) -> list[str]:
    """The sections that are named. Raises UsageError for one that there is not."""
    names = [name.strip() for name in asked.split(",")] if asked else []
    for name in names:
        if name not in SECTIONS:
            raise UsageError(f'nothing is called "{quote(name)}" here', "--require", did_you_mean(name, SECTIONS))
    return names


def _watched(found: Coverage, path: str, options: Namespace, settings: Settings) -> Input:
    source = input_of(Namespace(**{**vars(options), "log": path}), settings)
    found.watch(with_progress(source), settings, options.site or SITE)
    return source


def _plain(found: Coverage) -> dict[str, object]:
    return {
        "runs": found.runs,
        "rules": [{"rule": rule, "mode": mode, **answers} for rule, mode, answers in found.rules()],
        **{section: found.counts(section) for section in SECTIONS[1:]},
        "never": {section: found.never(section) for section in SECTIONS},
    }


def _table(found: Coverage) -> Iterator[str]:
    yield f"{found.runs:,} runs, {sum(found.counts('events').values()):,} events"
    rows = [_HEADS, *((rule, mode, *map(str, answers.values())) for rule, mode, answers in found.rules())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    yield ""
    for row in rows:
        names = "  ".join(cell.ljust(width) for cell, width in zip(row[:2], widths[:2], strict=True))
        yield "  ".join([names, *(cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True))])
    for section in SECTIONS[1:]:
        yield from ("", section)
        yield from (f"  {count:9,}  {name}" for name, count in found.counts(section).items())


def _never(found: Coverage) -> Iterator[str]:
    yield from ("", "never exercised")
    for section in SECTIONS:
        never, number = found.never(section), len(found.counts(section))
        yield f"  {section}: {len(never)} of {number}" + (f": {', '.join(never)}" if never else "")
