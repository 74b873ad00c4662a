"""Pure: owns the invariants that every run must keep, each checked on the steps as they come.

Refuses to repair or to raise: it says which property broke and how; monitor, replay and testing decide what then.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from monitoring_core.domain.outcomes import DropMonitorCall, Judged, Move, Origin, StartMonitoring, State, Step, Trigger
from monitoring_core.engine import Engine
from monitoring_core.errors import IllegalMove
from monitoring_core.session import FINAL, after


@attrs.frozen
class Broken:
    """One property that does not hold: its number in the README's list, and what was seen."""

    property: int
    what: str


@attrs.define
class Watch:
    """Watches the steps of one engine, in order. Final sessions are known for as long as the engine keeps them."""

    engine: Engine
    _states: dict[str, State] = attrs.field(factory=dict)
    _started: set[str] = attrs.field(factory=set)

    def check(self, step: Step) -> list[Broken]:
        """What this step breaks, if anything; call it after each `Engine.step` with its result."""
        broken = [
            *self._final_is_final(step),
            *self._moves_follow_the_table(step),
            *self._verdicts_decide(step),
            *self._starts_are_permitted(step),
            *self._sessions_are_where_they_say(step),
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


def _is_row(move: Move) -> bool:
    try:
        return after(move.before, move.trigger) is move.after
    except IllegalMove:
        return False


def _verdicts(step: Step) -> dict[str, Judged]:
    return {judged.session: judged for judged in step.verdicts}
