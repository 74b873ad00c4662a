"""A monitor on a disk that is full, that fails, whose power is cut: nothing promised is lost, nothing is half done."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.search

ROOT = Path(__file__).parents[1]
EVERY = 9
"""Every so many operations one is hit, to be quick; `python -m tests.faults.monitor FOLDER EIO 1` hits them all."""


@pytest.mark.parametrize("fault", ["ENOSPC", "EIO", "power"])
def test_no_fault_of_a_disk_loses_or_halves_anything(
    fault: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Whichever operation is hit: what was promised is there once, the chain is sound, and the site goes on."""
    command = [sys.executable, "-m", "tests.faults.monitor", str(tmp_path), fault, str(EVERY)]
    done = subprocess.run(command, capture_output=True, check=False, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    record_property("shown", f"faults: {fault}, {found}")
    assert found["lives"] > 5
    assert found["promises"] > found["lives"]
    assert {name: count for name, count in found.items() if count} == {
        "lives": found["lives"],
        "promises": found["promises"],
    }
