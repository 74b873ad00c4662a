"""Live notifications, as far as no server is needed: records, nodes, pauses, pictures, the file of --xmpp."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.cli.xmpp import PASSWORD, load_finesse
from monitoring_core.errors import MonitoringError, RuleBookError, SourceError, UsageError
from monitoring_core.sources.notifications import Rest, Snapshots, Timing, nodes_of
from monitoring_core.sources.notifications.records import RECORD_BYTES_MAX, asked_in_order, record, updates_in
from tests.cli import Shell

UPDATE = "<Update><event>PUT</event><source>/finesse/api/User/1001</source><data>a&amp;b</data></Update>"
NODE = "/finesse/api/User/1001"
FILE = 'host = "finesse.example"\nuser = "wall@finesse.example"\nusers = ["1001"]\n'


def message(payload: str, node: str = NODE, more: str = "") -> Any:
    """A message of publish and subscribe with one item."""
    return fromstring(  # noqa: S314 # written here
        f'<message xmlns="jabber:client"><event xmlns="http://jabber.org/protocol/pubsub#event">'
        f'<items node="{node}"><item id="x">{payload}</item></items></event>{more}</message>'
    )


# Records


@given(st.floats(0, 1e10), st.text(), st.text(), st.none() | st.floats(0, 1e10))
def test_a_record_is_one_line_that_says_what_came(at: float, node: str, update: str, as_of: float | None) -> None:
    """Whatever an update holds, its record is one line of JSON with the same text in it."""
    line = record(at, node, update, as_of)
    assert isinstance(line, bytes)
    assert b"\n" not in line
    said = json.loads(line)
    assert (said["received_at"], said["node"], said["update"], said.get("as_of")) == (at, node, update, as_of)


def test_a_record_that_no_recording_may_hold_is_refused() -> None:
    """An update longer than a line of a recording comes as an error in the place of its record."""
    refused = record(1.0, NODE, "x" * RECORD_BYTES_MAX)
    assert isinstance(refused, SourceError)
    assert NODE in refused.where


def test_an_update_comes_as_text_as_finesse_publishes_it() -> None:
    """An update that is escaped inside of <notification> is taken out as it was."""
    escaped = UPDATE.replace("&", "&amp;").replace("<", "&lt;")
    said = message(f'<notification xmlns="http://jabber.org/protocol/pubsub">{escaped}</notification>')
    assert list(updates_in(said, {NODE})) == [(NODE, UPDATE)]


@pytest.mark.parametrize("around", ["{}", '<notification xmlns="urn:x">{}</notification>'])
def test_an_update_comes_as_elements_just_as_well(around: str) -> None:
    """An update that is published as elements means the same, with or without <notification> around it."""
    said = message(around.format(UPDATE.replace("<Update>", '<Update xmlns="urn:y">')))
    ((_, update),) = updates_in(said, {NODE})
    assert update == tostring(fromstring(UPDATE), encoding="unicode")  # noqa: S314 # the same


def test_only_nodes_that_were_asked_for_are_read() -> None:
    """What is published on another node is nobody's record."""
    assert not list(updates_in(message(UPDATE, node="/finesse/api/User/9"), {NODE}))


def test_what_was_kept_for_us_is_left_out() -> None:
    """A notification that the server delivers late is older than the picture that is asked for."""
    late = message(UPDATE, more='<delay xmlns="urn:xmpp:delay" stamp="2026-01-01T00:00:00Z"/>')
    assert not list(updates_in(late, {NODE}))


# Nodes


def test_nodes_are_finesses() -> None:
    """A user has a node for himself and one for his dialogs, a team one for its users."""
    assert nodes_of(["1001"], ["5"]) == (NODE, f"{NODE}/Dialogs", "/finesse/api/Team/5/Users")


def test_dialogs_are_asked_for_before_seats_may_change() -> None:
    """The calls of an extension are covered while it is still known who sat there."""
    order = list(asked_in_order(nodes_of(["1", "2"], ["5"])))
    assert [node.endswith("Dialogs") for node in order] == [True, True, False, False, False]


# Pauses


@given(st.integers(0, 10**6), st.floats(0, 1))
def test_a_pause_is_never_longer_than_the_last_nor_shorter_than_half_the_first(attempt: int, chance: float) -> None:
    """However often it failed, the next attempt comes within the limit, and never at once."""
    timing = Timing(first_s=0.5, last_s=30.0)
    assert 0.25 <= timing.pause_s(attempt, chance) <= 30.0


