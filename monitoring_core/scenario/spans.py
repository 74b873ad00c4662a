"""Shell: owns where each table, key and value of a TOML text stands, for those who change a part and keep the rest.

Refuses to read what is not TOML: its text has been read as such before.
"""

from __future__ import annotations

import re

import attrs

from monitoring_core.rules.text import Path

_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_BETWEEN = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_TEXT = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")' + r"|'''.*?'{3,5}(?!')" + r'|"(?:[^"\\]|\\.)*"' + r"|'[^']*'", re.DOTALL
)
_PLAIN = re.compile(r"[^,\]}#\n]*[^,\]}#\s]")


@attrs.define
class Span:
    """From `head`, where its key or header begins, to `end`; what it holds begins at `start`.

    `is_headed`: a table that stands below its own `[header]`; it ends after its last own key, or its header.
    """

    head: int
    start: int
    end: int
    is_headed: bool = False


def spans_of(text: str) -> dict[Path, Span]:
    """Where everything stands, by its path as `TomlText` has it."""
    scan = _Scan(text)
    scan.page()
    return scan.found


@attrs.define
class _Scan:
    text: str
    at: int = 0
    found: dict[Path, Span] = attrs.field(factory=dict)
    lasts: dict[Path, int] = attrs.field(factory=dict)

    def page(self) -> None:
        table: Path = ()
        self._skip(_BETWEEN)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._key(table, self.found.get(table))
            self._skip(_BETWEEN)

    def _header(self) -> Path:
        head, grows = self.at, self.text.startswith("[[", self.at)
        self.at += 1 + grows
        keys = self._keys()
        self.at += 1 + grows
        place: Path = ()
        for number, key in enumerate(keys, 1):
            place = (*place, key)
            if grows and number == len(keys):
                self.lasts[place] = self.lasts.get(place, -1) + 1
            if place in self.lasts:
                place = (*place, self.lasts[place])
        self.found[place] = Span(head, self.at, self.at, is_headed=True)
        return place

    def _key(self, table: Path, within: Span | None) -> None:
        head = self.at
        path = (*table, *self._keys())
        self.at += 1
        self._skip(_SPACE)
        self._value(path, head)
        if within is not None:
            within.end = self.at

    def _keys(self) -> list[str]:
        keys = []
        while True:
            self._skip(_SPACE)
            key = self._skip(_KEY)
            keys.append(key[1:-1] if key[0] in "\"'" else key)
            self._skip(_SPACE)
            if self.text[self.at] != ".":
                return keys
            self.at += 1

    def _value(self, path: Path, head: int) -> None:
        start = self.at
        if self.text[start] in "[{":
            self._inside(path, is_list=self.text[start] == "[")
        elif not self._skip(_TEXT):
            self._skip(_PLAIN)
        self.found[path] = Span(head, start, self.at)

    def _inside(self, path: Path, *, is_list: bool) -> None:
        self.at += 1
        number = 0
        while True:
            self._skip(_BETWEEN)
            match self.text[self.at]:
                case "]" | "}":
                    self.at += 1
                    return
                case ",":
                    self.at += 1
                    number += 1
                case _ if is_list:
                    self._value((*path, number), self.at)
                case _:
                    self._key(path, None)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found[0]
