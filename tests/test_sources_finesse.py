"""What Finesse tells: the event tables, transfers in any order, answers as pictures, errors, and garbage."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from monitoring_core.domain.events import (
    CallCleared,
    CallSeen,
    CallView,
    CommandOutcome,
    Conferenced,
    Event,
    LegState,
    ListenerJoined,
    ListenerLeft,
    ListenerMoved,
    ModeChanged,
    MonitorEnded,
    MonitorFailed,
    MonitorOf,
    MonitorRequested,
    Participant,
    PersonChanged,
    PersonView,
    SignedIn,
    SignedOut,
    Snapshot,
    Transferred,
)
from monitoring_core.domain.settings import Limits
from monitoring_core.errors import MessageError
from monitoring_core.sources.finesse import FinesseSource
from monitoring_core.sources.finesse.calls import HOLD_RECORDS, HOLD_S
from tests.finesse import dialog, failed, line, monitor, of_user, participant, put, tag, user, user_changed
from tests.helpers import Story, settings

CUSTOMER, ANN, BOB, EVE = "0170", "5004", "5025", "5026"
"""Ann supervises; Bob and Eve are agents."""

Records = tuple[bytes | str, ...]

SEATS: Records = tuple(
    line(user_changed(person, extension, "READY"), 0.0)
    for person, extension in (("ann", ANN), ("sam", "5005"), ("bob", BOB), ("eve", EVE))
)


def feed(*records: bytes | str) -> list[Event]:
    """The events of all records, without what is left at the end."""
    source = FinesseSource()
    return [
        event for record in records for event in source.feed(record.encode() if isinstance(record, str) else record)
    ]


def calls(call: str, state: str, parts: dict[str, str], **other: str) -> str:
    """A change of an ordinary call."""
    return put(dialog(call, state, parts, None, **other))


def seen(call: str, **legs: str) -> CallSeen:
    """How a call is told: states by address, which is written with an underscore before it."""
    parts = tuple(Participant(address[1:], LegState(state)) for address, state in legs.items())
    return CallSeen(view=CallView(call, parts, "ACD_IN"))


def legs_of(events: Iterable[Event]) -> dict[str, str]:
    """The states in the last view of a call."""
    *_, view = (event.view for event in events if isinstance(event, CallSeen))
    return {one.address: str(one.state) for one in view.participants}


# Records


def test_a_record_is_an_update_as_it_is() -> None:
    """One update a line is a record, whose events have the time that the update tells."""
    assert feed(user_changed("bob", BOB, "READY", 12.5)) == [
        SignedIn(person="bob", extension=BOB, roles=("Agent",), teams=("7",), state="READY", at=12.5)
    ]


def test_a_recorder_may_add_when_and_where() -> None:
    """A record as JSON adds the time of receipt to each of its events."""
    (event,) = feed(line(user_changed("bob", BOB, "READY", 12.5), 12.75, "/finesse/api/User/bob"))
    assert (event.at, event.received_at) == (12.5, 12.75)


def test_an_item_that_comes_again_tells_nothing() -> None:
    """An item of pub/sub whose id came before on that node is no news; on another node it is another item."""
    record = line(user_changed("bob", BOB, "READY"), node="/a", id="i-1")
    assert [len(feed(record, again)) for again in (record, record.replace(b'"/a"', b'"/b"'))] == [1, 2]


@pytest.mark.parametrize(
    ("record", "what"),
    [
        (b'{"received_at": 1}', "update is missing"),
        (b'{"update": 1}', "update is a number, not text"),
        (b'{"update": "<Dialogs/>", "receivedAt": 1}', "a record has no receivedAt"),
        (b'{"update": "<Dialogs/>", "node": "x", "node": "y"}', "a key stands here twice"),
        (b'{"update": "<Dialogs/>", "received_at": "1"}', "received_at is not a number"),
        (b'{"update": "<Dialogs/>", "received_at": true}', "received_at is not a number"),
        (b'{"update": "<Dialogs/>", "node": 1}', "node is a number, not text"),
        (b'{"update": "<Dial', "this text has no end"),
        (b'{"update": "<Dial"}', "this is not XML: unclosed token"),
        (b"<Dial", "this is not XML: unclosed token"),
        (b"<Dialogs/>", "these dialogs do not say whose they are"),
        (b"", "this is not XML: no element found"),
        (b"\xff", "this XML is not UTF-8"),
    ],
)
def test_what_is_no_record_is_refused(record: bytes, what: str) -> None:
    """A record that is misspelt, doubled, cut or nothing is one MessageError, and nothing is guessed."""
    with pytest.raises(MessageError) as caught:
        feed(record)
    if what != "this text has no end":  # worded by the room of the bus's messages
        assert caught.value.what == what
    assert caught.value.fix


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-01-01T00:00:00", "2019-12-24T14: 00: 06.287Z", "2026-13-01T00:00Z"]
)
def test_a_time_that_means_no_moment_is_no_time(text: str) -> None:
    """A missing or broken time, or one without its zone, leaves the event without `at`, and is no error."""
    (event,) = feed(user_changed("bob", BOB, "READY", 1).replace("1970-01-01T00:00:01.000Z", text))
    assert event.at is None


def test_the_time_of_a_call_is_that_of_its_latest_change() -> None:
    """Of the participants' times the latest is when what a dialog shows happened."""
    one, other = (dialog("1", "ACTIVE", {CUSTOMER: "ACTIVE", BOB: "ACTIVE"}, at) for at in (5.0, 9.0))
    mixed = one.replace("00:05.000Z", "00:09.000Z", 1)
    assert [event.at for event in feed(put(one), put(other), put(mixed))] == [5.0, 9.0, 9.0]


# The event tables: incoming, outgoing and held calls


