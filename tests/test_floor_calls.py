"""The calls of a floor: legs and their order, what a clear, a transfer and a merge leave behind, and what is gone."""

from __future__ import annotations

from itertools import permutations
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.domain import events as e
from monitoring_core.domain.events import LegState
from monitoring_core.domain.outcomes import Reason
from monitoring_core.domain.settings import Limits
from monitoring_core.floor.entities import Change, What, latest, older
from monitoring_core.floor.facts import floor_facts
from monitoring_core.floor.floor import Floor
from monitoring_core.testing.strategies import clears, legs
from tests.helpers import talk


def floor(*events: e.Event) -> Floor:
    """A floor that has learned of `events`, each at its own time."""
    made = Floor(Limits())
    for event in events:
        made.apply(event, event.at, event.at)
    return made


def learn(made: Floor, event: e.Event) -> list[Change]:
    """What one more event changes."""
    return list(made.apply(event, event.at, event.at))


def state(made: Floor, address: str = "5025", call: str = "c1") -> str:
    """The state of a leg."""
    return made.calls.by_id[call].legs[address].state.value


def line(made: Floor) -> object:
    """What the agent's extension is doing, as the rules are told."""
    return floor_facts(made, "5027", "5025", None)["agent.line"]


# Legs


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (e.Initiated, "initiated"),
        (e.Delivered, "alerting"),
        (e.Established, "connected"),
        (e.Held, "held"),
        (e.Retrieved, "connected"),
        (e.Parked, "waiting"),
    ],
)
def test_each_event_of_a_participant_is_a_state_of_his_leg(kind: type[e.Event], expected: str) -> None:
    """A participant's event says where he stands, also as the first that is heard of his call."""
    made = floor(kind(call="c1", address="5025"))  # type: ignore[call-arg]
    assert (state(made), line(made)) == (expected, expected)


@pytest.mark.parametrize("late", [e.Initiated, e.Delivered])
def test_who_talks_does_not_ring_again(late: type[e.Event]) -> None:
    """Dialling and ringing come before the answer: told after it, they are late."""
    made = floor(*talk())
    assert learn(made, late(call="c1", address="5025")) == []  # type: ignore[call-arg]
    assert state(made) == "connected"


@pytest.mark.parametrize("before", [None, e.Initiated, e.Delivered, e.Parked])
def test_who_is_first_heard_of_on_hold_is_on_the_call_and_holds(before: type[e.Event] | None) -> None:
    """Where the answer was lost, a hold tells both: that he talks on the call, and that he has put it on hold."""
    made = floor(*talk("c1", "0170"), *([before(call="c1", address="5025")] if before else []))  # type: ignore[call-arg]
    assert learn(made, e.Held(call="c1", address="5025")) == [
        Change(What.JOINED, "c1", "5025"),
        Change(What.HOLD, "c1", "5025"),
    ]


@pytest.mark.parametrize("before", [None, e.Initiated, e.Delivered, e.Parked])
def test_an_answer_is_an_answer_and_no_more(before: type[e.Event] | None) -> None:
    """Who answers has joined the call; nobody is told that a hold began or is over."""
    made = floor(*talk("c1", "0170"), *([before(call="c1", address="5025")] if before else []))  # type: ignore[call-arg]
    assert learn(made, e.Established(call="c1", address="5025")) == [Change(What.JOINED, "c1", "5025")]


def test_an_older_event_of_a_leg_changes_nothing() -> None:
    """Events that come in the wrong order leave what the latest of them said."""
    made = floor(e.Held(call="c1", address="5025", at=5.0), e.Retrieved(call="c1", address="5025", at=3.0))
    assert state(made) == "held"


def test_who_has_left_does_not_come_back() -> None:
    """Cleared is final: no later event of that participant on that call counts."""
    made = floor(*talk("c1", "0170", "0171", "5025"), e.ConnectionCleared(call="c1", address="5025"))
    for event in talk("c1", "5025"):
        assert learn(made, event) == []
    assert state(made) == "cleared"


