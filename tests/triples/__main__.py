"""`make triples`: a million triples of state, event and book; the engine answers each as the naive oracle does."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence

import msgspec
from tqdm import tqdm

from tests.fuzz.run import spent_s
from tests.triples.run import Found, Tally, run

COUNT = 1_000_000
SEED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """1 if any answer differs."""
    options = _parser().parse_args(arguments)
    tally, began_s = Tally(), spent_s()
    with tqdm(total=options.count, unit="triple", disable=not sys.stderr.isatty(), dynamic_ncols=True) as bar:
        run(tally, options.seed, options.count, bar.update, options.group)
    took_s = spent_s() - began_s
    lines = table(tally, options.seed, took_s) if tally.found is None else told(tally.found, options.seed)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return int(tally.found is not None)


def table(tally: Tally, seed: int, took_s: float) -> Iterator[str]:
    """How often each kind of thing happened, and how many triples there were."""
    for kind, times in sorted(tally.kinds.items()):
        yield f"{times:10,}  {kind}"
    rate = tally.triples / max(took_s, 1e-6)
    yield ""
    yield f"{tally.triples:,} triples equal, {len(tally.apart):,} of them apart, in {tally.groups:,} groups of books"
    yield f"seed {seed}, {took_s:,.0f} s of processor, {rate:,.0f} a second"


def told(found: Found, seed: int) -> Iterator[str]:
    """The difference with the least that shows it."""
    engine, oracle = found.shortest.engine, found.shortest.oracle
    yield f"DIFFERENT: seed {seed}, group {found.group}, after {found.events} events; the least that shows it:"
    yield from (msgspec.json.encode(event).decode() for event in found.shortest.log)
    for name in engine:
        if engine[name] != oracle.get(name):
            yield from (f"{name}:", f"  engine {_plain(engine[name])}", f"  oracle {_plain(oracle.get(name))}")
    yield f"settings: {_plain(found.world.given)}"
    first, second = found.world.books
    for book in (first,) if first is second else (first, second):
        yield from ("a book:", *(f"  {line}" for line in book.text.splitlines()))


def _plain(value: object) -> str:
    return json.dumps(value, default=str)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.triples", description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=COUNT, help="triples (default: %(default)s)")
    parser.add_argument("seed", nargs="?", type=int, default=SEED, help="another seed, others (default: %(default)s)")
    parser.add_argument("--group", type=int, default=0, help="begin with that group, as a difference names it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
