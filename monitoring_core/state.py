"""Pure: owns a whole site as one plain value: `dump` gives it, `load` makes an engine that goes on from there.

Refuses to keep what follows from the rest: indexes are made again. An engine from `load` steps as the one that was
dumped would have; the value is dictionaries, lists, texts and numbers, as JSON has them.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from monitoring_core.domain.outcomes import Reason
from monitoring_core.engine import Engine
from monitoring_core.engine.clock import Clock, Deadline
from monitoring_core.errors import UsageError
from monitoring_core.floor.calls import Calls
from monitoring_core.floor.entities import Call, Person, Phone
from monitoring_core.floor.legs import Gone
from monitoring_core.floor.people import People
from monitoring_core.session import FINAL, Session, Sessions, Standing
from monitoring_core.window import Window

V = TypeVar("V")
VERSION = 3
"""Of what `dump` gives."""


def dump(engine: Engine) -> dict[str, Any]:
    """The state of `engine` between two steps."""
    site = engine.inner
    return {
        "version": VERSION,
        "position": site.position,
        "clock": _dump_clock(site.clock),
        "people": _dump_people(site.floor.people),
        "calls": _dump_calls(site.floor.calls),
        "sessions": _plain(list(site.sessions.by_id.values())),
        "finals": [session.id for session in site.sessions.finals],
        "standing": _plain(list(site.standing.values())),
        "tokens": _dump_window(site.tokens),
        "early_ends": _dump_window(site.early_ends),
        "repeats": {source: _dump_window(window) for source, window in engine.repeats.items()},
    }


def load(engine: Engine, state: dict[str, Any]) -> None:
    """Give a fresh `engine` the state that `dump` gave. Raises msgspec.ValidationError or KeyError if it is none.

    Raises UsageError for the state of another version of this program.
    """
    site = engine.inner
    version = state["version"]
    if version != VERSION:
        what = f"a snapshot of a site has version {version}; this program reads version {VERSION}"
        raise UsageError(what, "version", "open the journal with the release that wrote it")
    site.position = state["position"]
    _load_clock(site.clock, state["clock"])
    _load_people(site.floor.people, state["people"])
    _load_calls(site.floor.calls, state["calls"])
    _load_sessions(site.sessions, msgspec.convert(state["sessions"], list[Session]), state["finals"])
    for standing in msgspec.convert(state["standing"], list[Standing]):
        site.standing[standing.id] = standing
        site.standing_on.add(standing.asked.to_address, standing.id)
    _load_window(site.tokens, state["tokens"], str)
    _load_window(site.early_ends, state["early_ends"], Reason)
    for source, kept in state["repeats"].items():
        engine.repeats[source] = window = Window[bool](site.settings.limits.repeats_max)
        _load_window(window, kept, bool)


def _plain(value: object) -> Any:
    return msgspec.to_builtins(value)


def _dump_clock(clock: Clock) -> dict[str, Any]:
    return {"now": clock.now, "until": clock.until, "by_shell": clock.by_shell, "deadlines": _plain(clock.deadlines)}


def _load_clock(clock: Clock, kept: dict[str, Any]) -> None:
    clock.now, clock.until, clock.by_shell = kept["now"], kept["until"], kept["by_shell"]
    clock.heap = sorted(msgspec.convert(kept["deadlines"], list[Deadline]))


def _dump_people(people: People) -> dict[str, Any]:
    return {
        "persons": [_dump_person(person) for person in people.persons.values()],
        "phones": _plain(list(people.phones.values())),
        "signed_in_on": dict(people.signed_in_on),
        "seats": dict(people.seats),
        "left": sorted(people.left),
        "all_are_known": people.all_are_known,
    }


def _dump_person(person: Person) -> dict[str, Any]:
    """Sets have no order of their own: unsorted, one state would be written in as many ways as there are hash seeds."""
    kept: dict[str, Any] = _plain(person)
    return {key: sorted(value) if isinstance(value, list) else value for key, value in kept.items()}


def _load_people(people: People, kept: dict[str, Any]) -> None:
    people.persons = {person.id: person for person in msgspec.convert(kept["persons"], list[Person])}
    people.phones = {phone.extension: phone for phone in msgspec.convert(kept["phones"], list[Phone])}
    people.signed_in_on, people.seats, people.left = dict(kept["signed_in_on"]), dict(kept["seats"]), set(kept["left"])
    people.all_are_known = kept["all_are_known"]


def _dump_calls(calls: Calls) -> dict[str, Any]:
    """The calls of an address have an order of their own, that of their last connection."""
    return {
        "calls": _plain(list(calls.by_id.values())),
        "by_address": {address: [call.id for call in mine] for address, mine in calls.by_address.items()},
        "gone": _dump_window(calls.gone),
    }


def _load_calls(calls: Calls, kept: dict[str, Any]) -> None:
    calls.by_id = {call.id: call for call in msgspec.convert(kept["calls"], list[Call])}
    for address, mine in kept["by_address"].items():
        for call in mine:
            calls.by_address.add(address, calls.by_id[call])
    _load_window(calls.gone, kept["gone"], Gone)


def _load_sessions(sessions: Sessions, kept: list[Session], finals: list[str]) -> None:
    """Those alive in the order in which they were opened; the final ones in the order in which they became so."""
    by_id = {session.id: session for session in kept}
    for session in kept:
        if session.state not in FINAL:
            sessions.open(session)
    for session in (by_id[name] for name in finals):
        sessions.open(session)
    sessions.by_id = by_id


def _dump_window(window: Window[V]) -> list[dict[str, Any]]:
    return [{key: _plain(value) for key, value in generation.items()} for generation in window.generations]


def _load_window(window: Window[V], kept: list[dict[str, Any]], kind: type[V]) -> None:
    older, newer = (msgspec.convert(generation, dict[str, kind]) for generation in kept)  # type: ignore[valid-type]
    window.generations = (older, newer)
