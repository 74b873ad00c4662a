"""The Asterisk source: what real recordings, cut, doubled or spoiled, become as events."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterable
from functools import cache
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.domain.events import (
    CallCleared,
    CallView,
    Conferenced,
    ConnectionCleared,
    Delivered,
    Established,
    Event,
    Held,
    Initiated,
    LegState,
    MonitorEnded,
    MonitorFailed,
    MonitorOf,
    MonitorStarted,
    Parked,
    Participant,
    Retrieved,
    Snapshot,
    SwitchRestarted,
    Transferred,
)
from monitoring_core.errors import SourceError
from monitoring_core.sources.asterisk import AsteriskSource
from monitoring_core.sources.asterisk.source import HANGUP_WAIT_RECORDS

RECORDED = Path(__file__).parent.parent / "scenarios" / "recorded"
FARM, QUEUE, ONE = "contact-centre-a.jsonl.gz", "queue-with-spies-first-42s.jsonl.gz", "one-call-one-spy.jsonl"
CAPTURES = sorted(str(path.relative_to(RECORDED)) for path in RECORDED.glob("ami/*/*.json"))
ALL = [FARM, QUEUE, ONE, *CAPTURES]

RECORDS_KEPT_BACK_MAX = {FARM: 100, QUEUE: 20, ONE: 20}
"""How many messages of a recording, most of which mean nothing, may pass until a Hangup is told."""

Told = list[tuple[int, Event]]


@cache
def recording(name: str) -> list[dict[str, Any]]:
    """The records of one recording."""
    raw = (RECORDED / name).read_bytes()
    text = gzip.decompress(raw) if name.endswith(".gz") else raw
    return json.loads(text) if name.endswith(".json") else [json.loads(line) for line in text.splitlines()]


def told(records: Iterable[dict[str, Any]], source: AsteriskSource | None = None) -> Told:
    """Every event with the index of the record that led to it; what only the end of the log tells has the last."""
    source = source or AsteriskSource(trunks=("trunk", "cust"))
    events, index = [], -1
    for index, record in enumerate(records):
        events += [(index, event) for event in source.feed(json.dumps(record).encode())]
    return events + [(index + 1, event) for event in source.finish()]


@cache
def stream(name: str, addresses: Any = "extension") -> Told:
    """What a whole recording led to."""
    return told(recording(name), AsteriskSource(addresses, ("trunk", "cust")))


def plain(*records: dict[str, Any]) -> list[Event]:
    """What these records lead to, with the end of the log."""
    return [event for _, event in told(records)]


# A small switch: 1001 is an agent, 8001 a supervisor; the trunk is where customers are.

CUSTOMER, AGENT, SECOND, TARGET = (
    "PJSIP/trunk-00000001",
    "PJSIP/1001-00000002",
    "PJSIP/1001-00000003",
    "PJSIP/1002-00000004",
)
LISTENER = "PJSIP/8001-00000005"


def uid(name: str) -> str:
    """The unique id of a channel of the small switch."""
    return f"1.{name[-1]}" if name[-2] != ";" else f"1.{name[-3:]}"


def record(event: str, name: str = "", **fields: Any) -> dict[str, Any]:
    """One manager event, about a channel if it is named."""
    return {"Event": event, **({"Channel": name, "Uniqueid": uid(name)} if name else {}), **fields}


def dial(name: str, to: str) -> dict[str, Any]:
    """One channel dials another."""
    return record("DialBegin", name, DestChannel=to, DestUniqueid=uid(to))


def enter(bridge: str, *names: str) -> list[dict[str, Any]]:
    """Channels come into a bridge."""
    return [record("BridgeEnter", name, BridgeUniqueid=bridge) for name in names]


def leave(bridge: str, *names: str) -> list[dict[str, Any]]:
    """Channels leave a bridge."""
    return [record("BridgeLeave", name, BridgeUniqueid=bridge) for name in names]


def spy(event: str, by: str = LISTENER, on: str = AGENT) -> dict[str, Any]:
    """A spy starts or stops."""
    return record(event, SpyerChannel=by, SpyerUniqueid=uid(by), SpyeeChannel=on, SpyeeUniqueid=uid(on))


def attended(first: str, second: str) -> dict[str, Any]:
    """An attended transfer by the owner of both legs succeeded."""
    legs = {"OrigTransfererUniqueid": uid(first), "SecondTransfererUniqueid": uid(second)}
    return record("AttendedTransfer", Result="Success", **legs)


TALK = [dial(CUSTOMER, AGENT), *enter("b1", AGENT, CUSTOMER)]
ENDED = MonitorEnded(monitor_call="1.5", from_address="8001", to_address="1001")
LEFT = MonitorEnded(monitor_call="1.5", from_address="8001", to_address="1001", reason="supervisor_dropped")


def after(before: list[dict[str, Any]], *records: dict[str, Any]) -> list[Event]:
    """What `records` lead to once `before` has happened."""
    source = AsteriskSource()
    for one in before:
        source.feed(json.dumps(one).encode())
    return [event for one in records for event in source.feed(json.dumps(one).encode())]


# Every recording


@pytest.mark.parametrize("name", [FARM, QUEUE, ONE])
def test_every_spy_start_is_one_monitor_call_that_ends_once(name: str) -> None:
    """Each ChanSpyStart is one MonitorStarted with an id of its own, and ends exactly once, never before."""
    starts = [(i, one["SpyerUniqueid"]) for i, one in enumerate(recording(name)) if one.get("Event") == "ChanSpyStart"]
    events = stream(name)
    started = [(i, event.monitor_call) for i, event in events if isinstance(event, MonitorStarted)]
    ended = {event.monitor_call: i for i, event in events if isinstance(event, MonitorEnded)}
    assert [(i, call.partition("#")[0]) for i, call in started] == starts
    assert len({call for _, call in started}) == len(started)
    assert set(ended) == {call for _, call in started}
    assert Counter(isinstance(event, MonitorEnded) for _, event in events)[True] == len(started)
    assert all(ended[call] > i for i, call in started)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("addresses", ["extension", "channel"])
def test_what_is_gone_stays_gone(name: str, addresses: str) -> None:
    """Nothing is told of an address that left a call, nor of a call that is over or became another."""
    gone: set[tuple[str, str]] = set()
    over: set[str] = set()
    for _, event in stream(name, addresses):
        call, address = getattr(event, "call", None), getattr(event, "address", None) or getattr(event, "by", None)
        assert call not in over
        assert getattr(event, "into", None) not in over
        assert (call, address) not in gone
        if isinstance(event, ConnectionCleared | Transferred):
            gone.add((str(call), str(address)))
        if isinstance(event, CallCleared | Conferenced):
            over.add(str(call))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("addresses", ["extension", "channel"])
def test_no_local_channel_is_ever_a_party(name: str, addresses: str) -> None:
    """The two halves of a Local channel are looked through, never named."""
    for _, event in stream(name, addresses):
        named = [getattr(event, key, "") or "" for key in ("address", "by", "from_address", "to_address")]
        assert not any(address.startswith("Local/") for address in named)


@pytest.mark.parametrize("name", ALL)
def test_who_talked_is_cleared_by_his_hangup(name: str) -> None:
    """Each channel is told to be connected before it is cleared, and by its Hangup it is on no call any more.

    On a monitored call it may be some records later, as the Hangup of a supervisor is waited for.
    """
    events = iter(stream(name, "channel"))
    waiting = next(events, None)
    on: dict[str, set[str]] = {}
    talked: set[str] = set()
    kept_back: dict[str, int] = {}
    for index, one in enumerate(recording(name)):
        while waiting and waiting[0] == index:
            fold(waiting[1], on, talked)
            waiting = next(events, None)
        if one.get("Event") == "Hangup":
            kept_back[one["Channel"]] = index
        kept_back = {it: since for it, since in kept_back.items() if any(it in parties for parties in on.values())}
        assert all(index - since < RECORDS_KEPT_BACK_MAX.get(name, 1) for since in kept_back.values())
        if one.get("Event") == "Hangup" and one["Channel"] not in kept_back:
            assert one["Channel"] in talked or one["Channel"] not in bridged(name)


def fold(event: Event, on: dict[str, set[str]], talked: set[str]) -> None:
    """Keep who is on which call, and who ever talked."""
    match event:
        case Initiated(call=call, address=address) | Delivered(call=call, address=address):
            on.setdefault(call, set()).add(address)
        case Established(call=call, address=address):
            on.setdefault(call, set()).add(address)
            talked.add(address)
        case ConnectionCleared(call=call, address=address) | Transferred(call=call, by=address):
            assert address in on[call]
            on[call].remove(address)
        case Conferenced(call=call, into=into):
            on.setdefault(into, set()).update(on.pop(call))
        case CallCleared(call=call):
            on.pop(call)


@cache
def bridged(name: str) -> frozenset[str]:
    """The real channels that were ever in a bridge with another real one, without looking through Local halves."""
    members: dict[str, set[str]] = {}
    met: set[str] = set()
    for one in recording(name):
        where, who = one.get("BridgeUniqueid", ""), one.get("Channel", "")
        if one.get("Event") == "BridgeEnter" and one.get("BridgeType") != "parking" and not who.startswith("Local/"):
            members.setdefault(where, set()).add(who)
            met |= members[where] if len(members[where]) > 1 else set()
        elif one.get("Event") == "BridgeLeave":
            members.get(where, set()).discard(who)
    return frozenset(met)


@pytest.mark.parametrize("name", ALL)
def test_every_successful_transfer_is_told_of_the_transferer(name: str) -> None:
    """There is one Transferred for each transfer that succeeded, by its transferer's address."""
    transfers = [one for one in recording(name) if one.get("Event") in {"AttendedTransfer", "BlindTransfer"}]
    succeeded = [one for one in transfers if one["Result"] == "Success"]
    by = [one.get("OrigTransfererChannel") or one.get("TransfererChannel") or "" for one in succeeded]
    expected = Counter(channel.partition("/")[2].rpartition("-")[0] for channel in by)
    assert Counter(event.by for _, event in stream(name) if isinstance(event, Transferred)) == expected


