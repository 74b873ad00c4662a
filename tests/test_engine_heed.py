"""What is left out because nothing heeds it: an engine to which everything is told gives the same steps."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from msgspec.structs import replace

from monitoring_core.domain import events as e
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.floor.legs import Heed
from monitoring_core.state import dump
from monitoring_core.testing.large import LargeSite
from monitoring_core.testing.strategies import events
from tests.helpers import ANYBODY, DEFAULT, LISTENING, inside, settings, talk

WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"confirmation": "none", "conference": "end"},
    {"idle_target": "wait"},
    {"scope": "next_calls"},
    {"scope": "call", "conference": "suspend"},
)
calls, parties = st.sampled_from(("c1", "c1", "c2", "m1")), st.sampled_from(("5004", "5025", "5026", "0170"))
LEGS = (e.Established, e.Delivered, e.Held, e.Retrieved, e.ConnectionCleared)
of_calls: st.SearchStrategy[e.Event] = st.one_of(
    *(st.builds(kind, call=calls, address=parties) for kind in LEGS),
    st.builds(e.Conferenced, call=calls, into=calls),
    st.builds(e.Transferred, call=calls, by=parties, into=st.none() | calls, to=st.none() | parties),
    st.builds(e.CallChanged, call=calls, type=st.sampled_from(("INBOUND", "OUTBOUND"))),
    st.builds(e.CallCleared, call=calls),
)
"""What happens to the calls of a session, and to another."""
FIRST = (*LISTENING, *talk("c2", "5025", "5026"))


def two(given: Settings, book: Any = ANYBODY) -> tuple[Engine, Engine]:
    """An engine as it is, and one to which every change of every call is told."""
    usual, told = Engine(book, given, "s"), Engine(book, given, "s")
    inside(told).floor.calls.heed = Heed()
    return usual, told


def same(usual: Engine, plain: Engine, *told: e.Event) -> None:
    """Asserts that both step alike."""
    for position, event in enumerate(told):
        timed = replace(event, received_at=float(position))
        assert usual.step(timed) == plain.step(timed)
    assert dump(usual) == dump(plain)


@settings_of_hypothesis(max_examples=400)
@given(st.sampled_from(WAYS), st.lists(of_calls, min_size=1, max_size=6))
def test_what_nobody_heeds_of_calls_changes_nothing(ways: dict[str, Any], told: list[e.Event]) -> None:
    """Whatever happens to calls, the steps and the state are those of an engine to which every change is told."""
    same(*two(settings(**ways)), *FIRST, *told)


@given(st.sampled_from(WAYS), st.lists(events, max_size=40))
def test_what_nobody_heeds_changes_nothing(ways: dict[str, Any], told: list[e.Event]) -> None:
    """Whatever happens at all, steps and state are those of that engine, too."""
    same(*two(settings(**ways)), *told)


@pytest.mark.parametrize("ways", WAYS)
def test_a_day_of_a_large_site_is_the_same(ways: dict[str, Any]) -> None:
    """The calls that nobody listens to, of which such a site has most, are left out without a trace."""
    usual, plain = two(settings(**ways), DEFAULT)
    for event in LargeSite(agents=40, calls=200, requests=100).events():
        assert usual.step(event) == plain.step(event)
    assert dump(usual) == dump(plain)
