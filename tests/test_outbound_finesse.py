"""The way out to Finesse, against a server on this machine that refuses by the tables."""

from __future__ import annotations

import socket
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from msgspec.structs import replace

from monitoring_core.domain.outcomes import (
    AnyCommand,
    AskSnapshot,
    BroadcastError,
    ChangeMode,
    Move,
    Reason,
    StartMonitoring,
    State,
)
from monitoring_core.domain.settings import Limits
from monitoring_core.errors import MessageError, UsageError
from monitoring_core.finesse.failures import explained
from monitoring_core.journal import Entry
from monitoring_core.monitor import Monitor
from monitoring_core.outbound import (
    FinesseOutbound,
    InDoubtError,
    Logins,
    NotSentError,
    RefusedError,
    logins_from_environment,
    logins_from_file,
)
from tests.contracts.outbound import DROP, ERROR, START, says
from tests.finesse_server import Finesse, Monitored, User, refused
from tests.helpers import SEATS, talk

NOW = 1_700_000_000.25
BARGE = ChangeMode("s-6", "5004", "5025", "47483657", "16930408", "barge")
PASSWORDS = {"47483657": "of-47483657"}


@pytest.fixture(scope="module")
def server() -> Iterator[Finesse]:
    """One server for all tests of this module."""
    with Finesse().running() as finesse:
        yield finesse


@pytest.fixture
def finesse(server: Finesse) -> Finesse:
    """The server, as if new: a supervisor, an agent, and a monitor dialog of theirs."""
    new = Finesse()
    server.people, server.platform, server.answer = new.people, new.platform, None
    server.dialogs = {"16930408": Monitored(server.people["5004"], server.people["5025"])}
    server.requests.clear()
    return server


def outbound_to(finesse: Finesse, passwords: dict[str, str] | None = None, **given: Any) -> FinesseOutbound:
    """A way out to the server, as the supervisor and at `NOW` unless `given` otherwise."""
    given = {"clock": lambda: NOW, "user_on": lambda extension: finesse.people[extension].id, **given}
    return FinesseOutbound(finesse.url, Logins(passwords or PASSWORDS), **given)


def refusal(finesse: Finesse, command: AnyCommand, **given: Any) -> RefusedError:
    """Why a command is refused."""
    with pytest.raises(RefusedError) as raised:
        outbound_to(finesse, **given).send("s-6/12/0", command)
    return raised.value


# The request


def test_a_start_is_one_request_with_all_that_finesse_wants(finesse: Finesse) -> None:
    """A start is posted in the supervisor's name, as XML, with the command's id, and no wish to stay."""
    outbound_to(finesse).send("s-6/12/0", START)
    (asked,) = finesse.requests
    authorization = asked.headers.pop("Authorization").removeprefix("Basic ")
    assert (asked.method, asked.path) == ("POST", "/finesse/api/User/47483657/Dialogs")
    assert b64decode(authorization) == b"47483657:of-47483657"
    assert asked.headers == {
        "Host": finesse.authority,
        "Accept-Encoding": "identity",
        "Content-Length": str(len(asked.body)),
        "Content-Type": "application/xml",
        "Connection": "close",
        "requestId": "s-6/12/0",
    }


@pytest.mark.parametrize("command", [START, DROP, BARGE])
def test_accepted_is_no_more_than_sent(finesse: Finesse, command: AnyCommand) -> None:
    """What Finesse accepts (202) raises nothing, and nothing is fed: what became of it comes by the source."""
    fed: list[object] = []
    outbound_to(finesse, feed=lambda *told: fed.append(told)).send("s-6/12/0", command)
    assert [asked.is_taken for asked in finesse.requests] == [True]
    assert not fed


@pytest.mark.parametrize("command_id", ["a\r\nX-Other: 1", "\ud800"])
def test_no_id_breaks_out_of_its_header(finesse: Finesse, command_id: str) -> None:
    """An id with a line end, or with what is no character, adds no header and stops nothing."""
    outbound_to(finesse).send(command_id, DROP)
    (asked,) = finesse.requests
    assert "X-Other" not in asked.headers


