"""`run`: what goes out, as a sender and as a gate, from files, pipes and live streams."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from monitoring_core.cli.live import Live
from monitoring_core.domain.events import MonitorRequested, TimePassed, Unreadable
from monitoring_core.files import Recording
from monitoring_core.monitor.answers import wall_clock
from tests.cli import ASK, CALL, SENT, SITE, Shell, at, lines

HANGS_S = 60.0
"""A process that says nothing for so long is stopped, so that its test fails instead of waiting for ever."""

ENVELOPE: dict[str, Any] = {
    "channel": "Cisco",
    "topic": "Agent",
    "subtopic": "SetSilentMonitoring",
    "source": "the-app",
    "data": {"Username": "47483657", "FromAddress": "5004", "ToAddress": "5025"},
}
CALL_ENVELOPE: dict[str, Any] = {
    "channel": "Finesse",
    "topic": "Inbound",
    "subtopic": "InboundCallStateChange",
    "message": {
        "call": {
            "id": "c1",
            "ResponseActual": {
                "id": "c1",
                "state": "ACTIVE",
                "participants": {"Participant": [{"mediaAddress": "5025", "state": "ACTIVE"}]},
            },
        }
    },
}
MONITOR_CALL: dict[str, Any] = {
    "channel": "Finesse",
    "topic": "Inbound",
    "subtopic": "InboundCallStateChange",
    "message": {
        "call": {
            "id": "m1",
            "CallType": "SUPERVISOR_MONITOR",
            "ResponseActual": {
                "id": "m1",
                "state": "ACTIVE",
                "fromAddress": "5004",
                "toAddress": "5025",
                "participants": {"Participant": [{"mediaAddress": "5004", "state": "ACTIVE"}]},
            },
        }
    },
}
BARGE: dict[str, Any] = {
    "channel": "Cisco",
    "topic": "InboundCall",
    "subtopic": "SetBARGE CALL",
    "source": "desktop",
    "data": {"fromAddress": "5004", "toAddress": "5025", "Username": "47483657", "CallId": "m1"},
}
DROP: dict[str, Any] = {
    "channel": "Cisco",
    "topic": "InboundCall",
    "subtopic": "SetDROP",
    "source": "the-app",
    "data": {"MediaAddress": "5004", "CallID": "m1"},
}
READY: dict[str, Any] = {"channel": "Cisco", "topic": "Agent", "subtopic": "SetAgentState", "data": {"State": "READY"}}


@pytest.fixture
def floor(shell: Shell) -> str:
    """The smallest site as a floor of native events."""
    return "--floor=" + shell.log(*SITE, name="floor.jsonl")


def _sent(out: str) -> list[str]:
    return [json.loads(line)["subtopic"] for line in out.splitlines()]


# As a sender


def test_a_permitted_request_goes_out_byte_for_byte(shell: Shell) -> None:
    """One line, exactly as the bus's documentation has it, on stdout; the summary is on stderr."""
    done = shell("run", shell.log(*SITE, CALL, ASK))
    assert (done.code, done.out.encode()) == (0, SENT)
    assert done.err.startswith("5 events, 1 messages sent")


def test_a_refused_request_does_not_go_out(shell: Shell) -> None:
    """Nothing leaves for a request that the rules forbid, and that is no failure of the run."""
    done = shell("run", shell.log(*SITE, ASK))
    assert (done.code, done.out) == (0, "")
    assert "REJECTED forbidden" in done.err


def test_events_may_come_on_stdin(shell: Shell) -> None:
    """Without a file, or with -, the events are those on stdin."""
    for arguments in ([], ["-"]):
        assert shell("run", *arguments, stdin=lines(*SITE, CALL, ASK)).out.encode() == SENT


def test_bus_messages_may_be_the_source(shell: Shell, floor: str) -> None:
    """A sender reads requests and events from the bus; what goes out is its own message, with its own name."""
    log = shell.write("bus", lines(CALL_ENVELOPE, ENVELOPE))
    assert shell("run", log, "--source=workspace", floor).out.encode() == SENT


def test_our_own_message_is_never_a_request(shell: Shell, floor: str) -> None:
    """What comes back on the bus under our own name leads to nothing."""
    log = shell.write("bus", lines(CALL_ENVELOPE, {**ENVELOPE, "source": "monitoring-core"}))
    assert shell("run", log, "--source=workspace", floor).out == ""


