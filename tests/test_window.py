"""What a window keeps, and what it forgets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.window import Window

keys = st.lists(st.integers(0, 12).map(str), max_size=60)


@given(keys, st.integers(1, 6))
def test_the_last_keys_are_always_known(added: list[str], size_max: int) -> None:
    """Whatever was added within the last `size_max` additions is known, with its latest value."""
    window: Window[int] = Window(size_max)
    for number, key in enumerate(added):
        window.add(key, number)
    for key in set(added[-size_max:]):
        assert key in window
        assert window.get(key) == max(number for number, other in enumerate(added) if other == key)


@given(keys, st.integers(1, 6))
def test_no_more_than_twice_the_size_is_kept(added: list[str], size_max: int) -> None:
    """However much is added, at most twice `size_max` keys are known."""
    window: Window[bool] = Window(size_max)
    for key in added:
        window.add(key, value=True)
    assert sum(key in window for key in set(added)) <= 2 * size_max


def test_the_oldest_is_forgotten() -> None:
    """A key older than two generations is gone."""
    window: Window[int] = Window(2)
    for number in range(5):
        window.add(str(number), number)
    assert ("0" in window, window.get("0"), window.get("4")) == (False, None, 4)


@pytest.mark.parametrize("later", [0, 2])
def test_a_discarded_key_is_unknown(later: int) -> None:
    """A key that is discarded is unknown at once, in whichever generation it was."""
    window: Window[bool] = Window(2)
    window.add("x", value=True)
    for number in range(later):
        window.add(str(number), value=True)
    window.discard("x")
    assert "x" not in window


def test_a_key_added_again_has_its_new_value_also_in_the_next_generation() -> None:
    """A value given again is the one that stays when the generations change."""
    window: Window[int] = Window(2)
    for key, value in (("x", 1), ("y", 1), ("x", 2), ("z", 3)):
        window.add(key, value)
    assert window.get("x") == 2
