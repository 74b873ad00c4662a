"""The Asterisk source: in which mode a supervisor listens, by ChanSpy's options and the keys on his phone."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.domain.events import Event, ModeChanged, MonitorEnded, MonitorStarted, Snapshot
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.replay import Replay, Row
from monitoring_core.rules.load import load_book
from monitoring_core.sources.asterisk import AsteriskSource
from monitoring_core.sources.asterisk.source import HANGUP_WAIT_RECORDS
from tests.oracle import recordings

FARM, QUEUE, ONE = recordings.WITH_SPIES
BOOK = load_book({"all.toml": '[[rule]]\nid = "all"\neffect = "permit"\nto = "silent"\nbecause = "a test"\n'})

HEARD_AFTER_S_MAX = 0.8
"""The phones' log tells of a key when it has heard who hears the supervisor now, 0.43 to 0.71 s later."""


def told(*records: dict[str, Any]) -> list[Event]:
    """What these records lead to, until now."""
    source = AsteriskSource(trunks=("trunk", "cust"))
    return [event for record in records for event in source.feed(json.dumps(record).encode())]


def after(before: list[dict[str, Any]], *records: dict[str, Any]) -> list[Event]:
    """What `records` lead to once `before` has happened."""
    return told(*before, *records)[len(told(*before)) :]


@cache
def stream(name: str) -> list[Event]:
    """What a whole recording leads to."""
    return told(*recordings.load(name))


@cache
def rows(name: str) -> list[Row]:
    """The sessions of a recording, each with who listened, and how."""
    replay = Replay(Engine(BOOK, Settings()))
    for _ in replay.run(stream(name)):
        pass
    return replay.finish()


# Recordings


def test_every_key_of_the_phones_begins_a_stretch_of_its_session() -> None:
    """Each of the 53 keys that the phones' own log has begins one stretch in its mode, and nothing else begins one."""
    keys = [line for line in recordings.load(recordings.TRUTH) if line["kind"] == "mode"]
    stretches = [(row, stretch) for row in rows(FARM) for stretch in row.listeners[1:]]
    for key in keys:
        mode = "silent" if key["mode"] == "listen" else key["mode"]
        fits = [
            (row, one)
            for row, one in stretches
            if (row.extension, row.agent_extension, one.mode) == (key["who"], key["whom"], mode)
            and one.from_ is not None
            and 0 < key["t"] - one.from_ < HEARD_AFTER_S_MAX
        ]
        assert len(fits) == 1, key
        stretches.remove(fits[0])
    assert (len(keys), stretches) == (53, [])


@pytest.mark.parametrize("name", [FARM, QUEUE, ONE])
def test_stretches_follow_each_other_without_a_gap(name: str) -> None:
    """A session is silent at first, and from its start to its end somebody listens in some mode."""
    for row in rows(name):
        assert row.listeners[0].mode == "silent"
        assert (row.listeners[0].from_, row.listeners[-1].until) == (row.active_at, row.ended_at)
        assert all(one.until == other.from_ and one.mode != other.mode for one, other in pairwise(row.listeners))


@pytest.mark.parametrize(
    ("name", "starts", "changes"),
    [(FARM, 81, {"whisper": 24, "silent": 15, "barge": 14}), (QUEUE, 61, {}), (ONE, 1, {})],
)
def test_how_many_modes_recordings_have(name: str, starts: int, changes: dict[str, int]) -> None:
    """All spies on record begin in silence; in one recording their listeners pressed keys."""
    assert Counter(event.mode for event in stream(name) if isinstance(event, MonitorStarted)) == {"silent": starts}
    assert Counter(event.mode for event in stream(name) if isinstance(event, ModeChanged)) == changes


@pytest.mark.parametrize("name", recordings.CAPTURES)
def test_without_spies_there_are_no_modes(name: str) -> None:
    """Captures of a telephone system without spies have no change of mode."""
    assert [event for event in stream(name) if isinstance(event, ModeChanged)] == []


# A small switch: 1001 and 1002 are agents, 8001 and 8002 supervisors; the trunk is where customers are.

CUSTOMER, AGENT, OTHER_AGENT, LISTENER, OTHER = (
    "PJSIP/trunk-00000001",
    "PJSIP/1001-00000002",
    "PJSIP/1002-00000003",
    "PJSIP/8001-00000005",
    "PJSIP/8002-00000006",
)
ENDED_BY_LISTENER = MonitorEnded(
    monitor_call="1.5", from_address="8001", to_address="1001", reason="supervisor_dropped"
)


def uid(name: str) -> str:
    """The unique id of a channel of the small switch."""
    return f"1.{name[-1]}"


