"""Shell: owns what single systems cannot tell, as a table: which system, which action at which moment, and why.

Refuses to know how they tell the rest. What stands here is left out of stories that such a system takes part in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

from monitoring_core.testing.calls import consultations
from monitoring_core.testing.phones import WAITING, Line, Phones

SYSTEMS = ("native", "asterisk", "workspace", "finesse")

Action = tuple[str, ...]
"""What somebody does, in words: ("calls", "0170", "5025")."""


class Outside(Struct, frozen=True):
    """That these systems cannot tell one of these verbs when `when` holds, because."""

    systems: tuple[str, ...]
    verbs: tuple[str, ...]
    when: Callable[..., bool]
    because: str


def _agent_waits(phones: Phones, _supervisor: str, agent: str) -> bool:
    return bool(phones.on(agent, WAITING))


def _waits_monitored(phones: Phones, who: str) -> bool:
    return any(_may_be_heard(phones, line, who) for line in phones.on(who, WAITING))


def _consult_call_is_heard(phones: Phones, who: str) -> bool:
    return any(
        _may_be_heard(phones, consult, address)
        for _, consult in consultations(phones, who)
        for address in consult.live()
    )


def _may_be_heard(phones: Phones, line: Line, address: str) -> bool:
    """Whether somebody listens to him on that call, or may still begin to."""
    waiting = {agent for supervisor, agent in phones.waiting() if supervisor not in phones.listening}
    pairs = [(monitor.line, monitor.agent) for monitor in phones.listening.values()]
    return address in waiting or (line, address) in pairs


OUTSIDE = (
    Outside(
        ("workspace",),
        ("asks",),
        _agent_waits,
        "who waits between a transfer and its answer is ACTIVE like anybody else",
    ),
    Outside(
        ("workspace",),
        ("hangs_up",),
        _waits_monitored,
        "for the same reason he is taken for one who left, and not for one whose call ended",
    ),
    Outside(
        ("workspace",),
        ("transfers", "joins"),
        _consult_call_is_heard,
        "no dialog says which other one it has become, so who is on the consult call is shown to drop",
    ),
)


def can_tell(systems: Iterable[str], phones: Phones, action: Action) -> bool:
    """Whether all of these systems can tell of that action now."""
    verb, *words = action
    return not any(
        verb in one.verbs and set(systems) & set(one.systems) and one.when(phones, *words) for one in OUTSIDE
    )
