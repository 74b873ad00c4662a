"""Generated events around one running session: modes, redirects, further listeners, conferences, holds, people."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from monitoring_core.domain import events as e
from monitoring_core.domain.settings import MODES, REJUDGE
from monitoring_core.rules.load import load_book
from tests.helpers import LISTENING, SEATS, Story, settings

SESSION = "s-8"
"""The session of `listening`: two more people are seated than in LISTENING."""
PHONES = ("5004", "5005", "5026", "5099")
MODE_NAMES: tuple[e.Mode, ...] = tuple(MODES)
BOOK = load_book(
    {
        "running.toml": """
[[rule]]
id = "own-team"
effect = "permit"
because = "supervisors listen to their teams, in any mode"
when.agent.teams = { overlaps = "supervisor.teams" }

[[rule]]
id = "no-fourth-party"
effect = "forbid"
because = "a large conference is not listened to"
unless.call.parties = { below = 4 }

[[rule]]
id = "not-while-held"
effect = "forbid"
to = ["whisper", "barge"]
because = "the agent has the call on hold"
unless.call.held = { is = false }
"""
    }
)
"""Forbids by team and by size of the call; there is something to judge again, and again."""

phones, modes = st.sampled_from(PHONES), st.sampled_from(MODE_NAMES)
teams = st.sampled_from([("sales",), ("support",), ()])
monitor_calls = st.sampled_from(["m1", "m1", "m1", "m1", "m9"])

mode_requests = st.builds(e.ModeRequested, mode=modes, session=st.just(SESSION)) | st.builds(
    e.ModeRequested, mode=modes, monitor_call=monitor_calls, from_address=st.none() | phones
)
mode_changes = st.builds(e.ModeChanged, monitor_call=monitor_calls, mode=modes)
outcomes = st.builds(
    lambda position, outcome: e.CommandOutcome(command=f"{SESSION}/{position}/0", outcome=outcome),
    st.integers(9, 20),
    st.sampled_from(["failed", "lapsed", "acknowledged", "in_doubt"]),
)
listener_moves = st.builds(e.ListenerMoved, monitor_call=monitor_calls, from_address=phones) | st.builds(
    e.Transferred, call=st.just("m1"), by=phones, to=phones
)
listeners = (
    listener_moves
    | st.builds(e.ListenerJoined, monitor_call=monitor_calls, from_address=phones)
    | st.builds(e.ListenerLeft, monitor_call=monitor_calls, from_address=phones)
)
on_the_call = st.one_of(
    [
        st.builds(kind, call=st.just("c1"), address=st.sampled_from(["5004", "5005", "0171", "0172"]))
        for kind in (e.Delivered, e.Established, e.ConnectionCleared)
    ]
) | st.sampled_from([e.Held(call="c1", address="5025"), e.Retrieved(call="c1", address="5025")])
ends = st.sampled_from(
    [
        e.MonitorEnded(monitor_call="m1"),
        e.ConnectionCleared(call="m1", address="5004"),
        e.CallCleared(call="m1"),
        e.ConnectionCleared(call="c1", address="5025"),
        e.StopRequested(session=SESSION),
    ]
)
told = (
    st.builds(e.PersonChanged, person=st.just("bob"), teams=teams)
    | st.builds(e.PersonChanged, person=st.sampled_from(["ann", "eve"]), supervises=teams)
    | st.builds(e.PhoneChanged, extension=st.sampled_from([*PHONES, "5025"]), security=st.integers(0, 2))
    | st.builds(e.CallChanged, call=st.just("c1"), type=st.sampled_from(["INBOUND", "Outbound"]))
    | st.just(e.RulesChanged(book="b", settings="s", behaviour=3))
    | st.builds(e.MonitorFailed, code=st.just("20999"), from_address=st.none() | phones)
    | st.just(e.TimePassed())
)
usual = mode_requests | mode_changes | listeners | on_the_call | told
lives = st.lists(
    st.tuples(st.sampled_from([0.0, 1.0, 4.0, 11.0]), usual | usual | usual | outcomes | ends), max_size=30
)
"""What happens to the session of `listening`, each with how long after what went before (seconds)."""
sites: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "confirmation": st.sampled_from(["switch", "switch", "none"]),
        "on_forbid": st.sampled_from(["notice", "notice", "drop"]),
        "rejudge": st.lists(st.sampled_from(REJUDGE), unique=True).map(tuple) | st.just(REJUDGE),
        "conference": st.sampled_from(["continue", "continue", "suspend"]),
        "modes": st.just(MODES) | st.dictionaries(modes, st.lists(modes, unique=True).map(tuple)),
    }
)


def listening(given: dict[str, Any], book: Any = BOOK) -> Story:
    """Ann listens to Bob on m1; Eve, another supervisor, sits on 5005."""
    story = Story(settings(**given), book)
    eve = e.SignedIn(person="eve", extension="5005", roles=("Supervisor",), supervises=("sales",))
    rest = LISTENING[len(SEATS) :]
    story.at(0.0, *SEATS, eve, e.PhoneChanged(extension="5025", security=1), *rest)
    return story


def timed(life: list[tuple[float, e.Event]]) -> list[e.Event]:
    """The events of a life, happening and received at their times."""
    now, events = 1.0, []
    for later, event in life:
        now += later
        events.append(replace(event, at=now, received_at=now))
    return events
