"""The contract for every way out that there is, and what is special about lines."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import attrs
import pytest

from monitoring_core.domain.outcomes import AnyCommand
from monitoring_core.domain.settings import Settings
from monitoring_core.outbound import (
    FileOutbound,
    FinesseOutbound,
    HttpOutbound,
    InDoubtError,
    Logins,
    NotSentError,
    Outbound,
    OutboundError,
    RefusedError,
    StdoutOutbound,
)
from tests.contracts.outbound import (
    CONTRACT,
    DROP,
    DROP_MESSAGE,
    ON_THE_BUS,
    START,
    START_MESSAGE,
    Receiver,
    Way,
    says,
)
from tests.finesse_server import Finesse, Monitored

LINE = START_MESSAGE + b"\n"
MANY_BYTES = 1_000_000
NOT_ON_THE_BUS = "nothing on this bus asks for a snapshot"
START_IN_FINESSE = (
    b"POST /finesse/api/User/47483657/Dialogs <Dialog><requestedAction>SILENT_MONITOR</requestedAction>"
    b"<fromAddress>5004</fromAddress><toAddress>5025</toAddress></Dialog>"
)
DROP_IN_FINESSE = (
    b"PUT /finesse/api/Dialog/16930408 <Dialog><targetMediaAddress>5004</targetMediaAddress>"
    b"<requestedAction>DROP</requestedAction></Dialog>"
)


class Disk:
    """The system's calls on an open file: those in `broken` fail, and writing does when `room` bytes are written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room = MANY_BYTES
        self.broken: set[str] = set()
        self._write = os.write
        monkeypatch.setattr(os, "write", self.write)
        for name in ("ftruncate", "fsync"):
            monkeypatch.setattr(os, name, self._breakable(name, getattr(os, name)))

    def write(self, descriptor: int, data: bytes) -> int:
        """As many bytes as there is room for."""
        if self.room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        count = self._write(descriptor, data[: self.room])
        self.room -= count
        return count

    def _breakable(self, name: str, call: Callable[..., None]) -> Callable[..., None]:
        def called(*args: int) -> None:
            if name in self.broken:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            call(*args)

        return called


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """The system's calls, to be broken."""
    return Disk(monkeypatch)


@attrs.define
class LinesWay:
    """Lines on stdout or in a file; `read` gives what has newly arrived."""

    outbound: Outbound
    read: Callable[[], bytes]
    disk: Disk
    messages: tuple[tuple[AnyCommand, bytes], ...] = ON_THE_BUS
    failures: tuple[type[OutboundError], ...] = (NotSentError, InDoubtError)
    no_snapshot: str = NOT_ON_THE_BUS

    def received(self) -> list[bytes]:
        """The lines, each with its end."""
        *lines, rest = self.read().split(b"\n")
        assert not rest
        return lines

    def fail(self, error: type[OutboundError]) -> None:
        """The disk, or whatever takes the bytes, is full, at once or after a few; nothing can be taken back."""
        self.disk.room = 0 if error is NotSentError else 5
        self.disk.broken = {"ftruncate"}

    def mend(self) -> None:
        """There is room again."""
        self.disk.room = MANY_BYTES
        self.disk.broken = set()


@attrs.define
class HttpWay:
    """POSTs to a server, of which those that it took count as received."""

    outbound: Outbound
    receiver: Receiver
    messages: tuple[tuple[AnyCommand, bytes], ...] = ON_THE_BUS
    failures: tuple[type[OutboundError], ...] = (NotSentError, InDoubtError, RefusedError)
    no_snapshot: str = NOT_ON_THE_BUS

    def received(self) -> list[bytes]:
        """The bodies that the server took."""
        return [request.body for request in self.receiver.requests if request.is_taken]

    def fail(self, error: type[OutboundError]) -> None:
        """The server says so, and is so rude as to repeat what it was sent."""
        status = {NotSentError: 503, InDoubtError: 500, RefusedError: 400}[error]
        self.receiver.answer = says(status, f"X-Sent: {START_MESSAGE.decode()}", body=START_MESSAGE)

    def mend(self) -> None:
        """The server takes everything."""
        self.receiver.answer = says(204)