@given(st.integers(0, 100), st.floats(0, 1))
def test_pauses_grow(attempt: int, chance: float) -> None:
    """With the same luck, a later attempt is not sooner."""
    assert Timing().pause_s(attempt, chance) <= Timing().pause_s(attempt + 1, chance)


# Whole pictures


@contextmanager
def answering(answer: Callable[[BaseHTTPRequestHandler], tuple[int, bytes]]) -> Iterator[Rest]:
    """A REST API that answers so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer(self)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Rest(f"http://127.0.0.1:{server.server_port}", "wall", "s3cret")
    finally:
        server.shutdown()
        server.server_close()


def test_a_picture_says_of_when_it_is() -> None:
    """A whole picture counts from the moment that was named, and is received when it came."""
    with answering(lambda _: (200, b"<User/>")) as rest:
        (one,) = Snapshots(rest, [NODE], clock=lambda: 7.0)(5.0)
    assert isinstance(one, bytes)
    assert json.loads(one) == {"received_at": 7.0, "node": NODE, "update": "<User/>", "as_of": 5.0}


def test_a_team_is_asked_for_itself() -> None:
    """What is told on a team's node of users is shown by the team."""
    asked: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> tuple[int, bytes]:
        asked.append(handler.path)
        return 200, b"<Team/>"

    with answering(answer) as rest:
        list(Snapshots(rest, nodes_of([], ["5"]))(5.0))
    assert asked == ["/finesse/api/Team/5"]


def pictures(users: list[str]) -> list[Any]:
    """The pictures of users of whom the first listens."""

    def answer(handler: BaseHTTPRequestHandler) -> tuple[int, bytes]:
        return 200, b"<Dialogs>SUPERVISOR_MONITOR</Dialogs>" if "/User/1/D" in handler.path else b"<Dialogs/>"

    with answering(answer) as rest:
        shown = list(Snapshots(rest, nodes_of(users, []))(5.0))
    return [json.loads(one) for one in shown if isinstance(one, bytes)]


def test_who_listens_is_shown_after_what_is_listened_to() -> None:
    """The dialogs with a monitor call come after all other dialogs, and before what may change seats."""
    names = [one["node"].removeprefix("/finesse/api/User/") for one in pictures(["1", "2", "3"])]
    assert names == ["2/Dialogs", "3/Dialogs", "1/Dialogs", "1", "2", "3"]


def test_no_picture_undoes_what_another_has_shown() -> None:
    """Of dialogs each counts from a moment before the one that was asked for before, and none from later than asked."""
    moments = {one["node"]: one["as_of"] for one in pictures(["1", "2", "3"])}
    dialogs = [moments[f"/finesse/api/User/{user}/Dialogs"] for user in "123"]
    assert dialogs == sorted(set(dialogs), reverse=True)
    assert max(dialogs) <= 5.0 == moments["/finesse/api/User/1"]


def test_pictures_are_asked_for_with_user_and_password() -> None:
    """Each request proves who asks, as HTTP's basic authentication has it."""
    said: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> tuple[int, bytes]:
        said.append(handler.headers["Authorization"])
        return 200, b"<User/>"

    with answering(answer) as rest:
        list(Snapshots(rest, [NODE])(5.0))
    assert said == ["Basic " + base64.b64encode(b"wall:s3cret").decode()]


@pytest.mark.parametrize("status", [302, 401, 403, 404])
def test_what_will_be_refused_again_comes_in_its_place(status: int) -> None:
    """An answer that will be no other is an error in the place of the record, and the next node is asked."""
    with answering(lambda _: (status, b"secret body")) as rest:
        first, second = Snapshots(rest, [NODE, NODE])(5.0)
    assert isinstance(first, SourceError)
    assert str(status) in first.what
    assert "secret" not in str((first, second))


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_may_be_otherwise_soon_is_asked_again(status: int) -> None:
    """An answer that may be another soon is raised, so that all is asked again."""
    with answering(lambda _: (status, b"")) as rest, pytest.raises(SourceError):
        list(Snapshots(rest, [NODE])(5.0))


def test_an_answer_has_a_limit() -> None:
    """A picture larger than a recording may hold is not read to its end."""
    with answering(lambda _: (200, b"x" * (RECORD_BYTES_MAX + 1))) as rest, pytest.raises(SourceError) as caught:
        list(Snapshots(rest, [NODE])(5.0))
    assert "too large" in caught.value.what


def test_nobody_there_is_asked_again() -> None:
    """Where nobody listens, all is asked again."""
    with answering(lambda _: (200, b"")) as rest:
        pass
    with pytest.raises(SourceError):
        list(Snapshots(rest, [NODE])(5.0))


