"""Pure: owns the invariants that every run must keep, each checked on the steps as they come.

Refuses to repair or to raise: it says which property broke and how; monitor, replay and testing decide what then.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
from msgspec.structs import replace

from monitoring_core.domain import events as e
from monitoring_core.domain.outcomes import (
    NOTHING,
    Certainty,
    ChangeMode,
    DropMonitorCall,
    Judged,
    Move,
    NoticeKind,
    Origin,
    Reason,
    StartMonitoring,
    State,
    Step,
    Trigger,
)
from monitoring_core.engine import Engine
from monitoring_core.errors import IllegalMove
from monitoring_core.session import FINAL, Session, after
from monitoring_core.window import Window

ENDS_NOTHING = (
    *(e.Initiated, e.Delivered, e.Established, e.Held, e.Retrieved, e.CallChanged, e.PartyChanged, e.PhoneChanged),
    *(e.MonitorRequested, e.StopRequested, e.ModeRequested, e.ModeChanged, e.ListenerJoined, e.ListenerLeft),
    *(e.RulesChanged, e.JournalHead, e.Unreadable, e.TimePassed),
)
"""Events that by themselves are the end of no session; what falls due with their time is another matter."""


@attrs.frozen
class Broken:
    """One property that does not hold: its number in the README's list, and what was seen."""

    property: int
    what: str


@attrs.define
class Watch:
    """Watches the steps of one engine, in order. Final sessions are known for as long as the engine keeps them."""

    engine: Engine
    _states: dict[str, State] = attrs.field(init=False)
    _started: set[str] = attrs.field(init=False)
    _promises: _Promises = attrs.field(init=False)

    @_states.default
    def _states_so_far(self) -> dict[str, State]:
        return {session.id: session.state for session in self.engine.sessions.by_id.values() if session.state}

    @_started.default
    def _started_so_far(self) -> set[str]:
        return {session.id for session in self.engine.sessions.by_id.values() if session.start_command}

    @_promises.default
    def _followed_from_here(self) -> _Promises:
        return _Promises(self.engine.now)

    def check(self, step: Step, event: e.Event | None = None) -> list[Broken]:
        """What this step breaks, if anything; call it after each `Engine.step` with its result, and with its event.

        Without `event` only what steps show by themselves is checked.
        """
        broken = [
            *self._final_is_final(step),
            *self._moves_follow_the_table(step),
            *self._verdicts_decide(step),
            *self._starts_are_permitted(step),
            *self._sessions_are_where_they_say(step),
            *(self._promises.check(self.engine, event, step) if event is not None else ()),
        ]
        self._forget()
        return broken

    def _final_is_final(self, step: Step) -> Iterator[Broken]:
        named = [said.session for said in (*step.moves, *step.verdicts, *step.commands, *step.notices)]
        for session in named:
            if self._states.get(session) in FINAL:
                yield Broken(4, f"{session} is final and still says something")

    def _moves_follow_the_table(self, step: Step) -> Iterator[Broken]:
        for move in step.moves:
            known = self._states.get(move.session)
            self._states[move.session] = move.after
            if move.before is not known:
                yield Broken(1, f"{move.session} was {known}, and moves from {move.before}")
            elif not _is_row(move):
                yield Broken(1, f"{move.session}: {move.before} {move.trigger} {move.after} is no row")
            elif (move.after in FINAL) is not (move.reason is not None):
                yield Broken(4, f"{move.session} is {move.after} with the reason {move.reason}")

    def _verdicts_decide(self, step: Step) -> Iterator[Broken]:
        verdicts = _verdicts(step)
        for move in step.moves:
            said = verdicts.get(move.session)
            judged_move = move.trigger in (Trigger.PERMIT, Trigger.FORBID)
            if judged_move and (said is None or said.verdict.permit is not (move.trigger is Trigger.PERMIT)):
                yield Broken(5, f"{move.session} moved by {move.trigger} against its verdict")
        for judged in step.verdicts:
            verdict = judged.verdict
            if verdict.permit and (not verdict.hits or any(hit.effect != "permit" for hit in verdict.hits)):
                yield Broken(5, f"{judged.session} is permitted without a permit, or against a forbid")

    def _starts_are_permitted(self, step: Step) -> Iterator[Broken]:
        verdicts = _verdicts(step)
        for command in step.commands:
            if isinstance(command, StartMonitoring):
                said = verdicts.get(command.session)
                if said is None or not said.verdict.permit:
                    yield Broken(2, f"{command.session} starts without a permit in the same step")
                if command.session in self._started:
                    yield Broken(2, f"{command.session} starts twice")
                self._started.add(command.session)
            elif isinstance(command, DropMonitorCall) and not command.monitor_call:
                yield Broken(2, f"{command.session} drops no monitor call")

    def _sessions_are_where_they_say(self, step: Step) -> Iterator[Broken]:
        if step.moves or step.notices:
            floor = self.engine.floor
            for session in self.engine.sessions.alive():
                if session.state is not State.ACTIVE or session.call is None:
                    continue
                if floor.is_listed(session.to_address, session.call) is False:
                    yield Broken(3, f"{session.id} is ACTIVE on {session.call}, which its agent has left")
                call = floor.calls.find(session.call)
                if session.origin is Origin.REQUESTED and call is not None and call.monitor is not None:
                    yield Broken(3, f"{session.id} is ACTIVE on the monitor call {session.call}")

    def _forget(self) -> None:
        if len(self._states) > 2 * len(self.engine.sessions.by_id) + 1:
            self._states = {name: state for name, state in self._states.items() if name in self.engine.sessions.by_id}
            self._started &= self._states.keys()


