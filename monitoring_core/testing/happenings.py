"""Shell: owns what a story is made of: the people, and one happening after the other as a switch could show it.

Refuses to know which happening may follow which (`switch` does) and how any system writes it down.
"""

from __future__ import annotations

from msgspec import Struct

from monitoring_core.domain.events import Event, LegState, MonitorOf, Participant, PhoneChanged, SignedIn


class Seat(Struct, frozen=True):
    """A person with a phone of his own; `supervises` makes him a supervisor."""

    person: str
    extension: str
    teams: tuple[str, ...]
    supervises: tuple[str, ...] = ()

    @property
    def roles(self) -> tuple[str, ...]:
        """As Finesse lists them: every supervisor is an agent, too."""
        return ("Agent", "Supervisor") if self.supervises else ("Agent",)

    @property
    def first_state(self) -> str:
        """In which he sits down."""
        return "NOT_READY" if self.supervises else "READY"

    def signed_in(self) -> SignedIn:
        """All that is known of him when he sits down."""
        return SignedIn(
            person=self.person,
            extension=self.extension,
            roles=self.roles,
            teams=self.teams,
            supervises=self.supervises or None,
            state=self.first_state,
        )


class Dialog(Struct, frozen=True):
    """A call as it stands after a happening, with everybody who ever was on it.

    `formerly`: the call that has just become part of this one. `into`: the call that this one has become part of.
    """

    call: str
    from_address: str
    to_address: str
    participants: tuple[Participant, ...]
    formerly: str = ""
    into: str = ""
    monitor: MonitorOf | None = None

    @property
    def live(self) -> tuple[Participant, ...]:
        """Who is still on it."""
        return tuple(one for one in self.participants if one.state is not LegState.CLEARED)


class Happening(Struct, frozen=True):
    """One thing that a switch shows at `at` (seconds).

    `events`: as we would tell it ourselves. `dialogs`: the calls it touched, for systems that show how things stand.
    `seat` and `state`: whom it is about and his state since, if it is about a person.
    """

    at: float
    events: tuple[Event, ...]
    dialogs: tuple[Dialog, ...] = ()
    seat: Seat | None = None
    state: str = ""


class Told(Struct, frozen=True):
    """One record as the named source (one of `sources.SOURCES`) reads it, and the number of its happening."""

    happening: int
    source: str
    record: bytes


SUPERVISORS = (
    Seat("sue", "5004", ("sales",), ("sales",)),
    Seat("sam", "5005", ("service",), ("sales", "service")),
)
AGENTS = (
    Seat("bob", "5025", ("sales",)),
    Seat("eve", "5026", ("sales",)),
    Seat("kim", "5027", ("service",)),
)
SEATS = (*SUPERVISORS, *AGENTS)
CUSTOMERS = ("0170", "0171", "0172")


def floor(at: float) -> tuple[Happening, ...]:
    """Everybody sits down at a phone that can be monitored."""
    phones = [PhoneChanged(extension=seat.extension, supports_monitoring=True, configured=True) for seat in SEATS]
    people = [Happening(at, (seat.signed_in(),), seat=seat, state=seat.first_state) for seat in SEATS]
    return (*(Happening(at, (phone,)) for phone in phones), *people)
