"""Killed at any moment, nothing that was promised is lost or done twice; `make crash` goes on for longer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.search

KILLS = 50
MUST_HAPPEN = {"kills", "entries", "promises", "sessions", "received"}


def test_kills_lose_and_double_nothing(record_property: Callable[[str, object], None]) -> None:
    """Property 10: after 50 kills every promise is in the journal, nothing started twice, and all is explained."""
    command = [sys.executable, "-m", "tests.crash", str(KILLS), "0"]
    done = subprocess.run(command, capture_output=True, check=False, text=True, cwd=Path(__file__).parents[1])
    found = {name.strip(): int(count.replace(",", "")) for count, name in _table(done.stdout)}
    record_property("shown", f"crash: {found}")
    assert (done.returncode, done.stderr) == (0, "")
    assert {name for name, count in found.items() if count} == MUST_HAPPEN
    assert found["promises"] > found["kills"] == KILLS


def _table(text: str) -> list[list[str]]:
    return [line.strip().split(maxsplit=1) for line in text.splitlines() if line.strip()]
