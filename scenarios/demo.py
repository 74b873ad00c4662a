"""What `make demo` shows: a recorded contact centre, what its supervisors asked for, and what became of it.

Two runs of the command line over one recording: what was, and what would have been sent. With `--report FILE` a third
one instead: the same as a page for a browser.
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
GAP_S = 0.5
"""From when on a silence of the switch is shown, seconds: its calls are some seconds long, and there are many."""


def report(path: Path) -> int:
    """Write the page, and say where it is; the exit code."""
    print("\n=== All of it as one page for a browser, without a network\n    monitoring-core report LOG\n", flush=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    code = main(["report", *CENTRE, f"--gap={GAP_S}", "--out", str(path)])
    print(f"open {path.resolve().as_uri()}", flush=True)
    return code


def demo() -> int:
    """Show everything; the worst exit code."""
    codes = []
    for title, command, arguments in SHOWN:
        print(f"\n=== {title}\n    {command}\n", flush=True)
        codes.append(main(arguments))
    return max(codes)


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            sys.exit(demo())
        case ["--report", path]:
            sys.exit(report(Path(path)))
        case _:
            sys.exit(f"usage: {sys.argv[0]} [--report FILE]")
