"""The way out over HTTP, against real servers on this machine: where it goes, its limits, what each failure means."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from monitoring_core.domain.settings import Settings
from monitoring_core.errors import UsageError
from monitoring_core.outbound import (
    HttpOutbound,
    InDoubtError,
    NotSentError,
    OutboundError,
    RefusedError,
    verify_signature,
)
from tests.contracts.outbound import DROP, START, START_MESSAGE, Receiver, says

KEY = b"0123456789abcdef"
NOW = 1_700_000_000.25
TLS = Path(__file__).with_name("test_outbound_tls_for_tests_only.pem")


@pytest.fixture(scope="module")
def server() -> Iterator[Receiver]:
    """One server for all tests of this module."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def receiver(server: Receiver) -> Receiver:
    """The server, as if new."""
    server.requests.clear()
    server.answer = says(204)
    return server


def outbound_to(receiver: Receiver, path: str = "/commands", **given: Any) -> HttpOutbound:
    """A way out to the server, signed and at `NOW` unless `given` otherwise."""
    given = {"key": KEY, "clock": lambda: NOW, **given}
    return HttpOutbound(f"http://{receiver.authority}{path}", Settings(), **given)


# The request


def test_a_command_is_one_post(receiver: Receiver) -> None:
    """A command is posted to the URL's path and query, with its id, the time, its type, and no wish to stay."""
    outbound_to(receiver, "/a/b?c=d").send("s-6/12/0", START)
    (request,) = receiver.requests
    shown = {name: request.headers[name] for name in request.headers if not name.startswith("X-Monitoring-Sig")}
    assert (request.path, request.body) == ("/a/b?c=d", START_MESSAGE)
    assert shown == {
        "Host": receiver.authority,
        "Accept-Encoding": "identity",
        "Content-Length": str(len(START_MESSAGE)),
        "Content-Type": "application/json",
        "Connection": "close",
        "Idempotency-Key": "s-6/12/0",
        "X-Monitoring-Timestamp": "1700000000",
    }


@pytest.mark.parametrize(("path", "asked"), [("", "/"), ("?c=d", "/?c=d")])
def test_a_url_without_a_path_is_the_root(receiver: Receiver, path: str, asked: str) -> None:
    """Without a path the server's root is asked for, with the query if there is one."""
    outbound_to(receiver, path).send("s-6/12/0", START)
    assert [request.path for request in receiver.requests] == [asked]


def test_what_the_server_gets_verifies(receiver: Receiver) -> None:
    """The receiver verifies the request with the key alone."""
    outbound_to(receiver).send("s-6/12/0", START)
    (request,) = receiver.requests
    assert verify_signature(KEY, request.headers, request.body, NOW, 5.0)


def test_without_a_key_nothing_is_signed(receiver: Receiver) -> None:
    """Without a key there is no signature, and so nothing verifies."""
    outbound_to(receiver, key=None).send("s-6/12/0", START)
    (request,) = receiver.requests
    assert "X-Monitoring-Signature" not in request.headers


@given(command_id=st.text(min_size=1))
def test_any_id_arrives(server: Receiver, command_id: str) -> None:
    """Whatever characters an id has, the receiver gets it back from its header, and verifies it."""
    server.requests.clear()
    server.answer = says(204)
    outbound_to(server).send(command_id, DROP)
    (request,) = server.requests
    assert unquote(request.headers["Idempotency-Key"]) == command_id
    assert verify_signature(KEY, request.headers, request.body, NOW, 0.25)


@pytest.mark.parametrize("command_id", ["a\r\nX-Other: 1", "\ud800"])
def test_no_id_breaks_out_of_its_header(receiver: Receiver, command_id: str) -> None:
    """An id with a line end, or with what is no character, adds no header and stops nothing."""
    outbound_to(receiver).send(command_id, DROP)
    (request,) = receiver.requests
    assert "X-Other" not in request.headers
    assert verify_signature(KEY, request.headers, request.body, NOW, 0.25)


def test_whether_repeats_are_dropped_is_the_receivers(receiver: Receiver) -> None:
    """The receiver is not taken to drop repeats unless that is said of it."""
    assert not outbound_to(receiver).drops_repeats
    assert outbound_to(receiver, drops_repeats=True).drops_repeats


@pytest.mark.parametrize(("valid_until", "is_sent"), [(NOW - 1, False), (NOW, True), (None, True), (0.0, False)])
def test_a_start_that_perished_while_connecting_is_not_sent(
    receiver: Receiver, valid_until: float | None, *, is_sent: bool
) -> None:
    """A start whose time is over when the connection stands is not sent."""
    start = replace(START, valid_until=valid_until)
    if is_sent:
        outbound_to(receiver).send("s-6/12/0", start)
    else:
        with pytest.raises(NotSentError, match="perished"):
            outbound_to(receiver).send("s-6/12/0", start)
    assert len(receiver.requests) == is_sent


