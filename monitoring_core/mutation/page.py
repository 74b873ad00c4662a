"""Shell: owns one TOML text in which a value is changed where it stands, all else of the text staying as it is.

Refuses to know what the keys mean, and to touch a file: a changed page is another text.
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import attrs

from monitoring_core.domain.settings import Limits
from monitoring_core.rules.text import Path, read_toml

Edit = tuple[Path, Any]
"""A key path, and what is to stand there; None, which TOML cannot say, for nothing."""

_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def edited(text: str, edits: tuple[Edit, ...]) -> str:
    """`text`, which is valid TOML, with each of `edits` in turn."""
    for path, value in edits:
        text = Page(text).changed(path, value)
    return text


def written(value: Any) -> str:
    """`value`, as `tomllib` gives it, on one line of TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {written(one)}" for key, one in value.items()) + " }" if value else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return value.isoformat() if hasattr(value, "isoformat") else repr(value)


@attrs.frozen(slots=False)
class Page:
    """A valid TOML text. Rows count from 0; a statement is `key = value`, a head is `[table]` or `[[table]]`."""

    text: str

    @cached_property
    def data(self) -> dict[str, Any]:
        """What the text says."""
        return tomllib.loads(self.text)

    @cached_property
    def rows(self) -> list[str]:
        """The text, row by row."""
        return self.text.split("\n")

    @cached_property
    def _places(self) -> dict[Path, int]:
        """Where each statement and each head begins, by its whole path, in the order of the text."""
        longest: dict[int, Path] = {}
        for path, line in read_toml("", self.text, Limits().rule_file_bytes_max).lines.items():
            if len(path) > len(longest.get(line - 1, ())):
                longest[line - 1] = path
        return {path: row for row, path in sorted(longest.items())}

    @cached_property
    def heads(self) -> dict[Path, int]:
        """The row of each head; the beginning of the text is one, too."""
        found = {path: row for path, row in self._places.items() if self.rows[row].lstrip().startswith("[")}
        return {(): -1, **found}

    @cached_property
    def statements(self) -> dict[Path, tuple[int, int]]:
        """First row of each statement, and the row after its last."""
        ends = [*sorted(self._places.values())[1:], len(self.rows)]
        spans = {path: (row, end) for (path, row), end in zip(self._places.items(), ends, strict=True)}
        return {path: (row, self._end(row, end)) for path, (row, end) in spans.items() if path not in self.heads}

    def at(self, path: Path) -> Any:
        """What stands at `path`."""
        value: Any = self.data
        for key in path:
            value = value[key]
        return value

    def changed(self, path: Path, value: Any) -> str:
        """The text with `value` at `path`; with None, without it and without what it leaves empty."""
        while value is None and len(path) > 1 and len(self.at(path[:-1])) == 1:
            path = path[:-1]
        around = next((path[:size] for size in range(len(path), 0, -1) if path[:size] in self.statements), None)
        if around is None or (around == path and value is None):
            return self._written_anew(path, value)
        whole = _put(self.at(around), path[len(around) :], value)
        start, end = self.statements[around]
        before, after = self._around_value(start, end)
        return self._with(start, end, [f"{before} {written(whole)}{after}"])

    def _end(self, row: int, end: int) -> int:
        """`end`, or the row before it after which there are only comments and blank rows."""
        while end > row + 1 and self.rows[end - 1].lstrip()[:1] in ("", "#"):
            end -= 1
        return end

    def _with(self, start: int, end: int, rows: list[str]) -> str:
        return "\n".join([*self.rows[:start], *rows, *self.rows[end:]])

    def _around_value(self, start: int, end: int) -> tuple[str, str]:
        """What stands before a statement's value and after it: the key with `=`, and a comment, if there is one."""
        text = "\n".join(self.rows[start:end])
        equals = next(place for place in _places_of("=", text) if _reads(f"{text[:place]}= 0"))
        value = text[equals + 1 :]
        comment = next((place for place in _places_of("#", value) if _reads(f"x ={value[:place]}")), len(value))
        return text[: equals + 1], value[len(value[:comment].rstrip()) :]

    def _written_anew(self, path: Path, value: Any) -> str:
        """The text with all statements and heads at or below `path` gone, and `value` in new ones."""
        spans = {**self.statements, **{head: (row, row + 1) for head, row in self.heads.items() if head}}
        gone = {row for below, span in spans.items() if below[: len(path)] == path for row in range(*span)}
        head = max((one for one in self.heads if one == path[: len(one)] and self.heads[one] not in gone), key=len)
        place, rows = 0, list[str]()
        if _is_tables(value):
            place = max(end for below, (_, end) in spans.items() if below[: len(head)] == head)
            for table in value:
                rows += [f"[[{_dotted(path)}]]", *_statements((), table)]
        elif value is not None:
            end = min((row for row in self.heads.values() if row > self.heads[head]), default=len(self.rows))
            own = [last for first, last in self.statements.values() if self.heads[head] < first < end]
            place = min((row for row in gone if self.heads[head] < row < end), default=max(own, default=0))
            rows = list(_statements(path[len(head) :], value))
        left = {number: row for number, row in enumerate(self.rows) if number not in gone}
        before = [row for number, row in left.items() if number < place]
        return "\n".join([*before, *rows, *(row for number, row in left.items() if number >= place)])


def _places_of(mark: str, text: str) -> Iterator[int]:
    return (place for place, letter in enumerate(text) if letter == mark)


def _reads(text: str) -> bool:
    try:
        tomllib.loads(text)
    except ValueError:
        return False
    return True


def _put(whole: Any, path: Path, value: Any) -> Any:
    """A copy of `whole` with `value` at `path`, or nothing there."""
    if not path:
        return value
    made: Any = copy.deepcopy(whole)
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return made


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _statements(path: Path, value: Any) -> Iterator[str]:
    """`value` at `path`, a line for each table in it that holds no other table."""
    if isinstance(value, Mapping) and (not path or any(isinstance(inner, dict) for inner in value.values())):
        for key, inner in value.items():
            yield from _statements((*path, key), inner)
    else:
        yield f"{_dotted(path)} = {written(value)}"


def _dotted(path: Path) -> str:
    return ".".join(_key(key) for key in path if isinstance(key, str))


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else written(key)