@pytest.mark.parametrize(
    ("record", "event"),
    [
        pytest.param(
            of_user("POST", "bob", dialog("1", "ALERTING", {CUSTOMER: "INITIATED", BOB: "ALERTING"})),
            seen("1", _0170="initiated", _5025="alerting"),
            id="call arrives",
        ),
        pytest.param(
            calls("1", "ACTIVE", {CUSTOMER: "ACTIVE", BOB: "ACTIVE"}),
            seen("1", _0170="connected", _5025="connected"),
            id="agent answers",
        ),
        pytest.param(
            calls("1", "ACTIVE", {CUSTOMER: "ACTIVE", BOB: "HELD"}),
            seen("1", _0170="connected", _5025="held"),
            id="agent holds",
        ),
        pytest.param(
            calls("1", "ACTIVE", {CUSTOMER: "HELD", BOB: "HELD"}),
            seen("1", _0170="held", _5025="held"),
            id="everybody holds, and the call is up",
        ),
        pytest.param(
            calls("1", "ACTIVE", {CUSTOMER: "DROPPED", BOB: "ACTIVE"}),
            seen("1", _0170="cleared", _5025="connected"),
            id="caller drops",
        ),
        pytest.param(
            of_user("post", "bob", dialog("1", "INITIATING", {BOB: "INITIATING"})),
            seen("1", _5025="initiated"),
            id="agent takes his phone off the hook",
        ),
        pytest.param(calls("1", "INITIATED", {BOB: "INITIATED"}), seen("1", _5025="initiated"), id="agent dials"),
        pytest.param(
            calls("1", "ACTIVE", {BOB: "ACTIVE", EVE: "WRAP_UP", CUSTOMER: "ACTIVE"}),
            seen("1", _5025="connected", _5026="cleared", _0170="connected"),
            id="who writes about a call has left it",
        ),
        pytest.param(
            calls("1", "ACTIVE", {BOB: "ACTIVE", EVE: "PONDERING", "": "ACTIVE"}),
            seen("1", _5025="connected"),
            id="an unknown state and a nameless participant say nothing",
        ),
    ],
)
def test_a_dialog_is_a_call_that_is_seen(record: str, event: Event) -> None:
    """Each row of the tables in which the call goes on is the call with its participants in their states."""
    assert feed(record) == [event]


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(calls("1", "DROPPED", {CUSTOMER: "DROPPED", BOB: "DROPPED"}), id="agent is dropped"),
        pytest.param(calls("1", "DROPPED", {CUSTOMER: "DROPPED", BOB: "WRAP_UP"}), id="agent wraps up"),
        pytest.param(
            of_user("DELETE", "bob", dialog("1", "DROPPED", {CUSTOMER: "DROPPED", BOB: "DROPPED"})),
            id="call is removed",
        ),
        pytest.param(calls("1", "FAILED", {BOB: "FAILED"}), id="destination is busy"),
        pytest.param(calls("1", "DROPPED", {}), id="nobody is listed"),
    ],
)
def test_a_call_without_anybody_is_over(record: str) -> None:
    """Each row of the tables in which everybody is gone is the end of the call."""
    view, end = feed(calls("1", "ACTIVE", {BOB: "ACTIVE", CUSTOMER: "ACTIVE"}), record)[1:]
    assert isinstance(view, CallSeen)
    assert set(legs_of([view]).values()) == {"cleared"}
    assert end == CallCleared(call="1")


def test_what_is_over_stays_over() -> None:
    """The end of a call is told once: Finesse says it by PUT, then by DELETE to each user; so is nothing after it."""
    gone = {CUSTOMER: "DROPPED", BOB: "DROPPED"}
    first = calls("1", "DROPPED", gone)
    late = calls("1", "ACTIVE", {CUSTOMER: "ACTIVE", BOB: "ACTIVE"})
    assert feed(first, of_user("DELETE", "bob", dialog("1", "DROPPED", gone)), late) == feed(first)


def test_who_is_not_listed_is_left_as_he_was() -> None:
    """A payload that lacks participants, as after a failover, tells only of those whom it has."""
    both = calls("1", "ACTIVE", {CUSTOMER: "ACTIVE", BOB: "ACTIVE"})
    assert feed(both, calls("1", "ACTIVE", {BOB: "HELD"}))[1:] == [seen("1", _5025="held")]


@pytest.mark.parametrize("states", [("DROPPED", "HELD"), ("HELD", "DROPPED"), ("HELD", "ALERTING")])
def test_phones_that_share_a_line_are_one_participant(states: tuple[str, str]) -> None:
    """An address that is listed twice is in the liveliest of its states."""
    both = tag("participants", *(participant(BOB, state) for state in states))
    assert feed(put(dialog("1", "ACTIVE", {}).replace(tag("participants"), both))) == [seen("1", _5025="held")]


@pytest.mark.parametrize("event", ["POST", "PUT", "DELETE"])
def test_what_is_no_telephone_call_is_no_event(event: str) -> None:
    """Chats and mails are dialogs, and no calls."""
    chat = dialog("1", "ACTIVE", {BOB: "ACTIVE"}, media="Cisco_Chat_MRD")
    assert feed(put(chat) if event == "PUT" else of_user(event, "bob", chat)) == []


# Leaving


def talking(*others: str) -> Records:
    """Bob talks to a customer on call 1, on which `others` are, too."""
    parts = dict.fromkeys((CUSTOMER, BOB, *others), "ACTIVE")
    return (
        of_user("POST", "bob", dialog("1", "ALERTING", {CUSTOMER: "INITIATED", BOB: "ALERTING"})),
        calls("1", "ACTIVE", parts),
    )


def test_who_leaves_a_conference_has_left_it() -> None:
    """An agent who leaves two others behind, and has no other call, dropped: that is told at once."""
    events = feed(*talking(EVE), calls("1", "ACTIVE", {CUSTOMER: "ACTIVE", BOB: "DROPPED", EVE: "ACTIVE"}))
    assert legs_of(events) == {CUSTOMER: "connected", BOB: "cleared", EVE: "connected"}


def test_who_has_left_stays_away() -> None:
    """A payload of before that comes late does not bring back who has left the call."""
    gone_bob = {CUSTOMER: "ACTIVE", BOB: "DROPPED", EVE: "ACTIVE"}
    events = feed(*talking(EVE), calls("1", "ACTIVE", gone_bob), *talking(EVE)[1:])
    assert legs_of(events)[BOB] == "cleared"


def test_who_leaves_one_party_behind_may_be_transferring() -> None:
    """That an agent left is kept back while only one other is there, who may go on to somebody else."""
    events = feed(*talking(), calls("1", "ACTIVE", {CUSTOMER: "ACTIVE", BOB: "DROPPED"}))
    assert legs_of(events) == {CUSTOMER: "connected"}


def test_who_left_a_party_that_leaves_has_dropped() -> None:
    """When the other one goes as well, it was a drop, and who left first is told first."""
    events = feed(
        *talking(),
        calls("1", "ACTIVE", {CUSTOMER: "ACTIVE", BOB: "DROPPED"}),
        calls("1", "DROPPED", {CUSTOMER: "DROPPED", BOB: "DROPPED"}),
    )
    assert [type(event) for event in events[-3:]] == [CallSeen, CallSeen, CallCleared]
    assert legs_of(events[-3:-2]) == {BOB: "cleared"}


def test_a_call_that_nobody_takes_is_not_transferred() -> None:
    """Who never talked cannot transfer: his leaving is told at once, and the caller waits for somebody else."""
    rings = of_user("POST", "bob", dialog("1", "ALERTING", {CUSTOMER: "ACTIVE", BOB: "ALERTING"}))
    events = feed(rings, of_user("DELETE", "bob", dialog("1", "DROPPED", {CUSTOMER: "ACTIVE", BOB: "DROPPED"})))
    assert [legs_of([event]) for event in events] == [
        {CUSTOMER: "waiting", BOB: "alerting"},
        {CUSTOMER: "waiting", BOB: "cleared"},
    ]


