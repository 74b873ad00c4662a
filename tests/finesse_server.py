"""A Finesse server on this machine, as far as silent monitoring goes: it refuses by the tables of domain.md section 2.

It knows nothing of the code that it tests. What a request leads to is told to nobody: only its answer is modelled.
"""

from __future__ import annotations

import re
import socket
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from xml.etree import ElementTree as ET

import attrs

from tests.contracts.outbound import says

TALKING = "TALKING"
WITHOUT_A_CALL = frozenset({"READY", "WORK", "WORK_READY"})
ACTIONS = {
    "SILENT_MONITOR": ("fromAddress", "toAddress"),
    "BARGE_CALL": ("fromAddress", "toAddress", "associatedDialogUri"),
    "DROP": ("targetMediaAddress",),
}
Refusal = tuple[int, str, str]
"""A status, an error's type and its data."""


@attrs.define
class User:
    """Who may sign in: his password, where he sits, what he is, and how he is."""

    id: str
    extension: str
    state: str = "NOT_READY"
    roles: tuple[str, ...] = ("Agent",)
    team: str = "1"
    supervises: tuple[str, ...] = ()

    @property
    def password(self) -> str:
        """Not a good one."""
        return f"of-{self.id}"

    def xml(self) -> str:
        """As the API shows him."""
        where = f"<extension>{self.extension}</extension><state>{self.state}</state>"
        return f"<User><loginId>{self.id}</loginId>{where}</User>"


@attrs.define
class Monitored:
    """A monitor dialog: who listens to whom, and what would go wrong if he barged in."""

    supervisor: User
    agent: User
    is_held: bool = False
    is_full: bool = False
    is_consulting: bool = False


@attrs.frozen
class Asked:
    """One request as it came, and whether it was accepted."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    is_taken: bool

    @property
    def said(self) -> bytes:
        """All that matters of it."""
        return f"{self.method} {self.path} ".encode() + self.body


def site() -> tuple[User, User]:
    """A supervisor who may listen, and an agent who may be listened to."""
    return User("47483657", "5004", roles=("Agent", "Supervisor"), supervises=("1",)), User("47483650", "5025", TALKING)


@attrs.define
class Finesse:
    """The server: `platform`, its people by extension, its monitor dialogs by id, and what came.

    `answer`: instead of its own, bytes or what is done to the socket.
    """

    people: dict[str, User] = attrs.field(factory=lambda: {user.extension: user for user in site()})
    dialogs: dict[str, Monitored] = attrs.field(factory=dict)
    platform: str = "cce"
    answer: bytes | Callable[[socket.socket], None] | None = None
    requests: list[Asked] = attrs.field(factory=list)
    authority: str = ""

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{self.authority}"

    def answered(self, method: str, path: str, authorization: str, body: bytes) -> bytes:
        """The answer to a request."""
        refusal = self._refusal(method, path, authorization, body)
        if refusal is not None:
            return refused(*refusal)
        return says(200, body=self._picture(path).encode()) if method == "GET" else says(202)

    def _refusal(self, method: str, path: str, authorization: str, body: bytes) -> Refusal | None:
        user = self._signed_in(authorization)
        if user is None:
            return 401, "Authorization Failure", ""
        if method == "GET":
            return None if self._picture(path) else (404, "Not Found", "")
        said = {child.tag: child.text or "" for child in ET.fromstring(body)}  # noqa: S314 # our own
        needed = ACTIONS.get(said.get("requestedAction", ""))
        if needed is None:
            return 400, "Invalid Input", "requestedAction"
        missing = [name for name in needed if not said.get(name)]
        if missing:
            return 400, "Parameter Missing", missing[0]
        if method == "PUT":
            return self._drop(user, path, said)
        return self.start(user, path, said)

    def _signed_in(self, authorization: str) -> User | None:
        name, _, password = b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        users = (user for user in self.people.values() if (user.id, user.password) == (name, password))
        return next(users, None)

    def start(self, user: User, path: str, said: dict[str, str]) -> Refusal | None:
        """Why a start or a barge is refused at once, if it is."""
        if path != f"/finesse/api/User/{user.id}/Dialogs" or said["fromAddress"] != user.extension:
            return 401, "Invalid Authorization User Specified", user.id
        if "Supervisor" not in user.roles:
            return 401, "Authorization Failure", user.id
        if said["requestedAction"] == "BARGE_CALL":
            return self._barge(said["associatedDialogUri"])
        return self._listen(user, said)

    def _listen(self, user: User, said: dict[str, str]) -> Refusal | None:
        agent = self.people.get(said["toAddress"])
        if agent is None or agent is user:
            return 400, "Invalid Destination", said["toAddress"]
        if agent.team not in user.supervises:
            return 400, "Invalid Supervisor", user.id
        if self.platform == "cce" and agent.state in WITHOUT_A_CALL:
            return 400, "Invalid State", agent.id
        return None

    def _barge(self, uri: str) -> Refusal | None:
        monitored = self.dialogs[uri.rpartition("/")[2]]
        if monitored.is_held:
            return 400, "Invalid Destination", monitored.agent.extension
        if monitored.is_full:
            return 400, "Generic Error", "20700"
        return (400, "Generic Error", "20999") if monitored.is_consulting else None

    def _drop(self, user: User, path: str, said: dict[str, str]) -> Refusal | None:
        monitored = self.dialogs.get(path.rpartition("/")[2])
        if monitored is None:
            return 404, "Not Found", ""
        is_his = monitored.supervisor is user and said["targetMediaAddress"] == user.extension
        return None if is_his else (401, "Invalid Authorization User Specified", user.id)

    def _picture(self, path: str) -> str:
        """A person, his (no) dialogs, or a monitor dialog; empty if there is none."""
        by_path = {f"/finesse/api/User/{user.id}": user.xml() for user in self.people.values()}
        by_path |= {f"{path}/Dialogs": "<Dialogs></Dialogs>" for path in list(by_path)}
        by_path |= {f"/finesse/api/Dialog/{id_}": f"<Dialog><id>{id_}</id></Dialog>" for id_ in self.dialogs}
        by_path |= {
            f"/finesse/api/Team/{user.team}": f"<Team><id>{user.team}</id></Team>" for user in self.people.values()
        }
        return by_path.get(path, "")

    @contextmanager
    def running(self) -> Iterator[Finesse]:
        """As long as it is served."""
        server = HTTPServer(("127.0.0.1", 0), self._handler())
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        self.authority = f"127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        finesse = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # http.server names it so
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                answer = finesse.answer
                if answer is None:
                    answer = finesse.answered(self.command, self.path, self.headers.get("Authorization", ""), body)
                is_taken = isinstance(answer, bytes) and re.match(rb"HTTP/1.1 2", answer) is not None
                headers = dict(self.headers.items())
                finesse.requests.append(Asked(self.command, self.path, headers, body, is_taken))
                with suppress(OSError):  # the client may have left
                    if callable(answer):
                        answer(self.connection)
                    else:
                        self.connection.sendall(answer)
                self.close_connection = True

            do_PUT = do_GET = do_POST  # noqa: N815 # the same

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # http.server names it so
                """Say nothing."""

        return Handler


def refused(status: int, type_: str, data: str) -> bytes:
    """An answer that says why not."""
    error = f"<ErrorType>{type_}</ErrorType><ErrorMessage>NO</ErrorMessage><ErrorData>{data}</ErrorData>"
    return says(
        status, "Content-Type: application/xml", body=f"<ApiErrors><ApiError>{error}</ApiError></ApiErrors>".encode()
    )
