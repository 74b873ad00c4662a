"""Shell: owns the texts that one story is made of: the openings that go first, and what its parameters stand for.

Refuses to know what rows, people and settings mean; `story` reads them from the pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from posixpath import dirname, join, normpath
from typing import Any, NoReturn

import attrs

from monitoring_core.domain.settings import Limits
from monitoring_core.errors import StoryError, quote
from monitoring_core.rules.text import Path, TomlText, did_you_mean, is_words, read_toml

KEYS = (
    *("title", "about", "opening", "parameters", "settings", "rules", "profile", "given", "when", "notices"),
    *("recorded", "source", "sessions"),
)
TOML = ".toml"
PARAMETERS = "parameters"
WAYS_MAX = 200
_FILLED_MAX = 1_000_000
"""Values, and characters put into texts, of all ways together: parameters within parameters must not explode."""
_DEEP_MAX = 8
_BITS_MAX = 64
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_USED = re.compile(r"\$\{([^{}]*)\}")
_AS_ITSELF = re.compile(r"[\w.+@#-]{1,24}")
_LISTS = 'write it like mode = ["silent", "whisper"]'

Parameters = dict[str, Any]


def page_of(name: str, text: str, needed: tuple[str, ...] = ()) -> TomlText:
    """One text with the keys of a story. Raises StoryError for its first problem."""
    page = read_toml(name, text, Limits().rule_file_bytes_max)
    page.unknown_keys((), page.data, KEYS)
    for key in needed:
        if not page.problems and not is_words(page.data.get(key)):
            page.problem((key,), f"a story needs its {key}", f'write {key} = "..." in plain words')
    raise_first(page)
    return page


def raise_first(page: TomlText) -> None:
    """Raises StoryError with the first problem of a page, if it has one."""
    if page.problems:
        _, first = page.problems[0]
        raise StoryError(first.what, first.where, first.fix)


def wrong(page: TomlText, path: Path, what: str, fix: str) -> NoReturn:
    """Raises StoryError with file, line and key."""
    page.problem(path, what, fix)
    _, problem = page.problems[-1]
    raise StoryError(problem.what, problem.where, problem.fix)


def chain_of(page: TomlText, openings: Mapping[str, str]) -> list[TomlText]:
    """What goes first, in its order and each only once, then the story itself. Raises StoryError."""
    chain: dict[str, TomlText] = {}
    _add(chain, page, openings, ("",))
    return list(chain.values())


def _add(chain: dict[str, TomlText], page: TomlText, openings: Mapping[str, str], open_now: tuple[str, ...]) -> None:
    """`open_now`: the texts that are being read, by their names; the last is this page."""
    named = page.data.get("opening", [])
    for wanted in [named] if isinstance(named, str) else named if isinstance(named, list) else [named]:
        name = _place(wanted, open_now[-1]) if isinstance(wanted, str) else ""
        if not name or name not in openings:
            wrong(page, ("opening",), f'no opening "{quote(wanted)}"', _meant(str(wanted), openings))
        if len(open_now) > _DEEP_MAX:
            wrong(page, ("opening",), "openings open each other without end", "let one of them begin by itself")
        if name not in chain:
            _add(chain, page_of(f"opening {name}", openings[name]), openings, (*open_now, name))
    chain[open_now[-1]] = page


def _place(wanted: str, inside: str) -> str:
    """A path is seen from the file that names it, as the story sees it; a name is an opening's."""
    if not wanted.endswith(TOML):
        return wanted
    here = inside if inside.endswith(TOML) or not inside else f"openings/{inside}{TOML}"
    return normpath(join(dirname(here), wanted))


def _meant(word: str, openings: Mapping[str, str]) -> str:
    if word.endswith(TOML):
        return "a path is seen from the folder of the file that names it"
    return did_you_mean(word, list(openings)) if openings else "no openings came with this story; write it out"


