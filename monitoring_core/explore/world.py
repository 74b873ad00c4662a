"""Shell: owns the small world that is searched: who is there, which names there are, and which are interchangeable.

Refuses to know what happens in it (`alphabet`) and how it is searched; it opens no files.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
from msgspec.structs import replace

from monitoring_core.domain.events import Established, Event, PhoneChanged, SignedIn

SITE = "story"
"""The engine's site is named as a story's is, so that a path found here has the very ids of its story."""
TEAM, OTHER_TEAM = "sales", "service"


@attrs.frozen
class Seat:
    """A person and the extension of his phone."""

    person: str
    extension: str
    is_supervisor: bool = False

    def signed_in(self) -> SignedIn:
        """All that is known of him when he sits down."""
        return SignedIn(
            person=self.person,
            extension=self.extension,
            roles=("Agent", "Supervisor") if self.is_supervisor else ("Agent",),
            teams=(TEAM,),
            supervises=(TEAM,) if self.is_supervisor else None,
            state="NOT_READY" if self.is_supervisor else "READY",
        )


SUPERVISORS = (Seat("sam", "5004", is_supervisor=True), Seat("sue", "5005", is_supervisor=True))
AGENTS = (Seat("bob", "5025"), Seat("eve", "5026"))
SEATS = (*SUPERVISORS, *AGENTS)
CALLS = ("c1", "c2", "c3")
CUSTOMERS = {"c1": "0171", "c2": "0172", "c3": "0173"}
"""Who is called, or calls, on each call; nobody else outside ever talks on it."""
MONITOR_CALLS = ("m1", "m2")

INTERCHANGEABLE: tuple[tuple[tuple[str, ...], ...], ...] = (
    tuple((seat.person, seat.extension) for seat in SUPERVISORS),
    tuple((seat.person, seat.extension) for seat in AGENTS),
    tuple((call, CUSTOMERS[call]) for call in CALLS),
    tuple((monitor_call,) for monitor_call in MONITOR_CALLS),
)
"""Kinds of things, each thing with all of its names: two things of a kind may trade all of their names at once."""


def beginning() -> Iterator[Event]:
    """Everybody sits down, and one agent talks to a customer; all at 0 s."""
    events: list[Event] = [
        PhoneChanged(extension=s.extension, supports_monitoring=True, configured=True) for s in AGENTS
    ]
    events += [seat.signed_in() for seat in SEATS]
    call, agent = CALLS[0], AGENTS[0].extension
    events += [Established(call=call, address=address) for address in (CUSTOMERS[call], agent)]
    return (replace(event, at=0.0, received_at=0.0) for event in events)
