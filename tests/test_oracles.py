"""What the oracles for Asterisk say of stories small enough to be worked out by hand, and of the real recordings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.house.house import root, sources
from tests.oracle.asterisk_calls import Message, Triple, triples
from tests.oracle.asterisk_spies import sessions, truth_of, truth_reasons
from tests.oracle.recordings import CAPTURES, TRUTH, WITH_SPIES, load

AGENT, CUSTOMER, CLERK, SUPERVISOR = "SIP/agent-1", "SIP/trunk-1", "SIP/clerk-1", "SIP/chief-1"


def _enter(channel: str, bridge: str = "b") -> Message:
    return {"Event": "BridgeEnter", "Channel": channel, "BridgeUniqueid": bridge}


def _leave(channel: str, bridge: str = "b") -> Message:
    return {"Event": "BridgeLeave", "Channel": channel, "BridgeUniqueid": bridge}


def _asks(channel: str) -> Message:
    return {"Event": "HangupRequest", "Channel": channel, "Uniqueid": channel}


def _hangup(channel: str, cause: str = "16") -> Message:
    return {"Event": "Hangup", "Channel": channel, "Uniqueid": channel, "Cause": cause}


def _blind(channel: str, result: str = "Success") -> Message:
    return {"Event": "BlindTransfer", "TransfererChannel": channel, "Result": result}


def _attended(first: str, second: str) -> Message:
    return {
        "Event": "AttendedTransfer",
        "OrigTransfererChannel": first,
        "SecondTransfererChannel": second,
        "Result": "Success",
    }


def _spy(kind: str, spied: str = AGENT) -> Message:
    names = {"SpyerChannel": SUPERVISOR, "SpyerUniqueid": SUPERVISOR, "SpyeeChannel": spied, "SpyeeUniqueid": spied}
    return {"Event": f"ChanSpy{kind}", "_t": 1.0, **names}


def _outcome(messages: list[Message], channel: str) -> tuple[str, int, int]:
    one = next(one for one in triples(messages) if one.channel == channel)
    return one.reason, one.first, one.last


def _only_end(messages: list[Message]) -> tuple[str | None, int, int | None]:
    (session,) = sessions(messages)
    assert session.end is not None
    return session.end.reason, session.end.first, session.end.last


CALL = [_enter(AGENT), _enter(CUSTOMER)]
MONITORED_CALL = [*CALL, _spy("Start")]


# Calls


def test_who_leaves_the_bridge_first_dropped() -> None:
    """Without requests to hang up, the last BridgeLeave decides, whatever the order of the Hangups."""
    messages = [*CALL, _leave(CUSTOMER), _leave(AGENT), _hangup(AGENT), _hangup(CUSTOMER)]
    assert _outcome(messages, CUSTOMER) == ("agent_dropped", 2, 5)
    assert _outcome(messages, AGENT) == ("call_ended", 2, 4)


def test_who_asks_to_hang_up_first_dropped() -> None:
    """With requests to hang up, the order in which the bridge was left says nothing."""
    messages = [*CALL, _asks(AGENT), _leave(CUSTOMER), _leave(AGENT), _hangup(CUSTOMER), _hangup(AGENT)]
    assert _outcome(messages, AGENT) == ("agent_dropped", 2, 6)
    assert _outcome(messages, CUSTOMER) == ("call_ended", 2, 5)


def test_leaving_a_bridge_for_another_proves_nothing() -> None:
    """A channel that re-enters has not left; while it is nowhere, a refusal is as good as a session."""
    messages = [*CALL, _leave(AGENT), _enter(AGENT), _leave(CUSTOMER), _leave(AGENT), _hangup(AGENT), _hangup(CUSTOMER)]
    assert _outcome(messages, AGENT) == ("call_ended", 4, 6)
    assert [(one.index, bool(one.alternatives)) for one in triples(messages) if one.channel == AGENT] == [
        (1, False),
        (2, True),
        (3, False),
    ]


def test_local_halves_are_seen_through() -> None:
    """Two channels in different bridges are connected when the two halves of a Local channel join the bridges."""
    messages = [_enter(AGENT, "b"), _enter("Local/1;1", "b"), _enter(CUSTOMER, "c"), _enter("Local/1;2", "c")]
    messages += [_leave(AGENT, "b"), _leave(CUSTOMER, "c"), _hangup(AGENT), _hangup(CUSTOMER)]
    assert triples(messages) == [
        Triple(AGENT, 3, "agent_dropped", 4, 6),
        Triple(CUSTOMER, 3, "call_ended", 4, 7),
    ]


def test_nobody_talks_to_half_a_local_channel() -> None:
    """A channel alone with one Local half whose other half is in no bridge talks with nobody."""
    assert triples([_enter(AGENT), _enter("Local/1;1")]) == []


def test_a_transfer_names_its_transferer() -> None:
    """Each leg that a successful transfer names as the transferer's ends as agent_transferred, from that message on."""
    second = "SIP/agent-2"
    messages = [
        *CALL,
        _enter(second, "c"),
        _enter(CLERK, "c"),
        _leave(CUSTOMER),
        _leave(second, "c"),
        _enter(CUSTOMER, "c"),
    ]
    messages += [_attended(AGENT, second), _leave(AGENT), _hangup(AGENT), _hangup(second)]
    messages += [_leave(CLERK, "c"), _leave(CUSTOMER, "c"), _hangup(CLERK), _hangup(CUSTOMER)]
    assert _outcome(messages, AGENT) == ("agent_transferred", 7, 9)
    assert _outcome(messages, second) == ("agent_transferred", 7, 10)
    assert _outcome(messages, CUSTOMER) == ("call_ended", 11, 14)


