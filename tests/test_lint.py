"""What a lint finds in a log, and what it leaves alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from monitoring_core.domain import events as e
from monitoring_core.domain.events import CallView, ClearCause, Event, LegState, Participant
from monitoring_core.domain.settings import Settings
from monitoring_core.lint import Ends, Lint, SpyStops, spread
from monitoring_core.sources import SOURCES, source_of
from monitoring_core.testing.stories import stories
from monitoring_core.testing.switch import Story
from tests.oracle.asterisk_stops import stops
from tests.oracle.recordings import WITH_SPIES, load
from tests.test_same_story import AS

ON, AGENT, CHIEF, CUSTOMER = "c1", "5025", "5004", "07"
TALKING = (e.Established(call=ON, address=CUSTOMER, at=1.0), e.Established(call=ON, address=AGENT, at=1.0))
ASKED = e.MonitorRequested(from_address=CHIEF, to_address=AGENT, at=2.0)
STARTED = e.MonitorStarted(monitor_call="m1", from_address=CHIEF, to_address=AGENT, call=ON, at=3.0)
MONITORED = (*TALKING, ASKED, STARTED)
LEAVES = e.ConnectionCleared(call=ON, address=AGENT, at=9.0)
ENDS = e.MonitorEnded(monitor_call="m1", at=9.5)


def linted(*events: Event, source: str = "events") -> Lint:
    """A finished lint of these."""
    lint = Lint(Settings(), source)
    for number, event in enumerate(events, 1):
        lint.see(event, number)
    lint.finish()
    return lint


def ends(*events: Event) -> Ends:
    """What became of the ends of monitor calls."""
    found = linted(*events).ends
    assert found is not None
    return found


def orders(*events: Event) -> list[str]:
    """The forbidden orders in these."""
    return [one.text for one in linted(*events).findings if one.kind == "order"]


# Ends, as events tell them


def test_an_end_in_time_is_no_finding() -> None:
    """A monitor call that ends while the agent is still there ended in time."""
    assert ends(*MONITORED, ENDS, LEAVES) == Ends(told=1)


def test_an_end_after_the_agents_end_is_late() -> None:
    """By how much counts from what ended the session; where it is found is the end itself."""
    (found,) = ends(*MONITORED, LEAVES, ENDS).findings
    assert (found.kind, found.late_s, found.record, found.about) == ("late", 0.5, 6, "m1")


@pytest.mark.parametrize(
    "end",
    [
        e.MonitorEnded(from_address=CHIEF),
        e.MonitorEnded(),
        e.CallCleared(call="m1"),
        e.ConnectionCleared(call="m1", address=CHIEF),
        e.CallSeen(view=CallView("m1", (Participant(CHIEF, LegState.CLEARED),))),
    ],
)
def test_an_end_may_be_told_in_many_ways(end: Event) -> None:
    """With or without names, as a call or leg that is cleared, or as a dialog without its listener: it is the end."""
    assert ends(*MONITORED, end).told == 1
    assert [one.kind for one in ends(*MONITORED, LEAVES, end).findings] == ["late"]


@pytest.mark.parametrize(
    "end", [e.MonitorEnded(monitor_call="m2"), e.MonitorEnded(from_address="5005"), e.CallCleared(call="c2")]
)
def test_the_end_of_another_is_not_its_end(end: Event) -> None:
    """What names another monitor call, listener or call leaves this end owed."""
    assert [one.kind for one in ends(*MONITORED, LEAVES, end).findings] == ["never"]


@pytest.mark.parametrize(
    "lost",
    [LEAVES, e.CallCleared(call=ON), e.SwitchRestarted(), e.Snapshot(covers=("calls",)), e.TimePassed(at=100_000.0)],
)
def test_an_end_that_never_comes_is_found(lost: Event) -> None:
    """A session that is over without a word on its monitor call, for whatever reason, is owed one."""
    found = ends(*MONITORED, lost)
    assert [one.kind for one in found.findings] == ["never"]
    assert (found.told, found.up) == (0, 0)


def test_who_still_listens_owes_nothing() -> None:
    """A monitor call that is up at the end of the log is counted, and no finding."""
    assert ends(*MONITORED) == Ends(up=1)


def test_a_log_without_times_has_late_ends_too() -> None:
    """Without times an end is late by its order, and nobody can say by how much."""
    lines = [*MONITORED, LEAVES, ENDS]
    (found,) = ends(*(type(one)(**{**_fields(one), "at": None}) for one in lines)).findings
    assert (found.kind, found.late_s) == ("late", None)


def _fields(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


# Spies nobody asked for


def test_a_spy_nobody_asked_for_is_found_by_source() -> None:
    """A monitor call without a request is found, under the name of whoever told of it."""
    told = e.MonitorStarted(monitor_call="m1", from_address=CHIEF, to_address=AGENT, call=ON, source="pbx")
    assert [(one.kind, one.source) for one in linted(*TALKING, told).findings] == [("unasked", "pbx")]
    assert [one.source for one in linted(*TALKING, STARTED, source="asterisk").findings] == ["asterisk"]


def test_a_lint_judges_no_rules() -> None:
    """What any rule would forbid counts as asked for: listening to a listener, to oneself's second, to a stranger."""
    second = e.MonitorRequested(from_address="5005", to_address=AGENT)
    start = e.MonitorStarted(monitor_call="m2", from_address="5005", to_address=AGENT, call=ON)
    assert linted(*MONITORED, second, start).findings == []


