"""Shell: owns the reading of a file that people wrote: UTF-8, and no larger than such a file may be.

Refuses to know what it says; who reads the text refuses it if it is too large.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from pathlib import Path

from monitoring_core.domain.settings import Limits
from monitoring_core.errors import UsageError

_BYTES_MAX = Limits().rule_file_bytes_max + 4
"""Enough for the reader to see that it is too much, also without a last character of which only a part was read."""


def read_text(path: str | Path, fix: str) -> str:
    """The text of a file; of one that is larger than any may be, only as much as shows it.

    Raises UsageError if it cannot be read, with the `fix`, or is not UTF-8.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(_BYTES_MAX)
        return getincrementaldecoder("utf-8")().decode(data, final=len(data) < _BYTES_MAX)
    except UnicodeDecodeError as error:
        raise UsageError("this file is not UTF-8", f"{path}, byte {error.start + 1}", "save it as UTF-8") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in its name
        raise UsageError(f"cannot read this file: {getattr(error, 'strerror', error)}", str(path), fix) from error