def record(event: str, name: str, **fields: Any) -> dict[str, Any]:
    """One manager event about a channel."""
    return {"Event": event, "Channel": name, "Uniqueid": uid(name), **fields}


def run(arguments: str, by: str = LISTENER, application: str = "ChanSpy") -> dict[str, Any]:
    """The dialplan runs ChanSpy, or another application, on a channel."""
    return record("Newexten", by, Application=application, AppData=arguments)


def spy(event: str, by: str = LISTENER, on: str = AGENT) -> dict[str, Any]:
    """A spy starts or stops."""
    return {"Event": event, "SpyerChannel": by, "SpyerUniqueid": uid(by), "SpyeeChannel": on, "SpyeeUniqueid": uid(on)}


def press(digit: str, name: str = LISTENER, direction: str = "Received", **fields: Any) -> dict[str, Any]:
    """A key was pressed, and let go."""
    return record("DTMFEnd", name, Digit=digit, Direction=direction, **fields)


def enter(*names: str) -> list[dict[str, Any]]:
    """Channels come into one bridge."""
    return [record("BridgeEnter", name, BridgeUniqueid="b1") for name in names]


ASKED = [record("DialBegin", CUSTOMER, DestChannel=AGENT, DestUniqueid=uid(AGENT)), *enter(AGENT, CUSTOMER)]
WAITING = [*ASKED, run("PJSIP/1001,qdES")]
SPYING = [*WAITING, spy("ChanSpyStart")]


def changes(*modes: Any) -> list[Event]:
    """Changes of the one monitor call."""
    return [ModeChanged(monitor_call="1.5", mode=mode) for mode in modes]


# Keys


def test_keys_change_the_mode() -> None:
    """5 whispers, 6 barges in, 4 is silence again, from and to each of them."""
    keys = [press(digit) for digit in "5645464"]
    assert after(SPYING, *keys) == changes("whisper", "barge", "silent", "whisper", "silent", "barge", "silent")


def test_a_key_that_changes_nothing_tells_nothing() -> None:
    """The key of the mode that it is in already, pressed or recorded twice, is no event."""
    assert after(SPYING, press("4"), press("5"), press("5")) == changes("whisper")


def test_a_change_has_the_time_of_its_key() -> None:
    """`_t` of the key is when the mode changed."""
    assert after(SPYING, press("5", _t=7.5)) == [
        ModeChanged(monitor_call="1.5", mode="whisper", at=7.5, received_at=7.5)
    ]


@pytest.mark.parametrize("digit", [*"01237890*#ABCD", "", "45", "five"])
def test_other_keys_are_no_modes(digit: str) -> None:
    """Volume, the next channel, and whatever else ChanSpy does with keys, are no modes."""
    assert after(SPYING, press(digit)) == []


@pytest.mark.parametrize("name", [AGENT, CUSTOMER, OTHER])
def test_keys_on_other_phones_are_no_modes(name: str) -> None:
    """What the agent, his customer or another supervisor presses means nothing."""
    assert after([*SPYING, run("PJSIP/1001,qdES", OTHER)], press("5", name)) == []


def test_keys_that_are_sent_are_not_pressed() -> None:
    """A key that the switch plays to the supervisor's phone is none that he pressed."""
    assert after(SPYING, press("5", direction="Sent"), press("5", direction="")) == []


def test_a_key_that_goes_down_is_not_yet_pressed() -> None:
    """ChanSpy minds a key when it is let go; the record of its beginning means nothing."""
    assert after(SPYING, {**press("5"), "Event": "DTMFBegin"}) == []


def test_keys_before_the_start_are_dropped() -> None:
    """While ChanSpy waits for the agent's call it drops every key, so the spy begins in silence."""
    (started,) = after(WAITING, press("5"), spy("ChanSpyStart"))
    assert isinstance(started, MonitorStarted)
    assert started.mode == "silent"


def test_keys_after_the_stop_are_no_modes() -> None:
    """A supervisor whose spy stopped presses keys for something else."""
    assert after(SPYING, spy("ChanSpyStop"), press("5")) == [ENDED_BY_LISTENER]


def test_keys_after_he_asked_to_leave_are_no_modes() -> None:
    """Whose HangupRequest was seen has left, though his ChanSpyStop comes seconds later."""
    assert after(SPYING, record("HangupRequest", LISTENER), press("5")) == [ENDED_BY_LISTENER]