def test_one_request_is_one_monitor_call() -> None:
    """The second start of a pair that asked once is one nobody asked for."""
    again = e.MonitorStarted(monitor_call="m2", from_address=CHIEF, to_address=AGENT, call=ON, at=12.0)
    assert [(one.kind, one.about) for one in linted(*MONITORED, ENDS, again).findings] == [("unasked", "m2")]


# Orders


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (TALKING[1], e.Delivered(call=ON, address=AGENT)),
        (e.Delivered(call=ON, address=AGENT), e.Held(call=ON, address=AGENT)),
        (e.Delivered(call=ON, address=AGENT), e.Retrieved(call=ON, address=AGENT)),
        (e.Initiated(call=ON, address=AGENT), e.Parked(call=ON, address=AGENT)),
        (e.Held(call=ON, address=AGENT, at=5.0), e.Retrieved(call=ON, address=AGENT, at=4.0)),
        (e.ConnectionCleared(call=ON, address=AGENT), e.Held(call=ON, address=AGENT)),
        (e.ConnectionCleared(call=ON, address=AGENT), e.Established(call=ON, address=AGENT)),
        (e.CallCleared(call=ON), e.Established(call=ON, address=AGENT)),
        (e.CallCleared(call=ON), e.Transferred(call=ON, by=AGENT)),
        (e.CallCleared(call=ON), e.Conferenced(call="c2", into=ON)),
        (e.CallCleared(call=ON), e.CallSeen(view=CallView(ON, (Participant(AGENT, LegState.CONNECTED),)))),
        (e.CallCleared(call=ON), STARTED),
        (e.ConnectionCleared(call=ON, address=AGENT), STARTED),
        (e.MonitorEnded(monitor_call="m1"), STARTED),
        (e.CallCleared(call="m1"), STARTED),
        (e.Established(call="m1", address=AGENT), STARTED),
        (e.TimePassed(received_at=1.0), e.Held(call=ON, address=AGENT, at=9_000.0, received_at=2.0)),
    ],
)
def test_an_order_that_telephony_forbids_is_found(before: Event, after: Event) -> None:
    """What cannot follow what was told before is found once, at the later of the two."""
    there = (e.Established(call=ON, address=CUSTOMER), e.Established(call=ON, address="5026"))
    found = [one.record for one in linted(*there, before, after).findings if one.kind == "order"]
    assert found == [len(there) + 2]


