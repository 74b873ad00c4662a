"""`inspect`: what its panes say, what its keys do on the screen, and the real command at a real terminal."""

from __future__ import annotations

import asyncio
import os
import pty
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path

import pyte
import pytest
from textual.widgets import Static

from monitoring_core.cli import inspecting, panes
from monitoring_core.cli.screen import Inspector
from monitoring_core.cursor import Cursor, Mark, wind
from monitoring_core.domain import events as e
from monitoring_core.domain.events import Event
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.errors import UsageError
from monitoring_core.rules.book import RuleBook
from tests.cli import ASK, CALL, SITE, Shell, at, lines
from tests.helpers import ANYBODY, DEFAULT

AGENT, CHIEF = "5025", "5004"
STORY: tuple[Event, ...] = (
    e.SignedIn(person="ann", extension=AGENT, roles=("Agent",), teams=("sales",)),
    e.SignedIn(person="1", extension=CHIEF, roles=("Supervisor",), supervises=("sales",), state="NOT_READY"),
    e.PhoneChanged(extension=AGENT, supports_monitoring=True, configured=True),
    e.MonitorRequested(from_address=CHIEF, to_address=AGENT, user="1", at=1.0),
    e.Established(call="c1", address=AGENT, at=2.0),
    e.MonitorRequested(from_address=CHIEF, to_address=AGENT, user="1", at=3.0),
    e.MonitorStarted(monitor_call="m1", from_address=CHIEF, to_address=AGENT, call="c1", at=4.0),
    e.Held(call="c1", address=AGENT, at=5.0),
    e.MonitorEnded(monitor_call="m1", at=6.0),
    e.TimePassed(at=7.0),
)
REFUSED, ENDED = 4, 9


def over(events: tuple[Event, ...] = STORY, *books: RuleBook) -> Cursor:
    """A cursor over these events, in blocks of three."""

    def fresh() -> list[Engine]:
        return [Engine(book, Settings()) for book in books or (DEFAULT,)]

    return Cursor(wind(events, fresh(), 3), fresh)


# What the panes say


def test_the_log_is_shown_around_the_place() -> None:
    """So many lines as there is room for, never beyond an end, the place among them, what happened beside each."""
    there = over()
    for place in range(len(STORY) + 1):
        there.go(place)
        for room in (1, 4, 30):
            shown = [position for position, _, _ in panes.around(there, room)]
            assert len(shown) == min(room, len(STORY) + 1)
            assert place in shown
            assert shown == list(range(shown[0], shown[0] + len(shown)))
    said = {position: happened for position, happened, _ in panes.around(there, 30)}
    assert (said[REFUSED], said[ENDED], said[6], said[1]) == ("refusal", "end", "step", "")


def test_an_event_is_shown_with_what_followed() -> None:
    """Every value of the event, the moves, the verdict with its reasons, the notices; or that nothing followed."""
    there = over()
    assert list(panes.event(there, ["a"])) == ["the log begins here"]
    there.go(REFUSED)
    said = "\n".join(panes.event(there, ["a"]))
    for part in (
        "from_address  5004",
        "default-4: - FORBID REJECTED (forbidden)",
        "forbid agent-idle",
        "agent.line is idle",
    ):
        assert part in said
    there.go(REFUSED + 1)
    assert list(panes.event(there, ["a"]))[-1] == "  nothing"


def test_two_books_are_shown_where_they_differ() -> None:
    """Where two books answer otherwise, each one's answer stands under its name; elsewhere there is one answer."""
    there = over(STORY, DEFAULT, ANYBODY)
    there.go(REFUSED)
    said = list(panes.event(there, ["ours", "theirs"]))
    assert said.index("by ours:") < said.index("  default-4: forbid") < said.index("by theirs:")
    assert said.index("by theirs:") < said.index("  default-4: permit")
    assert [happened for position, happened, _ in panes.around(there, 30) if position == REFUSED] == ["divergence"]
    there.go(REFUSED + 1)
    assert "what followed:" in list(panes.event(there, ["ours", "theirs"]))


