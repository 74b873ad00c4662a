"""`make fuzz`: ten million malformed inputs over all decoders, and two hundred hostile rule files."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from tqdm import tqdm

from tests.fuzz import hostile
from tests.fuzz.decoders import Decoder, decoders
from tests.fuzz.run import CALIBRATION, MEMORY_GROWTH_BYTES_MAX, Tally, fuzz, input_of, memory_bytes, shares, spent_s

COUNT = 10_000_000
SEED = 1
_TURNS = 100
_MEGABYTE = 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """1 if anything got away, or took more memory than it may."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        chosen = [one for one in decoders(Path(folder)) if not options.only or one.name in options.only]
        if options.show is not None:
            sys.stdout.buffer.write(input_of(chosen[0], options.seed, options.show))
            return 0
        before, began_s = memory_bytes(), spent_s()
        tallies = run(chosen, options.seed, options.count, options.seconds)
        grown, took_s = memory_bytes() - before, spent_s() - began_s
    sys.stdout.writelines(f"{line}\n" for line in table(tallies))
    inputs = sum(tally.inputs for tally in tallies)
    rate = inputs / max(took_s, 1e-6)
    sys.stdout.write(f"\n{inputs:,} inputs, seed {options.seed}, {took_s:,.0f} s of processor, {rate:,.0f} a second\n")
    sys.stdout.write(
        f"memory grew by {grown / _MEGABYTE:,.0f} MB; allowed {MEMORY_GROWTH_BYTES_MAX / _MEGABYTE:,.0f}\n"
    )
    bad = any(tally.escaped for tally in tallies) or grown > MEMORY_GROWTH_BYTES_MAX
    return 1 if bad | (not options.only and _hostile()) else 0


def run(chosen: Sequence[Decoder], seed: int, count: int, seconds: float | None) -> list[Tally]:
    """The same time for each decoder: as many inputs as its speed allows, by turns. Ctrl-C ends it early."""
    tallies = [Tally(decoder) for decoder in chosen]
    share_s = None if seconds is None else seconds / len(tallies)
    with tqdm(total=count, unit="input", disable=not sys.stderr.isatty(), dynamic_ncols=True) as bar:

        def go_on(tally: Tally, until: int) -> None:
            left_s = None if share_s is None else share_s - tally.spent_s
            fuzz(tally, seed, max(0, until - tally.inputs), left_s, bar.update)

        with suppress(KeyboardInterrupt):
            for tally in tallies:
                go_on(tally, min(CALIBRATION, max(1, count // len(tallies))))
            given = shares(tallies, count)
            for turn in range(1, _TURNS + 1):
                for tally, share in zip(tallies, given, strict=True):
                    bar.set_postfix_str(tally.decoder.name, refresh=False)
                    go_on(tally, share * turn // _TURNS)
    return tallies


def table(tallies: Sequence[Tally]) -> Iterator[str]:
    """A line for each decoder, then what got away."""
    yield f"{'decoder':18} {'inputs':>10} {'values':>10} {'errors':>10} {'escapes':>8} {'a second':>9}  slowest input"
    for tally in tallies:
        rate = tally.inputs / max(tally.spent_s, 1e-6)
        counts = f"{tally.inputs:10,} {tally.values:10,} {tally.errors:10,} {tally.escaped:8,} {rate:9,.0f}"
        yield f"{tally.decoder.name:18} {counts}  {tally.slowest_s * 1_000:,.1f} ms (number {tally.slowest})"
    for tally in tallies:
        for number, problem in tally.escapes:
            yield f"ESCAPED {tally.decoder.name}, number {number}: {problem}"


def _hostile() -> bool:
    """Whether any of the hostile rule files got away."""
    found = [hostile.tried(one) for one in tqdm(hostile.files(), unit="file", disable=not sys.stderr.isatty())]
    sys.stdout.writelines(f"{line}\n" for line in hostile.table(found))
    return any(one.escape for one in found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help="inputs over all decoders (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="another seed, other inputs (default: %(default)s)")
    parser.add_argument("--seconds", type=float, help="no more than that of the processor, over all decoders")
    parser.add_argument("--only", action="append", metavar="DECODER", help="this one, and no hostile files; repeatable")
    parser.add_argument("--show", type=int, metavar="NUMBER", help="with --only: write that input to stdout")
    return parser


if __name__ == "__main__":
    sys.exit(main())
