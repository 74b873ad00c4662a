"""Shell: owns what disturbs: lost, late, doubled and unasked words, pictures, silence, people who come, go or change.

Refuses to say how often; that is a bound of the search.
"""

from __future__ import annotations

from itertools import permutations

from monitoring_core.domain import events as e
from monitoring_core.domain.events import CallView, LegState, MonitorOf, Participant, PersonView
from monitoring_core.engine import Engine
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
    start_of,
    until,
)
from monitoring_core.explore.situation import STALE_S, is_lease, next_due
from monitoring_core.explore.world import AGENTS, CALLS, MONITOR_CALLS, OTHER_TEAM, SEATS, SUPERVISORS, TEAM
from monitoring_core.floor.entities import Call


def request_otherwise(_engine: Engine) -> Events:
    """By somebody who is no supervisor, by somebody who says that he is another, and for oneself."""
    for seat, other in ((SUPERVISORS[0], SUPERVISORS[1]), (SUPERVISORS[1], SUPERVISORS[0])):
        yield from (asked_by(seat, agent.extension, other.person) for agent in AGENTS)
        yield asked_by(seat, seat.extension, seat.person)
    for seat, other in permutations(AGENTS, 2):
        yield asked_by(seat, other.extension, seat.person)


def started_otherwise(engine: Engine) -> Events:
    """Unasked, late or after its end; on each call that the agent is on, or on none that is named."""
    early = [name for name in MONITOR_CALLS if name in engine.inner.early_ends]
    for monitor_call in (*early, *first_unheard_of(engine, MONITOR_CALLS)):
        for supervisor in SUPERVISORS:
            for agent in AGENTS:
                on: list[str | None] = [
                    call.id for call in ordinary_calls(engine) if agent.extension in agents_on(call)
                ]
                on += [] if len(engine.floor.candidates(agent.extension)) == 1 else [None]
                for call in on:
                    yield e.MonitorStarted(
                        monitor_call=monitor_call,
                        from_address=supervisor.extension,
                        to_address=agent.extension,
                        call=call,
                    )


def started_again(engine: Engine) -> Events:
    """A start that is doubled, at once or long after its end: it is no news."""
    for call in monitor_calls(engine):
        if call.monitor is not None:
            yield start_of(call.id, call.monitor.from_address, call.monitor.to_address, call.monitor.call)
    for session in engine.sessions.finals:
        if session.monitor_call is not None and session.monitor_call in engine.floor.calls.gone:
            yield start_of(session.monitor_call, *session.pair, session.call)


def ended_otherwise(engine: Engine) -> Events:
    """Once more, before its start, or without its name."""
    gone = [name for name in MONITOR_CALLS if name in engine.floor.calls.gone]
    for name in (*gone, *first_unheard_of(engine, MONITOR_CALLS)):
        yield e.MonitorEnded(monitor_call=name)
    listening = {call.monitor.from_address for call in monitor_calls(engine) if call.monitor}
    yield from (e.MonitorEnded(from_address=one.extension) for one in SUPERVISORS if one.extension in listening)


def mode_changed(engine: Engine) -> Events:
    """By the switch itself, or by somebody at a phone: judged, but not prevented."""
    for session in active_sessions(engine):
        if session.monitor_call is not None:
            for mode in BY_SWITCH:
                if mode != session.mode:
                    yield e.ModeChanged(monitor_call=session.monitor_call, mode=mode)


def listener(engine: Engine) -> Events:
    """The monitor call is redirected, or somebody else is taken in: other people listen, who are judged."""
    for session in active_sessions(engine):
        for one in SUPERVISORS:
            if session.monitor_call is not None and one.extension != session.from_address:
                monitor_call, address = session.monitor_call, one.extension
                yield e.ListenerMoved(monitor_call=monitor_call, from_address=address)
                is_in = any(other.extension == address and other.until is None for other in session.went.joined)
                joined_or_left = e.ListenerLeft if is_in else e.ListenerJoined
                yield joined_or_left(monitor_call=monitor_call, from_address=address)


def answers_otherwise(engine: Engine) -> Events:
    """Nobody told that it rang; or the call is over, which an answer that comes late cannot change."""
    calls = engine.floor.calls
    gone = [name for name in CALLS if name in calls.gone]
    for name in (*(call.id for call in ordinary_calls(engine)), *gone, *first_unheard_of(engine, CALLS)):
        call = calls.by_id.get(name)
        for agent in AGENTS:
            if call is None or agent.extension not in call.legs:
                yield e.Established(call=name, address=agent.extension)


