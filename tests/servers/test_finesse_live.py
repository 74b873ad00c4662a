"""Finesse's notifications over XMPP from a real server (prosody) on loopback: nothing is missed, whatever is cut."""

from __future__ import annotations

import base64
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
import pytest

from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.errors import SourceError, UsageError
from monitoring_core.sources.finesse import FinesseSource
from monitoring_core.sources.notifications import Notifications, Rest, Service, Snapshots, Timing
from monitoring_core.sources.notifications.xmpp import Encryption
from monitoring_core.state import dump
from tests.helpers import ANYBODY
from tests.servers.model import Site
from tests.servers.prosody import CERTIFICATE, DOMAIN, PASSWORD, PUBSUB, Publisher, Server, Wire, prosody

NOTIFICATIONS = 10_000
CUTS = 5
MISSED_AT_EACH_CUT = 250
PEOPLE = 24
MARKED = "WORK"
"""A state that the model never chooses by itself."""
HANGS_S = 60.0
SOON = Timing(connect_s=5.0, answer_s=5.0, ping_s=1.0, first_s=0.1, last_s=0.4)


@attrs.frozen
class World:
    """A site, the server that tells of it, and where its pictures are."""

    server: Server
    publisher: Publisher
    site: Site
    rest: str

    def service(self, user: str, port: int, encryption: Encryption = "tls", password: str = PASSWORD) -> Service:
        """How `user` connects, by way of `port`."""
        context = ssl.create_default_context(cafile=str(CERTIFICATE))
        return Service("127.0.0.1", port, f"{user}@{DOMAIN}/test", PUBSUB, password, encryption, context)

    def notifications(self, service: Service, timing: Timing = SOON) -> Notifications:
        """All that is told, and shown when it is asked for."""
        nodes = self.site.nodes
        return Notifications(service, nodes, Snapshots(Rest(self.rest, "wall", PASSWORD), nodes), timing=timing)


@attrs.define
class Follower:
    """Who reads records and steps an engine by them."""

    notifications: Notifications
    engine: Engine = attrs.field(factory=lambda: Engine(ANYBODY, Settings(), "s"))
    source: FinesseSource = attrs.field(factory=FinesseSource)
    told: int = 0
    shown: int = 0
    problems: list[SourceError] = attrs.field(factory=list)
    reads: threading.Event = attrs.field(factory=threading.Event)

    def follow(self) -> None:
        """Until it is stopped, whenever it reads at all."""
        for _, record in self.notifications:
            if isinstance(record, SourceError):
                self.problems.append(record)
                continue
            if "as_of" in json.loads(record):
                self.shown += 1
            else:
                self.told += 1
            for event in self.source.feed(record):
                self.engine.step(event)
            self.reads.wait(HANGS_S)

    def finish(self) -> None:
        """What was kept back until more would come."""
        for event in self.source.finish():
            self.engine.step(event)

    @contextmanager
    def following(self) -> Iterator[None]:
        """While it follows."""
        self.reads.set()
        thread = threading.Thread(target=self.follow)
        thread.start()
        try:
            yield
        finally:
            self.reads.set()
            self.notifications.stop()
            thread.join(HANGS_S)

    def state_of(self, person: str) -> str | None:
        """In which state he thinks that somebody is."""
        known = self.engine.floor.people.persons.get(person)
        return None if known is None else known.state


