"""`make crash`: a thousand kills, and a table of what came out."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import attrs
from tqdm import tqdm

from tests.crash.harness import Run

KILLS = 1_000


def main(kills: int = KILLS) -> int:
    """Kill so often; 1 if anything is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        for _ in tqdm(run.kill(kills), total=kills, unit="kill", disable=not sys.stderr.isatty()):
            pass
        found = run.found(kills)
    for name, count in attrs.asdict(found).items():
        sys.stdout.write(f"{count:10,}  {name.replace('_', ' ')}\n")
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
