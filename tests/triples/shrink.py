"""How little shows a difference: events, settings and rules are taken away as long as anything still differs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import attrs
import msgspec

from monitoring_core.domain import events as e
from tests.triples.books import Book, book
from tests.triples.compare import SITE, Difference, World, first_difference

_NAME = re.compile(rf'"{SITE}-(\d+)(?:/(\d+)(/\d+))?"')
"""A session or a command, as events name it."""
_HEAD = "[[rule]]\n"


def shrunk(world: World, found: Difference) -> tuple[World, Difference]:
    """The same with less of everything; what is given differs."""
    found = _fewer_events(world, found)
    while (less := next(_differing(world, found), None)) is not None:
        world, found = less
    return world, _fewer_events(world, found)


def _fewer_events(world: World, found: Difference) -> Difference:
    """From the last event to the first, until none can be spared."""
    number = len(found.log)
    while number > 0:
        number -= 1
        shorter = first_difference(world, without(found.log, number))
        if shorter is not None:
            found, number = shorter, len(shorter.log)
    return found


def without(log: Sequence[e.Event], number: int) -> list[e.Event]:
    """The log without that event; sessions are named by positions, so those that come later have other names."""

    def before(position: str) -> int:
        return int(position) - (int(position) > number + 1)

    def renamed(name: re.Match[str]) -> str:
        session, position, rest = name.groups()
        command = f"/{before(position)}{rest}" if position else ""
        return f'"{SITE}-{before(session)}{command}"'

    texts = [msgspec.json.encode(event).decode() for event in (*log[:number], *log[number + 1 :])]
    return [msgspec.json.decode(_NAME.sub(renamed, text), type=e.AnyEvent) for text in texts]


def _differing(world: World, found: Difference) -> Iterator[tuple[World, Difference]]:
    """Every world that is smaller by one setting or rule, and in which the same log differs."""
    for smaller in _smaller(world):
        difference = first_difference(smaller, found.log)
        if difference is not None:
            yield smaller, difference


def _smaller(world: World) -> Iterator[World]:
    for name in world.given:
        yield attrs.evolve(world, given={key: value for key, value in world.given.items() if key != name})
    first, second = world.books
    if first is not second:
        yield attrs.evolve(world, books=(first, first))
    for less in _fewer_rules(first):
        yield attrs.evolve(world, books=(less, less if first is second else second))
    for less in _fewer_rules(second) if first is not second else ():
        yield attrs.evolve(world, books=(first, less))


def _fewer_rules(given: Book) -> Iterator[Book]:
    head, *rules = given.text.split(_HEAD)
    for number in range(len(rules)):
        text = head + "".join(_HEAD + rule for rule in (*rules[:number], *rules[number + 1 :]))
        yield book(text)
