"""`replay` and `explain`: what a log says, with what is merged into it."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli import ASK, CALL, SITE, Shell, at, lines
from tests.oracle.recordings import FOLDER

STARTED: dict[str, Any] = {
    "event": "monitor_started",
    "monitor_call": "m1",
    "from_address": "5004",
    "to_address": "5025",
    "call": "c1",
}
DROPPED: dict[str, Any] = {"event": "connection_cleared", "call": "c1", "address": "5025"}
STORY = (*SITE, at(1.0, CALL), at(2.0, ASK), at(3.0, STARTED), at(9.5, DROPPED))
SMALLEST = str(FOLDER / "one-call-one-spy.jsonl")


# Replay


def test_replay_shows_who_listened_to_whom(shell: Shell) -> None:
    """One line a session, with persons, call, times, state and reason; then how many ended how."""
    done = shell("replay", shell.log(*STORY))
    assert done.code == 0
    assert done.out.splitlines()[1].split() == (
        "default-5 requested 5004 (47483657) 5025 (ann) c1 permit 2.00 3.00 9.50 ENDED agent_dropped".split()
    )
    assert "1  requested ENDED agent_dropped" in done.out


def test_replay_as_json_has_every_key(shell: Shell) -> None:
    """--json prints one object a session, and nothing else on stdout."""
    (row,) = shell("replay", shell.log(*STORY), "--json").rows
    assert {key: row[key] for key in ("session", "state", "reason", "call", "rules", "paused_s")} == {
        "session": "default-5",
        "state": "ENDED",
        "reason": "agent_dropped",
        "call": "c1",
        "rules": ["own-team"],
        "paused_s": 0.0,
    }
    assert row["listeners"] == [
        {
            "supervisor": "47483657",
            "extension": "5004",
            "mode": "silent",
            "from": 3.0,
            "until": 9.5,
            "certainty": "confirmed",
            "agent": "ann",
            "agent_extension": "5025",
            "paused_s": 0.0,
        }
    ]
    named = "origin agent verdict requested_at active_at ended_at start_certainty end_certainty follows".split()
    assert set(named) <= set(row)


def test_replay_says_why_a_request_was_refused(shell: Shell) -> None:
    """Every reason with the facts it saw; what would have permitted it, if asked for."""
    log = shell.log(*SITE, {**CALL, "event": "held"}, ASK)
    done = shell("replay", log, "--remedies")
    assert "forbid agent-on-hold: the agent has his call on hold\n    agent.line is held\n" in done.out
    assert "would have permitted it: agent.line = connected (was held)" in done.out
    assert "would have permitted" not in shell("replay", log).out


def test_two_replays_have_one_digest(shell: Shell) -> None:
    """The digest is on stderr, the same for the same log in any wrapping, and another for another log."""
    log, packed = shell.log(*STORY), shell.write("log.gz", gzip.compress(lines(*STORY)))
    said = [shell("replay", path).err for path in (log, packed, shell.log(*STORY[:-1], name="shorter"))]
    assert said[0] == said[1] != said[2]
    assert said[0].startswith("7 events, digest ")


def test_the_site_gives_sessions_their_name(shell: Shell) -> None:
    """--site chooses whose lines count, and is in the ids."""
    lines_of = [{**event, "site": site} for site in ("south", "north") for event in STORY]
    (row,) = shell("replay", shell.log(*lines_of), "--site=north", "--json").rows
    assert row["session"] == "north-5"


def test_two_sites_are_not_mixed(shell: Shell) -> None:
    """Without --site, a log of two sites is not read as one."""
    done = shell("replay", shell.log({**CALL, "site": "south"}, {**CALL, "site": "north"}))
    assert done.code == 2
    assert "choose one: --site north" in done.err


def test_a_later_format_is_not_read(shell: Shell) -> None:
    """A log that says it is of a later format is refused as a whole."""
    done = shell("replay", shell.log({"event": "log", "version": 99}, *STORY))
    assert (done.code, done.out) == (2, "")


def test_at_most_ten_unreadable_records_are_told(shell: Shell) -> None:
    """A log of another kind does not flood the terminal."""
    done = shell("replay", SMALLEST)
    assert done.code == 2
    assert "150 records could not be read" in done.err
    assert "... and 140 more" in done.err
    assert done.err.count("fix:") == 10


def test_a_pipe_sees_no_progress_bar(shell: Shell) -> None:
    """What is no terminal gets no bar, and stdout nothing but the answer."""
    assert "\r" not in shell("replay", SMALLEST, "--source=asterisk").err


def test_a_terminal_sees_a_progress_bar(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal a bar shows records, rate and time left; the answer is the same."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    log = str(FOLDER / "contact-centre-a.jsonl.gz")
    plain = shell("replay", log, "--source=asterisk", "--json").out
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    done = shell("replay", log, "--source=asterisk", "--json")
    shown = terminal.getvalue()
    assert done.out == plain
    assert "records" in shown
    assert "%|" in shown
    assert "B/s" in shown


def test_a_recording_that_was_cut_is_finished(shell: Shell) -> None:
    """What the last messages of a cut recording prove, though the one that would tell it is missing, counts."""
    whole = Path(SMALLEST).read_bytes().splitlines(keepends=True)
    cut = shell.write("cut.jsonl", b"".join(whole[:113]))
    (row,) = shell("replay", cut, "--source=asterisk", "--json").rows
    assert (row["state"], row["reason"]) == ("ENDED", "call_ended")


# Merging


def test_events_are_merged_by_time(shell: Shell) -> None:
    """An event of --with is judged by all that was known at its time, whatever the order of its file."""
    log = shell.log(*SITE, at(1.0, CALL), at(5.0, {**CALL, "event": "held"}))
    added = shell.log(at(5.0, {**ASK, "token": "late"}), at(4.0, ASK), name="with.jsonl")
    rows = shell("replay", log, f"--with={added}", "--confirmation=none", "--json").rows
    assert [(row["requested_at"], row["state"]) for row in rows] == [(4.0, "ACTIVE"), (5.0, "REJECTED")]
    assert "agent-on-hold" in rows[1]["rules"]


def test_events_are_merged_by_number(shell: Shell) -> None:
    """Where a recording has no times, `after` counts its messages, those that mean nothing included."""
    log = shell.log({"event": "log", "version": 1}, *SITE, CALL, DROPPED)
    found = {}
    for after in range(8):
        added = shell.log({**ASK, "after": after}, name="with.jsonl")
        done = shell("replay", log, f"--with={added}", "--confirmation=none", "--json")
        found[after] = done.rows[0]["verdict"] if done.code == 0 else done.code
    assert found == {**dict.fromkeys((0, 1, 2, 3, 4, 6), "forbid"), 5: "permit", 7: 2}


def test_what_is_merged_has_the_time_of_the_recording(shell: Shell) -> None:
    """Where the recording says when a message was received, an event with only `at` was received then."""
    log = shell.log(*SITE, at(1.0, CALL), at(9.0, {"event": "time_passed"}))
    added = shell.log({**ASK, "at": 5.0}, name="with.jsonl")
    assert shell("replay", log, f"--with={added}", "--json").rows[0]["requested_at"] == 5.0


def test_what_comes_after_the_end_is_merged_too(shell: Shell) -> None:
    """Events later than the recording's last follow it."""
    added = shell.log({"event": "time_passed", "at": 50.0}, name="with.jsonl")
    (row,) = shell("replay", shell.log(*STORY[:-2]), f"--with={added}", "--json").rows
    assert row["reason"] == "unconfirmed"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (ASK, 'give it "at" (seconds), or "after"'),
        ({**ASK, "after": "5"}, 'write "after" as a whole number'),
        ({**ASK, "at": 1.0, "form_address": "1"}, 'did you mean "from_address"?'),
        (5, "this is no event"),
    ],
)
def test_a_wrong_addition_is_refused_at_the_start(shell: Shell, line: object, said: str) -> None:
    """An addition without a place, or that is no event, is an error with file, line and fix."""
    added = shell.write("with.jsonl", json.dumps(line))
    done = shell("replay", shell.log(*STORY), f"--with={added}")
    assert (done.code, done.out) == (2, "")
    assert f"{added}:1" in done.err
    assert said in done.err