@pytest.mark.parametrize("name", [QUEUE, *CAPTURES])
def test_each_record_twice_is_each_record_once(name: str) -> None:
    """A recording in which every record is doubled leads to the same events, but for failures, which have no name."""
    twice = [event for _, event in told(one for record in recording(name) for one in (record, record))]
    once = [event for _, event in stream(name)]
    assert [one for one in twice if not isinstance(one, MonitorFailed)] == [
        one for one in once if not isinstance(one, MonitorFailed)
    ]


@pytest.mark.parametrize("name", ALL)
def test_a_recording_may_be_cut_anywhere(name: str) -> None:
    """Cut at any of many places, a recording gives what it gave so far, and then ends that were on their way."""
    records, whole = recording(name), stream(name)
    for end in range(0, len(records), max(1, len(records) // 12)):
        cut = told(records[:end])
        assert [one for one in cut if one[0] < end] == [one for one in whole if one[0] < end]
        rest = [event for index, event in cut if index == end]
        assert all(
            isinstance(one, ConnectionCleared | CallCleared | MonitorEnded | Transferred | Parked) for one in rest
        )


@pytest.mark.parametrize("name", [FARM, QUEUE, ONE])
def test_a_recording_may_begin_anywhere(name: str) -> None:
    """In a recording whose beginning is missing each spy start is still one monitor call that ends as it would have."""
    records, whole = recording(name), ends_of_spies(stream(name))
    for begin in range(0, len(records), len(records) // 5):
        rest = ends_of_spies(told(records[begin:]))
        assert sorted(begin + start for start in rest) == sorted(start for start in whole if start >= begin)
        assert all(reason in {whole[begin + start], None} for start, reason in rest.items())


def ends_of_spies(events: Told) -> dict[int, str | None]:
    """The reason of each monitor call's end, by the index of the record that started it."""
    starts = {event.monitor_call: index for index, event in events if isinstance(event, MonitorStarted)}
    return {starts[event.monitor_call or ""]: event.reason for _, event in events if isinstance(event, MonitorEnded)}


def test_the_supervisors_of_the_queue_left_38_times() -> None:
    """Of the 61 sessions of the SIPp queue the supervisor left 38, though nothing but the stop says so."""
    reasons = Counter(event.reason for _, event in stream(QUEUE) if isinstance(event, MonitorEnded))
    assert reasons == {"supervisor_dropped": 38, None: 23}


def test_who_ended_is_what_the_phones_did() -> None:
    """A session is ended by the supervisor exactly if his phone or the manager hung him up, with two exceptions.

    s079 pressed his key 25 records after the customer, and before the switch had told it. s035 followed his agent:
    his first session ended with the agent's call.
    """
    truth = [json.loads(line) for line in (RECORDED / "contact-centre-a.truth.jsonl").read_text().splitlines()]
    begun = [one for one in truth if one["kind"] == "spy_begin"]
    by = {one["spy"]: one["by"] for one in truth if one["kind"] == "spy_end"}
    events = [event for _, event in stream(FARM)]
    reasons = {event.monitor_call: event.reason for event in events if isinstance(event, MonitorEnded)}
    started = [event for event in events if isinstance(event, MonitorStarted)]
    different = set()
    for one in begun:
        own = [s for s in started if (s.from_address, s.to_address) == (one["who"], one["whom"])]
        mine = next((s for s in own if -0.3 < (s.at or 0.0) - one["t"] < 20.0), None)
        if mine is not None:
            started.remove(mine)
            if (reasons[mine.monitor_call] == "supervisor_dropped") != (by[one["spy"]] == "supervisor"):
                different.add(one["spy"])
    assert [(s.from_address, s.to_address) for s in started] == [("8004", "1008")]
    assert different == {"s079", "s035"}


# One thing at a time


def test_a_call_from_its_first_ring_to_its_end() -> None:
    """A dialled phone rings, two bridged channels talk, and who asked first for his end left the other."""
    ask = record("HangupRequest", AGENT)
    assert plain(*TALK, ask, record("Hangup", CUSTOMER), record("Hangup", AGENT)) == [
        Initiated(call="1.1", address=CUSTOMER),
        Delivered(call="1.1", address="1001"),
        Established(call="1.1", address=CUSTOMER),
        Established(call="1.1", address="1001"),
        ConnectionCleared(call="1.1", address="1001"),
        CallCleared(call="1.1"),
    ]


def test_without_requests_the_first_to_leave_the_bridge_for_good_left() -> None:
    """Where nobody asked for an end, the order of leaving decides, and that of Hangup does not."""
    ends = after(TALK, *leave("b1", CUSTOMER, AGENT), record("Hangup", AGENT))
    assert ends[0] == ConnectionCleared(call="1.1", address=CUSTOMER)


def test_only_the_last_leaving_of_a_bridge_counts() -> None:
    """Who left the bridge first, but went into another or was told late to have left, did not leave first."""
    alone = [*leave("b1", CUSTOMER), *enter("b2", CUSTOMER), *leave("b1", AGENT), *leave("b2", CUSTOMER)]
    late = [*enter("b2", CUSTOMER, AGENT), *leave("b1", CUSTOMER), *leave("b2", AGENT, CUSTOMER)]
    for ends in (alone, late):
        assert after(TALK, *ends, record("Hangup", CUSTOMER))[-2] == ConnectionCleared(call="1.1", address="1001")


def test_only_the_first_request_counts() -> None:
    """The switch asks again for the end of a channel that already asked for it."""
    asks = [record(kind, name) for kind, name in (("HangupRequest", AGENT), ("HangupRequest", CUSTOMER))]
    ends = after(TALK, *asks, record("SoftHangupRequest", AGENT), record("Hangup", CUSTOMER))
    assert ends[0] == ConnectionCleared(call="1.1", address="1001")


def test_leaving_a_bridge_for_another_is_no_end() -> None:
    """A channel that goes through a Local channel's optimisation is on the same call before and after."""
    halves = "Local/x-0000;1", "Local/x-0000;2"
    through = [dial(CUSTOMER, halves[0]), dial(halves[1], AGENT), *enter("b1", AGENT, halves[1])]
    join = enter("b2", halves[0], CUSTOMER)
    optimised = [*leave("b2", CUSTOMER), *leave("b1", halves[1]), *enter("b1", CUSTOMER), record("Hangup", halves[0])]
    born = [record("Newchannel", half) for half in halves]
    assert after([*born, *through], *join)[-1] == Established(call="1.1", address="1001")
    assert after([*born, *through, *join], *optimised) == []


def test_a_consult_call_on_the_same_channel_is_a_hold() -> None:
    """Who goes to a consult call holds the first one, and retrieves it when he is back."""
    consult = [dial("Local/y-0000;2", TARGET), *leave("b1", AGENT), *enter("b2", AGENT, TARGET)]
    back = [*leave("b2", AGENT), *enter("b1", AGENT)]
    assert after(TALK, *consult)[1:] == [
        Established(call="1.0;2", address="1002"),
        Held(call="1.1", address="1001"),
        Established(call="1.0;2", address="1001"),
    ]
    assert after([*TALK, *consult], *back)[-1] == Retrieved(call="1.1", address="1001")
    ends = after([*TALK, *consult, *back], *leave("b2", TARGET), record("Hangup", TARGET))
    assert ends == [ConnectionCleared(call="1.0;2", address="1001"), CallCleared(call="1.0;2")]


def test_a_transfer_is_told_though_its_key_was_hang_up() -> None:
    """A transferer who asked for his own end, and whose others met before the event, transferred."""
    consult = [dial(SECOND, TARGET), *enter("b2", SECOND, TARGET)]
    meet = [record("HangupRequest", AGENT), *leave("b1", AGENT), *leave("b2", TARGET), *enter("b1", TARGET)]
    ends = [attended(AGENT, SECOND), *leave("b2", SECOND), record("Hangup", SECOND), record("Hangup", AGENT)]
    assert after([*TALK, *consult], *meet, *ends) == [
        Conferenced(call="1.3", into="1.1"),
        Transferred(call="1.1", by="1001"),
    ]


def test_a_transferer_is_there_until_he_leaves_his_bridge() -> None:
    """A blind transfer is told when the transferer leaves, and who is alone then waits."""
    blind = record("BlindTransfer", Result="Success", TransfererUniqueid=uid(AGENT))
    assert after(TALK, blind) == []
    assert after([*TALK, blind], *leave("b1", AGENT)) == [
        Transferred(call="1.1", by="1001"),
        Parked(call="1.1", address=CUSTOMER),
    ]


def test_the_target_may_answer_before_the_transferer_is_gone() -> None:
    """The transferred call goes on with its target while the transferer is still alone in his bridge."""
    blind = record("BlindTransfer", Result="Success", TransfererUniqueid=uid(AGENT))
    met = after([*TALK, blind, *leave("b1", CUSTOMER)], *enter("b3", CUSTOMER, TARGET), *leave("b1", AGENT))
    assert met == [Established(call="1.1", address="1002"), Transferred(call="1.1", by="1001")]


def test_a_transfer_that_failed_is_none() -> None:
    """Only Result Success counts."""
    assert after(TALK, record("BlindTransfer", Result="Fail", TransfererUniqueid=uid(AGENT)), *leave("b1", AGENT)) == []


def test_who_is_rung_by_a_transferred_party_is_on_his_call() -> None:
    """The target of a blind transfer rings on, and answers, the transferred call; a refusal ends only his leg."""
    blind = record("BlindTransfer", Result="Success", TransfererUniqueid=uid(AGENT))
    gone = [*TALK, blind, *leave("b1", AGENT, CUSTOMER), record("Hangup", AGENT), dial(CUSTOMER, TARGET)]
    answered = [Established(call="1.1", address="1002"), Established(call="1.1", address=CUSTOMER)]
    assert after(gone[:-1], gone[-1]) == [Delivered(call="1.1", address="1002")]
    assert after(gone, *enter("b3", CUSTOMER, TARGET)) == answered
    assert after(gone, record("Hangup", TARGET)) == [ConnectionCleared(call="1.1", address="1002")]
    assert after([*gone, record("Hangup", TARGET)], record("Hangup", CUSTOMER)) == [CallCleared(call="1.1")]


def test_who_comes_back_to_a_call_comes_back_on_a_new_one() -> None:
    """An agent who parked a caller and fetches him again is on a call of a new id, which the caller's becomes."""
    parked = [
        *leave("b1", CUSTOMER),
        record("ParkedCall", ParkeeUniqueid=uid(CUSTOMER)),
        record("BridgeEnter", CUSTOMER, BridgeUniqueid="lot", BridgeTechnology="holding_bridge"),
        record("HangupRequest", AGENT),
        record("Hangup", AGENT),
    ]
    assert after(TALK, *parked) == [
        Parked(call="1.1", address=CUSTOMER),
        ConnectionCleared(call="1.1", address="1001"),
    ]
    assert after([*TALK, *parked], *enter("b2", CUSTOMER, SECOND)) == [
        Conferenced(call="1.1", into="1.3"),
        Established(call="1.3", address="1001"),
        Established(call="1.3", address=CUSTOMER),
    ]


def test_who_was_parked_did_not_leave() -> None:
    """That a caller left the bridge for the parking lot does not count when his agent hangs up without a request."""
    parked = [*leave("b1", CUSTOMER), record("ParkedCall", ParkeeUniqueid=uid(CUSTOMER)), *leave("b1", AGENT)]
    assert after([*TALK, *parked], record("Hangup", AGENT)) == [ConnectionCleared(call="1.1", address="1001")]


def test_all_who_are_parked_hear_nobody() -> None:
    """Two callers in the bridge of one parking lot are not in a conversation."""
    lot = {"BridgeUniqueid": "lot", "BridgeTechnology": "holding_bridge"}
    assert plain(record("BridgeEnter", CUSTOMER, **lot), record("BridgeEnter", TARGET, **lot)) == []


def test_a_phone_that_rings_on_two_channels_is_one_party() -> None:
    """That one of an agent's two phones stops ringing, as the other was answered, does not clear the agent."""
    ringing = [dial(CUSTOMER, AGENT), dial(CUSTOMER, SECOND), *enter("b1", CUSTOMER, AGENT)]
    assert after(ringing, record("Hangup", SECOND)) == []
    assert [type(event) for event in plain(*ringing)].count(Delivered) == 1


def test_an_agent_who_refused_can_be_rung_again() -> None:
    """A queue that rings the same agent for the same caller once more does so on a call of a new id."""
    again = after(
        [dial(CUSTOMER, AGENT), record("Hangup", AGENT)], dial(CUSTOMER, SECOND), *enter("b1", SECOND, CUSTOMER)
    )
    assert again[:2] == [Delivered(call="1.3", address="1001"), Conferenced(call="1.1", into="1.3")]


def test_holds_are_of_the_call_that_is_on() -> None:
    """Hold and Unhold are told once, also when the manager's transfer doubles them."""
    hold, unhold = record("Hold", AGENT), record("Unhold", AGENT)
    assert after(TALK, hold, hold, unhold, unhold) == [
        Held(call="1.1", address="1001"),
        Retrieved(call="1.1", address="1001"),
    ]


# Monitor calls


def test_a_spy_names_the_call_that_it_is_on() -> None:
    """A monitor call names both parties and the call, also while the agent's phone still rings."""
    started = MonitorStarted(monitor_call="1.5", from_address="8001", to_address="1001", call="1.1")
    assert after(TALK, spy("ChanSpyStart")) == [started]
    assert after([dial(CUSTOMER, AGENT)], spy("ChanSpyStart")) == [started]
    assert plain(spy("ChanSpyStart"))[0] == MonitorStarted(monitor_call="1.5", from_address="8001", to_address="1001")


def test_a_stop_while_the_call_goes_on_is_the_supervisors() -> None:
    """Nothing shows an end of the agent's call: the supervisor left."""
    assert after([*TALK, spy("ChanSpyStart")], spy("ChanSpyStop"), record("Hangup", LISTENER)) == [LEFT]


def test_a_stop_while_the_agent_waits_is_the_supervisors() -> None:
    """An agent whom the customer transferred, and who is in no bridge until somebody answers, is not at his end."""
    blind = record("BlindTransfer", Result="Success", TransfererUniqueid=uid(CUSTOMER))
    waiting = [*TALK, spy("ChanSpyStart"), blind, *leave("b1", CUSTOMER, AGENT)]
    assert after(waiting, spy("ChanSpyStop")) == [LEFT]


def test_a_supervisor_who_hangs_up_has_left_though_the_spy_goes_on() -> None:
    """Without audio ChanSpy notices only when the agent's call ends; the supervisor's HangupRequest counts."""
    ask = record("HangupRequest", LISTENER)
    assert after([*TALK, spy("ChanSpyStart")], ask) == [LEFT]
    assert after([*TALK, spy("ChanSpyStart"), ask, record("HangupRequest", CUSTOMER)], spy("ChanSpyStop")) == []


@pytest.mark.parametrize("name", [AGENT, CUSTOMER])
def test_a_stop_after_the_agents_side_asked_for_its_end_waits_for_it(name: str) -> None:
    """The agent's, or his partner's, HangupRequest came first: the stop, and a late key press, give no reason."""
    before = [*TALK, spy("ChanSpyStart"), record("HangupRequest", name)]
    assert after(before, record("HangupRequest", LISTENER), spy("ChanSpyStop")) == []
    hung_up = record("Hangup", LISTENER, Cause="16")
    ends = after([*before, spy("ChanSpyStop")], record("Hangup", AGENT), hung_up)
    assert ends[1:] == [CallCleared(call="1.1"), ENDED]
    assert [event for _, event in told([*before, spy("ChanSpyStop")])][-3:] == ends


UNSEEN = [*TALK, spy("ChanSpyStart"), record("HangupRequest", CUSTOMER), spy("ChanSpyStop")]
"""The customer hung up, and only now the switch sees that there is no supervisor any more, or sends him away."""


@pytest.mark.parametrize("order", list(permutations([LISTENER, CUSTOMER, AGENT])))
def test_a_supervisor_without_a_cause_had_left_before(order: tuple[str, ...]) -> None:
    """Cause 0 of his Hangup says that he was hung up himself, whichever Hangup comes first."""
    ends = after(UNSEEN, *(record("Hangup", name, Cause="0" if name == LISTENER else "16") for name in order))
    assert ends == [LEFT, ConnectionCleared(call="1.1", address=CUSTOMER), CallCleared(call="1.1")]


@pytest.mark.parametrize("order", list(permutations([LISTENER, CUSTOMER, AGENT])))
def test_a_supervisor_with_a_cause_was_sent_away(order: tuple[str, ...]) -> None:
    """Cause 16 of his Hangup says that the spy had ended, so that the customer's request is what ended the call."""
    ends = after(UNSEEN, *(record("Hangup", name, Cause="16") for name in order))
    assert ends == [ConnectionCleared(call="1.1", address=CUSTOMER), CallCleared(call="1.1"), ENDED]


def test_a_supervisor_who_had_asked_is_no_mystery() -> None:
    """Whose HangupRequest came before the stop has left when he asked, and so after the customer."""
    asked = [*UNSEEN[:-1], record("HangupRequest", LISTENER), UNSEEN[-1]]
    ends = after(asked, record("Hangup", AGENT), record("Hangup", LISTENER, Cause="0"))
    assert ends[1:] == [CallCleared(call="1.1"), ENDED]


def test_a_supervisor_who_stays_is_not_waited_for_long() -> None:
    """He may wait for the agent's next call; after so many records the end of this one is told without him."""
    noise = [record("Newchannel", f"PJSIP/{number}-0000000{number % 10}") for number in range(HANGUP_WAIT_RECORDS)]
    assert after([*UNSEEN, record("Hangup", AGENT)], *noise[1:]) == []
    assert after([*UNSEEN, record("Hangup", AGENT)], *noise)[-1] == ENDED


def test_a_supervisor_who_stays_is_not_waited_for_when_time_has_passed() -> None:
    """A tenth of a second after the agent's Hangup its end is told, with the time of the Hangup."""
    timed = [{**one, "_t": 1.0} for one in [*UNSEEN, record("Hangup", AGENT)]]
    assert after(timed, record("Newchannel", TARGET, _t=1.05)) == []
    ends = after(timed, record("Newchannel", TARGET, _t=1.2))
    assert [(type(end), end.at) for end in ends[1:]] == [(CallCleared, 1.0), (MonitorEnded, 1.0)]


def test_what_is_kept_back_is_told_when_the_log_ends() -> None:
    """A recording cut before the supervisor's Hangup still shows whose request came first."""
    assert plain(*UNSEEN, record("Hangup", AGENT))[-1] == ENDED


def test_a_stop_after_a_transfer_waits_for_it() -> None:
    """A transfer is told before the stop, and it is what ended the session."""
    blind = record("BlindTransfer", Result="Success", TransfererUniqueid=uid(AGENT))
    assert after(
        [*TALK, spy("ChanSpyStart"), blind], spy("ChanSpyStop"), *leave("b1", AGENT), record("Hangup", AGENT)
    ) == [
        Transferred(call="1.1", by="1001"),
        Parked(call="1.1", address=CUSTOMER),
        ENDED,
    ]


def test_a_spy_that_follows_has_one_id_per_start() -> None:
    """The second monitor call of one supervisor's channel has an id of its own; a repeated start has none."""
    again = after([*TALK, spy("ChanSpyStart"), spy("ChanSpyStart")], spy("ChanSpyStart", on=TARGET))
    assert [getattr(event, "monitor_call", None) for event in again] == ["1.5", "1.5#2"]


def test_a_spy_whose_stop_was_lost_ends_with_the_agents_channel() -> None:
    """No stop ever comes: the monitored channel's Hangup ends the monitor call."""
    assert after([*TALK, spy("ChanSpyStart"), record("HangupRequest", AGENT)], record("Hangup", AGENT))[-1] == ENDED


def test_a_failed_originate_is_the_supervisors() -> None:
    """The manager could not ring the supervisor; a success says nothing."""
    failed = record("OriginateResponse", Response="Failure", Channel="PJSIP/8002", Reason="0")
    assert plain(failed, {**failed, "Response": "Success"}) == [
        MonitorFailed(code="0", text="Originate failed", from_address="8002")
    ]


# The whole picture


def listed(name: str, **fields: Any) -> dict[str, Any]:
    """One row of an answer to CoreShowChannels."""
    return record("CoreShowChannel", name, ActionID="a", **fields)


SHOWN = [
    listed(CUSTOMER, BridgeId="b1"),
    listed(AGENT, BridgeId="b1"),
    listed(LISTENER, Application="ChanSpy", ApplicationData="PJSIP/1001,qdES"),
    record("CoreShowChannelsComplete", ActionID="a", _t=7.5),
]


def test_a_snapshot_shows_calls_and_spies() -> None:
    """The list of channels is one Snapshot of the site's calls; a spy is who runs ChanSpy on an agent's endpoint."""
    parties = (Participant(CUSTOMER, LegState.CONNECTED), Participant("1001", LegState.CONNECTED))
    known = CallView(call="1.1", participants=parties)
    monitor = CallView(call="1.5", monitor=MonitorOf("8001", "1001", "1.1"))
    assert after(TALK, *SHOWN) == [Snapshot(covers=("calls",), calls=(known, monitor), at=7.5, received_at=7.5)]
    (shown,) = plain(*SHOWN)
    assert isinstance(shown, Snapshot)
    assert [(len(view.participants), view.monitor is None) for view in shown.calls] == [(2, True), (0, False)]


def test_a_spy_learned_from_a_snapshot_ends_like_any_other() -> None:
    """Its stop is told under the id that the snapshot gave it."""
    assert after([*TALK, *SHOWN], spy("ChanSpyStop")) == [LEFT]


def test_what_a_snapshot_does_not_show_is_forgotten() -> None:
    """Channels and spies whose end was lost do not come back; an answer is not mixed with an older one."""
    empty = [listed(CUSTOMER), record("CoreShowChannel", TARGET, ActionID="b"), record("CoreShowChannelsComplete")]
    assert after([*TALK, spy("ChanSpyStart")], *empty) == [Snapshot(covers=("calls",))]
    assert after([*TALK, spy("ChanSpyStart"), *empty], spy("ChanSpyStop"), record("Hangup", AGENT)) == []
    stopped = [*TALK, spy("ChanSpyStart"), record("HangupRequest", AGENT), spy("ChanSpyStop")]
    assert plain(*stopped, *empty)[-1] == Snapshot(covers=("calls",))


def test_who_is_parked_is_in_no_conversation_with_others_who_are() -> None:
    """A snapshot shows all who are parked in one bridge; they are still waiting."""
    parked = [*leave("b1", CUSTOMER), record("ParkedCall", ParkeeUniqueid=uid(CUSTOMER))]
    shown = [listed(CUSTOMER, BridgeId="lot"), listed(TARGET, BridgeId="lot"), record("CoreShowChannelsComplete")]
    view = CallView(call="1.1", participants=(Participant(CUSTOMER, LegState.WAITING),))
    assert after([*TALK, *parked], *shown) == [Snapshot(covers=("calls",), calls=(view,))]


def test_a_login_is_no_restart() -> None:
    """FullyBooted comes at every login: before the first channel, or with an uptime that covers all that was heard."""
    boot = record("FullyBooted", Uptime="46", _t=60.0)
    assert plain(boot, boot) == []
    assert after([{**one, "_t": 20.0} for one in TALK], boot) == []


@pytest.mark.parametrize("fields", [{}, {"Uptime": "5", "_t": 60.0}, {"Uptime": "soon", "_t": 60.0}])
def test_a_restart_forgets_everything(fields: dict[str, Any]) -> None:
    """The switch came up after what was last heard of it, or does not say when: no channel is left."""
    boot = record("FullyBooted", **fields)
    assert after([{**one, "_t": 20.0} for one in TALK], boot, record("Hangup", AGENT)) == [
        SwitchRestarted(at=fields.get("_t"), received_at=fields.get("_t"))
    ]


# Records that are none, and time


@pytest.mark.parametrize(
    ("spoiled", "where"),
    [
        (b"", ""),
        (b"[]", "[]"),
        (b'{"Event": 5}', "$.Event"),
        (b'{"Event": "Hangup", "Uniqueid": 5}', "$.Uniqueid"),
        (b'{"Event": "Hangup", "_t": "now"}', "$._t"),
        (b'{"Event": "Hangup"', ""),
        (b'\xff{"Event": "Hangup"}', ""),
        (b'{"x": ' + b"[" * 100_000, ""),
    ],
)
def test_what_is_no_manager_event_is_refused(spoiled: bytes, where: str) -> None:
    """An error says what is wrong, where, and what a record should be."""
    with pytest.raises(SourceError) as raised:
        AsteriskSource().feed(spoiled)
    assert where in raised.value.where
    assert "one JSON object a record" in raised.value.fix


def test_time_is_what_the_recorder_says() -> None:
    """`_t` is when an event happened and was received; a record without it has no time."""
    assert plain({**TALK[0], "_t": 3})[0] == Initiated(call="1.1", address=CUSTOMER, at=3.0, received_at=3.0)
    assert plain(TALK[0])[0].at is None


@given(st.binary(max_size=200))
def test_any_bytes_are_events_or_an_error(spoiled: bytes) -> None:
    """Whatever comes in, either events come out or one SourceError."""
    try:
        assert isinstance(AsteriskSource().feed(spoiled), list)
    except SourceError as error:
        assert error.fix


KINDS = (
    "Newchannel DialBegin BridgeEnter BridgeLeave Hold Unhold ParkedCall BlindTransfer AttendedTransfer HangupRequest "
    "SoftHangupRequest Hangup ChanSpyStart ChanSpyStop OriginateResponse CoreShowChannel CoreShowChannelsComplete "
    "FullyBooted Newexten DTMFEnd VarSet"
).split()
NAMES = ["", CUSTOMER, AGENT, SECOND, TARGET, LISTENER, "Local/x-0000;1", "Local/x-0000;2", "nonsense"]
IDS = ["", *(uid(name) for name in NAMES if name)]
VALUES = {
    **dict.fromkeys(("Channel", "DestChannel", "SpyerChannel", "SpyeeChannel"), NAMES),
    **dict.fromkeys(("Uniqueid", "DestUniqueid", "SpyerUniqueid", "SpyeeUniqueid", "ParkeeUniqueid"), IDS),
    **dict.fromkeys(("TransfererUniqueid", "OrigTransfererUniqueid", "SecondTransfererUniqueid"), IDS),
    "BridgeUniqueid": ["", "b1", "b2", "b3"],
    "BridgeId": ["", "b1", "b2", "b3"],
    "BridgeTechnology": ["", "holding_bridge"],
    "Result": ["Success"],
    "Application": ["", "ChanSpy"],
    "ApplicationData": ["PJSIP/1001,q", "PJSIP/1001,qd", "PJSIP/trunk"],
    "AppData": ["PJSIP/1001,qd", "PJSIP/1001,qdw"],
    "Digit": ["4", "5", "6", "7"],
    "Direction": ["Received", "Sent"],
}
RECORDS = st.fixed_dictionaries(
    {"Event": st.sampled_from(KINDS)}, optional={key: st.sampled_from(values) for key, values in VALUES.items()}
)


@given(st.lists(RECORDS, max_size=60))
def test_any_order_of_any_records_keeps_the_laws_of_calls(records: list[dict[str, Any]]) -> None:
    """However records are mixed, lost or contradict each other, cleared is final, and an end comes once."""
    gone: set[tuple[str | None, str | None]] = set()
    ended: list[str | None] = []
    for _, event in told(records):
        call, address = getattr(event, "call", None), getattr(event, "address", None) or getattr(event, "by", None)
        assert address is None or (call, address) not in gone
        if isinstance(event, SwitchRestarted):
            gone, ended = set(), []
        if isinstance(event, ConnectionCleared | Transferred):
            gone.add((call, address))
        if isinstance(event, MonitorEnded):
            ended.append(event.monitor_call)
    assert len(ended) == len(set(ended))
