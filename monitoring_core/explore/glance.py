"""Shell: owns what is looked at in a site to see what may happen next: its calls, its legs, who listens.

Refuses to say what may; `usual` and `disturbing` do.
"""

from __future__ import annotations

from collections.abc import Iterator

from monitoring_core.domain import events as e
from monitoring_core.domain.events import LegState, Mode
from monitoring_core.domain.outcomes import State
from monitoring_core.engine import Engine
from monitoring_core.explore.situation import MOMENT_S
from monitoring_core.explore.world import AGENTS, CALLS, MONITOR_CALLS, Seat
from monitoring_core.floor.entities import Call
from monitoring_core.session import Session

Events = Iterator[e.Event]
BY_SWITCH: tuple[Mode, ...] = ("silent", "whisper", "barge")
"""The modes that are asked for, and that a switch tells of."""


def active_sessions(engine: Engine) -> list[Session]:
    """Those in which somebody listens."""
    return [session for session in engine.sessions.alive() if session.state is State.ACTIVE]


def ordinary_calls(engine: Engine) -> list[Call]:
    """Those that are up and are no monitor calls."""
    return [call for name in CALLS if (call := engine.floor.calls.by_id.get(name))]


def monitor_calls(engine: Engine) -> list[Call]:
    """Those that are up."""
    return [call for name in MONITOR_CALLS if (call := engine.floor.calls.by_id.get(name))]


def is_unheard_of(engine: Engine, call: str) -> bool:
    """Whether a call was never mentioned."""
    calls = engine.floor.calls
    return call not in calls.by_id and call not in calls.gone and call not in engine.inner.early_ends


def first_unheard_of(engine: Engine, names: tuple[str, ...]) -> list[str]:
    """Those that nobody ever mentioned are all alike: the first will do."""
    return [name for name in names if is_unheard_of(engine, name)][:1]


def leg_state(call: Call, address: str) -> LegState | None:
    """How a participant stands on a call; None if he never was on it."""
    leg = call.legs.get(address)
    return leg.state if leg else None


def agents_on(call: Call) -> list[str]:
    """The extensions of agents who have not left a call."""
    live = {leg.address for leg in call.live()}
    return [agent.extension for agent in AGENTS if agent.extension in live]


def asked_by(seat: Seat, to_address: str, user: str, mode: Mode = "silent") -> e.Event:
    """A request from somebody's phone."""
    return e.MonitorRequested(from_address=seat.extension, to_address=to_address, user=user, mode=mode)


def start_of(monitor_call: str, from_address: str, to_address: str, call: str | None) -> e.Event:
    """A monitor call appears."""
    return e.MonitorStarted(monitor_call=monitor_call, from_address=from_address, to_address=to_address, call=call)


def held_or_back(*legs: tuple[Call, str]) -> Events:
    """Whoever is connected holds, whoever holds is back."""
    for call, address in legs:
        state = leg_state(call, address)
        if state is LegState.CONNECTED:
            yield e.Held(call=call.id, address=address)
        elif state is LegState.HELD:
            yield e.Retrieved(call=call.id, address=address)


def until(engine: Engine, due: float) -> e.Event:
    """Time passes until `due` (site time, seconds), or a moment if that is now."""
    return e.TimePassed(at=max(due, (engine.now or 0.0) + MOMENT_S))