@attrs.define
class FinesseWay:
    """Requests to a Finesse that has twenty-one monitor dialogs, of which those that it accepted count as received."""

    outbound: Outbound
    finesse: Finesse
    messages: tuple[tuple[AnyCommand, bytes], ...] = ((START, START_IN_FINESSE), (DROP, DROP_IN_FINESSE))
    failures: tuple[type[OutboundError], ...] = (NotSentError, InDoubtError, RefusedError)
    no_snapshot: str = "nobody takes the answer to a question"

    def __attrs_post_init__(self) -> None:
        pair = Monitored(self.finesse.people["5004"], self.finesse.people["5025"])
        self.finesse.dialogs = dict.fromkeys(["16930408", *map(str, range(20))], pair)

    def received(self) -> list[bytes]:
        """Method, path and body of what was accepted."""
        return [asked.said for asked in self.finesse.requests if asked.is_taken]

    def fail(self, error: type[OutboundError]) -> None:
        """The server says so, and is so rude as to repeat what it was sent."""
        status = {NotSentError: 503, InDoubtError: 500, RefusedError: 400}[error]
        body = b"<ApiErrors><ApiError><ErrorType>no 47483657</ErrorType></ApiError></ApiErrors>"
        self.finesse.answer = says(status, f"X-Sent: {START_MESSAGE.decode()}", body=body)

    def mend(self) -> None:
        """The server answers by itself again."""
        self.finesse.answer = None


@pytest.fixture(params=["stdout", "file", "http", "finesse"])
def way(
    request: pytest.FixtureRequest, tmp_path: Path, disk: Disk, capfdbinary: pytest.CaptureFixture[bytes]
) -> Iterator[Way]:
    """Every way out in turn."""
    with ExitStack() as stack:
        if request.param == "stdout":
            yield LinesWay(StdoutOutbound(Settings()), lambda: capfdbinary.readouterr().out, disk)
        elif request.param == "file":
            path = tmp_path / "out.jsonl"
            yield LinesWay(FileOutbound(path, Settings()), lambda: path.read_bytes() if path.exists() else b"", disk)
        elif request.param == "finesse":
            finesse = stack.enter_context(Finesse().running())
            yield FinesseWay(FinesseOutbound(finesse.url, Logins({"47483657": "of-47483657"})), finesse)
        else:
            receiver = stack.enter_context(Receiver())
            yield HttpWay(HttpOutbound(f"http://{receiver.authority}/", Settings(), key=None), receiver)


@pytest.mark.parametrize("claim", CONTRACT, ids=lambda claim: claim.__name__)
def test_the_contract_is_kept(way: Way, claim: Callable[[Way], None]) -> None:
    """Every way out keeps every claim of the contract."""
    claim(way)


@pytest.mark.parametrize("outbound", [StdoutOutbound(Settings()), FileOutbound("x", Settings())])
def test_lines_drop_no_repeats(outbound: Outbound) -> None:
    """Whoever reads lines is not known to drop repeats."""
    assert not outbound.drops_repeats


def test_a_start_is_spelt_as_the_settings_say(tmp_path: Path) -> None:
    """The sample's spelling of SetSilentMonitoring and the site's own source go out where the settings say so."""
    path = tmp_path / "out.jsonl"
    FileOutbound(path, Settings(spelling="sample", source="ours")).send("s-6/12/0", START)
    assert path.read_bytes() == (
        b'{"channel":"Cisco","topic":"Agent","subtopic":"SetSilentMonitoring","source":"ours",'
        b'"data":{"Username":"47483657","FromAddress":"5004","ToAddress":"5025"}}\n'
    )


# stdout


def test_a_closed_pipe_is_not_sent_with_a_fix() -> None:
    """When the program that reads our output has gone, nothing was sent, and the error says what to do."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        with pytest.raises(NotSentError) as raised:
            StdoutOutbound(Settings(), writing).send("s-6/12/0", START)
    finally:
        os.close(writing)
    assert "keep the program that reads our output running" in raised.value.fix


def test_a_torn_line_on_stdout_is_ended_even_at_the_second_try(
    disk: Disk, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """A line that was torn is ended before the next, also if its end could not be written at the first try."""
    outbound = StdoutOutbound(Settings())
    disk.room = 5
    with pytest.raises(InDoubtError):
        outbound.send("s-6/12/0", START)
    with pytest.raises(NotSentError):
        outbound.send("s-6/13/0", DROP)
    disk.room = 1
    with pytest.raises(NotSentError):
        outbound.send("s-6/13/0", DROP)
    disk.room = MANY_BYTES
    outbound.send("s-6/13/0", DROP)
    assert capfdbinary.readouterr().out == LINE[:5] + b"\n" + DROP_MESSAGE + b"\n"


def test_stdout_stays_open(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Closing the way out leaves the program its stdout."""
    StdoutOutbound(Settings()).close()
    os.write(1, b"more")
    assert capfdbinary.readouterr().out == b"more"