def test_the_floor_is_shown_as_it_was() -> None:
    """Sessions alive, calls and people of that very place."""
    there = over()
    there.go(7)
    said = list(panes.floor(there))
    assert said[:2] == ["1 sessions alive", "  default-6  ACTIVE  5004 on 5025, call c1 (silent)"]
    assert "  m1  monitor call of 5004 on 5025: 5004 connected" in said
    there.go(2)
    assert list(panes.floor(there))[:3] == ["0 sessions alive", "", "0 calls"]


def test_whom_the_event_names_comes_first() -> None:
    """Of many calls only some are listed, that of the event before all others, and the rest is counted."""
    many = [e.Established(call=f"x{number}", address=f"9{number}") for number in range(panes.SHOWN_MAX + 5)]
    there = over((*many, e.Held(call="x64", address="964")))
    there.go(len(many) + 1)
    said = list(panes.floor(there))
    assert said[3] == "  x64  964 held"
    assert "  ... and 5 more" in said


def test_rules_are_shown_with_their_values() -> None:
    """What applies stands there with its reason and the facts it saw, what does not by name, then every fact."""
    there = over()
    there.go(REFUSED)
    said = list(panes.rules(there, [DEFAULT], ["a"], 0))
    assert said[0] == "default-4 (1 of 1): 5004 on 5025, REJECTED"
    assert "  met: forbid agent-idle, the agent is not on a call" in said
    assert "    agent.line is idle" in said
    assert any(line.startswith("  not met: forbid agent-on-hold, ") for line in said)
    assert said[said.index("facts") + 1].split() == ["agent.calls", "0"]
    there.go(0)
    assert list(panes.rules(there, [DEFAULT], ["a"], 0)) == ["no session, so there is nothing to judge"]


def test_rules_of_two_books_stand_one_after_the_other() -> None:
    """Each book's rules have their own heading; a session that one book never opened is missing there, in words."""
    observed = e.MonitorStarted(monitor_call="m9", from_address="5005", to_address=AGENT, call="c1", at=4.5)
    there = over((*STORY[:7], observed), DEFAULT, ANYBODY)
    there.go(REFUSED)
    said = list(panes.rules(there, [DEFAULT, ANYBODY], ["ours", "theirs"], 0))
    assert said.index("rules, by ours") < said.index("rules, by theirs") < said.index("facts, by ours")
    assert "  met: permit anybody, this site trusts everybody" in said


def test_what_a_log_says_stays_inert() -> None:
    """Control characters of a log never reach the terminal; they are shown as codes."""
    evil = e.PersonChanged(person="\x1b[2Jann\n", state="[bold]x\x07")
    there = over((evil, e.SignedIn(person="\x1b[2J", extension="1")))
    for place in (1, 2):
        there.go(place)
        said = [panes.head(there, "\x1b"), *panes.event(there, ["\x1b"]), *panes.floor(there)]
        said += [text for _, _, text in panes.around(there, 9)]
        said += panes.rules(there, [DEFAULT], ["\x1b"], 0)
        assert all(line.isprintable() for line in said)
    there.go(1)
    assert "person  \\x1b[2Jann\\n" in list(panes.event(there, ["a"]))


@pytest.mark.parametrize(
    ("text", "place"), [("#4", 4), ("4", 4), (" #4 ", 4), ("4.5", 7), ("1970-01-01T00:00:03Z", 6), ("0.0", 3)]
)
def test_a_place_is_an_event_or_a_time(text: str, place: int) -> None:
    """A number is an event's, anything else a moment as `replay --at` takes it."""
    assert panes.place(over(), text) == place


def test_what_is_no_place_is_refused() -> None:
    """Anything else is told with a fix."""
    with pytest.raises(UsageError, match="this is no time"):
        panes.place(over(), "noon")


# What the keys do