def test_additions_by_time_need_times(shell: Shell) -> None:
    """Additions with times cannot be merged into a recording that has none."""
    added = shell.log(at(5.0, ASK), name="with.jsonl")
    done = shell("replay", shell.log(*SITE, CALL), f"--with={added}")
    assert done.code == 2
    assert "the recording has no times to merge by" in done.err


# Floors


def test_a_floor_file_goes_first(shell: Shell) -> None:
    """Who is there stands in a TOML file and is known before the first record."""
    floor = shell.write(
        "floor.toml",
        """
        [[person]]
        id = "ann"
        extensions = ["5025"]
        teams = ["sales"]
        [[person]]
        id = "47483657"
        extensions = ["5004"]
        roles = ["Supervisor"]
        supervises = ["sales"]
        state = "NOT_READY"
        [[phone]]
        extensions = ["5025"]
        supports_monitoring = true
        configured = true
        """,
    )
    (row,) = shell("replay", shell.log(CALL, ASK), f"--floor={floor}", "--json").rows
    assert (row["verdict"], row["agent"]) == ("permit", "ann")


def test_a_floor_may_be_native_events(shell: Shell) -> None:
    """The floor may be JSON lines; an error in one names its line."""
    floor = shell.log(*SITE, name="floor.jsonl")
    assert shell("replay", shell.log(CALL, ASK), f"--floor={floor}", "--json").rows[0]["verdict"] == "permit"
    broken = shell.log(*SITE, {"event": "x"}, name="floor.jsonl")
    done = shell("replay", shell.log(CALL, ASK), f"--floor={broken}")
    assert done.code == 2
    assert f"{broken}:4" in done.err


