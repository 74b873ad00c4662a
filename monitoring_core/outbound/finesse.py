"""Shell: owns the way out to Finesse's REST API: each command a request in the supervisor's name, each question a GET.

Refuses to take "accepted" for "done": what became of a request comes in by the source, as a notification.
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable
from urllib.parse import quote as percent_encoded

from monitoring_core.domain.outcomes import AnyCommand, AskSnapshot, ChangeMode, DropMonitorCall, StartMonitoring
from monitoring_core.domain.settings import Limits
from monitoring_core.errors import MessageError, MonitoringError, UsageError
from monitoring_core.finesse.failures import Platform, code_of, explained
from monitoring_core.finesse.requests import (
    Request,
    dialog_picture,
    errors_in,
    of_command,
    team_picture,
    user_pictures,
)
from monitoring_core.outbound.exchange import CONNECT_S, READ_S, Answer, WebServer
from monitoring_core.outbound.logins import Logins
from monitoring_core.outbound.port import NotSentError, RefusedError

Feed = Callable[[str, bytes, float], None]
"""Takes a whole picture: the path that was asked for, the XML, and the moment before it was (seconds since 1970)."""

REQUEST_ID = "requestId"
"""The header whose value comes back in the notifications that a request leads to, also in its errors."""

_DEFAULT = Limits()
_UNAUTHORIZED = 401
_TRANSIENT = frozenset({408, 425, 429})
_CODE = re.compile(r"[A-Za-z][A-Za-z ]{0,39}|[0-9]{1,6}", re.ASCII)
"""What is taken for a code: anything else that a server writes may be our own request again."""


class FinesseOutbound:
    """One request for each command; 202 is only "accepted". For one thread at a time, as the relay is one.

    `url`: https://HOST[:PORT]. `logins`: as whom is asked. `user_on`: the user who is signed in on an extension, for
    what names an extension only (the floor knows). `feed`: where whole pictures go that a snapshot was asked for; what
    it raises of our errors refuses the question, and without it every question is refused. `platform`: whose tables
    explain a refusal. `connect_s`, `read_s`, `context`, `clock`: as for HttpOutbound; `limits` bound what is read.
    A command's id goes along as `requestId`. Raises UsageError for a URL or a limit that is none.
    """

    drops_repeats = False

    def __init__(  # noqa: PLR0913 # each is a keyword with its own default
        self,
        url: str,
        logins: Logins,
        *,
        user_on: Callable[[str], str | None] = lambda _extension: None,
        feed: Feed | None = None,
        platform: Platform | None = None,
        limits: Limits = _DEFAULT,
        connect_s: float = CONNECT_S,
        read_s: float = READ_S,
        context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._server = WebServer(url, connect_s, read_s, limits.xml_bytes_max, context)
        if self._server.target != "/":
            fix = "give https://HOST[:PORT] and nothing more"
            raise UsageError("the paths of Finesse begin at the root", self._server.where, fix)
        self._logins, self._user_on, self._feed = logins, user_on, feed
        self._platform, self._limits, self._clock = platform, limits, clock
        self._is_closed = False

    def send(self, command_id: str, command: AnyCommand) -> None:
        """Hand a command over. Raises NotSentError, InDoubtError or RefusedError, and nothing else."""
        if self._is_closed:
            raise NotSentError("this way out is closed", fix="open another one; what was not sent is still to be sent")
        try:
            if isinstance(command, AskSnapshot):
                self._ask(command)
            else:
                self._command(command_id, command)
        except MessageError as error:
            raise RefusedError(error.what, error.where, error.fix, "unsendable") from error

    def close(self) -> None:
        """Give back everything; a second time does nothing."""
        self._is_closed = True

    def _command(self, command_id: str, command: AnyCommand) -> None:
        request = of_command(command)
        if request is None:
            fix = "leave it to another way out, or turn off what leads to it in lifecycle.toml"
            raise RefusedError(f"Finesse has no request for {_name(command)}", fix=fix, code="unsendable")
        if len(request.path) + len(request.body) > self._limits.message_bytes_max:
            raise MessageError("this request is too long", fix="raise message_bytes_max, if these names are real")
        authorization = self._logins.of(self._user_of(command))
        if authorization is None:
            failure = explained("Invalid Authorization User Specified", self._platform)
            raise RefusedError("there is no password for this supervisor", fix=failure.remedy, code=failure.code)
        name = percent_encoded(command_id, errors="surrogatepass")
        headers = {"Authorization": authorization, "Content-Type": "application/xml", REQUEST_ID: name}
        with self._server.connected() as connected:
            self._server.check_alive(command, self._clock())
            answer = connected.exchange(request.method, request.path, headers, request.body)
        self._judge(answer)

    def _user_of(self, command: AnyCommand) -> str | None:
        """In whose name a command goes out."""
        if isinstance(command, DropMonitorCall):
            return command.user or self._user_on(command.media_address)
        return command.user if isinstance(command, StartMonitoring | ChangeMode) else None

    def _ask(self, command: AskSnapshot) -> None:
        """Every picture that the question is about, fed one by one."""
        if self._feed is None:
            raise RefusedError("nobody takes the answer to a question", fix="ask the switch by its source")
        user = self._user_on(command.about) if command.scope == "address" else command.about
        if user is None:
            raise RefusedError("nobody is known on this extension", fix="ask again when somebody has signed in")
        authorization = self._logins.of(user) or self._logins.first
        for request in _pictures(command.scope, user):
            as_of = self._clock()
            headers = {"Authorization": authorization, "Accept": "application/xml"}
            with self._server.connected() as connected:
                answer = connected.exchange(request.method, request.path, headers, request.body)
            self._judge(answer)
            if answer.body is None:
                raise RefusedError("the answer is too large or takes too long", self._server.where, "raise the limits")
            try:
                self._feed(request.path, answer.body, as_of)
            except MonitoringError as error:
                raise RefusedError("what Finesse answered cannot be used", error.where, error.fix) from error

    def _judge(self, answer: Answer) -> None:
        """Nothing if the request was accepted. Raises as `send` does."""
        is_refused = 400 <= answer.status < 500 and answer.status not in _TRANSIENT  # noqa: PLR2004 # RFC 9110
        if not is_refused:
            self._server.judge(answer.status)
            return
        code = self._code(answer)
        failure = explained(code, self._platform)
        what = f"the server answered {answer.status}" if failure.where == "unknown" else failure.meaning
        raise RefusedError(f"Finesse refused it: {what}", self._server.where, failure.remedy, code)

    def _code(self, answer: Answer) -> str:
        """The first that is documented, else the first, of the codes in a refusal; without any, what HTTP says."""
        try:
            codes = [code_of(error) for error in errors_in(answer.body or b"", self._limits)]
        except MessageError:
            codes = []
        codes = [code for code in codes if _CODE.fullmatch(code)]
        documented = [code for code in codes if explained(code).where != "unknown"]
        plain = "Authorization Failure" if answer.status == _UNAUTHORIZED else str(answer.status)
        return next(iter([*documented, *codes]), plain)


def _name(command: AnyCommand) -> str:
    if isinstance(command, ChangeMode):
        return f"a change to {command.mode}"
    return f"a start in mode {command.mode}" if isinstance(command, StartMonitoring) else "this command"


def _pictures(scope: str, about: str) -> tuple[Request, ...]:
    """What is asked for a question of this scope. Raises MessageError."""
    if scope == "call":
        return (dialog_picture(about),)
    if scope == "team":
        return (team_picture(about),)
    return user_pictures(about)