@pytest.mark.parametrize(
    "after",
    [
        e.ModeChanged(monitor_call="m1", mode="whisper"),
        e.ListenerMoved(monitor_call="m1", from_address="5006"),
        e.ListenerJoined(monitor_call="m1", from_address="5006"),
        e.MonitorStarted(monitor_call="m1", from_address=CHIEF, to_address=AGENT),
    ],
)
def test_nothing_happens_to_a_monitor_call_that_ended(after: Event) -> None:
    """A monitor call whose end was told neither starts again nor changes."""
    assert len(orders(*MONITORED, ENDS, after)) == 1


@pytest.mark.parametrize(
    "events",
    [
        (*TALKING, *TALKING),
        (*MONITORED, STARTED, LEAVES, LEAVES, ENDS, ENDS, e.CallCleared(call=ON), LEAVES),
        (e.Held(call=ON, address=AGENT), e.Retrieved(call=ON, address=AGENT), e.Established(call=ON, address=AGENT)),
        (e.ModeChanged(monitor_call="m9", mode="barge"), ENDS, e.CallCleared(call="c9")),
        (STARTED, LEAVES),
        (*TALKING, LEAVES, e.CallSeen(view=CallView(ON, (Participant(AGENT, LegState.CLEARED),)))),
        (e.Unreadable(what="no JSON"),),
    ],
)
def test_repeats_and_what_was_never_told_of_are_no_fault(events: Sequence[Event]) -> None:
    """Saying something twice, ending what has ended, and a log that begins in the middle break no order."""
    assert orders(*events) == []


def test_a_repeated_event_is_heard_once() -> None:
    """An event whose id was there before has no effect, and so breaks no order."""
    held = e.Held(call=ON, address=AGENT, id="7", source="pbx")
    left = e.ConnectionCleared(call=ON, address=AGENT, cause=ClearCause.MOVED)
    assert orders(*TALKING, held, left, held) == []
    assert len(orders(*TALKING, held, left, e.Held(call=ON, address=AGENT, id="8", source="pbx"))) == 1


@pytest.mark.parametrize("system", list(AS))
@effort(max_examples=40, deadline=None)
@given(story=stories())
def test_a_switch_that_obeys_telephony_breaks_no_order(system: str, story: Story) -> None:
    """Whatever people do with their telephones, and whichever system tells of it, no order is found fault with."""
    lint = Lint(Settings(), system)
    sources = {name: source_of(name, Settings()) for name in SOURCES}
    for number, record in enumerate(AS[system](story.happenings)):
        for event in sources[record.source].feed(record.record):
            lint.see(event, number)
    for source in sources.values():
        for event in source.finish():
            lint.see(event)
    assert [one for one in lint.finish() if one.kind == "order"] == []


# Asterisk's own words


def heard(messages: Sequence[dict[str, Any]]) -> Ends:
    """What the raw messages say of the stops of spies."""
    reader = SpyStops()
    for message in messages:
        reader.feed(json.dumps(message).encode())
    return reader.finish()


