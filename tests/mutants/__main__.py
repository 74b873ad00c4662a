"""`python -m tests.mutants`: how many mutants of the pure rooms' code the tests notice, and each that they do not.

A sample in which every room has its share is tried, one mutant after the other, with the tests that run its line: first
those of its own room, then all others, the quickest first. What is known is kept in a folder, so that a run that was
stopped goes on. Whoever counts a mutant that nothing can tell apart counts it as one that got away.
"""

from __future__ import annotations

import argparse
import difflib
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from math import sqrt
from pathlib import Path

import msgspec
from tqdm import tqdm

from tests.house.house import pure_sources
from tests.mutants.made import Mutant, in_fair_order, mutants
from tests.mutants.near import Map, measured
from tests.mutants.runs import LIMIT_S, Outcome, changed, overlay, run, warm

SAMPLE = 600
SEED = 1
NEAR_S = 5.0
"""How long the tests of a mutant's own room are tried before all others, as measured without a change."""
REST_S = float("inf")
"""How long those of other rooms are tried after them."""
CHECK_S = 10.0
"""How long it is made sure that all is well without a change."""
SCORE_MIN = 0.90
SURE = 1.96
"""Standard deviations to either side of the score: 95 of 100 such samples hold the true one."""


class Result(msgspec.Struct, frozen=True):
    """What became of one mutant: `how` as in `Outcome`; `diff` only if it got away."""

    key: str
    name: str
    room: str
    how: str
    by: str
    tests: int
    diff: str = ""

    @property
    def killed(self) -> bool:
        """Whether anything noticed it."""
        return self.how != "passed"


def main(arguments: Sequence[str] | None = None) -> int:
    """1 if less than nine of ten are noticed. Ctrl-C ends it early, with what is known by then."""
    options = _parser().parse_args(arguments)
    options.kept.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as folder:
        copy = overlay(Path(folder))
        near = measured(copy, options.kept / "map.json")
        warm(near.modules)
        if (unchanged := run(copy, near.quick(CHECK_S), LIMIT_S + CHECK_S)).how != "passed":
            sys.exit(f"nothing can be said: without any change it is {unchanged}")
        with (
            tqdm(total=options.sample, unit="mutant", disable=not sys.stderr.isatty()) as bar,
            suppress(KeyboardInterrupt),
        ):
            for result in tried(copy, near, options):
                results.append(result)
                bar.update()
    sys.stdout.writelines(f"{line}\n" for line in table(results, near))
    return int(sum(one.killed for one in results) < SCORE_MIN * len(results))


def tried(copy: Path, near: Map, options: argparse.Namespace) -> Iterator[Result]:
    """The sample's results, known ones from what was kept; of what got away only if it need not be tried again."""
    file = options.kept / "results.jsonl"
    known = {}
    if file.exists():
        kept = [msgspec.json.decode(line, type=Result) for line in file.read_bytes().splitlines()]
        known = {one.key: one for one in kept if one.killed or not options.again}
    order = in_fair_order([one for source in pure_sources() for one in mutants(source)], options.seed)
    chosen = ((mutant, mutant.text()) for mutant in order if options.only in mutant.source.name)
    with file.open("ab") as out:
        for mutant, text in islice(((mutant, text) for mutant, text in chosen if text is not None), options.sample):
            result = known.get(mutant.key(text))
            if result is None:
                result = tell(copy, near, mutant, text, options.rest_s)
                out.write(msgspec.json.encode(result) + b"\n")
                out.flush()
            yield result


def tell(copy: Path, near: Map, mutant: Mutant, text: str, rest_s: float) -> Result:
    """Try one mutant."""
    outcome, count = Outcome("passed"), 0
    with changed(copy, mutant.source.name, text):
        for tests in portions(near, mutant, rest_s):
            count += len(tests)
            outcome = run(copy, [near.tests[test] for test in tests], LIMIT_S + 4 * near.took_s(tests))
            if outcome.how != "passed":
                break
    diff = "" if outcome.how != "passed" else difference(mutant, text)
    return Result(mutant.key(text), mutant.name, mutant.room, outcome.how, outcome.by, count, diff)


def portions(near: Map, mutant: Mutant, rest_s: float) -> Iterator[list[int]]:
    """First what is near and quick, then the rest, the quickest first; neither longer than it may take."""
    covering = near.covering(mutant)
    first = near.within([test for test in covering if near.tests[test].startswith(f"tests/test_{mutant.room}")], NEAR_S)
    done = set(first)
    rest = near.within([test for test in covering if test not in done], rest_s)
    yield from (tests for tests in (first, rest) if tests)


def difference(mutant: Mutant, text: str) -> str:
    """What was changed, as a diff."""
    before, after = mutant.source.text.splitlines(), text.splitlines()
    return "\n".join(difflib.unified_diff(before, after, mutant.source.name, n=2, lineterm=""))


def table(results: Sequence[Result], near: Map) -> Iterator[str]:
    """The figures by room, then each that got away."""
    yield from (f"fails without any change, and is not used: {test}" for test in near.failed)
    yield "| room | mutants | noticed by a test | on import | by time | got away | score |"
    yield "|---|---|---|---|---|---|---|"
    for room in dict.fromkeys(one.room for one in sorted(results, key=lambda one: one.room)):
        yield _row(room, [one for one in results if one.room == room])
    yield _row("all", results)
    low, high = interval(sum(one.killed for one in results), len(results))
    yield f"\n95 % confidence: {low:.1%} to {high:.1%}\n"
    yield from (f"{one.name}\n{one.diff}\n" for one in results if not one.killed)


def _row(name: str, results: Sequence[Result]) -> str:
    counted = Counter(one.how for one in results)
    each = " | ".join(str(counted[how]) for how in ("failed", "import", "time", "passed"))
    killed = len(results) - counted["passed"]
    return f"| {name} | {len(results)} | {each} | {killed / max(1, len(results)):.1%} |"


def interval(killed: int, tried: int) -> tuple[float, float]:
    """Wilson's interval of a share."""
    share, weight = killed / max(1, tried), SURE**2 / max(1, tried)
    middle = (share + weight / 2) / (1 + weight)
    half = SURE / (1 + weight) * sqrt(share * (1 - share) / max(1, tried) + weight / (4 * max(1, tried)))
    return middle - half, middle + half


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=SAMPLE, help="how many mutants (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="which ones (default: %(default)s)")
    parser.add_argument("--only", default="", help="only of modules with this in their name")
    parser.add_argument("--again", action="store_true", help="try again what got away before")
    parser.add_argument("--rest-s", type=float, default=REST_S, help="seconds of other rooms' tests (default: all)")
    parser.add_argument("--kept", type=Path, default=Path("mutants"), help="the folder of what is known")
    return parser


if __name__ == "__main__":
    sys.exit(main())