def pictures(site: Site) -> type[BaseHTTPRequestHandler]:
    """A small REST API: what is true, to who knows the password."""
    expected = "Basic " + base64.b64encode(f"wall:{PASSWORD}".encode()).decode()

    class Pictures(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # its name for http.server
            known = self.headers["Authorization"] == expected
            found = site.picture(self.path) if known else None
            body = (found or "").encode()
            self.send_response(200 if found else 404 if known else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Pictures


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A site with all of its nodes."""
    with ExitStack() as stack:
        server = stack.enter_context(prosody(tmp_path, ("wall", "still")))
        publisher = Publisher(server.plain)
        stack.callback(publisher.close)
        site = Site(PEOPLE, 4, lambda told: publisher.publish(*told))
        publisher.create(site.nodes)
        rest = ThreadingHTTPServer(("127.0.0.1", 0), pictures(site))
        threading.Thread(target=rest.serve_forever, daemon=True).start()
        stack.callback(rest.server_close)
        stack.callback(rest.shutdown)
        yield World(server, publisher, site, f"http://127.0.0.1:{rest.server_port}")


@pytest.fixture
def wire(world: World) -> Iterator[Wire]:
    """The way to the server for whom it is cut."""
    wire = Wire(world.server.tls)
    yield wire
    wire.close()


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until it is so."""
    end = time.monotonic() + HANGS_S
    while not holds():
        assert time.monotonic() < end, f"waited too long: {what}"
        time.sleep(0.001)


def known(engine: Engine) -> dict[str, Any]:
    """What an engine knows that is so now, without what says how it came to know it.

    People, seats, calls with those who are on them, and the sessions alive are what a supervisor sees and what the
    next request is judged by. Who was away cannot know what came and went meanwhile, so final sessions, legs that were
    cleared and ids of calls gone by are left out; so is the state of who is signed out, as he is in none. Times and
    positions say when something was learned, and the ids of sessions are made of positions.
    """
    state = dump(engine)
    people, sessions = state["people"], state["sessions"]
    names = ("state", "origin", "supervisor", "agent", "from_address", "to_address", "call", "monitor_call", "mode")
    return {
        "people": {
            one["id"]: {
                key: sorted(value) if isinstance(value, list | dict) else value
                for key, value in one.items()
                if key != "changed_at" and (key != "state" or one["extensions"])
            }
            for one in people["persons"]
        },
        "seats": people["signed_in_on"],
        "calls": {
            one["id"]: (
                one["type"],
                one["monitor"],
                {leg["address"]: leg["state"] for leg in one["legs"].values() if leg["state"] != "cleared"},
            )
            for one in state["calls"]["calls"]
        },
        "sessions": {
            one["monitor_call"]: {name: one[name] for name in names if name in one}
            for one in sessions
            if one["state"] not in ("ENDED", "REJECTED")
        },
    }


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Where two do not know the same, a line each."""
    return [
        f"{part} {key}: {one[part].get(key)} and {other[part].get(key)}"
        for part in one
        for key in sorted(one[part].keys() | other[part].keys())
        if one[part].get(key) != other[part].get(key)
    ]


def tell_with_cuts(world: World, wire: Wire, cut: Follower) -> None:
    """Five cuts, spread over ten thousand notifications; some are told while nobody comes through, and all the time in
    which the one who was cut comes back, subscribes and asks.
    """
    for number in range(1, CUTS + 1):
        tell(world, number * NOTIFICATIONS // (CUTS + 1))
        wire.cut()
        tell(world, world.site.told + MISSED_AT_EACH_CUT)
        wire.mend()
        tell_until_shown(world, cut, (number + 1) * len(world.site.nodes))
    tell(world, NOTIFICATIONS - 2)
    while not world.site.is_listened_to:
        world.site.step()


def tell(world: World, number: int) -> None:
    """Go on until so much was told in all."""
    while world.site.told < number:
        world.site.step()


def tell_until_shown(world: World, cut: Follower, number: int) -> None:
    """Go on until he was shown so many pictures in all."""
    end = time.monotonic() + HANGS_S
    while cut.shown < number:
        assert time.monotonic() < end, "it does not ask again"
        world.site.step()


def test_five_cuts_make_no_difference(world: World, wire: Wire, record_property: Callable[[str, object], None]) -> None:
    """After 10,000 notifications, whose connection was cut five times knows what one knows who never lost it."""
    still = Follower(world.notifications(world.service("still", world.server.tls)))
    cut = Follower(world.notifications(world.service("wall", wire.port)))
    nodes, marked = len(world.site.nodes), next(iter(world.site.users))
    with still.following(), cut.following():
        until(lambda: min(still.shown, cut.shown) >= nodes, "both have the first pictures")
        began = time.monotonic()
        tell_with_cuts(world, wire, cut)
        world.site.mark(marked, MARKED)
        until(lambda: still.state_of(marked) == cut.state_of(marked) == MARKED, "both have seen the last notification")
        took_s = time.monotonic() - began
    for one in (still, cut):
        one.finish()
    assert known(still.engine)["calls"].keys() == world.site.dialogs.keys()
    assert known(still.engine)["sessions"]
    assert not (found := differences(known(cut.engine), known(still.engine))), "\n".join(found)
    assert still.told == world.site.told
    record_property(
        "shown",
        f"{still.told:,} notifications over XMPP with TLS, {still.told / took_s:,.0f} a second told to two clients; "
        f"the one that was cut {CUTS} times missed {still.told - cut.told:,} and knows the same: "
        f"{len(known(still.engine)['calls'])} calls, {len(known(still.engine)['sessions'])} sessions",
    )


@pytest.mark.parametrize("encryption", ["tls", "starttls", "none"])
def test_each_encryption_leads_to_the_notifications(world: World, encryption: Encryption) -> None:
    """With TLS from the first byte, by STARTTLS, and without on this machine, what is published comes in."""
    port = world.server.tls if encryption == "tls" else world.server.plain
    follower = Follower(world.notifications(world.service("wall", port, encryption)))
    with follower.following():
        until(lambda: follower.shown >= len(world.site.nodes), "the pictures")
        world.site.mark("1001", MARKED)
        until(lambda: follower.state_of("1001") == MARKED, "the notification")
    assert not follower.problems


def test_a_wrong_password_ends_it_with_a_fix(world: World) -> None:
    """Whom the server does not accept from the start is told so, instead of trying for ever."""
    notifications = world.notifications(world.service("wall", world.server.tls, password="wrong"))
    with pytest.raises(UsageError, match="user and password"):
        list(notifications)


def test_a_certificate_that_nobody_vouches_for_ends_it(world: World) -> None:
    """A server that cannot prove who it is gets no password, and the reason is told."""
    service = attrs.evolve(world.service("wall", world.server.tls), context=ssl.create_default_context())
    with pytest.raises(UsageError, match="certificate"):
        list(world.notifications(service))


def test_a_node_that_is_refused_is_told_and_the_others_go_on(world: World) -> None:
    """A node that does not exist is a problem in the place of a record; what the others tell comes in."""
    nodes = ["/finesse/api/User/nobody", *world.site.nodes]
    follower = Follower(Notifications(world.service("wall", world.server.tls), nodes, lambda _: (), timing=SOON))
    with follower.following():
        until(lambda: bool(follower.problems), "the problem")
        world.site.mark("1001", MARKED)
        until(lambda: follower.state_of("1001") == MARKED, "the notification")
    assert [problem.where for problem in follower.problems] == ["/finesse/api/User/nobody"]


def test_who_does_not_read_loses_nothing(world: World) -> None:
    """When no room is left the server has to wait: all comes in, in order, however late it is read."""
    timing = attrs.evolve(SOON, waiting_records_max=1_000)
    slow = Follower(world.notifications(world.service("wall", world.server.tls), timing))
    with slow.following():
        until(lambda: slow.shown >= len(world.site.nodes), "the pictures")
        slow.reads.clear()
        tell(world, 3_000)
        world.publisher.finish()
        slow.reads.set()
        world.site.mark("1001", MARKED)
        until(lambda: slow.state_of("1001") == MARKED, "the last notification")
    assert slow.told == world.site.told


def test_what_is_told_meanwhile_comes_after_the_pictures(world: World) -> None:
    """A notification that comes in while it is asked how things stand is read after the answers."""

    def shown(_as_of: float) -> Iterator[bytes]:
        world.site.mark("1001", MARKED)
        world.publisher.finish()
        time.sleep(0.5)
        yield b"picture"

    notifications = Notifications(world.service("wall", world.server.tls), world.site.nodes, shown, timing=SOON)
    _, first = next(records := iter(notifications))
    _, second = next(records)
    notifications.stop()
    assert first == b"picture"
    assert isinstance(second, bytes)
    assert MARKED in json.loads(second)["update"]


def test_a_server_that_says_nothing_more_is_left(world: World, wire: Wire) -> None:
    """A connection that stands but carries nothing is found by a ping; after another one all is known again."""
    follower = Follower(world.notifications(world.service("wall", wire.port), attrs.evolve(SOON, answer_s=1.0)))
    with follower.following():
        until(lambda: follower.shown >= len(world.site.nodes), "the pictures")
        wire.freeze()
        world.site.mark("1001", MARKED)
        until(lambda: wire.came > 1, "it tries another one")
        wire.thaw()
        until(lambda: follower.state_of("1001") == MARKED, "what it had missed")


def test_who_is_stopped_says_goodbye(world: World) -> None:
    """After a stop nobody is subscribed any more."""
    follower = Follower(world.notifications(world.service("wall", world.server.tls)))
    with follower.following():
        until(lambda: follower.shown >= len(world.site.nodes), "the pictures")
    assert not any(world.publisher.subscribers(node) for node in world.site.nodes)


def test_run_records_what_it_reads(world: World, tmp_path: Path) -> None:
    """`run --xmpp --record` ends well by SIGTERM, and `replay` reads the same number of events from its record."""
    settings, log = tmp_path / "finesse.toml", tmp_path / "log.jsonl"
    settings.write_text(
        f'host = "127.0.0.1"\nport = {world.server.tls}\nuser = "wall@{DOMAIN}"\nrest = "{world.rest}"\n'
        f'authority = "{CERTIFICATE}"\nusers = ["1001", "1002"]\nteams = ["0"]\n',
        encoding="utf-8",
    )
    program = [sys.executable, "-m", "monitoring_core"]
    live = subprocess.Popen(
        [*program, "run", "--source", "finesse", "--xmpp", str(settings), "--record", str(log)],
        env={**os.environ, "MONITORING_CORE_FINESSE_PASSWORD": PASSWORD},
        stderr=subprocess.PIPE,
    )
    try:
        until(lambda: log.exists() and log.read_bytes().count(b"as_of") == 5, "the pictures")
        world.site.mark("1001", MARKED)
        until(lambda: log.read_bytes().count(b'"PUT') + log.read_bytes().count(b">put<") >= 2, "the notifications")
    finally:
        live.send_signal(signal.SIGTERM)
        _, said = live.communicate(timeout=HANGS_S)
    assert live.returncode == 0, said
    done = subprocess.run([*program, "replay", "--source", "finesse", str(log)], capture_output=True, check=True)
    assert log.read_bytes().count(b"\n") == 7  # five pictures, one change on two nodes
    assert b"events" in done.stderr
