"""What the package gives to who tests a site: drawn worlds, and stories of what broke."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from monitoring_core.domain import events as e
from monitoring_core.files import load_rules
from monitoring_core.monitor.face import Monitor
from monitoring_core.rules.book import RuleBook
from monitoring_core.scenario import run_file
from monitoring_core.testing import strategies
from monitoring_core.testing.machine import BrokenProperty, MonitoringMachine, run
from monitoring_core.testing.quirks import QUIRKS, heard
from tests.cli import CALL, SITE, Shell, at
from tests.helpers import LISTENING, Story
from tests.planted.bugs import BUGS, none

RULES = load_rules(None)
STARTED = {"event": "monitor_started", "monitor_call": "m1", "from_address": "5004", "to_address": "5025", "call": "c1"}
STREAM = tuple(e.Established(call=f"c{n}", address="5025", at=float(n), id=str(n)) for n in range(5))


def small(folder: Path) -> type[MonitoringMachine]:
    """A machine that writes its stories there."""

    class Small(MonitoringMachine):
        stories = folder

    return Small


def test_nothing_is_found_where_nothing_is_broken(tmp_path: Path) -> None:
    """The engine as it is keeps what it promises, and no story is written."""
    with none():
        assert run(small(tmp_path), 3, 20) is None
    assert list(tmp_path.iterdir()) == []


def test_the_same_seed_is_the_same_search(tmp_path: Path) -> None:
    """Two searches with one seed find the same after as many examples."""
    with BUGS["hold_ends_the_session"]():
        one, other = run(small(tmp_path), 4), run(small(tmp_path), 4)
    assert one is not None
    assert other is not None
    assert (one.examples, one.failing.events) == (other.examples, other.failing.events)


def test_a_failure_says_where_its_story_is(tmp_path: Path) -> None:
    """The error of a test names the property, and the file."""
    machine = small(tmp_path)
    with BUGS["hold_ends_the_session"](), pytest.raises(BrokenProperty) as raised:
        machine.TestCase().runTest()
    assert "property 12 is broken" in str(raised.value)
    assert str(raised.value.story) in str(raised.value)


def test_an_engine_that_raises_is_a_story_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes the engine raise is found, and its story fails."""

    def raises(*_given: object) -> None:
        message = "no"
        raise ValueError(message)

    monkeypatch.setattr("monitoring_core.engine.calls.mind_media", raises)
    found = run(small(tmp_path), 1)
    assert found is not None
    assert found.failing.broken.property == 0
    with pytest.raises(ValueError, match="no"):
        run_file(found.story, RULES)


def test_a_story_brings_the_rules_that_are_not_the_packaged_ones(tmp_path: Path) -> None:
    """The story of a site with rules and settings of its own fails by itself, and passes without the bug."""
    folder = tmp_path / "rules"
    folder.mkdir()
    rule = '[[rule]]\nid = "all"\neffect = "permit"\nbecause = "we trust"\n'
    (folder / "all.toml").write_text(rule, encoding="utf-8")

    class Own(MonitoringMachine):
        rules_from = folder
        site_settings = {"confirm_s": 7.0, "late_window_s": 60.0}  # noqa: RUF012 # as a subclass writes it
        stories = tmp_path / "stories"

    bug = BUGS["stop_forgotten_before_the_start"]
    with bug():
        found = run(Own, 2)
        assert found is not None
        assert not run_file(found.story, RULES).passed
    assert run_file(found.story, RULES).passed
    assert "settings.confirm_s = 7.0" in found.story.read_text(encoding="utf-8")


@given(st.data())
def test_a_disturbed_stream_is_the_same_but_for_its_quirks(data: st.DataObject) -> None:
    """No event comes that did not happen, what happened keeps its time, and times of receipt do not run back."""
    told = data.draw(strategies.disturbed(STREAM))
    assert {(event.id, event.at) for event in told if event.id} <= {(event.id, event.at) for event in STREAM}
    assert {event.at for event in told} <= {event.at for event in STREAM}
    times = [event.received_at or 0.0 for event in told]
    assert times == sorted(times)


def test_every_quirk_does_what_it_says() -> None:
    """A lost event does not come, a doubled one comes twice, a bridge is entered again, an end loses its name."""
    answer, end = STREAM[0], e.MonitorEnded(monitor_call="m1")
    comes = {quirk: len(heard(answer, quirk)) for quirk in QUIRKS}
    assert {quirk for quirk, times in comes.items() if times == 2} == {"doubled", "re_entered"}
    assert comes["lost"] == 0
    assert heard(end, "nameless") == (e.MonitorEnded(),)


@given(strategies.floors())
def test_a_drawn_floor_can_be_told(floor: tuple[e.Event, ...]) -> None:
    """People and phones of whom not everything is known break nothing."""
    Story().at(1.0, *floor)


@given(strategies.rule_books())
def test_a_drawn_rule_book_is_one(book: RuleBook) -> None:
    """What is drawn can be loaded, and has a digest."""
    assert book.digest


# The same watch elsewhere


def test_a_replay_under_watch_says_what_is_broken(shell: Shell) -> None:
    """`replay --watch` gives 0 where nothing is broken, and else names what is with its position, and gives 1."""
    held = {"event": "held", "call": "c1", "address": "5025"}
    log = shell.log(*SITE, at(1.0, CALL), at(2.0, STARTED), at(3.0, held))
    assert (shell("replay", log).code, shell("replay", log, "--watch").code) == (0, 0)
    with BUGS["hold_ends_the_session"]():
        done = shell("replay", log, "--watch")
        assert shell("replay", log).code == 0
    assert done.code == 1
    assert "position 6: property 12 is broken: default-5 is over by Held" in done.err
    assert done.err.endswith("1 times a property is broken\n")


def test_a_monitor_under_watch_counts_what_is_broken() -> None:
    """A monitor logs and counts what is broken, and goes on."""
    events = [replace(event, at=None) for event in (*LISTENING, e.Held(call="c1", address="5025"))]
    for bug, counted in ((nullcontext, {}), (BUGS["hold_ends_the_session"], {12: 1})):
        with bug(), Monitor.open(watch=True) as monitor:
            for event in events:
                monitor.feed(event)
            assert monitor.broken == counted


def test_a_monitor_that_nobody_watches_counts_nothing() -> None:
    """Without the switch there is no watch."""
    with Monitor.open() as monitor:
        assert monitor.broken == {}