@pytest.mark.parametrize("command", [START, BARGE])
@pytest.mark.parametrize(("valid_until", "is_sent"), [(NOW - 1, False), (NOW, True), (None, True), (0.0, False)])
def test_what_perished_while_connecting_is_not_sent(
    finesse: Finesse, command: StartMonitoring | ChangeMode, valid_until: float | None, *, is_sent: bool
) -> None:
    """A start, or a change of the mode, whose time is over when the connection stands is not sent."""
    perishable = replace(command, valid_until=valid_until)
    if is_sent:
        outbound_to(finesse).send("s-6/12/0", perishable)
    else:
        with pytest.raises(NotSentError, match="perished"):
            outbound_to(finesse).send("s-6/12/0", perishable)
    assert len(finesse.requests) == is_sent


def test_finesse_drops_no_repeats(finesse: Finesse) -> None:
    """Finesse takes a command of the same id twice, and that is said of it."""
    assert not outbound_to(finesse).drops_repeats


@pytest.mark.parametrize(
    ("command", "what"),
    [
        (ERROR, "Finesse has no request for this command"),
        (BroadcastError("", "Invalid State", ""), "Finesse has no request for this command"),
        (replace(BARGE, mode="whisper"), "Finesse has no request for a change to whisper"),
        (replace(BARGE, mode="silent"), "Finesse has no request for a change to silent"),
        (replace(BARGE, mode="take_over"), "Finesse has no request for a change to take_over"),
        (replace(START, to_address="50\x0025"), "XML cannot carry the character \\x00"),
        (replace(START, user=""), "the id of a user is empty"),
        (replace(START, from_address="5" * Limits().message_bytes_max), "this request is too long"),
    ],
)
def test_what_finesse_has_no_words_for_is_refused(finesse: Finesse, command: AnyCommand, what: str) -> None:
    """A command that Finesse has no request for, or that XML cannot carry, is refused for good, and nothing is sent."""
    error = refusal(finesse, command)
    assert (error.what, error.code) == (what, "unsendable")
    assert not finesse.requests


# As whom


def test_each_supervisor_asks_as_himself(finesse: Finesse) -> None:
    """Of several logins that of the supervisor is used, also for a stop, which names his extension only."""
    finesse.people["5005"] = User("9", "5005", roles=("Supervisor",), supervises=("1",))
    outbound = outbound_to(finesse, {"9": "of-9", **PASSWORDS})
    for command in (START, DROP, BARGE, StartMonitoring("s-7", "5005", "5025", "9")):
        outbound.send("s-6/12/0", command)
    names = [b64decode(asked.headers["Authorization"].removeprefix("Basic ")) for asked in finesse.requests]
    assert names == [b"47483657:of-47483657"] * 3 + [b"9:of-9"]


@pytest.mark.parametrize("command", [START, DROP])
def test_a_supervisor_without_a_login_is_refused_as_finesse_would(finesse: Finesse, command: AnyCommand) -> None:
    """Of several logins none is used for somebody else: that is refused with Finesse's own code for it, unsent."""
    error = refusal(finesse, command, passwords={"8": "of-8", "9": "of-9"}, user_on=lambda _extension: None)
    assert error.code == "Invalid Authorization User Specified"
    assert not finesse.requests


# Refusals, row by row

ROWS: dict[str, tuple[str, Callable[[Finesse], AnyCommand]]] = {}
"""By name: the code, and how the cause is brought about before a command."""


def row(code: str) -> Callable[[Callable[[Finesse], AnyCommand]], Callable[[Finesse], AnyCommand]]:
    """A cause of `code`."""

    def kept(cause: Callable[[Finesse], AnyCommand]) -> Callable[[Finesse], AnyCommand]:
        ROWS[cause.__name__] = code, cause
        return cause

    return kept


@row("Invalid Destination")
def to_address_is_from_address(_finesse: Finesse) -> AnyCommand:
    """Both extensions are the same."""
    return replace(START, to_address="5004")


@row("Invalid Destination")
def barge_while_held(finesse: Finesse) -> AnyCommand:
    """The agent has the call on hold."""
    finesse.dialogs["16930408"].is_held = True
    return BARGE


