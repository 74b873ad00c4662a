from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.domain.events import (
    CallCleared,
    CallSeen,
    CallView,
    Event,
    LegState,
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
    StopRequested,
)
from monitoring_core.errors import MessageError, UsageError
from monitoring_core.sources.workspace import WorkspaceSource

REQUEST = {"fromAddress": "5004", "toAddress": "5025", "UserName": "47483657"}
USER = {
    "loginId": "47483657",
    "loginName": "mlee",
    "extension": "5004",
    "state": "NOT_READY",
    "roles": ["Agent", "Supervisor"],
    "teamId": "1",
    "teams": [{"id": "11", "name": "north"}, {"id": "12"}],
}


def feed(**envelope: object) -> list[Event]:
    """The events of an envelope; those keys that are not given are a Cisco request's."""
    return WorkspaceSource("monitoring-core").feed(
        json.dumps({"channel": "Cisco", "topic": "Team", **envelope}).encode()
    )


def call_change(dialog: object, subtopic: str = "InboundCallStateChange", **call: object) -> list[Event]:
    """The events of a call's state change with Finesse's part `dialog`."""
    whole = {"id": "169", "ResponseActual": dialog, **call}
    return feed(channel="Finesse", topic="Inbound", subtopic=subtopic, message={"call": whole, "source": "event"})


def legs(*states: str) -> list[dict[str, str]]:
    """Participants 5025, 5026, ... in these states."""
    return [{"mediaAddress": str(5025 + number), "state": state} for number, state in enumerate(states)]


def person(**user: object) -> list[Event]:
    """The events of an answer about one person."""
    return feed(topic="Agent", subtopic="SetAgentState", message={"data": user})


def app_state(**cti: object) -> Snapshot:
    """The one event of an answer to GetAppState."""
    (event,) = feed(topic="General", subtopic="GetAppState", message={"ctiState": cti})
    assert isinstance(event, Snapshot)
    return event


def seen(events: list[Event]) -> CallView:
    """The call in the one CallSeen."""
    (event,) = events
    assert isinstance(event, CallSeen)
    return event.view


# Requests, stops, failures


def test_a_request_is_a_request() -> None:
    """SetSilentMonitoring becomes a request with the claimed user, from whichever program sent it."""
    assert feed(subtopic="SetSilentMonitoring", data=REQUEST, source="desk") == [
        MonitorRequested(from_address="5004", to_address="5025", user="47483657", source="desk")
    ]


def test_a_request_brings_no_facts_from_its_body() -> None:
    """Unknown fields of a request never become facts that a rule may read."""
    (event,) = feed(subtopic="SetSilentMonitoring", data={**REQUEST, "facts": {"consent": True}}, facts={"vip": False})
    assert isinstance(event, MonitorRequested)
    assert event.facts == {}


def test_a_drop_is_a_stop() -> None:
    """SetDROP becomes a stop of the monitor call by whoever is on that extension."""
    assert feed(subtopic="SetDROP", topic="InboundCall", data={"MediaAddress": "5004", "CallID": "170"}) == [
        StopRequested(monitor_call="170", from_address="5004")
    ]


def test_a_broadcast_error_is_a_failure() -> None:
    """SetAPIError becomes a failed start with the switch's code and the text for people."""
    error = {"errorType": "Invalid State", "errorMessage": "internal", "msg": "for people"}
    assert feed(subtopic="SetAPIError", topic="Error", data={"packet": "apierror", "data": error}) == [
        MonitorFailed(code="Invalid State", text="for people")
    ]


@pytest.mark.parametrize(
    ("subtopic", "topic", "data"),
    [
        ("SetSilentMonitoring", "Team", REQUEST),
        ("SetDROP", "InboundCall", {"MediaAddress": "5004", "CallID": "170"}),
        ("SetAPIError", "Error", {"data": {"errorType": "Invalid State"}}),
    ],
)
def test_our_own_voice_is_no_news(subtopic: str, topic: str, data: object) -> None:
    """What carries our own source is neither a request nor a stop nor a failure."""
    assert feed(subtopic=subtopic, topic=topic, data=data) != []
    assert feed(subtopic=subtopic, topic=topic, data=data, source="monitoring-core") == []