def test_a_record_that_cannot_be_read_stops_nothing(shell: Shell) -> None:
    """It is told with its place and fix, all others count, and the exit code says that something was not read."""
    log = shell.write("log", lines(*SITE, CALL) + b'{"event":"establishd"}\n' + lines(ASK))
    done = shell("run", log)
    assert (done.code, done.out.encode()) == (2, SENT)
    assert f'{log}:5, event: unknown event "establishd"' in done.err
    assert 'did you mean "established"?' in done.err


def test_a_message_that_cannot_be_written_fails_alone(shell: Shell) -> None:
    """A start that no message can carry is rejected as failed; the run goes on."""
    user = "47483657\0"
    site = [{**event, "person": user} if event.get("person") == "47483657" else event for event in SITE]
    done = shell("run", shell.log(*site, CALL, {**ASK, "user": user}))
    assert (done.code, done.out) == (0, "")
    assert "REJECTED failed" in done.err


def test_messages_may_go_to_a_file(shell: Shell) -> None:
    """--out names where messages go; what stands there already stays."""
    out = shell.write("out", b"before\n")
    assert shell("run", shell.log(*SITE, CALL, ASK), f"--out={out}").out == ""
    assert Path(out).read_bytes() == b"before\n" + SENT


def test_the_settings_spell_the_message(shell: Shell) -> None:
    """With spelling = "sample" the message is written as the documentation's sample has it."""
    (shell.folder / "rules").mkdir()
    rule = '[[rule]]\nid = "any"\neffect = "permit"\nbecause = "so"\n'
    (shell.folder / "rules" / "a.toml").write_text(rule, encoding="utf-8")
    (shell.folder / "rules" / "lifecycle.toml").write_text('spelling = "sample"\n', encoding="utf-8")
    done = shell("run", shell.log(ASK), f"--rules={shell.folder / 'rules'}")
    assert '"topic":"Agent"' in done.out
    assert '"FromAddress":"5004"' in done.out


# As a gate


def test_a_gate_lets_a_permitted_request_through(shell: Shell, floor: str) -> None:
    """The application's own message leaves, under its own name, written anew from what was judged."""
    log = shell.write("bus", lines(CALL_ENVELOPE, {**ENVELOPE, "priority": "high"}))
    (line,) = shell("run", log, "--gate", "--source=workspace", floor).out.splitlines()
    assert json.loads(line) == {
        "channel": "Cisco",
        "topic": "Team",
        "subtopic": "SetSilentMonitoring",
        "source": "the-app",
        "data": {"fromAddress": "5004", "toAddress": "5025", "UserName": "47483657"},
        "priority": "high",
    }


def test_a_gate_holds_a_refused_request_back(shell: Shell, floor: str) -> None:
    """A request without a permit does not leave."""
    assert shell("run", shell.write("bus", lines(ENVELOPE)), "--gate", "--source=workspace", floor).out == ""


def test_a_gate_holds_back_what_it_cannot_read(shell: Shell, floor: str) -> None:
    """What is no message, or might be another one to somebody else, does not leave."""
    twice = b'{"channel":"Cisco","topic":"Team","subtopic":"SetDROP","subtopic":"SetSilentMonitoring","data":{}}\n'
    log = shell.write("bus", lines(CALL_ENVELOPE) + twice + b"garbage\n")
    assert shell("run", log, "--gate", "--source=workspace", floor).out == ""


def test_a_gate_passes_on_what_else_is_asked_for(shell: Shell, floor: str) -> None:
    """Other requests go on; what the switch tells, and what has our own name, does not."""
    log = shell.write("bus", lines(CALL_ENVELOPE, READY, {**READY, "source": "monitoring-core"}))
    assert _sent(shell("run", log, "--gate", "--source=workspace", floor).out) == ["SetAgentState"]


def test_a_gate_holds_back_a_barge_that_is_not_permitted(shell: Shell, floor: str) -> None:
    """A SetBARGE CALL, in any spelling of its name, does not leave unless a rule has permitted it."""
    barges = [{**BARGE, "subtopic": subtopic} for subtopic in ("SetBARGE CALL", "setBargeCall")]
    log = shell.write("bus", lines(CALL_ENVELOPE, ENVELOPE, MONITOR_CALL, *barges))
    done = shell("run", log, "--gate", "--source=workspace", floor)
    assert _sent(done.out) == ["SetSilentMonitoring"]


