"""What an auditor reads: a line from a session's row, which sessions are asked for, and both as table and CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from monitoring_core.audit import Asked, Line, as_csv, as_table, iso, lines
from monitoring_core.domain.outcomes import Listener
from monitoring_core.replay import Row

START_S = 1_800_000_000.0
HEARD = Row(
    session="default-8",
    origin="requested",
    state="ENDED",
    reason="call_ended",
    supervisor="ann",
    extension="5004",
    agent="bob",
    agent_extension="5025",
    call="c1",
    monitor_call="m1",
    verdict="permit",
    rules=("own-team",),
    because=("it is their team",),
    requested_at=START_S,
    active_at=START_S + 1.0,
    ended_at=START_S + 17.5,
    start_certainty="confirmed",
    end_certainty="inferred",
    follows="",
    paused_s=5.0,
    listeners=(Listener("ann", "5004", "whisper", START_S + 1.0, START_S + 17.5, "confirmed", "bob", "5025", 5.0),),
)
REFUSED = replace(
    HEARD,
    state="REJECTED",
    reason="forbidden",
    verdict="forbid",
    rules=("agent-idle", "agent-signed-in", "own-team"),
    because=("the agent is idle", "nobody is there"),
    active_at=None,
    ended_at=START_S,
    start_certainty=None,
    end_certainty=None,
    paused_s=0.0,
    listeners=(),
)
LIVE = replace(
    HEARD,
    state="ACTIVE",
    reason=None,
    ended_at=None,
    end_certainty=None,
    listeners=(Listener("ann", "5004", "silent", START_S + 1.0, None, "assumed", "bob", "5025"),),
)


def only(row: Row) -> Line:
    """The one line of a session with one listener at most."""
    (one,) = lines(row)
    return one


def table(row: Row) -> list[str]:
    """The lines of a session in the table."""
    return "".join(as_table([only(row)])).splitlines()


def cells(row: Row) -> dict[str, str]:
    """What a CSV reader makes of a session."""
    (read,) = csv.DictReader(io.StringIO("".join(as_csv([only(row)])), newline=""))
    return read


def test_open_time_and_time_with_media_are_apart() -> None:
    """The open time is from start to end; the time with media is that without what was on hold."""
    assert (only(HEARD).open_s, only(HEARD).media_s) == (16.5, 11.5)


def test_nobody_listened_to_who_was_refused() -> None:
    """A refused session has no times of listening, no mode and no certainty, also if the row is said to be over."""
    one = only(REFUSED)
    assert (one.listened_from, one.listened_until, one.open_s, one.media_s) == (None, None, None, None)
    assert (one.mode, one.start_certainty, one.end_certainty) == ("", "", "")


def test_the_table_says_who_when_how_long_and_why() -> None:
    """Who and whom, mode, both certainties, open and media time, and the rule with its reason."""
    assert table(HEARD) == [
        "default-8  ann (5004) -> bob (5025)  requested, permit  ENDED call_ended",
        (
            "    2027-01-15T08:00:01.000Z (confirmed) to 2027-01-15T08:00:17.500Z (inferred)"
            "  whisper, open 16.5 s, media 11.5 s"
        ),
        "    own-team: it is their team",
    ]


def test_the_table_has_every_reason_of_a_refusal() -> None:
    """Each rule of a refusal has a line with its reason; a permit that did not apply is named."""
    assert table(REFUSED)[1:] == [
        "    2027-01-15T08:00:00.000Z  nobody listened",
        "    agent-idle: the agent is idle",
        "    agent-signed-in: nobody is there",
        "    own-team did not apply",
    ]


def test_the_table_tells_who_still_listens() -> None:
    """A session that runs has a start with its certainty, and no end."""
    assert table(LIVE)[1] == "    2027-01-15T08:00:01.000Z (assumed)  silent, still listening"


def test_the_table_tells_who_is_still_waiting() -> None:
    """A permitted request whose start nobody has confirmed is not one through which nobody listened."""
    waiting = replace(LIVE, state="REQUESTED", start_certainty=None, listeners=())
    assert table(waiting)[1] == "    2027-01-15T08:00:00.000Z  not started yet"


def test_unknown_times_are_said_to_be_unknown() -> None:
    """Where nobody told a time somebody listened all the same."""
    (listener,) = HEARD.listeners
    timeless = replace(HEARD, active_at=None, ended_at=None, listeners=(replace(listener, from_=None, until=None),))
    assert table(timeless)[1] == "    - (confirmed) to - (inferred)  whisper, open ?, media ?"


def test_csv_has_times_as_iso_and_seconds_as_numbers() -> None:
    """Moments are ISO 8601 in UTC, durations numbers; what is not known is empty."""
    read = cells(HEARD)
    assert tuple(read) == Line.__struct_fields__
    assert (read["requested_at"], read["open_s"], read["media_s"]) == ("2027-01-15T08:00:00.000Z", "16.5", "11.5")
    assert (cells(REFUSED)["listened_from"], cells(REFUSED)["open_s"]) == ("", "")
    assert cells(REFUSED)["rules"] == "agent-idle; agent-signed-in; own-team"


@given(st.text().filter(lambda text: not text.startswith(("=", "+", "-", "@", "\t", "\r"))))
def test_csv_gives_back_any_text(text: str) -> None:
    """Whatever a person is called, a reader of RFC 4180 gets the same, and the next cell, too."""
    read = cells(replace(REFUSED, supervisor=text))
    assert (read["supervisor"], read["extension"]) == (text, "5004")


@pytest.mark.parametrize("text", ["=1+1", "+4930", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_csv_has_no_formulas(text: str) -> None:
    """What a spreadsheet would reckon with, whoever was called so, gets a `'` in front and stays a text."""
    assert cells(replace(REFUSED, supervisor=text, because=(text,)))["supervisor"] == f"'{text}"
    assert cells(replace(REFUSED, because=(text, "b")))["because"] == f"'{text}; b"


def test_csv_ends_its_records_as_the_standard_says() -> None:
    """Each record ends with CR LF, the head too."""
    assert [record[-2:] for record in as_csv([only(HEARD), only(REFUSED)])] == ["\r\n"] * 3


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ({}, True),
        ({"supervisor": "ann"}, True),
        ({"supervisor": "5004"}, True),
        ({"supervisor": "bob"}, False),
        ({"agent": "bob"}, True),
        ({"agent": "5025"}, True),
        ({"agent": "5004"}, False),
        ({"since": START_S + 17.5}, True),
        ({"since": START_S + 17.6}, False),
        ({"until": START_S}, False),
        ({"until": START_S + 0.1}, True),
        ({"since": START_S + 5.0, "until": START_S + 6.0}, True),
        ({"supervisor": "ann", "agent": "eve"}, False),
    ],
)
def test_sessions_are_asked_for_by_people_and_time(*, asked: dict[str, Any], fits: bool) -> None:
    """A person is found by id or extension; a time by whether the session was going on then."""
    assert Asked(**asked).fits(HEARD) is fits


def test_what_still_goes_on_is_never_too_early() -> None:
    """A session that is not over fits any time from its beginning on."""
    assert Asked(since=START_S + 1e6).fits(LIVE)
    assert not Asked(until=START_S).fits(LIVE)


def test_a_session_without_any_time_is_not_hidden() -> None:
    """What nobody can date is in every answer, as nothing says that it does not belong there."""
    assert Asked(since=0.0, until=1.0).fits(replace(LIVE, requested_at=None, active_at=None))


def test_a_time_beyond_the_calendar_is_shown_as_it_is() -> None:
    """A source may tell nonsense; it is shown, and stops no audit."""
    assert iso(1e20) == "1e+20"
