"""Shell: owns `mutate`: how many small mistakes the cases and stories of a folder of rules would notice, and which not.

Refuses to make or run a mutant; it names what is to be run, and prints what became of it.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path

from tqdm import tqdm

from monitoring_core.errors import UsageError, quote
from monitoring_core.files import load_rules, read_text
from monitoring_core.files.rulefolders import profiles
from monitoring_core.mutation import KINDS, Mutant, Score, Suite, load_equivalent, load_suite, mutants, scored
from monitoring_core.mutation.score import FATES
from monitoring_core.rules.text import did_you_mean
from monitoring_core.scenario import STORIES

OK, NO = 0, 1
OUR_STORIES = "scenarios"
_LEFT_OUT_SHOWN_MAX = 5
_NEEDS_STORIES = ("setting", "row")


def arguments(made: ArgumentParser) -> None:
    """What the command line of `mutate` understands."""
    made.add_argument("--rules", metavar="DIR", help="a folder with rules, cce or ccx (default: the packaged ones)")
    what = f"a story, or a folder with {STORIES} (default: {OUR_STORIES}, if it is here and the rules are packaged)"
    made.add_argument("paths", metavar="PATH", nargs="*", help=what)
    made.add_argument("--only", metavar="KINDS", default="", help="with commas between: " + ", ".join(KINDS))
    made.add_argument("--equivalent", metavar="FILE", help="mutants that change nothing, each with the reason (TOML)")
    percent = "the least score that is enough, percent (default: %(default)g)"
    made.add_argument("--at-least", metavar="N", type=float, default=100.0, help=percent)
    made.add_argument("--json", action="store_true", help="every mutant and its fate, as JSON")


def mutate(options: Namespace) -> int:
    """Run every mutant; NO if too few were noticed, or if one is listed as equivalent that is not."""
    wanted = _wanted(options.only)
    rules = load_rules(options.rules)
    reasons = _reasons(options.equivalent)
    is_packaged = options.rules is None or options.rules in profiles()
    paths = options.paths or ([OUR_STORIES] if is_packaged and Path(OUR_STORIES).is_dir() else [])
    suite = load_suite(rules, paths, options.rules or "")
    if not suite.cases and not suite.stories:
        fix = "write cases beside the rules (*.cases.toml), or name stories"
        raise UsageError("nothing here could notice a mutant", options.rules or "the packaged rules", fix)
    everything = mutants(rules)
    found = [mutant for mutant in everything if mutant.kind in wanted]
    asked = [mutant for mutant in found if suite.stories or mutant.kind not in _NEEDS_STORIES]
    listed = {mutant.name: reasons[mutant.name] for mutant in asked if mutant.name in reasons}
    score = scored(_with_progress(asked), suite, listed)
    known = {mutant.name for mutant in everything}
    unknown = tuple(name for name in reasons if name not in known)
    if options.json:
        sys.stdout.write(json.dumps(_plain(score, suite), indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _told(score, len(found) - len(asked)))
    sys.stderr.writelines(f"{line}\n" for line in _warnings(score, suite, unknown))
    return OK if score.percent >= options.at_least and not score.wrongly_listed and not unknown else NO


def _wanted(asked: str) -> tuple[str, ...]:
    """The kinds that are named. Raises UsageError for one that there is not."""
    names = tuple(name.strip() for name in asked.split(",")) if asked else KINDS
    for name in names:
        if name not in KINDS:
            raise UsageError(f'no mutant is a "{quote(name)}"', "--only", did_you_mean(name, KINDS))
    return names


def _reasons(path: str | None) -> dict[str, str]:
    return load_equivalent(Path(path).name, read_text(Path(path), "name a file of equivalent mutants")) if path else {}


def _with_progress(asked: list[Mutant]) -> Iterable[Mutant]:
    """The mutants; at a terminal with a bar."""
    if not sys.stderr.isatty():
        return asked
    return tqdm(asked, unit=" mutants", file=sys.stderr, leave=False, dynamic_ncols=True)


def _told(score: Score, left: int) -> Iterator[str]:
    for fate in ("survived", "equivalent"):
        for result in score.results:
            if result.fate == fate:
                yield f"{fate}: {result.mutant.name}" + (f" ({result.by})" if result.by else "")
                yield from (result.mutant.diff(), "")
    counts = ", ".join(f"{score.count(fate)} {fate}" for fate in FATES if score.count(fate))
    yield f"{len(score.results)} mutants: {counts or 'none'}"
    if left:
        yield f"{left} of settings and state table were not run: no story is told that could notice them"
    yield f"score {score.percent:.1f} %"


def _warnings(score: Score, suite: Suite, unknown: tuple[str, ...]) -> Iterator[str]:
    if suite.left_out:
        shown = ", ".join(suite.left_out[:_LEFT_OUT_SHOWN_MAX])
        more = len(suite.left_out) - _LEFT_OUT_SHOWN_MAX
        yield f"left out, as they fail without any mutant: {shown}" + (f", and {more} more" if more > 0 else "")
    yield from (f"listed as equivalent, but it need not be, as it is noticed: {name}" for name in score.wrongly_listed)
    yield from (f"listed as equivalent, but there is no such mutant: {name}" for name in unknown)


def _plain(score: Score, suite: Suite) -> dict[str, object]:
    rows = [
        {"mutant": one.mutant.name, "kind": one.mutant.kind, "fate": one.fate, "by": one.by, "diff": one.mutant.diff()}
        for one in score.results
    ]
    counts: dict[str, object] = {fate: score.count(fate) for fate in FATES}
    return {"score": score.percent, **counts, "left_out": list(suite.left_out), "mutants": rows}
