"""Shell: owns the log of a day at a large site: agents, calls, requests and what came of them, from one seed.

Refuses to know the engine; it only counts what it tells, since a command is named by the position of its request.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from random import Random

import attrs
from msgspec.structs import replace

from monitoring_core.domain import events as e
from monitoring_core.domain.events import Event

TEAM_SIZE = 20
TALK_S = 240.0
"""How long people talk on average, seconds."""
OCCUPANCY = 0.6
"""Which part of the agents talks at a time."""
LATE_S_MAX = 0.2
"""How long a word takes from the switch to us, seconds."""
DOUBLED = 0.01
"""Which part of the events comes twice."""
HELD, TRANSFERRED = 0.3, 0.05
"""Which part of the calls is held for a while, or transferred."""
FOREIGN, IDLE, STOPPED = 0.2, 0.1, 0.3
"""Which part of the requests is for another team or for an agent without a call; of the sessions, is stopped."""

Then = Callable[[], None]


@attrs.define
class LargeSite:
    """One site's day of about ten events a call. The same numbers give the same `events`, which come once.

    Supervisors sit on the extensions from 1000, agents on those from 10000; a team is a supervisor and 20 agents.
    """

    agents: int = 2_000
    calls: int = 100_000
    requests: int = 20_000
    seed: int = 0
    site: str = "default"
    _random: Random = attrs.field(init=False)
    _now: float = attrs.field(default=1_800_000_000.0, init=False)
    _position: int = attrs.field(default=0, init=False)
    _number: int = attrs.field(default=0, init=False)
    _due: list[tuple[float, int, Event | Then]] = attrs.field(factory=list, init=False)
    _free: list[int] = attrs.field(init=False)
    _listening: set[int] = attrs.field(factory=set, init=False)

    def __attrs_post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311 # a log to try, no secret
        self._free = list(range(self.agents))

    def events(self) -> Iterator[Event]:
        """The day, in the order in which we hear of it."""
        yield from self._seats()
        for number in range(self.calls):
            self._now += self._random.expovariate(self.agents * OCCUPANCY / TALK_S)
            yield from self._until(self._now)
            if self._free:
                self._call(f"c{number}", is_asked_for=self._random.random() < self.requests / self.calls)
        yield from self._until(float("inf"))

    # Time

    def _at(self, moment: float, what: Event | Then) -> None:
        self._number += 1
        heapq.heappush(self._due, (moment, self._number, what))

    def _tell(self, event: Event, at: float) -> None:
        heard = at + self._random.random() * LATE_S_MAX
        said = replace(event, at=at, received_at=heard, id=f"e{self._number}", source="switch")
        self._at(heard, said)
        if self._random.random() < DOUBLED:
            self._at(heard + 1, replace(said, received_at=heard + 1))

    def _until(self, moment: float) -> Iterator[Event]:
        while self._due and self._due[0][0] <= moment:
            heard, _, what = heapq.heappop(self._due)
            if isinstance(what, Event):
                self._position += 1
                yield what
            else:
                self._now, now = heard, self._now
                what()
                self._now = now

    # People

    def _seats(self) -> Iterator[Event]:
        for agent in range(self.agents):
            team = str(agent // TEAM_SIZE)
            if agent % TEAM_SIZE == 0:
                self._tell(_signed_in(_leader(agent), f"s{team}", team, is_supervisor=True), self._now)
            self._tell(_signed_in(_phone(agent), f"a{agent}", team, is_supervisor=False), self._now)
            self._tell(e.PhoneChanged(extension=_phone(agent), supports_monitoring=True, configured=True), self._now)
        self._now += 2
        yield from self._until(self._now)

    def _take(self) -> int:
        """An agent who is free, from now on busy."""
        free = self._free
        chosen = self._random.randrange(len(free))
        free[chosen], free[-1] = free[-1], free[chosen]
        return free.pop()

    # Calls

    def _call(self, call: str, *, is_asked_for: bool) -> None:
        agent, random, start = self._take(), self._random, self._now
        phone, customer = _phone(agent), f"+1555{random.randrange(10**7):07}"
        answered = start + 1 + random.random() * 8
        end = answered + 30 + random.expovariate(1 / (TALK_S - 30))
        self._tell(e.Initiated(call=call, address=customer), start)
        self._tell(e.CallChanged(call=call, type="ACD_IN"), start)
        self._tell(e.Delivered(call=call, address=phone), start + 1)
        self._tell(e.Established(call=call, address=phone), answered)
        self._tell(e.Established(call=call, address=customer), answered)
        self._tell(e.PersonChanged(person=f"a{agent}", state="TALKING"), answered)
        if is_asked_for:
            self._at(answered + 5 + random.random() * 10, lambda: self._ask(agent, call, end))
        if random.random() < HELD:
            held = answered + (end - answered) * (0.5 + random.random() / 4)
            self._tell(e.Held(call=call, address=phone), held)
            self._tell(e.Retrieved(call=call, address=phone), min(held + 20, end - 1))
        if random.random() < TRANSFERRED and self._free:
            self._transfer(call, agent, end)
        else:
            self._hang_up(call, agent, end)

    def _transfer(self, call: str, agent: int, at: float) -> None:
        other = self._take()
        self._tell(e.Transferred(call=call, by=_phone(agent), to=_phone(other)), at)
        self._rest(agent, at)
        self._tell(e.Established(call=call, address=_phone(other)), at + 3)
        self._tell(e.PersonChanged(person=f"a{other}", state="TALKING"), at + 3)
        self._hang_up(call, other, at + 30 + self._random.expovariate(1 / TALK_S))

    def _hang_up(self, call: str, agent: int, at: float) -> None:
        self._tell(e.ConnectionCleared(call=call, address=_phone(agent)), at)
        self._tell(e.CallCleared(call=call), at + 0.1)
        self._rest(agent, at)

    def _rest(self, agent: int, at: float) -> None:
        self._tell(e.PersonChanged(person=f"a{agent}", state="READY"), at + 5)
        self._at(at + 6, lambda: self._free.append(agent))

    # Requests

    def _ask(self, agent: int, call: str, end: float) -> None:
        """Somebody asks to listen to the call; where he may, the switch connects him."""
        way, team = self._random.random(), agent // TEAM_SIZE
        may = way >= FOREIGN + IDLE and team not in self._listening
        if way < FOREIGN:
            team = (team + 1) % (self.agents // TEAM_SIZE)
        target = self._free[-1] if FOREIGN <= way < FOREIGN + IDLE and self._free else agent
        may = may and target == agent
        extension, token = _leader(team * TEAM_SIZE), f"t{self._number}"
        asked = e.MonitorRequested(from_address=extension, to_address=_phone(target), user=f"s{team}", token=token)
        self._at(self._now, replace(asked, at=self._now, received_at=self._now))
        if may:
            self._at(self._now, lambda: self._listen(team, agent, call, end))

    def _listen(self, team: int, agent: int, call: str, end: float) -> None:
        """The request has just been told: its position names the start."""
        asked, monitor, extension = self._position, f"m{self._position}", _leader(team * TEAM_SIZE)
        until, is_stopped = end + 0.2, self._random.random() < STOPPED
        if is_stopped:
            until = self._now + (end - self._now) * self._random.random()
        self._listening.add(team)
        sent = e.CommandOutcome(command=f"{self.site}-{asked}/{asked}/0", outcome="sent")
        self._at(self._now + 0.01, replace(sent, at=self._now + 0.01, received_at=self._now + 0.01))
        started = e.MonitorStarted(monitor_call=monitor, call=call, from_address=extension, to_address=_phone(agent))
        self._tell(started, self._now + 0.5)
        if is_stopped:
            asked_at = max(until, self._now + 1)
            stop = e.StopRequested(monitor_call=monitor, from_address=extension)
            self._at(asked_at, replace(stop, at=asked_at, received_at=asked_at))
        self._tell(e.MonitorEnded(monitor_call=monitor), max(until, self._now + 1) + 0.3)
        self._at(max(until, self._now + 1) + 2, lambda: self._listening.discard(team))


def _phone(agent: int) -> str:
    return str(10_000 + agent)


def _leader(agent: int) -> str:
    return str(1_000 + agent // TEAM_SIZE)


def _signed_in(extension: str, person: str, team: str, *, is_supervisor: bool) -> e.SignedIn:
    return e.SignedIn(
        person=person,
        extension=extension,
        roles=("Agent", "Supervisor") if is_supervisor else ("Agent",),
        teams=(team,),
        supervises=(team,) if is_supervisor else None,
        state="NOT_READY" if is_supervisor else "READY",
    )
