"""Shell: owns one connection to a service of publish and subscribe over XMPP (RFC 6120, XEP-0060, XEP-0199).

Refuses to connect a second time: a connection that was lost is thrown away with all of its state.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, Literal
from xml.etree.ElementTree import Element, SubElement

import attrs

from monitoring_core.errors import UsageError, quote
from monitoring_core.sources.notifications.records import RECORD_BYTES_MAX

Encryption = Literal["tls", "starttls", "none"]

_PUBSUB = "{http://jabber.org/protocol/pubsub}"
_EVENT = "{http://jabber.org/protocol/pubsub#event}event"
_STANZA_BYTES_MAX = 2 * RECORD_BYTES_MAX
"""Escaped once more, and with what is around it, an update is longer than its record."""
_ASKED_AT_ONCE = 50
_GOODBYE_S = 2.0


class LostError(Exception):
    """The connection is gone, or did not come about; its text says why."""


class UnwelcomeError(Exception):
    """The server was reached and will not be otherwise soon: it refuses us, or we refuse it; its text says which."""


@attrs.frozen
class Service:
    """Where notifications come from. `jid`: as whom we connect, with a resource of our own.

    `pubsub`: the address of the service on the server. `encryption`: from the first byte (tls), by STARTTLS before
    anything is said, or none. `context`: of TLS, if not the default one.
    """

    host: str
    port: int
    jid: str
    pubsub: str
    password: str = attrs.field(repr=False)
    encryption: Encryption = "tls"
    context: ssl.SSLContext | None = None


def is_this_machine(host: str) -> bool:
    """Whether what goes there never leaves this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Connection:
    """One connection, inside a running loop. `receive` is called with each message that the service publishes."""

    def __init__(self, service: Service, receive: Callable[[Element], None]) -> None:
        self._service = service
        self._receive = receive
        loop = asyncio.get_running_loop()
        self._lost: asyncio.Future[str] = loop.create_future()
        self._started: asyncio.Future[None] = loop.create_future()
        self._client = _client(service, loop)
        self._unread_bytes = 0
        self._listen()

    async def open(self, within_s: float) -> None:
        """Connect, prove who we are, and be present. Raises LostError or UnwelcomeError."""
        self._client.connect(self._service.host, self._service.port)
        try:
            await asyncio.wait_for(asyncio.shield(self._started), within_s)
        except TimeoutError:
            raise LostError(f"no session within {within_s:g} s") from None
        self._client.send_presence(ppriority=0)

    async def lost(self) -> str:
        """Wait until the connection is gone, and say why."""
        return await asyncio.shield(self._lost)

    async def subscribe(self, nodes: Iterable[str], within_s: float) -> dict[str, str]:
        """Ask to be told what is published on `nodes`; those that were refused, and why. Raises LostError."""
        refused: dict[str, str] = {}
        waiting = asyncio.Semaphore(_ASKED_AT_ONCE)

        async def one(node: str) -> None:
            async with waiting:
                if (why := await self._ask("subscribe", node, within_s)) is not None:
                    refused[node] = why

        await asyncio.gather(*map(one, nodes))
        return refused

    async def ping(self, within_s: float) -> bool:
        """Whether the server still answers."""
        from slixmpp.exceptions import IqTimeout  # noqa: PLC0415 # an extra

        try:
            await self._client.plugin["xep_0199"].ping(timeout=within_s)
        except IqTimeout:
            return False
        return True

    def pause(self, *, paused: bool) -> None:
        """Read no more, or go on; meanwhile the network makes the server wait."""
        if (transport := self._client.transport) is not None:
            (transport.pause_reading if paused else transport.resume_reading)()

    def abort(self) -> None:
        """Be gone at once."""
        self._client.abort()

    async def close(self, nodes: Iterable[str]) -> None:
        """Be told nothing more, and say goodbye; an explicit subscription would outlive us on the server."""
        with suppress(LostError, TimeoutError):
            asked = (self._ask("unsubscribe", node, _GOODBYE_S) for node in nodes)
            await asyncio.wait_for(asyncio.gather(*asked), _GOODBYE_S)
        await self._client.disconnect(wait=_GOODBYE_S)

    async def _ask(self, what: str, node: str, within_s: float) -> str | None:
        """Subscribe or unsubscribe; why that was refused, if it was."""
        from slixmpp.exceptions import IqError, IqTimeout  # noqa: PLC0415 # an extra

        asked = Element(f"{_PUBSUB}pubsub")
        SubElement(asked, f"{_PUBSUB}{what}", node=node, jid=str(self._client.boundjid.full))
        request = self._client.make_iq_set(asked, ito=self._service.pubsub)
        try:
            await request.send(timeout=within_s)
        except IqTimeout:
            raise LostError(f"no answer to {what} within {within_s:g} s") from None
        except IqError as error:
            return str(error.iq["error"]["condition"])
        return None

    def _listen(self) -> None:
        from slixmpp.xmlstream.handler import Callback  # noqa: PLC0415 # an extra
        from slixmpp.xmlstream.matcher import MatchXPath  # noqa: PLC0415 # an extra

        client = self._client
        client.register_plugin("xep_0199")
        client.register_handler(Callback("Notifications", MatchXPath(f"{{jabber:client}}message/{_EVENT}"), self._take))
        client.add_filter("in", self._whole)
        client.add_event_handler("session_start", self._begin)
        client.add_event_handler("connection_failed", self._failed)
        client.add_event_handler("ssl_invalid_chain", self._failed)
        client.add_event_handler("disconnected", self._gone)
        for name in ("failed_all_auth", "no_auth"):
            client.add_event_handler(name, lambda _: self._end(UnwelcomeError("it does not accept user and password")))

    def _take(self, message: Any) -> None:
        if message["from"].bare == self._service.pubsub and message["type"] != "error":
            self._receive(message.xml)

    def _whole(self, stanza: Any) -> Any:
        self._client.unfinished_bytes = 0
        return stanza

    def _begin(self, _event: object) -> None:
        if not self._started.done():
            self._started.set_result(None)

    def _failed(self, why: object) -> None:
        self._client.cancel_connection_attempt()  # how often, and how soon, is not its to decide
        if isinstance(why, ssl.SSLCertVerificationError):
            self._end(UnwelcomeError(f"its certificate is not trusted: {why.verify_message}"))
        else:
            self._end(LostError(f"cannot connect: {_said(why)}"))

    def _gone(self, why: object) -> None:
        self._end(LostError(_said(why)))

    def _end(self, why: Exception) -> None:
        if not self._started.done():
            self._started.set_exception(why)
        if not self._lost.done():
            self._lost.set_result(str(why))
        self._client.abort()


