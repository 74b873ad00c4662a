"""The fold of a log: rows, digest, and where two runs differ; the same log gives the same bytes anywhere."""

from __future__ import annotations

import os
import subprocess
import sys

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.domain.events import ConnectionCleared, Event, Held, Log, MonitorEnded, Retrieved, TimePassed
from monitoring_core.domain.outcomes import NOTHING, Listener, Step
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.replay import Replay, Row, encode, first_difference
from monitoring_core.testing.strategies import events
from tests.helpers import ANYBODY, ASK, DEFAULT, LISTENING, SEATS, START, talk

ELSEWHERE = """
import sys
from monitoring_core.domain.events import AnyEvent
import msgspec
from tests.test_replay import replayed
log = msgspec.json.decode(sys.stdin.buffer.read(), type=list[AnyEvent])
sys.stdout.buffer.write(b"\\n".join(replayed(log)))
"""
"""Another process, with a hash seed of its own, that prints the steps of a log."""

DIGEST = b"0704b3cbf6c680c74f02cbaa380055edda5f82461ca65a0eae0fe7545d4ec4d6"
"""It changes only when the meaning or the form of a step does, and then with an entry in CHANGELOG.md."""


def replayed(log: list[Event]) -> list[bytes]:
    """The steps of a log, and the digest of the run."""
    replay = Replay(Engine(ANYBODY, Settings(), "s"))
    steps = [encode(step) for _, step in replay.run(log)]
    return [*steps, replay.digest.encode()]


def rows(*log: Event) -> list[Row]:
    """The rows of a log under the default book."""
    replay = Replay(Engine(DEFAULT, Settings(), "s"))
    for _ in replay.run(log):
        pass
    return replay.finish()


def test_a_row_tells_a_session_whole() -> None:
    """A row says who listened to whom, from when until when, how long without media, by which rule, why it ended."""
    story = [
        *LISTENING,
        Held(call="c1", address="5025", received_at=20.0),
        Retrieved(call="c1", address="5025", received_at=25.5),
        ConnectionCleared(call="c1", address="5025", received_at=30.0),
    ]
    log = [msgspec.structs.replace(event, received_at=event.received_at or 10.0) for event in story]
    assert rows(*log) == [
        Row(
            session="s-6",
            origin="requested",
            state="ENDED",
            reason="agent_dropped",
            supervisor="ann",
            extension="5004",
            agent="bob",
            agent_extension="5025",
            call="c1",
            monitor_call="m1",
            verdict="permit",
            rules=("own-team",),
            because=("supervisors may listen to the teams they are responsible for",),
            requested_at=10.0,
            active_at=10.0,
            ended_at=30.0,
            start_certainty="confirmed",
            end_certainty="confirmed",
            follows="",
            paused_s=5.5,
            listeners=(Listener("ann", "5004", "silent", 10.0, 30.0, "confirmed", "bob", "5025", 5.5),),
        )
    ]


def test_a_refusal_has_no_listeners() -> None:
    """Nobody listened through a session that was refused; its row names the rules that refused it, and why."""
    (row,) = rows(*SEATS, ASK)
    assert (row.state, row.reason, row.verdict, row.listeners) == ("REJECTED", "forbidden", "forbid", ())
    assert row.rules[0] == "agent-idle"
    assert row.because[0] == "the agent is not on a call"
    assert row.call is None


def test_a_session_that_is_up_has_a_row() -> None:
    """At the end of a log the sessions still alive have rows too, as they stand."""
    (row,) = rows(*LISTENING)
    assert (row.state, row.ended_at, row.end_certainty) == ("ACTIVE", None, None)


def test_a_session_that_ends_in_a_long_silence_has_a_row() -> None:
    """A deadline that fires long after it was due still leaves its row, though the session is past its late window."""
    log = [msgspec.structs.replace(event, at=0.0) for event in (*SEATS, *talk(), ASK)]
    (row,) = rows(*log, TimePassed(at=100_000.0))
    assert (row.reason, row.ended_at) == ("unconfirmed", 10.0)


