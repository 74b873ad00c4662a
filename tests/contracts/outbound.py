"""What every way out promises, as claims about a `Way`; and a web server to be the receiving end of one."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Protocol, Self

import attrs
import pytest

from monitoring_core.domain.outcomes import AnyCommand, AskSnapshot, BroadcastError, DropMonitorCall, StartMonitoring
from monitoring_core.domain.settings import Limits
from monitoring_core.outbound import InDoubtError, NotSentError, Outbound, OutboundError, RefusedError

START = StartMonitoring("s-6", "5004", "5025", "47483657")
START_MESSAGE = (
    b'{"channel":"Cisco","topic":"Team","subtopic":"SetSilentMonitoring","source":"monitoring-core",'
    b'"data":{"fromAddress":"5004","toAddress":"5025","UserName":"47483657"}}'
)
DROP = DropMonitorCall("s-6", "5004", "16930408")
DROP_MESSAGE = (
    b'{"channel":"Cisco","topic":"InboundCall","subtopic":"SetDROP","source":"monitoring-core",'
    b'"data":{"MediaAddress":"5004","CallID":"16930408"}}'
)
ERROR = BroadcastError("s-6", "Invalid Supervisor", "not your team")
ERROR_MESSAGE = (
    b'{"channel":"Cisco","topic":"Error","subtopic":"SetAPIError","source":"monitoring-core",'
    b'"data":{"packet":"apierror","data":{"errorType":"Invalid Supervisor","errorMessage":"Invalid Supervisor",'
    b'"msg":"not your team"}}}'
)
ON_THE_BUS = ((START, START_MESSAGE), (DROP, DROP_MESSAGE), (ERROR, ERROR_MESSAGE))
UNSPEAKABLE = (AskSnapshot("s-6", "site"), StartMonitoring("s-6", "5" * Limits().message_bytes_max, "5025", "47483657"))


class Way(Protocol):
    """A way out with its receiving end.

    `messages`: commands, of which it can say a start and a stop at least, each with its message; `failures`: what the
    world can do to it; `no_snapshot`: why it cannot ask for one.
    """

    outbound: Outbound
    messages: tuple[tuple[AnyCommand, bytes], ...]
    failures: tuple[type[OutboundError], ...]
    no_snapshot: str

    def received(self) -> list[bytes]:
        """Every message that arrived so far, in order, each bounded as this way bounds them."""

    def fail(self, error: type[OutboundError]) -> None:
        """From now on sending ends in `error`."""

    def mend(self) -> None:
        """From now on sending works again."""


def messages_arrive_byte_for_byte(way: Way) -> None:
    """Each command arrives as its message, to the byte."""
    for command, _ in way.messages:
        way.outbound.send("s-6/12/0", command)
    assert way.received() == [message for _, message in way.messages]


def order_is_kept(way: Way) -> None:
    """Commands arrive in the order in which they were sent."""
    for number in range(20):
        way.outbound.send(f"s-6/{number}/0", DropMonitorCall("s-6", "5004", str(number)))
    stop = dict(way.messages)[DROP]
    assert way.received() == [stop.replace(b"16930408", str(number).encode()) for number in range(20)]


def what_cannot_be_said_is_refused(way: Way) -> None:
    """A command that there is no message for, and one that is too long, are refused, and nothing arrives."""
    for command in UNSPEAKABLE:
        with pytest.raises(RefusedError):
            way.outbound.send("s-6/12/0", command)
    assert way.received() == []


def a_snapshot_is_refused_with_its_reason(way: Way) -> None:
    """Who asks for a snapshot reads why that is impossible."""
    with pytest.raises(RefusedError) as raised:
        way.outbound.send("s-6/12/0", AskSnapshot("s-6", "call", "c1"))
    assert raised.value.what == way.no_snapshot


def closed_is_closed(way: Way) -> None:
    """A way out may be closed twice; after that nothing is sent, which is certain."""
    way.outbound.close()
    way.outbound.close()
    with pytest.raises(NotSentError):
        way.outbound.send("s-6/12/0", START)
    assert way.received() == []


def what_was_not_sent_arrives_once_when_tried_again(way: Way) -> None:
    """After NotSentError nothing has arrived, and trying again brings the command once."""
    way.fail(NotSentError)
    for _ in range(2):
        with pytest.raises(NotSentError):
            way.outbound.send("s-6/12/0", START)
    assert way.received() == []
    way.mend()
    way.outbound.send("s-6/12/0", START)
    assert way.received() == [dict(way.messages)[START]]


def what_is_in_doubt_spoils_nothing_else(way: Way) -> None:
    """After InDoubtError the next command arrives by itself, behind no more than a part of the one in doubt."""
    way.fail(InDoubtError)
    with pytest.raises(InDoubtError):
        way.outbound.send("s-6/12/0", START)
    way.mend()
    way.outbound.send("s-6/13/0", DROP)
    *before, last = way.received()
    messages = dict(way.messages)
    assert last == messages[DROP]
    assert all(messages[START].startswith(part) for part in before)


def an_error_never_shows_the_message(way: Way) -> None:
    """However sending fails, no error, and none that it came from, shows whom the message is about."""
    for failure in way.failures:
        way.fail(failure)
        with pytest.raises(failure) as raised:
            way.outbound.send("s-6/12/0", START)
        error: BaseException | None = raised.value
        while error is not None:
            assert "47483657" not in f"{error} {error!r}"
            error = error.__cause__
        way.mend()


CONTRACT: tuple[Callable[[Way], None], ...] = (
    messages_arrive_byte_for_byte,
    order_is_kept,
    what_cannot_be_said_is_refused,
    a_snapshot_is_refused_with_its_reason,
    closed_is_closed,
    what_was_not_sent_arrives_once_when_tried_again,
    what_is_in_doubt_spoils_nothing_else,
    an_error_never_shows_the_message,
)


# The receiving end of HTTP


@attrs.frozen
class Request:
    """What came in one POST, and whether it was answered with thanks."""

    path: str
    headers: dict[str, str]
    body: bytes
    is_taken: bool


def says(status: int, *headers: str, body: bytes = b"") -> bytes:
    """An answer of HTTP/1.1."""
    lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class Receiver:
    """A web server on this machine: it keeps every request and gives `answer`, bytes or what is done to the socket."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.answer: bytes | Callable[[socket.socket], None] = says(204)
        self._server = HTTPServer(("127.0.0.1", 0), self._handler())
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def authority(self) -> str:
        """Its address and port, as they stand in a URL."""
        return f"127.0.0.1:{self._server.server_port}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # http.server names it so
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = receiver.answer
                is_taken = isinstance(answer, bytes) and answer.startswith(b"HTTP/1.1 2")
                receiver.requests.append(Request(self.path, dict(self.headers.items()), body, is_taken))
                with suppress(OSError):  # the client may have left
                    if callable(answer):
                        answer(self.connection)
                    else:
                        self.connection.sendall(answer)
                self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # http.server names it so
                """Say nothing."""

        return Handler
