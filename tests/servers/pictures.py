"""`python -m tests.servers.pictures FOLDER`: the README's pictures of the demo's report, taken anew into a folder."""

from __future__ import annotations

import base64
import sys
import tempfile
from pathlib import Path

from monitoring_core.cli import main as report
from tests.servers.browser import DESKTOP, PHONE, Browser, browser
from tests.test_demo import CENTRE
from tests.test_report import GAP_S

SESSION = "show=alarm&by=47488002&of=47481016&session=default-105"
"""Somebody who whispers and barges in, where the rules permit silence only."""
PICTURES = {
    "report-desktop.png": (DESKTOP, "", "header", "#diagram-picture"),
    "report-session.png": (DESKTOP, SESSION, "#sessions", "#session h3"),
    "report-phone.png": (PHONE, SESSION, "#session", "#session .steps > li:nth-child(2)"),
}
"""Each picture's width, place in the page, and its first and last element."""


def take(seen: Browser, page: Path, folder: Path) -> None:
    """All of them."""
    for name, (size, query, first, last) in PICTURES.items():
        seen.look(size)
        seen.open(page, query)
        seen.settle()
        top, end = seen.one(first).rect["y"], seen.one(last).rect["y"] + seen.one(last).rect["height"]
        png = seen.picture((size[0], end - top + 8), top - 8)
        (folder / name).write_bytes(base64.b64decode(png))


def main() -> int:
    """The exit code."""
    with tempfile.TemporaryDirectory() as kept, browser(Path(kept) / "profile") as seen:
        page = Path(kept) / "report.html"
        code = report(["report", *CENTRE, f"--gap={GAP_S}", "--out", str(page)])
        take(seen, page, Path(sys.argv[1]))
    return code


if __name__ == "__main__":
    sys.exit(main())