def test_who_is_taken_off_a_call_has_left_it() -> None:
    """A DELETE from a user's calls says that he left, though the payload may show him as he was, or not at all."""
    for parts in ({CUSTOMER: "ACTIVE", EVE: "ACTIVE", BOB: "ACTIVE"}, {CUSTOMER: "ACTIVE", EVE: "ACTIVE"}):
        events = feed(*SEATS, *talking(EVE), of_user("DELETE", "bob", dialog("1", "DROPPED", parts)))
        assert legs_of(events)[BOB] == "cleared"


@pytest.mark.parametrize("due", ["time", "records", "time without records", "end"])
def test_what_nothing_explains_is_a_drop(due: str) -> None:
    """A leaving that may be a transfer is told as a drop after so much time, or so many records, or at the end."""
    source = FinesseSource()
    left = calls(
        "1",
        "ACTIVE",
        {CUSTOMER: "ACTIVE", BOB: "DROPPED"},
    )
    for record in (*talking(), left):
        content = record.decode() if isinstance(record, bytes) else record
        source.feed(line(content, 10.0) if due.startswith("time") else content.encode())
    events: list[Event] = []
    if due == "time":
        assert legs_of(source.feed(line(calls("2", "ACTIVE", {EVE: "ACTIVE"}), 10.0 + HOLD_S))) == {EVE: "connected"}
        events = source.feed(line(calls("2", "ACTIVE", {EVE: "HELD"}), 10.1 + HOLD_S))[:1]
    elif due == "time without records":
        assert source.pass_time(10.0 + HOLD_S) == []
        events = source.pass_time(10.1 + HOLD_S)
    elif due == "records":
        other = calls("2", "ACTIVE", {EVE: "ACTIVE"}).encode()
        assert [len(source.feed(other)) for _ in range(HOLD_RECORDS + 1)] == [1] * HOLD_RECORDS + [2]
        return
    else:
        events = source.finish()
    assert legs_of(events) == {BOB: "cleared"}
    assert len(events) == 1


# Transfers and conferences

CONSULT: Records = (
    calls("1", "ACTIVE", {CUSTOMER: "ACTIVE", BOB: "HELD"}),
    of_user("POST", "bob", dialog("2", "INITIATED", {BOB: "INITIATED"}, type="CONSULT", from_address=BOB)),
    of_user("POST", "eve", dialog("2", "ALERTING", {BOB: "INITIATED", EVE: "ALERTING"}, type="CONSULT")),
)
ANSWERED = calls("2", "ACTIVE", {BOB: "ACTIVE", EVE: "ACTIVE"}, type="CONSULT")
ANN_LISTENS = put(monitor("9", "ACTIVE", {ANN: "ACTIVE", BOB: "ACTIVE"}))
SAM_LISTENS = put(monitor("8", "ACTIVE", {"5005": "ACTIVE", EVE: "ACTIVE"}, from_address="5005", to_address=EVE))
ANN_IS_DROPPED = of_user("DELETE", "ann", monitor("9", "DROPPED", {ANN: "DROPPED", BOB: "DROPPED"}))


def gone(person: str, call: str, **legs: str) -> str:
    """A call is taken from a person's; states by address, which is written with an underscore before it."""
    parts = {address[1:]: state for address, state in legs.items()}
    return of_user("DELETE", person, dialog(call, "DROPPED", parts, type="CONSULT" if call == "2" else "ACD_IN"))


def sessions(*records: bytes | str) -> list[tuple[str, str | None, str | None]]:
    """State, reason and call of each session that follows, by the monitor calls' names, the latest first."""
    story, source = Story(), FinesseSource()
    for record in records:
        story.tell(*source.feed(record.encode() if isinstance(record, str) else record))
    story.tell(*source.finish())
    assert not story.notices("event_refused")
    found = sorted(story.engine.sessions.by_id.values(), key=lambda session: session.monitor_call or "", reverse=True)
    return [(str(one.state), one.reason and str(one.reason), one.call) for one in found]


TRANSFER: Records = (
    gone("bob", "1", _0170="ACTIVE", _5025="DROPPED"),
    gone("bob", "2", _5025="DROPPED", _5026="DROPPED"),
    gone("eve", "2", _5025="DROPPED", _5026="DROPPED"),
)


@pytest.mark.parametrize("secondary", ["2", ""])
@pytest.mark.parametrize("seats", [SEATS, ()], ids=["seats known", "seats not known"])
@pytest.mark.parametrize("shown", ["DROPPED", "ACTIVE"])
def test_a_transfer_is_told_in_any_order(secondary: str, seats: Records, shown: str) -> None:
    """Whatever comes first of CALL_TRANSFERRED: A's session ends as transferred, B's goes on under the surviving id."""
    added = of_user("POST", "eve", dialog("1", "ACTIVE", {CUSTOMER: "ACTIVE", EVE: "ACTIVE"}, secondary=secondary))
    before = (*seats, *talking(), ANN_LISTENS, *CONSULT, ANSWERED, SAM_LISTENS)
    from_bob = gone("bob", "2", _5025="DROPPED", _5026=shown)
    for order in permutations((TRANSFER[0], from_bob, TRANSFER[2], added)):
        assert sessions(*before, *order, ANN_IS_DROPPED) == [
            ("ENDED", "agent_transferred", "1"),
            ("ACTIVE", None, "1"),
        ]


@pytest.mark.parametrize("number", range(5))
def test_what_waits_for_a_transfer_is_told_with_it(number: int) -> None:
    """The end of the monitor call, wherever it comes among the records of a transfer, is told after that."""
    added = of_user("POST", "eve", dialog("1", "ACTIVE", {CUSTOMER: "ACTIVE", EVE: "ACTIVE"}, secondary="2"))
    steps: list[bytes | str] = [*TRANSFER, added]
    steps.insert(number, ANN_IS_DROPPED)
    events = feed(*SEATS, *talking(), ANN_LISTENS, *CONSULT, ANSWERED, *steps)
    ends = [type(event) for event in events if isinstance(event, Transferred | MonitorEnded)]
    assert ends == ([MonitorEnded, Transferred] if number == 0 else [Transferred, MonitorEnded])
    afterwards = events[events.index(Transferred(call="2", by=BOB, into="1")) :]
    assert not [event for event in afterwards if isinstance(event, CallSeen) and BOB in legs_of([event])]


def test_a_call_that_names_two_parts_has_both() -> None:
    """A call that names another part while it is not clear who left with the first is one with the first, too."""
    both = {CUSTOMER: "ACTIVE", EVE: "ACTIVE"}
    third = calls("3", "ACTIVE", {BOB: "ACTIVE", "0171": "ACTIVE"})
    names = (calls("1", "ACTIVE", both, secondary=part) for part in "23")
    events = feed(*SEATS, *talking(), *CONSULT, ANSWERED, third, *names)
    assert [event for event in events if isinstance(event, Conferenced)] == [Conferenced(call="2", into="1")]