@attrs.define
class _Promises:
    """What an engine owes to whoever tells it events, followed apart from it.

    `now`: the site's time at the last step (seconds). `repeats`: ids seen, by source, beside the engine's own memory of
    them; `tokens`: answers by token; both remember less than an engine does. `waits`: until when a request may wait
    for its start. `stops`: sessions whose listener had heard enough before they began.
    """

    now: float | None = None
    repeats: dict[str, tuple[object, Window[bool]]] = attrs.field(factory=dict)
    tokens: Window[str] = attrs.field(factory=lambda: Window(0))
    waits: dict[str, float] = attrs.field(factory=dict)
    stops: set[str] = attrs.field(factory=set)

    def check(self, engine: Engine, event: e.Event, step: Step) -> Iterator[Broken]:
        """What this step breaks of them."""
        passed, self.now = engine.now != self.now, engine.now
        yield from self._nothing_waits_for_ever(engine, step)
        if self._is_repeat(engine, event):
            if not passed and step != NOTHING:
                yield Broken(6, f"the event {event.id} came again, and was not ignored")
        elif not any(notice.kind == NoticeKind.EVENT_REFUSED for notice in step.notices):
            yield from _starts_in_time(engine, step)
            yield from _ends_by_what_it_is_about(engine, event, step)
            yield from self._stops_reach_the_switch(engine, event, step)
            yield from _modes_are_permitted(event, step)
            if isinstance(event, e.MonitorRequested):
                yield from self._same_answer(engine, event, step)
                yield from _judged_by_the_book(engine, event, step)
            elif isinstance(event, e.MonitorStarted):
                yield from _monitor_call_is_known(engine, event, step)

    def _is_repeat(self, engine: Engine, event: e.Event) -> bool:
        if event.id is None:
            return False
        size_max = engine.inner.settings.limits.repeats_max // 2
        theirs = engine.repeats.get(event.source)
        known = self.repeats.get(event.source)
        if known is None or known[0] is not theirs or known[1].size_max != size_max:
            known = self.repeats[event.source] = (theirs, Window(size_max))
        is_repeat = event.id in known[1]
        known[1].add(event.id, value=True)
        return is_repeat

    def _nothing_waits_for_ever(self, engine: Engine, step: Step) -> Iterator[Broken]:
        now = engine.now
        for move in step.moves:
            if move.after is State.REQUESTED and now is not None:
                self.waits[move.session] = now + engine.inner.settings.confirm_s
            else:
                self.waits.pop(move.session, None)
        for command in step.commands:
            if command.session in self.waits and isinstance(command, StartMonitoring) and now is not None:
                del self.waits[command.session]  # and enters again, as the last that is due
                self.waits[command.session] = now + engine.inner.settings.confirm_s
        for session, due in self.waits.items():
            if now is not None and now > due:
                yield Broken(4, f"{session} waits for its start, which was due by {due:g}")
            break

    def _same_answer(self, engine: Engine, event: e.MonitorRequested, step: Step) -> Iterator[Broken]:
        if event.token is not None:
            self.tokens.size_max = engine.inner.settings.limits.tokens_max // 2
            known = self.tokens.get(event.token)
            if known not in (None, step.answer):
                yield Broken(6, f"the same token was answered by {known}, and is by {step.answer} now")
            self.tokens.add(event.token, step.answer)

    def _stops_reach_the_switch(self, engine: Engine, event: e.Event, step: Step) -> Iterator[Broken]:
        dropped = {command.session for command in step.commands if isinstance(command, DropMonitorCall)}
        for move in step.moves:
            if move.session in self.stops and move.session not in dropped and _monitor_call(engine, move.session):
                yield Broken(
                    11, f"{move.session} began, and the switch is not asked for the end that was wanted before"
                )
            if move.after is not State.REQUESTED:
                self.stops.discard(move.session)
        if isinstance(event, e.StopRequested) and event.session is not None:
            session = engine.sessions.find_alive(event.session)
            if session is None or event.from_address not in (None, session.from_address):
                return
            if session.state is State.REQUESTED:
                self.stops.add(session.id)
            elif session.monitor_call is not None and not session.stop_command:
                yield Broken(11, f"{session.id} is to end, and the switch is not asked for it")


