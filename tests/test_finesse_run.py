"""`run --xmpp` and Finesse's REST API: questions go there, commands too if the file says so, and answers come back."""

from __future__ import annotations

import json
import queue
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from monitoring_core.cli import xmpp
from monitoring_core.domain.events import CallSeen
from monitoring_core.domain.outcomes import AskSnapshot
from monitoring_core.domain.settings import Limits
from monitoring_core.errors import SourceError
from monitoring_core.files.recordings import Record
from monitoring_core.outbound import RefusedError
from monitoring_core.outbound.logins import Logins
from monitoring_core.sources.finesse import FinesseSource
from monitoring_core.sources.notifications import Notifications, Service, Timing
from tests.cli import Done, Shell, lines
from tests.contracts.outbound import says
from tests.finesse import dialog, line, put, user_changed
from tests.finesse_server import Finesse, Monitored

ANN, BOB = "47483657", "47483650"
"""The supervisor and the agent of the server."""
ASKED = {"event": "monitor_requested", "from_address": "5004", "to_address": "5025", "user": ANN}
PHONE = {"event": "phone_changed", "extension": "5025", "supports_monitoring": True, "configured": True}
HANGS_S = 30.0
START = f"/finesse/api/User/{ANN}/Dialogs"


class Told:
    """Notifications that came already, and after them so many `answers` that are added."""

    name = "finesse"
    answers = 0

    def __init__(self, *_: object, clock: Callable[[], float]) -> None:
        now = clock()
        told = (
            user_changed(ANN, "5004", "NOT_READY", role="Supervisor", team="1", supervises="1"),
            user_changed(BOB, "5025", "TALKING", team="1"),
            put(dialog("1", "ACTIVE", {"0170": "ACTIVE", "5025": "ACTIVE"})),
            put(dialog("2", "ACTIVE", {"0171": "ACTIVE", "0172": "ACTIVE"})),
        )
        self.told = [line(update, now) for update in told]
        self.added = queue.Queue[bytes]()

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        yield from enumerate(self.told, 1)
        for number in range(self.answers):
            yield len(self.told) + number + 1, self.added.get(timeout=HANGS_S)

    def add(self, one: bytes) -> None:
        """One more."""
        self.added.put(one)

    def stop(self) -> None:
        """Nothing to stop."""


@pytest.fixture
def finesse() -> Iterator[Finesse]:
    """The server."""
    with Finesse().running() as server:
        yield server


