"""What `make demo` shows: a recorded contact centre, what its supervisors asked for, and what became of it.

Two runs of the command line over one recording: what was, and what would have been sent.
"""

from __future__ import annotations

import sys
from pathlib import Path

from monitoring_core.cli import main

RECORDED = Path(__file__).parent / "recorded"
CENTRE = [
    str(RECORDED / "contact-centre-a.jsonl.gz"),
    "--source=asterisk",
    f"--floor={RECORDED / 'contact-centre-a.floor.toml'}",
    f"--with={RECORDED / 'contact-centre-a.requests.jsonl'}",
]
SHOWN = (
    (
        "Who listened to whom, who was refused and why, and what would have permitted it",
        "monitoring-core replay LOG --remedies",
        ["replay", *CENTRE, "--remedies"],
    ),
    (
        "What goes out on the bus: every permitted start, and every stop that was asked for",
        "monitoring-core run LOG",
        ["run", *CENTRE],
    ),
)


def demo() -> int:
    """Show everything; the worst exit code."""
    codes = []
    for title, command, arguments in SHOWN:
        print(f"\n=== {title}\n    {command}\n", flush=True)
        codes.append(main(arguments))
    return max(codes)


if __name__ == "__main__":
    sys.exit(demo())
