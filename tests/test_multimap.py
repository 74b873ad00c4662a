"""The map from a key to few values."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.multimap import Multimap


class Thing:
    """A value; each is only itself."""


THINGS = [Thing() for _ in range(3)]
actions = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "renew"]), st.sampled_from("ab"), st.sampled_from(THINGS)), max_size=30
)


@given(actions)
def test_it_holds_what_a_dictionary_of_lists_would(done: list[tuple[str, str, Thing]]) -> None:
    """After any actions it has the keys, the values and their order that a plain dictionary of lists has."""
    made, plain = Multimap[Thing](), dict[str, list[Thing]]()
    for action, key, thing in done:
        getattr(made, action)(key, thing)
        mine = plain.setdefault(key, [])
        if action != "add" and thing in mine:
            mine.remove(thing)
        if action != "remove" and thing not in mine:
            mine.append(thing)
        plain = {name: things for name, things in plain.items() if things}
        assert {name: list(things) for name, things in made.items()} == plain
        assert (len(made), set(made)) == (len(plain), set(plain))


def test_one_is_the_first_of_several() -> None:
    """Of several values `one` gives the first; of a key that is not there none."""
    made = Multimap[Thing]()
    made.add("a", THINGS[0])
    made.add("a", THINGS[1])
    assert (made.one("a"), made.one("b")) == (THINGS[0], None)


def test_a_key_is_there_as_long_as_it_has_a_value() -> None:
    """With its last value a key goes, too."""
    made = Multimap[Thing]()
    made.add("a", THINGS[0])
    assert "a" in made
    made.remove("a", THINGS[0])
    assert "a" not in made