@given(
    st.permutations(
        [*talk("c1", "0170", "5025"), e.Held(call="c1", address="5025"), e.ConnectionCleared(call="c1", address="5025")]
    )
)
def test_in_whatever_order_they_come_who_left_has_left(events: list[e.Event]) -> None:
    """The end of a leg that overtakes its beginning still is its end."""
    made = floor(*events)
    assert made.candidates("5025") == []


@given(st.lists(legs | clears, max_size=12))
def test_an_event_told_twice_is_told_once(events: list[e.Event]) -> None:
    """Whatever a floor just learned is no news to it, and changes no index."""
    made = Floor(Limits())
    for event in events:
        learn(made, event)
        before = repr((made.calls.by_id, made.calls.by_address))
        assert learn(made, event) == []
        assert repr((made.calls.by_id, made.calls.by_address)) == before


# Clears


def left(made: Floor, event: e.Event) -> list[tuple[str, str, Reason | None]]:
    """What, whom and why, of the changes of one event."""
    return [(change.what.value, change.address, change.reason) for change in learn(made, event)]


def test_who_hangs_up_dropped_and_the_other_is_on_a_call_that_is_over() -> None:
    """When one of two hangs up, he left, and the call is over for the other."""
    assert left(floor(*talk()), e.ConnectionCleared(call="c1", address="5025")) == [
        ("left", "5025", Reason.AGENT_DROPPED),
        ("over", "", Reason.CALL_ENDED),
    ]


def test_who_leaves_after_the_others_was_left() -> None:
    """Who goes last, when nobody talks any more, was left by a call that ended."""
    made = floor(*talk("c1", "0170", "5025"), e.Parked(call="c1", address="5025"))
    learn(made, e.Parked(call="c1", address="0170"))
    learn(made, e.ConnectionCleared(call="c1", address="0170"))
    assert left(made, e.ConnectionCleared(call="c1", address="5025"))[0] == ("left", "5025", Reason.CALL_ENDED)


@pytest.mark.parametrize("other", [e.Parked, e.Initiated])
def test_who_waits_or_dials_alone_may_still_be_answered(other: type[e.Event]) -> None:
    """A call goes on while its last party waits to be answered."""
    made = floor(*talk("c1", "5025"), other(call="c1", address="0170"))  # type: ignore[call-arg]
    assert left(made, e.ConnectionCleared(call="c1", address="5025")) == [("left", "5025", Reason.AGENT_DROPPED)]


def test_a_phone_that_rings_alone_is_on_no_call() -> None:
    """When the caller hangs up, the phone that still rings is on a call that is over."""
    made = floor(*talk("c1", "0170"), e.Delivered(call="c1", address="5025"))
    assert ("over", "", Reason.CALL_ENDED) in left(made, e.ConnectionCleared(call="c1", address="0170"))


def test_a_third_party_that_leaves_leaves_a_call() -> None:
    """When one of three hangs up, the call goes on."""
    made = floor(*talk("c1", "0170", "0171", "5025"))
    assert left(made, e.ConnectionCleared(call="c1", address="0171")) == [("left", "0171", Reason.AGENT_DROPPED)]


def test_a_clear_older_than_what_is_known_changes_nothing() -> None:
    """An end from before the leg's last change is not its end."""
    made = floor(e.Retrieved(call="c1", address="5025", at=5.0))
    assert learn(made, e.ConnectionCleared(call="c1", address="5025", at=4.0)) == []


def test_the_end_of_somebody_never_heard_of_is_remembered() -> None:
    """An end that overtook everything else of its participant keeps him off that call."""
    made = floor(*talk("c1", "0170"), e.ConnectionCleared(call="c1", address="5025"), *talk("c1", "5025"))
    assert state(made) == "cleared"
    assert made.calls.by_id["c1"].live()[0].address == "0170"


def test_a_monitor_calls_only_leg_ends_it() -> None:
    """When the listener leaves his monitor call, nobody is on it any more."""
    made = floor()
    made.calls.monitor("m1", e.MonitorOf("5004", "5025"), None, None)
    assert [change.what for change in learn(made, e.ConnectionCleared(call="m1", address="5004"))] == [
        What.LEFT,
        What.OVER,
    ]


# Transfers and conferences


