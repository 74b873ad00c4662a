"""`diff`: what a log would have looked like by other rules, and whether that is as expected."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitoring_core.cli.changes import first_of
from monitoring_core.files import Rules
from monitoring_core.whatif import Consequences
from tests.cli import ASK, CALL, SITE, Done, Shell, at
from tests.oracle.recordings import FOLDER, load
from tests.test_whatif import change, changes
from tests.whatif import BOOKS, CENTRE, OLD, RECORDINGS, edited, read_as, recording

IDLE = "a forbid removed"
DAY = (*SITE, at(1.0, ASK), at(5.0, CALL), at(6.0, ASK))
"""Asked for while the agent is idle, and once more when he talks."""


def folder(shell: Shell, name: str, rules: Rules) -> str:
    """A folder with these rules; its path."""
    place = shell.folder / name
    place.mkdir(exist_ok=True)
    for file, text in rules.texts.items():
        (place / file).write_text(text, encoding="utf-8")
    return str(place)


def read(shell: Shell, name: str) -> list[str]:
    """The words of a command line that read a recording, with what goes beside it."""
    options = read_as(name, shell.folder)
    return [options["log"], "--source", "asterisk", "--floor", options["floor"], "--with", options["with"]]


def centre(shell: Shell, book: str, *more: str) -> Done:
    """`diff` of the large recording by the packaged rules and an edited book."""
    return shell("diff", *read(shell, CENTRE), "--rules", folder(shell, "new", BOOKS[book]), *more)


def day(shell: Shell, *more: str) -> Done:
    """`diff` of a small day by the packaged rules and those that let a supervisor listen to an idle agent."""
    return shell("diff", shell.log(*DAY), "--rules", folder(shell, "new", BOOKS[IDLE]), *more)


def told(done: Done, word: str) -> list[str]:
    """The command that is named after `word`, in words, without the name of the program."""
    (line,) = (line for line in (done.out + done.err).splitlines() if line.strip().startswith(f"{word}: "))
    program, *words = shlex.split(line.partition(": ")[2])
    assert program == "monitoring-core"
    return words


# The recordings


@pytest.mark.parametrize("name", RECORDINGS)
@pytest.mark.parametrize("book", BOOKS)
def test_the_command_tells_all_changes_of_the_recordings(shell: Shell, name: str, book: str) -> None:
    """By each of five edited books it tells, as JSON, the changes that the oracle agrees with, the gravest first."""
    rules = ["--rules", folder(shell, "old", OLD), "--rules", folder(shell, "new", BOOKS[book])]
    rows = shell("diff", *read(shell, name), *rules, "--json").rows
    wanted = json.loads(msgspec.json.encode(changes(recording(name, shell.folder), BOOKS[book])))
    assert [{**row, "line": 0} for row in rows] == [{**row, "line": 0} for row in wanted]
    assert all(row["line"] for row in rows)


def test_a_session_has_one_name_in_both_runs(shell: Shell) -> None:
    """Whatever else goes otherwise, both runs name a session alike, and the change is named after it."""
    for row in centre(shell, IDLE, "--json").rows:
        assert {side["session"] for side in (row["old"], row["new"]) if "session" in side} == {row["session"]}


def test_the_line_is_that_of_the_event(shell: Shell) -> None:
    """A change says at which line of the log it happened: the recording stood there at that time."""
    for row in centre(shell, "a setting changed", "--json").rows:
        assert row["at"] == pytest.approx(load(CENTRE)[row["line"] - 1]["_t"], abs=0.1)


def test_one_change_has_consequences(shell: Shell) -> None:
    """A session that now exists occupies its supervisor: his next request is refused because of it, and this is said
    beneath what began it.
    """
    out = centre(shell, IDLE).out
    refused = "default-408, position 408, line 4910 at 20.79 s"
    begun = out.partition("default-401, position 401, line 4815 at 20.38 s: ")[2].partition("default-1037, ")[0]
    assert f"  consequences: 6\n    {refused}: newly refused\n" in begun
    assert (
        f"{refused}: 8001 (47488001) asked to listen to 1003 (47481003)\n  newly refused, because of default-401" in out
    )
    assert "  supervisor.sessions was 0, and is 1\n  then ENDED call_ended in the old run, REJECTED forbidden in" in out


def test_what_is_newly_allowed_comes_first(shell: Shell) -> None:
    """Refused to allowed first, with the deciding rules and facts of both runs."""
    out = centre(shell, "a limit changed").out
    assert out.splitlines()[1].startswith("newly allowed      default-143   ")
    assert (
        "default-143, position 143, line 1250 at 6.76 s: 8001 (47488001) asked to listen to 1026 (47481026)\n"
        "  newly allowed, by limit-per-agent\n"
        "  old: forbid\n"
        "    forbid limit-per-agent: as many supervisors as allowed are already listening to this agent\n"
        "      agent.sessions is 1\n"
        "      limits.per_agent is 1\n"
        "  new: permit\n"
        "    permit own-team: supervisors may listen to the teams they are responsible for\n"
        "      agent.teams is sales\n"
        "      supervisor.teams is leads, sales, support\n"
        "  limits.per_agent was 1, and is 2\n"
    ) in out


def test_the_event_that_parts_the_runs_is_shown(shell: Shell) -> None:
    """The first difference is told with its event, where it stands, and what follows from it."""
    last = centre(shell, "a limit changed").out.partition("\nfirst difference: ")[2].splitlines()
    assert last[0] == "default-143, position 143, line 1250 at 6.76 s"
    event = json.loads(last[2].partition("event: ")[2])
    assert (event["event"], event["from_address"], event["at"]) == ("monitor_requested", "8001", 6.756)
    assert last[3:5] == [
        "  consequences: 1",
        "    default-144, position 144, line 1250 at 6.80 s: only in the old run",
    ]


def test_of_one_event_what_the_rules_change_is_the_first() -> None:
    """Where one event parts the runs in several things, the first difference is what the rules make of it."""
    because, begun = change("later", 5, "begun"), change("begun", 5)
    assert first_of([because, begun, change("earliest", 9)]) is begun


# One session alone


@pytest.mark.parametrize("book", BOOKS)
def test_the_command_that_is_told_shows_the_difference_alone(shell: Shell, book: str) -> None:
    """The line after `alone:` really shows that session's changes with their consequences, and nothing else."""
    words = told(centre(shell, book), "alone")
    alone, first = shell(*words, "--json").rows, words[words.index("--only") + 1]
    every = changes(recording(CENTRE, FOLDER), BOOKS[book])
    begun = min(every, key=lambda change: change.position)
    wanted = [begun, *Consequences(every).of(begun)]
    assert first == begun.session
    assert sorted((row["kind"], row["session"]) for row in alone) == sorted((one.kind, one.session) for one in wanted)


