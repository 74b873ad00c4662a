"""A layer between this process's SQLite and its files that fails on demand, and that can cut the power.

`install()` makes it the default VFS of the very library that the standard `sqlite3` module uses, so what is tested
needs no hook: connections opened afterwards go through it. It takes SQLite's own file objects and replaces, in their
tables of methods, only those that change a file; reading, locking and shared memory stay SQLite's own. What another
process writes, what is written to a file by other means than SQLite, and temporary files are not seen. No sync goes
to the real disk: the operating system keeps what was written also when the process is killed, and all else is played.
"""

from __future__ import annotations

import _sqlite3
import atexit
import ctypes
import errno
import os
import sqlite3
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int64, c_void_p
from pathlib import Path
from random import Random
from typing import Any, NoReturn, Self

from tests.faults.disk import Disk, File, Truncate, Write

POWER_CUT_STATUS = 75
"""With what a process ends whose power was cut."""
BROKEN_STATUS = 70
"""With what a process ends in which this layer itself has a fault, which must never look like one of the disk."""

# What follows is named and numbered as in sqlite3.h.

_OK, _CANTOPEN, _FULL = 0, 14, 13
_IOERR_WRITE, _IOERR_FSYNC, _IOERR_TRUNCATE, _IOERR_DELETE, _IOERR_SHMSIZE = (
    10 | number << 8 for number in (3, 4, 6, 10, 19)
)
_OPEN_CREATE = 0x04
_OPEN_MAIN_DB, _OPEN_MAIN_JOURNAL, _OPEN_SUPER_JOURNAL, _OPEN_WAL = 0x100, 0x800, 0x4000, 0x80000
_OPEN_OURS = _OPEN_MAIN_DB | _OPEN_MAIN_JOURNAL | _OPEN_SUPER_JOURNAL | _OPEN_WAL
_METHODS = (
    "xClose xRead xWrite xTruncate xSync xFileSize xLock xUnlock xCheckReservedLock xFileControl xSectorSize"
    " xDeviceCharacteristics xShmMap xShmLock xShmBarrier xShmUnmap xFetch xUnfetch"
).split()
_VFS_METHODS = (
    "xOpen xDelete xAccess xFullPathname xDlOpen xDlError xDlSym xDlClose xRandomness xSleep xCurrentTime"
    " xGetLastError xCurrentTimeInt64 xSetSystemCall xGetSystemCall xNextSystemCall"
).split()
_LAST_VERSION = 3
"""Of either structure; methods that later versions add are hidden from SQLite, which then does without them."""

_PROTOTYPES = {
    "xOpen": CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p),
    "xDelete": CFUNCTYPE(c_int, c_void_p, c_void_p, c_int),
    "xClose": CFUNCTYPE(c_int, c_void_p),
    "xRead": CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64),
    "xWrite": CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64),
    "xTruncate": CFUNCTYPE(c_int, c_void_p, c_int64),
    "xSync": CFUNCTYPE(c_int, c_void_p, c_int),
    "xFileSize": CFUNCTYPE(c_int, c_void_p, POINTER(c_int64)),
    "xShmMap": CFUNCTYPE(c_int, c_void_p, c_int, c_int, c_int, c_void_p),
}


class _IoMethods(ctypes.Structure):
    _fields_ = (("iVersion", c_int), *((name, c_void_p) for name in _METHODS))


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("iVersion", c_int),
        ("szOsFile", c_int),
        ("mxPathname", c_int),
        ("pNext", c_void_p),
        ("zName", c_char_p),
        ("pAppData", c_void_p),
        *((name, c_void_p) for name in _VFS_METHODS),
    )


class _OsFile(ctypes.Structure):
    _fields_ = (("pMethods", c_void_p),)


