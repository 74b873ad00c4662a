"""A real XMPP server (Debian's package prosody) on ports of its own, and a wire to it that can be cut and mended."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from xml.etree.ElementTree import Element, SubElement

import attrs
from slixmpp import ClientXMPP

DOMAIN = "localhost"
PUBSUB = f"pubsub.{DOMAIN}"
PUBLISHER = f"publisher@{DOMAIN}/web"
PASSWORD = "of the tests alone"  # noqa: S105 # it opens nothing but the server of a test
CERTIFICATE = Path(__file__).parents[1] / "test_outbound_tls_for_tests_only.pem"
IN_FLIGHT_MAX = 200
_STARTS_WITHIN_S = 20.0
_ANSWERS_WITHIN_S = 60.0
_SPACE = "{http://jabber.org/protocol/pubsub}"

_OWNER = "{http://jabber.org/protocol/pubsub#owner}"

T = TypeVar("T")

_CONFIG = """
run_as_root = true
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
certificates = "{folder}"
plugin_paths = {{}}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {plain} }}
c2s_direct_tls_ports = {{ {tls} }}
c2s_direct_tls_ssl = {{ certificate = "{certificate}"; key = "{certificate}" }}
ssl = {{ certificate = "{certificate}"; key = "{certificate}" }}
modules_enabled = {{ "saslauth"; "tls"; "ping"; "presence"; "message"; "iq"; "roster" }}
modules_disabled = {{ "s2s"; "offline" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
default_storage = "memory"
storage = {{ accounts = "internal" }}
log = {{ {{ levels = {{ min = "warn" }}; to = "file"; filename = "{folder}/prosody.log" }} }}
VirtualHost "{domain}"
Component "{pubsub}" "pubsub"
    admins = {{ "publisher@{domain}" }}
"""


@attrs.frozen
class Server:
    """The running server: its ports for connections without and with encryption."""

    plain: int
    tls: int


def free_port() -> int:
    """A port of this machine on which nobody listened a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def prosody(folder: Path, users: Sequence[str]) -> Iterator[Server]:
    """The server while it runs, with accounts for the publisher and `users`."""
    server = Server(free_port(), free_port())
    accounts = folder / "data" / DOMAIN / "accounts"
    accounts.mkdir(parents=True)
    for user in ("publisher", *users):
        (accounts / f"{user}.dat").write_text(f'return {{ ["password"] = "{PASSWORD}" }};\n', encoding="utf-8")
    config = folder / "prosody.cfg.lua"
    config.write_text(
        _CONFIG.format(
            folder=folder, plain=server.plain, tls=server.tls, certificate=CERTIFICATE, domain=DOMAIN, pubsub=PUBSUB
        ),
        encoding="utf-8",
    )
    program = shutil.which("prosody", path=f"{os.environ['PATH']}:/usr/bin:/usr/sbin")
    assert program, "prosody is not installed; make test-servers says how"
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen([program, "--config", str(config), "-F"], stdout=said, stderr=subprocess.STDOUT)
    try:
        _wait_for(server.tls, process, folder)
        yield server
    finally:
        process.terminate()
        process.wait(_STARTS_WITHIN_S)


def _wait_for(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        time.sleep(0.05)
    said = [path.read_text(encoding="utf-8") for path in (folder / "said", folder / "prosody.log") if path.exists()]
    raise AssertionError("prosody does not run: " + "\n".join(said))


class Publisher:
    """Who publishes, as Finesse's web service does: many nodes, one connection, in order."""

    def __init__(self, port: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._run(self._open(port))

    def create(self, nodes: Sequence[str]) -> None:
        """Make these nodes."""
        self._run(self._create(nodes))

    def publish(self, node: str, update: str) -> None:
        """Tell all subscribers of `node`; returns when it is on its way."""
        self._run(self._publish(node, update))

    def finish(self) -> None:
        """Wait until the server has taken all of it."""
        self._run(self._finish())

    def subscribers(self, node: str) -> list[str]:
        """Who is subscribed to `node`."""
        return self._run(self._subscribers(node))

    def close(self) -> None:
        """Say goodbye."""
        self._run(self._close())
        self._run(_nothing_is_left())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, one: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(one, self._loop).result(_ANSWERS_WITHIN_S)

    async def _open(self, port: int) -> None:
        self._in_flight = asyncio.Semaphore(IN_FLIGHT_MAX)
        self._asked: set[asyncio.Future[Any]] = set()
        proofs = {"feature_mechanisms": {"unencrypted_plain": True}}
        self._client: Any = ClientXMPP(PUBLISHER, PASSWORD, plugin_config=proofs, loop=self._loop)
        self._client.enable_starttls = self._client.enable_direct_tls = False
        self._client.enable_plaintext = True
        self._client.connect("127.0.0.1", port)
        await self._client.wait_until("session_start", _STARTS_WITHIN_S)

    async def _create(self, nodes: Sequence[str]) -> None:
        for node in nodes:
            asked = Element(f"{_SPACE}pubsub")
            SubElement(asked, f"{_SPACE}create", node=node)
            await self._client.make_iq_set(asked, ito=PUBSUB).send()

    async def _publish(self, node: str, update: str) -> None:
        """As Finesse does: the update stands in <notification> as text."""
        await self._in_flight.acquire()
        asked = Element(f"{_SPACE}pubsub")
        item = SubElement(SubElement(asked, f"{_SPACE}publish", node=node), f"{_SPACE}item")
        SubElement(item, f"{_SPACE}notification").text = update
        answered = self._client.make_iq_set(asked, ito=PUBSUB).send(timeout=_ANSWERS_WITHIN_S)
        self._asked.add(answered)
        answered.add_done_callback(self._answered)

    def _answered(self, answered: asyncio.Future[Any]) -> None:
        self._asked.discard(answered)
        self._in_flight.release()
        answered.result()

    async def _finish(self) -> None:
        if self._asked:
            await asyncio.wait(set(self._asked))

    async def _subscribers(self, node: str) -> list[str]:
        asked = Element(f"{_OWNER}pubsub")
        SubElement(asked, f"{_OWNER}subscriptions", node=node)
        question = self._client.make_iq_get(None, ito=PUBSUB)
        question.append(asked)
        answer = await question.send()
        return [one.get("jid", "") for one in answer.xml.iter(f"{_OWNER}subscription")]

    async def _close(self) -> None:
        await self._client.disconnect()


async def _nothing_is_left() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class Wire:
    """A way to a port, through which all goes until it is cut; then nobody comes through until it is mended.

    `came`: how often somebody has tried it.
    """

    def __init__(self, port: int) -> None:
        self.came = 0
        self._to = port
        self._ends: list[socket.socket] = []
        self._lock = threading.Lock()
        self._is_cut = False
        self._flows = threading.Event()
        self._flows.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Whoever is connected is not any more, with whatever was under way."""
        with self._lock:
            self._is_cut = True
            ends, self._ends = self._ends, []
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def mend(self) -> None:
        """From now on one comes through again."""
        with self._lock:
            self._is_cut = False

    def freeze(self) -> None:
        """All stay connected, and nothing goes through any more."""
        self._flows.clear()

    def thaw(self) -> None:
        """All goes through again."""
        self._flows.set()

    def close(self) -> None:
        """For good."""
        self._flows.set()
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.came += 1
            with self._lock:
                if self._is_cut:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._to))
                self._ends += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65_536):
                self._flows.wait()
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