def test_a_transfer_to_a_ringing_phone_is_told_in_any_order() -> None:
    """A transfer is complete while its target still rings: whoever is transferred waits, and is on the same call."""
    added = of_user("POST", "eve", dialog("1", "ALERTING", {CUSTOMER: "ACTIVE", EVE: "ALERTING"}, secondary="2"))
    before = (*SEATS, *talking(), ANN_LISTENS, *CONSULT)
    for order in permutations((*TRANSFER, added)):
        assert sessions(*before, *order, ANN_IS_DROPPED) == [("ENDED", "agent_transferred", "1")]
        assert legs_of(feed(*before, *order))[CUSTOMER] == "waiting"


def test_the_consult_call_may_be_the_one_that_survives() -> None:
    """Who takes up the first call again and then transfers leaves everybody on the second, which names the first."""
    steps = (
        gone("bob", "1", _0170="DROPPED", _5025="DROPPED"),
        gone("bob", "2", _5025="DROPPED", _5026="ACTIVE"),
        calls("2", "ACTIVE", {CUSTOMER: "ACTIVE", EVE: "ACTIVE"}, secondary="1"),
    )
    before = (*SEATS, *talking(), ANN_LISTENS, *CONSULT, ANSWERED, SAM_LISTENS)
    for order in permutations(steps):
        assert sessions(*before, *order, ANN_IS_DROPPED) == [
            ("ENDED", "agent_transferred", "1"),
            ("ACTIVE", None, "2"),
        ]


def test_a_conference_is_told_in_any_order() -> None:
    """When held and consult call become one, with everybody on it, both sessions go on under the surviving id."""
    everybody = {CUSTOMER: "ACTIVE", BOB: "ACTIVE", EVE: "ACTIVE"}
    steps = (
        *TRANSFER[1:],
        calls("1", "ACTIVE", everybody, secondary="2"),
        of_user("POST", "eve", dialog("1", "ACTIVE", everybody, secondary="2")),
    )
    before = (*SEATS, *talking(), ANN_LISTENS, *CONSULT, ANSWERED, SAM_LISTENS)
    for order in permutations(steps):
        assert sessions(*before, *order) == [("ACTIVE", None, "1"), ("ACTIVE", None, "1")]


def test_a_conference_whose_payload_lacks_somebody_is_a_conference_in_the_end() -> None:
    """Who is missing where two calls are shown as one may be leaving; when nothing says so in time, he has not."""
    source = FinesseSource()
    records = (
        *SEATS,
        *talking(),
        *CONSULT,
        ANSWERED,
        calls("1", "ACTIVE", {CUSTOMER: "ACTIVE", EVE: "ACTIVE"}, secondary="2"),
    )
    told = [event for one in records for event in source.feed(line(one, 1.0) if isinstance(one, str) else one)]
    assert not [event for event in told if isinstance(event, Transferred | Conferenced)]
    assert source.pass_time(1.1 + HOLD_S) == [Conferenced(call="2", into="1", received_at=1.1 + HOLD_S)]


@pytest.mark.parametrize("person", ["", "bob", "eve"])
def test_an_end_or_a_picture_ends_the_waiting(person: str) -> None:
    """At the end of a recording, or with a picture of who is on them, two calls that are shown as one are one."""
    source = FinesseSource()
    lacking = calls("1", "ACTIVE", {CUSTOMER: "ACTIVE", EVE: "ACTIVE"}, secondary="2")
    for record in (*SEATS, *talking(), *CONSULT, ANSWERED, lacking):
        source.feed(record.encode() if isinstance(record, str) else record)
    everybody = dialog("1", "ACTIVE", {CUSTOMER: "ACTIVE", BOB: "ACTIVE", EVE: "ACTIVE"})
    answer = line(tag("Dialogs", everybody), node=f"/finesse/api/User/{person}/Dialogs")
    events = source.feed(answer) if person else source.finish()
    assert events[0] == Conferenced(call="2", into="1")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_blind_transfer_is_told_by_who_rings(order: tuple[int, int]) -> None:
    """Who leaves one party for a phone that begins to ring on the same call has transferred it."""
    steps = (
        gone("bob", "1", _0170="ACTIVE", _5025="DROPPED"),
        of_user("POST", "eve", dialog("1", "ALERTING", {CUSTOMER: "ACTIVE", EVE: "ALERTING"})),
    )
    events = feed(*SEATS, *talking(), *(steps[step] for step in order))
    assert [event for event in events if isinstance(event, Transferred)] == [Transferred(call="1", by=BOB, to=EVE)]
    assert sessions(*SEATS, *talking(), ANN_LISTENS, *(steps[step] for step in order), ANN_IS_DROPPED) == [
        ("ENDED", "agent_transferred", "1")
    ]


def test_the_agent_returns_from_a_consult_call() -> None:
    """A consult call that ends by hanging up is over as soon as the held call is taken up again."""
    events = feed(*SEATS, *talking(), *CONSULT, ANSWERED, *TRANSFER[1:])
    assert CallCleared(call="2") not in events
    back = calls("1", "ACTIVE", {CUSTOMER: "ACTIVE", BOB: "ACTIVE"})
    assert CallCleared(call="2") in feed(*SEATS, *talking(), *CONSULT, ANSWERED, *TRANSFER[1:], back)
    assert sessions(*SEATS, *talking(), ANN_LISTENS, *CONSULT, ANSWERED, *TRANSFER[1:], back) == [("ACTIVE", None, "1")]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_transfer_of_which_one_side_is_seen(order: tuple[int, int]) -> None:
    """Where only B's notifications come, his session follows to the call that names the one he was on."""
    steps = (
        TRANSFER[2],
        of_user("POST", "eve", dialog("1", "ACTIVE", {CUSTOMER: "ACTIVE", EVE: "ACTIVE"}, secondary="2")),
    )
    assert sessions(*SEATS, CONSULT[2], ANSWERED, SAM_LISTENS, *(steps[step] for step in order)) == [
        ("ACTIVE", None, "1")
    ]


def test_a_call_that_was_never_seen_may_be_part_of_another() -> None:
    """A secondary id of a call before our time is told all the same: the floor may know it."""
    (joined, _) = feed(calls("1", "ACTIVE", {CUSTOMER: "ACTIVE", EVE: "ACTIVE"}, secondary="2"))
    assert joined == Conferenced(call="2", into="1")


def test_a_call_joins_another_once() -> None:
    """The surviving call goes on naming the other; that is told once."""
    joined = calls("1", "ACTIVE", {CUSTOMER: "ACTIVE", BOB: "ACTIVE", EVE: "ACTIVE"}, secondary="2")
    events = feed(*talking(), *CONSULT, ANSWERED, joined, joined, *TRANSFER[1:])
    assert [event for event in events if isinstance(event, Conferenced)] == [Conferenced(call="2", into="1")]