def test_a_failed_transfer_is_none() -> None:
    """A transfer without Success transfers nobody."""
    messages = [*CALL, _blind(AGENT, "Fail"), _leave(AGENT), _leave(CUSTOMER), _hangup(AGENT), _hangup(CUSTOMER)]
    assert _outcome(messages, AGENT) == ("agent_dropped", 3, 5)


def test_who_is_transferred_to_nobody_ends_with_his_own_hangup() -> None:
    """A party whose transferer left and whom nobody answered has one right event: its own Hangup."""
    messages = [*CALL, _blind(AGENT), _leave(CUSTOMER), _leave(AGENT), _hangup(AGENT), _hangup(CUSTOMER)]
    assert _outcome(messages, CUSTOMER) == ("call_ended", 6, 6)


def test_after_the_transfer_both_may_be_refused() -> None:
    """Once the transfer is complete, transferer and transferee may be refused, though both are still in the bridge."""
    messages = [*CALL, _blind(AGENT), _leave(AGENT), _leave(CUSTOMER), _hangup(AGENT), _hangup(CUSTOMER)]
    later = [one for one in triples(messages) if one.index == 2]
    assert [one.channel for one in later if any(reading.reason is None for reading in one.alternatives)] == [
        AGENT,
        CUSTOMER,
    ]


def test_the_captures_have_610_triples() -> None:
    """The 13 captures give 610 triples, 434 of them with one right answer only."""
    every = {name: triples(load(name)) for name in CAPTURES}
    counts = {name: len(found) for name, found in every.items()}
    print(*(f"{count:4} {name}" for name, count in counts.items()), sep="\n")  # noqa: T201
    assert len(CAPTURES) == 13
    assert sum(counts.values()) == 610
    assert sum(not one.alternatives for found in every.values() for one in found) == 434


@pytest.mark.parametrize("name", CAPTURES)
def test_no_right_event_is_a_re_entry(name: str) -> None:
    """In the captures no outcome begins at a BridgeLeave after which the same channel enters a bridge again."""
    messages = load(name)
    for one in triples(messages):
        first = messages[one.first]
        again = [later for later in messages[one.first :] if later.get("Channel") == first.get("Channel")]
        assert first["Event"] != "BridgeLeave" or all(later["Event"] != "BridgeEnter" for later in again)
        assert one.index < one.first <= one.last


# Spies


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        (
            "contact-centre-a.jsonl.gz",
            {"agent_dropped": 23, "agent_transferred": 14, "call_ended": 17, "supervisor_dropped": 27},
        ),
        ("queue-with-spies-first-42s.jsonl.gz", {"call_ended": 23, "supervisor_dropped": 38}),
        ("one-call-one-spy.jsonl", {"call_ended": 1}),
    ],
)
def test_the_recorded_sessions_have_their_reasons(name: str, reasons: dict[str, int]) -> None:
    """Every recorded start is a session with one stop of its own and one reason; so many of each."""
    found = sessions(load(name))
    assert Counter(session.end.reason for session in found if session.end) == reasons
    starts = [index for index, message in enumerate(load(name)) if message.get("Event") == "ChanSpyStart"]
    assert [session.start for session in found] == starts
    assert len({session.stop for session in found}) == len(found)
    assert sum(bool(session.alternatives) for session in found) == (5 if "contact" in name else 0)


def test_the_phones_agree() -> None:
    """The telephones say the same of all 81 sessions; of five only the cause of the supervisor's Hangup tells it."""
    truths = truth_reasons(load(TRUTH))
    found = sessions(load("contact-centre-a.jsonl.gz"))
    assert [session.end.reason for session in found if session.end] == [truth_of(one, truths)[1] for one in found]
    unseen = {truth_of(session, truths)[0] for session in found if session.alternatives}
    assert unseen == {"s001", "s013", "s054", "s064", "s081"}


def _cuts() -> Iterator[tuple[str, int]]:
    for name in WITH_SPIES:
        yield from ((name, count) for count in range(0, len(load(name)), 1_500 if "contact" in name else 1_000))
    yield from (("one-call-one-spy.jsonl", count) for count in range(85, 150))


