"""Pure: owns the people, phones, calls and legs of a floor, and the changes by which the floor tells what it learned.

Refuses to know of events: how these come about is the business of its neighbours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum

import attrs
from msgspec import Struct

from monitoring_core.domain.events import LegState, MonitorOf, Value
from monitoring_core.domain.outcomes import Reason
from monitoring_core.domain.settings import Limits
from monitoring_core.errors import EventError, quote

TALKING = frozenset({LegState.CONNECTED, LegState.HELD})
LINE_ORDER = (LegState.CONNECTED, LegState.HELD, LegState.WAITING, LegState.ALERTING, LegState.INITIATED)


class What(StrEnum):
    """The kinds of change that may matter to a session."""

    LEFT = "left"
    OVER = "over"
    HOLD = "hold"
    JOINED = "joined"
    TOLD = "told"
    MEMBER = "member"
    FOLLOWED = "followed"
    PERSON = "person"
    SIGNED_OUT = "signed_out"


class Change(Struct, frozen=True, gc=False):
    """Something that the floor learned: `LEFT`, `JOINED` and `HOLD` name call and address, `OVER`, `TOLD` (more is
    known of it) and `FOLLOWED` a call (`other`: the surviving one), `PERSON` and `SIGNED_OUT` an address (`other`: the
    person), `MEMBER` a person (`other`) whose teams or roles are others now.
    """

    what: What
    call: str = ""
    address: str = ""
    reason: Reason | None = None
    other: str = ""


@attrs.define(eq=False)
class Person:
    """One person; `None` is not known. `extensions` are those he is signed in on."""

    id: str
    name: str | None = None
    roles: frozenset[str] | None = None
    teams: frozenset[str] | None = None
    supervises: frozenset[str] | None = None
    state: str | None = None
    extensions: dict[str, None] = attrs.field(factory=dict)
    facts: dict[str, Value] = attrs.field(factory=dict)
    changed_at: float | None = None


@attrs.define(eq=False)
class Phone:
    """One phone; `None` is not known."""

    extension: str
    supports_monitoring: bool | None = None
    configured: bool | None = None
    security: int | None = None
    facts: dict[str, Value] = attrs.field(factory=dict)
    changed_at: float | None = None


@attrs.define(eq=False, weakref_slot=False)
class Leg:
    """One participant's connection to a call; cleared is final."""

    address: str
    state: LegState
    changed_at: float | None = None
    facts: dict[str, Value] | None = None


@attrs.define(eq=False, weakref_slot=False)
class Call:
    """One conversation. `seen_at`: site time of its last mention. `owed`: a monitor call whose session is over
    and whose end the switch still owes us: it is nobody's call any more, but it may be what a late stop means.
    """

    id: str
    legs: dict[str, Leg] = attrs.field(factory=dict)
    type: str | None = None
    monitor: MonitorOf | None = None
    facts: dict[str, Value] | None = None
    seen_at: float | None = None
    changed_at: float | None = None
    owed: bool = False
    asked_at: float | None = None

    def live(self) -> list[Leg]:
        """The legs that have not been cleared."""
        return [leg for leg in self.legs.values() if leg.state is not LegState.CLEARED]

    def talking(self) -> list[Leg]:
        """The legs that are connected or held."""
        return [leg for leg in self.legs.values() if leg.state in TALKING]

    def is_listened_on_by(self, address: str) -> bool:
        """Whether this is a monitor call on which `address` is not the monitored party."""
        return self.monitor is not None and self.monitor.to_address != address


def check_room(limits: Limits, limit: str, known: Collection[str], names: Iterable[str | None]) -> None:
    """Raises EventError where those of `names` that are not `known` would be more than the `limit` of that name allows.

    None is no name. Where more is known already, by another limit, nothing new may come.
    """
    room = max(0, getattr(limits, limit) - len(known))
    new = [name for name in names if name is not None and name not in known]
    if len(new) > room:
        raise EventError(
            what=f"there is no room for more: {limit} is {getattr(limits, limit)}",
            where=quote(new[room]),
            fix=f"raise {limit} under [bounds] of lifecycle.toml, if the site is really that large",
        )


def older(at: float | None, than: float | None) -> bool:
    """Whether something of time `at` is known to be older than what is known (seconds)."""
    return at is not None and than is not None and at < than


def latest(one: float | None, other: float | None) -> float | None:
    """The later of two times, either of which may be missing."""
    if one is None or other is None:
        return one if other is None else other
    return max(one, other)
