"""The vocabulary: events and their JSON, facts and their names, outcomes and their JSON, errors and their words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any, get_args

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.domain import events as e
from monitoring_core.domain.facts import FACTS
from monitoring_core.domain.outcomes import NOTHING, Reason, Step
from monitoring_core.domain.views import snake
from monitoring_core.errors import EventError, MonitoringError, RuleBookError, RuleError, quote
from monitoring_core.testing.strategies import KINDS, events
from tests.house.house import pure_sources

SCHEMA = jsonschema.Draft202012Validator(e.json_schema())
timed = st.builds(
    lambda event, at, received_at, identity: msgspec.structs.replace(
        event, at=at, received_at=received_at, id=identity
    ),
    events,
    st.none() | st.floats(0, 1e9),
    st.none() | st.floats(0, 1e9),
    st.none() | st.text(max_size=5),
)


def one_of(kind: type[e.Event]) -> e.Event:
    """The event of that kind with no more than it must say."""
    given: dict[str, Any] = {
        "outcome": "sent",
        "covers": (),
        "view": e.CallView("c1"),
        "version": e.FORMAT_VERSION,
        "behaviour": 1,
        "mode": "whisper",
        "position": 1,
    }
    needed = [field for field in msgspec.structs.fields(kind) if field.required]
    return kind(**{field.name: given.get(field.name, "text") for field in needed})


def below(kind: type[Any]) -> Iterator[type[Any]]:
    """All that is derived from a class."""
    for one in kind.__subclasses__():
        yield one
        yield from below(one)


def test_values_never_change() -> None:
    """No msgspec value that a pure room makes can be changed afterwards."""
    ours = {import_module(source.name).__name__ for source in pure_sources()}
    found = {one for one in below(msgspec.Struct) if one.__module__ in ours}
    assert e.Established in found
    assert not {one for one in found if not one.__struct_config__.frozen}


@given(timed)
def test_an_event_survives_its_json(event: e.Event) -> None:
    """Property 8 for the native log: whatever event is written is read as the same event."""
    assert msgspec.json.decode(msgspec.json.encode(event), type=e.AnyEvent) == event


@given(timed)
def test_every_event_fits_the_schema(event: e.Event) -> None:
    """The generated JSON Schema accepts every event that can be written."""
    SCHEMA.validate(json.loads(msgspec.json.encode(event)))


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_of_every_kind_fits_the_schema(kind: type[e.Event]) -> None:
    """The shortest event of each kind fits the schema, and names its kind in small letters."""
    line = json.loads(msgspec.json.encode(one_of(kind)))
    SCHEMA.validate(line)
    assert line["event"] == snake(kind.__name__)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_field_is_refused(kind: type[e.Event]) -> None:
    """A field that an event does not have is refused by reader and schema alike: a misspelt one is never ignored."""
    line = {**json.loads(msgspec.json.encode(one_of(kind))), "adress": "5025"}
    assert not SCHEMA.is_valid(line)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps(line), type=e.AnyEvent)


def test_every_event_is_of_the_union() -> None:
    """Every class of events is in the union that readers decode; none is forgotten."""
    made = {one for parent in (e.Event, e.OfLeg) for one in parent.__subclasses__() if one.__module__ == e.__name__}
    assert made == {*KINDS, e.OfLeg}


def test_every_leg_event_is_an_event() -> None:
    """The events of one participant are events."""
    assert set(get_args(e.LegEvent)) < set(KINDS)


def test_no_fact_is_the_beginning_of_another() -> None:
    """No fact's name, read by its dots, is the beginning of another's, so that a key names a fact or a table."""
    assert not [(one, other) for one in FACTS for other in FACTS if other.startswith(f"{one}.")]


def test_every_fact_has_a_name_of_its_own_and_says_what_it_means() -> None:
    """The catalogue files each fact under its own name, and none is without a meaning."""
    assert all(fact.name == name and fact.meaning for name, fact in FACTS.items())


def test_an_empty_step_is_an_empty_object() -> None:
    """The step that says nothing is `{}`."""
    assert msgspec.json.encode(NOTHING) == b"{}"
    assert msgspec.json.decode(b"{}", type=Step) == NOTHING


def test_reasons_have_names_of_their_own() -> None:
    """Every reason is written as its name in small letters."""
    assert all(reason.value == reason.name.lower() for reason in Reason)


# Errors


@given(st.text())
def test_a_quote_is_short_and_plain(text: str) -> None:
    """A quote has at most 40 characters, all of them printable ASCII."""
    quoted = quote(text)
    assert len(quoted) <= 40
    assert quoted.isascii()
    assert not quoted or quoted.isprintable()


def test_a_quote_is_cut_only_where_it_must_be() -> None:
    """Forty characters stand as they are; of forty-one the first are shown, and dots say that there is more."""
    assert (quote("x" * 40), quote("x" * 41)) == ("x" * 40, "x" * 37 + "...")


def test_a_quote_of_what_is_no_text_shows_it_as_python_does() -> None:
    """What is not text is quoted as Python writes it."""
    assert quote(["5004", 1]) == "['5004', 1]"


def test_an_error_says_what_where_and_the_fix() -> None:
    """An error reads as what, where and fix; what it does not know it leaves out."""
    assert str(EventError("no call", "line 3", "name one")) == "no call (line 3)\n  fix: name one"
    assert str(EventError("no call")) == "no call"


def test_a_rule_book_error_says_every_problem() -> None:
    """The error of a whole book tells its problems one after the other."""
    error = RuleBookError("2 problems", problems=(RuleError("one"), RuleError("two", "line 2")))
    assert str(error) == "2 problems\none\ntwo (line 2)"
    assert isinstance(error, MonitoringError)