class _Table:
    """SQLite's methods for files of one kind, and the same with ours in place of some."""

    def __init__(self, address: int, ours: dict[str, Callable[..., int]]) -> None:
        self.inner = _IoMethods.from_address(address)
        self.outer = _IoMethods()
        self.callbacks = _replace(self.inner, self.outer, ours)
        self.close, self.read, self.write, self.truncate, self.file_size, self.shm_map = (
            _call(self.inner, name) for name in "xClose xRead xWrite xTruncate xFileSize xShmMap".split()
        )


class _Handle:
    """An open file: the database, its journal or its write-ahead log."""

    def __init__(self, path: str, address: int, table: _Table) -> None:
        self.path, self.address, self.table = path, address, table
        self.file: File | None = None

    def contents(self) -> bytes:
        """What it holds, read by its own descriptor: closing another one would drop this process's locks."""
        size = c_int64()
        self.table.file_size(self.address, ctypes.byref(size))
        buffer = ctypes.create_string_buffer(size.value)
        if size.value and (code := self.table.read(self.address, buffer, size.value, 0)):
            raise OSError(code, f"SQLite cannot read {self.path}")
        return buffer.raw


class Faults:
    """The layer while it is installed. Operations are counted from 1, the next one."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.writes = 0
        """How many operations there were so far that change a file of a database.

        They are writes, syncs and truncates of databases, journals and write-ahead logs, their creations and
        deletions, and what makes a shared memory larger.
        """
        self.failed: list[str] = []
        """What was made to fail so far, as "sync j.db-wal"."""
        self._library = library
        self._lock = threading.RLock()
        self._error, self._fail_at, self._fail_until = 0, 0, 0
        self._cut_at, self._random = 0, Random()
        self._disk: Disk | None = None
        self._removed = False
        self._handles: dict[int, _Handle] = {}
        self._tables: dict[int, _Table] = {}
        self._inner = _Vfs.from_address(library.sqlite3_vfs_find(None))
        self._outer = _Vfs()
        self._callbacks = _replace(
            self._inner, self._outer, {"xOpen": self._guarded(self._open), "xDelete": self._guarded(self._delete)}
        )
        self._outer.zName = f"faults-{id(self)}".encode()
        self._inner_open, self._inner_delete = _call(self._inner, "xOpen"), _call(self._inner, "xDelete")
        library.sqlite3_vfs_register(ctypes.byref(self._outer), 1)
        _INSTALLED.append(self)
        # A connection that is closed only while Python ends must find SQLite's own functions, in memory that still is.
        atexit.register(self.remove)
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._outer))

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Removes it."""
        self.remove()

    def remove(self) -> None:
        """All connections, also those that are open, go on with SQLite's own layer."""
        with self._lock:
            self.heal()
            if self._removed:
                return
            self._removed = True
            self._library.sqlite3_vfs_unregister(ctypes.byref(self._outer))
            self._outer.xOpen, self._outer.xDelete = self._inner.xOpen, self._inner.xDelete
            for address, handle in self._handles.items():
                _OsFile.from_address(address).pMethods = ctypes.addressof(handle.table.inner)

    @property
    def name(self) -> str:
        """What SQLite calls it (vfs=... of a URI)."""
        return str(self._outer.zName.decode())

    def fail_at(self, number: int, error: int, *, forever: bool = False) -> None:
        """The `number`th operation from now fails with errno.ENOSPC or EIO, and those after it too, if `forever`.

        Of a write that fails one half is done. After a sync that failed, the writes before it can be read until the
        power is cut, and are never kept, not even by a later sync.
        """
        if error not in {errno.ENOSPC, errno.EIO}:
            raise ValueError(f"a disk fails with ENOSPC or EIO, not with {errno.errorcode.get(error, error)}")
        with self._lock:
            self._error, self._fail_at = error, self.writes + number
            self._fail_until = sys.maxsize if forever else self._fail_at

    def heal(self) -> None:
        """Nothing fails any more, and no power cut comes."""
        with self._lock:
            self._fail_at = self._fail_until = self._cut_at = 0

    def track(self) -> None:
        """From now on knows what is safe of the files; what is there now is."""
        with self._lock:
            self._disk = Disk()
            for handle in self._handles.values():
                handle.file = self._disk.open(handle.path, handle.contents)

    def power_cut(self, random: Random) -> NoReturn:
        """Sets all files to what a power cut could leave of them, and ends this process at once."""
        disk = self._tracked()
        with self._lock:
            try:
                disk.power_cut(random)
                for handle in self._handles.values():
                    Path(f"{handle.path}-shm").unlink(missing_ok=True)
            except BaseException:  # noqa: BLE001  # whatever it is, nobody may go on with half of the files reset
                _die()
            os._exit(POWER_CUT_STATUS)

    def cut_power_at(self, number: int, random: Random) -> None:
        """Cuts the power right before the `number`th operation from now."""
        self._tracked()
        with self._lock:
            self._cut_at, self._random = self.writes + number, random

    def _tracked(self) -> Disk:
        if self._disk is None:
            raise RuntimeError("what is safe is not known; call track() before what the power cut shall hit")
        return self._disk

    def _fails(self, what: str, path: str) -> int:
        """The errno of the operation that begins, 0 if nothing is wrong with it."""
        self.writes += 1
        if self.writes == self._cut_at:
            self.power_cut(self._random)
        if not self._fail_at <= self.writes <= self._fail_until:
            return 0
        self.failed.append(f"{what} {Path(path).name}")
        return self._error

    def _guarded(self, function: Callable[..., int]) -> Callable[..., int]:
        """One operation at a time, so that the order in which they are remembered is the order in which they are done.

        An exception ends the process: ctypes would print it and tell SQLite that all is well.
        """

        def call(*given: int) -> int:
            try:
                with self._lock:
                    return function(*given)
            except BaseException:  # noqa: BLE001  # also an interrupt would be swallowed
                _die()

        return call

    # SQLite's calls; each gets and gives what sqlite3.h says of it.

    def _open(self, _vfs: int, name: int | None, address: int, flags: int, flags_out: int | None) -> int:
        inner = ctypes.addressof(self._inner)
        if not name or not flags & _OPEN_OURS:
            return int(self._inner_open(inner, name, address, flags, flags_out))
        path = os.fsdecode(ctypes.string_at(name))
        created = bool(flags & _OPEN_CREATE) and not Path(path).exists()
        if created and self._fails("create", path):
            _OsFile.from_address(address).pMethods = None
            return _CANTOPEN
        code = int(self._inner_open(inner, name, address, flags, flags_out))
        if code == _OK:
            os_file = _OsFile.from_address(address)
            self._handles[address] = handle = _Handle(path, address, self._table(os_file.pMethods))
            os_file.pMethods = ctypes.addressof(handle.table.outer)
            if self._disk:
                handle.file = self._disk.create(path) if created else self._disk.open(path, handle.contents)
        return code

    def _table(self, address: int) -> _Table:
        if address not in self._tables:
            ours: dict[str, Callable[..., int]] = {
                "xClose": self._close,
                "xWrite": self._write,
                "xTruncate": self._truncate,
                "xSync": self._sync,
                "xShmMap": self._shm_map,
            }
            self._tables[address] = _Table(address, {name: self._guarded(ours[name]) for name in ours})
        return self._tables[address]

    def _delete(self, _vfs: int, name: int, folder_synced: int) -> int:
        path = os.fsdecode(ctypes.string_at(name))
        there = Path(path).exists()
        if there and self._disk:
            self._disk.open(path, Path(path).read_bytes)
        if there and self._fails("delete", path):
            return _IOERR_DELETE
        code = int(self._inner_delete(ctypes.addressof(self._inner), name, 0))
        if there and code == _OK and self._disk:
            self._disk.delete(path, synced=bool(folder_synced))
        return code

    def _close(self, address: int) -> int:
        return int(self._handles.pop(address).table.close(address))

    def _write(self, address: int, data: int, amount: int, offset: int) -> int:
        handle = self._handles[address]
        error = self._fails("write", handle.path)
        done = amount // 2 if error else amount
        code = int(handle.table.write(address, data, done, offset)) if done else _OK
        if code == _OK and handle.file:
            handle.file.later.append(Write(offset, ctypes.string_at(data, done)))
        return {0: code, errno.ENOSPC: _FULL, errno.EIO: _IOERR_WRITE}[error]

    def _truncate(self, address: int, size: int) -> int:
        handle = self._handles[address]
        if self._fails("truncate", handle.path):
            return _IOERR_TRUNCATE
        code = int(handle.table.truncate(address, size))
        if code == _OK and handle.file:
            handle.file.later.append(Truncate(size))
        return code

    def _sync(self, address: int, _flags: int) -> int:
        handle = self._handles[address]
        if self._fails("sync", handle.path):
            if handle.file:
                handle.file.sync_failed()
            return _IOERR_FSYNC
        if handle.file and self._disk:
            self._disk.sync(handle.file)
        return _OK

    def _shm_map(self, address: int, region: int, size: int, extend: int, mapped: int) -> int:
        handle = self._handles[address]
        if extend and self._fails("extend", f"{handle.path}-shm"):
            return _IOERR_SHMSIZE
        return int(handle.table.shm_map(address, region, size, extend, mapped))