@pytest.mark.parametrize(("name", "count"), list(_cuts()))
def test_a_cut_recording_decides_the_same_or_nothing(name: str, count: int) -> None:
    """Cut off anywhere, a session that is over has the reason of the whole recording, any other may be open."""
    whole = {session.start: session for session in sessions(load(name))}
    for session in sessions(load(name)[:count]):
        right = whole[session.start].reasons_after(count)
        assert (session.end.reason if session.end else None) in right
        assert session.end is not None or None in right


def test_the_agent_asks_first() -> None:
    """A session whose monitored party asks to hang up first ended as agent_dropped, from there to the stop."""
    messages = [*MONITORED_CALL, _asks(AGENT), _leave(AGENT), _leave(CUSTOMER), _asks(CUSTOMER), _spy("Stop")]
    assert _only_end(messages) == ("agent_dropped", 3, 7)


def test_the_other_party_asks_first() -> None:
    """A session whose other party asks to hang up first ended as call_ended."""
    assert _only_end([*MONITORED_CALL, _asks(CUSTOMER), _asks(AGENT), _spy("Stop")]) == ("call_ended", 3, 5)


def test_a_consulted_party_hangs_up() -> None:
    """A consulted party that hangs up ends nothing: only the last partner's request counts."""
    back = [_leave(AGENT), _enter(AGENT, "c"), _enter(CLERK, "c"), _asks(CLERK), _leave(CLERK, "c"), _leave(AGENT, "c")]
    messages = [*MONITORED_CALL, *back, _enter(AGENT), _asks(AGENT), _spy("Stop")]
    assert _only_end(messages) == ("agent_dropped", 10, 11)


def test_a_transfer_beats_the_request_before_it() -> None:
    """A transferer who asks to hang up just before his transfer completes has transferred."""
    messages = [*MONITORED_CALL, _asks(AGENT), _leave(AGENT), _attended(AGENT, AGENT), _spy("Stop")]
    assert _only_end(messages) == ("agent_transferred", 5, 6)


def test_a_supervisor_who_left_long_before_the_stop() -> None:
    """A supervisor's request counts when it was made, however late the stop comes and whatever happened between."""
    messages = [*MONITORED_CALL, _asks(SUPERVISOR), _asks(AGENT), _leave(AGENT), _spy("Stop")]
    assert _only_end(messages) == ("supervisor_dropped", 3, 6)


def test_a_stop_without_any_sign() -> None:
    """A stop that nothing announced is the supervisor's: the manager hung him up."""
    assert _only_end([*MONITORED_CALL, _spy("Stop"), _asks(SUPERVISOR)]) == ("supervisor_dropped", 3, 3)


def test_a_spyer_hung_up_unseen() -> None:
    """A spyer whose Hangup has cause 0 had been hung up before the stop: then both reasons are right."""
    (session,) = sessions([*MONITORED_CALL, _asks(CUSTOMER), _spy("Stop"), _hangup(SUPERVISOR, cause="0")])
    assert session.reasons == {"call_ended", "supervisor_dropped"}


def test_a_spyer_who_goes_on_to_the_next_call() -> None:
    """A spyer who follows the agent is two sessions, and how he leaves the second says nothing about the first."""
    second = "SIP/agent-9"
    messages = [*MONITORED_CALL, _asks(CUSTOMER), _spy("Stop"), _spy("Start", second), _asks(SUPERVISOR)]
    messages += [_spy("Stop", second), _hangup(SUPERVISOR, cause="0")]
    found = sessions(messages)
    assert [session.occurrence for session in found] == [0, 1]
    assert [set(session.reasons) for session in found] == [{"call_ended"}, {"supervisor_dropped"}]


def test_a_stop_that_never_comes() -> None:
    """Without a stop the session is over with the Hangup of the channel that it listened to."""
    assert _only_end([*MONITORED_CALL, _asks(CUSTOMER), _hangup(AGENT)]) == ("call_ended", 3, 4)
    assert _only_end([*MONITORED_CALL, _hangup(AGENT)]) == ("call_ended", 3, 3)


def test_an_end_that_has_begun() -> None:
    """A recording cut between the first sign and the stop leaves both answers right: open, or over for that reason."""
    (session,) = sessions([*MONITORED_CALL, _asks(AGENT)])
    assert session.end is None
    assert session.reasons == {None, "agent_dropped"}


def test_what_is_right_after_so_many_messages() -> None:
    """Before the first sign a session is open, from the stop on it is over, between the two either is right."""
    (session,) = sessions([*MONITORED_CALL, _asks(AGENT), _leave(AGENT), _spy("Stop")])
    right = [set(session.reasons_after(count)) for count in range(3, 7)]
    assert right == [{None}, {None, "agent_dropped"}, {None, "agent_dropped"}, {"agent_dropped"}]


def test_the_oracles_stand_alone() -> None:
    """No oracle for Asterisk imports anything of the package."""
    oracles = [source for source in sources(root() / "tests" / "oracle", "tests.oracle") if "asterisk" in source.name]
    assert len(oracles) == 3
    assert not [name for source in oracles for _, name in source.imports if name.startswith("monitoring_core")]