# A file


def test_lines_are_added_to_a_file(tmp_path: Path) -> None:
    """What stands in the file already stays."""
    path = tmp_path / "out.jsonl"
    path.write_bytes(b"before\n")
    FileOutbound(path, Settings()).send("s-6/12/0", START)
    assert path.read_bytes() == b"before\n" + LINE


def test_a_torn_last_line_is_ended_first(tmp_path: Path) -> None:
    """A last line that a crash has torn is ended before the next one is written."""
    path = tmp_path / "out.jsonl"
    path.write_bytes(LINE + LINE[:40])
    outbound = FileOutbound(path, Settings())
    outbound.send("s-6/12/0", DROP)
    outbound.send("s-6/13/0", START)
    assert path.read_bytes() == LINE + LINE[:40] + b"\n" + DROP_MESSAGE + b"\n" + LINE


@pytest.mark.parametrize("before", [b"", LINE, LINE[:40]], ids=["new", "whole", "torn"])
@pytest.mark.parametrize("room", [2, 40, len(LINE) - 1])
def test_a_part_of_a_line_is_taken_back(tmp_path: Path, disk: Disk, before: bytes, room: int) -> None:
    """When the disk is full in the middle of a line, the file is as before and the command was not sent."""
    path = tmp_path / "out.jsonl"
    path.write_bytes(before)
    disk.room = room
    with pytest.raises(NotSentError, match=os.strerror(errno.ENOSPC)):
        FileOutbound(path, Settings()).send("s-6/12/0", START)
    assert path.read_bytes() == before


@pytest.mark.parametrize("broken", ["ftruncate", "fsync"])
def test_a_part_that_cannot_be_taken_back_is_in_doubt(tmp_path: Path, disk: Disk, broken: str) -> None:
    """When a part of a line cannot be taken back for certain, the command is in doubt."""
    disk.room, disk.broken = 5, {broken}
    with pytest.raises(InDoubtError, match="cannot be taken back"):
        FileOutbound(tmp_path / "out.jsonl", Settings()).send("s-6/12/0", START)


def test_a_line_that_may_not_reach_the_disk_is_in_doubt(tmp_path: Path, disk: Disk) -> None:
    """When the disk fails after a whole line was written, somebody may have read it: it is in doubt, and stays."""
    disk.broken = {"fsync"}
    path = tmp_path / "out.jsonl"
    with pytest.raises(InDoubtError, match=os.strerror(errno.EIO)):
        FileOutbound(path, Settings()).send("s-6/12/0", START)
    assert path.read_bytes() == LINE


def test_a_folder_that_vanished_is_not_sent_until_it_is_back(tmp_path: Path) -> None:
    """Without its folder nothing is sent; when it is back, so is the file."""
    folder = tmp_path / "gone"
    outbound = FileOutbound(folder / "out.jsonl", Settings())
    with pytest.raises(NotSentError) as raised:
        outbound.send("s-6/12/0", START)
    assert "the folder is there" in raised.value.fix
    folder.mkdir()
    outbound.send("s-6/12/0", START)
    assert (folder / "out.jsonl").read_bytes() == LINE


def test_a_file_that_was_moved_away_is_made_anew(tmp_path: Path) -> None:
    """What is sent after somebody took the file away stands in a new one, not in his."""
    path = tmp_path / "out.jsonl"
    outbound = FileOutbound(path, Settings())
    outbound.send("s-6/12/0", START)
    path.rename(tmp_path / "taken.jsonl")
    outbound.send("s-6/13/0", DROP)
    assert path.read_bytes() == DROP_MESSAGE + b"\n"


def test_each_line_is_on_the_disk_and_so_is_a_new_files_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line is synced before `send` returns, and the folder once, when the file is new."""
    synced: list[bool] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.path.samestat(os.fstat(descriptor), tmp_path.stat()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    outbound = FileOutbound(tmp_path / "out.jsonl", Settings())
    outbound.send("s-6/12/0", START)
    outbound.send("s-6/13/0", DROP)
    assert synced == [False, True, False]


def test_a_folder_that_cannot_be_opened_is_left_to_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system opens no folders (Windows) a new file is written all the same."""
    monkeypatch.delattr(os, "O_DIRECTORY", raising=False)
    path = tmp_path / "out.jsonl"
    FileOutbound(path, Settings()).send("s-6/12/0", START)
    assert path.read_bytes() == LINE
