"""What the tests of the report share: the page taken apart as a browser does it, but without running anything."""

from __future__ import annotations

import base64
import gzip
import json
from functools import cached_property
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl

import attrs

VOID = frozenset({"meta"})


@attrs.define
class Node:
    """An element: its attributes, and the elements and texts in it, in order."""

    tag: str
    attributes: dict[str, str]
    inside: list[Node | str] = attrs.field(factory=list)

    @property
    def text(self) -> str:
        """All text below it."""
        return "".join(one if isinstance(one, str) else one.text for one in self.inside)

    def all(self, tag: str = "") -> list[Node]:
        """Every element below it, of one kind if that is named."""
        found = [one for child in self.inside if isinstance(child, Node) for one in (child, *child.all())]
        return [one for one in found if tag in ("", one.tag)]

    def get(self, name: str) -> Node:
        """The element below it that has this id."""
        (found,) = (one for one in self.all() if one.attributes.get("id") == name)
        return found


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Node("", {})]

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        made = Node(tag, {name: value or "" for name, value in attributes})
        self.open[-1].inside.append(made)
        if tag not in VOID:
            self.open.append(made)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(data)


@attrs.define(slots=False)
class Page:
    """A report."""

    text: str

    @cached_property
    def tree(self) -> Node:
        """All of its elements."""
        parser = _Parser()
        parser.feed(self.text)
        parser.close()
        (tree,) = parser.open
        return tree

    @cached_property
    def data(self) -> dict[str, Any]:
        """What its scripts read."""
        found: dict[str, Any] = json.loads(self.tree.get("data").text)
        return found

    @property
    def links(self) -> list[tuple[str, dict[str, str]]]:
        """Every number of the overview that leads to sessions, with what it asks for."""
        counts = [one for one in self.tree.all("a") if one.attributes.get("class") == "count"]
        return [(one.text, dict(parse_qsl(one.attributes["href"].removeprefix("#")))) for one in counts]

    def table(self, section: str) -> list[list[str]]:
        """The texts of a table's cells, row by row, without its head."""
        body = self.tree.get(section).all("tbody")[0]
        return [[cell.text for cell in row.all("td")] for row in body.all("tr")]

    @cached_property
    def sessions(self) -> dict[str, Any]:
        """What is told of each session: its lanes and steps."""
        blocks = self.tree.get("steps").text.split()
        told = [one for block in blocks for one in json.loads(gzip.decompress(base64.b64decode(block, validate=True)))]
        texts, names = self.data["texts"], self.data["columns"]["session"]
        first = {owner: texts[name] for name, owner in zip(names, self.data["owner"], strict=True)}
        assert len(told) == len(first) == self.data["sessions"]
        return {first[number]: one for number, one in enumerate(told)}