def test_a_source_must_know_its_own_name() -> None:
    """Without an own source every message that names none would be ours, so it is refused."""
    with pytest.raises(UsageError):
        WorkspaceSource("")


@pytest.mark.parametrize(
    ("subtopic", "data"),
    [("SetAgentState", {"State": "READY"}), ("GetAgentState", {}), ("GetAppState", None)],
)
def test_what_is_only_wished_for_is_no_event(subtopic: str, data: object) -> None:
    """Requests for anything else, also under the name of an answer, say nothing that happened."""
    assert feed(subtopic=subtopic, data=data) == []


def test_times_and_id_of_a_recording_go_to_the_event() -> None:
    """`at`, `received_at` and `id` beside the envelope's keys are the event's."""
    (event,) = feed(subtopic="SetSilentMonitoring", data=REQUEST, at=12, received_at=12.5, id="a")
    assert (event.at, event.received_at, event.id) == (12.0, 12.5, "a")


def test_two_events_of_one_record_have_two_ids() -> None:
    """The second event of a record is no repeat of the first."""
    dialog = {"state": "DROPPED", "participants": legs("DROPPED")}
    whole = {"call": {"id": "169", "ResponseActual": dialog}}
    assert [event.id for event in feed(subtopic="InboundCallStateChange", message=whole, id="a")] == ["a", "a/2"]


@pytest.mark.parametrize(
    ("extra", "where"), [({"at": "12"}, "at"), ({"Received_At": True}, "Received_At"), ({"id": 7}, "id")]
)
def test_a_time_that_is_none_is_named(extra: dict[str, object], where: str) -> None:
    """A recorder's time that is no number, or id that is no text, is an error at that key."""
    with pytest.raises(MessageError) as caught:
        feed(subtopic="x", **extra)
    assert caught.value.where == where


# Calls


def test_a_call_is_seen_with_its_participants() -> None:
    """A state change of a call shows every participant in his state, and the call's type."""
    dialog = {"id": "169", "state": "ACTIVE", "participants": {"Participant": legs("ACTIVE", "HELD")}}
    assert call_change(dialog, CallType="PREROUTE_ACD_IN") == [
        CallSeen(
            view=CallView(
                "169",
                (Participant("5025", LegState.CONNECTED), Participant("5026", LegState.HELD)),
                "PREROUTE_ACD_IN",
            )
        )
    ]


@pytest.mark.parametrize("subtopic", ["InboundCallStateChange", "OutboundCallStateChange", "OutBoundCallStateChange"])
def test_every_spelling_of_the_subtopic_is_a_call(subtopic: str) -> None:
    """Inbound and outbound changes are read alike, whatever their capitals."""
    assert seen(call_change({"state": "ACTIVE"}, subtopic)).call == "169"


@pytest.mark.parametrize(
    ("sent", "state"),
    [
        ("INITIATING", LegState.INITIATED),
        ("initiated", LegState.INITIATED),
        ("Alerting", LegState.ALERTING),
        ("active", LegState.CONNECTED),
        ("Held", LegState.HELD),
        ("WRAP_UP", LegState.CLEARED),
        ("wrap-up", LegState.CLEARED),
        ("dropped", LegState.CLEARED),
        ("FAILED", LegState.CLEARED),
    ],
)
def test_a_state_of_finesse_is_a_leg_s_state(sent: str, state: LegState) -> None:
    """Each participant state, in mixed case, is one state of a leg; wrap-up means that he left."""
    assert seen(call_change({"participants": legs(sent)})).participants == (Participant("5025", state),)


