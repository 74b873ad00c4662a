"""Pure: owns one TOML text: its data, the line on which each key stands, and problems that name file, line and key.

Refuses to know what the keys mean; rules, settings and cases are all read through it.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Iterable
from typing import Any

import attrs

from monitoring_core.errors import RuleBookError, RuleError, quote

Path = tuple[str | int, ...]

# Dotted keys nest without brackets, as deep as a line is long; nothing in the language goes deeper than this.
DEPTH_MAX = 12
_WORD_CHARS_MAX = 80
_OPTIONS_MAX = 200

_KEY = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_DOTTED = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
# tomllib keeps every beginning of a dotted name: one of 60 kB took 3.4 GB. `(?>`: what was a part stays one.
_NEVER = re.compile(rf"(?<![\w-])(?:(?>{_KEY})[ \t]*+\.[ \t]*+){{32}}|[\ud800-\udfff]")
_STATEMENT = re.compile(rf"[ \t]*(?:(\[\[?)[ \t]*({_DOTTED})[ \t]*\]\]?|({_DOTTED})[ \t]*=)")
_TOKEN = re.compile(
    r'"""(?s:[^\\]|\\.)*?"{3,5}'
    r"|'''(?s:.)*?'{3,5}"
    r'|"(?:[^"\\]|\\.)*"'
    r"|'[^']*'|#[^\n]*|[\n\[\]{}]|[^\n\[\]{}\"'#]+|."
)
_SYNTAX = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)


@attrs.define
class TomlText:
    """One file's data (empty if it cannot be read), the line of each key path, and the problems found so far."""

    name: str
    data: dict[str, Any] = attrs.Factory(dict)
    lines: dict[Path, int] = attrs.Factory(dict)
    problems: list[tuple[int, RuleError]] = attrs.Factory(list)

    def problem(self, path: Path, what: str, fix: str, about: str = "") -> None:
        """Notes a problem at `path`; `about` names the rule or case that the first two parts of the path are."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        line = self.lines.get(known, 1)
        key = _shown(path[2:] if about else path)
        where = ", ".join(part for part in (f"{self.name}:{line}", about, key) if part)
        self.problems.append((line, RuleError(what, where, fix)))

    def unknown_keys(self, path: Path, table: Iterable[str], allowed: Collection[str], about: str = "") -> None:
        """Notes every key of `table` that is not `allowed`."""
        for key in table:
            if key not in allowed:
                self.problem((*path, key), f'unknown key "{quote(key)}"', did_you_mean(key, allowed), about)

    def tables(self, path: Path, raw: object, about: str = "") -> list[dict[str, Any]]:
        """`raw` as the list of tables that should stand at `path`; anything else is a problem and gives none."""
        if isinstance(raw, list) and all(isinstance(one, dict) for one in raw):
            return raw
        head = ".".join(part for part in path if isinstance(part, str))
        self.problem(path, f"{path[-1]} is not a list of tables", f"write [[{head}]]", about)
        return []


def read_toml(name: str, text: str, size_bytes_max: int) -> TomlText:
    """`text` as data with lines; what cannot be read is the one problem of an empty TomlText."""
    page = TomlText(name)
    size_bytes = len(text.encode("utf-8", "surrogatepass"))
    if size_bytes > size_bytes_max:
        page.problem((), f"{size_bytes} bytes are too many", f"at most {size_bytes_max}: split the file")
        return page
    try:
        if found := _NEVER.search(text):
            line = text.count("\n", 0, found.start()) + 1
            raise ValueError(f"a name has too many parts, or a character is only half there (at line {line}, column 1)")
        page.data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        page.problems.append(_syntax_problem(name, str(error)))
    else:
        page.lines = _lines(text)
    return page


def check(pages: Iterable[TomlText], what: str) -> None:
    """Raises RuleBookError with the problems of all pages, each page's in the order of its lines."""
    problems = [problem for page in pages for _, problem in sorted(page.problems, key=lambda pair: pair[0])]
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise RuleBookError(f"{count} in {what}", problems=tuple(problems))


def is_words(raw: object) -> bool:
    """Whether `raw` is a text that says something."""
    return isinstance(raw, str) and bool(raw.strip())


def did_you_mean(word: str, options: Collection[str], otherwise: str = "") -> str:
    """The nearest of `options`, or else `otherwise`, or all of them."""
    named = sorted(options)
    likely = named if len(named) <= _OPTIONS_MAX else [one for one in named if one[:2] == word[:2]][:_OPTIONS_MAX]
    near = difflib.get_close_matches(word[:_WORD_CHARS_MAX], likely, 1)
    if near:
        return f'did you mean "{near[0]}"?'
    return otherwise or "one of: " + ", ".join(named[:_OPTIONS_MAX])


def _shown(path: Path) -> str:
    """`("unless", 1, "call")` as people count it: unless[2].call."""
    parts = (f"[{part + 1}]" if isinstance(part, int) else f".{quote(part)}" for part in path[:DEPTH_MAX])
    return "".join(parts).lstrip(".")


def _syntax_problem(name: str, message: str) -> tuple[int, RuleError]:
    """tomllib's message in our form; what it quotes of the input is cut to size."""
    found = _SYNTAX.fullmatch(message)
    if found is None:
        return 1, RuleError("not TOML: a number is too long or brackets nest too deep", f"{name}:1", "write it shorter")
    what = re.sub(r"['(].*[')]", lambda part: quote(part[0]), found[1], flags=re.DOTALL)
    line = int(found[2] or 1)
    where = f"{name}:{line}, column {found[3]}" if found[2] else f"{name}, at its end"
    return line, RuleError(f"not TOML: {what}", where, "see toml.io for the syntax; text stands in double quotes")


def _lines(text: str) -> dict[Path, int]:
    """The line of each head and key of a valid text; keys inside a value have none and borrow their statement's."""
    lines: dict[Path, int] = {}
    lasts: dict[Path, int] = {}
    head: Path = ()
    line, depth, position, at_start = 1, 0, 0, True
    while position < len(text):
        statement = _STATEMENT.match(text, position) if at_start else None
        at_start = False
        if statement:
            brackets, heads, keys = statement.groups()
            if brackets:
                head = _placed(heads, lasts, grows=brackets == "[[")
            path = head if brackets else head + _split(keys)
            for end in range(1, len(path) + 1)[-DEPTH_MAX:]:
                lines.setdefault(path[:end], line)
            position = statement.end()
        else:
            token = next(_TOKEN.finditer(text, position))
            line += token[0].count("\n")
            depth += (token[0] in "[{") - (token[0] in "]}")
            at_start = token[0] == "\n" and depth == 0
            position = token.end()
    return lines


def _split(dotted: str) -> tuple[str, ...]:
    return tuple(key[1:-1] if key[0] in "\"'" else key for key in re.findall(_KEY, dotted))


def _placed(heads: str, lasts: dict[Path, int], *, grows: bool) -> Path:
    """The path that a head opens, with the number of the last element for each array of tables on the way."""
    place: Path = ()
    keys = _split(heads)
    for number, key in enumerate(keys, 1):
        place = (*place, key)
        if grows and number == len(keys):
            lasts[place] = lasts.get(place, -1) + 1
        if place in lasts:
            place = (*place, lasts[place])
    return place