def test_the_steps_that_are_told_are_those_of_each_run(shell: Shell) -> None:
    """What --only tells to run really explains the session, by the old rules and by the new ones."""
    done = centre(shell, IDLE, "--only", "default-401")
    assert "move: - FORBID REJECTED (forbidden)" in shell(*told(done, "its old steps")).out
    assert "move: - PERMIT REQUESTED" in shell(*told(done, "its new steps")).out


def test_a_session_that_one_run_lacks_is_explained_by_the_other(shell: Shell) -> None:
    """There are steps in one run only, and only these are told."""
    done = centre(shell, "a limit changed", "--only", "default-144")
    assert shell(*told(done, "its old steps")).code == 0
    assert "its new steps" not in done.out


def test_a_consequence_can_be_shown_alone(shell: Shell) -> None:
    """With --only, what led to the session is left out, and what it led to is shown."""
    done = centre(shell, IDLE, "--only", "default-408", "--json")
    assert [row["session"] for row in done.rows] == ["default-408", "default-413"]
    assert done.code == 0


def test_a_request_that_waits_is_shown_with_what_it_waited_for(shell: Shell) -> None:
    """Where a request may wait by NEW, the session that a later call opens for it follows from it, newly allowed."""
    log = shell.log(*SITE, at(1.0, ASK), at(5.0, CALL))
    done = shell(
        "diff", log, "--rules", folder(shell, "new", edited(('idle_target = "refuse"', 'idle_target = "wait"')))
    )
    assert done.code == 1
    alone = shell(*told(done, "alone"), "--json").rows
    assert [(row["kind"], row["session"]) for row in alone] == [
        ("newly_allowed", "default-5"),
        ("only_old", "default-4"),
        ("said_otherwise", "default-4.standing"),
        ("said_otherwise", "default-4.standing"),
    ]


def test_a_session_of_which_nothing_changes(shell: Shell) -> None:
    """--only refuses it, and says what may have been meant."""
    done = day(shell, "--only", "default-14")
    assert done.code == 2
    assert done.err == 'nothing changes about default-14 (--only)\n  fix: did you mean "default-4"?\n'


# A story of it


