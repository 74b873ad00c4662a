"""Shell: owns a site for a test: a clock that stands, an engine under watch, and a floor that is told in one line each.

Refuses to know who uses it; the fixtures of `plugin` are these, and a test without pytest may make them itself.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from monitoring_core.domain.events import Established, Event, PersonChanged, PhoneChanged, SignedIn, TimePassed
from monitoring_core.domain.outcomes import Step
from monitoring_core.engine import Engine
from monitoring_core.files import Rules
from monitoring_core.properties import Watch

SITE = "test"


class FakeClock:
    """Seconds that pass when they are told to. Called, it says them, as a Monitor wants its clock."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """What the clock says now, seconds."""
        return self.now

    def advance(self, seconds: float) -> float:
        """So many seconds pass; what the clock says then."""
        self.now += seconds
        return self.now


class WatchedEngine:
    """An engine on `rules` whose every step is checked; `engine` is it. What has no time happens at the clock's."""

    def __init__(self, rules: Rules, clock: FakeClock) -> None:
        self.engine = Engine(rules.book, rules.settings, SITE)
        self.clock = clock
        self._watch = Watch(self.engine)

    def step(self, event: Event) -> Step:
        """What follows from `event`. Raises AssertionError where a property does not hold, EventError as the engine."""
        at = self.clock.now if event.at is None else event.at
        received_at = self.clock.now if event.received_at is None else event.received_at
        event = replace(event, at=at, received_at=received_at)
        step = self.engine.step(event)
        if broken := self._watch.check(step, event):
            raise AssertionError("\n".join(f"property {one.property} is broken: {one.what}" for one in broken))
        return step

    def pass_time(self, seconds: float) -> Step:
        """So many seconds pass on the clock; what falls due meanwhile."""
        self.clock.advance(seconds)
        return self.step(TimePassed())


class GivenFloor:
    """Who and what is there, told to `engine` as a story's `given` tells it."""

    def __init__(self, engine: WatchedEngine) -> None:
        self._engine = engine

    def person(self, person: str, extension: str = "", **known: Any) -> None:
        """What is known of a person (fields of PersonChanged), signed in where an extension is named."""
        self._engine.step(PersonChanged(person=person, **known))
        if extension:
            self._engine.step(SignedIn(person=person, extension=extension))

    def phone(self, extension: str, **known: Any) -> None:
        """What a phone can do (fields of PhoneChanged)."""
        self._engine.step(PhoneChanged(extension=extension, **known))

    def call(self, call: str, *addresses: str) -> Step:
        """Those addresses are connected on a call, one after the other; what follows from the last."""
        return [self._engine.step(Established(call=call, address=address)) for address in addresses][-1]