@pytest.fixture
def running(shell: Shell, finesse: Finesse, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """Runs the site of the server; `more`: of the file of --xmpp; `events` are merged in after the third record."""
    monkeypatch.setattr(xmpp, "Notifications", Told)
    monkeypatch.setenv(xmpp.PASSWORD, f"of-{ANN}")

    def run(more: str = "send = true", *events: dict[str, Any], url: str = "", rules: str = "cce") -> Done:
        text = f'host = "127.0.0.1"\nuser = "{ANN}@here"\nusers = ["{ANN}"]\nrest = "{url or finesse.url}"\n{more}\n'
        added = [{**event, "after": 3} for event in (PHONE, *events)]
        (shell.folder / "with.jsonl").write_bytes(lines(*added))
        ways = ("--xmpp", shell.write("f.toml", text), "--record", str(shell.folder / "record.jsonl"))
        return shell("run", "--source", "finesse", *ways, "--rules", rules, "--with", str(shell.folder / "with.jsonl"))

    return run


def recorded(shell: Shell) -> list[dict[str, Any]]:
    """What --record kept."""
    return [json.loads(one) for one in (shell.folder / "record.jsonl").read_bytes().splitlines()]


# Commands


def test_a_start_goes_to_finesse_itself(running: Callable[..., Done], finesse: Finesse) -> None:
    """Where the file says `send`, a start is a request to Finesse in the supervisor's name, and no line on stdout."""
    done = running("send = true", ASKED)
    assert (done.out, "1  REQUESTED" in done.err, "1 messages sent" in done.err) == ("", True, True)
    assert [(one.method, one.path, one.is_taken) for one in finesse.requests] == [("POST", START, True)]
    assert finesse.requests[0].headers["requestId"].startswith("default-")


@pytest.mark.parametrize("more", ["", "send = false"])
def test_without_send_a_start_is_a_line(more: str, running: Callable[..., Done], finesse: Finesse) -> None:
    """Where the file does not say so, commands are bus messages as ever."""
    assert '"SetSilentMonitoring"' in running(more, ASKED).out
    assert not finesse.requests


def test_a_refusal_comes_back_as_an_event(running: Callable[..., Done], finesse: Finesse) -> None:
    """What Finesse refuses at once ends the session with that."""
    finesse.people["5025"].state = "READY"
    assert "1  REJECTED failed" in running("send = true", ASKED).err


def test_a_refusal_of_ours_goes_to_the_bus(running: Callable[..., Done], shell: Shell, finesse: Finesse) -> None:
    """What is broadcast is no request of Finesse's: it goes out as a message as ever."""
    (shell.folder / "rules").mkdir()
    shell.write("rules/eligibility.toml", '[[rule]]\nid = "nobody"\neffect = "forbid"\nbecause = "so"\nerror = "X"\n')
    shell.write("rules/lifecycle.toml", "broadcast_refusals = true\n")
    assert '"SetAPIError"' in running("send = true", ASKED, rules=str(shell.folder / "rules")).out
    assert not finesse.requests


def test_what_was_not_sent_is_over(running: Callable[..., Done]) -> None:
    """A start that surely did not arrive is not tried again: its session ends as not sent."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        assert "1  REJECTED not_sent" in running("send = true", ASKED, url=url).err


def test_a_start_in_doubt_is_asked_about(running: Callable[..., Done], finesse: Finesse) -> None:
    """Of a start that may have arrived Finesse is asked how things stand; where it does not say, nothing is asked."""
    finesse.answer = says(500)
    assert "1  REQUESTED" in running("send = true", ASKED).err
    assert [one.path for one in finesse.requests] == [START, f"/finesse/api/User/{BOB}"]


def test_a_stop_that_nobody_answered_may_be_asked_again(running: Callable[..., Done], finesse: Finesse) -> None:
    """A stop of which it is not known whether it arrived does no harm twice, so that it counts as failed."""
    finesse.answer = says(500)
    started = {"event": "monitor_started", "monitor_call": "9", "from_address": "5004", "to_address": "5025"}
    stop = {"event": "stop_requested", "monitor_call": "9", "from_address": "5004"}
    assert running("send = true", started, stop, stop).err.count("stop_failed") == 2
    assert [one.method for one in finesse.requests] == ["PUT", "PUT"]


def test_each_supervisor_asks_as_himself(running: Callable[..., Done], shell: Shell, finesse: Finesse) -> None:
    """Logins come from a file; who has none there is refused as Finesse would refuse him."""
    logins = shell.folder / "logins"
    for user, end in ((ANN, "REQUESTED"), ("somebody", "REJECTED failed")):
        logins.write_text(f"{user}:of-{user}\nelse:x\n")
        logins.chmod(0o600)
        assert f"1  {end}" in running(f'send = true\nlogins = "{logins}"', ASKED).err
    assert len(finesse.requests) == 1


# Questions


@pytest.fixture
def doubt(running: Callable[..., Done], shell: Shell, finesse: Finesse) -> dict[str, Any]:
    """That the start which follows from ASKED may have arrived or not."""
    running("send = true", ASKED)
    (shell.folder / "record.jsonl").unlink()
    return {"event": "command_outcome", "command": finesse.requests.pop().headers["requestId"], "outcome": "in_doubt"}


@pytest.mark.parametrize("more", ["", "send = true"])
def test_a_question_is_answered_by_records(
    more: str, running: Callable[..., Done], shell: Shell, doubt: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the engine asks is asked over REST also without `send`; the pictures come as records, and are recorded."""
    monkeypatch.setattr(Told, "answers", 2)
    running(more, ASKED, doubt)
    pictures = [one for one in recorded(shell) if "as_of" in one]
    assert [one["node"] for one in pictures] == [f"/finesse/api/User/{BOB}", f"/finesse/api/User/{BOB}/Dialogs"]
    assert all(one["as_of"] <= one["received_at"] for one in pictures)


def test_a_picture_counts(running: Callable[..., Done], doubt: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures are read like any record: that the agent is on no call any more ends what waits for his call."""
    monkeypatch.setattr(Told, "answers", 2)
    assert "REJECTED call_ended" in running("", ASKED, doubt).err


def test_a_question_that_finesse_does_not_answer_stops_nothing(
    running: Callable[..., Done], finesse: Finesse, doubt: dict[str, Any]
) -> None:
    """A question without an answer is logged, and the run goes on with what is known."""
    finesse.answer = says(503)
    done = running("", ASKED, doubt)
    assert (done.code, "Finesse did not take it" in done.err, "1  REQUESTED" in done.err) == (0, True, True)


def test_one_call_is_asked_for_as_a_dialog(finesse: Finesse) -> None:
    """The answer about one call is a record that its source reads."""
    supervisor, agent = finesse.people.values()
    finesse.dialogs["1"] = Monitored(supervisor, agent)
    told = Told(clock=lambda: 5.0)
    ways = xmpp.Finesse(told, finesse.url, Logins({ANN: f"of-{ANN}"}), lambda: 5.0)  # type: ignore[arg-type]
    ways.outbound(lambda _extension: None).send("s-1/2/0", AskSnapshot("", "call", "1"))
    event, *_ = FinesseSource().feed(told.added.get_nowait())
    assert isinstance(event, CallSeen)
    assert event.view.call == "1"


def test_an_answer_that_no_log_may_hold_is_no_answer(finesse: Finesse) -> None:
    """An answer that would be too long a line of a log refuses the question, and is no record."""
    finesse.answer = says(200, body=b'"' * (Limits().line_bytes_max // 2))
    told = Told(clock=lambda: 5.0)
    ways = xmpp.Finesse(told, finesse.url, Logins({ANN: f"of-{ANN}"}), lambda: 5.0)  # type: ignore[arg-type]
    with pytest.raises(RefusedError, match="what Finesse answered cannot be used"):
        ways.outbound(lambda _extension: None).send("s-1/2/0", AskSnapshot("", "call", "1"))
    assert told.added.empty()


def test_what_is_added_waits_behind_what_came() -> None:
    """A record of somebody else's asking is one of the notifications; where too many wait it is refused."""
    service = Service("here", 1, "a@here/b", "pubsub.here", "x", "none")
    notifications = Notifications(service, (), lambda _as_of: (), timing=Timing(waiting_records_max=1))
    one: Record = (1, b"picture")
    notifications.add(b"picture")
    with pytest.raises(SourceError, match="too many records wait already"):
        notifications.add(b"another")
    notifications.stop()
    assert list(notifications) == [one]