def test_a_gate_passes_on_a_barge_that_is_permitted(shell: Shell, floor: str) -> None:
    """With a rule that permits it the supervisor's own SetBARGE CALL goes on as it came, once."""
    rules = Path(shell.write("mine.toml", '[[rule]]\nid = "all"\neffect = "permit"\nbecause = "a test"\n')).parent
    log = shell.write("bus", lines(CALL_ENVELOPE, ENVELOPE, MONITOR_CALL, BARGE))
    done = shell("run", log, "--gate", "--source=workspace", f"--rules={rules}", floor)
    assert [json.loads(line) for line in done.out.splitlines()][1:] == [BARGE]


def test_a_stop_leaves_a_gate_once(shell: Shell, floor: str) -> None:
    """The supervisor's SetDROP goes on as it is, and no second one of ours with it."""
    log = shell.write("bus", lines(CALL_ENVELOPE, ENVELOPE, MONITOR_CALL, DROP))
    done = shell("run", log, "--gate", "--source=workspace", floor)
    assert [json.loads(line) for line in done.out.splitlines()][1] == DROP
    assert _sent(done.out) == ["SetSilentMonitoring", "SetDROP"]


def test_a_sender_sends_the_stop_itself(shell: Shell, floor: str) -> None:
    """Where no gate passes the supervisor's message on, ours goes out for it."""
    log = shell.write("bus", lines(CALL_ENVELOPE, ENVELOPE, MONITOR_CALL, DROP))
    done = shell("run", log, "--source=workspace", floor)
    assert [json.loads(line)["source"] for line in done.out.splitlines()] == ["monitoring-core"] * 2
    assert _sent(done.out) == ["SetSilentMonitoring", "SetDROP"]


def test_a_gate_stands_on_the_bus(shell: Shell) -> None:
    """A gate over anything but bus messages is refused at the start."""
    done = shell("run", shell.log(ASK), "--gate")
    assert (done.code, done.out) == (2, "")
    assert "add --source workspace" in done.err


def test_equal_streams_are_refused(shell: Shell, floor: str) -> None:
    """What would read what it writes does not start, also through another name of the same file."""
    log = shell.write("bus", lines(CALL_ENVELOPE, ENVELOPE))
    (shell.folder / "other").hardlink_to(log)
    for out in (log, str(shell.folder / "other")):
        done = shell("run", log, "--gate", "--source=workspace", floor, f"--out={out}")
        assert done.code == 2
        assert "the stream that is read" in done.err
    assert Path(log).read_bytes() == lines(CALL_ENVELOPE, ENVELOPE)


def test_equal_pipes_are_refused(tmp_path: Path) -> None:
    """stdin and stdout that are one pipe do not start either."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    both = os.open(pipe, os.O_RDWR)
    try:
        command = [sys.executable, "-m", "monitoring_core", "run", "--gate", "--source=workspace"]
        done = subprocess.run(command, stdin=both, stdout=both, stderr=subprocess.PIPE, check=False, text=True)
    finally:
        os.close(both)
    assert done.returncode == 2
    assert "the stream that is read" in done.stderr


def test_an_out_that_cannot_be_written(shell: Shell) -> None:
    """A way out that cannot be opened is an error of usage, with the system's reason."""
    done = shell("run", shell.log(ASK), f"--out={shell.folder}")
    assert done.code == 2
    assert "cannot write: Is a directory" in done.err


# Live


@contextmanager
def _running(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "monitoring_core", "run", *arguments]
    pipe = subprocess.PIPE
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(  # who runs the tests in the background has SIGINT ignored, in their children, too
        command,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 # no threads here
    ) as running:
        watchdog = threading.Timer(HANGS_S, running.kill)
        watchdog.start()
        try:
            yield running
        finally:
            watchdog.cancel()
            running.kill()


def _tell(running: subprocess.Popen[bytes], *events: dict[str, Any]) -> None:
    assert running.stdin
    running.stdin.write(lines(*events))
    running.stdin.flush()


def test_a_message_leaves_as_it_arises() -> None:
    """The line is there while the stream goes on: nothing waits for its end."""
    with _running() as running:
        assert running.stdout
        _tell(running, *SITE, CALL, ASK)
        assert running.stdout.readline() == SENT
        assert running.poll() is None


