"""`lint`: what is wrong with a log, as text and as JSON."""

from __future__ import annotations

import json

import pytest

from tests.cli import ASK, CALL, SITE, Shell, at, lines
from tests.oracle.recordings import FOLDER

STARTED = {
    "event": "monitor_started",
    "monitor_call": "m1",
    "from_address": "5004",
    "to_address": "5025",
    "call": "c1",
}
DROPPED = {"event": "connection_cleared", "call": "c1", "address": "5025"}
ENDED = {"event": "monitor_ended", "monitor_call": "m1"}
CLEAN = (*SITE, at(1.0, CALL), at(2.0, ASK), at(3.0, STARTED), at(9.0, ENDED), at(9.5, DROPPED))
LATE = (*CLEAN[:-2], at(9.0, DROPPED), at(9.5, ENDED))
RECORDED = str(FOLDER / "contact-centre-a.jsonl.gz")


def test_a_clean_log_is_zero(shell: Shell) -> None:
    """A log without a fault gets 0, and the count of its ends."""
    done = shell("lint", shell.log(*CLEAN))
    assert done.code == 0
    assert done.out.splitlines()[3] == "        1  while both parties were there"
    assert "source" not in done.out


def test_a_fault_is_one_and_told_with_its_place(shell: Shell) -> None:
    """Something found gets 1; the text says how late ends are spread, which record shows one, and who said so."""
    done = shell("lint", shell.log(*LATE))
    assert done.code == 1
    assert "1  after the agent's end: median 0.500 s, 95 of 100 within 0.500 s, longest 0.500 s" in done.out
    assert "record 8, 9.500 s: 5004 on 5025: its end came after its session was over" in done.out
    assert done.out.splitlines()[-1].split() == ["events", "1", "0", "0", "0"]


@pytest.mark.parametrize(("tolerated", "code"), [("0.4", 1), ("0.5", 0)])
def test_what_is_late_enough_is_for_the_user_to_say(shell: Shell, tolerated: str, code: int) -> None:
    """An end up to --tolerate seconds late is still counted as late, but is no finding."""
    done = shell("lint", shell.log(*LATE), "--tolerate", tolerated, "--json")
    (told,) = done.rows
    assert (done.code, told["ends_late"]["count"], len(told["findings"])) == (code, 1, code)


@pytest.mark.parametrize("tolerated", ["-1", "nan", "soon"])
def test_what_is_no_tolerance_is_refused(shell: Shell, tolerated: str) -> None:
    """Less than nothing, or no number, is 2."""
    assert shell("lint", shell.log(*LATE), "--tolerate", tolerated).code == 2


def test_json_has_everything(shell: Shell) -> None:
    """One object: how many of what by source, and every finding."""
    orphan = {**STARTED, "monitor_call": "m2", "source": "pbx"}
    (told,) = shell("lint", shell.log(*LATE[:-1], at(10.0, orphan)), "--json").rows
    assert told["by_source"] == {
        "events": {"late": 0, "never": 1, "order": 0, "unasked": 0},
        "pbx": {"late": 0, "never": 0, "order": 1, "unasked": 1},
    }
    assert [(one["kind"], one["record"], one["about"]) for one in told["findings"]] == [
        ("never", 7, "m1"),
        ("order", 8, "m2"),
        ("unasked", 8, "m2"),
    ]
    assert (told["records"], told["events"], told["ends_in_time"], told["still_up"]) == (8, 8, 0, 1)


def test_records_that_cannot_be_read_are_two(shell: Shell) -> None:
    """What can be read is linted, what cannot be is told; the code is 2, and that is no finding."""
    log = shell.write("log.jsonl", lines(*CLEAN) + b"{\n")
    done = shell("lint", log, "--json")
    assert (done.code, done.rows[0]["findings"]) == (2, [])
    assert "1 records could not be read" in done.err


def test_a_recording_with_its_requests(shell: Shell) -> None:
    """Of the real recording every late stop is found, and the one spy that followed its agent to a call of his own."""
    floor, requests = str(FOLDER / "contact-centre-a.floor.toml"), str(FOLDER / "contact-centre-a.requests.jsonl")
    options = ("--source", "asterisk", "--floor", floor, "--with", requests, "--json")
    (told,) = shell("lint", RECORDED, *options).rows
    assert told["by_source"] == {"asterisk": {"late": 63, "never": 0, "order": 0, "unasked": 1}}
    assert (told["ends_in_time"], told["ends_late"]["longest_s"], told["records"]) == (18, 10.8556, 36_997)


def test_few_are_shown_of_many(shell: Shell) -> None:
    """The text shows twenty of a kind and says how many more there are."""
    done = shell("lint", RECORDED, "--source", "asterisk")
    assert "  ... and 43 more" in done.out.splitlines()
    assert "  ... and 61 more" in done.out.splitlines()


def test_every_source_can_be_linted(shell: Shell) -> None:
    """The bus and Finesse are read as `replay` reads them."""
    message = {"channel": "Cisco", "topic": "Team", "subtopic": "SetSilentMonitoring", "source": "app"}
    asked = {**message, "data": {"fromAddress": "5004", "toAddress": "5025", "UserName": "u"}}
    update = "<Update><event>PUT</event><source>/finesse/api/User/1</source><data><user><loginId>1</loginId>"
    update += "<extension>5025</extension><state>READY</state></user></data></Update>"
    assert shell("lint", shell.write("bus.jsonl", json.dumps(asked) + "\n"), "--source", "workspace").code == 0
    assert shell("lint", shell.write("finesse.log", update + "\n"), "--source", "finesse").code == 0