def test_a_transfer_leaves_the_other_party_waiting_for_the_target() -> None:
    """Without a second call, the customer waits on the same call and the target rings on it."""
    made = floor(*talk(), e.Transferred(call="c1", by="5025", to="5026"))
    assert (state(made, "0170"), state(made, "5025"), state(made, "5026")) == ("waiting", "cleared", "alerting")
    learn(made, e.Established(call="c1", address="5026"))
    assert state(made, "0170") == "connected"


def test_a_transfer_to_nobody_named_leaves_the_other_party_waiting() -> None:
    """Where the target is not known, the customer waits all the same."""
    made = floor(*talk(), e.Transferred(call="c1", by="5025"))
    assert state(made, "0170") == "waiting"


def test_a_transfer_to_somebody_on_the_call_connects_nobody_anew() -> None:
    """A target who is on the surviving call already keeps his state."""
    made = floor(*talk(), *talk("c2", "5025", "5026"), e.Transferred(call="c1", by="5025", into="c2", to="5026"))
    assert (state(made, "0170", "c2"), state(made, "5026", "c2")) == ("connected", "connected")


def test_of_three_nobody_waits_when_one_transfers_himself_out() -> None:
    """Where two are left talking, nobody waits."""
    made = floor(*talk("c1", "0170", "0171", "5025"), e.Transferred(call="c1", by="5025"))
    assert (state(made, "0170"), state(made, "0171")) == ("connected", "connected")


def test_a_party_on_hold_stays_on_hold_through_a_transfer() -> None:
    """Who was left holding is not waiting: he comes back by himself."""
    made = floor(*talk(), e.Held(call="c1", address="0170"), e.Transferred(call="c1", by="5025"))
    assert state(made, "0170") == "held"


def test_a_transfer_told_twice_does_not_make_the_answered_wait() -> None:
    """A repeat of a transfer, after its target has answered, changes nothing."""
    made = floor(*talk(), e.Transferred(call="c1", by="5025", to="5026"), e.Established(call="c1", address="5026"))
    assert learn(made, e.Transferred(call="c1", by="5025", to="5026")) == []
    assert state(made, "0170") == "connected"


def test_a_transfer_of_a_call_that_is_gone_changes_nothing() -> None:
    """A late transfer of a call that is over moves nobody."""
    made = floor(*talk(), e.CallCleared(call="c1"))
    assert learn(made, e.Transferred(call="c1", by="5025", to="5026")) == []
    assert learn(made, e.Transferred(call="c1", by="5025", into="c1b", to="5026")) == []


def test_who_is_on_both_calls_is_on_the_surviving_one_once() -> None:
    """The agent who joins a held and a consult call is connected on the surviving one."""
    made = floor(*talk(), e.Held(call="c1", address="5025"), *talk("c2", "5025", "5026"))
    learn(made, e.Conferenced(call="c2", into="c1"))
    assert (state(made), state(made, "5026"), list(made.calls.by_id)) == ("connected", "connected", ["c1"])
    assert [call.id for call in made.calls_of("5025")] == ["c1"]


def test_who_had_left_the_surviving_call_is_brought_back_by_the_other() -> None:
    """Everybody of a call that becomes another is on that, also who had left it before."""
    made = floor(
        *talk("c1", "0170", "5026", "5025"), e.ConnectionCleared(call="c1", address="5025"), *talk("c2", "5025", "0171")
    )
    learn(made, e.Conferenced(call="c2", into="c1"))
    assert state(made) == "connected"
    assert [call.id for call in made.candidates("5025")] == ["c1"]


@pytest.mark.parametrize("order", list(permutations(("c1", "c2", "c3"))))
def test_calls_that_became_one_in_turn_are_all_that_one(order: tuple[str, str, str]) -> None:
    """Every id of a chain of merged calls names the one that survives."""
    made = floor(*talk("c1", "1"), *talk("c2", "2"), *talk("c3", "3"))
    learn(made, e.Conferenced(call=order[0], into=order[1]))
    learn(made, e.Conferenced(call=order[1], into=order[2]))
    assert {made.calls.survivor(call) for call in order} == {order[2]}
    assert {leg.address for leg in made.calls.by_id[order[2]].live()} == {"1", "2", "3"}


