"""Shell: owns what people usually do and a switch then tells of it, one function a row of the alphabet.

Refuses to be a model of call control: what it tells may come in any order, and may be lost.
"""

from __future__ import annotations

from itertools import permutations

from monitoring_core.domain import events as e
from monitoring_core.domain.events import LegState
from monitoring_core.domain.outcomes import State
from monitoring_core.engine import Engine
from monitoring_core.engine.modes import JOINING
from monitoring_core.explore.glance import (
    BY_SWITCH,
    Events,
    active_sessions,
    agents_on,
    asked_by,
    first_unheard_of,
    held_or_back,
    monitor_calls,
    ordinary_calls,
    until,
)
from monitoring_core.explore.situation import is_lease, next_due
from monitoring_core.explore.world import AGENTS, CALLS, CUSTOMERS, MONITOR_CALLS, SUPERVISORS
from monitoring_core.session import Session

ANSWERING = frozenset({LegState.INITIATED, LegState.ALERTING, LegState.WAITING})


def request(engine: Engine) -> Events:
    """Each supervisor asks for each agent, by each mode that some rule permits."""
    modes = {mode for rule in engine.inner.book.rules if rule.effect == "permit" for mode in rule.to} or {"silent"}
    for supervisor in SUPERVISORS:
        for agent in AGENTS:
            for mode in BY_SWITCH:
                if mode in modes:
                    yield asked_by(supervisor, agent.extension, supervisor.person, mode)


def stop(engine: Engine) -> Events:
    """Each session, and each standing request, by its name."""
    for session in engine.sessions.alive():
        yield e.StopRequested(session=session.id)
    yield from (e.StopRequested(session=standing) for standing in engine.standing)


def stop_by_phone(engine: Engine) -> Events:
    """Whatever is heard on an extension; there may be two."""
    listening = {session.from_address for session in engine.sessions.alive()}
    yield from (e.StopRequested(from_address=one.extension) for one in SUPERVISORS if one.extension in listening)


def mode(engine: Engine) -> Events:
    """The listener wants another mode; a site may know no such change."""
    for session in active_sessions(engine):
        for mode in BY_SWITCH:
            if mode != session.mode:
                yield e.ModeRequested(mode=mode, session=session.id)


def duty(engine: Engine) -> Events:
    """What is to be done before a start is done."""
    for session in engine.sessions.alive():
        yield from (e.DutyDone(session=session.id, duty=duty) for duty in session.went.duties)


def outcome(engine: Engine) -> Events:
    """The way out says no, or does not know; of a start also long after it began."""
    for session in engine.sessions.alive():
        for command in (session.start_command, session.stop_command, session.went.mode_command):
            if command:
                yield e.CommandOutcome(command=command, outcome="failed")
        if session.start_command:
            yield e.CommandOutcome(command=session.start_command, outcome="lapsed")
            yield e.CommandOutcome(command=session.start_command, outcome="in_doubt")


def started(engine: Engine) -> Events:
    """As it was asked for, on the latest of the calls that were judged."""
    waiting = [session for session in engine.sessions.waiting.values() if session.state is State.REQUESTED]
    for monitor_call in first_unheard_of(engine, MONITOR_CALLS):
        for session in waiting:
            if session.candidates and not session.went.duties:
                yield e.MonitorStarted(
                    monitor_call=monitor_call,
                    from_address=session.from_address,
                    to_address=session.to_address,
                    call=session.candidates[-1],
                )


def ended(engine: Engine) -> Events:
    """Also of one whose session is over already."""
    yield from (e.MonitorEnded(monitor_call=call.id) for call in monitor_calls(engine))


def failed(engine: Engine) -> Events:
    """The switch refuses a start or a mode, by its names or without any."""
    waiting = engine.sessions.waiting.values()
    for pair in sorted({session.pair for session in waiting}):
        yield e.MonitorFailed(code="20700", from_address=pair[0], to_address=pair[1])
    if waiting:
        yield e.MonitorFailed(code="20700")


def rings(engine: Engine) -> Events:
    """A new call for an agent, or one that an agent makes."""
    for call in first_unheard_of(engine, CALLS):
        for agent in AGENTS:
            yield e.Delivered(call=call, address=agent.extension)


def answers(engine: Engine) -> Events:
    """Whoever rings, dials or waits; the customer, of whom nothing was told so far; and whoever barges in."""
    for call in ordinary_calls(engine):
        states = {address: leg.state for address, leg in call.legs.items()}
        may = [address for address, state in states.items() if state in ANSWERING]
        may += [CUSTOMERS[call.id]] if CUSTOMERS[call.id] not in states else []
        may += [one.from_address for one in active_sessions(engine) if one.call == call.id and _barges(one)]
        yield from (e.Established(call=call.id, address=address) for address in dict.fromkeys(may))


def _barges(session: Session) -> bool:
    return not JOINING.isdisjoint({session.mode, session.went.wanted})


def hold(engine: Engine) -> Events:
    """Agents their calls."""
    yield from held_or_back(*((call, agent.extension) for call in ordinary_calls(engine) for agent in AGENTS))


def cleared(engine: Engine) -> Events:
    """Of monitor calls only the listener's own leg."""
    for call in ordinary_calls(engine):
        for leg in call.live():
            yield e.ConnectionCleared(call=call.id, address=leg.address)
        yield e.CallCleared(call=call.id)
    for call in monitor_calls(engine):
        if call.monitor is not None:
            yield e.ConnectionCleared(call=call.id, address=call.monitor.from_address)


def transferred(engine: Engine) -> Events:
    """Blind, or into another call of his, whichever of the two survives."""
    for call in ordinary_calls(engine):
        for agent in agents_on(call):
            for other in AGENTS:
                if other.extension not in call.legs:
                    yield e.Transferred(call=call.id, by=agent, to=other.extension)
    for call, into in permutations(ordinary_calls(engine), 2):
        for agent in agents_on(call):
            if agent in agents_on(into):
                yield e.Transferred(call=call.id, by=agent, into=into.id)


def conferenced(engine: Engine) -> Events:
    """Two calls of an agent become one, by the id of either."""
    for call, into in permutations(ordinary_calls(engine), 2):
        if not set(agents_on(call)).isdisjoint(agents_on(into)):
            yield e.Conferenced(call=call.id, into=into.id)


def time(engine: Engine) -> Events:
    """Until the switch should have said something."""
    due = next_due(engine)
    if due is not None and not is_lease(due):
        yield until(engine, due.due)