@pytest.mark.parametrize("book", [book for book in BOOKS if book != "a text changed"])
def test_the_story_runs_by_itself(shell: Shell, book: str) -> None:
    """The story of the first difference passes wherever its folder is carried, and fails by the old rules."""
    words = told(centre(shell, book, "--story", str(shell.folder / "stories")), "story")
    assert shell(*words).code == 0
    shutil.move(shell.folder / "stories", shell.folder / "elsewhere")
    shutil.rmtree(shell.folder / "new")
    assert shell("scenario", str(shell.folder / "elsewhere")).code == 0
    path = shell.folder / "elsewhere" / Path(words[-1]).name
    story = path.read_text(encoding="utf-8")
    (profile,) = (line for line in story.splitlines() if line.startswith("profile = "))
    path.write_text(story.replace(profile, 'profile = "default"'), encoding="utf-8")
    assert shell("scenario", str(path)).code == 1


def test_a_story_holds_what_the_difference_needs(shell: Shell) -> None:
    """Of 408 events before a refusal that another session led to, the story keeps two requests and a call."""
    words = told(centre(shell, IDLE, "--only", "default-408", "--story", str(shell.folder)), "story")
    rows = [line for line in Path(words[-1]).read_text(encoding="utf-8").splitlines() if ", event = " in line]
    assert [row.partition('event = "')[2].partition('"')[0] for row in rows] == [
        "established",
        "monitor_requested",
        "monitor_requested",
    ]


def test_a_story_by_a_profile_names_it(shell: Shell) -> None:
    """Rules that are packaged need not be brought along."""
    log = shell.log(*SITE, at(1.0, CALL), at(2.0, {**ASK, "user": "somebody"}))
    words = told(shell("diff", log, "--rules", "cce", "--story", str(shell.folder / "stories")), "story")
    assert [path.name for path in (shell.folder / "stories").iterdir()] == [Path(words[-1]).name]
    assert shell(*words).code == 0


def test_other_words_are_no_story(shell: Shell) -> None:
    """Where only the words of a reason change, it says that stories do not tell them, and writes nothing."""
    done = centre(shell, "a text changed", "--story", str(shell.folder / "stories"))
    assert "no story of default-143: only words are others, and stories do not tell them\n" in done.err
    assert not (shell.folder / "stories").exists()


def test_what_names_sessions_by_id_is_no_story(shell: Shell) -> None:
    """A difference that needs an event which names a session by its id is no story: ids are made of positions."""
    stop = {"event": "stop_requested", "session": "default-5"}
    started = {
        "event": "monitor_started",
        "monitor_call": "m1",
        "from_address": "5004",
        "to_address": "5025",
        "call": "c1",
    }
    log = shell.log(*SITE, at(1.0, CALL), at(2.0, ASK), at(3.0, stop), at(14.0, started))
    new = folder(
        shell,
        "new",
        edited(('late_start = "leave" ', 'late_start = "drop" '), ("confirm_s = 10.0", "confirm_s = 20.0")),
    )
    done = shell("diff", log, "--rules", new, "--only", "default-5", "--story", str(shell.folder / "stories"))
    assert "no story of default-5: it takes events that name sessions" in done.err


# Exit codes


def test_something_newly_allowed_is_a_no(shell: Shell) -> None:
    """1, and stderr names the session, if something is newly allowed that nobody expected."""
    done = day(shell)
    assert done.code == 1
    assert "1 not expected: default-4\n" in done.err


def test_no_difference_is_a_yes(shell: Shell) -> None:
    """0, and it says so, where both books mean the same."""
    done = shell("diff", shell.log(*DAY), "--rules", folder(shell, "new", OLD), "--any")
    assert (done.code, done.out) == (0, "no difference\n")


@pytest.mark.parametrize(
    ("expected", "code"),
    [
        ("default-4 # Monday's meeting\n", 0),
        ("# both rules went\nagent-idle\nmonitor-of-monitor\n", 0),
        ("agent-idle\n", 1),
        ("default-6\n", 1),
        ("", 1),
    ],
)
def test_what_is_expected_is_a_yes(shell: Shell, expected: str, code: int) -> None:
    """0 if the session is expected, or every rule that makes the difference; 1 if only some of them are."""
    assert day(shell, "--expected", shell.write("expected", expected)).code == code


