"""Shell: owns the asking for whole pictures: a GET of each user, his dialogs and each team, over Finesse's REST API.

Refuses to send a password unencrypted over a network, to follow redirects, to wait or read beyond its limits, and to
name the password or an answer's body in an error.
"""

from __future__ import annotations

import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import quote as percent_encoded
from urllib.parse import urlsplit

import attrs

from monitoring_core.errors import SourceError, UsageError, quote
from monitoring_core.sources.notifications.records import (
    DIALOGS,
    RECORD_BYTES_MAX,
    Record,
    asked_in_order,
    path_of,
    record,
)
from monitoring_core.sources.notifications.xmpp import is_this_machine

ANSWER_S = 10.0
_OK = 200
_CHUNK_BYTES = 65_536
_EARLIER_S = 1e-6
_LISTENS = "SUPERVISOR_MONITOR"
_LASTING = frozenset({301, 302, 307, 308, 400, 401, 403, 404, 410})
"""Answers that will be no other if the same is asked again at once."""


@attrs.frozen
class Rest:
    """Where the REST API is, `https://HOST[:PORT]` (http to this machine only), and as whom it is asked.

    `context`: of TLS, if not the default one. Raises UsageError for an address that is none.
    """

    url: str
    user: str
    password: str = attrs.field(repr=False)
    context: ssl.SSLContext | None = None

    def __attrs_post_init__(self) -> None:
        fix = "give https://HOST[:PORT] and nothing more; http only to this machine"
        try:
            parts = urlsplit(self.url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            raise UsageError("this is no address of a web server", "rest", fix) from None
        is_allowed = parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(host))
        if not (host and is_allowed) or "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment:
            raise UsageError("Finesse cannot be asked at this address", "rest", fix)

    def connection(self, timeout_s: float) -> HTTPConnection:
        """A connection that is yet to be opened."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if parts.scheme == "http":
            return HTTPConnection(host, parts.port or 80, timeout=timeout_s)
        context = self.context or ssl.create_default_context()
        return HTTPSConnection(host, parts.port or 443, timeout=timeout_s, context=context)

    @property
    def headers(self) -> dict[str, str]:
        """What goes with each request."""
        token = b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")
        return {"Authorization": f"Basic {token}", "Accept": "application/xml"}


@attrs.frozen
class Snapshots:
    """The whole pictures of `nodes`, asked for anew whenever it is called.

    `answer_s`: how long one answer may take. `clock`: seconds since 1970, the same that stamps notifications.
    """

    rest: Rest
    nodes: Sequence[str]
    answer_s: float = ANSWER_S
    clock: Callable[[], float] = time.time

    def __call__(self, as_of: float) -> Iterator[Record]:
        """A record for each node, or why there is none and will be none.

        Each counts from `as_of` (seconds since 1970) though it is younger: what happened since is told besides. Dialogs
        count from a little earlier, one after the other, so that none undoes what another one has shown: somebody else
        may sit there now. Who listens is shown after all calls that are listened to.
        Raises SourceError for what may be otherwise if it is asked again.
        """
        listening: list[tuple[str, str, float]] = []
        with closing(self.rest.connection(self.answer_s)) as connection:
            for number, path in enumerate(asked_in_order(map(path_of, self.nodes))):
                is_dialogs = path.endswith(DIALOGS)
                while listening and not is_dialogs:
                    yield record(self.clock(), *listening.pop(0))
                answer = self._get(connection, path)
                at = as_of - number * _EARLIER_S if is_dialogs else as_of
                if isinstance(answer, SourceError):
                    yield answer
                elif is_dialogs and _LISTENS in answer:
                    listening.append((path, answer, at))
                else:
                    yield record(self.clock(), path, answer, at)
        yield from (record(self.clock(), *one) for one in listening)

    def _get(self, connection: HTTPConnection, path: str) -> str | SourceError:
        try:
            connection.request("GET", percent_encoded(path), headers=self.rest.headers)
            with closing(connection.getresponse()) as response:
                body = self._read(response)
        except (OSError, HTTPException) as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            raise SourceError(f"Finesse does not answer: {why}", quote(path), "it is asked again") from error
        if response.status == _OK:
            return body.decode("utf-8", "replace")
        what = f"Finesse answered {response.status} when it was asked how things stand"
        if response.status in _LASTING:
            return SourceError(what, quote(path), "see that it exists and that this user may ask for it")
        raise SourceError(what, quote(path), "it is asked again")

    def _read(self, response: HTTPResponse) -> bytes:
        until, body = time.monotonic() + self.answer_s, b""
        while chunk := response.read1(_CHUNK_BYTES):
            body += chunk
            if len(body) > RECORD_BYTES_MAX:
                raise OSError(None, "the answer is too large")
            if time.monotonic() > until:
                raise OSError(None, "the answer takes too long")
        return body