# Monitor calls


def test_a_monitor_call_names_listener_and_agent() -> None:
    """A dialog of type SUPERVISOR_MONITOR is a monitor call of its fromAddress, to its toAddress."""
    (event,) = feed(of_user("POST", "ann", monitor("9", "ACTIVE", {ANN: "ACTIVE", BOB: "ACTIVE"}, 5.0)))
    view = CallView("9", (Participant(ANN, LegState.CONNECTED),), "SUPERVISOR_MONITOR", MonitorOf(ANN, BOB))
    assert event == CallSeen(view=view, at=5.0)


@pytest.mark.parametrize(
    "record",
    [
        put(monitor("9", "DROPPED", {ANN: "DROPPED", BOB: "DROPPED"})),
        put(monitor("9", "FAILED", {ANN: "FAILED"})),
        put(monitor("9", "ACTIVE", {ANN: "DROPPED", BOB: "ACTIVE"})),
        put(monitor("9", "ACTIVE", {ANN: "WRAP_UP", BOB: "ACTIVE"})),
        of_user("DELETE", "ann", monitor("9", "ACTIVE", {})),
        put(dialog("9", "DROPPED", {}, type="", from_address="", to_address="")),
    ],
)
def test_a_monitor_call_ends(record: str) -> None:
    """It ends when the dialog is dropped, fails or is removed, or when the listener leaves; nobody says why."""
    assert feed(ANN_LISTENS, record)[1:] == [MonitorEnded(monitor_call="9")]


def test_a_monitor_call_that_the_agent_leaves_first_has_not_ended() -> None:
    """The monitored party's leaving alone is no end: the listener's follows."""
    assert isinstance(feed(ANN_LISTENS, put(monitor("9", "ACTIVE", {ANN: "ACTIVE", BOB: "DROPPED"})))[-1], CallSeen)


@pytest.mark.parametrize("state", ["INITIATING", "INITIATED", "ALERTING"])
def test_a_monitor_call_that_is_set_up_has_not_started(state: str) -> None:
    """A monitor call whose listener is not listed is as far as its dialog is: no session starts by its being set up."""
    assert sessions(*SEATS, *talking(), put(monitor("9", state, {}))) == []
    assert sessions(*SEATS, *talking(), put(monitor("9", "ACTIVE", {}))) == [("ACTIVE", None, "1")]


def test_a_monitor_call_stays_one() -> None:
    """A later dialog of it that lacks its type and addresses is still that of a monitor call."""
    bare = put(dialog("9", "ACTIVE", {ANN: "HELD"}, type="", from_address="", to_address=""))
    (_, event) = feed(ANN_LISTENS, bare)
    assert isinstance(event, CallSeen)
    assert event.view.monitor == MonitorOf(ANN, BOB)


@pytest.mark.parametrize("missing", ["fromAddress", "toAddress"])
def test_a_monitor_call_of_nobody_is_refused(missing: str) -> None:
    """A monitor call that does not say who listens to whom is an error, as nobody could be told."""
    start = ANN_LISTENS.replace(tag(missing, ANN if missing == "fromAddress" else BOB), "")
    with pytest.raises(MessageError) as caught:
        feed(start)
    assert caught.value.what == f"{missing} is missing"


@pytest.mark.parametrize(("associated", "call"), [("1", "1"), ("2", None), ("", None)])
def test_the_associated_dialog_is_the_monitored_call_if_it_can_be(associated: str, call: str | None) -> None:
    """An associated dialog on which the agent is known to be is the call that is listened to; another is not."""
    start = monitor("9", "ACTIVE", {ANN: "ACTIVE"}, associated=f"/finesse/api/Dialog/{associated}")
    event = feed(*talking(), put(start))[-1]
    assert isinstance(event, CallSeen)
    assert event.view.monitor == MonitorOf(ANN, BOB, call)


def test_the_end_of_a_monitor_call_waits_for_how_the_agent_left() -> None:
    """While it is not clear how the agent left his call, the end of listening to him is not told before that is."""
    left = calls("1", "ACTIVE", {CUSTOMER: "ACTIVE", BOB: "DROPPED"})
    over = calls("1", "DROPPED", {CUSTOMER: "DROPPED", BOB: "DROPPED"})
    assert MonitorEnded(monitor_call="9") not in feed(*talking(), ANN_LISTENS, left, ANN_IS_DROPPED)
    assert sessions(*talking(), ANN_LISTENS, left, ANN_IS_DROPPED, over) == [("ENDED", "agent_dropped", "1")]
    assert sessions(*talking(), ANN_LISTENS, ANN_IS_DROPPED) == [("ENDED", "supervisor_dropped", "1")]


def test_a_barge_is_a_change_of_mode() -> None:
    """The listener who talks on the agent's call has barged in, once; his monitor call is joined with nothing."""
    barged = calls("1", "ACTIVE", {CUSTOMER: "ACTIVE", BOB: "ACTIVE", ANN: "ACTIVE"}, secondary="9")
    events = feed(*talking(), ANN_LISTENS, barged, barged, ANN_IS_DROPPED)
    assert events.count(ModeChanged(monitor_call="9", mode="barge")) == 1
    assert not [event for event in events if isinstance(event, Conferenced | Transferred)]
    assert events[-1] == MonitorEnded(monitor_call="9")


@pytest.mark.parametrize(
    ("steps", "event"),
    [
        ([{ANN: "ACTIVE", "5005": "ACTIVE"}], ListenerJoined(monitor_call="9", from_address="5005")),
        ([{ANN: "DROPPED", "5005": "ACTIVE"}], ListenerMoved(monitor_call="9", from_address="5005")),
        (
            [{ANN: "ACTIVE", "5005": "ACTIVE"}, {ANN: "DROPPED", "5005": "ACTIVE"}],
            ListenerMoved(monitor_call="9", from_address="5005"),
        ),
        (
            [{ANN: "ACTIVE", "5005": "ACTIVE"}, {ANN: "ACTIVE", "5005": "DROPPED"}],
            ListenerLeft(monitor_call="9", from_address="5005"),
        ),
        ([{ANN: "ACTIVE", "5005": "ALERTING"}], None),
        ([{ANN: "DROPPED", "5005": "ALERTING"}], MonitorEnded(monitor_call="9")),
    ],
)
def test_listeners_come_and_go(steps: list[dict[str, str]], event: Event | None) -> None:
    """Who talks on a monitor call beside the listener listens too; who does so instead has taken it over."""
    events = feed(ANN_LISTENS, *(put(monitor("9", "ACTIVE", {**step, BOB: "ACTIVE"})) for step in steps))
    told = [one for one in events if not isinstance(one, CallSeen)]
    assert told[len(steps) - 1 :] == ([] if event is None else [event])