_INSTALLED: list[Faults] = []
"""Every layer there ever was: a thread may be on its way into one that has just been removed."""


def install() -> Faults:
    """The layer, now the default VFS; RuntimeError if this Python does not show the library that its sqlite3 uses."""
    for library in _libraries():
        if hasattr(library, "sqlite3_vfs_find"):
            library.sqlite3_vfs_find.restype = c_void_p
            library.sqlite3_vfs_find.argtypes = (c_char_p,)
            faults = Faults(library)
            if _is_used(faults):
                return faults
            faults.remove()
    raise RuntimeError(
        "the SQLite library of this Python's sqlite3 module cannot be reached: neither that module nor the executable"
        " shows sqlite3_vfs_find(). Use a Python whose _sqlite3 is linked dynamically, as those of most distributions"
    )


def _libraries() -> Iterator[ctypes.CDLL]:
    """Where its functions may be: a handle of the extension module finds those of the libraries that it is linked to.

    A Python that has the module built in has them in itself, if at all.
    """
    if hasattr(_sqlite3, "__file__"):
        yield ctypes.CDLL(_sqlite3.__file__)
    yield ctypes.CDLL(None)


def _is_used(faults: Faults) -> bool:
    """Whether the sqlite3 module knows the layer; if not, there is a second library in this process."""
    try:
        with closing(sqlite3.connect(f"file:known?mode=memory&vfs={faults.name}", uri=True)):
            return True
    except sqlite3.OperationalError:
        return False


def _call(structure: ctypes.Structure, name: str) -> Callable[..., int]:
    """The C function of that name; a file of an older version has none of some names, and is never asked for them."""
    return _PROTOTYPES[name](getattr(structure, name) or 0)


def _replace(inner: Any, outer: Any, ours: dict[str, Callable[..., int]]) -> list[object]:
    """Makes `outer` a copy of `inner` with our functions in place of some; what comes back must live as long as it."""
    ctypes.memmove(ctypes.byref(outer), ctypes.byref(inner), ctypes.sizeof(outer))
    outer.iVersion = min(inner.iVersion, _LAST_VERSION)
    callbacks: list[object] = []
    for name, function in ours.items():
        callback = _PROTOTYPES[name](function)
        setattr(outer, name, ctypes.cast(callback, c_void_p))
        callbacks.append(callback)
    return callbacks


def _die() -> NoReturn:
    traceback.print_exc()
    os._exit(BROKEN_STATUS)