def compare(messages: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Whether reader and oracle say the same of every spy; how many of each kind there are."""
    found, right = heard(messages), stops(messages)
    late = {(one.about, one.record - 1): one.late_s for one in found.findings if one.kind == "late"}
    never = sorted(one.about for one in found.findings if one.kind == "never")
    assert late == {(one.spyer, one.index): pytest.approx(one.late_s) for one in right if one.kind == "late"}
    assert never == sorted(one.spyer for one in right if one.kind == "never")
    counts = {kind: sum(one.kind == kind for one in right) for kind in ("told", "late", "never", "up")}
    assert counts == {"told": found.told, "late": len(late), "never": len(never), "up": found.up}
    return counts


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("contact-centre-a.jsonl.gz", {"told": 18, "late": 63, "never": 0, "up": 0}),
        ("queue-with-spies-first-42s.jsonl.gz", {"told": 38, "late": 23, "never": 0, "up": 0}),
        ("one-call-one-spy.jsonl", {"told": 0, "late": 1, "never": 0, "up": 0}),
    ],
)
def test_every_late_stop_on_record_is_found(name: str, counts: dict[str, int]) -> None:
    """Every stop after its agent's end is found in the recordings, as late as an oracle on the raw messages counts."""
    assert compare(load(name)) == counts


def _cuts() -> Iterator[tuple[str, int]]:
    for name in WITH_SPIES[:2]:
        messages = load(name)
        late = [one.index for one in stops(messages) if one.index is not None]
        yield from ((name, index) for index in late[::9])
        yield from ((name, count) for count in range(0, len(messages), 7_000))
    yield from ((WITH_SPIES[2], count) for count in range(80, 151))


@pytest.mark.parametrize(("name", "count"), list(_cuts()))
def test_a_recording_cut_off_early_has_stops_that_never_come(name: str, count: int) -> None:
    """Cut off anywhere, also just before a stop that would have come late, reader and oracle find the same."""
    compare(load(name)[:count])


def test_a_cut_just_before_a_late_stop_makes_it_one_that_never_comes() -> None:
    """The agent has left, and the recording ends before the stop: it never came."""
    messages = load(WITH_SPIES[2])
    (late,) = stops(messages)
    assert compare(messages[: late.index])["never"] == 1


@effort(max_examples=10, deadline=None)
@given(lost=st.sets(st.integers(0, 60)), name=st.sampled_from(WITH_SPIES[1:]))
def test_every_stop_that_was_lost_is_found(lost: set[int], name: str) -> None:
    """Whichever stops a recording lacks, those and no others never came; oracle and reader agree on all of them."""
    messages = load(name)
    places = [index for index, one in enumerate(messages) if one.get("Event") == "ChanSpyStop"]
    without = {places[number] for number in lost if number < len(places)}
    kept = [one for index, one in enumerate(messages) if index not in without]
    counts = compare(kept)
    assert counts["never"] + counts["up"] == len(without)


SPYING = {"SpyerChannel": "SIP/8", "SpyerUniqueid": "8", "SpyeeChannel": "SIP/1", "SpyeeUniqueid": "1"}
START, STOP = {"Event": "ChanSpyStart", **SPYING}, {"Event": "ChanSpyStop", **SPYING}
ENTER, LEAVE, HANGUP = ({"Event": name, "Uniqueid": "1"} for name in ("BridgeEnter", "BridgeLeave", "Hangup"))


@pytest.mark.parametrize(
    ("messages", "kinds"),
    [
        ([START, LEAVE, STOP, ENTER], []),
        ([START, LEAVE, ENTER, STOP], []),
        ([START, LEAVE, STOP, HANGUP], ["late"]),
        ([START, HANGUP, STOP], ["late"]),
        ([START, {"Event": "Hangup", "Uniqueid": "8"}], ["never"]),
        ([START, START, STOP], ["never"]),
        ([START, {"Event": "FullyBooted"}], ["never"]),
        ([{**START, "_t": 10.0}, {"Event": "FullyBooted", "Uptime": "600", "_t": 11.0}], []),
        ([START, {"Event": "CoreShowChannelsComplete"}], ["never"]),
        ([START, {"Event": "CoreShowChannel", "Uniqueid": "8"}, {"Event": "CoreShowChannelsComplete"}], []),
        ([STOP], []),
        ([{"Event": 7}, START, STOP], []),
    ],
)
def test_what_small_stories_of_spies_say(messages: list[dict[str, Any]], kinds: list[str]) -> None:
    """A stop during a change of bridges is in time; a restart, a list or the spyer's next spy prove that none comes."""
    assert [one.kind for one in heard(messages).findings] == kinds


# Numbers


@given(st.lists(st.floats(0, 100), min_size=1))
def test_a_spread_is_made_of_the_numbers(numbers: list[float]) -> None:
    """Half are up to the median, 95 of 100 up to the 95th percentile, which is one of them, and all to the longest."""
    found = spread(numbers)
    assert found is not None
    assert (found.count, found.longest_s) == (len(numbers), max(numbers))
    assert found.p95_s in numbers
    assert sum(one <= found.p95_s for one in numbers) >= 0.95 * len(numbers)
    assert sum(one < found.p95_s for one in numbers) < 0.95 * len(numbers)
    assert sum(one <= found.median_s for one in numbers) >= len(numbers) / 2


def test_nothing_has_no_spread() -> None:
    """Without numbers there is none."""
    assert spread([]) is None