@pytest.mark.parametrize(
    "url",
    ["http://finesse.example", "ftp://127.0.0.1", "https://", "https://a@b", "https://h/path", "https://h:x", "h"],
)
def test_a_password_leaves_this_machine_only_encrypted(url: str) -> None:
    """An address without encryption, or that is none, is refused before anything is sent."""
    with pytest.raises(UsageError):
        Rest(url, "wall", "s3cret")


def test_passwords_are_not_shown() -> None:
    """What is shown of where pictures are has no password in it."""
    assert "s3cret" not in repr(Rest("https://h", "wall", "s3cret"))


# The file of --xmpp


def loaded(tmp_path: Path, text: str) -> Any:
    """What such a file describes."""
    path = tmp_path / "finesse.toml"
    path.write_text(text, encoding="utf-8")
    return load_finesse(str(path))


def test_a_file_of_three_lines_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Host, user and whom it is about; the rest is as Finesse has it: TLS on port 5223."""
    monkeypatch.setenv(PASSWORD, "s3cret")
    assert loaded(tmp_path, FILE).notifications.name == "finesse.example:5223"


def test_a_password_may_have_a_file(tmp_path: Path) -> None:
    """A password file is read instead of the environment."""
    (tmp_path / "password").write_text("s3cret\n", encoding="utf-8")
    assert loaded(tmp_path, f'{FILE}password_file = "{tmp_path / "password"}"\n')


def test_no_password_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a password nothing is tried, and the variable is named."""
    monkeypatch.delenv(PASSWORD, raising=False)
    with pytest.raises(UsageError) as caught:
        loaded(tmp_path, FILE)
    assert PASSWORD in caught.value.where


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FILE + 'usr = ["1"]\n', "unknown key"),
        (FILE + 'password = "s3cret"\n', "unknown key"),
        (FILE.replace("host", "# "), "host is missing"),
        (FILE.replace("user =", "# "), "user is missing"),
        (FILE.replace("wall@", ""), "user cannot be"),
        (FILE.replace('["1001"]', "[1001]"), "users cannot be"),
        (FILE.replace('["1001"]', "[]"), "nothing to subscribe to"),
        (FILE + "port = 0\n", "port cannot be"),
        (FILE + 'port = "5223"\n', "port cannot be"),
        (FILE + 'encryption = "ssl"\n', "encryption cannot be"),
        (FILE + 'encryption = "none"\n', "only encrypted"),
        (FILE + "rest = 1\n", "rest cannot be"),
        (FILE + "send = 1\n", "send cannot be"),
        (FILE + "logins = true\n", "logins cannot be"),
    ],
)
def test_each_problem_of_the_file_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    """What is missing, misspelt, of another type or not safe is refused with its place, before anything is sent."""
    monkeypatch.setenv(PASSWORD, "s3cret")
    with pytest.raises(RuleBookError) as caught:
        loaded(tmp_path, text)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["nothing.pem", "finesse.toml"])
def test_an_authority_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A certificate's authority that cannot be read, or is no certificate, is named."""
    monkeypatch.setenv(PASSWORD, "s3cret")
    with pytest.raises(MonitoringError) as caught:
        loaded(tmp_path, f'{FILE}authority = "{tmp_path / name}"\n')
    assert name in caught.value.where


# The command line


def test_only_finesse_tells_over_xmpp(shell: Shell) -> None:
    """--xmpp with another source is refused."""
    done = shell("run", "--xmpp", "x.toml")
    assert (done.code, "--source finesse" in done.err) == (2, True)


def test_a_log_and_a_connection_are_one_too_many(shell: Shell) -> None:
    """A log beside --xmpp is refused."""
    done = shell("run", "--source", "finesse", "--xmpp", "x.toml", shell.log())
    assert (done.code, "leave out one" in done.err) == (2, True)


def test_a_log_is_not_recorded_again(shell: Shell) -> None:
    """--record without --xmpp is refused."""
    done = shell("run", "--record", "out.jsonl", shell.log())
    assert (done.code, "leave out --record" in done.err) == (2, True)


def test_without_the_extra_it_is_named(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, live notifications are refused with the words to type."""
    monkeypatch.setenv(PASSWORD, "s3cret")
    monkeypatch.setitem(sys.modules, "slixmpp", None)
    done = shell("run", "--source", "finesse", "--xmpp", shell.write("f.toml", FILE))
    assert (done.code, "pip install 'monitoring-core[xmpp]'" in done.err) == (2, True)


def test_slixmpp_is_loaded_by_who_connects_only() -> None:
    """Importing all that leads to live notifications does not load the extra."""
    code = "import sys, monitoring_core.cli; print('slixmpp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "False\n"
