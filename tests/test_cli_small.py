"""scenario, draw, decode, schema, and what all commands have in common."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given

from monitoring_core.domain.events import Event
from monitoring_core.session import mermaid
from monitoring_core.testing.strategies import events
from tests.cli import SITE, Shell

ROOT = Path(__file__).parents[1]


def test_stories_pass(shell: Shell) -> None:
    """`scenario` runs a story, or every story below a folder."""
    story = str(min((ROOT / "scenarios").glob("*.story.toml")))
    done = shell("scenario", story)
    assert (done.code, done.out.splitlines()[-1]) == (0, "1 of 1 stories passed")


def test_a_story_that_fails_is_a_no(shell: Shell) -> None:
    """A story that goes otherwise is reported, and the exit code is 1."""
    story = """
    title = "somebody drops"
    about = "nothing follows"
    [[when]]
    at = 1
    event = "established"
    call = "c1"
    address = "5025"
    then = [{ session = "S1", state = "ENDED", reason = "moved" }]
    """
    shell.write("a.story.toml", story)
    done = shell("scenario", str(shell.folder))
    assert done.code == 1
    assert "FAILED a.story.toml" in done.out


@pytest.mark.parametrize(("reason", "code"), [("call_ended", 0), ("agent_dropped", 1)])
def test_a_recorded_log_is_a_story(shell: Shell, reason: str, code: int) -> None:
    """A story that names a recording gets its events, from the place beside it."""
    shell.write("one.jsonl", (ROOT / "scenarios/recorded/one-call-one-spy.jsonl").read_bytes())
    story = 'title = "a"\nabout = "b"\nrecorded = "one.jsonl"\nsource = "asterisk"\nnotices = "any"\n'
    shell.write("a.story.toml", f'{story}[[sessions]]\nsession = "S1"\nreason = "{reason}"\n')
    assert shell("scenario", str(shell.folder)).code == code


def test_no_stories_is_an_error(shell: Shell) -> None:
    """A folder without stories, a file that is missing and one that is no text are errors of usage."""
    assert "there are no stories here" in shell("scenario", str(shell.folder)).err
    assert "No such file" in shell("scenario", str(shell.folder / "x.story.toml")).err
    assert "not UTF-8" in shell("scenario", shell.write("y.story.toml", b"\xff")).err


def test_an_opening_that_is_no_text(shell: Shell) -> None:
    """An opening that cannot be read is an error of usage that names it, like a story."""
    (shell.folder / "openings").mkdir()
    shell.write("openings/o.toml", b"\xff")
    done = shell("scenario", shell.write("a.story.toml", 'title = "a"\nabout = "b"\nopening = "o"\n'))
    assert (done.code, "not UTF-8" in done.err, "o.toml, byte 1" in done.err) == (2, True, True)


def test_draw_prints_the_table(shell: Shell) -> None:
    """`draw` prints the diagram of the table."""
    assert shell("draw").out == mermaid()


MESSAGE: dict[str, Any] = {
    "channel": "Cisco",
    "topic": "Agent",
    "subtopic": "SetSilentMonitoring",
    "data": {"Username": "47483650", "FromAddress": "5004", "ToAddress": "5025"},
}


def test_decode_says_what_a_message_is(shell: Shell) -> None:
    """A message from a file or stdin, over as many lines as it likes, is told by kind and fields."""
    text = json.dumps(MESSAGE, indent=2)
    for done in (shell("decode", stdin=text.encode()), shell("decode", shell.write("message", text))):
        assert done.code == 0
        told = json.loads(done.out)
        assert (told["message"], told["from_address"], told["user"]) == ("SetSilentMonitoring", "5004", "47483650")


def test_decode_says_why_it_is_none(shell: Shell) -> None:
    """The missing comma of the documentation's own sample is named; the exit code is 1."""
    text = json.dumps(MESSAGE, indent=2).replace('"SetSilentMonitoring",', '"SetSilentMonitoring"')
    done = shell("decode", stdin=text.encode())
    assert (done.code, done.out) == (1, "")
    assert "a comma is missing (line 4, column 36)" in done.err


def test_decode_needs_a_file_that_is_there(shell: Shell) -> None:
    """A file that is missing is an error of usage, not a no."""
    assert shell("decode", str(shell.folder / "nothing")).code == 2


@given(event=events)
def test_the_schema_takes_every_event(event: Event) -> None:
    """What `schema` prints is a JSON Schema that every event's line fulfils."""
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(msgspec.json.encode(event)))


def _schema() -> dict[str, Any]:
    command = [sys.executable, "-m", "monitoring_core", "schema"]
    printed: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return printed


SCHEMA = _schema()


def test_the_schema_refuses_what_is_no_event() -> None:
    """A line with an unknown field does not fulfil the schema."""
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid({**SITE[0], "exension": "1"})


# What all have in common


@pytest.mark.parametrize("arguments", [[], ["replya"], ["replay"], ["run", "--source=sms"], ["explain", "x"]])
def test_a_wrong_command_line_is_refused(shell: Shell, arguments: list[str]) -> None:
    """What the command line does not understand is refused with its usage and exit code 2."""
    done = shell(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("usage: monitoring-core")


@pytest.mark.parametrize("command", ["run", "replay", "explain", "check", "scenario", "draw", "decode", "schema"])
def test_every_command_tells_its_exit_codes(shell: Shell, command: str) -> None:
    """--help of every command explains the exit codes."""
    done = shell(command, "--help")
    assert done.code == 0
    assert "the answer is no" in done.out


def test_the_version_is_the_packages(shell: Shell) -> None:
    """--version prints one line."""
    assert shell("--version").out.startswith("monitoring-core ")


def test_an_output_that_nobody_reads() -> None:
    """A reader that goes away ends a command without a traceback."""
    command = [sys.executable, "-m", "monitoring_core", "schema"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait() == 141
