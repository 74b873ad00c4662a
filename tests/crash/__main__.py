"""`make crash`: a thousand kills, a receiver that is gone for a minute, and a table of what came out."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import attrs
from tqdm import tqdm

from tests.crash.harness import Found, Run
from tests.crash.outage import Outage, outage

KILLS = 1_000
OUTAGE_S = 60.0


def main(kills: int = KILLS, outage_s: float = OUTAGE_S) -> int:
    """Kill so often, and be away for so long (seconds; 0: not at all); 1 if anything is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        for _ in tqdm(run.kill(kills), total=kills, unit="kill", disable=not sys.stderr.isatty()):
            pass
        found = run.found(kills)
    _tell(found)
    if not outage_s:
        return 1 if found.wrong else 0
    with tempfile.TemporaryDirectory() as folder:
        gone = outage(Path(folder), outage_s)
    _tell(gone)
    return 1 if found.wrong or gone.wrong else 0


def _tell(found: Found | Outage) -> None:
    for name, count in attrs.asdict(found).items():
        sys.stdout.write(f"{count:10,}  {name.replace('_', ' ')}\n")
    sys.stdout.write("\n")


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
