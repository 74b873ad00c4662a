"""The mutants: what cosmic-ray's operators make of the pure rooms, in an order of which every beginning is a sample.

Left out is what cannot matter: an operator inside an annotation, a mutant that is no Python, one that is the same
program written differently.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from importlib import import_module
from random import Random
from typing import Any

import attrs

from tests.house.house import Source

Place = tuple[int, int]
"""Line from 1, column from 0."""


@attrs.frozen
class Mutant:
    """One operator at one place: `occurrence` counts that operator's places in the module, from 0."""

    source: Source = attrs.field(repr=False)
    operator: str
    occurrence: int
    place: Place

    @property
    def room(self) -> str:
        """The room that it changes."""
        return self.source.room

    @property
    def name(self) -> str:
        """Where and what, for people."""
        line, _ = self.place
        return f"{self.source.name}:{line} {self.operator.partition('/')[2]} {self.occurrence}"

    def text(self) -> str | None:
        """The module with the change; None if nobody could tell it apart, or Python would not read it."""
        changed: str | None = _cosmic_ray("mutating").mutate_code(
            self.source.text, _operators()[self.operator], self.occurrence
        )
        if changed is None or _meaning(changed) in (None, _meaning(self.source.text)):
            return None
        return changed

    def key(self, text: str) -> str:
        """The same for the same change to the same module, on any day."""
        return sha256(f"{self.source.name}\n{text}".encode()).hexdigest()[:16]


def mutants(source: Source) -> Iterator[Mutant]:
    """All mutants of a module that are worth a look."""
    nodes = list(_cosmic_ray("ast").ast_nodes(_cosmic_ray("ast").get_ast(source.text)))
    spans = list(annotated(source))
    for name, operator in _operators().items():
        places = (place for node in nodes for place, _ in operator.mutation_positions(node))
        for occurrence, place in enumerate(places):
            if not any(first <= place < last for first, last in spans):
                yield Mutant(source, name, occurrence, place)


def annotated(source: Source) -> Iterator[tuple[Place, Place]]:
    """From where to where annotations go: they are text that only tools and decoders read."""
    for node in source.nodes:
        match node:
            case (
                ast.AnnAssign(annotation=ast.expr() as said)
                | ast.arg(annotation=ast.expr() as said)
                | ast.FunctionDef(returns=ast.expr() as said)
                | ast.AsyncFunctionDef(returns=ast.expr() as said)
            ):
                yield (said.lineno, said.col_offset), (said.end_lineno or 0, said.end_col_offset or 0)


def in_fair_order(found: Sequence[Mutant], seed: int) -> list[Mutant]:
    """Shuffled, so that every beginning has of each room its share: who tries the first 600 has a stratified sample."""
    rooms: defaultdict[str, list[Mutant]] = defaultdict(list)
    for one in found:
        rooms[one.room].append(one)
    placed = []
    for room, its in sorted(rooms.items()):
        chance = Random(f"{seed} {room}")
        chance.shuffle(its)
        placed += [((index + chance.random()) / len(its), one) for index, one in enumerate(its)]
    return [one for _, one in sorted(placed, key=lambda pair: pair[0])]


def lines_of(mutant: Mutant) -> range:
    """The lines of the statement around it; of one that holds others, only its head."""
    line, column = mutant.place
    around = range(line, line + 1)
    for node in mutant.source.nodes:
        if isinstance(node, ast.stmt) and (node.lineno, node.col_offset) <= (line, column):
            last = node.end_lineno or node.lineno
            body = getattr(node, "body", None)
            if isinstance(body, list) and body:
                last = max(node.lineno, body[0].lineno - 1)
            if node.lineno <= line <= last:
                around = range(node.lineno, last + 1)
    return around


@cache
def _operators() -> dict[str, Any]:
    """Every operator that needs no arguments, by its name."""
    plugins = _cosmic_ray("plugins")
    found = {name: plugins.get_operator(name) for name in plugins.operator_names()}
    return {name: operator() for name, operator in found.items() if not operator.arguments()}


@cache
def _cosmic_ray(module: str) -> Any:
    """A module of cosmic-ray, which only this needs and whoever runs it installs."""
    return import_module(f"cosmic_ray.{module}")


@cache
def _meaning(text: str) -> str | None:
    """Equal for programs that differ only in how they are written; None if it is no Python."""
    try:
        tree = ast.parse(text)
        compile(tree, "mutant", "exec")
    except (SyntaxError, ValueError):
        return None
    return ast.dump(tree)
