"""The contract for every form that a log may have, and what is Parquet's own."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from monitoring_core.errors import SourceError, UsageError
from monitoring_core.files import Recording
from tests.cli import CALL, lines
from tests.contracts.recording import CONTRACT, Write


def _parquet(*records: dict[str, Any]) -> bytes:
    """A column for each field, as tools that read JSON make them."""
    out = io.BytesIO()
    schema = None if records else pa.schema([("event", pa.string())])
    names = dict.fromkeys(name for one in records for name in one)
    full = [{name: one.get(name) for name in names} for one in records]
    pq.write_table(pa.Table.from_pylist(full, schema=schema), out, row_group_size=3_000)
    return out.getvalue()


FORMS: dict[str, Callable[..., bytes]] = {
    "lines": lines,
    "gzip": lambda *records: gzip.compress(lines(*records)),
    "zstd": lambda *records: zstandard.compress(lines(*records)),
    "list": lambda *records: json.dumps(records).encode(),
    "parquet": _parquet,
}


@pytest.fixture(params=FORMS)
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Write:
    """A way to write a log in each form."""

    def written(records: list[dict[str, Any]], name: str) -> Path:
        path = tmp_path / name
        path.write_bytes(FORMS[request.param](*records))
        return path

    return written


@pytest.mark.parametrize("claim", CONTRACT, ids=lambda claim: claim.__name__)
def test_the_contract_is_kept(write: Write, claim: Callable[[Write], None]) -> None:
    """Every form keeps every claim of the contract."""
    claim(write)


def test_parquet_needs_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow, the error names the extra."""
    (tmp_path / "log").write_bytes(_parquet(CALL))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"monitoring-core\[parquet\]"):
        list(Recording(str(tmp_path / "log")))


def test_what_only_begins_like_parquet_is_damaged(tmp_path: Path) -> None:
    """A file with Parquet's first letter and nothing else of it is one error in the place of its first record."""
    (tmp_path / "log").write_bytes(b"PAR1, not at all")
    ((number, error),) = Recording(str(tmp_path / "log"))
    assert number == 1
    assert isinstance(error, SourceError)
    assert error.what.startswith("the rest cannot be unpacked")


def test_parquet_from_a_pipe_is_an_error() -> None:
    """A Parquet file begins at its end, so it cannot come from a pipe."""
    command = [sys.executable, "-m", "monitoring_core", "replay", "-"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, env=environment, input=_parquet(CALL), capture_output=True, check=False)
    assert done.returncode == 2
    assert b"the rest cannot be unpacked" in done.stderr
    assert b"Traceback" not in done.stderr
