"""Shell: owns the personal values beside the chain: which text a reference stands for, and how long it is kept.

Refuses to know where they occur. A value that is deleted leaves its references behind, which are then pseudonyms.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Container, Iterator

import attrs

from monitoring_core.journal.chain import SALT_BYTES, reference
from monitoring_core.journal.port import Turn
from monitoring_core.window import Window

LASTING, PASSING, REFERENCES, META = "value", "passing", "reference", "meta"
"""Values that are kept until they are erased, and those that are kept as long as a call needs them; both by reference.
References by text. What processes tell each other."""
DELETED, ERASED_MARK = "deleted", "erased"
KNOWN_MAX = 50_000
ERASED = "~"
"""What a pseudonym begins with: `~` and the reference."""


@attrs.frozen
class Value:
    """A personal text. `lasting`: not only named by a call."""

    reference: str
    salt: bytes
    text: str
    lasting: bool

    def fits(self) -> bool:
        """Whether text and salt are those that the reference was made of."""
        return reference(self.salt, self.text) == self.reference

    @property
    def packed(self) -> bytes:
        """As it is stored."""
        return self.salt + self.text.encode()


class Vault:
    """The values of one site as its writer needs them; what is new is written by `flush`."""

    def __init__(self) -> None:
        self._known: Window[Value] = Window(KNOWN_MAX)
        self._fresh: dict[str, Value] = {}
        self._deleted: bytes | None = None

    def begin(self, turn: Turn) -> None:
        """To be called first in a turn: what somebody deleted meanwhile is not known any more."""
        deleted = turn.get(META, DELETED)
        if deleted != self._deleted:
            self.forget()
            self._deleted = deleted

    def forget(self) -> None:
        """Know only what is written: after a turn that was undone."""
        self._known, self._fresh, self._deleted = Window(KNOWN_MAX), {}, None

    def naming(self, turn: Turn, *, lasting: bool) -> Callable[[str], str]:
        """What gives the reference that stands for a text, from now on if it is new; see `opening`."""

        def name(text: str) -> str:
            value = self._known.get(text) or self._find(turn, text)
            if value is None:
                salt = os.urandom(SALT_BYTES)
                value = self._fresh[text] = Value(reference(salt, text), salt, text, lasting)
                self._known.add(text, value)
            elif lasting and not value.lasting:
                value = self._fresh[text] = attrs.evolve(value, lasting=True)
                self._known.add(text, value)
            return value.reference

        return name

    def flush(self, turn: Turn) -> None:
        """Write what is new."""
        fresh, self._fresh = self._fresh.values(), {}
        if fresh:
            turn.put(LASTING, {value.reference: value.packed for value in fresh if value.lasting})
            turn.put(PASSING, {value.reference: None if value.lasting else value.packed for value in fresh})
            turn.put(REFERENCES, {value.text: value.reference.encode() for value in fresh})

    def delete(self, turn: Turn, values: Collection[Value]) -> None:
        """The texts are gone; every process learns of it with its next turn."""
        if values:
            for shelf in (LASTING, PASSING):
                turn.put(shelf, dict.fromkeys((value.reference for value in values), None))
            turn.put(REFERENCES, dict.fromkeys((value.text for value in values), None))
            turn.put(META, {DELETED: os.urandom(SALT_BYTES)})
            self.forget()

    def erase(self, turn: Turn, values: Collection[Value]) -> None:
        """The texts are gone though somebody may still have them in an engine."""
        self.delete(turn, values)
        turn.put(META, {ERASED_MARK: os.urandom(SALT_BYTES)})

    def sweep(self, turn: Turn, keep: Container[str]) -> int:
        """Delete what was only passing, but for the texts in `keep`; how many were."""
        gone = [value for value in every(turn, PASSING) if value.text not in keep]
        self.delete(turn, gone)
        return len(gone)

    def _find(self, turn: Turn, text: str) -> Value | None:
        value = self._fresh.get(text)
        if value is None:
            found = turn.get(REFERENCES, text)
            value = None if found is None else find(turn, found.decode())
            if value is not None:
                self._known.add(text, value)
        return value


def find(turn: Turn, reference: str) -> Value | None:
    """The value of a reference, if it was not deleted."""
    for shelf in (LASTING, PASSING):
        packed = turn.get(shelf, reference)
        if packed is not None:
            return _unpacked(shelf, reference, packed)
    return None


def every(turn: Turn, *shelves: str) -> Iterator[Value]:
    """Every value there is, or of those shelves."""
    for shelf in shelves or (LASTING, PASSING):
        for name, packed in turn.scan(shelf):
            yield _unpacked(shelf, name, packed)


def opening(turn: Turn) -> Callable[[str], str]:
    """What gives the text of a reference, as it is in `turn`; its pseudonym if it was deleted."""
    known: Window[str] = Window(KNOWN_MAX)

    def text(reference: str) -> str:
        opened = known.get(reference)
        if opened is None:
            value = find(turn, reference)
            opened = ERASED + reference if value is None else value.text
            known.add(reference, opened)
        return opened

    return text


def _unpacked(shelf: str, reference: str, packed: bytes) -> Value:
    return Value(reference, packed[:SALT_BYTES], packed[SALT_BYTES:].decode(errors="replace"), shelf == LASTING)