def test_a_session_moves_with_its_listener() -> None:
    """A monitor call that another supervisor takes over is the same session, until he drops it."""
    moved = put(monitor("9", "ACTIVE", {ANN: "DROPPED", "5005": "ACTIVE", BOB: "ACTIVE"}))
    dropped = put(monitor("9", "ACTIVE", {"5005": "DROPPED", BOB: "ACTIVE"}))
    assert sessions(*SEATS, *talking(), ANN_LISTENS, moved) == [("ACTIVE", None, "1")]
    assert sessions(*SEATS, *talking(), ANN_LISTENS, moved, dropped) == [("ENDED", "supervisor_dropped", "1")]


# People


@pytest.mark.parametrize(
    ("record", "event"),
    [
        (
            user_changed("ann", ANN, "NOT_READY", 3.0, role="Supervisor", supervises="9"),
            SignedIn(
                person="ann",
                extension=ANN,
                roles=("Supervisor",),
                teams=("7",),
                supervises=("9",),
                state="NOT_READY",
                at=3.0,
            ),
        ),
        (
            user_changed("bob", BOB, "READY", supervises="9"),
            SignedIn(person="bob", extension=BOB, roles=("Agent",), teams=("7",), state="READY"),
        ),
        (
            user_changed("bob", "", "work-ready", team=""),
            PersonChanged(person="bob", roles=("Agent",), state="WORK_READY"),
        ),
        ("<Update><event>delete</event><source>/finesse/api/User/bob</source></Update>", SignedOut(person="bob")),
    ],
)
def test_a_user_is_a_person(record: str, event: Event) -> None:
    """A user who is signed in sits on his extension with roles, teams and state; deletion signs him out."""
    assert feed(record) == [event]


@pytest.mark.parametrize(("extension", "word", "at"), [(BOB, "LOGOUT", 4.0), ("", "logout", None)])
def test_who_logs_out_is_signed_out_and_so_is_his_state(extension: str, word: str, at: float | None) -> None:
    """A LOGOUT signs a person out and is his state from then on, so that his last one does not stay."""
    assert feed(user_changed("bob", extension, word, at)) == [
        PersonChanged(person="bob", state="LOGOUT", at=at),
        SignedOut(person="bob", at=at),
    ]


def known_of_bob(*records: bytes | str) -> tuple[set[str], str | None]:
    """Bob's teams and state after these records."""
    story = Story()
    story.tell(*feed(*records))
    bob = story.engine.floor.people.persons["bob"]
    return set(bob.teams or ()), bob.state


PICTURE = line(user("bob", BOB, "READY"), 21.0, "/finesse/api/User/bob", as_of=20.0)


def test_a_team_is_no_older_than_the_picture_before_it() -> None:
    """A change of team counts after a newer picture, though the state that comes with it is older, and does not."""
    moved = line(user_changed("bob", BOB, "TALKING", 10.0, team="8"), 30.0)
    assert known_of_bob(PICTURE, moved) == ({"8"}, "READY")


def test_a_change_of_team_hides_no_state() -> None:
    """A state that changed after the picture counts, also where its change is older than the news of a new team."""
    moved = line(user_changed("bob", BOB, "TALKING", 10.0, team="8"), 30.0)
    talking = line(user_changed("bob", BOB, "TALKING", 29.0, team="8"), 30.5)
    assert known_of_bob(PICTURE, moved, talking) == ({"8"}, "TALKING")


def test_of_how_many_it_is_known_when_they_were_told_of_is_limited() -> None:
    """Of whom nothing was told for long, nothing is known any more: his news count from when his state changed."""
    source = FinesseSource(Limits(people_max=1))
    eve = line(user("eve", EVE, "READY"), 21.0, "/finesse/api/User/eve", as_of=20.0)
    moved = line(user_changed("bob", BOB, "TALKING", 10.0, team="8"), 30.0)
    assert [len(source.feed(record)) for record in (PICTURE, moved, PICTURE, eve, moved)] == [1, 2, 1, 1, 1]


def test_a_role_that_comes_with_no_news_of_the_state_counts() -> None:
    """A user whose state is as old as it was is told as one event."""
    first, second = (line(user_changed("bob", BOB, "READY", 10.0, team=team), 11.0) for team in "78")
    assert len(feed(first, second)) == 2
    assert known_of_bob(first, second) == ({"8"}, "READY")


def test_a_pending_state_is_not_a_state() -> None:
    """Who asks to sign out during a call is in his state until the call ends."""
    talking_on = user_changed("bob", BOB, "TALKING").replace("<state>", "<pendingState>LOGOUT</pendingState><state>")
    assert feed(talking_on) == feed(user_changed("bob", BOB, "TALKING"))


@pytest.mark.parametrize("source", ["/finesse/api/User/bob/Dialogs", "/finesse/api/User/bob/Media", ""])
def test_what_is_taken_from_a_user_is_not_the_user(source: str) -> None:
    """A DELETE without data of something of a user's says nothing of himself."""
    assert feed(f"<Update><event>DELETE</event><source>{source}</source></Update>") == []


# Answers


def test_a_team_is_a_picture_of_its_people() -> None:
    """The answer about a team shows all of its members; who is signed out has no extension."""
    users = user("bob", BOB, "READY", team="") + user("eve", "", "LOGOUT", team="")
    answer = tag("Team", tag("id", "7"), tag("users", users))
    (event,) = feed(line(answer, 2.0, "/finesse/api/Team/7/Users", as_of=1.5))
    assert event == Snapshot(
        scope="team",
        about="7",
        covers=("people",),
        people=(
            PersonView("bob", (BOB,), roles=("Agent",), teams=("7",), state="READY"),
            PersonView("eve", (), roles=("Agent",), teams=("7",), state="LOGOUT"),
        ),
        as_of=1.5,
        received_at=2.0,
    )


@pytest.mark.parametrize("is_known", [True, False])
def test_a_team_without_extensions_signs_nobody_out(is_known: bool) -> None:  # noqa: FBT001 # a case
    """Where a team's summary has no extension of somebody, he sits where it was said; else all are told apart."""
    answer = tag("Team", tag("id", "7"), tag("users", user("bob", "", "READY", team="")))
    event = feed(*(SEATS if is_known else ()), answer)[-1]
    if is_known:
        assert isinstance(event, Snapshot)
        assert event.people[0].extensions == (BOB,)
    else:
        assert event == PersonChanged(person="bob", roles=("Agent",), teams=("7",), state="READY")