def _starts_in_time(engine: Engine, step: Step) -> Iterator[Broken]:
    for command in step.commands:
        if isinstance(command, StartMonitoring) and engine.now is not None:
            last = engine.now + engine.inner.settings.start_valid_s
            if command.valid_until is None or command.valid_until > last:
                yield Broken(2, f"{command.session} may start until {command.valid_until}, which is after {last:g}")


def _ends_by_what_it_is_about(engine: Engine, event: e.Event, step: Step) -> Iterator[Broken]:
    """Whatever is known or shown to be over is over by this event: what falls due is only assumed to be."""
    is_unseen = isinstance(event, e.Snapshot) and "calls" not in event.covers
    calls = _calls_of(engine, event)
    for move in step.moves:
        if move.after not in FINAL or move.certainty not in (Certainty.CONFIRMED, Certainty.INFERRED):
            continue
        if isinstance(event, ENDS_NOTHING) or (is_unseen and move.certainty is Certainty.INFERRED):
            yield Broken(12, f"{move.session} is over by {type(event).__name__}, which says nothing of an end")
        elif calls and calls.isdisjoint(_all_calls(engine, move.session)):
            yield Broken(12, f"{move.session} is over by the end of {' and '.join(sorted(calls))}, which it is not on")
        elif isinstance(event, e.Transferred) and move.reason is Reason.AGENT_DROPPED:
            yield Broken(12, f"{move.session} is over by a transfer, which is no drop")


def _calls_of(engine: Engine, event: e.Event) -> set[str]:
    """The calls of whose end an event tells, under the ids that they have now; none if it names none."""
    named: tuple[str | None, ...] = ()
    if isinstance(event, e.ConnectionCleared | e.CallCleared):
        named = (event.call,)
    elif isinstance(event, e.Transferred):
        named = (event.call, event.into)
    elif isinstance(event, e.MonitorEnded):
        named = (event.monitor_call,)
    return {engine.floor.calls.survivor(call) for call in named if call is not None}


