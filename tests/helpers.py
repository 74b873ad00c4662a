"""What the tests of floor, engine, properties and replay share: rule books, a watched engine, its state as a value."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import attrs
import msgspec
from msgspec.structs import replace

from monitoring_core.domain.events import (
    Established,
    Event,
    MonitorEnded,
    MonitorRequested,
    MonitorStarted,
    PhoneChanged,
    SignedIn,
    TimePassed,
)
from monitoring_core.domain.outcomes import NOTHING, Command, Notice, State, Step
from monitoring_core.domain.settings import Limits, Settings
from monitoring_core.engine import Engine
from monitoring_core.engine.site import Site
from monitoring_core.floor.floor import Floor
from monitoring_core.multimap import Multimap
from monitoring_core.properties import Watch
from monitoring_core.rules.load import load_book
from monitoring_core.session import FINAL, Session, Sessions
from monitoring_core.window import Window

RULES = Path(__file__).parents[1] / "rules"
ANYBODY = load_book(
    {
        "anybody.toml": """
[[rule]]
id = "anybody"
effect = "permit"
because = "this site trusts everybody"

[[rule]]
id = "monitor-of-monitor"
effect = "forbid"
because = "nobody listens to a listener"
unless = [{ call.is_monitor_call = { is = false } }, { agent.line = { in = ["idle"] } }]
"""
    }
)
"""Permits all but listening to a listener, so that a test sees what is left when the other rules are out of the way."""
DEFAULT = load_book({path.name: path.read_text(encoding="utf-8") for path in RULES.glob("*.toml")})

C = TypeVar("C", bound=Command)


class Story:
    """An engine under watch: every property that can be checked after a step is checked after each."""

    def __init__(self, settings: Settings | None = None, book: Any = ANYBODY, site: str = "s") -> None:
        self.engine = Engine(book, settings or Settings(), site)
        self.watch = Watch(self.engine)
        self.steps: list[Step] = []

    def tell(self, *events: Event) -> Step:
        """The step of the last of `events`."""
        step = NOTHING
        for event in events:
            step = self.engine.step(event)
            self.steps.append(step)
            broken = self.watch.check(step, event)
            assert not broken
            consistent(self.engine)
            known = self.engine.sessions.by_id
            assert all(move.session in known for move in step.moves)
        return step

    def at(self, now: float, *events: Event) -> Step:
        """The same, with each event happening and received at `now`, where it does not say otherwise."""
        return self.tell(
            *(replace(event, at=now if event.at is None else event.at, received_at=now) for event in events)
        )

    def pass_time(self, now: float) -> Step:
        """What falls due until `now`."""
        return self.tell(TimePassed(received_at=now))

    def session(self, number: int = -1) -> Session:
        """The session opened last, or the `number`th of those still remembered."""
        return list(self.engine.sessions.by_id.values())[number]

    def command(self, kind: type[C]) -> C:
        """The one command of that kind so far."""
        (command,) = (command for step in self.steps for command in step.commands if isinstance(command, kind))
        return command

    def notices(self, kind: str) -> list[Notice]:
        """Every notice of that kind so far."""
        return [notice for step in self.steps for notice in step.notices if notice.kind == kind]


def talk(call: str = "c1", *addresses: str) -> tuple[Event, ...]:
    """Everybody of a call is connected, the first one first; by default a customer and the agent on 5025."""
    return tuple(Established(call=call, address=address) for address in addresses or ("0170", "5025"))


ASK = MonitorRequested(from_address="5004", to_address="5025", user="ann")
START = MonitorStarted(monitor_call="m1", from_address="5004", to_address="5025", call="c1")
END = MonitorEnded(monitor_call="m1", reason="supervisor_dropped")
SEATS = (
    SignedIn(person="ann", extension="5004", roles=("Agent", "Supervisor"), supervises=("sales",), state="NOT_READY"),
    SignedIn(person="bob", extension="5025", roles=("Agent",), teams=("sales",)),
    PhoneChanged(extension="5025", supports_monitoring=True, configured=True),
)
LISTENING = (*SEATS, *talk(), ASK, START)
"""Ann listens to Bob, who talks to a customer: session s-6 on monitor call m1, if nothing happened before."""


def settings(**given: Any) -> Settings:
    """Settings as given; names of Limits go there."""
    limits = {name: given.pop(name) for name in list(given) if name in attrs.fields_dict(Limits)}
    return Settings(**given, limits=Limits(**limits))


def inside(engine: Engine) -> Site:
    """The site behind the engine's face, for tests of what must hold inside."""
    return engine.inner


def consistent(engine: Engine) -> None:
    """Every index equals the one made afresh from what it indexes; whatever lives has a deadline."""
    _sessions_consistent(engine.sessions)
    _floor_consistent(engine.floor)
    clock = inside(engine).clock
    if clock.now is not None:
        armed = {deadline.subject for deadline in clock.deadlines}
        assert armed >= {session.id for session in engine.sessions.alive()}
        assert armed >= set(engine.floor.calls.by_id)
    for session in engine.sessions.alive():
        for call in session.calls:
            assert call in engine.floor.calls.by_id, f"{session.id} lives on {call}, which is gone"
        if session.monitor_call is not None:
            assert session.monitor_call in engine.floor.calls.by_id


def _sessions_consistent(sessions: Sessions) -> None:
    afresh = Sessions()
    for session in sessions.by_id.values():
        if session.state not in FINAL:
            afresh.open(session)
    assert afresh.alive() == sessions.alive()
    assert afresh.waiting.keys() == sessions.waiting.keys()
    for one, other in (
        (afresh.by_call, sessions.by_call),
        (afresh.by_party, sessions.by_party),
        (afresh.by_monitor_call, sessions.by_monitor_call),
    ):
        assert {key: set(value) for key, value in one.items()} == {key: set(value) for key, value in other.items()}
    finals = {session.id for session in sessions.finals}
    assert finals == sessions.by_id.keys() - {session.id for session in sessions.alive()}
    assert all(session.state is State.REQUESTED or session.went.wanted for session in sessions.waiting.values())


def _floor_consistent(floor: Floor) -> None:
    mine = {(leg.address, call.id) for call in floor.calls.by_id.values() if not call.owed for leg in call.live()}
    assert mine == {(address, call.id) for address, calls in floor.calls.by_address.items() for call in calls}
    assert all(calls for _, calls in floor.calls.by_address.items())
    seats = {(extension, person.id) for person in floor.people.persons.values() for extension in person.extensions}
    assert seats == set(floor.people.signed_in_on.items())
    assert not floor.calls.by_id.keys() & {call for call in floor.calls.by_id if call in floor.calls.gone}


def state_of(engine: Engine) -> bytes:
    """All that the engine knows, as bytes; two engines that know the same give the same."""
    site = inside(engine)
    known = [
        site.floor.people,
        site.floor.calls,
        list(site.sessions.by_id.values()),
        site.early_ends,
        site.clock.now,
        site.clock.deadlines,
        site.clock.by_shell,
        site.tokens,
        [session.id for session in site.sessions.finals],
    ]
    return msgspec.json.encode(_plain(known))


def _plain(value: Any) -> Any:
    if isinstance(value, Window):
        return _plain([value._new, value._old])  # noqa: SLF001
    if attrs.has(type(value)):
        names = [name for name in attrs.fields_dict(type(value)) if name != "heed"]  # that is the indexes of sessions
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, dict | Multimap):
        return [[_plain(key), _plain(inner)] for key, inner in value.items()]
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