@pytest.mark.parametrize(
    ("content", "event"),
    [
        (
            user("bob", BOB, "READY"),
            Snapshot(
                scope="person",
                about="bob",
                covers=("people",),
                people=(PersonView("bob", (BOB,), roles=("Agent",), teams=("7",), state="READY"),),
            ),
        ),
        (user("bob", "", "READY"), PersonChanged(person="bob", roles=("Agent",), teams=("7",), state="READY")),
    ],
)
def test_an_answer_about_a_user_is_a_picture_of_him(content: str, event: Event) -> None:
    """A user who was asked for is shown with his seat, unless nobody has said where it is."""
    assert feed(content) == [event]


def test_the_dialogs_of_a_user_are_a_picture_of_his_calls() -> None:
    """All calls of a person that are up, monitor calls among them; the node says whose they are."""
    up = dialog("1", "ACTIVE", {CUSTOMER: "ACTIVE", BOB: "HELD"})
    over = dialog("2", "DROPPED", {BOB: "DROPPED"})
    chat = dialog("3", "ACTIVE", {BOB: "ACTIVE"}, media="Cisco_Chat_MRD")
    listening = monitor("9", "ACTIVE", {ANN: "ACTIVE", BOB: "ACTIVE"})
    (event,) = feed(line(tag("Dialogs", up, over, chat, listening), 2.0, "/finesse/api/User/bob/Dialogs", as_of=1.0))
    assert isinstance(event, Snapshot)
    assert (event.scope, event.about, event.covers, event.as_of) == ("person", "bob", ("calls",), 1.0)
    assert [(view.call, view.monitor is not None, len(view.participants)) for view in event.calls] == [
        ("1", False, 2),
        ("9", True, 1),
    ]


def test_the_next_picture_is_the_authority() -> None:
    """What a wrong payload left open, an answer settles: who is not in it is not on the call, who is has come back."""
    left = calls("1", "DROPPED", {CUSTOMER: "DROPPED", BOB: "DROPPED"})
    up = dialog("1", "ACTIVE", {CUSTOMER: "ACTIVE", BOB: "ACTIVE"})
    answer = line(tag("Dialogs", up), node="/finesse/api/User/bob/Dialogs")
    held = calls("1", "ACTIVE", {CUSTOMER: "ACTIVE", BOB: "HELD"})
    assert feed(*SEATS, *talking(EVE), left, answer, held)[-1] == seen("1", _0170="connected", _5025="held")
    without = line(tag("Dialogs"), node="/finesse/api/User/bob/Dialogs")
    assert sessions(*SEATS, *talking(), ANN_LISTENS, without) == [("ENDED", "call_ended", "1")]


def test_a_picture_explains_what_was_kept_back() -> None:
    """A call that names another as its part explains a transfer in an answer, too; what it does not explain is told."""
    answer = tag("Dialogs", dialog("1", "ACTIVE", {CUSTOMER: "ACTIVE", EVE: "ACTIVE"}, secondary="2"))
    before = (*SEATS, *talking(), ANN_LISTENS, *CONSULT, ANSWERED, SAM_LISTENS, *TRANSFER)
    assert sessions(*before, line(answer, node="/finesse/api/User/eve/Dialogs"), ANN_IS_DROPPED) == [
        ("ENDED", "agent_transferred", "1"),
        ("ACTIVE", None, "1"),
    ]
    nothing = line(tag("Dialogs"), node="/finesse/api/User/bob/Dialogs")
    told = feed(*SEATS, *talking(), calls("1", "ACTIVE", {CUSTOMER: "ACTIVE", BOB: "DROPPED"}), nothing)
    assert legs_of(told[-2:]) == {BOB: "cleared"}
    assert isinstance(told[-1], Snapshot)


# Errors


@pytest.mark.parametrize(
    ("record", "event"),
    [
        (
            line(failed("13145", "/finesse/api/User/ann", "AGENT_ON_HOLD"), 5.0),
            MonitorFailed(code="13145", text="AGENT_ON_HOLD", user="ann", received_at=5.0),
        ),
        (
            line(failed("88049", "/finesse/api/User/ann/Dialogs"), node="/finesse/api/User/bob/Dialogs"),
            MonitorFailed(code="88049", text="Call Operation Failure", user="ann"),
        ),
        (
            line(failed("13145", "/finesse/api/Dialog/77", "X"), node="/finesse/api/User/ann/Dialogs"),
            MonitorFailed(code="13145", text="X", user="ann"),
        ),
        (failed("13145", "", "X"), MonitorFailed(code="13145", text="X")),
        (
            line(
                failed("ann", "", "UNAUTHORIZED", "Authorization Failure")
                .partition("<data>")[2]
                .partition("</data>")[0],
                node="/finesse/api/User/ann/Dialogs",
            ),
            MonitorFailed(code="Authorization Failure", text="UNAUTHORIZED", user="ann"),
        ),
    ],
)
def test_an_error_is_a_failed_start(record: bytes | str, event: Event) -> None:
    """An error carries the switch's code and text, and the user whom its source names, or else the node."""
    assert feed(record) == [event]


def named(request_id: str, source: str = "/finesse/api/User/ann/Dialogs") -> str:
    """An error that says which request led to it."""
    return failed("13145", source, "X").replace("<requestId></requestId>", f"<requestId>{request_id}</requestId>")


@pytest.mark.parametrize("source", ["/finesse/api/User/ann/Dialogs", "/finesse/api/Dialog/9", ""])
@pytest.mark.parametrize(
    ("request_id", "command"),
    [("default-7/12/0", "default-7/12/0"), ("a%20site%2Fnorth-7/12/0", "a site/north-7/12/0")],
)
def test_an_error_of_our_request_is_that_commands_outcome(request_id: str, command: str, source: str) -> None:
    """An error whose requestId is the id of a command says that this command failed, whatever it is about."""
    before = (*talking(), ANN_LISTENS)
    (*_, event) = feed(*before, named(request_id, source))
    assert event == CommandOutcome(command=command, outcome="failed", code="13145", text="X")


@pytest.mark.parametrize("request_id", ["", "d2ca4a52", "a/b/c", "1/2", "s-1/2/", "/1/2"])
def test_an_error_of_somebody_elses_request_is_a_failed_start(request_id: str) -> None:
    """Without an id of ours an error is given to nobody by its id."""
    assert feed(named(request_id)) == [MonitorFailed(code="13145", text="X", user="ann")]


def test_an_error_reaches_the_very_request_that_it_is_of() -> None:
    """Of two requests of one supervisor that wait, the one is refused that the error names."""
    story, source = Story(settings(per_supervisor=2)), FinesseSource()
    other = calls("2", "ACTIVE", {"0171": "ACTIVE", EVE: "ACTIVE"}, to_address=EVE)
    for record in (*SEATS, *talking(), other):
        story.tell(*source.feed(record.encode() if isinstance(record, str) else record))
    for agent in (BOB, EVE):
        story.tell(MonitorRequested(from_address=ANN, to_address=agent, user="ann"))
    command = story.session(1).start_command
    story.tell(*source.feed(named(command).encode()))
    assert [str(story.session(number).state) for number in (0, 1)] == ["REQUESTED", "REJECTED"]


