"""Shell: owns `--xmpp` and `--record`: the file that says where Finesse is, and the live ways of `run` there and back.

Refuses passwords in that file: they come from the environment, or from a file of their own.
"""

from __future__ import annotations

import os
import signal
import ssl
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import attrs

from monitoring_core.domain.settings import Limits
from monitoring_core.errors import SourceError, UsageError, quote
from monitoring_core.files import read_text
from monitoring_core.files.recordings import Record
from monitoring_core.outbound.finesse import FinesseOutbound
from monitoring_core.outbound.logins import Logins, logins_from_file
from monitoring_core.rules.text import TomlText, check, is_words, read_toml
from monitoring_core.sources.notifications import Notifications, Rest, Service, Snapshots, nodes_of, record
from monitoring_core.sources.notifications.xmpp import Encryption, is_this_machine

PASSWORD = "MONITORING_CORE_FINESSE_PASSWORD"  # noqa: S105 # the name of the variable
RESOURCE = "monitoring-core"
PORTS = {"tls": 5223, "starttls": 5222, "none": 5222}
_REST_PORT = 8445
_TEXTS = ("host", "user", "encryption", "pubsub", "rest", "rest_user", "authority", "password_file", "logins")
_LISTS = ("users", "teams")


@attrs.frozen
class Finesse:
    """The ways to Finesse: `notifications`, and the REST API for questions and, where it `sends`, for commands.

    What it is asked in the course of a run is answered by a record among the notifications.
    """

    notifications: Notifications
    url: str
    logins: Logins
    clock: Callable[[], float]
    context: ssl.SSLContext | None = None
    sends: bool = False

    def outbound(self, user_on: Callable[[str], str | None]) -> FinesseOutbound:
        """The way out. `user_on`: who is signed in on an extension."""
        return FinesseOutbound(
            self.url, self.logins, user_on=user_on, feed=self._feed, context=self.context, clock=self.clock
        )

    def _feed(self, path: str, answer: bytes, as_of: float) -> None:
        one = record(self.clock(), path, answer.decode("utf-8", "replace"), as_of)
        if isinstance(one, SourceError):
            raise one
        self.notifications.add(one)


def load_finesse(path: str) -> Finesse:
    """The ways that the file at `path` describes; nothing is connected yet.

    With `send = true` commands go to the REST API in place of messages. `logins` names a file with USER:PASSWORD lines,
    one for each supervisor; without it all is asked as `rest_user`, as whom Finesse lets nobody else start or stop.
    Raises RuleBookError with every problem of the file, UsageError if it, a password, or a certificate's authority
    cannot be read.
    """
    page = read_toml(path, read_text(path, "name a file that says where Finesse is"), Limits().rule_file_bytes_max)
    said: dict[str, Any] = page.data
    page.unknown_keys((), said, (*_TEXTS, *_LISTS, "port", "send"))
    _check(page, said)
    check([page], "the file of --xmpp")
    encryption: Encryption = said.get("encryption", "tls")
    host, password = said["host"], _password(said.get("password_file"))
    name, _, domain = said["user"].partition("@")
    domain, _, resource = domain.partition("/")
    context = _context(said["authority"]) if "authority" in said else None
    service = Service(
        host,
        said.get("port", PORTS[encryption]),
        f"{name}@{domain}/{resource or RESOURCE}",
        said.get("pubsub", f"pubsub.{domain}"),
        password,
        encryption,
        context,
    )
    rest = Rest(said.get("rest", f"https://{host}:{_REST_PORT}"), said.get("rest_user", name), password, context)
    nodes, clock = nodes_of(said.get("users", ()), said.get("teams", ())), _clock()
    notifications = Notifications(service, nodes, Snapshots(rest, nodes), clock=clock)
    logins = logins_from_file(said["logins"]) if "logins" in said else Logins({rest.user: password}, path)
    return Finesse(notifications, rest.url, logins, clock, context, said.get("send", False))