def test_calls_do_not_become_each_other() -> None:
    """That a call became one which had become it before is a repeat told backwards, and changes nothing."""
    made = floor(*talk("c1"), *talk("c2", "0171", "5026"), e.Conferenced(call="c1", into="c2"))
    assert learn(made, e.Conferenced(call="c2", into="c1")) == []
    assert made.calls.survivor("c1") == "c2"


def test_a_call_that_became_another_becomes_a_third_with_it() -> None:
    """A merge told under an old id is a merge of the call that goes on."""
    made = floor(*talk("c1", "1"), *talk("c2", "2"), *talk("c3", "3"))
    learn(made, e.Conferenced(call="c1", into="c2"))
    learn(made, e.Conferenced(call="c1", into="c3"))
    assert list(made.calls.by_id) == ["c3"]


def test_a_call_never_heard_of_that_became_another_is_that_one() -> None:
    """Events under the id of a call that was joined before anything else was heard of it are about the other."""
    made = floor(*talk("c1"), e.Conferenced(call="c2", into="c1"), e.Conferenced(call="c1", into="c2"))
    learn(made, e.ConnectionCleared(call="c2", address="5025"))
    assert made.calls.find("c1") is None


def test_a_call_that_becomes_one_that_is_gone_is_over() -> None:
    """Where the surviving call has ended already, so has the other."""
    made = floor(*talk("c1"), *talk("c2", "0171", "5026"), e.CallCleared(call="c2"))
    assert [change.what for change in learn(made, e.Conferenced(call="c1", into="c2"))] == [What.OVER]


# Order, views, the past


def test_the_latest_connected_call_comes_last() -> None:
    """The candidates of an address are in the order in which it was connected, not in which the calls began."""
    made = floor(e.Delivered(call="c1", address="5025"), *talk("c2", "5025"), e.Established(call="c1", address="5025"))
    assert [call.id for call in made.candidates("5025")] == ["c2", "c1"]


@pytest.mark.parametrize(
    ("states", "best"),
    [
        (("held", "alerting", "connected"), "connected"),
        (("alerting", "held"), "held"),
        (("alerting", "waiting"), "waiting"),
        (("initiated", "alerting"), "alerting"),
        ((), "idle"),
    ],
)
def test_a_line_is_what_its_best_leg_is(states: tuple[str, ...], best: str) -> None:
    """An extension with several calls is as busy as the most connected of them."""
    views = [e.CallView(f"c{n}", (e.Participant("5025", LegState(one)),)) for n, one in enumerate(states)]
    assert line(floor(*(e.CallSeen(view=view) for view in views))) == best


def test_who_is_not_listed_in_a_dialog_stays() -> None:
    """A dialog tells of those whom it lists, and says nothing of the others."""
    made = floor(*talk(), e.CallSeen(view=e.CallView("c1", (e.Participant("0170", LegState.HELD),), type="OUT")))
    assert (state(made), state(made, "0170"), made.calls.by_id["c1"].type) == ("connected", "held", "OUT")


def test_a_dialog_may_show_somebody_waiting_beside_others() -> None:
    """What a dialog shows of each participant counts, in whatever order it lists them."""
    shown = [e.Participant("5025", LegState.WAITING), e.Participant("0170", LegState.CONNECTED)]
    for order in permutations(shown):
        assert state(floor(e.CallSeen(view=e.CallView("c1", order)))) == "waiting"


def test_a_dialog_of_a_call_that_is_gone_says_nothing() -> None:
    """A late dialog does not bring its call back."""
    made = floor(e.CallCleared(call="c1"))
    assert learn(made, e.CallSeen(view=e.CallView("c1", (e.Participant("5025", LegState.CONNECTED),)))) == []
    assert made.calls.by_id == {}


def test_what_is_said_of_a_call_adds_up() -> None:
    """Type and facts of a call are kept until something else is said."""
    made = floor(
        e.CallChanged(call="c1", type="OUT", facts={"vip": True}), e.CallChanged(call="c1", facts={"topic": "x"})
    )
    call = made.calls.by_id["c1"]
    assert (call.type, call.facts) == ("OUT", {"vip": True, "topic": "x"})