def test_what_was_found_right_is_expected_the_next_time(shell: Shell) -> None:
    """The output of --json is a file of what is expected, of that log and for those rules."""
    found = day(shell, "--json")
    assert found.code == 1
    expected = shell.write("expected", found.out)
    again = day(shell, "--any", "--expected", expected)
    assert (again.code, "in vain" in again.err) == (0, False)
    assert "in vain" not in day(shell, "--expected", expected).err
    assert "in vain" not in day(shell, "--expected", expected, "--only", "default-6").err
    other = shell.write("other", found.out.replace("agent-idle", "another-rule"))
    assert day(shell, "--expected", other).code == 1


def test_any_change_is_a_no_if_asked_for(shell: Shell) -> None:
    """With --any whatever is different must be expected, not only what is newly allowed."""
    expected = shell.write("expected", "default-4\n")
    assert day(shell, "--expected", expected).code == 0
    done = day(shell, "--expected", expected, "--any")
    assert done.code == 1
    assert "1 not expected: default-6\n" in done.err


def test_what_was_expected_in_vain_is_told(shell: Shell) -> None:
    """What does not happen any more is named, so that the file does not outlive its reasons."""
    line = {"kind": "newly_allowed", "session": "default-9", "position": 9}
    expected = shell.write("expected", f"default-4\nold-rule\n{json.dumps(line)}\n")
    done = day(shell, "--expected", expected)
    assert done.code == 0
    assert "expected in vain: newly_allowed default-9, old-rule\n" in done.err


def test_a_log_that_cannot_be_read_whole_is_not_possible(shell: Shell) -> None:
    """2 goes before 1: the answer is not known where records cannot be read."""
    log = shell.write("log.jsonl", Path(shell.log(*DAY)).read_bytes() + b"{}\n")
    done = shell("diff", log, "--rules", folder(shell, "new", BOOKS[IDLE]))
    assert done.code == 2
    assert "1 not expected: default-4\n" in done.err


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--rules", "cce", "--rules", "ccx"], "these are more than two rule books (--rules)"),
        (["--rules", "nowhere"], "there are no rules here (nowhere)"),
        (["--expected", "nowhere"], "(nowhere)"),
        (["--only", "nobody"], "nothing changes about nobody (--only)"),
    ],
)
def test_what_is_not_possible_is_said(shell: Shell, more: list[str], says: str) -> None:
    """2, one error with a fix, and nothing on stdout."""
    done = day(shell, *more)
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert "\n  fix: " in done.err


def test_what_is_no_change_is_refused(shell: Shell) -> None:
    """A line of the file of what is expected that begins as JSON and is none is an error with its place."""
    expected = shell.write("expected", 'default-4\n{"kind": 1}\n')
    done = day(shell, "--expected", expected)
    assert done.code == 2
    assert f"({expected}:2)" in done.err


@pytest.mark.parametrize("option", ["--story", "--expected"])
def test_stdin_can_be_read_once(shell: Shell, option: str) -> None:
    """A log from stdin can be compared, but not twice, nor together with another file from there."""
    log, rules = Path(shell.log(*DAY)).read_bytes(), folder(shell, "new", BOOKS[IDLE])
    assert shell("diff", "-", "--rules", rules, stdin=log).code == 1
    done = shell("diff", "-", "--rules", rules, option, "-", stdin=log)
    assert done.code == 2
    assert option in done.err


def test_a_story_that_cannot_be_written_is_said(shell: Shell) -> None:
    """2 if the folder is a file."""
    done = day(shell, "--story", shell.write("file", ""))
    assert done.code == 2
    assert "cannot write there" in done.err


def test_both_runs_believe_the_command_line(shell: Shell) -> None:
    """--confirmation none holds for both books, and for the story."""
    stories = str(shell.folder / "stories")
    done = day(shell, "--confirmation", "none", "--json", "--story", stories)
    row: dict[str, Any] = done.rows[0]
    assert (row["session"], row["new"]["row"]["start_certainty"]) == ("default-4", "assumed")
    assert shell(*told(done, "story")).code == 0


def test_a_version_of_the_log_is_no_event(shell: Shell) -> None:
    """Sessions are named as `replay` names them, whatever the log says of itself."""
    log = shell.log({"event": "log", "version": 1}, *DAY)
    named = {row["session"] for row in shell("replay", log, "--json").rows}
    found = shell("diff", log, "--rules", folder(shell, "new", BOOKS[IDLE]), "--json").rows
    assert found
    assert {row["session"] for row in found} <= named


def test_the_recordings_stand_where_they_are(shell: Shell) -> None:
    """A comparison writes nothing beside the log."""
    before = sorted(path.name for path in FOLDER.iterdir())
    centre(shell, IDLE)
    assert sorted(path.name for path in FOLDER.iterdir()) == before
