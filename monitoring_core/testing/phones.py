"""Shell: owns how the phones of a site stand: calls, who listens to whom, who is signed in, and all that was shown.

Refuses to know what people do with them. It is smaller than the world: a phone has at most two calls and one of them
connected, two people are on one call together, nobody comes back to a call that he has left, who listens does nothing
else, an agent has one listener.
"""

from __future__ import annotations

import attrs

from monitoring_core.domain.events import Event, LegState, MonitorOf, Participant
from monitoring_core.testing.happenings import CUSTOMERS, SEATS, Dialog, Happening, Seat, floor

INITIATED, ALERTING, CONNECTED, HELD, WAITING, CLEARED = LegState
CALLS_PER_PHONE_MAX = 2
REQUEST_WAITS_S = 15
"""After so long no request waits for its monitor call any more."""


@attrs.define(eq=False)
class Line:
    """A call. `legs` holds everybody who ever was on it, in the order in which they came."""

    id: str
    number: int
    caller: str
    called: str
    legs: dict[str, LegState]
    formerly: str = ""
    into: str = ""

    def live(self) -> list[str]:
        """Who is on it."""
        return [address for address, state in self.legs.items() if state is not CLEARED]

    def others(self, address: str) -> list[LegState]:
        """How the others on it are."""
        return [self.legs[other] for other in self.live() if other != address]

    def dialog(self) -> Dialog:
        """How it stands."""
        participants = tuple(Participant(*leg) for leg in self.legs.items())
        return Dialog(self.id, self.caller, self.called, participants, self.formerly, self.into)


@attrs.define(eq=False)
class Listening:
    """A monitor call: who listens to whom on which call."""

    id: str
    supervisor: str
    agent: str
    line: Line

    def dialog(self, state: LegState) -> Dialog:
        """How it stands; both are in that state."""
        who = (self.supervisor, self.agent)
        return Dialog(self.id, *who, tuple(Participant(one, state) for one in who), monitor=MonitorOf(*who))


@attrs.define(eq=False)
class Phones:
    """The phones at `now` (seconds). `story` holds all that was shown so far, the floor first.

    `lines` are the calls that are up; `listening` the monitor calls by the supervisor's address; `signed_in` states
    by address; `asked` who has asked to listen to whom, and when.
    """

    now: float = 1000.0
    story: list[Happening] = attrs.field(factory=list)
    lines: dict[str, Line] = attrs.field(factory=dict)
    listening: dict[str, Listening] = attrs.field(factory=dict)
    signed_in: dict[str, str] = attrs.field(factory=dict)
    asked: list[tuple[float, str, str]] = attrs.field(factory=list)
    _named: int = 100

    def __attrs_post_init__(self) -> None:
        self.story += floor(self.now)
        self.signed_in = {seat.extension: seat.first_state for seat in SEATS}

    def on(self, address: str, *states: LegState) -> list[Line]:
        """The calls on which an address is in one of these states (any but CLEARED if none is given), oldest first."""
        wanted = states or (INITIATED, ALERTING, CONNECTED, HELD, WAITING)
        return [line for line in self.lines.values() if line.legs.get(address) in wanted]

    def has_phone(self, address: str) -> bool:
        """Whether he is there, and does not listen to somebody."""
        return address in CUSTOMERS or (address in self.signed_in and address not in self.listening)

    def is_idle(self, address: str) -> bool:
        """Whether he may dial: nothing but held calls, and room for one more."""
        lines = self.on(address)
        is_free = len(lines) < CALLS_PER_PHONE_MAX and lines == self.on(address, HELD)
        return is_free and self.has_phone(address)

    def can_be_called(self, address: str) -> bool:
        """Whether his phone would ring; a customer's rings only if he is on no call."""
        busy_with = 1 if address in CUSTOMERS else CALLS_PER_PHONE_MAX
        return self.has_phone(address) and len(self.on(address)) < busy_with

    def are_apart(self, one: str, other: str) -> bool:
        """Whether they are two, and neither was on a call that the other is on."""
        calls = (*((line, other) for line in self.on(one)), *((line, one) for line in self.on(other)))
        return one != other and not any(address in line.legs for line, address in calls)

    def waiting(self) -> list[tuple[str, str]]:
        """Who has asked to listen to whom, not long ago."""
        return [(supervisor, agent) for at, supervisor, agent in self.asked if self.now - at < REQUEST_WAITS_S]

    def open(self, caller: str, called: str) -> Line:
        """A new call."""
        name = self.name()
        line = self.lines[name] = Line(name, int(name), caller, called, {caller: INITIATED, called: ALERTING})
        return line

    def name(self) -> str:
        """The next id of a call."""
        self._named += 1
        return str(self._named)

    def show(self, *events: Event, lines: tuple[Line, ...] = (), dialog: Dialog | None = None) -> None:
        """The switch shows something, with the calls or the monitor call that it is about."""
        dialogs = tuple(line.dialog() for line in lines) if dialog is None else (dialog,)
        self.story.append(Happening(self.now, events, dialogs))

    def show_person(self, seat: Seat, event: Event, state: str) -> None:
        """The switch shows how somebody stands."""
        self.story.append(Happening(self.now, (event,), seat=seat, state=state))
