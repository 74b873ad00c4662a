"""Shell: owns moments: how the command line writes them, and what a site looked like at one, as text or as JSON.

Refuses to look ahead: what came later in the log is not read, and of what falls due only what was due by then is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from math import isfinite

import msgspec
from msgspec import Struct

from monitoring_core.cli import show
from monitoring_core.domain.events import CallView, Event, Log, Participant, PersonView, PhoneView, Snapshot, TimePassed
from monitoring_core.engine import Engine
from monitoring_core.errors import UsageError, quote
from monitoring_core.floor.entities import Person, Phone
from monitoring_core.replay import Row, row

AFTER = "#"
"""How a moment begins that is told by the number of the event after which it is."""


class Picture(Struct, frozen=True):
    """A site after `position` events. `now`: site time, seconds; `floor`: as a snapshot of everything would show it."""

    site: str
    position: int
    now: float | None
    floor: Snapshot
    sessions: tuple[Row, ...]
    standing: tuple[str, ...]


def moment(text: str) -> float:
    """Seconds since 1970, from seconds, ISO 8601 with its offset, or a date (midnight, UTC). Raises UsageError."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = _iso(text)
    if not isfinite(seconds):
        raise _no_time(text)
    return seconds


def _iso(text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise _no_time(text) from None
    if found.tzinfo is None:
        if any(mark in text for mark in "T: "):
            raise UsageError("this time does not say where", quote(text), f"add its offset: {quote(text)}+01:00, or Z")
        found = found.replace(tzinfo=UTC)
    return found.timestamp()


def _no_time(text: str) -> UsageError:
    return UsageError("this is no time", quote(text), "write 2026-01-31, 2026-01-31T08:00:00Z, or seconds since 1970")


def wind(engine: Engine, events: Iterable[Event], at: str) -> int:
    """Step `engine` to the moment `at`, as `moment` reads it, or #12: after the twelfth event. How many events that
    were; time that passed without any is no event.
    """
    if at.startswith(AFTER):
        _wind_to_event(engine, events, at)
        return engine.position
    until = moment(at)
    for event in _said(events):
        heard = engine.inner.clock.read(event)
        if heard is not None and heard > until:
            break
        engine.step(event)
    number = engine.position
    if engine.now is not None and engine.now < until:
        engine.step(TimePassed(at=until, received_at=until))
    return number


def _wind_to_event(engine: Engine, events: Iterable[Event], at: str) -> None:
    number = at.removeprefix(AFTER)
    if not number.isdecimal():
        raise UsageError("this is no event's number", quote(at), "write #12 for what was after the twelfth event")
    for event in _said(events):
        if engine.position == int(number):
            return
        engine.step(event)
    if engine.position < int(number):
        what, fix = "the log has no such event", f"it has {engine.position}; name one of them"
        raise UsageError(what, quote(at), fix)


def _said(events: Iterable[Event]) -> Iterator[Event]:
    return (event for event in events if not isinstance(event, Log))


def picture(engine: Engine, position: int) -> Picture:
    """What is known now, after `position` events of the log."""
    floor, alive = engine.floor, engine.sessions.alive()
    seen = Snapshot(
        covers=("people", "phones", "calls"),
        as_of=engine.now,
        people=tuple(_person(one) for one in floor.people.persons.values()),
        phones=tuple(_phone(one) for one in floor.people.phones.values()),
        calls=tuple(
            CallView(
                call=call.id,
                participants=tuple(Participant(leg.address, leg.state) for leg in call.legs.values()),
                type=call.type,
                monitor=call.monitor,
            )
            for call in floor.calls.by_id.values()
        ),
    )
    return Picture(engine.site, position, engine.now, seen, tuple(map(row, alive)), tuple(engine.standing))


def _person(one: Person) -> PersonView:
    def known(texts: frozenset[str] | None) -> tuple[str, ...] | None:
        return None if texts is None else tuple(sorted(texts))

    return PersonView(
        person=one.id,
        extensions=tuple(one.extensions),
        name=one.name,
        roles=known(one.roles),
        teams=known(one.teams),
        supervises=known(one.supervises),
        state=one.state,
    )


def _phone(one: Phone) -> PhoneView:
    return PhoneView(one.extension, one.supports_monitoring, one.configured, one.security)


def as_json(seen: Picture) -> bytes:
    """One object."""
    return msgspec.json.encode(seen)


def as_text(seen: Picture) -> Iterator[str]:
    """People who are signed in, calls with whoever is on them, sessions alive."""
    at = "" if seen.now is None else f", {seen.now:.2f} s"
    yield f"site {seen.site} after {seen.position} events{at}"
    people = people_lines(seen)
    yield from ("", f"{len(people)} people signed in", *people)
    yield from ("", f"{len(seen.floor.calls)} calls", *call_lines(seen))
    yield from ("", f"{len(seen.sessions)} sessions alive", *session_lines(seen))


def people_lines(seen: Picture) -> list[str]:
    """Those who are signed in, a line each."""
    lines = []
    for one in (one for one in seen.floor.people if one.extensions):
        teams = [f"in {', '.join(one.teams)}"] if one.teams else []
        teams += [f"supervises {', '.join(one.supervises)}"] if one.supervises else []
        lines.append(
            f"  {', '.join(one.extensions)}  {'; '.join([one.person, one.state or 'state not known', *teams])}"
        )
    return lines


def call_lines(seen: Picture) -> list[str]:
    """Calls with whoever is on them, a line each."""
    lines = []
    for call in seen.floor.calls:
        listens = f"monitor call of {call.monitor.from_address} on {call.monitor.to_address}: " if call.monitor else ""
        parties = ", ".join(f"{party.address} {party.state.value}" for party in call.participants)
        lines.append(f"  {call.call}  {listens}{parties}")
    return lines


def session_lines(seen: Picture) -> list[str]:
    """The table of sessions alive, and the requests that wait for calls."""
    lines = [f"  {line}" for line in show.sessions(seen.sessions)] if seen.sessions else []
    if seen.standing:
        lines.append(f"{len(seen.standing)} requests wait for calls: {', '.join(seen.standing)}")
    return lines