# Where it may go


@pytest.mark.parametrize(
    "url",
    [
        "https://receiver.example/commands",
        "HTTPS://receiver.example:8443",
        "http://127.0.0.1/",
        "http://127.255.0.9:80/",
        "http://[::1]:8080/x?y=z",
        "http://LocalHost:8080/",
    ],
)
def test_encrypted_or_to_this_machine_is_taken(url: str) -> None:
    """https goes anywhere, http to this machine."""
    HttpOutbound(url, Settings(), key=None).close()


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("http://receiver.example/", "only encrypted"),
        ("http://10.0.0.1/", "only encrypted"),
        ("http://0.0.0.0/", "only encrypted"),
        ("http://[::]/", "only encrypted"),
        ("http://127.0.0.1.receiver.example/", "only encrypted"),
        ("http://localhost.receiver.example/", "only encrypted"),
        ("http://2130706433/", "only encrypted"),
        ("https://ann:hush@receiver.example/", "credentials"),
        ("https://hush@receiver.example/", "credentials"),
        ("https://127.0.0.1\\@hush.example/", "credentials"),
        ("https://receiver.example/#hush", "fragment"),
        ("https://receiver.example/#", "fragment"),
        ("ftp://receiver.example/hush", "no URL of a web server"),
        ("wss://receiver.example/hush", "no URL of a web server"),
        ("receiver.example/hush", "no URL of a web server"),
        ("https:///hush", "no URL of a web server"),
        ("https://receiver.example:hush/", "no URL"),
        ("https://receiver.example:99999/hush", "no URL"),
        ("https://[::1/hush", "no URL"),
        ("https://receiver..example/hush", "no URL"),
        (f"https://{'r' * 64}.example/hush", "no URL"),
        ("https://receiver.example/hush now", "percent-encode"),
        ("https://receiver.example/hush\n", "percent-encode"),
        ("https://empfänger.example/hush", "percent-encode"),
        ("", "percent-encode"),
    ],
)
def test_other_urls_are_refused_when_it_is_made(url: str, what: str) -> None:
    """Any other URL is refused at once, with an error that shows neither its path nor its credentials."""
    with pytest.raises(UsageError) as raised:
        HttpOutbound(url, Settings(), key=None)
    assert what in str(raised.value)
    assert raised.value.fix
    assert "hush" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize(
    "limit",
    [
        {"connect_s": 0.0},
        {"connect_s": float("nan")},
        {"read_s": -1.0},
        {"read_s": float("inf")},
        {"response_bytes_max": 0},
    ],
    ids=str,
)
def test_limits_that_are_none_are_refused(limit: dict[str, Any]) -> None:
    """Every limit is one: above zero, and finite."""
    with pytest.raises(UsageError, match="limits"):
        HttpOutbound("https://receiver.example/", Settings(), key=None, **limit)


def test_a_short_key_is_refused_when_it_is_made() -> None:
    """A key that can be guessed does not sign."""
    with pytest.raises(UsageError, match="16 to 4096 bytes"):
        HttpOutbound("https://receiver.example/", Settings(), key=b"hush")


# What an answer means


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, RefusedError),
        (302, RefusedError),
        (304, RefusedError),
        (307, RefusedError),
        (400, RefusedError),
        (401, RefusedError),
        (404, RefusedError),
        (409, RefusedError),
        (422, RefusedError),
        (499, RefusedError),
        (425, NotSentError),
        (429, NotSentError),
        (503, NotSentError),
        (101, InDoubtError),
        (408, InDoubtError),
        (500, InDoubtError),
        (502, InDoubtError),
        (504, InDoubtError),
        (599, InDoubtError),
        (999, InDoubtError),
    ],
)
def test_a_status_means_one_kind_of_failure(receiver: Receiver, status: int, error: type[OutboundError]) -> None:
    """Each status that is no success is one kind of failure, and is named in it."""
    receiver.answer = says(status)
    with pytest.raises(error, match=str(status)) as raised:
        outbound_to(receiver).send("s-6/12/0", START)
    assert type(raised.value) is error


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_success_is_one(receiver: Receiver, status: int) -> None:
    """Every status from 200 to 299 says that the command was taken."""
    receiver.answer = says(status)
    outbound_to(receiver).send("s-6/12/0", START)
    assert len(receiver.requests) == 1


