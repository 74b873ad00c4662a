"""Shell: owns the personal values beside the chain: which text a reference stands for, and how long it is kept.

Refuses to know where they occur. A value that is deleted leaves its references behind, which are then pseudonyms.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Container, Iterator

import attrs

from monitoring_core.journal.chain import SALT_BYTES, reference
from monitoring_core.journal.port import Turn
from monitoring_core.window import Window

VALUES, REFERENCES, META = "value", "reference", "meta"
DELETIONS = "deletions"
KNOWN_MAX = 50_000
ERASED = "~"
"""What a pseudonym begins with: `~` and the reference."""

_LASTING, _PASSING = b"L", b"P"


@attrs.frozen
class Value:
    """A personal text. `lasting`: kept until it is erased; else only as long as a call needs it."""

    reference: str
    salt: bytes
    text: str
    lasting: bool

    def fits(self) -> bool:
        """Whether text and salt are those that the reference was made of."""
        return reference(self.salt, self.text) == self.reference


class Vault:
    """The values of one site, as far as they were needed lately; what is new is written by `flush`."""

    def __init__(self) -> None:
        self._by_text: Window[Value] = Window(KNOWN_MAX)
        self._text_of: Window[str] = Window(KNOWN_MAX)
        self._fresh: dict[str, Value] = {}
        self._deletions: bytes | None = None

    def begin(self, turn: Turn) -> None:
        """To be called first in a turn: what somebody deleted meanwhile is not known any more."""
        deletions = turn.get(META, DELETIONS)
        if deletions != self._deletions:
            self.forget()
            self._deletions = deletions

    def forget(self) -> None:
        """Know only what is written: after a turn that was undone."""
        self.__init__()  # type: ignore[misc]

    def reference(self, turn: Turn, text: str, *, lasting: bool) -> str:
        """What stands for `text`, from now on if it is new."""
        known = self._by_text.get(text) or self._fresh.get(text) or self._find(turn, text)
        if known is None:
            salt = os.urandom(SALT_BYTES)
            known = self._fresh[text] = Value(reference(salt, text), salt, text, lasting)
        elif lasting and not known.lasting:
            known = self._fresh[text] = attrs.evolve(known, lasting=True)
        else:
            return known.reference
        self._by_text.add(text, known)
        return known.reference

    def known(self, turn: Turn, text: str) -> str | None:
        """What stands for `text`, if anything does."""
        found = self._by_text.get(text) or self._find(turn, text)
        return None if found is None else found.reference

    def text(self, turn: Turn, reference: str) -> str:
        """The text of a reference; its pseudonym if it was deleted."""
        known = self._text_of.get(reference)
        if known is None:
            value = find(turn, reference)
            known = ERASED + reference if value is None else value.text
            self._text_of.add(reference, known)
        return known

    def flush(self, turn: Turn) -> None:
        """Write what is new."""
        if self._fresh:
            turn.put(VALUES, {value.reference: _pack(value) for value in self._fresh.values()})
            turn.put(REFERENCES, {text: value.reference.encode() for text, value in self._fresh.items()})
            for value in self._fresh.values():
                self._text_of.discard(value.reference)
            self._fresh = {}

    def delete(self, turn: Turn, values: Collection[Value]) -> None:
        """The texts are gone; every process learns of it with its next turn."""
        if values:
            turn.put(VALUES, dict.fromkeys((value.reference for value in values), None))
            turn.put(REFERENCES, dict.fromkeys((value.text for value in values), None))
            turn.put(META, {DELETIONS: os.urandom(SALT_BYTES)})
            self.forget()

    def sweep(self, turn: Turn, keep: Container[str]) -> int:
        """Delete what was only passing, but for the texts in `keep`; how many were."""
        gone = [value for value in every(turn) if not value.lasting and value.text not in keep]
        self.delete(turn, gone)
        return len(gone)

    def _find(self, turn: Turn, text: str) -> Value | None:
        found = turn.get(REFERENCES, text)
        value = None if found is None else find(turn, found.decode())
        if value is not None:
            self._by_text.add(text, value)
        return value


def find(turn: Turn, reference: str) -> Value | None:
    """The value of a reference, if it was not deleted."""
    packed = turn.get(VALUES, reference)
    return None if packed is None else _unpack(reference, packed)


def every(turn: Turn) -> Iterator[Value]:
    """Every value there is."""
    return (_unpack(name, packed) for name, packed in turn.scan(VALUES))


def _pack(value: Value) -> bytes:
    return value.salt + (_LASTING if value.lasting else _PASSING) + value.text.encode()


def _unpack(reference: str, packed: bytes) -> Value:
    flag, text = packed[SALT_BYTES : SALT_BYTES + 1], packed[SALT_BYTES + 1 :]
    return Value(reference, packed[:SALT_BYTES], text.decode(errors="replace"), flag == _LASTING)
