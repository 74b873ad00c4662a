"""Who sits where, what is known of persons and phones, and how that is told to the rules."""

from __future__ import annotations

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.domain import events as e
from monitoring_core.domain.facts import FACTS
from monitoring_core.domain.settings import Limits
from monitoring_core.floor.entities import Call, Leg, What
from monitoring_core.floor.facts import floor_facts
from monitoring_core.floor.floor import Floor
from monitoring_core.testing.strategies import people
from tests.helpers import SEATS, talk


def floor(*events: e.Event) -> Floor:
    """A floor that has learned of `events`, each at its own time."""
    made = Floor(Limits())
    for event in events:
        made.apply(event, event.at, event.at)
    return made


@pytest.mark.parametrize("state", e.LegState)
def test_where_the_agent_stands_on_a_call_is_told(state: e.LegState) -> None:
    """He is connected on it, or has put it on hold, exactly where his leg is in that state."""
    made = floor(e.CallSeen(view=e.CallView("c1", (e.Participant("0170", e.LegState.CONNECTED),))))
    call = made.calls.by_id["c1"]
    call.legs["5025"] = Leg("5025", state)
    facts = floor_facts(made, "5004", "5025", call)
    assert (facts["call.connected"], facts["call.held"]) == (state is e.LegState.CONNECTED, state is e.LegState.HELD)


def test_whether_anybody_sits_somewhere_is_known_or_not() -> None:
    """Of an extension it is known that somebody is signed in there, that nobody is, or nothing at all."""
    made = floor(*SEATS, e.SignedOut(person="bob"))
    assert [made.people.is_signed_in_on(extension) for extension in ("5004", "5025", "5099")] == [True, False, None]
    made.people.snapshot(e.Snapshot(covers=("people",), people=(e.PersonView("ann", ("5004",)),)), None)
    assert [made.people.is_signed_in_on(extension) for extension in ("5004", "5025", "5099")] == [True, False, False]


def holder(made: Floor, extension: str) -> str | None:
    """The id of who is signed in on `extension`."""
    person = made.people.on(extension)
    return person.id if person else None


def test_a_copy_of_a_floor_learns_for_itself() -> None:
    """What a copied floor hears of, the one that it was copied from has not heard of."""
    made = floor(*SEATS)
    deepcopy(made).apply(e.SignedOut(person="ann"), None, None)
    assert holder(made, "5004") == "ann"


# Seats


def test_who_signs_in_holds_the_extension() -> None:
    """A sign-in says who sits on an extension."""
    made = floor(*SEATS)
    assert (holder(made, "5004"), holder(made, "5025"), holder(made, "5099")) == ("ann", "bob", None)


def test_a_person_may_sit_on_several_extensions() -> None:
    """A second sign-in elsewhere does not end the first."""
    made = floor(*SEATS, e.SignedIn(person="ann", extension="5005"))
    assert list(made.people.persons["ann"].extensions) == ["5004", "5005"]


def test_a_sign_in_takes_the_extension_over() -> None:
    """An extension belongs to one person at a time, the one who signed in last."""
    made = floor(*SEATS, e.SignedIn(person="eve", extension="5004"))
    assert holder(made, "5004") == "eve"
    assert not made.people.persons["ann"].extensions


def test_a_sign_out_is_of_one_extension_or_of_all() -> None:
    """Who signs out of one extension keeps his others; who signs out without naming one has none."""
    made = floor(*SEATS, e.SignedIn(person="ann", extension="5005"), e.SignedOut(person="ann", extension="5004"))
    assert list(made.people.persons["ann"].extensions) == ["5005"]
    made.apply(e.SignedOut(person="ann"), None, None)
    assert not made.people.persons["ann"].extensions


def test_sign_ins_out_of_order_leave_the_latest() -> None:
    """A sign-in or sign-out from before the seat's last change says nothing."""
    made = floor(
        e.SignedIn(person="ann", extension="5004", at=5.0),
        e.SignedIn(person="eve", extension="5004", at=4.0),
        e.SignedOut(person="ann", extension="5004", at=4.0),
    )
    assert holder(made, "5004") == "ann"


def test_a_sign_in_that_is_known_is_no_news() -> None:
    """Only a seat that changes hands is a change."""
    made = floor(*SEATS)
    assert not made.apply(SEATS[0], None, None)
    (change,) = made.apply(e.SignedIn(person="eve", extension="5004"), None, None)
    assert (change.what, change.address, change.other) == (What.PERSON, "5004", "eve")


@given(st.lists(people, max_size=10))
def test_what_is_told_of_people_twice_is_told_once(events: list[e.Event]) -> None:
    """Whatever a floor just learned of people and phones is no news to it."""
    made = Floor(Limits())
    for event in events:
        made.apply(event, None, None)
        before = repr(made.people)
        assert not made.apply(event, None, None)
        assert repr(made.people) == before


