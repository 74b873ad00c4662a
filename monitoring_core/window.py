"""Pure: owns the bounded memory of the past: the last so many keys with a value each, the oldest forgotten first.

Refuses to know what the keys mean. Two generations alternate, which costs less than an ordered queue and keeps
at least `size_max` and at most twice as many (design section 7).
"""

from __future__ import annotations

from typing import Generic, TypeVar

V = TypeVar("V")


class Window(Generic[V]):
    """At least the last `size_max` keys added."""

    __slots__ = ("_new", "_old", "size_max")

    def __init__(self, size_max: int) -> None:
        self.size_max = size_max
        self._new: dict[str, V] = {}
        self._old: dict[str, V] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._new or key in self._old

    def get(self, key: str) -> V | None:
        """The value of `key`, or None."""
        value = self._new.get(key)
        return self._old.get(key) if value is None else value

    def add(self, key: str, value: V) -> None:
        """Remember `key`; a known key is as new as if it were added for the first time."""
        if len(self._new) >= self.size_max:
            self._old, self._new = self._new, {}
        self._new[key] = value

    def take(self, key: str, value: V) -> bool:
        """Remember `key` if it is not known, and say whether that was so."""
        new = self._new
        if key in new or key in self._old:
            return False
        if len(new) >= self.size_max:
            self._old, self._new = new, {key: value}
        else:
            new[key] = value
        return True

    @property
    def generations(self) -> tuple[dict[str, V], dict[str, V]]:
        """The older and the newer keys with their values: all that it holds."""
        return self._old, self._new

    @generations.setter
    def generations(self, kept: tuple[dict[str, V], dict[str, V]]) -> None:
        self._old, self._new = kept

    def discard(self, key: str) -> None:
        """Forget `key`."""
        self._new.pop(key, None)
        self._old.pop(key, None)
