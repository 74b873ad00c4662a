"""Shell: owns the way out over HTTP: one signed POST for each command, by https or to this machine only.

Refuses to know how a request travels and what its failure means (`exchange` does), and to name the key in an error.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from urllib.parse import quote as percent_encoded

from monitoring_core.domain.outcomes import AnyCommand
from monitoring_core.domain.settings import Settings
from monitoring_core.outbound.bus import BusOutbound
from monitoring_core.outbound.exchange import CONNECT_S, READ_S, WebServer
from monitoring_core.outbound.signing import COMMAND_ID, SIGNATURE, TIMESTAMP, checked_key, signature

RESPONSE_BYTES_MAX = 65_536


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
        self._server = WebServer(url, connect_s, read_s, response_bytes_max, context)
        self._key = None if key is None else checked_key(key, self._server.where)
        self.drops_repeats, self._clock = drops_repeats, clock

    def _hand_over(self, command_id: str, command: AnyCommand, line: bytes) -> None:
        body = line.removesuffix(b"\n")
        with self._server.connected() as connected:
            self._server.check_alive(command, self._clock())
            answer = connected.exchange("POST", self._server.target, self._headers(command_id, body), body)
        self._server.judge(answer.status)

    def _headers(self, command_id: str, body: bytes) -> dict[str, str]:
        name = percent_encoded(command_id, errors="surrogatepass")
        timestamp = str(int(self._clock()))
        signed = {} if self._key is None else {SIGNATURE: signature(self._key, timestamp, name, body)}
        return {"Content-Type": "application/json", COMMAND_ID: name, TIMESTAMP: timestamp, **signed}
