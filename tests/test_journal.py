"""The contract for every store of a journal that there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitoring_core.journal import Journal, MemoryJournal, SqliteJournal
from tests.contracts.journal import CONTRACT


@pytest.fixture(params=["memory", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    """A new journal of each kind."""
    opened: Journal = MemoryJournal() if request.param == "memory" else SqliteJournal(tmp_path / "journal")
    yield opened
    opened.close()


@pytest.mark.parametrize("claim", CONTRACT, ids=lambda claim: claim.__name__)
def test_the_contract_is_kept(journal: Journal, claim: Callable[[Journal], None]) -> None:
    """Every store keeps every claim of the contract."""
    claim(journal)