def test_no_redirect_is_followed(receiver: Receiver) -> None:
    """A redirect, also to the same server, is refused with an error that says so, and nothing more is asked."""
    receiver.answer = says(307, f"Location: http://{receiver.authority}/other")
    with pytest.raises(RefusedError, match="a redirect, and none is followed"):
        outbound_to(receiver).send("s-6/12/0", START)
    assert len(receiver.requests) == 1


def test_an_interim_answer_is_none(receiver: Receiver) -> None:
    """What comes before the answer (100) is not taken for it."""
    receiver.answer = b"HTTP/1.1 100 Continue\r\n\r\n" + says(503)
    with pytest.raises(NotSentError, match="503"):
        outbound_to(receiver).send("s-6/12/0", START)


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _drip(connection: socket.socket) -> None:
    for byte in says(200):
        connection.sendall(bytes([byte]))
        threading.Event().wait(0.02)


def _flood(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(100):
        connection.sendall(f"X-{number}: {'x' * 1_000}\r\n".encode())
    connection.sendall(b"\r\n")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (_reset, "no answer"),
        (b"", "no answer: RemoteDisconnected"),
        (b"SSH-2.0-x\r\n", "no answer: BadStatusLine"),
        (b"HTTP/1.1 2", "no answer: BadStatusLine"),
        (_drip, "no answer"),
        (_flood, "no answer: the answer is too large"),
    ],
    ids=["reset", "left", "another-protocol", "torn", "drip", "flood"],
)
def test_an_answer_that_is_none_leaves_doubt(
    receiver: Receiver, answer: bytes | Callable[[socket.socket], None], why: str
) -> None:
    """When the request was written and no answer came in time, whole and within its size, the command is in doubt."""
    receiver.answer = answer
    with pytest.raises(InDoubtError, match=why):
        outbound_to(receiver, read_s=0.1, response_bytes_max=50_000).send("s-6/12/0", START)


