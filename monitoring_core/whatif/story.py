"""Shell: owns a difference as a story: the few events of the log that it needs, as rows of a story file.

Refuses to write files, and to say what follows from the events: that is what the rules of whoever runs it say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

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
from monitoring_core.whatif.changes import Change
from monitoring_core.whatif.differ import Differ

SITE = "story"
TRIES_MAX = 400
"""How often a shorter log is tried."""
_ROUNDS = 2
"""How many times whoever has to do with those who matter is found to matter, too."""
_NAMES = frozenset({"from_address", "to_address", "call", "monitor_call"})
_NOT_A_NAME = frozenset({"event", "id", "source", "at", "received_at"})

Fields = dict[str, object]


def shortest(change: Change, events: Sequence[Event], old: Rules, new: Rules) -> list[Event] | None:
    """Few of `events`, the last of which brings the like of `change` under these rules; None if they do not bring it.

    Events that name a session or a command by its id are left out, as ids are made of positions.
    """
    wanted = _likeness(change)

    def brings(some: Sequence[Event]) -> bool:
        differ = Differ(old, new, SITE)
        for event in some:
            differ.step(event)
        return any(_likeness(one) == wanted and one.position == len(some) for one in differ.finish())

    free = [event for event in events if not _names_an_id(event)]
    for some in (list(_related(change, free)), free):
        if some and brings(some):
            return _fewer(some, brings)
    return None


def text_of(change: Change, events: Sequence[Event], settings: Fields | None = None) -> str:
    """The story without its expectations. `settings`: what is otherwise than in the rules that it will be run by."""
    given = _given(events)
    about = f"{change.kind.replace('_', ' ')}: {change.session}, line {change.line} of the log"
    head = [
        f"title = {json.dumps(_title(change), ensure_ascii=False)}",
        f"about = {json.dumps(about, ensure_ascii=False)}",
        *(f"settings.{name} = {value_shown(value)}" for name, value in (settings or {}).items()),
        *(_person(event) for event in events[:given]),
    ]
    rows = [f"  {shown(_row(event))},\n" for event in events[given:]]
    return "\n".join([*head, "", f"when = [\n{''.join(rows)}]", ""])


def _title(change: Change) -> str:
    row = change.new.row or change.old.row
    rules = f", by {', '.join(change.rules)}" if change.rules else ""
    who = f"{row.extension} and {row.agent_extension}: " if row else ""
    return f"{who}{change.old.word or 'nothing'} becomes {change.new.word or 'nothing'}{rules}"


def _likeness(change: Change) -> tuple[object, ...]:
    rows = [(row.extension, row.agent_extension) if row else None for row in (change.old.row, change.new.row)]
    return change.kind, change.judged, change.rules, change.old.word, change.new.word, rows


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
    """Without what is not needed, larger parts first, as far as the tries go. The last event stays."""
    tries, size = 0, len(events) // 2
    while size:
        start = 0
        while start < len(events) - 1 and tries < TRIES_MAX:
            left = [*events[:start], *events[min(start + size, len(events) - 1) :]]
            tries += 1
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
    name = json.dumps(fields.pop(key), ensure_ascii=False)
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
