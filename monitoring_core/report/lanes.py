"""Shell: owns the swim lanes: in which state each party of a call was from when until when, and when the switch fell
silent.

Refuses to draw; who is a party, and in which state, is what the floor knows after each step.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

import attrs
from msgspec import Struct

from monitoring_core.domain import events as e
from monitoring_core.domain.events import Event, LegState
from monitoring_core.domain.outcomes import NoticeKind, Reason, Step
from monitoring_core.engine import Engine
from monitoring_core.replay import Row

SILENCES_MAX = 10_000

NOT_THE_SWITCH: frozenset[type[Event]] = frozenset(
    {
        e.MonitorRequested,
        e.StopRequested,
        e.ModeRequested,
        e.DutyDone,
        e.CommandOutcome,
        e.TimePassed,
        e.RulesChanged,
        e.JournalHead,
    }
)
"""What others tell: while only this comes, the switch is silent."""

Span = tuple[float | None, float | None, str]
"""From when until when (site time, seconds; None: not known, or it goes on), and the state or mode."""


class Lane(Struct, frozen=True):
    """One party of a session: `role` is supervisor, agent, customer or colleague."""

    role: str
    address: str
    person: str
    spans: tuple[Span, ...]


@attrs.define(eq=False)
class Trail:
    """What was told of one call: the states of each of its parties, in order, and who was signed in there.

    `waiting`: sessions that are final, but whose call goes on.
    """

    spans: dict[str, list[Span]] = attrs.field(factory=dict)
    people: dict[str, str] = attrs.field(factory=dict)
    is_over: bool = False
    waiting: list[str] = attrs.field(factory=list)

    def tell(self, address: str, state: str, at: float | None) -> None:
        """A party is in `state` since `at`; what is known already changes nothing."""
        spans = self.spans.setdefault(address, [])
        if spans and spans[-1][1] is None:
            since, _, before = spans[-1]
            if before == state:
                return
            spans[-1] = (since, at, before)
        if state != LegState.CLEARED:
            spans.append((at, None, state))

    def close(self, at: float | None) -> None:
        """The call is over, or became another."""
        self.is_over = True
        for address in self.spans:
            self.tell(address, LegState.CLEARED, at)


@attrs.define(eq=False)
class Trails:
    """The trails of all calls that are up."""

    engine: Engine
    live: dict[str, Trail] = attrs.field(factory=dict)

    def note(self, event: Event, step: Step) -> list[Trail]:
        """Look again at the calls that `event`, which the engine has just stepped, speaks of; those that are over."""
        is_skewed = any(notice.kind == NoticeKind.CLOCK_SKEW for notice in step.notices)
        at = self.engine.now if event.at is None or is_skewed else event.at
        over = []
        for call in self._named(event, step):
            known = self.engine.floor.calls.by_id.get(call)
            if known is not None:
                trail = self.live.setdefault(call, Trail())
                for leg in known.legs.values():
                    if leg.address not in trail.people:
                        person = self.engine.floor.people.on(leg.address)
                        trail.people[leg.address] = "" if person is None else person.id
                    trail.tell(leg.address, leg.state.value, at)
            elif (gone := self.live.pop(call, None)) is not None:
                gone.close(at)
                over.append(gone)
        return over

    def _named(self, event: Event, step: Step) -> Iterable[str]:
        has_expired = any(move.reason is Reason.LEASE_EXPIRED for move in step.moves)
        if has_expired or isinstance(event, e.Snapshot | e.SwitchRestarted):
            return list(self.engine.floor.calls.by_id | self.live)
        view = getattr(event, "view", None)
        names = (getattr(event, "call", None), getattr(event, "into", None), view.call if view else None)
        return [name for name in names if name]


def lanes(row: Row, trails: Iterable[Trail]) -> Iterator[Lane]:
    """Who asked and who listened, then whoever was listened to, then everybody else on these calls."""
    listening: dict[tuple[str, str], list[Span]] = {}
    agents = {row.agent_extension: row.agent}
    for one in row.listeners:
        listening.setdefault((one.extension, one.supervisor), []).append((one.from_, one.until, one.mode))
        agents[one.agent_extension] = one.agent
    for (address, person), spans in (listening or {(row.extension, row.supervisor): []}).items():
        yield Lane("supervisor", address, person, tuple(spans))
    parties: dict[str, list[Span]] = {address: [] for address in agents}
    people: dict[str, str] = {}
    for trail in trails:
        people |= trail.people
        for address, told in trail.spans.items():
            parties.setdefault(address, []).extend(told)
    for address, told in parties.items():
        person = agents.get(address, people.get(address, ""))
        role = "agent" if address in agents else "colleague" if person else "customer"
        yield Lane(role, address, person, tuple(told))


@attrs.define
class Silences:
    """When (site time) the switch told nothing for `gap_s` seconds or longer; the first SILENCES_MAX of them."""

    gap_s: float
    spans: list[tuple[float, float]] = attrs.field(factory=list)
    first: float | None = None
    last: float | None = None
    _heard: float | None = None

    def note(self, event: Event, now: float | None) -> None:
        """Something was told, by the switch or by somebody else."""
        if now is None:
            return
        self.first = now if self.first is None else self.first
        self.last = now
        if type(event) in NOT_THE_SWITCH:
            return
        if self._heard is not None and now - self._heard >= self.gap_s and len(self.spans) < SILENCES_MAX:
            self.spans.append((self._heard, now))
        self._heard = now

    def meet(self, row: Row) -> bool:
        """Whether the session was alive in one of them."""
        began = row.active_at if row.requested_at is None else row.requested_at
        if began is None:
            return False
        following = bisect_right(self.spans, began, key=lambda span: span[1])
        return following < len(self.spans) and (row.ended_at is None or self.spans[following][0] < row.ended_at)
