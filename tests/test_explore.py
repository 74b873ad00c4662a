"""The search of a small world: it reaches what there is, merges only what goes on in the same way, and finds bugs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from itertools import permutations, product
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from msgspec.structs import replace

from monitoring_core import state
from monitoring_core.domain import events as e
from monitoring_core.domain.events import Event
from monitoring_core.domain.outcomes import StartMonitoring, Step
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine, clock
from monitoring_core.engine import monitors as engine_monitors
from monitoring_core.engine.site import Site
from monitoring_core.explore import ALPHABET, Bounds, Counterexample, Found, search, situation, write_story
from monitoring_core.explore.alphabet import stamped
from monitoring_core.explore.copies import copy
from monitoring_core.explore.search import watched
from monitoring_core.explore.situation import digest, parts
from monitoring_core.explore.world import INTERCHANGEABLE, SITE, beginning
from monitoring_core.files import load_rules
from monitoring_core.floor.calls import Calls
from monitoring_core.floor.entities import Call, Leg, Person, Phone
from monitoring_core.floor.floor import Floor
from monitoring_core.floor.people import People
from monitoring_core.properties import Broken, Watch
from monitoring_core.scenario import run_file
from monitoring_core.session import TABLE, Session, Sessions
from monitoring_core.session.life import Course
from tests.helpers import state_of

pytestmark = pytest.mark.search

RULES = load_rules()
SMALL = Bounds(depth=3, disturbances=0)
WIDE = Bounds(depth=3, disturbances=1)
LOG = tuple[Event, ...]
Situation = tuple[Engine, Watch]


def searched(bounds: Bounds, settings: Settings = RULES.settings) -> Found:
    """What is found by the packaged rules."""
    return search(RULES.book, settings, bounds)


def at(log: LOG) -> Situation:
    """The situation to which these events lead."""
    engine = Engine(RULES.book, RULES.settings, SITE)
    watch = Watch(engine)
    for event in log:
        watch.check(engine.step(event), event)
    return engine, watch


def next_events(engine: Engine, *, disturbing: bool = True) -> Iterator[tuple[str, Event]]:
    """All that can happen, by the kind that says so."""
    for kind in ALPHABET:
        if disturbing or not kind.is_disturbance:
            yield from ((kind.name, stamped(engine, event)) for event in kind.events(engine))


# The naive oracle: every path by itself, nothing merged, nothing left out


def every_path(bounds: Bounds, log: LOG, depth: int = 0, disturbed: int = 0) -> Iterator[tuple[LOG, list[Broken]]]:
    """Every path within `bounds`, with what its last event breaks; each situation is made from its whole log."""
    yield log, []
    if depth + disturbed >= bounds.depth:
        return
    for kind in ALPHABET:
        more = disturbed + kind.is_disturbance
        if more > bounds.disturbances or depth + 1 + more > bounds.depth:
            continue
        engine, _ = at(log)
        for event in kind.events(engine):
            after, watch = at(log)
            told = stamped(after, event)
            _, broken = watched(after, watch, told)
            if broken:
                yield (*log, told), broken
            else:
                yield from every_path(bounds, (*log, told), depth + 1, more)


@cache
def naive(bounds: Bounds) -> tuple[tuple[LOG, bytes, tuple[int, ...]], ...]:
    """Each path, the digest of where it leads by all that can still matter, and the properties that it breaks."""
    found = []
    for log, broken in every_path(bounds, tuple(beginning())):
        name = b"" if broken else digest(parts(*at(log), bounds.silence_s(RULES.settings)))
        found.append((log, name, tuple(one.property for one in broken)))
    return tuple(found)


def compared(bounds: Bounds) -> tuple[set[bytes], set[int], set[bytes], set[int]]:
    """Situations and broken properties as the oracle and the search have them."""
    paths = naive(bounds)
    found = searched(bounds)
    return (
        {name for _, name, broken in paths if not broken},
        {one for _, _, broken in paths for one in broken},
        found.situations,
        set(found.broken),
    )


@pytest.mark.parametrize("bounds", [SMALL, WIDE, Bounds(depth=2, disturbances=2)], ids=str)
def test_the_search_reaches_what_there_is(bounds: Bounds) -> None:
    """Every path by itself, with nothing merged, leads to the very situations that the search has, and no others."""
    there, _, found, _ = compared(bounds)
    assert there == found


# Situations that are one go on as one


def said(step: Step, engine: Engine) -> list[tuple[Any, ...]]:
    """A step without the ids of its sessions, and with times from now on; texts are for people only.

    Questions that fall due at one moment are asked in the order of the calls' names, which means nothing.
    """
    plain = msgspec.to_builtins(step)
    asked = [one for one in plain.get("commands", ()) if one["command"] == "ask_snapshot"]
    plain["commands"] = [one for one in plain.get("commands", ()) if one not in asked]
    for notice in plain.get("notices", ()):
        notice.pop("text", None)
    for command in plain.get("commands", ()):
        if "valid_until" in command:
            command["valid_until"] -= engine.now
    for move in plain.get("moves", ()):
        move.pop("at", None)
    return [("said", _nameless(one, set(engine.sessions.by_id))) for one in (plain, *asked)]


def _nameless(value: Any, sessions: set[str]) -> Any:
    if isinstance(value, dict):
        return tuple((key, _nameless(one, sessions)) for key, one in value.items())
    if isinstance(value, list | tuple):
        return tuple(_nameless(one, sessions) for one in value)
    return "a session" if value in sessions else value


def goes_on(here: Situation) -> Counter[bytes]:
    """What each event leads to from here, each with its step and what it breaks, by any names."""
    found = Counter[bytes]()
    for kind, event in next_events(here[0]):
        engine, watch = copy(here)
        step, broken = watched(engine, watch, event)
        found[digest([*parts(engine, watch), ("step", kind, len(broken)), *said(step, engine)])] += 1
    return found


@cache
def twins() -> tuple[tuple[LOG, LOG], ...]:
    """Paths of which the search goes on with one only: they lead to one situation."""
    groups: dict[bytes, list[LOG]] = {}
    for log, _, _ in naive(WIDE):
        groups.setdefault(digest(parts(*at(log))), []).append(log)
    return tuple((logs[0], log) for logs in groups.values() for log in logs[1:])


@given(st.data())
@examples(max_examples=40)
def test_what_is_one_situation_goes_on_as_one(data: st.DataObject) -> None:
    """Two paths to one situation go on alike: every event leads on to the same, with the same step, by any names."""
    one, other = data.draw(st.sampled_from(twins()))
    assert goes_on(at(one)) == goes_on(at(other))


def test_which_call_is_older_matters() -> None:
    """It matters whether a monitor call is older than a call that the one listened to may become.

    If both go at once, the older is the reason of the end.
    """
    asked = e.MonitorRequested(from_address="5004", to_address="5025", user="sam")
    start = e.MonitorStarted(monitor_call="m1", from_address="5004", to_address="5025", call="c1")
    rings = e.Delivered(call="c2", address="5025")
    one, other = (
        parts(*at((*beginning(), *(replace(event, at=0.0, received_at=0.0) for event in events))))
        for events in ((asked, start, rings), (asked, rings, start))
    )
    assert digest(one) != digest(other)


@given(st.data())
@examples(max_examples=40)
def test_names_do_not_matter(data: st.DataObject) -> None:
    """A path with other names for the same things leads to the same situation."""
    log, _, _ = data.draw(st.sampled_from(naive(WIDE)))
    orders = data.draw(st.sampled_from(list(product(*(list(permutations(kind)) for kind in INTERCHANGEABLE)))))
    traded = {
        name: other
        for kind, order in zip(INTERCHANGEABLE, orders, strict=True)
        for things in zip(kind, order, strict=True)
        for name, other in zip(*things, strict=True)
    }
    assert digest(parts(*at(tuple(renamed(event, traded) for event in log)))) == digest(parts(*at(log)))


def renamed(event: Event, names: dict[str, str]) -> Event:
    """The event by other names."""
    kind, plain = type(event), msgspec.json.encode(event).decode()
    return msgspec.json.decode(re.sub(r'"(\w+)"', lambda found: f'"{names.get(found[1], found[1])}"', plain), type=kind)


@given(st.data())
@examples(max_examples=30)
def test_a_copy_is_the_same_and_apart(data: st.DataObject) -> None:
    """A copy of an engine knows the same, and what it is told changes nothing of the one that was copied."""
    log, _, _ = data.draw(st.sampled_from(naive(WIDE)))
    here = at(log)
    engine, watch = copy(here)
    assert watch.engine is engine
    assert (state.dump(engine), state_of(engine)) == (state.dump(here[0]), state_of(here[0]))
    before, known = state_of(here[0]), parts(*here)
    for _, event in next_events(engine):
        watch.check(engine.step(event), event)
    assert (state_of(here[0]), parts(*here)) == (before, known)


LEFT_OUT: dict[type, set[str]] = {
    # Given by position, told to people only, or the same as something that is read.
    Session: {"id", "order", "start_number", "start_certainty", "requested_at", "ended_at", "course"},
    Course: {
        "past",
        "since",
        "mode_command",
        "start_command",
        "pauses",
        "asked",
        "code",
        "joined",
        "standing",
        "follows",
    },
    Call: set(),
    Leg: set(),
    Person: {"name"},
    Phone: set(),
    Sessions: {"by_id", "waiting", "by_call", "by_monitor_call", "finals"},
    Calls: {"limits", "born", "heed"},
    People: {"limits"},
}
"""Fields by which situations are not told apart directly: who adds one to a class says here, or there, what of it."""


@pytest.mark.parametrize("kind", LEFT_OUT, ids=lambda kind: kind.__name__)
def test_every_field_is_read_or_left_out(kind: type[attrs.AttrsInstance]) -> None:
    """Each field of what an engine holds is read by the search or left out here, so that a new one is thought of."""
    read = Path(situation.__file__).read_text(encoding="utf-8")
    names = {field.name for field in attrs.fields(kind)}
    assert LEFT_OUT[kind] <= names
    assert not [name for name in names - LEFT_OUT[kind] if not re.search(rf"\b{name}\b", read)]


# What is found


def test_the_packaged_rules_break_nothing() -> None:
    """No property is broken by the packaged rules, with one disturbance on a path."""
    found = searched(Bounds(depth=4, disturbances=1))
    assert not found.broken
    assert found.depth == 4
    assert all(times for _, _, times in found.tally.all_rows())


def test_every_row_and_rule_is_told() -> None:
    """Each row of the table and each rule, by each mode that it is for, is told, whether it ever decided or not."""
    tally = searched(Bounds(depth=2, disturbances=0)).tally
    assert [row[:2] for row in tally.all_rows()] == [(one.value if one else "-", by.value) for one, by, _ in TABLE]
    assert [row[:2] for row in tally.all_rules()] == [(rule.id, mode) for rule in RULES.book.rules for mode in rule.to]
    assert dict(tally.rows)["-", "PERMIT"] > 0
    assert tally.rules["own-team", "silent", "decisive"] > 0
    assert ("not-oneself", "silent", 0, 0) in list(tally.all_rules())


@pytest.mark.parametrize("bounds", [Bounds(6, 1, seconds=0.000001), Bounds(6, 1, states_max=1)], ids=["time", "states"])
def test_a_bound_says_how_deep_it_is_complete(bounds: Bounds) -> None:
    """Where a bound stops the search, it says so, and to which depth all was tried."""
    found = searched(bounds)
    assert found.stopped_by
    assert found.depth < 6


def test_a_search_ends_where_nothing_new_comes() -> None:
    """If nothing can happen, there is nothing deeper."""
    found = search(RULES.book, RULES.settings, Bounds(depth=9), kinds=())
    assert (found.depth, found.states, found.stopped_by) == (1, 1, "")


# Planted bugs

Plant = Callable[[pytest.MonkeyPatch], None]


def forgets_repeats(patch: pytest.MonkeyPatch) -> None:
    """An event that comes again is taken for a new one."""
    patch.setattr(Engine, "_is_repeat", lambda *_: False)


def ends_what_is_not_covered(patch: pytest.MonkeyPatch) -> None:
    """A picture of people ends the calls that it does not show."""
    shown = Floor.snapshot_calls

    def planted(floor: Floor, event: e.Snapshot, as_of: float | None, now: float | None) -> Any:
        return shown(floor, replace(event, covers=("people", "calls")), as_of, now)

    patch.setattr(Floor, "snapshot_calls", planted)


def counts_one_less(patch: pytest.MonkeyPatch) -> None:
    """A limit is off by one."""
    facts = Site.facts

    def planted(site: Site, *given: Any) -> Any:
        found = facts(site, *given)
        found["agent.sessions"] = max(0, int(str(found["agent.sessions"])) - 1)
        return found

    patch.setattr(Site, "facts", planted)


def sends_late(patch: pytest.MonkeyPatch) -> None:
    """A start may be sent longer than it is valid."""
    say = Site.say

    def planted(site: Site, command: Any) -> str:
        is_start = isinstance(command, StartMonitoring) and command.valid_until is not None
        return say(site, replace(command, valid_until=command.valid_until + 1) if is_start else command)

    patch.setattr(Site, "say", planted)


def ends_the_next(patch: pytest.MonkeyPatch) -> None:
    """The end of a monitor call ends whatever session of its listener there is."""
    vanish = engine_monitors._vanish  # noqa: SLF001

    def planted(site: Site, monitor_call: str, *given: Any) -> None:
        known = site.sessions.by_monitor_call.one(monitor_call)
        vanish(site, monitor_call, *given)
        for other in site.sessions.alive():
            if known is None and other.monitor_call:
                vanish(site, other.monitor_call, *given)

    patch.setattr(engine_monitors, "_vanish", planted)


def raises(patch: pytest.MonkeyPatch) -> None:
    """The engine breaks down when a deadline falls due."""

    def planted(_clock: clock.Clock, _until: float) -> None:
        raise RuntimeError("planted")

    patch.setattr(clock.Clock, "pop_due", lambda self, until: planted(self, until) if until > 0 else None)


PLANTED: dict[Plant, tuple[int, int]] = {
    forgets_repeats: (6, 2),
    ends_what_is_not_covered: (12, 2),
    counts_one_less: (5, 2),
    sends_late: (2, 1),
    ends_the_next: (12, 3),
    raises: (0, 1),
}
"""The property that each breaks, and how few events do it."""


@cache
def found_when_planted(plant: Plant) -> Counterexample:
    """The shortest path to what it breaks."""
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        found = searched(Bounds(depth=4, disturbances=1)).shortest
    assert found is not None
    return found


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found_by_the_shortest_way(plant: Plant) -> None:
    """Each planted bug breaks its property, after as few events as can be."""
    found = found_when_planted(plant)
    assert (found.broken.property, len(found.happened)) == PLANTED[plant]


@pytest.mark.parametrize("plant", [one for one in PLANTED if one is not raises], ids=lambda plant: plant.__name__)
def test_its_story_fails_by_itself(tmp_path: Path, plant: Plant) -> None:
    """The story of a planted bug fails on the planted engine by its property, and passes on the sound one."""
    path = tmp_path / "found.story.toml"
    found = found_when_planted(plant)
    write_story(path, found)
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        outcome = run_file(path, RULES)
    assert not outcome.passed
    assert f"property {found.broken.property} is broken: {found.broken.what}" in outcome.report
    assert run_file(path, RULES).passed