@pytest.mark.parametrize(
    "participants",
    [
        legs("ACTIVE"),
        legs("ACTIVE")[0],
        {"Participant": legs("ACTIVE")},
        {"participant": legs("ACTIVE")[0]},
        [{"Participant": legs("ACTIVE")[0]}],
        [{"MediaAddress ": "5025", "STATE": "ACTIVE"}, {"mediaAddress": "5026"}, {"state": "ACTIVE"}, "?"],
        [*legs("ACTIVE"), {"mediaAddress": "5026", "state": "PAUSED"}],
    ],
)
def test_participants_are_read_in_every_shape(participants: object) -> None:
    """A list, one alone, or either inside `Participant`; one without address or known state is left out."""
    assert seen(call_change({"participants": participants})).participants == (Participant("5025", LegState.CONNECTED),)


@pytest.mark.parametrize("participants", [None, "none", 3, [], {}])
def test_missing_participants_are_none(participants: object) -> None:
    """A call without readable participants is seen without any, which says nothing of those it has."""
    assert seen(call_change({"participants": participants})).participants == ()


def test_a_call_without_finesse_s_part_is_seen() -> None:
    """Channels that send no ResponseActual still tell of the call."""
    events = feed(
        channel="Amazon", subtopic="InboundCallStateChange", message={"call": {"id": "1", "callType": "Agent"}}
    )
    assert seen(events) == CallView("1", type="Agent")


def test_the_type_may_stand_in_the_media_properties() -> None:
    """Finesse's own type counts where the bus gives none, and the dialog may be wrapped once more."""
    dialog = {"dialog": {"id": "170", "mediaProperties": {"callType": "ACD_IN"}}}
    assert seen(call_change(dialog)) == CallView("170", type="ACD_IN")


@pytest.mark.parametrize(
    "event", [{"state": "DROPPED"}, {"state": "dropped", "participants": legs("DROPPED", "WRAP_UP")}]
)
def test_a_dropped_call_is_over_after_it_was_seen(event: dict[str, Any]) -> None:
    """A call whose own state is DROPPED is seen as it is, then cleared, so that the engine can say who went."""
    first, second = call_change(event)
    assert isinstance(first, CallSeen)
    assert second == CallCleared(call="169")


def test_the_bus_s_event_counts_where_the_dialog_has_no_state() -> None:
    """A call event `dropped` clears the call when Finesse's part has no state."""
    assert call_change({}, event="Dropped")[1:] == [CallCleared(call="169")]


def test_a_call_that_goes_on_for_others_is_not_over() -> None:
    """Who transfers is sent the call as DROPPED while the rest is up: he left, the call did not end."""
    view = seen(call_change({"state": "DROPPED", "participants": legs("DROPPED", "ACTIVE")}))
    assert [participant.state for participant in view.participants] == [LegState.CLEARED, LegState.CONNECTED]


MONITOR = {"fromaddress": "5004", "toaddress": "5025", "mediaProperties": {"callType": "SUPERVISOR_MONITOR"}}


@pytest.mark.parametrize("bus_type", ["SUPERVISOR_MONITOR", "Supervisor Monitor", "Outbound", None])
def test_a_monitor_call_is_seen_as_one(bus_type: str | None) -> None:
    """A call that the bus or Finesse calls SUPERVISOR_MONITOR names who listens to whom."""
    view = seen(call_change({**MONITOR, "state": "ACTIVE"}, CallType=bus_type))
    assert view.monitor == MonitorOf("5004", "5025")


@pytest.mark.parametrize("dialog", [{**MONITOR, "state": "DROPPED"}, {"state": "Failed"}])
def test_the_end_of_a_monitor_call_is_only_its_end(dialog: dict[str, Any]) -> None:
    """A monitor call that dropped or failed is told as ended, never as seen, with or without its addresses."""
    assert call_change(dialog, CallType="SUPERVISOR_MONITOR") == [MonitorEnded(monitor_call="169")]


# People