def test_a_server_that_takes_its_time_between_two_bytes_runs_out_of_it(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is for the whole answer: when it has passed, what is there already is not waited for again."""
    seconds = iter([0.0, 1.0, 100.0])
    monkeypatch.setattr("monitoring_core.outbound.exchange.time.monotonic", lambda: next(seconds))
    receiver.answer = b"HTTP/1.1 100 Continue\r\n"
    with pytest.raises(InDoubtError, match="the answer takes too long"):
        outbound_to(receiver).send("s-6/12/0", START)


def test_each_wait_has_its_limit(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connecting has its limit, writing has the other, and each wait for the answer has what is left of that."""
    limits: list[float | None] = []
    here = threading.current_thread()

    class Watched(socket.socket):
        def settimeout(self, value: float | None) -> None:
            if threading.current_thread() is here:
                limits.append(value)
            super().settimeout(value)

    seconds = iter([0.0, 1.0])
    monkeypatch.setattr(socket, "socket", Watched)
    monkeypatch.setattr("monitoring_core.outbound.exchange.time.monotonic", lambda: next(seconds))
    outbound_to(receiver, connect_s=20.0, read_s=30.0).send("s-6/12/0", START)
    assert limits == [20.0, 30.0, 29.0]


def test_a_server_may_finish_its_answer() -> None:
    """The connection stays until the whole answer is read, although its first line says it all."""
    said: list[bytes] = []

    def in_parts(connection: socket.socket) -> None:
        for part in (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", b"a", b"b", b"c"):
            connection.sendall(part)
            said.append(part)
            threading.Event().wait(0.02)

    with Receiver() as receiver:
        receiver.answer = in_parts
        outbound_to(receiver).send("s-6/12/0", START)
    assert said[1:] == [b"a", b"b", b"c"]


@pytest.mark.parametrize("head", ["Content-Length: 1000000000", "Transfer-Encoding: chunked", "X-Until: the end"])
def test_of_a_large_answer_only_so_much_is_read(head: str) -> None:
    """A body beyond the limit is not read, however it is framed; its status counts all the same."""
    cut: list[OSError] = []

    def large(connection: socket.socket) -> None:
        try:
            connection.sendall(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode())
            for _ in range(1_000):
                connection.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
        except OSError as error:
            cut.append(error)

    with Receiver() as receiver:
        receiver.answer = large
        outbound_to(receiver).send("s-6/12/0", START)
    assert cut


def test_a_body_that_breaks_off_changes_nothing(receiver: Receiver) -> None:
    """The status has come: what happens to the body of the answer does not matter."""
    receiver.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx"
    outbound_to(receiver).send("s-6/12/0", START)
    assert len(receiver.requests) == 1


@given(
    start=st.sampled_from(
        [b"", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]
    ),
    rest=st.binary(max_size=200),
)
def test_no_answer_makes_it_raise_anything_else(server: Receiver, start: bytes, rest: bytes) -> None:
    """Whatever bytes a server answers with, the command was taken, or one of the three failures is raised."""
    server.answer = start + rest
    try:
        outbound_to(server).send("s-6/12/0", START)
    except OutboundError as error:
        assert type(error) in {NotSentError, InDoubtError, RefusedError}


# Before anything is written


def test_a_server_that_is_not_there_is_not_sent_to() -> None:
    """When nobody listens, nothing was sent; the next command tries anew."""
    with Receiver() as gone:
        outbound = outbound_to(gone)
    for _ in range(2):
        with pytest.raises(NotSentError, match="cannot connect"):
            outbound.send("s-6/12/0", START)


def test_a_server_that_comes_back_is_sent_to(receiver: Receiver) -> None:
    """A failure leaves nothing behind: the next command goes out as the first would."""
    outbound = outbound_to(receiver)
    receiver.answer = _reset
    with pytest.raises(InDoubtError):
        outbound.send("s-6/12/0", START)
    receiver.answer = says(204)
    outbound.send("s-6/13/0", DROP)
    assert [request.is_taken for request in receiver.requests] == [False, True]


def test_a_name_that_is_none_is_not_sent_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the host's name leads nowhere, nothing was sent."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    outbound = HttpOutbound("https://receiver.example/", Settings(), key=KEY)
    with pytest.raises(NotSentError, match="cannot connect: Name or service not known"):
        outbound.send("s-6/12/0", START)


def test_the_limit_on_connecting_is_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connecting is given as long as its limit says; when that is over, nothing was sent."""
    given: list[object] = []

    def slow(_address: object, timeout: object, *_: object) -> None:
        given.append(timeout)
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", slow)
    outbound = HttpOutbound("https://receiver.example/", Settings(), key=KEY, connect_s=1.5)
    with pytest.raises(NotSentError, match="cannot connect: TimeoutError"):
        outbound.send("s-6/12/0", START)
    assert given == [1.5]


# TLS


def test_a_server_that_says_nothing_of_tls_is_not_sent_to() -> None:
    """The limit on connecting holds for TLS, too: a server that takes the connection and is silent gets nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        outbound = HttpOutbound(f"https://127.0.0.1:{silent.getsockname()[1]}/", Settings(), key=KEY, connect_s=0.05)
        with pytest.raises(NotSentError, match="cannot connect"):
            outbound.send("s-6/12/0", START)


@pytest.fixture
def tls_receiver() -> Iterator[Receiver]:
    """A server with the certificate that is for tests only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS)
    with Receiver(context) as receiver:
        yield receiver


def test_a_certificate_of_its_own_is_refused(tls_receiver: Receiver) -> None:
    """A server whose certificate nobody vouches for gets nothing, and the error says why."""
    outbound = HttpOutbound(f"https://{tls_receiver.authority}/", Settings(), key=KEY)
    with pytest.raises(NotSentError, match=r"(?i)self.signed certificate"):
        outbound.send("s-6/12/0", START)
    assert not tls_receiver.requests


def test_a_certificate_that_we_were_told_to_trust_is_taken(tls_receiver: Receiver) -> None:
    """With a context that trusts the server's certificate, strictly checked, the command arrives."""
    context = ssl.create_default_context(cafile=TLS)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    HttpOutbound(f"https://{tls_receiver.authority}/", Settings(), key=KEY, context=context).send("s-6/12/0", START)
    assert [request.body for request in tls_receiver.requests] == [START_MESSAGE]


def test_a_certificate_for_another_host_is_refused(tls_receiver: Receiver) -> None:
    """A trusted certificate that is for another host is refused."""
    context = ssl.create_default_context(cafile=TLS)
    url = f"https://{tls_receiver.authority.replace('127.0.0.1', '127.0.0.2')}/"
    with pytest.raises(NotSentError):
        HttpOutbound(url, Settings(), key=KEY, context=context).send("s-6/12/0", START)
    assert not tls_receiver.requests


# What errors show


@pytest.mark.parametrize("answer", [400, 500, 503, 307])
def test_no_error_shows_the_key_or_the_path(receiver: Receiver, answer: int) -> None:
    """No failure shows the key, or the URL's path and query, in which there may be a token."""
    receiver.answer = says(answer)
    with pytest.raises(OutboundError) as raised:
        outbound_to(receiver, "/hush?token=hush").send("s-6/12/0", START)
    shown = f"{raised.value} {raised.value!r}"
    assert "hush" not in shown
    assert KEY.decode() not in shown
    assert receiver.authority in shown


def test_a_way_out_does_not_show_its_key(receiver: Receiver) -> None:
    """The way out itself does not show its key, either."""
    outbound = outbound_to(receiver)
    assert KEY.decode() not in f"{outbound} {outbound!r}"
