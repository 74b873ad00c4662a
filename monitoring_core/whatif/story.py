"""Shell: owns a difference as a story: the few events of the log that it needs, as rows of a story file.

Refuses to write files, and to say what follows from the events: that is what the rules of whoever runs it say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from monitoring_core.domain.events import (
    CommandOutcome,
    DutyDone,
    Event,
    ModeRequested,
    MonitorEnded,
    MonitorRequested,
    MonitorStarted,
    PhoneChanged,
    SignedIn,
    StopRequested,
)
from monitoring_core.files import Rules
from monitoring_core.scenario.seen import shown, value_shown
from monitoring_core.whatif.changes import Change, Side
from monitoring_core.whatif.differ import Differ
from monitoring_core.whatif.verdicts import meaning

SITE = "story"
EVENTS_TRIED_MAX = 1_000_000
"""How many events shorter logs may have, all that are tried together."""
_ROUNDS = 2
"""How many times whoever has to do with those who matter is found to matter, too."""
_NAMES = frozenset({"from_address", "to_address", "call", "monitor_call"})
_NOT_A_NAME = frozenset({"event", "id", "source", "at", "received_at"})

Fields = dict[str, object]


def shortest(change: Change, events: Sequence[Event], old: Rules, new: Rules) -> list[Event] | None:
    """Few of `events`, the last of which brings the like of `change` under these rules; None if they do not bring it.

    They come as a story tells them. Events that name a session or a command by its id are left out, as ids are made of
    positions.
    """
    free = [_as_told(event) for event in events if not _names_an_id(event)]
    for some in (list(_related(change, free)), free):
        if some and brings(some, change, old, new):
            return _fewer(some, lambda left: brings(left, change, old, new))
    return None


def brings(events: Sequence[Event], change: Change, old: Rules, new: Rules) -> bool:
    """Whether the last of `events` brings the like of `change`: the same for the same people by the same rules."""
    differ, wanted = Differ(old, new, SITE), _likeness(change)
    for event in events:
        differ.step(event)
    return any(_likeness(one) == wanted and one.position == len(events) for one in differ.finish())


def text_of(change: Change, events: Sequence[Event], profile: str, settings: Fields) -> str:
    """The story without its expectations. `profile`: the rules that it runs by; `settings`: what is otherwise there."""
    given = _given(events)
    about = f"{change.kind.replace('_', ' ')}: {change.session}, line {change.line} of the log"
    head = [
        f"title = {value_shown(_title(change))}",
        f"about = {value_shown(about)}",
        f"profile = {value_shown(profile)}",
        *(f"settings.{name} = {value_shown(value)}" for name, value in settings.items()),
        *(_person(event) for event in events[:given]),
    ]
    rows = [f"  {shown(_row(event))},\n" for event in events[given:]]
    return "\n".join([*head, "", f"when = [\n{''.join(rows)}]", ""])


def _title(change: Change) -> str:
    row = change.new.row or change.old.row
    rules = f", by {', '.join(change.rules)}" if change.rules else ""
    who = f"{row.extension} and {row.agent_extension}: " if row else ""
    return f"{who}{_end(change.old)} becomes {_end(change.new)}{rules}"


def _end(side: Side) -> str:
    return side.word or (side.row and (side.row.reason or side.row.state)) or "nothing"


def _likeness(change: Change) -> tuple[object, ...]:
    sides = [
        (side.word, side.verdict and meaning(side.verdict), side.row and (side.row.extension, side.row.agent_extension))
        for side in (change.old, change.new)
    ]
    return change.kind, change.cause, change.judged, change.rules, sides


def _as_told(event: Event) -> Event:
    """Without what a story leaves out: ids of events, and who says so. What has one time happened and came then."""
    at = event.received_at if event.at is None else event.at
    return replace(event, at=at, received_at=at if event.received_at is None else event.received_at, id=None, source="")


def _names_an_id(event: Event) -> bool:
    if isinstance(event, StopRequested | ModeRequested):
        return event.session is not None
    return isinstance(event, DutyDone | CommandOutcome)


def _related(change: Change, events: Sequence[Event]) -> Iterator[Event]:
    """The events that name somebody or something that the sessions of the change have to do with."""
    names = set[str]()
    for row in filter(None, (change.old.row, change.new.row)):
        told = (row.extension, row.agent_extension, row.supervisor, row.agent, row.call, row.monitor_call)
        names |= {name for name in told if name}
    for _ in range(_ROUNDS):
        for event in events:
            if isinstance(event, MonitorRequested | MonitorStarted | MonitorEnded | StopRequested):
                fields = {name: value for name, value in _fields(event).items() if name in _NAMES}
                if not names.isdisjoint(_texts(fields)):
                    names |= {*_texts(fields)}
    return (event for event in events if not names.isdisjoint(_texts(_fields(event))))


def _fewer(events: list[Event], brings: Callable[[Sequence[Event]], bool]) -> list[Event]:
    """Without what is not needed, larger parts first, as far as may be tried. The last event stays."""
    tried, size = 0, len(events) // 2
    while size:
        start = 0
        while start < len(events) - 1 and tried < EVENTS_TRIED_MAX:
            left = [*events[:start], *events[min(start + size, len(events) - 1) :]]
            tried += len(left)
            if brings(left):
                events = left
            else:
                start += size
        size //= 2
    return events


def _fields(event: Event) -> Fields:
    fields: Fields = msgspec.to_builtins(event)
    return {name: value for name, value in fields.items() if name not in _NOT_A_NAME}


def _texts(value: object) -> Iterator[str]:
    """Every text inside."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _given(events: Iterable[Event]) -> int:
    """How many events at the beginning say no more than who and what is there."""
    named, number = set[tuple[type[Event], str]](), 0
    for number, event in enumerate(events):
        if not isinstance(event, SignedIn | PhoneChanged):
            return number
        name = (type(event), event.person if isinstance(event, SignedIn) else event.extension)
        if name in named:
            return number
        named.add(name)
    return number + 1 if named else 0


def _person(event: Event) -> str:
    fields = _known(event)
    kind, key = ("people", "person") if isinstance(event, SignedIn) else ("phones", "extension")
    name = value_shown(fields.pop(key))
    return f"given.{kind}.{name} = {shown(fields)}"


def _row(event: Event) -> Fields:
    at = event.received_at if event.at is None else event.at
    late = event.received_at if event.received_at not in (None, at) else None
    told = {"at": at, "received_at": late, "event": event.__struct_config__.tag, **_known(event)}
    return {name: value for name, value in told.items() if value is not None}


def _known(event: Event) -> Fields:
    return {name: value for name, value in _without_none(_fields(event)).items() if value not in ({}, [], "")}


def _without_none(fields: Fields) -> Fields:
    """What TOML can say."""
    return {
        name: _without_none(value) if isinstance(value, dict) else value
        for name, value in fields.items()
        if value is not None
    }