def test_a_person_with_an_extension_is_signed_in() -> None:
    """An agent-state answer with an extension says who is signed in there, in which state and with which teams."""
    assert person(**USER) == [
        SignedIn(
            person="47483657",
            extension="5004",
            name="mlee",
            roles=("Agent", "Supervisor"),
            teams=("1",),
            supervises=("11", "12"),
            state="NOT_READY",
        )
    ]


def test_an_agent_supervises_nobody() -> None:
    """The teams of somebody who is no supervisor are not teams he is responsible for."""
    (event,) = person(**{**USER, "roles": "Agent", "issupervisor": False})
    assert isinstance(event, SignedIn)
    assert (event.roles, event.supervises) == (("Agent",), None)


@pytest.mark.parametrize("flag", [True, "true"])
def test_the_flag_makes_a_supervisor(flag: object) -> None:
    """`issupervisor` adds the role where the list lacks it; roles may stand inside `role`."""
    (event,) = person(loginId="7", roles={"role": ["Agent"]}, issupervisor=flag, teams={"Team": {"id": "11"}})
    assert event == PersonChanged(person="7", roles=("Agent", "Supervisor"), supervises=("11",))


@pytest.mark.parametrize(
    ("sent", "state"), [("not ready", "NOT_READY"), ("Not-Ready", "NOT_READY"), (" ", None), (None, None)]
)
def test_a_state_is_written_as_finesse_does(sent: str | None, state: str | None) -> None:
    """A person's state is one word in capitals, as rules compare it, and unknown when it is empty."""
    assert person(loginId="7", state=sent) == [PersonChanged(person="7", state=state)]


def test_logout_signs_a_person_out_everywhere() -> None:
    """The state LOGOUT ends every sign-in of the person."""
    assert person(**{**USER, "state": "Logout"}) == [SignedOut(person="47483657")]


def test_an_answer_without_an_id_is_an_error_with_its_place() -> None:
    """A person's answer that names nobody is refused at its key path, with the misspelt key."""
    with pytest.raises(MessageError) as caught:
        person(LogniId="7")
    assert (caught.value.where, caught.value.fix) == ("message.data", "LogniId is there: did you mean loginId?")


# Snapshots


def test_an_application_state_is_a_snapshot_of_one_person() -> None:
    """GetAppState's answer shows the person, his extension and his calls, and covers both."""
    dialog = {"id": "169", "state": "ACTIVE", "participants": legs("ACTIVE"), "mediaProperties": {"callType": "ACD_IN"}}
    snapshot = app_state(
        userInfo={"username": "47483657", "extension": "5004", "password": "hunter2"},
        State="TALKING",
        rules={"ResponseActual": {"user": USER, "dialog": dialog}},
    )
    assert snapshot == Snapshot(
        scope="person",
        about="47483657",
        covers=("people", "calls"),
        people=(
            PersonView(
                "47483657", ("5004",), "mlee", ("Agent", "Supervisor"), ("1",), ("11", "12"), "NOT_READY"
            ),
        ),
        calls=(CallView("169", (Participant("5025", LegState.CONNECTED),), "ACD_IN"),),
    )  # fmt: skip
    assert "hunter2" not in repr(snapshot)


def test_a_snapshot_without_finesse_s_part_says_nothing_of_calls() -> None:
    """Without ResponseActual only the person is covered: absent calls are not gone."""
    assert app_state(userInfo={"username": "7", "extension": "5004"}, State="READY") == Snapshot(
        scope="person", about="7", covers=("people",), people=(PersonView("7", ("5004",), state="READY"),)
    )


@pytest.mark.parametrize("dialog", [None, {}, [], {"Dialog": []}, {"id": "1", "state": "DROPPED"}])
def test_a_snapshot_without_a_call_says_that_there_is_none(dialog: object) -> None:
    """An empty, or dropped, dialog beside the user means that his calls are gone."""
    snapshot = app_state(rules={"ResponseActual": {"user": USER, "dialog": dialog}})
    assert (snapshot.covers, snapshot.calls) == (("people", "calls"), ())


