"""Pure: owns a map from a key to few values, mostly to one, which is then kept bare: a dictionary or a tuple of one
for each key would take several times the room of what it holds.

Refuses to know what it indexes; the order of a key's values is that in which they were added.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

V = TypeVar("V")


class Multimap(Generic[V]):
    """Keys with at least one value each; values are told apart by identity and are no tuples themselves.

    `held`: to be read only, where most events ask in vain whether a key is there and a call would cost them more.
    """

    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held: dict[str, V | tuple[V, ...]] = {}

    def __len__(self) -> int:
        return len(self.held)

    def __iter__(self) -> Iterator[str]:
        return iter(self.held)

    def __contains__(self, key: str) -> bool:
        return key in self.held

    def __repr__(self) -> str:
        return f"Multimap({self.held})"

    def __getitem__(self, key: str) -> tuple[V, ...]:
        """The values of `key`; none if it is not there."""
        held = self.held.get(key)
        if held is None:
            return ()
        return held if isinstance(held, tuple) else (held,)

    def one(self, key: str) -> V | None:
        """The first value of `key`, if there is any."""
        held = self.held.get(key)
        return held[0] if isinstance(held, tuple) else held

    def add(self, key: str, value: V) -> None:
        """Add a value; one that is there already keeps its place."""
        held = self.held.get(key)
        if held is None:
            self.held[key] = value
        elif held is not value and not any(other is value for other in self[key]):
            self.held[key] = (*self[key], value)

    def renew(self, key: str, value: V) -> None:
        """Make a value the last of its key's, whether it is there already or not."""
        if self.held.get(key) is not value:
            self.remove(key, value)
            self.add(key, value)

    def remove(self, key: str, value: V) -> None:
        """Take a value away, if it is there."""
        held = self.held.get(key)
        if held is value:
            del self.held[key]
        elif isinstance(held, tuple):
            left = tuple([other for other in held if other is not value])
            self.held[key] = left if len(left) > 1 else left[0]

    def items(self) -> Iterator[tuple[str, tuple[V, ...]]]:
        """Each key with its values."""
        return ((key, self[key]) for key in self.held)
