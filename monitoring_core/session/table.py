"""Pure: owns the state table and what it answers; it is one literal, executed by a `transitions` machine.

Refuses to know why a trigger is fed: verdicts, calls and deadlines are the engine's.

The laws of the table (design: "A session's life"):
  1. A session comes into being by a verdict (PERMIT, FORBID) or by being observed (STARTED), and only so.
  2. REJECTED means that nobody listened through it, ENDED that somebody did, or may have; both absorb.
  3. There are no guards: what must be decided is decided before, and the decision is the trigger.
"""

from __future__ import annotations

from functools import cache

from transitions import Machine, MachineError

from monitoring_core.domain.outcomes import State, Trigger
from monitoring_core.errors import IllegalMove

TABLE: tuple[tuple[State | None, Trigger, State], ...] = (
    (None, Trigger.PERMIT, State.REQUESTED),
    (None, Trigger.FORBID, State.REJECTED),
    (None, Trigger.STARTED, State.ACTIVE),
    (State.REQUESTED, Trigger.STARTED, State.ACTIVE),
    (State.REQUESTED, Trigger.FAILED, State.REJECTED),
    (State.REQUESTED, Trigger.UNSENT, State.REJECTED),
    (State.REQUESTED, Trigger.UNCONFIRMED, State.REJECTED),
    (State.REQUESTED, Trigger.FINISHED, State.REJECTED),
    (State.ACTIVE, Trigger.FINISHED, State.ENDED),
)
"""`None` is where a session comes into being: no state that it can be in."""

NOWHERE = "-"
FINAL = frozenset({State.ENDED, State.REJECTED})


class _Probe:
    """A throw-away model: adding real sessions to a machine costs time that grows with those alive."""

    state: str


_MACHINE = Machine(
    model=None,
    states=[NOWHERE, *(state.value for state in State)],
    transitions=[[trigger.value, before.value if before else NOWHERE, after.value] for before, trigger, after in TABLE],
    initial=NOWHERE,
    auto_transitions=False,
)


@cache
def after(before: State | None, trigger: Trigger) -> State:
    """The state that `trigger` leads to from `before`; its answers are finite and are kept.

    Raises IllegalMove for a pair without a row.
    """
    probe = _Probe()
    probe.state = before.value if before else NOWHERE
    try:
        _MACHINE.events[trigger.value].trigger(probe)
    except MachineError:
        raise IllegalMove(
            what=f"{trigger.value} is no move from {probe.state}",
            where="the state table",
            fix="look at TABLE in monitoring_core/session/table.py, or `monitoring-core draw`",
        ) from None
    return State(probe.state)


def mermaid() -> str:
    """The table as a Mermaid state diagram, one line a row."""
    lines = ["stateDiagram-v2"]
    for before, trigger, target in TABLE:
        lines.append(f"    {before.value if before else '[*]'} --> {target.value}: {trigger.value}")
    lines.extend(f"    {state.value} --> [*]" for state in State if state in FINAL)
    return "\n".join(lines) + "\n"