def ways_of(chain: list[TomlText]) -> Iterator[tuple[str, list[TomlText]]]:
    """The pages once for each combination of the parameters, filled in, each with what it is called.

    Raises StoryError for parameters that are none, and for one that is used and not told.
    """
    known: Parameters = {}
    for page in chain:
        known |= _parameters(page)
    combinations = 1
    for values in known.values():
        combinations *= len(values)
    if combinations > WAYS_MAX:
        wrong(chain[-1], (PARAMETERS,), f"{combinations} ways are too many", f"at most {WAYS_MAX}: write two stories")
    shown = {name: _shown(values) for name, values in known.items()}
    filling = _Filling()
    for numbers in product(*(range(len(values)) for values in known.values())):
        chosen = {name: known[name][number] for name, number in zip(known, numbers, strict=True)}
        way = "-".join(f"{name}={shown[name][number]}" for name, number in zip(known, numbers, strict=True))
        yield way, [attrs.evolve(page, data=filling.of(page, (), page.data, chosen), problems=[]) for page in chain]


def _parameters(page: TomlText) -> Parameters:
    told = page.data.get(PARAMETERS, {})
    if not isinstance(told, dict):
        wrong(page, (PARAMETERS,), "parameters is not a table", _LISTS)
    for name, values in told.items():
        path = (PARAMETERS, name)
        if not _NAME.fullmatch(name):
            wrong(page, path, f'a parameter cannot be called "{quote(name)}"', "write letters, digits, _ and -")
        if not isinstance(values, list) or not values or not all(map(_is_value, values)):
            wrong(page, path, f"{name} is not a list of texts, numbers, true or false, or of lists of texts", _LISTS)
        if len(values) > WAYS_MAX:
            wrong(page, path, f"{len(values)} values are too many", f"at most {WAYS_MAX}: write two stories")
        if any(value in values[:number] for number, value in enumerate(values)):
            wrong(page, path, f"{name} has a value twice", "a story runs once for each; leave one out")
    return told


def _is_value(raw: object) -> bool:
    if isinstance(raw, list):
        return all(isinstance(one, str) for one in raw)
    return isinstance(raw, str | float) or (isinstance(raw, int) and raw.bit_length() < _BITS_MAX)


def _word(value: object) -> str:
    """A parameter within a longer text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(values: list[Any]) -> list[str]:
    """Each value as a test is called, or else their numbers."""
    words = [_word(value) for value in values]
    plain = len(set(words)) == len(words) and all(map(_AS_ITSELF.fullmatch, words))
    return words if plain else [f"#{number}" for number in range(1, len(words) + 1)]


@attrs.define
class _Filling:
    """Values with their parameters; `size` of all so far."""

    size: int = 0

    def of(self, page: TomlText, path: Path, raw: Any, chosen: Parameters) -> Any:
        """`raw` with its parameters: one that is the whole text keeps its type."""
        self._grow(page, 1)
        if isinstance(raw, dict):
            return {
                key: value if (*path, key) == (PARAMETERS,) else self.of(page, (*path, key), value, chosen)
                for key, value in raw.items()
            }
        if isinstance(raw, list):
            return [self.of(page, (*path, number), value, chosen) for number, value in enumerate(raw)]
        return self._text(page, path, raw, chosen) if isinstance(raw, str) and "${" in raw else raw

    def _text(self, page: TomlText, path: Path, raw: str, chosen: Parameters) -> Any:
        names = _USED.findall(raw)
        for name in names:
            if name not in chosen:
                fix = did_you_mean(name, chosen) if chosen else 'write [parameters], and below it mode = ["silent"]'
                wrong(page, path, f'no parameter "{quote(name)}"', fix)
        if names and raw == f"${{{names[0]}}}":
            return chosen[names[0]]
        self._grow(page, sum(len(_word(chosen[name])) for name in names))
        return _USED.sub(lambda used: _word(chosen[used[1]]), raw)

    def _grow(self, page: TomlText, size: int) -> None:
        self.size += size
        if self.size > _FILLED_MAX:
            wrong(page, (PARAMETERS,), "with all of its parameters this story is too long", "write several stories")
