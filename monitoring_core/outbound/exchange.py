"""Shell: owns one request and its answer over HTTP, by https or to this machine only, and what each failure means.

Refuses to follow redirects, to wait or read beyond its limits, to keep a connection (one that went stale would leave
a command in doubt), and to name a body or the URL's path in an error.
"""

from __future__ import annotations

import io
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from ipaddress import ip_address
from socket import socket
from typing import Any
from urllib.parse import SplitResult, urlsplit

import attrs

from monitoring_core.domain.outcomes import AnyCommand, ChangeMode, StartMonitoring
from monitoring_core.errors import UsageError, quote
from monitoring_core.outbound.port import InDoubtError, NotSentError, RefusedError

CONNECT_S = 2.0
READ_S = 3.0

_SECONDS_MAX = 600.0
_TIMED_OUT = 408
_NOT_TAKEN = frozenset({425, 429, 503})


@attrs.frozen
class Answer:
    """What a server said: its status, and the body if the whole of it came in time and within its size, else None."""

    status: int
    body: bytes | None


class WebServer:
    """A server that is asked one thing at a time, each over a connection of its own.

    `connect_s`: for each address of the host, and again for TLS. `read_s`: for the request to be taken, and again for
    the whole answer, of which at most `response_bytes_max` are read. `context`: of TLS, if not the default one. Raises
    UsageError for a URL or a limit that is none. `where` names it in errors, `target` is the URL's path and query.
    """

    def __init__(
        self, url: str, connect_s: float, read_s: float, response_bytes_max: int, context: ssl.SSLContext | None
    ) -> None:
        parts = _checked(url)
        self.where = quote(parts.netloc)
        self.target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not (0 < connect_s <= _SECONDS_MAX and 0 < read_s <= _SECONDS_MAX and response_bytes_max > 0):
            fix = f"give seconds above 0, up to {_SECONDS_MAX:.0f}, and one byte or more"
            raise UsageError("these limits leave no time or no room for an answer", self.where, fix)
        self._read_s, self._response_bytes_max = read_s, response_bytes_max
        self._connection: Callable[[], HTTPConnection]
        host = parts.hostname or ""
        if parts.scheme == "https":
            context = context or ssl.create_default_context()
            self._connection = partial(HTTPSConnection, host, parts.port or 443, timeout=connect_s, context=context)
        else:
            self._connection = partial(HTTPConnection, host, parts.port or 80, timeout=connect_s)

    @contextmanager
    def connected(self) -> Iterator[Connected]:
        """A connection for one request. Raises NotSentError if there is none."""
        with closing(self._connection()) as connection:
            try:
                connection.connect()
            except OSError as error:
                fix = "see that the receiver runs, can be reached, and has a certificate that we trust"
                raise NotSentError(f"cannot connect: {_why(error)}", self.where, fix) from error
            yield Connected(connection, self.where, self._read_s, self._response_bytes_max)

    def judge(self, status: int) -> None:
        """Nothing if the request was taken. Raises NotSentError, InDoubtError or RefusedError."""
        what = f"the server answered {status}"
        if status in _NOT_TAKEN:
            raise NotSentError(what, self.where, "it says that it did not take the command; it may be tried again")
        if status == _TIMED_OUT or not 200 <= status < 500:  # noqa: PLR2004 # the classes of RFC 9110
            raise InDoubtError(what, self.where, "look whether the receiver has the command")
        if 300 <= status < 400:  # noqa: PLR2004 # the same
            fix = "give the URL that it leads to"
            raise RefusedError(f"{what}, a redirect, and none is followed", self.where, fix)
        if status >= 400:  # noqa: PLR2004 # the same
            raise RefusedError(what, self.where, "see the server's log for what it does not like")

    def check_alive(self, command: AnyCommand, now: float) -> None:
        """Raises NotSentError for what starts or changes and is too late (law 7) at `now`, seconds since 1970."""
        valid_until = command.valid_until if isinstance(command, StartMonitoring | ChangeMode) else None
        if valid_until is not None and now > valid_until:  # connecting took its time
            raise NotSentError("the command perished before it could be sent", self.where, "ask for it anew")


@attrs.frozen
class Connected:
    """A connection that stands; times in seconds."""

    _connection: HTTPConnection
    _where: str
    _read_s: float
    _response_bytes_max: int

    def exchange(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to one request. Raises InDoubtError if there is none."""
        try:
            return self._exchange(method, target, headers, body)
        except (OSError, HTTPException) as error:
            fix = "look whether the receiver has the command"
            raise InDoubtError(f"no answer: {_why(error)}", self._where, fix) from error

    def _exchange(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self._connection.sock.settimeout(self._read_s)
        self._connection.request(method, target, body or None, {"Connection": "close", **headers})
        answer = _Answer(self._connection.sock, time.monotonic() + self._read_s, self._response_bytes_max)
        response = HTTPResponse(answer, method=method)  # type: ignore[arg-type] # makefile is all that it asks for
        response.begin()
        try:  # read also where nobody wants it, so that the server can finish
            return Answer(response.status, response.read())
        except (OSError, HTTPException):
            return Answer(response.status, None)


class _Answer(io.RawIOBase):
    """What comes from a socket until a moment of the monotonic clock (seconds), and at most so many bytes."""

    def __init__(self, source: socket, until: float, bytes_max: int) -> None:
        super().__init__()
        self._source, self._until, self._bytes_left = source, until, bytes_max

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Itself, as HTTPResponse asks for it."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` with what comes next. Raises OSError beyond either limit."""
        seconds_left = self._until - time.monotonic()
        if seconds_left <= 0:
            raise OSError(None, "the answer takes too long")
        if self._bytes_left == 0:
            raise OSError(None, "the answer is too large")
        self._source.settimeout(seconds_left)
        count = self._source.recv_into(buffer, min(len(buffer), self._bytes_left))
        self._bytes_left -= count
        return count


def _checked(url: str) -> SplitResult:
    """The parts of a URL that a command may go to. Raises UsageError, which never shows the URL."""
    if not re.fullmatch(r"[!-~]+", url):
        raise UsageError("this URL has blanks, control or non-ASCII characters", fix="percent-encode them")
    try:
        parts = urlsplit(url)
        host, _ = (parts.hostname or ""), parts.port
        host.encode("idna")
    except ValueError:
        raise UsageError("this is no URL", fix="give https://HOST[:PORT]/PATH") from None
    if "@" in parts.netloc:
        raise UsageError("this URL has credentials in it", fix="give them apart from it, or sign with a key instead")
    if "#" in url:
        raise UsageError("this URL has a fragment, which is never sent", fix="leave out # and what follows it")
    if not host or parts.scheme not in {"http", "https"}:
        raise UsageError("this is no URL of a web server", fix="give https://HOST[:PORT]/PATH")
    if parts.scheme == "http" and not _is_this_machine(host):
        raise UsageError("commands leave this machine only encrypted", quote(parts.netloc), "give https://")
    return parts


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _why(error: Exception) -> str:
    """The system's words, or the kind of error: never what a server wrote, which may be our own body again."""
    return getattr(error, "strerror", None) or type(error).__name__