def _said(why: object) -> str:
    """The system's words or the server's condition, never what else a server may have written."""
    if not why:
        return "the other side closed it"
    return quote(getattr(why, "strerror", None) or str(why) or type(why).__name__)


def _client(service: Service, loop: asyncio.AbstractEventLoop) -> Any:
    """A client of XMPP as slixmpp has it, told how to encrypt. Raises UsageError without the extra."""
    try:
        from slixmpp import ClientXMPP  # noqa: PLC0415 # an extra
    except ImportError as error:
        fix = "pip install 'monitoring-core[xmpp]'"
        raise UsageError("live notifications come over XMPP, which needs an extra", "slixmpp", fix) from error

    class Client(ClientXMPP):  # type: ignore[misc,unused-ignore] # without the extra it is Any
        """One whose server cannot make it keep a stanza that never ends."""

        unfinished_bytes = 0

        def data_received(self, data: bytes | str) -> None:
            """Read on, up to the limit."""
            self.unfinished_bytes += len(data)
            super().data_received(data)
            if self.unfinished_bytes > _STANZA_BYTES_MAX:
                self.disconnect_reason = "a stanza is too large"
                self.abort()

    is_plain = service.encryption == "none"
    proofs = {"unencrypted_scram": is_plain, "unencrypted_plain": is_plain and is_this_machine(service.host)}
    client = Client(
        service.jid,
        service.password,
        plugin_config={"feature_mechanisms": proofs},
        loop=loop,
        ssl_context=service.context or ssl.create_default_context(),
    )
    client.enable_direct_tls = service.encryption == "tls"
    client.enable_starttls = service.encryption == "starttls"
    client.enable_plaintext = is_plain
    return client
