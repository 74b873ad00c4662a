"""Shell: owns the ways out that are lines: stdout, and a file that somebody else reads.

Refuses to glue two messages together: a line that was torn is ended before the next one begins.
"""

from __future__ import annotations

import os
from pathlib import Path

from monitoring_core.domain.outcomes import AnyCommand
from monitoring_core.domain.settings import Settings
from monitoring_core.outbound.bus import BusOutbound
from monitoring_core.outbound.port import InDoubtError, NotSentError

_STDOUT = 1


class StdoutOutbound(BusOutbound):
    """One message a line on stdout, or on another open `descriptor`, which stays the program's own to close.

    Nothing is buffered: what a failed write left in a buffer would go out with the next one, a second time.
    """

    def __init__(self, settings: Settings, descriptor: int = _STDOUT) -> None:
        super().__init__(settings)
        self._descriptor = descriptor
        self._is_torn = False

    def _hand_over(self, command_id: str, command: AnyCommand, line: bytes) -> None:  # noqa: ARG002 # a line says it all
        rest = b"\n" + line if self._is_torn else line
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            what = f"cannot write to stdout: {error.strerror}"
            if len(rest) < len(line):
                raise InDoubtError(what, fix="look at what the reader made of a line without its end") from error
            raise NotSentError(what, fix="keep the program that reads our output running, and reading") from error
        finally:
            self._is_torn = bool(rest) and len(rest) != len(line)


class FileOutbound(BusOutbound):
    """One message a line at the end of a file that nobody else writes to; it is on the disk when `send` returns.

    The file is opened for each message: one that was moved away or deleted is made anew, not written to unseen.
    """

    def __init__(self, path: str | Path, settings: Settings) -> None:
        super().__init__(settings)
        self._path = Path(path)

    def _hand_over(self, command_id: str, command: AnyCommand, line: bytes) -> None:  # noqa: ARG002 # a line says it all
        is_written = False
        try:
            with self._path.open("a+b", buffering=0) as file:
                is_new = not _append(file.fileno(), line)
                is_written = True
                os.fsync(file.fileno())
            if is_new:
                _sync_folder(self._path.parent)
        except OSError as error:
            what, where = f"cannot write to this file: {error.strerror}", str(self._path)
            if is_written:  # whoever follows the file may have read it
                raise InDoubtError(what, where, "look whether the file's last line is the command's") from error
            raise NotSentError(what, where, "see that the folder is there, may be written to and has room") from error


def _append(descriptor: int, line: bytes) -> int:
    """The size before, bytes. Raises OSError if nothing of the line is there, InDoubtError if a part of it is."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    os.lseek(descriptor, max(size - 1, 0), os.SEEK_SET)
    rest = line if os.read(descriptor, 1) in {b"", b"\n"} else b"\n" + line
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError:
        if len(rest) < len(line):
            _cut(descriptor, size)
        raise
    return size


def _cut(descriptor: int, size: int) -> None:
    try:
        os.ftruncate(descriptor, size)
        os.fsync(descriptor)
    except OSError as error:
        what = f"a part of a line was written and cannot be taken back: {error.strerror}"
        raise InDoubtError(what, fix="look at the file's last line, and at the disk") from error


def _sync_folder(folder: Path) -> None:
    """A new file's name survives a crash, too; where a folder cannot be opened (Windows) the system sees to it."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
