"""Which texts of an entry are personal: everything but what was decided to be plain, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from monitoring_core.domain.events import AnyEvent, Event
from monitoring_core.domain.outcomes import AnyCommand, Step
from monitoring_core.journal import MemoryJournal
from monitoring_core.journal.beside import COMMANDS, DEAD, SESSIONS
from monitoring_core.journal.ledger import SNAPSHOTS
from monitoring_core.journal.personal import PLAIN, every_text, personal_texts, replaced, texts
from monitoring_core.replay import Row
from monitoring_core.testing import strategies as some
from tests.journals import SITE, Written

PERSONAL = frozenset(
    """
    person user name supervisor agent address from_address to_address media_address extension extensions agent_extension
    by to about text what where fix seen other
    """.split()
)
"""Ids, names and addresses of people, and texts that might quote them."""
NUMBERS = frozenset(
    """
    at received_at as_of valid_until requested_at active_at ended_at from until paused_s supports_monitoring configured
    outbound permit undecided version behaviour position security
    """.split()
)
"""Neither text nor something that holds one."""
NESTED = frozenset(
    """
    facts view participants monitor people phones calls moves verdicts commands notices verdict hits misses tests
    listeners
    """.split()
)
"""Where the texts have keys of their own; `facts` by name."""


def structs() -> Iterator[tuple[type[Struct], str, Any]]:
    """Every field of everything that an entry or a command can hold, by its name in JSON, with its type."""
    known: set[Any] = set()
    todo: list[Any] = [AnyEvent, AnyCommand, Step, Row]
    while todo:
        kind = todo.pop()
        todo += get_args(kind)
        if isinstance(kind, type) and issubclass(kind, Struct) and kind not in known:
            known.add(kind)
            hints = get_type_hints(kind)
            todo += hints.values()
            for name, encoded in zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True):
                yield kind, encoded, hints[name]


def holds_text(kind: Any) -> bool:
    """Whether a value of that type is a text, or has one in it that has no key of its own."""
    if get_origin(kind) is Literal or (isinstance(kind, type) and issubclass(kind, Enum)):
        return True
    if get_origin(kind) is dict:
        return False
    return kind is str or any(map(holds_text, get_args(kind)))


FIELDS = sorted({(kind.__name__, name, holds_text(hint)) for kind, name, hint in structs()})


def test_of_every_field_it_is_decided() -> None:
    """Every text field of events, steps, commands and rows stands in just one list: plain, or personal."""
    undecided = [
        f"{kind}.{name}: decide whether it is personal, here and in journal/personal.py"
        for kind, name, is_text in FIELDS
        if sum(name in names for names in ((PLAIN, PERSONAL) if is_text else (NUMBERS, NESTED))) != 1
    ]
    assert len(FIELDS) > 150
    assert not undecided


def test_nothing_else_is_plain() -> None:
    """Every key that is plain is that of a text field, or says what kind of event or command this is."""
    assert PLAIN - {name for _, name, is_text in FIELDS if is_text} == {"event"}


def test_what_has_an_unknown_key_is_personal() -> None:
    """A text under a key that nobody decided about is personal, in whatever it is nested."""
    said = {
        "new": "a",
        "call": {"new": ["b", {"new": "c"}]},
        "event": "x",
        "teams": ["x"],
        "listeners": [{"mode": "x"}],
    }
    assert personal_texts(said) == {"a", "b", "c"}


def test_facts_are_personal_but_those_of_the_site() -> None:
    """Texts of facts are personal, in lists too, though their names are plain; those of the site itself are not."""
    facts = {
        "agent.person": "a",
        "call": "b",
        "mode": ["c", "d"],
        "site.weekday": "monday",
        "site.dates": ["x"],
        "n": 1,
    }
    assert personal_texts({"facts": facts}) == {"a", "b", "c", "d"}
    assert replaced({"facts": facts}, lambda _text: "-")["facts"] == {
        **facts,
        "agent.person": "-",
        "call": "-",
        "mode": ["-", "-"],
    }


def test_what_is_replaced_can_be_put_back() -> None:
    """Replacing touches personal texts only, one by one, and keeps all else, so that it can be undone."""
    said = {"person": "a", "at": 1.5, "roles": ["Agent"], "extensions": ["1", "2"], "name": None, "facts": {"x": True}}
    there = replaced(said, lambda text: f"<{text}>")
    assert there == {**said, "person": "<a>", "extensions": ["<1>", "<2>"]}
    assert replaced(there, lambda text: text[1:-1]) == said


def test_every_text_is_every_text() -> None:
    """Of a snapshot all texts are walked, names of dictionaries too; numbers and nothing are left."""
    state = {"a": ["b", 1, None, {"c": "d"}], "call": "e"}
    assert texts(state) == {"a", "b", "c", "d", "call", "e"}
    assert every_text(state, str.upper) == {"A": ["B", 1, None, {"C": "D"}], "CALL": "E"}


LONG = {name: f"personal text {name}" for name in (*some.PERSONS, *some.ADDRESSES, "A. Name", "text")}
"""What stands for the names of generated events, so that none stands anywhere by chance."""


def with_long_names(event: Event) -> Event:
    """The same event, as its JSON says it with the long names."""
    told = msgspec.json.encode(event).decode()
    for short, long in LONG.items():
        told = told.replace(f'"{short}"', f'"{long}"')
    renamed: Event = msgspec.json.decode(told, type=AnyEvent)
    return renamed


@given(st.lists(some.events.map(with_long_names), max_size=30), st.booleans())
def test_what_happens_to_people_stands_beside_the_chain(happened: list[Event], is_saved: bool) -> None:  # noqa: FBT001
    """Whatever happens, no name, id or number of anybody is in a body, a row, a command or a snapshot."""
    written = Written(MemoryJournal())
    expected = written.tell(*happened)
    if is_saved:
        written.save()
    shelves = SESSIONS, COMMANDS, DEAD, SNAPSHOTS
    with written.journal.view(SITE) as turn:
        stored = [record.body for record in turn.read()]
        stored += [part for shelf in shelves for key, value in turn.scan(shelf) for part in (key.encode(), value)]
    assert not any(b"personal text" in part for part in stored)
    assert is_saved or written.entries() == expected