@pytest.mark.parametrize(
    "arguments", ["PJSIP/1001,qE", "PJSIP/1001", "", "PJSIP/1001,qg(d)", "PJSIP/1001,qdX", "PJSIP/d"]
)
def test_without_the_option_keys_are_no_modes(arguments: str) -> None:
    """Without d the keys make a number, and with X they leave for an extension; a letter in a value is no option."""
    assert after([*ASKED, run(arguments), spy("ChanSpyStart")], press("5"), press("6")) == []


def test_of_a_spy_whose_options_nobody_saw_no_mode_is_told() -> None:
    """A recording that begins after ChanSpy was run does not say what its keys mean."""
    assert after([*ASKED, spy("ChanSpyStart")], press("5")) == []


def test_what_other_applications_are_given_are_no_options() -> None:
    """A Dial with d on the supervisor's channel gives ChanSpy no keys."""
    assert after([*ASKED, run("PJSIP/1001,d", application="Dial"), spy("ChanSpyStart")], press("5")) == []


def test_each_listener_has_his_own_mode() -> None:
    """Of two supervisors on one agent each changes his own monitor call only."""
    both = [*SPYING, run("PJSIP/1001,qdE", OTHER), spy("ChanSpyStart", OTHER)]
    assert after(both, press("5"), press("6", OTHER)) == [
        ModeChanged(monitor_call="1.5", mode="whisper"),
        ModeChanged(monitor_call="1.6", mode="barge"),
    ]


# The mode at first


@pytest.mark.parametrize(
    ("arguments", "mode"),
    [
        ("PJSIP/1001,qdES", "silent"),
        ("PJSIP/1001", "silent"),
        ("PJSIP/wB", "silent"),
        ("PJSIP/1001,qb", "silent"),
        ("PJSIP/1001,qg(wB)", "silent"),
        ("PJSIP/1001,qw", "whisper"),
        ("PJSIP/1001,Wq", "whisper"),
        ("PJSIP/1001,g(sales:bar)w", "whisper"),
        ("PJSIP/1001,g(sales)wv(4)", "whisper"),
        ("PJSIP/1001,qB", "barge"),
        ("PJSIP/1001,Bw", "barge"),
        (",wB", "barge"),
    ],
)
@pytest.mark.parametrize("application", ["ChanSpy", "ExtenSpy"])
def test_options_say_the_mode_at_first(arguments: str, mode: str, application: str) -> None:
    """w and W are whisper, B is barge whatever else there is, and without them a spy begins in silence."""
    (started,) = after([*ASKED, run(arguments, application=application)], spy("ChanSpyStart"))
    assert isinstance(started, MonitorStarted)
    assert started.mode == mode


def test_keys_lead_on_from_the_mode_at_first() -> None:
    """A spy that begins as a whisper is told of when it falls silent, not when it whispers."""
    assert after([*ASKED, run("PJSIP/1001,qwd"), spy("ChanSpyStart")], press("5"), press("4")) == changes("silent")


def modes_at_start(*records: dict[str, Any]) -> list[str | None]:
    """The mode of each monitor call when it begins."""
    return [event.mode for event in told(*records) if isinstance(event, MonitorStarted)]


def test_who_follows_his_agent_stays_in_his_mode() -> None:
    """One run of ChanSpy goes on to the next call in the mode in which it left the last."""
    assert modes_at_start(*SPYING, press("5"), spy("ChanSpyStop"), press("6"), spy("ChanSpyStart", on=OTHER_AGENT)) == [
        "silent",
        "whisper",
    ]


def test_a_new_run_begins_as_its_options_say() -> None:
    """ChanSpy run once more on the same channel, with the same arguments, knows nothing of keys before."""
    assert modes_at_start(*SPYING, press("5"), spy("ChanSpyStop"), run("PJSIP/1001,qdES"), spy("ChanSpyStart")) == [
        "silent",
        "silent",
    ]


# The whole picture


def shown(arguments: str) -> list[dict[str, Any]]:
    """An answer to CoreShowChannels with one spy."""
    rows = [
        record("CoreShowChannel", CUSTOMER, BridgeId="b1"),
        record("CoreShowChannel", AGENT, BridgeId="b1"),
        record("CoreShowChannel", LISTENER, Application="ChanSpy", ApplicationData=arguments),
    ]
    return [*rows, {"Event": "CoreShowChannelsComplete"}]


def modes_shown(events: list[Event]) -> list[str | None]:
    """The modes of the monitor calls of the one snapshot among the events."""
    (snapshot,) = [event for event in events if isinstance(event, Snapshot)]
    return [view.monitor.mode for view in snapshot.calls if view.monitor is not None]


