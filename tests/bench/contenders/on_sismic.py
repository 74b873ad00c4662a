"""The job on sismic: an interpreter for each leg and session, their charts in YAML with actions in Python."""

from __future__ import annotations

from typing import Any

import attrs
from sismic.interpreter import Interpreter
from sismic.io import import_from_yaml
from sismic.model import Statechart

from tests.bench.contenders import job
from tests.bench.contenders.job import LEG_STATES, LEGS, SESSION_STATES, SESSIONS, Asked, Job, Known, Rows


def _chart(name: str, states: tuple[str, ...], rows: Rows, action: str, entries: dict[str, str]) -> Statechart:
    """A chart of one level, written as YAML as its user would."""
    lines = ["statechart:", f"  name: {name}", "  root state:", "    name: root"]
    lines += [f"    initial: {states[0]}", "    states:"]
    for state in states:
        lines.append(f"      - name: {state}")
        if state in entries:
            lines.append(f"        on entry: {entries[state]}")
        moves = [(trigger, target) for trigger, sources, target in rows if state in sources]
        lines += ["        transitions:"] if moves else []
        for trigger, target in moves:
            lines += [f"          - event: {trigger}", f"            target: {target}"]
            lines += [f"            action: {action.format(source=state, target=target)}"]
    return import_from_yaml("\n".join(lines))


LEG = _chart(
    "leg",
    LEG_STATES,
    LEGS,
    "leg.changed_at = max(leg.changed_at, event.at)",
    {
        "connected": "leg.call.job.appears(leg.call, leg.address)",
        "cleared": "leg.call.job.leaves(leg.call, leg.address)",
    },
)
SESSION = _chart("session", SESSION_STATES, SESSIONS, "session.next('{source}', '{target}', event.reason)", {})


@attrs.define(eq=False)
class Leg:
    """What the chart's actions work on."""

    call: Call
    address: str
    changed_at: float
    interpreter: Any = None

    @property
    def state(self) -> str:
        """The one below the root."""
        return str(self.interpreter.configuration[-1])


@attrs.define(eq=False)
class Call:
    """Each of its legs has an interpreter."""

    job: Job
    name: str
    type: str = ""
    legs: dict[str, Leg] = attrs.field(factory=dict)

    def tell(self, address: str, word: str, at: float) -> None:
        """Queue the event of that name, and run."""
        leg = self.legs.get(address)
        if leg is None:
            leg = self.legs[address] = Leg(self, address, at)
            leg.interpreter = Interpreter(LEG, initial_context={"leg": leg}, ignore_contract=True)
            leg.interpreter.execute_once()
            self.job.appears(self, address)
        elif at < leg.changed_at:
            return
        if word != "dial":
            leg.interpreter.queue(word, at=at).execute_once()


@attrs.define(eq=False)
class Session:
    """What the chart's actions work on."""

    job: Job
    known: Known
    name: str
    state: str = "NEW"
    interpreter: Any = None

    def next(self, source: str, target: str, reason: str) -> None:
        """Called by the chart."""
        self.state = target
        self.job.moved(self, source, target, reason or None)

    def tell(self, word: str, reason: str = "") -> None:
        """Queue the event of that name, and run."""
        self.interpreter.queue(word, reason=reason).execute_once()


class Kit:
    """An interpreter for each leg and session."""

    def call(self, to: Job, name: str) -> Any:
        """A call without legs."""
        return Call(to, name)

    def gone(self, call: Any) -> None:
        """Its interpreters go with it."""

    def session(self, to: Job, known: Known) -> Session:
        """In the state NEW."""
        session = Session(to, known, known.name)
        session.interpreter = Interpreter(SESSION, initial_context={"session": session}, ignore_contract=True)
        session.interpreter.execute_once()
        return session

    def final(self, session: Any) -> None:
        """The interpreter is not needed any more."""

    def refused(self, asked: Asked) -> list[str]:
        """Plain Python."""
        return job.refused(asked)
