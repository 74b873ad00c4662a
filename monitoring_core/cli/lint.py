"""Shell: owns `lint`: what is wrong with a log itself, as text or JSON, and the exit code that follows.

Refuses to look for anything; the room `lint` does.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections import Counter
from collections.abc import Iterator
from math import inf, isfinite

import msgspec
from msgspec import Struct

from monitoring_core.cli.inputs import batches_with_progress, input_of, rules_of, unread
from monitoring_core.lint import KINDS, Ends, Finding, Kind, Lint, Spread, SpyStops, spread

CLEAN, FOUND = 0, 1
SHOWN_MAX = 20
"""How many findings of a kind are told one by one; `--json` has them all."""

ABOUT: dict[Kind, str] = {
    "late": "ends of monitor calls came late: after the agent's end",
    "never": "ends of monitor calls never came",
    "order": "times something was told that telephony forbids",
    "unasked": "monitor calls nobody asked for",
}


class Report(Struct, frozen=True):
    """What `lint --json` prints. `by_source`: how many of each kind by who said so."""

    records: int
    events: int
    ends_in_time: int
    ends_late: Spread | None
    ends_without_times: int
    still_up: int
    by_source: dict[str, dict[Kind, int]]
    findings: list[Finding]


def add_arguments(made: ArgumentParser) -> None:
    """What `lint` understands."""
    made.add_argument("log", metavar="LOG", help="a file, or - for stdin")
    made.add_argument("--json", action="store_true", help="everything as one JSON object")
    made.add_argument(
        "--tolerate",
        metavar="SECONDS",
        type=_seconds,
        help="an end that comes up to so much late is counted, but is no finding (default: each is one)",
    )


def _seconds(text: str) -> float:
    seconds = float(text)
    if not (seconds >= 0 and isfinite(seconds)):
        raise ArgumentTypeError("no seconds; write 0 or more, like 0.5")
    return seconds


def lint(options: Namespace) -> int:
    """Print what is wrong with a log; 1 if something is."""
    settings = rules_of(options).settings
    source = input_of(options, settings)
    stops = SpyStops() if options.source == SpyStops.SOURCE else None
    walk = Lint(settings, options.source, ends=Ends() if stops is None else None)
    for record, events in batches_with_progress(source):
        if stops is not None and record:
            stops.feed(record)
        for event in events:
            walk.see(event, source.messages)
    walk.finish()
    ends = stops.finish() if stops is not None else walk.ends or Ends()
    made = report(ends, walk, source.messages, options.tolerate)
    if options.json:
        sys.stdout.buffer.write(msgspec.json.encode(made) + b"\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _text(made, options.tolerate))
    return unread(source) or (FOUND if made.findings else CLEAN)


def report(ends: Ends, walk: Lint, records: int, tolerated_s: float | None) -> Report:
    """Everything in one; an end up to `tolerated_s` seconds late counts as late, but is no finding."""
    late = [one for one in ends.findings if one.kind == "late"]
    timed = [one.late_s for one in late if one.late_s is not None]
    more_s = -inf if tolerated_s is None else tolerated_s
    kept = [one for one in ends.findings if one.late_s is None or one.late_s > more_s]
    findings = sorted((*walk.findings, *kept), key=lambda one: (one.record, one.position))
    counts = Counter((one.source, one.kind) for one in findings)
    sources = sorted({one.source for one in findings})
    by_source = {name: {kind: counts[name, kind] for kind in KINDS} for name in sources}
    without = len(late) - len(timed)
    position = walk.engine.position
    return Report(records, position, ends.told, spread(timed), without, ends.up, by_source, findings)


def _text(made: Report, tolerated_s: float | None) -> Iterator[str]:
    yield f"{made.records:,} records, {made.events:,} events"
    yield from ("", "ends of monitor calls", f"  {made.ends_in_time:7}  while both parties were there")
    late = made.ends_late
    if late is not None:
        more = f"median {late.median_s:.3f} s, 95 of 100 within {late.p95_s:.3f} s, longest {late.longest_s:.3f} s"
        yield f"  {late.count:7}  after the agent's end: {more}"
    if made.ends_without_times:
        yield f"  {made.ends_without_times:7}  after the agent's end, in a log without times"
    yield f"  {sum(one.kind == 'never' for one in made.findings):7}  never"
    yield f"  {made.still_up:7}  not yet: the monitor call is up at the end of the log"
    for kind in KINDS:
        found = [one for one in made.findings if one.kind == kind]
        if found:
            beyond = f" by more than {tolerated_s:g} s" if kind == "late" and tolerated_s is not None else ""
            yield from ("", f"{len(found)} {ABOUT[kind]}{beyond}")
            yield from (f"  {_line(one)}" for one in found[:SHOWN_MAX])
            if len(found) > SHOWN_MAX:
                yield f"  ... and {len(found) - SHOWN_MAX} more"
    yield from _by_source(made)


def _line(one: Finding) -> str:
    at = "" if one.at is None else f", {one.at:.3f} s"
    late = "" if one.late_s is None else f" ({one.late_s:.3f} s)"
    return f"record {one.record}{at}: {one.text}{late}"


def _by_source(made: Report) -> Iterator[str]:
    if not made.findings:
        return
    width = max(6, *map(len, made.by_source))
    yield from ("", "  ".join(["source".ljust(width), *(kind.rjust(8) for kind in KINDS)]))
    for name, counts in made.by_source.items():
        yield "  ".join([name.ljust(width), *(f"{counts[kind]:8}" for kind in KINDS)])
