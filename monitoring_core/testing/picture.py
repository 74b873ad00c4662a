"""Shell: owns the whole picture of a site as its switch would show it: people, phones and calls at one moment.

Refuses to leave anything out that it covers: what a picture forgets is a quirk of somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from monitoring_core.domain.events import CallView, MonitorOf, Participant, PersonView, PhoneView, Snapshot
from monitoring_core.testing.happenings import Seat
from monitoring_core.testing.phones import CONNECTED, Phones

Covered = Literal["people", "phones", "calls"]


def picture(phones: Phones, seats: Iterable[Seat], covers: tuple[Covered, ...], at: float) -> Snapshot:
    """How the phones stand, and who sits there, as of `at` (seconds)."""
    there = tuple(seats)
    return Snapshot(
        covers=covers,
        as_of=at,
        people=tuple(_person(phones, seat) for seat in there) if "people" in covers else (),
        phones=tuple(_phone(seat) for seat in there) if "phones" in covers else (),
        calls=(*_lines(phones), *_listening(phones)) if "calls" in covers else (),
    )


def _person(phones: Phones, seat: Seat) -> PersonView:
    state = phones.signed_in.get(seat.extension)
    return PersonView(
        person=seat.person,
        extensions=(seat.extension,) if state else (),
        roles=seat.roles,
        teams=seat.teams,
        supervises=seat.supervises or None,
        state=state or "LOGOUT",
    )


def _phone(seat: Seat) -> PhoneView:
    return PhoneView(extension=seat.extension, supports_monitoring=True, configured=True)


def _lines(phones: Phones) -> Iterable[CallView]:
    for line in phones.lines.values():
        yield CallView(call=line.id, participants=tuple(Participant(one, line.legs[one]) for one in line.live()))


def _listening(phones: Phones) -> Iterable[CallView]:
    for one in phones.listening.values():
        listener = (Participant(one.supervisor, CONNECTED),)
        yield CallView(call=one.id, participants=listener, monitor=MonitorOf(one.supervisor, one.agent, one.line.id))
