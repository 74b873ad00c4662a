"""Shell: owns the unpacking of zstd as a stream, which the `zstd` extra brings.

Refuses to take half a file for a whole one: the library's own reader ends there without a word.
"""

from __future__ import annotations

import io
from typing import IO, Any

from monitoring_core.errors import UsageError

_CHUNK_BYTES = 1_024
"""So little at once, as each packed byte may stand for 32 KiB."""


def unzstd(raw: IO[bytes]) -> IO[bytes]:
    """What is packed in `raw`; reading it raises OSError or EOFError where that is damaged or ends too early.

    Raises UsageError without the extra.
    """
    try:
        import zstandard  # noqa: PLC0415 # an extra
    except ImportError as error:
        fix = "pip install 'monitoring-core[zstd]', or unpack the file first"
        raise UsageError("this file is packed with zstd, which needs an extra", "zstandard", fix) from error
    return io.BufferedReader(_Unpacked(raw, zstandard))


class _Unpacked(io.RawIOBase):
    """Frame after frame of a zstd file."""

    def __init__(self, raw: Any, zstandard: Any) -> None:
        self._raw = raw
        self._zstandard = zstandard
        self._frame: Any = None
        self._packed = b""
        self._unpacked = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._unpacked:
            chunk = self._packed or self._raw.read1(_CHUNK_BYTES)
            if not chunk:
                if self._frame is not None and not self._frame.eof:
                    raise EOFError("it ends in the middle of a frame")
                return 0
            self._unpack(chunk)
        size = min(len(buffer), len(self._unpacked))
        buffer[:size], self._unpacked = self._unpacked[:size], self._unpacked[size:]
        return size

    def _unpack(self, chunk: bytes) -> None:
        if self._frame is None or self._frame.eof:
            self._frame = self._zstandard.ZstdDecompressor().decompressobj()
        try:
            self._unpacked = self._frame.decompress(chunk)
        except self._zstandard.ZstdError as error:
            raise OSError(str(error)) from error
        self._packed = self._frame.unused_data if self._frame.eof else b""
