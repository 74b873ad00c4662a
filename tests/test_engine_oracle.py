"""The engine against a naive follower of calls and sessions: same sessions, same calls and ends, after every event."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_core.domain import events as e
from monitoring_core.domain.outcomes import State
from monitoring_core.rules.load import load_book
from tests.helpers import Story
from tests.oracle.judge import NaiveBook
from tests.oracle.sessions import Follower

RULES = """
[[rule]]
id = "connected"
effect = "permit"
because = "who talks may be listened to"
when.agent.line = { is = "connected" }

[[rule]]
id = "monitor-of-monitor"
effect = "forbid"
because = "nobody listens to a listener"
when.call.is_monitor_call = { is = true }
unless.agent.line = { is_not = "connected" }
"""
BOOK = load_book({"connected.toml": RULES})
CALLS, MONITOR_CALLS, ADDRESSES = ("c1", "c2", "c3"), ("m1", "m2", "m3"), ("5004", "5025", "5026", "0170")
calls, parties = st.sampled_from(CALLS), st.sampled_from(ADDRESSES)
every_call = st.sampled_from((*CALLS, *CALLS, *CALLS, *MONITOR_CALLS))
monitor_calls, agents = st.sampled_from(MONITOR_CALLS), st.sampled_from(("5025", "5026"))
legs = [e.Initiated, e.Delivered, e.Established, e.Established, e.Established, e.Held, e.Retrieved, e.Parked]
told: st.SearchStrategy[e.Event] = st.one_of(
    st.one_of([st.builds(kind, call=every_call, address=parties) for kind in legs]),
    st.builds(e.Established, call=calls, address=agents),
    st.builds(e.ConnectionCleared, call=every_call, address=parties, cause=st.sampled_from(list(e.ClearCause))),
    st.builds(e.CallCleared, call=every_call),
    st.builds(e.Transferred, call=calls, by=parties, into=st.none() | calls, to=st.none() | parties),
    st.builds(e.Conferenced, call=every_call, into=calls),
    st.builds(e.MonitorRequested, from_address=st.just("5004"), to_address=agents),
    st.builds(e.MonitorRequested, from_address=parties, to_address=parties),
    st.builds(
        e.MonitorStarted,
        monitor_call=monitor_calls, from_address=st.just("5004"), to_address=agents, call=st.none() | calls,
    ),
    st.builds(
        e.MonitorStarted,
        monitor_call=every_call, from_address=parties, to_address=parties, call=st.none() | every_call,
    ),
    st.builds(e.MonitorEnded, monitor_call=monitor_calls, reason=st.sampled_from(["supervisor_dropped", "replaced"])),
    st.builds(e.SwitchRestarted),
)  # fmt: skip


def fields(event: e.Event) -> dict[str, Any]:
    """What an event says beyond its kind, as plain values."""
    said = msgspec.to_builtins(event)
    return {name: value for name, value in said.items() if name not in ("event", "user")}


@given(st.lists(told, max_size=40))
@settings(max_examples=10 * settings().max_examples)
def test_the_engine_follows_sessions_as_a_naive_reader_does(log: list[e.Event]) -> None:
    """After every event the engine's sessions are those of the naive follower, with the same call, state and reason."""
    story, follower = Story(book=BOOK), Follower(NaiveBook(RULES))
    for event in log:
        story.tell(event)
        follower.tell(type(event).__name__, fields(event))
        assert of_engine(story) == of_follower(follower), event


def of_engine(story: Story) -> list[tuple[str, ...]]:
    """Id, calls, monitor call and reason of every session, as text."""
    return [
        (one.id, ",".join(one.calls), one.monitor_call or "", one.state.value)
        if one.state and one.reason is None
        else (one.id, "", one.monitor_call or "", str(one.reason))
        for one in story.engine.sessions.by_id.values()
    ]


def of_follower(follower: Follower) -> list[tuple[str, ...]]:
    """The same of the naive follower."""
    return [
        (one["id"], ",".join(one["calls"]), one["monitor_call"] or "", State(one["state"]).value)
        if one["reason"] is None
        else (one["id"], "", one["monitor_call"] or "", one["reason"])
        for one in follower.sessions
    ]