def test_an_observed_session_has_an_opinion() -> None:
    """The verdict of a session that nobody asked for is what the rules think of it."""
    (row,) = rows(*SEATS, *talk(), START)
    assert (row.origin, row.verdict, row.requested_at) == ("observed", "allowed", None)


def test_a_listener_in_json_has_the_documented_keys() -> None:
    """A listener has the same keys for every program that reads the rows, in this order."""
    (row,) = rows(*LISTENING)
    keys = msgspec.to_builtins(row)["listeners"][0].keys()
    assert list(keys) == [
        "supervisor",
        "extension",
        "mode",
        "from",
        "until",
        "certainty",
        "agent",
        "agent_extension",
        "paused_s",
    ]


def test_the_header_of_a_log_is_no_event() -> None:
    """The line with the format's version has no step and no position."""
    replay = Replay(Engine(ANYBODY, Settings(), "s"))
    assert [step for _, step in replay.run([Log(version=1), TimePassed(received_at=1.0)])] == [NOTHING]
    assert (replay.events, replay.engine.position) == (1, 1)


def test_the_digest_is_of_what_was_said_and_where() -> None:
    """The digest changes with a step and with its position, not with events that lead to nothing."""
    said, later = replayed([*talk(), ASK])[-1], replayed([*talk(), TimePassed(), ASK])[-1]
    assert said != later
    assert replayed([*talk(), ASK, TimePassed()])[-1] == said


@given(st.lists(events, max_size=30))
def test_a_replay_gives_the_same_bytes(log: list[Event]) -> None:
    """Property 7: the same log gives the same steps, byte for byte, also through the native log's JSON."""
    again: list[Event] = [msgspec.json.decode(msgspec.json.encode(event), type=type(event)) for event in log]
    assert replayed(again) == replayed(log)


@given(st.data())
def test_two_sites_do_not_see_each_other(data: st.DataObject) -> None:
    """Property 9: interleaving two sites' events changes nothing in either."""
    one, other = data.draw(st.lists(events, max_size=20)), data.draw(st.lists(events, max_size=20))
    alone = {"a": _steps("a", one), "b": _steps("b", other)}
    engines = {name: Engine(ANYBODY, Settings(), name) for name in alone}
    waiting = {"a": list(one), "b": list(other)}
    got: dict[str, list[Step]] = {"a": [], "b": []}
    while waiting["a"] or waiting["b"]:
        name = data.draw(st.sampled_from([name for name in waiting if waiting[name]]))
        got[name].append(engines[name].step(waiting[name].pop(0)))
    assert got == alone
    assert [engine.site for engine in engines.values()] == ["a", "b"]


def test_another_process_gives_the_same_bytes() -> None:
    """Property 7: another process with another hash seed gives the same steps and digest, byte for byte."""
    log: list[Event] = [*LISTENING, Held(call="c1", address="5025"), MonitorEnded(from_address="5004"), ASK, ASK]
    here = b"\n".join(replayed(log))
    for seed in ("1", "2", "77"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        done = subprocess.run(
            [sys.executable, "-c", ELSEWHERE],
            input=msgspec.json.encode(log),
            capture_output=True,
            env=environment,
            check=True,
        )
        assert done.stdout == here


def test_every_python_gives_the_same_bytes() -> None:
    """Property 7: the digest of this log is the same under every Python that `make test-pythons` finds."""
    log: list[Event] = [*LISTENING, Held(call="c1", address="5025"), MonitorEnded(from_address="5004"), ASK, ASK]
    log = [msgspec.structs.replace(event, received_at=number / 3) for number, event in enumerate(log)]
    assert replayed(log)[-1] == DIGEST


def test_where_two_runs_differ() -> None:
    """The first position, from 1, at which two runs differ, one of them ending early included; None if they do not."""
    said = Step(answer="s-1")
    assert first_difference([NOTHING, said], [NOTHING, said]) is None
    assert first_difference([NOTHING, said], [NOTHING, NOTHING]) == 2
    assert first_difference([NOTHING], [NOTHING, said]) == 2


def _steps(site: str, log: list[Event]) -> list[Step]:
    engine = Engine(ANYBODY, Settings(), site)
    return [engine.step(event) for event in log]
