"""Shell: owns the reading of a log that is a Parquet file, which the `parquet` extra brings: a row is a record.

Refuses to know what a row means: its columns are the fields of a JSON object, and one that is null is not said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

import msgspec

from monitoring_core.errors import UsageError

_ROWS = 4_096
"""So many at once."""


def parquet_records(raw: IO[bytes]) -> Iterator[bytes]:
    """Each row as JSON; of the file no more is held than one group of rows, as it is packed.

    Raises UsageError without the extra, OSError where the file is damaged.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 # an extra
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415 # an extra
    except ImportError as error:
        fix = "pip install 'monitoring-core[parquet]', or give JSON lines"
        raise UsageError("this file is Parquet, which needs an extra", "pyarrow", fix) from error
    try:
        for batch in ParquetFile(raw).iter_batches(batch_size=_ROWS):
            for row in batch.to_pylist(maps_as_pydicts="strict"):
                yield msgspec.json.encode(_said(row))
    except pa.ArrowException as error:
        raise OSError(str(error)) from error


def _said(value: Any) -> Any:
    """Without the nulls: a struct of Parquet has all its fields, also those that a row does not have."""
    if isinstance(value, dict):
        return {key: _said(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_said(inner) for inner in value]
    return value
