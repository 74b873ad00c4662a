"""Shell: owns `explore`: how far to search, the progress at a terminal, and what was found, as lines or as JSON.

Refuses to search; it says no where a property is broken, and writes the shortest way there as a story.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from tqdm import tqdm

from monitoring_core.cli.inputs import rules_of
from monitoring_core.errors import UsageError
from monitoring_core.explore import ENDING, Bounds, Counterexample, Found, Tick, search, timeline, write_story
from monitoring_core.files import Rules
from monitoring_core.rules.book import MODES

OK, NO = 0, 1
DEPTH_MAX = 30
NONE = "-"
_USUAL = Bounds()


def add_arguments(made: ArgumentParser) -> None:
    """What the command understands."""
    made.add_argument("--depth", metavar="N", type=_within(1, DEPTH_MAX), default=_USUAL.depth, help="events of a path")
    made.add_argument(
        "--disturbances",
        metavar="N",
        type=_within(0, DEPTH_MAX),
        default=_USUAL.disturbances,
        help="how many of them may be no usual telephony: lost, late or unasked, a picture, people who come, go or "
        "change teams; each makes its path one event shorter (default: %(default)s)",
    )
    made.add_argument("--seconds", metavar="N", type=_more_than_none, help="stop after that long")
    made.add_argument("--states-max", metavar="N", type=_within(1, sys.maxsize), help="stop at so many situations")
    made.add_argument("--story", metavar="FILE", help=f"write the shortest path to a broken property there (*{ENDING})")
    made.add_argument("--json", action="store_true", help="what was found as JSON")


def explore(options: Namespace) -> int:
    """Search, print what was found; NO where a property is broken."""
    rules, story = rules_of(options), options.story and Path(options.story)
    if story and not story.name.endswith(ENDING):
        raise UsageError("a story's name ends otherwise", str(story), f"name a file that ends in {ENDING}")
    bounds = Bounds(options.depth, options.disturbances, options.seconds, options.states_max)
    with _progress() as tick:
        found = search(rules.book, rules.settings, bounds, tick)
    if options.json:
        sys.stdout.write(json.dumps(_plain(found, rules), indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _lines(found, rules))
    if story and found.shortest is not None:
        write_story(story, found.shortest)
    return NO if found.broken else OK


def _within(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text[:20]) <= most):
            raise ArgumentTypeError(f"write a whole number from {least} to {most}")
        return int(text)

    return number


def _more_than_none(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise ArgumentTypeError("write a number of seconds, more than 0")
    return number


@contextmanager
def _progress() -> Iterator[Tick | None]:
    """At a terminal, how far each level is; nothing in a pipe."""
    if not sys.stderr.isatty():
        yield None
        return
    with tqdm(unit=" situations", unit_scale=True, file=sys.stderr, leave=False, dynamic_ncols=True) as bar:

        def tick(depth: int, done: int, of: int) -> None:
            if bar.desc != f"depth {depth}: ":
                bar.reset(total=of)
                bar.set_description(f"depth {depth}", refresh=False)
            bar.update(done - bar.n)

        yield tick


def _plain(found: Found, rules: Rules) -> dict[str, Any]:
    return {
        "depth": found.depth,
        "stopped_by": found.stopped_by,
        "states": found.states,
        "transitions": found.transitions,
        "seconds": round(found.seconds, 3),
        "levels": msgspec.to_builtins(found.levels),
        "broken": [_broken(one, rules) for one in found.broken.values()],
        "rows": [{"state": state, "trigger": trigger, "times": n} for state, trigger, n in found.tally.all_rows()],
        "rules": [
            {"rule": rule, "mode": mode, "applied": applied, "decisive": decisive}
            for rule, mode, applied, decisive in found.tally.all_rules()
        ],
    }


def _broken(one: Counterexample, rules: Rules) -> dict[str, Any]:
    return {
        "property": one.broken.property,
        "what": one.broken.what,
        "events": msgspec.to_builtins(one.happened),
        "timeline": list(timeline(one, rules)),
    }


def _lines(found: Found, rules: Rules) -> Iterator[str]:
    stopped = f"; stopped by {found.stopped_by}" if found.stopped_by else ""
    yield f"complete to depth {found.depth}{stopped}"
    yield f"{found.states:,} situations, {found.transitions:,} transitions, {found.seconds:.1f} s"
    yield from (f"  depth {level.depth}: {level.states:,} new of {level.transitions:,}" for level in found.levels)
    yield f"{len(found.broken)} properties broken"
    for one in found.broken.values():
        yield ""
        yield f"property {one.broken.property} is broken after {len(one.happened)} events: {one.broken.what}"
        yield from (f"  {line}" for line in timeline(one, rules))
    yield ""
    yield from _table(("state", "trigger", "times"), list(found.tally.all_rows()))
    yield ""
    by_rule = _by_rule(found)
    yield from _table(("rule", *MODES), [(rule, *of_modes) for rule, of_modes in by_rule.items()])
    yield "in how many verdicts a rule applied, and in how many of them it alone decided; - where it is for other modes"
    yield ""
    never = [
        rule for rule, of_modes in by_rule.items() if all(cell == NONE or cell.endswith(", 0") for cell in of_modes)
    ]
    yield f"never alone decisive: {', '.join(never) or 'none'}"


def _by_rule(found: Found) -> dict[str, list[str]]:
    cells: dict[str, dict[str, str]] = {}
    for rule, mode, applied, decisive in found.tally.all_rules():
        cells.setdefault(rule, {})[mode] = f"{applied:,}, {decisive:,}"
    return {rule: [of_modes.get(mode, NONE) for mode in MODES] for rule, of_modes in cells.items()}


def _table(heads: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Iterator[str]:
    cells = [heads, *(tuple(f"{one:,}" if isinstance(one, int) else one for one in row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