@row("Invalid State")
def agent_is_ready(finesse: Finesse) -> AnyCommand:
    """There is no call."""
    finesse.people["5025"].state = "READY"
    return START


@row("Invalid State")
def agent_is_in_wrap_up(finesse: Finesse) -> AnyCommand:
    """The call is over."""
    finesse.people["5025"].state = "WORK"
    return START


@row("Authorization Failure")
def agent_asks(finesse: Finesse) -> AnyCommand:
    """He is no supervisor."""
    finesse.people["5004"].roles = ("Agent",)
    return START


@row("Authorization Failure")
def password_is_wrong(finesse: Finesse) -> AnyCommand:
    """Nobody is who he says he is."""
    finesse.people["5004"].id = "another"
    return START


@row("Invalid Authorization User Specified")
def somebody_else_asks(_finesse: Finesse) -> AnyCommand:
    """The only login there is is of another supervisor."""
    return replace(START, user="9")


@row("Invalid Authorization User Specified")
def somebody_else_stops(finesse: Finesse) -> AnyCommand:
    """Only he who listens may end it."""
    finesse.dialogs["16930408"] = attrs.evolve(finesse.dialogs["16930408"], supervisor=User("9", "5005"))
    return DROP


@row("Invalid Supervisor")
def agent_is_of_another_team(finesse: Finesse) -> AnyCommand:
    """The agent is outside of the supervisor's teams."""
    finesse.people["5025"].team = "2"
    return START


@row("20700")
def conference_is_full(finesse: Finesse) -> AnyCommand:
    """There is no room for one more."""
    finesse.dialogs["16930408"].is_full = True
    return BARGE


@row("20999")
def agent_consults(finesse: Finesse) -> AnyCommand:
    """His consult call is not over."""
    finesse.dialogs["16930408"].is_consulting = True
    return BARGE


@row("404")
def dialog_is_gone(finesse: Finesse) -> AnyCommand:
    """The monitor call ended before the stop came; Not Found is in no table."""
    finesse.answer = says(404)
    return DROP


@row("Not Found")
def dialog_was_never_there(finesse: Finesse) -> AnyCommand:
    """There is no such dialog."""
    finesse.dialogs.clear()
    return DROP


@row("Parameter Missing")
def something_is_missing(finesse: Finesse) -> AnyCommand:
    """Another release of Finesse requires more."""
    finesse.answer = refused(400, "Parameter Missing", "fromAddress")
    return START


@row("Invalid Input")
def something_is_not_known(finesse: Finesse) -> AnyCommand:
    """Another release of Finesse understands less."""
    finesse.answer = refused(400, "Invalid Input", "requestedAction")
    return START


@pytest.mark.parametrize("name", ROWS)
def test_each_refusal_has_its_code_and_its_explanation(finesse: Finesse, name: str) -> None:
    """Whatever the cause, the refusal is for good, has the code of the tables, and says what that means."""
    code, cause = ROWS[name]
    error = refusal(finesse, cause(finesse))
    assert error.code == code
    known = explained(code)
    if known.where != "unknown":
        assert (error.what, error.fix) == (f"Finesse refused it: {known.meaning}", known.remedy)


def test_a_start_on_the_other_platform_is_accepted_first(finesse: Finesse) -> None:
    """On CCX an agent who is Ready is refused later (88049 comes as a notification): the request itself is accepted."""
    finesse.platform, finesse.people["5025"].state = "ccx", "READY"
    outbound_to(finesse, platform="ccx").send("s-6/12/0", START)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (says(401), "Authorization Failure"),
        (says(401, body=b"<html><body>no</body></html>"), "Authorization Failure"),
        (says(400, body=b"<ApiErrors>"), "400"),
        (says(400, body=b"<ApiErrors></ApiErrors>"), "400"),
        (refused(400, "47483657 is nobody", ""), "400"),
        (refused(400, "Generic Error", "47483657"), "400"),
        (says(403), "403"),
        (says(400, body=b"<a>" * 100), "400"),
        (says(400, body=b'<!DOCTYPE a [<!ENTITY b "c">]><ApiErrors/>'), "400"),
    ],
)
def test_a_refusal_without_a_code_has_that_of_http(finesse: Finesse, answer: bytes, code: str) -> None:
    """A refusal whose body says nothing usable is one all the same."""
    finesse.answer = answer
    assert refusal(finesse, START).code == code


