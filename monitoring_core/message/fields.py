"""Pure: owns the reading of one JSON object by what its keys mean, in whatever spelling they came.

Refuses to know which keys a message has; it knows how to find one, and how to say that one is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Self

import attrs

from monitoring_core.errors import MessageError, quote
from monitoring_core.message.parsing import below, fold, place

_LIKENESS_MIN = 0.85
"""difflib's ratio from which on a key is offered as a misspelling: fromAdress, but not toAddress for fromAddress."""

_KINDS = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}


@attrs.frozen
class Fields:
    """The members of one JSON object. Keys are asked for in the writer's spelling, several if one thing has several."""

    path: str
    values: Mapping[str, Any]
    spelt: Mapping[str, list[str]]

    @classmethod
    def of(cls, value: object, path: str = "") -> Self:
        """The members of `value`, which stands at key path `path`. Raises MessageError if it is not an object."""
        if not isinstance(value, dict):
            raise MessageError(f"this is {_kind(value)}, not an object", place(path), "put the keys in { and }")
        spelt: dict[str, list[str]] = {}
        for key in value:
            spelt.setdefault(fold(key), []).append(key)
        return cls(path, value, spelt)

    def key(self, *names: str) -> str | None:
        """The key as it was sent, or None. Raises MessageError if two spellings of it are there: neither counts."""
        found = [key for name in names for key in self.spelt.get(fold(name), ())]
        if len(found) > 1:
            what = f"{names[0]} stands here twice, in two spellings"
            raise MessageError(what, place(self.path), f"send {names[0]} once")
        return found[0] if found else None

    def value(self, *names: str) -> object:
        """What stands under the key; None if nothing does."""
        key = self.key(*names)
        return None if key is None else self.values[key]

    def inside(self, *names: str) -> Self:
        """The members of an object that must be there. Raises MessageError."""
        key = self._required(names)
        return self.of(self.values[key], below(self.path, key))

    def text(self, *names: str) -> str:
        """A text that must be there. Raises MessageError."""
        return self._text_at(self._required(names), names[0])

    def text_or_none(self, *names: str) -> str | None:
        """A text, or None if there is none or null. Raises MessageError if it is something else."""
        key = self.key(*names)
        return None if key is None or self.values[key] is None else self._text_at(key, names[0])

    def rest(self, *names: str) -> dict[str, Any]:
        """Every member that is none of `names`, in order."""
        known = {fold(name) for name in names}
        return {key: value for key, value in self.values.items() if fold(key) not in known}

    def _required(self, names: tuple[str, ...]) -> str:
        key = self.key(*names)
        if key is None:
            near = get_close_matches(fold(names[0]), self.spelt, n=1, cutoff=_LIKENESS_MIN)
            fix = f"{quote(self.spelt[near[0]][0])} is there: did you mean {names[0]}?" if near else f"add {names[0]}"
            raise MessageError(f"{names[0]} is missing", place(self.path), fix)
        return key

    def _text_at(self, key: str, name: str) -> str:
        value = self.values[key]
        if not isinstance(value, str):
            fix = 'put it in double quotes: "0042" is another address than 42'
            raise MessageError(f"{name} is {_kind(value)}, not text", place(below(self.path, key)), fix)
        return value


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "a number")