class Screen:
    """An inspector that is driven by keys; what its panes show."""

    def __init__(self, *books: RuleBook) -> None:
        names = ["ours", "theirs"][: len(books) or 1]
        self.app = Inspector(over(STORY, *books), "today.jsonl", list(books) or [DEFAULT], names)

    def after(self, *keys: str, size: tuple[int, int] = (120, 40)) -> Screen:
        """Press these keys, one after the other."""

        async def press() -> None:
            async with self.app.run_test(size=size) as pilot:
                await pilot.pause()
                for key in keys:
                    await pilot.press(key)
                    await pilot.pause()
                wanted = ("head", "status", "log", "event-text", "floor-text", "rules-text")
                self.shown = {name: str(self.app.query_one(f"#{name}", Static).content) for name in wanted}
                self.is_asking = bool(self.app.query_one("#prompt").display)

        asyncio.run(press())
        return self


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        ((), 0),
        (("right",), 1),
        (("right", "right", "left"), 1),
        (("end",), 10),
        (("end", "home"), 0),
        (("pagedown",), 10),
        (("end", "pageup"), 0),
        (("r",), REFUSED),
        (("e",), ENDED),
        (("e", "R"), REFUSED),
        (("end", "E"), ENDED),
        (("g", "#", "7", "enter"), 7),
        (("g", "3", ".", "5", "enter"), 6),
        (("slash", "h", "e", "l", "d", "enter"), 8),
        (("slash", "m", "1", "enter", "n"), 9),
        (("slash", "m", "1", "enter", "n", "N"), 7),
        (("slash", "r", "escape", "right"), 1),
    ],
)
def test_keys_go_through_the_log(keys: tuple[str, ...], place: int) -> None:
    """Steps, jumps, places and searches lead where they say, and every pane is as of there."""
    screen = Screen().after(*keys)
    assert screen.app.cursor.position == place
    assert f"event {place} of 10" in screen.shown["head"]
    assert screen.shown["event-text"] == "\n".join(panes.event(screen.app.cursor, ["ours"]))
    assert screen.shown["floor-text"] == "\n".join(panes.floor(screen.app.cursor))
    assert screen.shown["rules-text"] == "\n".join(panes.rules(screen.app.cursor, [DEFAULT], ["ours"], 0))
    assert (screen.shown["status"], screen.is_asking) == ("", False)


def test_keys_find_where_two_books_differ() -> None:
    """With a second book d and D go from divergence to divergence."""
    screen = Screen(DEFAULT, ANYBODY).after("d")
    assert screen.app.cursor.position == screen.app.cursor.tape.marks[Mark.DIVERGENCE][0] == REFUSED
    assert "by theirs:" in screen.shown["event-text"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (("left",), "this is the beginning of the log"),
        (("end", "right"), "this is the end of the log"),
        (("R",), "no before refusal"),
        (("d",), "no further divergence"),
        (("n",), "nothing to search for; begin with /"),
        (("slash", "z", "z", "enter"), "no event further has zz"),
        (("g", "n", "o", "o", "n", "enter"), "this is no time: noon; "),
    ],
)
def test_what_cannot_be_done_is_said(keys: tuple[str, ...], said: str) -> None:
    """A key that leads nowhere says so, and one stays where one is."""
    screen = Screen().after(*keys)
    assert screen.shown["status"].startswith(said)
    assert screen.app.cursor.position == (10 if "end" in keys else 0)


def test_another_session_can_be_chosen() -> None:
    """s shows the rules' values of the next session alive, S those of the one before; a move begins anew."""
    second = e.MonitorStarted(monitor_call="m2", from_address="5005", to_address=AGENT, call="c1", at=4.5)
    screen = Screen()
    screen.app.cursor = over((*STORY[:7], second))
    assert screen.after("end").shown["rules-text"].startswith("default-8 (1 of 2)")
    for keys, name in (
        (("s",), "default-6"),
        (("s", "s"), "default-8"),
        (("S",), "default-6"),
        (("s", "left"), "default-6"),
    ):
        screen = Screen()
        screen.app.cursor = over((*STORY[:7], second))
        assert screen.after("end", *keys).shown["rules-text"].startswith(name)