def test_of_several_codes_the_documented_one_is_told(finesse: Finesse) -> None:
    """Of several errors in one refusal the first that can be explained is the code."""
    errors = "".join(
        f"<ApiError><ErrorType>{name}</ErrorType></ApiError>"
        for name in ("Odd Thing", "Invalid State", "Invalid Supervisor")
    )
    finesse.answer = says(400, body=f"<ApiErrors>{errors}</ApiErrors>".encode())
    assert refusal(finesse, START).code == "Invalid State"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("command", [START, DROP, AskSnapshot("s-6", "call", "16930408")])
def test_no_redirect_is_followed(finesse: Finesse, command: AnyCommand, status: int) -> None:
    """A redirect is refused, so that no password goes where it leads."""
    finesse.answer = says(status, f"Location: {finesse.url}/elsewhere")
    assert "a redirect, and none is followed" in refusal(finesse, command, feed=lambda *_told: None).what
    assert len(finesse.requests) == 1


@pytest.mark.parametrize("status", [408, 500, 502, 504])
def test_a_server_in_trouble_leaves_doubt(finesse: Finesse, status: int) -> None:
    """A server that failed may have begun: the command is in doubt."""
    finesse.answer = says(status)
    with pytest.raises(InDoubtError):
        outbound_to(finesse).send("s-6/12/0", START)


@pytest.mark.parametrize("status", [425, 429, 503])
def test_a_server_that_is_not_in_service_took_nothing(finesse: Finesse, status: int) -> None:
    """A server that says that it did not take the command (Finesse out of service) may be asked again."""
    finesse.answer = says(status)
    with pytest.raises(NotSentError):
        outbound_to(finesse).send("s-6/12/0", START)


def _drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 202 x\r\n")
    connection.recv(1)  # until the client leaves


