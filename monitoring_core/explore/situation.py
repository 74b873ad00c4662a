"""Shell: owns when two engines are in the same situation: all that what they do next can depend on, by any names.

Refuses to step them. Histories, ids that were given by position, and times that nothing is compared with are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import permutations, product
from operator import attrgetter
from typing import Any

import msgspec

from monitoring_core.domain.outcomes import NEVER_SENT, Certainty, State
from monitoring_core.engine import Engine
from monitoring_core.engine.clock import Deadline, Due
from monitoring_core.explore.world import INTERCHANGEABLE
from monitoring_core.properties import Watch
from monitoring_core.session import Session

STALE_S = 0.5
"""By how much a stale snapshot is older than the moment at which it comes; time passes by `MOMENT_S` at least."""
MOMENT_S = 1.0
DIGEST_BYTES = 16

Part = tuple[Any, ...]
"""What matters of one thing: nested tuples, whose first value says of what kind of thing."""

_encode = msgspec.json.Encoder(order="sorted").encode
_watched = attrgetter("_states", "_started", "_promises.stops", "_promises.waits")
"""What a watch remembers is private to it, and is part of the situation: a promise that the engine has forgotten
already is broken only later.
"""
_person = attrgetter("id", "state", "roles", "teams", "supervises")
_phone = attrgetter("extension", "supports_monitoring", "configured", "security")
_session = attrgetter(
    *("origin", "from_address", "to_address", "supervisor", "agent", "user", "mode", "state", "call", "candidates"),
    *("monitor_call", "grounds.word", "stop_wanted"),
)
_course = attrgetter("pauses.is_on", "wanted", "duties", "is_forbidden", "followed")


_LEASES = frozenset({Due.SESSION_LEASE, Due.SESSION_EXPIRY, Due.CALL_LEASE, Due.CALL_EXPIRY})


def next_due(engine: Engine) -> Deadline | None:
    """What falls due next that may change anything."""
    return min((one for one in engine.inner.clock.deadlines if matters(engine, one)), default=None)


def is_lease(deadline: Deadline) -> bool:
    """Whether it is for a session or call of which nothing was heard for long; the rest are for words of the switch."""
    return deadline.kind in _LEASES


def matters(engine: Engine, deadline: Deadline) -> bool:
    """Whether it may change anything, when it falls due with things as they are."""
    kind = deadline.kind
    if kind in (Due.CALL_LEASE, Due.CALL_EXPIRY):
        return deadline.subject in engine.floor.calls.by_id
    session = engine.sessions.find_alive(deadline.subject)
    if session is None:
        return False
    if kind is Due.CONFIRM:
        return session.state is State.REQUESTED and session.went.confirm_until in (None, deadline.due)
    if kind is Due.MODE:
        return session.went.wanted is not None and session.went.mode_until == deadline.due
    return True


def parts(engine: Engine, watch: Watch, silence_s: float | None = None) -> list[Part]:
    """All that matters, one part for each thing, by the names that things have now.

    `silence_s`: if only that much time can still pass, in small steps, and nothing stale can come: then leases that run
    out later do not matter, nor when things were last heard of. Without it all times do.
    """
    return _Reader(engine, watch, silence_s).parts()


class _Reader:
    """Reads one engine, with the watch beside it."""

    def __init__(self, engine: Engine, watch: Watch, silence_s: float | None) -> None:
        self.engine = engine
        self.watch = watch
        self.now = now = engine.now or 0.0
        self.alive = engine.sessions.alive()
        self.numbers = {session.id: number for number, session in enumerate(self.alive)}
        self.is_fresh_or_stale = silence_s is None
        self.has_leases = silence_s is None or self._lease_runs_out(now + silence_s, silence_s)

    def _lease_runs_out(self, until: float, silence_s: float) -> bool:
        settings = self.engine.inner.settings
        if min(settings.session_lease_s, settings.call_lease_s, settings.limits.late_window_s) <= silence_s:
            return True
        return any(one.due <= until and one.kind in _LEASES for one in self.engine.inner.clock.deadlines)

    def parts(self) -> list[Part]:
        """Everything."""
        return [
            *self._people(),
            *self._calls(),
            *self._gone(),
            *(self._of_session(session, number) for number, session in enumerate(self.alive)),
            *self._finals(),
            *self._deadlines(),
            *self._watch(),
            *self._standing(),
            *self._orders(),
        ]

    def _age(self, at: float | None) -> float | None:
        """How long ago, exactly: leases count from there."""
        return None if at is None or not self.has_leases else at - self.now

    def _left(self, at: float | None) -> float | None:
        """How much time is left."""
        return None if at is None else at - self.now

    def _freshness(self, at: float | None) -> int | None:
        """The same of what is only ever compared with now, and with the moment of a stale picture."""
        if at is None or not self.is_fresh_or_stale:
            return None
        return 2 if at >= self.now else 1 if at >= self.now - STALE_S else 0

    def _people(self) -> Iterator[Part]:
        people = self.engine.floor.people
        fresh = self._freshness
        for person in people.persons.values():
            facts = _facts(person.facts)
            yield ("person", _person(person), facts, tuple(person.extensions), fresh(person.changed_at))
        for phone in people.phones.values():
            yield ("phone", _phone(phone), _facts(phone.facts), fresh(phone.changed_at))
        for extension, at in people.seats.items():
            yield ("seat", extension, people.signed_in_on.get(extension), extension in people.left, fresh(at))
        yield ("everybody", people.all_are_known)

    def _calls(self) -> Iterator[Part]:
        calls, fresh = self.engine.floor.calls, self._freshness
        for call in calls.by_id.values():
            legs = [(leg.address, leg.state, _facts(leg.facts), fresh(leg.changed_at)) for leg in call.legs.values()]
            times = (fresh(call.changed_at), self._age(call.seen_at), self._age(call.asked_at))
            yield ("call", call.id, tuple(legs), call.type, call.monitor, _facts(call.facts), call.owed, times)
        yield from self._older()
        for address, mine in calls.by_address.items():
            if len(mine) > 1:
                yield ("latest of", address, tuple([call.id for call in mine]))

    def _older(self) -> Iterator[Part]:
        """Which calls came up before a monitor call: when both go at once the older goes first, and is the reason.

        That may be any call, as the one that is listened to may become any other.
        """
        older: list[str] = []
        for call in self.engine.floor.calls.by_id.values():
            if call.monitor is None:
                older.append(call.id)
            elif not call.owed:
                yield from (("older", one, call.id) for one in older)

    def _gone(self) -> Iterator[Part]:
        for generation in self.engine.floor.calls.gone.generations:
            for name, gone in generation.items():
                yield ("gone", name, gone.survivor, self._freshness(gone.at))
        for ends in self.engine.inner.early_ends.generations:
            for name, reason in ends.items():
                yield ("early end", name, reason)

    def _of_session(self, session: Session, number: int) -> Part:
        went = session.went
        since = went.since if went.past else session.active_at
        return (
            *("session", number, _session(session), _course(went), bool(went.past), _facts(went.given)),
            *(bool(session.start_command), bool(session.stop_command), bool(went.mode_command)),
            tuple([one.extension for one in went.joined if one.until is None]),
            *(self._age(session.lease_from), self._age(session.asked_at)),
            *(self._left(went.mode_until), self._left(went.confirm_until)),
            since is None or since >= self.now,
            self._freshness(since),
            tuple([call for call in self.engine.floor.calls.by_id if call in session.candidates]),
            self._place(went.standing),
        )

    def _place(self, standing: str) -> int | None:
        """Which of the standing requests; -1 for one that stands no more."""
        names = list(self.engine.standing)
        return None if not standing else names.index(standing) if standing in names else -1

    def _finals(self) -> Iterator[Part]:
        """What is over matters if its monitor call may come late, or come back; by pair, in the order of the ends."""
        for pair, finals in self.engine.sessions.finals_of_pair.items():
            kept = [self._of_final(one) for one in finals if one.monitor_call or one.start_command]
            if kept:
                yield ("final", pair, tuple(kept))

    def _of_final(self, session: Session) -> Part:
        never_began = session.state is State.REJECTED or session.reason in NEVER_SENT
        given_up = session.end_certainty is Certainty.ASSUMED
        is_awaited = bool(session.start_command) and not session.went.followed and never_began
        return (session.monitor_call, is_awaited, given_up, session.stop_wanted, self._age(session.heard_at))

    def _deadlines(self) -> Iterator[Part]:
        """Those of calls also while their call is gone: it may come back."""
        for deadline in self.engine.inner.clock.deadlines:
            kind, of_call = deadline.kind, deadline.kind in (Due.CALL_LEASE, Due.CALL_EXPIRY)
            if (self.has_leases or kind not in _LEASES) and (of_call or matters(self.engine, deadline)):
                subject = deadline.subject if of_call else self.numbers[deadline.subject]
                yield ("due", self._left(deadline.due), kind, subject)

    def _watch(self) -> Iterator[Part]:
        states, started, stops, waits = _watched(self.watch)
        for name, number in self.numbers.items():
            yield ("watch", number, states.get(name), name in started, name in stops, self._left(waits.get(name)))

    def _standing(self) -> Iterator[Part]:
        for number, standing in enumerate(self.engine.standing.values()):
            asked = standing.asked
            yield ("standing", number, asked.from_address, asked.to_address, asked.user, asked.mode, standing.once)

    def _orders(self) -> Iterator[Part]:
        """The order in which sessions are filed, where it is not that in which they were opened."""
        for party, filed in self.engine.sessions.by_party.items():
            if len(filed) > 1:
                places = tuple([self.numbers[session.id] for session in filed])
                if places != tuple(sorted(places)):
                    yield ("filed", party.removeprefix("@"), places)


def _facts(facts: Mapping[str, Any] | None) -> Part:
    return tuple(sorted(facts.items())) if facts else ()


# By any names

_CODES = {
    name: bytes([1 + number])
    for number, name in enumerate(name for kind in INTERCHANGEABLE for thing in kind for name in thing)
}
"""A byte for each name that JSON never has in it, so that names are traded by a table of bytes."""
_NAME = re.compile(b'"(' + b"|".join(name.encode() for name in _CODES) + b')"')
_BY_TEXT = {name.encode(): code for name, code in _CODES.items()}


def _tables() -> Iterator[bytes]:
    """Every way in which things of each kind can trade their names, as tables of bytes."""
    for order in product(*(permutations(kind) for kind in INTERCHANGEABLE)):
        traded = [name for kind in order for thing in kind for name in thing]
        yield bytes.maketrans(b"".join(_CODES.values()), b"".join(_CODES[name] for name in traded))


_TABLES = tuple(_tables())
_LANE_BYTES = DIGEST_BYTES
_HASH_BYTES = DIGEST_BYTES - 2
_LANES_BYTES = _LANE_BYTES * len(_TABLES)
_KNOWN: dict[Part, int] = {}
"""Of each part that was ever seen, its hashes by all names, one a lane of one number; a lane has room for sums."""


def digest(known: Iterable[Part]) -> bytes:
    """The same for all situations that differ in names only.

    By each way to trade names the hashes of all parts are added up, as their order does not matter; the least sum
    counts.
    """
    total = 0
    for part in known:
        lanes = _KNOWN.get(part)
        total += _learn(part) if lanes is None else lanes
    lanes_bytes = total.to_bytes(_LANES_BYTES, "big")
    return min([lanes_bytes[start : start + _LANE_BYTES] for start in range(0, _LANES_BYTES, _LANE_BYTES)])


def _learn(part: Part) -> int:
    coded = _NAME.sub(lambda found: _BY_TEXT[found[1]], _encode(part))
    hashes = [blake2b(coded.translate(table), digest_size=_HASH_BYTES).digest() for table in _TABLES]
    _KNOWN[part] = lanes = int.from_bytes(b"".join(one.rjust(_LANE_BYTES, b"\0") for one in hashes), "big")
    return lanes