# What is known of persons and phones


def test_what_is_not_said_stays() -> None:
    """A change that does not mention a property leaves it as it was."""
    made = floor(
        e.PersonChanged(person="ann", name="Ann", roles=("Agent",), teams=("a",), supervises=("b",), state="READY"),
        e.PersonChanged(person="ann", state="TALKING", facts={"vip": True}),
        e.PersonChanged(person="ann", facts={"senior": True}),
    )
    ann = made.people.persons["ann"]
    assert (ann.name, ann.roles, ann.teams, ann.supervises) == (
        "Ann", frozenset({"Agent"}), frozenset({"a"}), frozenset({"b"}),
    )  # fmt: skip
    assert (ann.state, ann.facts) == ("TALKING", {"vip": True, "senior": True})


def test_an_older_change_of_a_person_says_nothing() -> None:
    """What is known from later stays: of persons, also by a sign-in, and of phones."""
    made = floor(
        e.PersonChanged(person="ann", state="TALKING", at=5.0),
        e.PersonChanged(person="ann", state="READY", at=4.0),
        e.SignedIn(person="ann", extension="5004", state="NOT_READY", at=3.0),
        e.PhoneChanged(extension="5004", configured=True, at=5.0),
        e.PhoneChanged(extension="5004", configured=False, supports_monitoring=True, at=4.0),
    )
    assert made.people.persons["ann"].state == "TALKING"
    assert holder(made, "5004") == "ann"
    phone = made.people.phones["5004"]
    assert (phone.configured, phone.supports_monitoring) == (True, None)


# Facts


def test_the_floors_facts_are_of_the_catalogue() -> None:
    """Every fact that a floor gives, but for declared ones, is in the catalogue and of its type."""
    kinds = {"text": str, "flag": bool, "number": int, "set": frozenset}
    made = floor(*SEATS, e.PersonChanged(person="bob", state="TALKING"), e.CallChanged(call="c1", type="OUT"), *talk())
    facts = floor_facts(made, "5004", "5025", made.calls.by_id["c1"])
    assert all(type(value) is kinds[FACTS[name].type] for name, value in facts.items())
    assert facts.keys() >= {"supervisor.teams", "agent.phone.configured", "call.parties", "agent.line", "call.type"}


def test_what_is_not_known_is_left_out() -> None:
    """Of an empty floor only what is certain is a fact: nobody is signed in, and no call is there."""
    assert floor_facts(floor(), "5004", "5025", None) == {
        "agent.line": "idle",
        "agent.calls": 0,
        "supervisor.line": "idle",
        "supervisor.signed_in": False,
        "agent.signed_in": False,
    }


def test_a_supervisors_teams_are_those_that_he_is_responsible_for() -> None:
    """The supervisor's teams are those he supervises, the agent's those he is in."""
    both = e.PersonChanged(person="ann", teams=("a",), supervises=("b",))
    made = floor(both, e.SignedIn(person="ann", extension="5004"), e.SignedIn(person="ann", extension="5025"))
    facts = floor_facts(made, "5004", "5025", None)
    assert (facts["supervisor.teams"], facts["agent.teams"]) == (frozenset({"b"}), frozenset({"a"}))


def test_a_call_that_the_agent_is_not_on_is_not_connected() -> None:
    """The facts of a call that the agent has no part in say so."""
    facts = floor_facts(floor(*talk()), "5004", "5099", Call("c9"))
    assert (facts["call.connected"], facts["call.parties"], facts["call.is_monitor_call"]) == (False, 0, False)


def test_declared_facts_are_read_under_their_owner() -> None:
    """What a site declared of a person, a phone or a call is a fact of that name; lists are sets."""
    made = floor(
        *SEATS, *talk(),
        e.PersonChanged(person="ann", facts={"trainer": True}),
        e.PersonChanged(person="bob", facts={"topics": ("x", "y")}),
        e.PhoneChanged(extension="5025", facts={"room": "2"}),
        e.CallChanged(call="c1", facts={"consent": "one"}),
    )  # fmt: skip
    facts = floor_facts(made, "5004", "5025", made.calls.by_id["c1"])
    assert (facts["supervisor.trainer"], facts["agent.topics"], facts["agent.phone.room"], facts["call.consent"]) == (
        True, frozenset({"x", "y"}), "2", "one",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["person", "teams", "signed_in", "state"])
def test_a_declared_fact_never_stands_in_for_a_built_in_one(name: str) -> None:
    """A declared fact with a built-in name is not read: it could widen access."""
    made = floor(*SEATS, e.PersonChanged(person="bob", facts={name: "everything"}))
    assert floor_facts(made, "5004", "5025", None).get(f"agent.{name}") != "everything"