def _flood(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 202 x\r\n" + b"X: y\r\n" * 100)


@pytest.mark.parametrize("answer", [_drip, _flood, b"", b"HTTP/1.1 2", b"SSH-2.0-x\r\n"])
def test_an_answer_that_is_none_leaves_doubt(finesse: Finesse, answer: bytes | Callable[[socket.socket], None]) -> None:
    """When no answer came in time, whole and within its size, the command is in doubt."""
    finesse.answer = answer
    with pytest.raises(InDoubtError, match="no answer"):
        outbound_to(finesse, read_s=0.1, limits=Limits(xml_bytes_max=10_000)).send("s-6/12/0", START)


def test_a_server_that_is_not_there_got_nothing() -> None:
    """Where nobody listens nothing was sent."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(NotSentError, match="cannot connect"):
        FinesseOutbound(f"http://127.0.0.1:{port}", Logins(PASSWORDS)).send("s-6/12/0", START)


def test_a_refusal_ends_the_session_with_its_code(finesse: Finesse) -> None:
    """A start that Finesse refuses rejects the session as failed, with Finesse's code, and its meaning as the text."""
    finesse.people["5004"].id, finesse.answer = "ann", refused(400, "Invalid Supervisor", "ann")
    moves: list[Move] = []
    is_over = threading.Event()

    def hear(entry: Entry) -> None:
        moves.extend(move for move in entry.step.moves if move.after is State.REJECTED)
        if moves:
            is_over.set()

    with Monitor.open(None, outbound=outbound_to(finesse, {"ann": "x"}, clock=lambda: 0.0)) as monitor:
        monitor.subscribe(hear)
        for event in (*SEATS, *talk()):
            monitor.feed(event)
        monitor.request("5004", "5025", "ann")
        assert is_over.wait(20.0)
    (move,) = moves
    assert (move.reason, move.code) == (Reason.FAILED, "Invalid Supervisor")
    assert move.text == f"Finesse refused it: {explained('Invalid Supervisor').meaning}"


# Questions


@pytest.mark.parametrize(
    ("question", "fed"),
    [
        (
            AskSnapshot("s-6", "address", "5025"),
            [
                (
                    "/finesse/api/User/47483650",
                    b"<User><loginId>47483650</loginId><extension>5025</extension><state>TALKING</state></User>",
                    NOW,
                ),
                ("/finesse/api/User/47483650/Dialogs", b"<Dialogs></Dialogs>", NOW),
            ],
        ),
        (
            AskSnapshot("", "call", "16930408"),
            [("/finesse/api/Dialog/16930408", b"<Dialog><id>16930408</id></Dialog>", NOW)],
        ),
        (AskSnapshot("", "team", "1"), [("/finesse/api/Team/1", b"<Team><id>1</id></Team>", NOW)]),
    ],
    ids=["address", "call", "team"],
)
def test_a_question_is_answered_with_pictures(finesse: Finesse, question: AskSnapshot, fed: list[object]) -> None:
    """A question about an extension, a call or a team is asked, and each picture fed with the moment before it was."""
    answers: list[object] = []
    outbound_to(finesse, feed=lambda *told: answers.append(told)).send("/12/0", question)
    assert answers == fed
    assert all(asked.method == "GET" and "requestId" not in asked.headers for asked in finesse.requests)


def test_whoever_has_a_login_may_ask_about_a_call(finesse: Finesse) -> None:
    """A call is asked about with the first login, for it names no person; a person who has a login with his own."""
    answers: list[object] = []
    passwords = {**PASSWORDS, "47483650": "of-47483650"}
    outbound = outbound_to(finesse, passwords, feed=lambda *told: answers.append(told))
    outbound.send("/12/0", AskSnapshot("", "call", "16930408"))
    outbound.send("/12/1", AskSnapshot("", "address", "5025"))
    names = [b64decode(asked.headers["Authorization"].removeprefix("Basic ")) for asked in finesse.requests]
    assert names == [b"47483657:of-47483657", b"47483650:of-47483650", b"47483650:of-47483650"]


def test_a_question_about_nobody_is_refused(finesse: Finesse) -> None:
    """Nothing is asked about an extension on which nobody is known."""
    given: dict[str, Any] = {"user_on": lambda _extension: None, "feed": lambda *_told: None}
    assert refusal(finesse, AskSnapshot("s-6", "address", "5025"), **given).what == "nobody is known on this extension"
    assert not finesse.requests


def test_a_picture_that_is_not_there_is_refused_with_its_code(finesse: Finesse) -> None:
    """A call that Finesse does not know any more is refused as it says, and nothing is fed."""
    finesse.dialogs.clear()
    fed: list[object] = []
    question = AskSnapshot("", "call", "16930408")
    assert refusal(finesse, question, feed=lambda *told: fed.append(told)).code == "Not Found"
    assert not fed


@pytest.mark.parametrize("body", [b"Content-Length: 10\r\n\r\n<User>", b"\r\n" + b"<User>" * 10_000])
def test_a_picture_that_is_not_whole_is_refused(finesse: Finesse, body: bytes) -> None:
    """A picture that broke off, or is larger than allowed, is not fed."""
    finesse.answer = b"HTTP/1.1 200 x\r\n" + body
    fed: list[object] = []
    given: dict[str, Any] = {"feed": lambda *told: fed.append(told), "limits": Limits(xml_bytes_max=10_000)}
    error = refusal(finesse, AskSnapshot("", "call", "1"), **given)
    assert error.what == "the answer is too large or takes too long"
    assert not fed


def test_a_picture_that_cannot_be_used_refuses_the_question(finesse: Finesse) -> None:
    """An error of ours, raised by who is fed, refuses the question for good: asked again it would be no better."""

    def feed(_path: str, _body: bytes, _as_of: float) -> None:
        raise MessageError("this is not XML", "line 1")

    error = refusal(finesse, AskSnapshot("", "call", "16930408"), feed=feed)
    assert (error.what, error.where) == ("what Finesse answered cannot be used", "line 1")


# Where it may go, and with which logins


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://finesse.example:8445", "only encrypted"),
        ("https://ann:hush@finesse.example", "credentials"),
        ("https://finesse.example/finesse/hush", "root"),
        ("https://finesse.example/?hush=1", "root"),
        ("ftp://finesse.example", "no URL of a web server"),
        ("", "blanks"),
    ],
)
def test_any_other_url_is_refused(url: str, why: str) -> None:
    """Only https, or this machine, at the root, without credentials; the error shows neither path nor password."""
    with pytest.raises(UsageError, match=why) as raised:
        FinesseOutbound(url, Logins(PASSWORDS))
    assert "hush" not in f"{raised.value} {raised.value!r}"