def test_a_gone_call_is_remembered_within_its_window() -> None:
    """Beyond the window a call id that comes again is a new call."""
    made = Floor(Limits(calls_gone_max=1))
    for call in ("c1", "c2", "c3"):
        learn(made, e.CallCleared(call=call))
    learn(made, e.Established(call="c1", address="5025"))
    learn(made, e.Established(call="c3", address="5025"))
    assert list(made.calls.by_id) == ["c1"]


def test_where_somebody_is_listed_is_known_or_not() -> None:
    """Whether an address is on a call: yes, no, or nothing is known of it."""
    made = floor(
        *talk("c1", "0170", "0171", "5025"), e.ConnectionCleared(call="c1", address="5025"), e.CallCleared(call="c2")
    )
    places = (("0170", "c1"), ("5025", "c1"), ("5099", "c1"), ("5025", "c2"), ("5025", "c9"))
    assert [made.is_listed(*place) for place in places] == [True, False, None, False, None]


def test_nobody_holds_what_is_not_known() -> None:
    """An unknown call, no call, and a call without him are not on hold."""
    made = floor(e.Held(call="c1", address="5025"))
    assert [made.is_held(*where) for where in (("5025", "c1"), ("5026", "c1"), ("5025", "c9"), ("5025", None))] == [
        True, False, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "expected"), [(1.0, 2.0, True), (2.0, 2.0, False), (None, 2.0, False), (1.0, None, False)]
)
def test_older_is_only_what_is_known_to_be(one: float | None, other: float | None, *, expected: bool) -> None:
    """Without both times nothing is older."""
    assert older(one, other) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [(1.0, 2.0, 2.0), (3.0, 2.0, 3.0), (None, 2.0, 2.0), (1.0, None, 1.0), (None, None, None)],
)
def test_the_latest_is_the_later_of_what_is_known(
    one: float | None, other: float | None, expected: float | None
) -> None:
    """Of two times the later, of one time that, of none nothing."""
    assert latest(one, other) == expected


def test_events_that_say_nothing_of_the_floor_change_nothing() -> None:
    """Requests, stops and the like are not the floor's business."""
    made = floor()
    assert [learn(made, event) for event in (e.TimePassed(), e.StopRequested(), e.MonitorFailed(code="1"))] == [
        [],
        [],
        [],
    ]


def test_every_event_of_a_participant_is_handled() -> None:
    """There is no event of a leg that a floor would overlook."""
    made = floor()
    for number, kind in enumerate(get_args(e.LegEvent)):
        learn(made, kind(call=f"c{number}", address="5025"))
    assert len(made.calls.by_id) == len(get_args(e.LegEvent))


def test_what_is_said_of_a_party_of_a_call_that_is_over_is_too_late() -> None:
    """Facts of somebody on a call that has gone bring neither back."""
    made = floor(*talk(), e.CallCleared(call="c1"))
    assert learn(made, e.PartyChanged(call="c1", address="5025", facts={"consent": True})) == []


def test_nobody_moves_on_a_call_that_is_no_monitor_call() -> None:
    """A listener's phone can only change where somebody listens."""
    made = floor(*talk())
    for call in ("c1", "c9"):
        made.calls.move_listener(call, "5005", None, None)
    assert [leg.address for leg in made.calls.by_id["c1"].legs.values()] == ["0170", "5025"]


def test_an_end_under_the_old_id_of_a_call_that_is_gone_is_no_news() -> None:
    """A call that became another, which is over, is over already: nothing is told, and its survivor stays known."""
    made = floor(
        e.Established(call="c1", address="5025"),
        e.Established(call="c2", address="5025"),
        e.Conferenced(call="c1", into="c2"),
        e.CallCleared(call="c2", at=5.0),
    )
    assert not learn(made, e.CallCleared(call="c1", at=9.0))
    assert made.calls.survivor("c1") == "c2"
    gone = made.calls.gone.get("c2")
    assert gone is not None
    assert gone.at == 5.0