def listener_holds(engine: Engine) -> Events:
    """A listener holds his monitor call: that pauses, and ends nothing."""
    up = [call for call in monitor_calls(engine) if not call.owed]
    yield from held_or_back(*((call, call.monitor.from_address) for call in up if call.monitor))


def signed(engine: Engine) -> Events:
    """Everybody out and in again, at his own phone."""
    for seat in SEATS:
        if engine.floor.people.on(seat.extension) is None:
            yield e.SignedIn(person=seat.person, extension=seat.extension)
        else:
            yield e.SignedOut(person=seat.person, extension=seat.extension)


def team(engine: Engine) -> Events:
    """Agents go to another team, and come back."""
    for agent in AGENTS:
        teams = engine.floor.people.persons[agent.person].teams
        yield e.PersonChanged(person=agent.person, teams=(OTHER_TEAM,) if teams == frozenset({TEAM}) else (TEAM,))


def _view(call: Call) -> CallView:
    legs = tuple(Participant(leg.address, leg.state) for leg in call.live())
    return CallView(call.id, legs, call.type, call.monitor)


def _views(engine: Engine) -> list[CallView]:
    """All calls as they are thought to be, without those whose end the switch still owes."""
    return [_view(call) for call in (*ordinary_calls(engine), *monitor_calls(engine)) if not call.owed]


def picture(engine: Engine) -> Events:
    """Everything as it is thought to be, with each call missing in turn, and with everything missing, also stale."""
    views = _views(engine)
    yield e.Snapshot(covers=("calls",), calls=tuple(views))
    for missing in views:
        yield e.Snapshot(covers=("calls",), calls=tuple(view for view in views if view is not missing))
    yield e.Snapshot(covers=("calls",))
    yield e.Snapshot(covers=("calls",), as_of=(engine.now or 0.0) - STALE_S)


def picture_of_one(engine: Engine) -> Events:
    """A picture without calls, which is about one agent's only."""
    known = engine.floor.people.signed_in_on
    for agent in AGENTS:
        extensions = (agent.extension,) if known.get(agent.extension) == agent.person else ()
        shown = (PersonView(agent.person, extensions),)
        yield e.Snapshot(covers=("calls",), scope="person", about=agent.person, people=shown)


def picture_of_people(engine: Engine) -> Events:
    """Everybody as he is thought to be; it covers no calls, so it ends none."""
    people = engine.floor.people.persons.values()
    yield e.Snapshot(covers=("people",), people=tuple(PersonView(one.id, tuple(one.extensions)) for one in people))


def picture_of_listening(engine: Engine) -> Events:
    """A monitor call that nobody told of, or that was thought to be over."""
    views = _views(engine)
    calls = engine.floor.calls
    for supervisor in SUPERVISORS:
        for agent in AGENTS:
            for on in engine.floor.candidates(agent.extension)[-1:]:
                for name in first_unheard_of(engine, MONITOR_CALLS):
                    yield _shows(views, name, MonitorOf(supervisor.extension, agent.extension, on.id))
    for session in engine.sessions.finals:
        over = session.monitor_call
        if over is not None and (over in calls.gone or (over in calls.by_id and calls.by_id[over].owed)):
            yield _shows(views, over, MonitorOf(session.from_address, session.to_address, session.call))


def _shows(views: list[CallView], monitor_call: str, monitor: MonitorOf) -> e.Event:
    listener = (Participant(monitor.from_address, LegState.CONNECTED),)
    return e.Snapshot(covers=("calls",), calls=(*views, CallView(monitor_call, listener, monitor=monitor)))


def restarted(_engine: Engine) -> Events:
    """All calls are gone without a word."""
    yield e.SwitchRestarted()


def rules(engine: Engine) -> Events:
    """Running sessions are judged again, by the same rules: nothing may come of it."""
    yield e.RulesChanged(book=engine.inner.book.digest, settings="", behaviour=engine.inner.behaviour)


def silence(engine: Engine) -> Events:
    """Until something was not heard of for so long that it is asked about, or given up."""
    due = next_due(engine)
    if due is not None and is_lease(due):
        yield until(engine, due.due)
