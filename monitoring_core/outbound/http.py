"""Shell: owns the way out over HTTP: one signed POST for each command, by https or to this machine only.

Refuses to follow redirects, to wait or read beyond its limits, to keep a connection (one that went stale would leave
a command in doubt), and to name the key, a body or the URL's path in an error.
"""

from __future__ import annotations

import io
import re
import ssl
import time
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from ipaddress import ip_address
from socket import socket
from typing import Any
from urllib.parse import SplitResult, urlsplit
from urllib.parse import quote as percent_encoded

from monitoring_core.domain.outcomes import AnyCommand, StartMonitoring
from monitoring_core.domain.settings import Settings
from monitoring_core.errors import UsageError, quote
from monitoring_core.outbound.bus import BusOutbound
from monitoring_core.outbound.port import InDoubtError, NotSentError, RefusedError
from monitoring_core.outbound.signing import COMMAND_ID, SIGNATURE, TIMESTAMP, checked_key, signature

CONNECT_S = 2.0
READ_S = 3.0
RESPONSE_BYTES_MAX = 65_536

_SECONDS_MAX = 600.0
_TIMED_OUT = 408
_NOT_TAKEN = frozenset({425, 429, 503})


class HttpOutbound(BusOutbound):
    """One POST for each command: the bus message as the body, and in its headers the id, a time stamp, a signature.

    `key`: of the signature; None signs nothing. `connect_s`: for each address of the host, and again for TLS. `read_s`:
    for the request to be taken, and again for the whole answer, of which at most `response_bytes_max` are read.
    `drops_repeats`: whether the receiver takes an id only once. `context`: of TLS, if not the default one. `clock`:
    seconds since 1970, the clock by which starts perish. Raises UsageError for a URL or a limit that is none.
    """

    def __init__(  # noqa: PLR0913 # each is a keyword with its own default
        self,
        url: str,
        settings: Settings,
        *,
        key: bytes | None,
        connect_s: float = CONNECT_S,
        read_s: float = READ_S,
        response_bytes_max: int = RESPONSE_BYTES_MAX,
        drops_repeats: bool = False,
        context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(settings)
        parts = _checked(url)
        self._where = quote(parts.netloc)
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not (0 < connect_s <= _SECONDS_MAX and 0 < read_s <= _SECONDS_MAX and response_bytes_max > 0):
            fix = f"give seconds above 0, up to {_SECONDS_MAX:.0f}, and one byte or more"
            raise UsageError("these limits leave no time or no room for an answer", self._where, fix)
        self._key = None if key is None else checked_key(key, self._where)
        self._read_s, self._response_bytes_max = read_s, response_bytes_max
        self.drops_repeats, self._clock = drops_repeats, clock
        self._connection: Callable[[], HTTPConnection]
        host = parts.hostname or ""
        if parts.scheme == "https":
            context = context or ssl.create_default_context()
            self._connection = partial(HTTPSConnection, host, parts.port or 443, timeout=connect_s, context=context)
        else:
            self._connection = partial(HTTPConnection, host, parts.port or 80, timeout=connect_s)

    def _hand_over(self, command_id: str, command: AnyCommand, line: bytes) -> None:
        with closing(self._connection()) as connection:
            try:
                connection.connect()
            except OSError as error:
                fix = "see that the receiver runs, can be reached, and has a certificate that we trust"
                raise NotSentError(f"cannot connect: {_why(error)}", self._where, fix) from error
            valid_until = command.valid_until if isinstance(command, StartMonitoring) else None
            if valid_until is not None and self._clock() > valid_until:  # connecting took its time
                raise NotSentError("the start perished before it could be sent", self._where, "ask for it anew")
            try:
                status = self._exchange(connection, command_id, line.removesuffix(b"\n"))
            except (OSError, HTTPException) as error:
                fix = "look whether the receiver has the command"
                raise InDoubtError(f"no answer: {_why(error)}", self._where, fix) from error
        self._judge(status)

    def _exchange(self, connection: HTTPConnection, command_id: str, body: bytes) -> int:
        """The status of the answer. What follows after its head is read only so that the server can finish."""
        connection.sock.settimeout(self._read_s)
        connection.request("POST", self._target, body, self._headers(command_id, body))
        answer = _Answer(connection.sock, time.monotonic() + self._read_s, self._response_bytes_max)
        response = HTTPResponse(answer, method="POST")  # type: ignore[arg-type] # makefile is all that it asks for
        response.begin()
        with suppress(OSError, HTTPException):
            response.read()
        return response.status

    def _headers(self, command_id: str, body: bytes) -> dict[str, str]:
        name = percent_encoded(command_id, errors="surrogatepass")
        timestamp = str(int(self._clock()))
        signed = {} if self._key is None else {SIGNATURE: signature(self._key, timestamp, name, body)}
        return {
            "Content-Type": "application/json",
            "Connection": "close",
            COMMAND_ID: name,
            TIMESTAMP: timestamp,
            **signed,
        }

    def _judge(self, status: int) -> None:
        what = f"the server answered {status}"
        if status in _NOT_TAKEN:
            raise NotSentError(what, self._where, "it says that it did not take the command; it may be tried again")
        if status == _TIMED_OUT or not 200 <= status < 500:  # noqa: PLR2004 # the classes of RFC 9110
            raise InDoubtError(what, self._where, "look whether the receiver has the command")
        if 300 <= status < 400:  # noqa: PLR2004 # the same
            fix = "give the URL that it leads to"
            raise RefusedError(f"{what}, a redirect, and none is followed", self._where, fix)
        if status >= 400:  # noqa: PLR2004 # the same
            raise RefusedError(what, self._where, "see the server's log for what it does not like")


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
        raise UsageError("this URL has credentials in it", fix="sign with a key instead")
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