def test_a_small_screen_shows_fewer_lines() -> None:
    """The log has as many lines as there is room for, the place among them, also on the smallest terminal."""
    screen = Screen().after("e", size=(80, 24))
    shown = screen.shown["log"].splitlines()
    assert 3 < len(shown) < 11
    assert any("monitor_ended" in line for line in shown)


# The command


def test_what_cannot_be_inspected_is_refused(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal, from stdin, or without the extra: 2, with a fix, before anything is read."""
    log = shell.log(*SITE)
    assert "needs a terminal" in shell("inspect", log).err
    assert "cannot come from stdin" in shell("inspect", "-").err
    monkeypatch.setattr(inspecting, "find_spec", lambda _name: None)
    refused = shell("inspect", "no such file")
    assert (refused.code, refused.out) == (2, "")
    assert "monitoring-core[inspect]" in refused.err


COLUMNS, ROWS = 110, 36
PATIENCE_S, READS_MAX = 60, 300
"""After so long a silence, or so many words without what was to be seen, the test gives up; a cursor never stops."""


class Terminal:
    """A real pseudo-terminal with a process on it, and the screen that a person would see."""

    def __init__(self, *command: str) -> None:
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self.screen)
        self._ours, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        settings = {"TERM": "xterm-256color", "PYTHONPATH": os.pathsep.join(sys.path), "LINES": "", "COLUMNS": ""}
        kept = {name: value for name, value in {**os.environ, **settings}.items() if value}
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=kept, start_new_session=True
        )
        os.close(theirs)

    def press(self, keys: str) -> None:
        """What a person types."""
        os.write(self._ours, keys.encode())

    def until(self, seen: Callable[[str], bool]) -> str:
        """The screen, as soon as it is as wanted."""
        for _ in range(READS_MAX):
            if seen(text := "\n".join(self.screen.display)):
                return text
            ready, _, _ = select.select([self._ours], [], [], PATIENCE_S)
            assert ready, f"the command says nothing more, and shows\n{text}"
            try:
                said = os.read(self._ours, 65_536)
            except OSError:  # nobody is at the other end any more
                said = b""
            assert said, f"the command has ended, and showed\n{text}"
            self._stream.feed(said)
        raise AssertionError(f"that is not to be seen, but\n{text}")

    def drain(self) -> int:
        """Read to the end; the exit code."""
        while True:
            try:
                if not os.read(self._ours, 65_536):
                    break
            except OSError:
                break
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._ours)


@contextmanager
def terminal(*command: str) -> Iterator[Terminal]:
    """A terminal that is closed whatever happens."""
    opened = Terminal(*command)
    try:
        yield opened
    finally:
        opened.close()


def test_the_real_command_at_a_real_terminal(tmp_path: Path) -> None:
    """The command, as a person starts it, shows a log, jumps to a refusal, searches, steps back, and ends with 0."""
    log = tmp_path / "log.jsonl"
    started = {
        "event": "monitor_started",
        "monitor_call": "m1",
        "from_address": "5004",
        "to_address": "5025",
        "call": "c1",
    }
    log.write_bytes(lines(*SITE, at(1.0, ASK), at(2.0, CALL), at(3.0, ASK), at(4.0, started)))
    with terminal(sys.executable, "-m", "monitoring_core", "inspect", str(log)) as there:
        assert "the log begins" in there.until(lambda text: "event 0 of 7" in text and "leave" in text)
        there.press("r")
        refused = there.until(lambda text: "event 4 of 7" in text and "not met" in text)
        assert "default-4: - FORBID REJECTED" in refused
        assert "met: forbid agent-idle" in refused
        there.press("/monitor_started\r")
        active = there.until(lambda text: "event 7 of 7" in text and "default-6  ACTIVE" in text)
        assert "4.00 s" in active.splitlines()[0]
        there.press("\x1b[D")
        asked = there.until(lambda text: "event 6 of 7" in text and "default-6  REQUESTED" in text)
        assert "m1  monitor call" not in asked
        there.press("q")
        assert there.drain() == 0