def _all_calls(engine: Engine, name: str) -> set[str]:
    session = engine.sessions.by_id.get(name)
    known = (session.call, session.monitor_call, *session.candidates) if session else ()
    return {engine.floor.calls.survivor(call) for call in known if call}


def _monitor_call(engine: Engine, name: str) -> str | None:
    session = engine.sessions.by_id.get(name)
    return session.monitor_call if session else None


def _modes_are_permitted(event: e.Event, step: Step) -> Iterator[Broken]:
    changed = [command.session for command in step.commands if isinstance(command, ChangeMode)]
    if isinstance(event, e.ModeRequested):
        changed += [notice.session for notice in step.notices if notice.kind == NoticeKind.MODE_CHANGED]
    verdicts = _verdicts(step) if changed else {}
    for session in changed:
        if session not in verdicts or not verdicts[session].verdict.permit:
            yield Broken(2, f"{session} is brought into another mode without a permit")


def _judged_by_the_book(engine: Engine, event: e.MonitorRequested, step: Step) -> Iterator[Broken]:
    """The numbers that the rules read are those of the sessions, and no forbid that applies was left out.

    Directly after the step both are as they were for it, unless somebody was replaced or the start was assumed.
    """
    judged = _verdicts(step).get(step.answer)
    session = engine.sessions.by_id.get(step.answer)
    if judged is None or session is None:
        return
    site, verdict = engine.inner, judged.verdict
    facts, counted = engine.facts(judged, event.facts), _counted(engine, session)
    for name, number in counted.items():
        if facts.get(name) != number:
            yield Broken(5, f"{session.id} is judged by {name} = {facts.get(name)}, which is {number}")
    is_as_it_was = site.settings.second_target == site.settings.second_listener == "refuse"
    if not verdict.permit or not is_as_it_was or session.state is not State.REQUESTED:
        return
    for call in verdict.candidates or (verdict.call,):
        seen = site.book.with_defaults(engine.facts(Judged(session.id, replace(verdict, call=call)), event.facts))
        for rule in site.book.program(seen).forbids:
            if rule.met(seen) is not False:
                yield Broken(5, f"{session.id} is permitted, and {rule.id} forbids it")


def _counted(engine: Engine, session: Session) -> dict[str, int]:
    others = [one for one in engine.sessions.alive() if one is not session]
    settings = engine.inner.settings
    return {
        "supervisor.sessions": sum(one.listener == session.listener for one in others),
        "agent.sessions": sum(one.target == session.target for one in others),
        "pair.sessions": sum((one.listener, one.target) == (session.listener, session.target) for one in others),
        "limits.per_supervisor": settings.per_supervisor,
        "limits.per_agent": settings.per_agent,
        "limits.per_pair": settings.per_pair,
    }


def _monitor_call_is_known(engine: Engine, event: e.MonitorStarted, step: Step) -> Iterator[Broken]:
    """Whoever listens does so through a session; through a requested one only on the call that was judged."""
    call = engine.floor.calls.by_id.get(event.monitor_call)
    session = engine.sessions.by_monitor_call.one(event.monitor_call)
    if call is not None and call.monitor is not None and not call.owed and session is None:
        yield Broken(3, f"somebody listens through {event.monitor_call}, and no session says so")
    if session is None or event.call is None or session.origin is Origin.OBSERVED:
        return
    began = any(move.session == session.id and move.trigger is Trigger.STARTED for move in step.moves)
    if began and session.call != engine.floor.calls.survivor(event.call):
        yield Broken(3, f"{session.id} begins on {session.call}, and its monitor call is on {event.call}")


def _is_row(move: Move) -> bool:
    try:
        return after(move.before, move.trigger) is move.after
    except IllegalMove:
        return False


def _verdicts(step: Step) -> dict[str, Judged]:
    return {judged.session: judged for judged in step.verdicts}
