"""Killed at any moment, nothing that was promised is lost or done twice; `make crash` goes on for longer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.crash.harness import Run

KILLS = 50


def test_kills_lose_and_double_nothing(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Property 10: after 50 kills every promise is in the journal, nothing started twice, and all is explained."""
    run = Run(tmp_path)
    assert len(list(run.kill(KILLS))) == KILLS
    found = run.found(KILLS)
    record_property("shown", f"crash: {found}")
    assert found.wrong == {}
    assert found.promises > KILLS
    assert found.received > 0