@contextmanager
def live_finesse(options: Namespace) -> Iterator[Finesse]:
    """The Finesse of `--xmpp`. The first SIGINT or SIGTERM asks to say goodbye; a second one is taken as ever."""
    if options.source != "finesse":
        raise UsageError("notifications over XMPP are Finesse's", "--xmpp", "add --source finesse")
    finesse = load_finesse(options.xmpp)

    def stop(number: int, _frame: object) -> None:
        signal.signal(number, before[signal.Signals(number)])
        finesse.notifications.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield finesse
    finally:
        finesse.notifications.stop()
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def recorded(records: Iterable[Record], path: str | None) -> Iterator[Iterable[Record]]:
    """The same records, each also added to the file at `path` as it comes: a log that `replay` reads."""
    if path is None:
        yield records
        return
    try:
        file = Path(path).open("ab")  # noqa: SIM115 # an error of the run is not one of opening
    except OSError as error:
        raise UsageError(f"cannot write: {error.strerror}", path, "name a file, or leave out --record") from error
    with file:
        yield _copied(records, file)


def _copied(records: Iterable[Record], file: IO[bytes]) -> Iterator[Record]:
    for number, one in records:
        if isinstance(one, bytes):
            try:
                file.write(one + b"\n")
                file.flush()
            except OSError as error:
                fix = "make room, or go on without --record"
                raise UsageError(f"cannot record: {error.strerror}", file.name, fix) from error
        yield number, one


def _check(page: TomlText, said: dict[str, Any]) -> None:
    for key in _TEXTS:
        if key in said and not is_words(said[key]):
            page.problem((key,), f"{key} cannot be {quote(said[key])}", "write a text in double quotes")
    for key in _LISTS:
        if not isinstance(said.get(key, []), list) or not all(map(is_words, said.get(key, []))):
            page.problem((key,), f"{key} cannot be {quote(said[key])}", f'write it like {key} = ["1001", "1002"]')
    for key, fix in (("host", 'write host = "finesse.example"'), ("user", 'write user = "monitor@finesse.example"')):
        if key not in said:
            page.problem((), f"{key} is missing", fix)
    if is_words(said.get("user")) and not all(said["user"].partition("@")):
        page.problem(("user",), f"user cannot be {quote(said['user'])}", "write it like monitor@finesse.example")
    if not said.get("users") and not said.get("teams"):
        page.problem((), "there is nothing to subscribe to", 'write users = ["1001", ...], teams = ["5", ...], or both')
    _check_way(page, said)


def _check_way(page: TomlText, said: dict[str, Any]) -> None:
    port = said.get("port", 1)
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 1 << 16:
        page.problem(("port",), f"port cannot be {quote(port)}", "write a number from 1 to 65535")
    if not isinstance(said.get("send", False), bool):
        page.problem(("send",), f"send cannot be {quote(said['send'])}", "write send = true, or leave it out")
    encryption = said.get("encryption", "tls")
    if is_words(encryption) and encryption not in PORTS:
        page.problem(("encryption",), f"encryption cannot be {quote(encryption)}", f"write one of {', '.join(PORTS)}")
    if encryption == "none" and is_words(said.get("host")) and not is_this_machine(said["host"]):
        fix = 'write encryption = "tls", or connect to a tunnel that ends on this machine'
        page.problem(("encryption",), "notifications cross a network only encrypted", fix)


def _password(path: str | None) -> str:
    if path is not None:
        return read_text(path, "name the file with the password").rstrip("\r\n")
    try:
        return os.environ[PASSWORD]
    except KeyError:
        fix = "set it, or name a file in password_file"
        raise UsageError("there is no password", f"environment variable {PASSWORD}", fix) from None


def _context(authority: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authority)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError; ValueError: a NUL in its name
        fix = "name a PEM file with the certificate of who signed Finesse's"
        what = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot use this authority: {what}", authority, fix) from error


def _clock() -> Callable[[], float]:
    """Seconds since 1970 that never run back, also where the machine's clock is set."""
    offset_s = time.time() - time.monotonic()
    return lambda: time.monotonic() + offset_s