def test_a_snapshot_says_the_mode_of_a_spy_that_is_news() -> None:
    """Of a spy whose start nobody saw the options in the list are all that is known."""
    assert modes_shown(told(*ASKED, *shown("PJSIP/1001,qw"))) == ["whisper"]


def test_a_snapshot_says_the_mode_that_a_key_led_to() -> None:
    """The list shows the options, which keys do not change; a known spy is still in the mode of its last key."""
    assert modes_shown(told(*SPYING, press("6"), *shown("PJSIP/1001,qdES"))) == ["barge"]


def test_a_snapshot_with_other_options_shows_another_run() -> None:
    """Other arguments than those that were seen are of a run of ChanSpy that began unseen."""
    assert modes_shown(told(*SPYING, press("6"), *shown("PJSIP/1001,qw"))) == ["whisper"]


def test_a_snapshot_of_a_spy_with_keys_that_is_news_says_no_mode() -> None:
    """Where keys may have led on before anybody looked, the options do not say the mode of now."""
    assert modes_shown(told(*ASKED, *shown("PJSIP/1001,qdw"))) == [None]


def test_a_start_whose_options_nobody_saw_says_no_mode() -> None:
    """A spy begins in a mode that nobody knows where its dialplan was not told of."""
    assert modes_at_start(*ASKED, spy("ChanSpyStart")) == [None]


def test_keys_count_on_a_spy_that_a_snapshot_told_of() -> None:
    """The options in the list say what the keys mean from then on."""
    assert after([*ASKED, *shown("PJSIP/1001,qd")], press("5")) == changes("whisper")
    assert after([*ASKED, *shown("PJSIP/1001,q")], press("5")) == []


# Order, and limits

UNSEEN = [*SPYING, record("HangupRequest", CUSTOMER), spy("ChanSpyStop"), record("Hangup", AGENT)]
"""The agent's Hangup waits for that of the supervisor, who may have left before."""


def test_keys_do_not_shorten_the_wait_for_a_hangup() -> None:
    """However many keys are pressed and applications run meanwhile, the supervisor's own Hangup says why he went."""
    noise = [press("5", OTHER), run("PJSIP/1001,qd", OTHER)] * HANGUP_WAIT_RECORDS
    assert after(UNSEEN, *noise) == []
    assert after(UNSEEN, *noise, record("Hangup", LISTENER, Cause="0"))[0] == ENDED_BY_LISTENER


def test_keys_end_the_wait_for_a_hangup_when_time_has_passed() -> None:
    """A key a tenth of a second later shows that nothing more is to be waited for."""
    timed = [{**one, "_t": 1.0} for one in UNSEEN]
    assert after(timed, press("5", OTHER, _t=1.05)) == []
    assert isinstance(after(timed, press("5", OTHER, _t=1.2))[-1], MonitorEnded)


def test_a_change_is_told_while_a_hangup_waits() -> None:
    """A second supervisor's key is told at once, so before the end of his monitor call."""
    second = [*ASKED, run("PJSIP/1001,qdE", OTHER), spy("ChanSpyStart", OTHER), *UNSEEN[len(ASKED) :]]
    assert after(second, press("5", OTHER)) == [ModeChanged(monitor_call="1.6", mode="whisper")]


RECORDS = st.one_of(
    st.builds(press, st.sampled_from("3456"), st.sampled_from([LISTENER, OTHER, AGENT])),
    st.builds(
        run, st.sampled_from(["PJSIP/1001,qd", "PJSIP/1001,dw", "PJSIP/1001,B"]), st.sampled_from([LISTENER, OTHER])
    ),
    st.builds(
        spy,
        st.sampled_from(["ChanSpyStart", "ChanSpyStop"]),
        st.sampled_from([LISTENER, OTHER]),
        st.sampled_from([AGENT, OTHER_AGENT]),
    ),
    st.builds(
        record, st.sampled_from(["HangupRequest", "Hangup"]), st.sampled_from([LISTENER, OTHER, AGENT, OTHER_AGENT])
    ),
)


@given(st.lists(RECORDS, max_size=40))
def test_modes_change_only_while_somebody_listens(records: list[dict[str, Any]]) -> None:
    """However records are mixed, a change is of a monitor call that is up, and to another mode than it is in."""
    modes: dict[str | None, str] = {}
    for event in told(*ASKED, *records):
        if isinstance(event, MonitorStarted):
            modes[event.monitor_call] = event.mode or "silent"
        elif isinstance(event, ModeChanged):
            assert modes[event.monitor_call] != event.mode
            modes[event.monitor_call] = event.mode
        elif isinstance(event, MonitorEnded):
            modes.pop(event.monitor_call, None)
