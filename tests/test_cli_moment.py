"""`replay --at`: what a site looked like at one moment of its log."""

from __future__ import annotations

import json

import pytest

from tests.cli import ASK, CALL, SITE, Shell, at

STARTED = {
    "event": "monitor_started",
    "monitor_call": "m1",
    "from_address": "5004",
    "to_address": "5025",
    "call": "c1",
}
DROPPED = {"event": "connection_cleared", "call": "c1", "address": "5025"}
STORY = (*SITE, at(1.0, CALL), at(2.0, ASK), at(3.0, STARTED), at(9.5, DROPPED))


def seen(shell: Shell, moment: str) -> dict[str, object]:
    """The picture at that moment of the story."""
    (picture,) = shell("replay", shell.log(*STORY), "--json", "--at", moment).rows
    return {key: picture[key] for key in ("position", "now")} | {
        "calls": [call["call"] for call in picture["floor"]["calls"]],
        "sessions": [(row["session"], row["state"]) for row in picture["sessions"]],
    }


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("1.5", {"position": 4, "now": 1.5, "calls": ["c1"], "sessions": []}),
        ("2", {"position": 5, "now": 2.0, "calls": ["c1"], "sessions": [("default-5", "REQUESTED")]}),
        (
            "1970-01-01T00:00:09Z",
            {"position": 6, "now": 9.0, "calls": ["c1", "m1"], "sessions": [("default-5", "ACTIVE")]},
        ),
        ("#6", {"position": 6, "now": 3.0, "calls": ["c1", "m1"], "sessions": [("default-5", "ACTIVE")]}),
        ("10", {"position": 7, "now": 10.0, "calls": ["m1"], "sessions": []}),  # whose end the switch still owes
    ],
)
def test_a_moment_shows_what_was_so_then(shell: Shell, moment: str, expected: dict[str, object]) -> None:
    """Whatever happened up to the moment counts, and nothing that happened later."""
    assert seen(shell, moment) == expected


def test_what_fell_due_by_then_has_happened(shell: Shell) -> None:
    """Time passes up to the moment: a start that nobody confirmed is over by then."""
    log = shell.log(*SITE, at(1.0, CALL), at(2.0, ASK))
    (before,) = shell("replay", log, "--json", "--at", "3").rows
    (after,) = shell("replay", log, "--json", "--at", "1000").rows
    assert [row["state"] for row in before["sessions"]] == ["REQUESTED"]
    assert after["sessions"] == []


def test_a_moment_is_told_in_words(shell: Shell) -> None:
    """Without --json: people who are signed in, calls with who is on them, the table of sessions alive."""
    done = shell("replay", shell.log(*STORY), "--at", "4")
    assert done.out.splitlines()[:5] == [
        "site default after 6 events, 4.00 s",
        "",
        "2 people signed in",
        "  5025  ann; state not known; in sales",
        "  5004  47483657; NOT_READY; supervises sales",
    ]
    assert "  m1  monitor call of 5004 on 5025: 5004 connected" in done.out.splitlines()
    assert "1 sessions alive" in done.out


def test_the_floor_of_a_moment_is_a_native_event(shell: Shell) -> None:
    """What is known then can be told to another site: its floor is a snapshot as the native log has it."""
    (picture,) = shell("replay", shell.log(*STORY), "--json", "--at", "4").rows
    log = shell.log({**picture["floor"], "at": 4.0, "as_of": 4.0}, at(5.0, {**ASK, "to_address": "5025"}))
    assert picture["floor"]["event"] == "snapshot"
    assert json.loads(shell("replay", log, "--json").out.splitlines()[-1])["agent"] == "ann"


@pytest.mark.parametrize("moment", ["noon", "#x", "#8", "2026-01-31T08:00:00"])
def test_what_is_no_moment_is_refused(shell: Shell, moment: str) -> None:
    """A time that cannot be read, or an event that is not there, is told with a fix; the code is 2."""
    done = shell("replay", shell.log(*STORY), "--at", moment)
    assert (done.code, done.out) == (2, "")
    assert moment in done.err


def test_a_wrong_clock_of_the_source_is_no_moment(shell: Shell) -> None:
    """What counts is the site's time: an event whose `at` is far ahead of when it was received is read in its place."""
    told = [{**event, "received_at": event["at"]} if "at" in event else event for event in STORY]
    ahead = {**told[-2], "at": 9_000.0}
    log = shell.log(*told[:-2], ahead, told[-1])
    (picture,) = shell("replay", log, "--json", "--at", "4").rows
    assert [row["state"] for row in picture["sessions"]] == ["ACTIVE"]