def test_time_passes_on_a_quiet_stream(tmp_path: Path) -> None:
    """Without any event a start that nobody confirms is rejected when its time is over."""
    (tmp_path / "lifecycle.toml").write_text("confirm_s = 0.1\n", encoding="utf-8")
    rule = '[[rule]]\nid = "any"\neffect = "permit"\nbecause = "so"\n'
    (tmp_path / "a.toml").write_text(rule, encoding="utf-8")
    with _running("-v", f"--rules={tmp_path}") as running:
        assert running.stderr
        _tell(running, ASK)
        told = [running.stderr.readline(), running.stderr.readline()]
    assert [b"to=REQUESTED" in told[0], b"to=REJECTED reason=unconfirmed" in told[1]] == [True, True]


def test_ctrl_c_sums_up() -> None:
    """Ctrl-C ends a run with its summary, the exit code of an interruption, and no traceback."""
    with _running() as running:
        assert running.stdout
        _tell(running, *SITE, CALL, ASK)
        running.stdout.readline()
        running.send_signal(signal.SIGINT)
        _, err = running.communicate()
        assert running.returncode == 130
    assert err.startswith(b"5 events, ")  # the signal may come before the message that was read is counted
    assert b"Traceback" not in err
    assert b"Fatal" not in err


def test_nobody_reads_the_output() -> None:
    """When the reader goes away the run ends without a traceback, with the exit code of a broken pipe."""
    with _running() as running:
        assert running.stdout
        assert running.stdin
        running.stdout.close()
        _tell(running, *SITE, CALL, ASK)
        running.stdin.close()
        assert running.stderr
        err = running.stderr.read()
        assert running.wait() == 141
    assert b"Traceback" not in err


def test_a_start_that_waited_too_long_is_not_sent(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a live stream a start whose time is over when its turn comes lapses: nothing leaves for it."""
    clock = Live.clock
    monkeypatch.setattr(Live, "clock", lambda live: None if (time := clock(live)) is None else time + 5.5)
    done = shell("run", stdin=lines(*SITE, CALL, ASK))
    assert (done.code, done.out) == (0, "")
    assert "REJECTED not_sent" in done.err


def test_a_live_event_is_stamped() -> None:
    """An event without a time gets the time of its arrival; one that asks for something gets the wall clock too."""
    live = Live(Recording("nothing"))
    live.received_at = 7.0
    assert live.stamp(TimePassed()).received_at == 7.0
    asked = live.stamp(MonitorRequested(from_address="1", to_address="2", facts={"site.weekday": "monday"}))
    assert isinstance(asked, MonitorRequested)
    assert set(asked.facts) == {"site.local_time", "site.weekday", "site.date", "site.utc_offset"}
    assert asked.facts["site.weekday"] == "monday"


def test_a_stream_with_times_of_its_own_is_left_alone() -> None:
    """A recording sent through a pipe keeps its times; what in it has none gets none, and no clock is read."""
    live = Live(Recording("nothing"))
    unread = Unreadable(what="x")
    assert live.stamp(unread) == unread
    recorded = TimePassed(received_at=3.0)
    assert live.stamp(recorded) == recorded
    asked = MonitorRequested(from_address="1", to_address="2")
    assert live.stamp(asked) == asked
    assert live.clock() is None


def test_the_wall_clock_is_the_sites() -> None:
    """Time, weekday, date and offset are those of the moment's own zone."""
    moment = datetime(2026, 11, 22, 8, 5, 9, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))
    assert wall_clock(moment) == {
        "site.local_time": "08:05:09",
        "site.weekday": "sunday",
        "site.date": "2026-11-22",
        "site.utc_offset": "-03:30",
    }


def test_a_recording_through_a_pipe_is_replayed(shell: Shell) -> None:
    """Times in the stream rule: the confirmation that comes too late by them is too late."""
    late = at(99.0, {"event": "monitor_started", "monitor_call": "m", "from_address": "5004", "to_address": "5025"})
    done = shell("run", stdin=lines(*[at(1.0, event) for event in (*SITE, CALL, ASK)], late))
    assert done.out.encode() == SENT
    assert "REJECTED unconfirmed" in done.err


def test_a_stream_that_cannot_be_opened(shell: Shell) -> None:
    """A file that is not there is an error of usage."""
    done = shell("run", str(shell.folder / "nothing"))
    assert done.code == 2
    assert "No such file" in done.err