@pytest.mark.parametrize("given", [{"connect_s": 0.0}, {"read_s": -1.0}, {"read_s": float("nan")}])
def test_limits_that_leave_no_time_are_refused(given: dict[str, float]) -> None:
    """A limit that is none is refused at once."""
    with pytest.raises(UsageError, match="no time or no room"):
        FinesseOutbound("https://finesse.example", Logins(PASSWORDS), **given)  # type: ignore[arg-type] # floats all


@pytest.mark.parametrize(
    "passwords", [{}, {"": "x"}, {"a:b": "x"}, {"a": ""}, {"a\n": "x"}, {"a": "x\ny"}, {"a": "\ud800"}]
)
def test_a_login_that_cannot_be_sent_is_refused(passwords: dict[str, str]) -> None:
    """No login, and one that basic authentication cannot carry, are refused."""
    with pytest.raises(UsageError):
        Logins(passwords)


def test_no_login_shows_a_password() -> None:
    """Neither the logins nor the way out show a password, however they are looked at."""
    logins = Logins({"ann": "hush"})
    assert "hush" not in f"{logins} {logins!r} {FinesseOutbound('https://finesse.example', logins)!r}"


def test_a_login_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """One login comes from two variables; both must be set, and one that is no good is refused without being shown."""
    monkeypatch.setenv("WHO", "7")
    with pytest.raises(UsageError, match="there is no login"):
        logins_from_environment("WHO", "WORD")
    monkeypatch.setenv("WORD", "pä:ss")
    authorization = logins_from_environment("WHO", "WORD").of("7") or ""
    assert b64decode(authorization.removeprefix("Basic ")).decode() == "7:pä:ss"
    monkeypatch.setenv("WORD", "hush\n")
    with pytest.raises(UsageError) as raised:
        logins_from_environment("WHO", "WORD")
    assert "hush" not in str(raised.value)


def logins_file(tmp_path: Path, content: bytes, mode: int = 0o600) -> Path:
    """A file of logins."""
    path = tmp_path / "logins"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_logins_come_from_a_file(tmp_path: Path) -> None:
    """A file has one login a line; a password may have colons."""
    logins = logins_from_file(logins_file(tmp_path, "7:of:7\n8:öf-8\r\n".encode()))
    found = [b64decode((logins.of(user) or "").removeprefix("Basic ")).decode() for user in ("7", "8")]
    assert found == ["7:of:7", "8:öf-8"]
    assert logins.of("9") is None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no user to ask"),
        (b"hush\n", "this is no login"),
        (b"7:hush\n\n", "this is no login"),
        (b"7:hush\n7:hush\n", "has a login already"),
        (b"7:hush\xff\n", "not UTF-8"),
        (b"7:\n", "cannot be sent"),
        (b"7:hush\n" * 200_000, "more than 1048576 bytes"),
    ],
)
def test_a_file_that_is_no_list_of_logins_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    """Every other file is refused, and no password shows in the error or in what it came from."""
    with pytest.raises(UsageError, match=why) as raised:
        logins_from_file(logins_file(tmp_path, content))
    error: BaseException | None = raised.value
    while error is not None:
        assert "hush" not in f"{error} {error!r}"
        error = error.__cause__ or error.__context__


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """Logins that others may read are no secret."""
    with pytest.raises(UsageError, match="others may read or change the logins"):
        logins_from_file(logins_file(tmp_path, b"7:hush\n", 0o644))
