"""Shell: owns the search: every order of events up to a depth over the real engine, each situation only once.

Refuses to know what may happen (`alphabet`) and when situations are the same (`situation`). It keeps paths, no engines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic

import attrs
from msgspec.structs import replace

from monitoring_core.domain.events import Event, MonitorRequested
from monitoring_core.domain.outcomes import NOTHING, Step
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.explore.alphabet import ALPHABET, Kind, stamped
from monitoring_core.explore.copies import copy
from monitoring_core.explore.situation import MOMENT_S, Part, digest, parts
from monitoring_core.explore.tally import Tally
from monitoring_core.explore.world import SITE, beginning
from monitoring_core.properties import Broken, Watch
from monitoring_core.rules.book import RuleBook

RAISED = 0
"""What is broken when the engine raises: no property of the list, but worse."""
_STATES_BETWEEN_LOOKS = 16


@attrs.frozen
class Bounds:
    """How far to search: at most `depth` events, of which at most `disturbances` are no part of usual telephony.

    Whoever has N disturbances behind him goes N events less deep. `seconds`, `states_max`: stop there.
    """

    depth: int = 5
    disturbances: int = 1
    seconds: float | None = None
    states_max: int | None = None

    def silence_s(self, settings: Settings) -> float:
        """How much time can pass on a path that nothing disturbs any more."""
        return self.depth * max(settings.confirm_s, MOMENT_S)


@attrs.frozen
class Level:
    """One depth: the situations that are first reached there, and the transitions that were tried to get there."""

    depth: int
    states: int
    transitions: int


@attrs.frozen
class Counterexample:
    """The shortest path that breaks a property: what `began` it all, and what then `happened`."""

    broken: Broken
    began: tuple[Event, ...]
    happened: tuple[Event, ...]


@attrs.define
class Found:
    """What a search found. `broken`: the shortest path to each broken property, by its number.

    `situations`: their digests. `stopped_by`: the bound that kept it from going deeper; what was found there until then
    counts, too.
    """

    tally: Tally
    levels: list[Level] = attrs.field(factory=list)
    broken: dict[int, Counterexample] = attrs.field(factory=dict)
    situations: set[bytes] = attrs.field(factory=set)
    transitions: int = 0
    seconds: float = 0.0
    stopped_by: str = ""

    @property
    def states(self) -> int:
        """How many situations are distinct by all that matters if nothing disturbs them."""
        return len(self.situations)

    @property
    def depth(self) -> int:
        """Every order of events up to this depth was tried."""
        return self.levels[-1].depth

    @property
    def shortest(self) -> Counterexample | None:
        """The shortest path to any broken property."""
        return min(self.broken.values(), key=lambda one: len(one.happened), default=None)


@attrs.frozen
class Node:
    """A situation by the event that first led to it, and how many disturbances are behind it."""

    before: Node | None = None
    event: Event | None = None
    disturbed: int = 0

    def path(self) -> list[Event]:
        """The events that lead to it."""
        events, node = list[Event](), self
        while node.before is not None and node.event is not None:
            events.append(node.event)
            node = node.before
        return events[::-1]


Tick = Callable[[int, int, int], None]
"""Told now and then: the depth, how many situations of the one before were dealt with, and of how many."""


def search(
    book: RuleBook,
    settings: Settings,
    bounds: Bounds,
    tick: Tick | None = None,
    kinds: Sequence[Kind] = ALPHABET,
) -> Found:
    """Everything that can happen within `bounds`; it goes no deeper than where a property is broken first."""
    return _Search(book, settings, bounds, kinds, tick or _silent).run()


def started(book: RuleBook, settings: Settings) -> tuple[Engine, Watch]:
    """An engine, and its watch, at the beginning."""
    engine = Engine(book, settings, SITE)
    watch = Watch(engine)
    for event in beginning():
        watch.check(engine.step(event), event)
    return engine, watch


def watched(engine: Engine, watch: Watch, event: Event) -> tuple[Step, list[Broken]]:
    """One step, and what it breaks; an engine that raises has broken whatever there is."""
    try:
        step = engine.step(event)
        return step, watch.check(step, event)
    except Exception as error:  # noqa: BLE001 # that it raises is what is looked for
        return NOTHING, [Broken(RAISED, f"the engine raises {error!r}")]


def _silent(_depth: int, _done: int, _of: int) -> None:
    """Nobody looks."""


class _Stopped(Exception):
    """A bound is reached."""


class _Search:
    """One search under way. `seen`: the digest of each situation, with how few disturbances it was reached."""

    def __init__(self, book: RuleBook, settings: Settings, bounds: Bounds, kinds: Sequence[Kind], tick: Tick) -> None:
        self.bounds, self.kinds, self.tick = bounds, kinds, tick
        self.root = started(book, settings)
        self.found = Found(Tally(book))
        self.silence_s = bounds.silence_s(settings)
        self.seen: dict[bytes, int] = {}
        self.reached: list[Node] = []
        self.transitions = 0
        self.since = monotonic()

    def run(self) -> Found:
        """Level by level, as long as nothing is broken and no bound is reached."""
        found = self.found
        self._reach(0, Node(), *self.root)
        found.levels.append(Level(0, 1, 0))
        try:
            while self.reached and found.depth < self.bounds.depth and not found.broken:
                states, transitions = found.states, self.transitions
                self._level(found.depth + 1)
                found.levels.append(Level(found.depth + 1, found.states - states, self.transitions - transitions))
        except _Stopped as stopped:
            found.stopped_by = str(stopped)
        found.transitions, found.seconds = self.transitions, monotonic() - self.since
        return found

    def _level(self, depth: int) -> None:
        """Everything that is reached with that many events."""
        nodes, self.reached = self.reached, []
        for done, node in enumerate(nodes):
            if done % _STATES_BETWEEN_LOOKS == 0:
                self._look(depth, done, len(nodes))
            self._expand(depth, node)

    def _look(self, depth: int, done: int, of: int) -> None:
        """Tell how far it is. Raises _Stopped where a bound is reached."""
        bounds = self.bounds
        self.tick(depth, done, of)
        if bounds.seconds is not None and monotonic() - self.since > bounds.seconds:
            raise _Stopped(f"{bounds.seconds:g} seconds")
        if bounds.states_max is not None and self.found.states > bounds.states_max:
            raise _Stopped(f"{bounds.states_max:,} situations")

    def _expand(self, depth: int, node: Node) -> None:
        """Whatever can happen in one situation."""
        engine, watch = self._at(node)
        known = {is_last: parts(engine, watch, self.silence_s if is_last else None) for is_last in (False, True)}
        is_calm = self._is_calm(depth - 1, node.disturbed)
        for kind in self.kinds:
            if kind.is_disturbance and is_calm:
                continue
            disturbed = node.disturbed + kind.is_disturbance
            for event in kind.events(engine):
                after = Node(node, stamped(engine, event), disturbed)
                site = copy((engine, watch))
                if self._step(after, *site):
                    self._reach(depth, after, *site, known[self._is_calm(depth, disturbed)])

    def _at(self, node: Node) -> tuple[Engine, Watch]:
        engine, watch = copy(self.root)
        for event in node.path():
            watch.check(engine.step(event), event)
        return engine, watch

    def _step(self, node: Node, engine: Engine, watch: Watch) -> bool:
        """Whether nothing is broken by the last event of a path."""
        event = node.event
        if event is None:
            return True
        self.transitions += 1
        step, broken = watched(engine, watch, event)
        self.found.tally.note(engine, event, step)
        for one in broken:
            self.found.broken.setdefault(one.property, Counterexample(one, tuple(beginning()), tuple(node.path())))
        return not broken

    def _reach(self, depth: int, node: Node, engine: Engine, watch: Watch, known: list[Part] | None = None) -> None:
        """A situation, which is kept if it is new, or was reached only with more disturbances before.

        `known`: what mattered before the last event, to tell quickly that nothing came of it.
        """
        is_calm = self._is_calm(depth, node.disturbed)
        now = parts(engine, watch, self.silence_s if is_calm else None)
        if now == known:
            return
        name = digest(now)
        if self.seen.get(name, node.disturbed + 1) <= node.disturbed:
            return
        self.seen[name] = node.disturbed
        if not is_calm:  # the same with nothing to come that disturbs is no news then, whatever was before
            name = digest(parts(engine, watch, self.silence_s))
            self.seen[name] = -1
        self.found.situations.add(name)
        if depth + node.disturbed < self.bounds.depth:
            self.reached.append(node)
        self._again(depth, node, engine, watch, now)

    def _again(self, depth: int, node: Node, engine: Engine, watch: Watch, known: list[Part]) -> None:
        """The event by which a situation is new comes once more, at once; and what is asked, by the same token."""
        if node.event is None or engine.now != node.event.at:
            return
        asked_again = replace(node.event, id=f"{node.event.id} again")
        for event in (node.event, *([asked_again] if isinstance(asked_again, MonitorRequested) else ())):
            after = Node(node, event, node.disturbed)
            if self._step(after, engine, watch):
                self._reach(depth + 1, after, engine, watch, known)

    def _is_calm(self, depth: int, disturbed: int) -> bool:
        """Whether no disturbance can come any more: there were enough, or it would be too deep."""
        return disturbed >= self.bounds.disturbances or depth + disturbed + 2 > self.bounds.depth