# Explain


def test_explain_tells_every_step_of_a_session(shell: Shell) -> None:
    """Each step that concerns it, with event, verdict, facts and moves, and no step that does not."""
    done = shell("explain", shell.log(*STORY, at(10.0, {"event": "time_passed"})), "default-5")
    assert done.code == 0
    heads = [line for line in done.out.splitlines() if line.startswith("position")]
    assert heads == ["position 5 at 2.00 s", "position 6 at 3.00 s", "position 7 at 9.50 s"]
    for told in (
        "verdict: permit, on call c1, by rule book ",
        "supervisor.teams                 sales",
        "move: - PERMIT REQUESTED",
        'command: {"command":"start_monitoring"',
        "move: REQUESTED STARTED ACTIVE (confirmed)",
        "move: ACTIVE FINISHED ENDED (agent_dropped confirmed)",
    ):
        assert told in done.out


def test_explain_says_what_would_have_permitted(shell: Shell) -> None:
    """A refusal is explained with the smallest changes that would have made it a permit."""
    done = shell("explain", shell.log(*SITE, {**CALL, "event": "held"}, ASK), "default-5")
    assert "would have permitted it: agent.line = connected (was held)" in done.out


def test_explain_knows_the_facts_of_that_moment(shell: Shell) -> None:
    """Facts are those the request was judged by: given ones, and other sessions but not its own."""
    asked = {**ASK, "facts": {"site.weekday": "sunday"}}
    done = shell("explain", shell.log(*SITE, CALL, ASK, {**asked, "token": "2"}), "default-6")
    facts = dict(line.split(None, 1) for line in done.out.splitlines() if line.startswith("    ") and "  " in line[4:])
    assert (facts["pair.sessions"], facts["site.weekday"]) == ("1", "sunday")


def test_explain_has_a_word_for_each_verdict(shell: Shell) -> None:
    """A mode that is forbidden to who was permitted to listen is told as forbidden, not as what he was told before."""
    whisper = {"event": "mode_requested", "session": "default-5", "mode": "whisper"}
    done = shell("explain", shell.log(*SITE, CALL, ASK, STARTED, whisper), "default-5")
    assert [line.split()[1] for line in done.out.splitlines() if line.lstrip().startswith("verdict: ")] == [
        "permit,",
        "forbid,",
    ]


def test_explain_suggests_a_session(shell: Shell) -> None:
    """A session that the log does not have is an error of usage that names the likely one."""
    done = shell("explain", shell.log(*STORY), "defalt-5")
    assert (done.code, done.out) == (2, "")
    assert 'did you mean "default-5"?' in done.err


def test_an_observed_monitor_call_is_explained(shell: Shell) -> None:
    """A monitor call that nobody asked for is told with the opinion of the rules."""
    session = shell("replay", SMALLEST, "--source=asterisk", "--json").rows[0]["session"]
    assert "verdict: not decidable, on call " in shell("explain", SMALLEST, session, "--source=asterisk").out