@pytest.mark.parametrize("call", ["1", "9"])
def test_an_error_about_a_dialog_that_is_up_is_no_failed_start(call: str) -> None:
    """What could not be done to a call that is up was not the start of listening."""
    before = (*talking(), ANN_LISTENS)
    assert feed(*before, failed("34", f"/finesse/api/Dialog/{call}", "X")) == feed(*before)


@pytest.mark.parametrize(("user_id", "state"), [("ann", "REJECTED"), ("sam", "REQUESTED")])
def test_an_error_reaches_the_session_of_its_user(user_id: str, state: str) -> None:
    """An error is given to the one request of that user that waits; nobody else's is touched."""
    story, source = Story(), FinesseSource()
    for record in (*SEATS, *talking()):
        story.tell(*source.feed(record.encode() if isinstance(record, str) else record))
    story.tell(MonitorRequested(from_address=ANN, to_address=BOB, user="ann"))
    story.tell(*source.feed(failed("13145", f"/finesse/api/User/{user_id}", "AGENT_ON_HOLD").encode()))
    session = story.session()
    assert (str(session.state), len(story.notices("failure_unmatched"))) == (state, int(state == "REQUESTED"))


# Limits


def test_calls_beyond_the_limit_are_told_and_forgotten() -> None:
    """The first of too many calls is forgotten, after what was kept back of it was told."""
    source = FinesseSource(Limits(calls_max=1))
    left = calls("1", "ACTIVE", {CUSTOMER: "ACTIVE", BOB: "DROPPED"})
    other = calls("2", "ACTIVE", {EVE: "ACTIVE"})
    told = [source.feed(one.encode() if isinstance(one, str) else one) for one in (*talking(), left, other, other)]
    assert [legs_of([event]) for event in told[-2]] == [{BOB: "cleared"}, {EVE: "connected"}]
    assert len(told[-1]) == 1


def test_monitor_calls_and_people_beyond_the_limit_are_forgotten() -> None:
    """Of more monitor calls and people than the limits allow, the last are known."""
    source = FinesseSource(Limits(calls_max=1, people_max=1))
    for record in (*SEATS, ANN_LISTENS.encode(), SAM_LISTENS.encode()):
        assert isinstance(record, bytes)
        source.feed(record)
    first, second = (put(dialog(call, "ACTIVE", {ANN: "ACTIVE"}, type="")).encode() for call in "98")
    monitors = [
        event.view.monitor for one in (first, second) for event in source.feed(one) if isinstance(event, CallSeen)
    ]
    assert monitors == [None, MonitorOf("5005", EVE)]
    events = source.feed(tag("Team", tag("id", "7"), tag("users", user("bob", "", "READY"))).encode())
    assert isinstance(events[0], PersonChanged)


# Anything

addresses = st.sampled_from([BOB, EVE, ANN, CUSTOMER])
states = st.sampled_from(["ACTIVE", "HELD", "DROPPED", "ALERTING", "INITIATED", "WRAP_UP"])
parts = st.dictionaries(addresses, states, max_size=3)
people = st.sampled_from(["ann", "bob", "eve"])


@st.composite
def contents(draw: st.DrawFn) -> str:
    """A notification or an answer about few calls and people, most of them nonsense."""
    other: dict[str, Any] = {"secondary": draw(st.sampled_from(["", "", "1", "2", "3"]))}
    one = dialog(
        draw(st.sampled_from("123")), draw(states), draw(parts), draw(st.sampled_from([None, 1.0, 2.0])), **other
    )
    listening = monitor("9", draw(states), draw(parts))
    person = draw(people)
    extension = draw(addresses)
    return draw(
        st.sampled_from(
            [
                put(one),
                of_user("POST", person, one),
                of_user("DELETE", person, one),
                of_user("POST", person, one, listening),
                put(listening),
                tag("Dialogs", one, listening),
                user_changed(person, extension, draw(st.sampled_from(["READY", "LOGOUT"]))),
                user(person, draw(st.sampled_from(["", extension])), "READY"),
                tag("Team", tag("id", "7"), tag("users", user(person, "", "READY"))),
                failed("13145", f"/finesse/api/Dialog/{draw(st.sampled_from('129'))}"),
            ]
        )
    )


@given(
    st.lists(st.tuples(contents(), people, st.sampled_from([0.0, 0.1, 5.0])), max_size=30), st.sampled_from([2, 1_000])
)
def test_whatever_is_told_the_source_goes_on(records: list[tuple[str, str, float]], kept_max: int) -> None:
    """Any sequence of notifications and answers is events that the engine can step, within the limits, to the end."""
    source, story = FinesseSource(Limits(calls_max=kept_max, people_max=kept_max, calls_gone_max=kept_max)), Story()
    now = 0.0
    for content, person, pause_s in records:
        now += pause_s
        events = source.feed(line(content, now, f"/finesse/api/User/{person}/Dialogs"))
        assert all(event.received_at == now for event in events)
        story.tell(*events)
    story.tell(*source.finish())
    assert source.finish() == []


@given(st.lists(st.tuples(contents(), people), max_size=20))
def test_a_notification_twice_is_the_same_as_once(records: list[tuple[str, str]]) -> None:
    """What is doubled at once leads to the same sessions as what came once."""
    lines = [
        line(content, float(number), f"/finesse/api/User/{person}/Dialogs")
        for number, (content, person) in enumerate(records)
    ]
    assert sessions_of(lines) == sessions_of([one for record in lines for one in (record, record)])


def sessions_of(records: list[bytes]) -> list[tuple[str, str | None]]:
    """State and reason of each session, in their order."""
    source, story = FinesseSource(), Story()
    for record in records:
        story.tell(*source.feed(record))
    story.tell(*source.finish())
    return [(str(one.state), one.reason and str(one.reason)) for one in story.engine.sessions.by_id.values()]


@given(st.binary(max_size=100))
def test_any_bytes_are_events_or_one_error(record: bytes) -> None:
    """Any bytes are events or a MessageError, and never another exception."""
    try:
        assert isinstance(feed(record), list)
    except MessageError as error:
        assert error.what
        assert error.fix


@given(contents(), st.data())
def test_a_broken_record_is_events_or_one_error(content: str, data: st.DataObject) -> None:
    """A record that was cut, or into which a part of itself was spliced, is events or a MessageError."""
    record = line(content, 1.0, "/finesse/api/User/bob/Dialogs")
    cuts = st.integers(0, len(record))
    start, end, place = data.draw(cuts), data.draw(cuts), data.draw(cuts)
    for broken in (record[start:end], record[:place] + record[start:end] + record[place:]):
        try:
            assert all(structs.asdict(event) for event in feed(broken))
        except MessageError as error:
            assert error.what