def test_a_monitor_call_in_a_snapshot_is_one() -> None:
    """A snapshot shows a monitor call with who listens to whom."""
    snapshot = app_state(userInfo={"username": "7"}, rules={"ResponseActual": {"dialog": {"id": "170", **MONITOR}}})
    assert snapshot.calls == (CallView("170", (), "SUPERVISOR_MONITOR", MonitorOf("5004", "5025")),)


def test_a_person_who_is_logged_out_has_no_extension() -> None:
    """A snapshot with the state LOGOUT shows a person on no extension."""
    assert app_state(userInfo={"username": "7", "extension": "5004"}, State="LOGOUT").people == (
        PersonView("7", (), state="LOGOUT"),
    )


# Anything


@pytest.mark.parametrize(
    ("call", "what", "where"),
    [
        (None, "this is null, not an object", "message.call"),
        ({}, "id is missing", "message.call"),
        ({"id": 169}, "id is a number, not text", "message.call.id"),
        ({"id": "1", "CallType": 2}, "CallType is a number, not text", "message.call.CallType"),
        ({"id": "1", "ResponseActual": {"participants": [{"mediaAddress": 5025}]}},
         "mediaAddress is a number, not text",
         "...seActual.participants[0].mediaAddress"),
        ({"id": "1", "CallType": "SUPERVISOR_MONITOR"}, "fromAddress is missing", "message.call"),
        ({"id": "1", "ID": "2"}, "id stands here twice, in two spellings", "message.call"),
    ],
)  # fmt: skip
def test_a_call_that_cannot_be_read_is_an_error_with_its_place(call: object, what: str, where: str) -> None:
    """A call without an id, or with an address or id that is no text, is refused at its key path."""
    with pytest.raises(MessageError) as caught:
        feed(subtopic="InboundCallStateChange", message={"call": call})
    assert (caught.value.what, caught.value.where) == (what, where)


def answers(record: bytes) -> bool:
    """Whether a record gives events or the one kind of error; anything else is raised."""
    try:
        return all(isinstance(event, Event) for event in WorkspaceSource("monitoring-core").feed(record))
    except MessageError:
        return True


@given(st.binary())
def test_any_bytes_give_events_or_one_error(record: bytes) -> None:
    """Whatever the bytes, the answer is a list of events or a MessageError."""
    assert answers(record)


WORDS = (
    "call data message ResponseActual dialog Dialog id state event CallType callType participants Participant at "
    "mediaAddress fromAddress toaddress mediaProperties ctiState userInfo username rules user loginId extension "
    "roles role issupervisor teamId teams Team loginName errorType msg MediaAddress CallID password"
).split()
TEXTS = st.sampled_from(["ACTIVE", "dropped", "SUPERVISOR_MONITOR", "LOGOUT", "Supervisor", "", "5004"]) | st.text(
    max_size=3
)
SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=25,
)
SUBTOPICS = st.sampled_from(
    ["SetSilentMonitoring", "SetDROP", "SetAPIError", "InboundCallStateChange", "SetAgentState", "GetAppState", "x"]
)


@given(
    SUBTOPICS,
    st.sampled_from(["Team", "InboundCall", "Error"]),
    SHAPES,
    st.sampled_from(["data", "message"]),
    st.booleans(),
)
def test_any_shape_gives_events_or_one_error(
    subtopic: str,
    topic: str,
    payload: object,
    key: str,
    inside: bool,  # noqa: FBT001
) -> None:
    """Whatever JSON stands in an envelope, the answer is a list of events or a MessageError."""
    wrapped = {"call": payload, "ctiState": payload, "data": payload} if inside else payload
    envelope = {"channel": "Cisco", "topic": topic, "subtopic": subtopic, key: wrapped}
    assert answers(json.dumps(envelope).encode())
