"""Stories: what their form allows, what makes one fail, and what the report says."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.domain.events import CallCleared, Established, Event, Log, MonitorStarted
from monitoring_core.domain.outcomes import Step
from monitoring_core.domain.settings import Limits, Settings
from monitoring_core.errors import MonitoringError, RuleBookError, StoryError, UsageError
from monitoring_core.files import Rules
from monitoring_core.properties import Broken, Watch
from monitoring_core.scenario import Outcome, find_stories, load_story, read_story, run_file, run_story
from monitoring_core.sources.asterisk import AsteriskSource
from tests.helpers import ANYBODY

HEAD = 'title = "a story"\nabout = "a test"\n'
CALL = '{ at = 0, event = "established", call = "c1", address = "5025" },'
ASKED = '{ at = 1, event = "monitor_requested", from_address = "5004", to_address = "5025", then = ['
PERMIT = '{ session = "S1", verdict = "permit", rules = ["anybody"] },'
REQUESTED = '{ session = "S1", state = "REQUESTED" },'
SENT = '{ send = "SetSilentMonitoring", fromAddress = "5004", toAddress = "5025", UserName = "" },'
REQUEST = f"{ASKED}{PERMIT}{REQUESTED}{SENT}] }},"
HEARD = '{ at = 2, event = "monitor_started", monitor_call = "m1", from_address = "5004", to_address = "5025", then = ['
STARTED = HEARD + '{ session = "S1", state = "ACTIVE" }] },'
BECAUSE = ANYBODY.rules[0].because
HELD = '{ at = 3, event = "held", call = "c1", address = "5025", then = ['


def story(*rows: str, top: str = "") -> str:
    """The text of a story with these rows."""
    return f"{HEAD}{top}\nwhen = [\n" + "\n".join(rows) + "\n]\n"


def play(*rows: str, top: str = "", more: str = "", recorded: tuple[Event, ...] = ()) -> Outcome:
    """What came of a story at a site that permits everything."""
    return run_story(load_story("x.story.toml", story(*rows, top=top) + more), ANYBODY, Settings(), recorded)


def report(*rows: str, top: str = "", more: str = "") -> str:
    """What the report says of a story that fails."""
    outcome = play(*rows, top=top, more=more)
    assert not outcome.passed
    return outcome.report


# What a story says passes, and what it does not say fails


def test_what_is_told_passes() -> None:
    """A story that tells everything that follows passes."""
    outcome = play(CALL, REQUEST, STARTED)
    assert outcome == Outcome(passed=True, report="passed x.story.toml: a story")


@pytest.mark.parametrize("untold", [PERMIT, REQUESTED, SENT])
def test_what_is_not_told_fails(untold: str) -> None:
    """A verdict, a state and a message that follow and are not told each fail the story."""
    assert "expected nothing\n    got      " + untold.rstrip(",") in report(CALL, REQUEST.replace(untold, ""))


def test_a_notice_that_is_not_told_fails() -> None:
    """A notice that follows and is not told fails the story."""
    assert 'got      { session = "S1", notice = "paused" }' in report(CALL, REQUEST, STARTED, HELD + "] },")


def test_a_story_may_leave_notices_out() -> None:
    """With notices = "any" a notice need not be told."""
    assert play(CALL, REQUEST, STARTED, HELD + "] },", top='notices = "any"').passed


def test_a_notice_that_is_told_must_come() -> None:
    """With notices = "any" a notice that is told and does not follow fails the story all the same."""
    told = HELD + '{ notice = "resumed" }] },'
    assert 'expected { notice = "resumed" }' in report(CALL, REQUEST, STARTED, told, top='notices = "any"')


def test_what_is_told_must_follow() -> None:
    """What is told and does not follow fails the story."""
    assert 'expected { answer = "S1" }\n    got      nothing' in report(CALL[:-3] + ', then = [{ answer = "S1" }] },')


@pytest.mark.parametrize(
    ("told", "instead"),
    [
        ('rules = ["anybody"]', 'rules = ["somebody"]'),
        ('rules = ["anybody"]', 'rules = ["anybody"], missing = ["agent.teams"]'),
        ('verdict = "permit"', 'verdict = "forbid"'),
        ('session = "S1", state', 'session = "S2", state'),
        ('"REQUESTED"', '"ACTIVE"'),
        ('"REQUESTED"', '"REQUESTED", certainty = "assumed"'),
        ('toAddress = "5025"', 'toAddress = "5026"'),
        ('UserName = ""', 'UserName = "", CallId = "c1"'),
        (', UserName = ""', ""),
        ('UserName = ""', 'UserName = "", valid_until = 7.0'),
    ],
)
def test_every_word_counts(told: str, instead: str) -> None:
    """A story with one word otherwise than it goes fails."""
    wrong = REQUEST.replace(told, instead)
    assert wrong != REQUEST
    assert "expected" in report(CALL, wrong)


@pytest.mark.parametrize(
    ("more", "otherwise"),
    [
        ('call = "c1"', 'call = "c2"'),
        ('candidates = ["c1"]', "candidates = []"),
        (f'because = ["{BECAUSE}"]', "because = []"),
        ("duties = []", 'duties = ["tone"]'),
    ],
)
def test_a_verdict_may_tell_more(more: str, otherwise: str) -> None:
    """A verdict's call, candidates, reasons and duties may be told, and then count."""
    assert play(CALL, REQUEST.replace('rules = ["anybody"]', f'rules = ["anybody"], {more}')).passed
    assert "expected" in report(CALL, REQUEST.replace('rules = ["anybody"]', f'rules = ["anybody"], {otherwise}'))


def test_a_message_may_be_told_as_its_line() -> None:
    """A message may be told byte for byte."""
    line = (
        '{"channel":"Cisco","topic":"Team","subtopic":"SetSilentMonitoring","source":"monitoring-core",'
        '"data":{"fromAddress":"5004","toAddress":"5025","UserName":""}}'
    )
    assert play(CALL, REQUEST.replace('UserName = ""', f"UserName = \"\", line = '{line}'")).passed
    assert "expected" in report(CALL, REQUEST.replace('UserName = ""', f"UserName = \"\", line = '{line} '"))


def test_what_is_only_assumed_must_be_told_so() -> None:
    """A start that is only assumed fails a story that does not say so."""
    both = REQUESTED + '{ session = "S1", state = "ACTIVE" },'
    rows = CALL, REQUEST.replace(REQUESTED, both)
    assert 'certainty = "assumed"' in report(*rows, top='settings.confirmation = "none"')
    assumed = both.replace('"ACTIVE"', '"ACTIVE", certainty = "assumed"')
    assert play(CALL, REQUEST.replace(REQUESTED, assumed), top='settings.confirmation = "none"').passed


def test_a_broken_property_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A story in which a property does not hold fails, even if everything else is as told."""

    def check(_watch: Watch, step: Step) -> list[Broken]:
        return [Broken(3, "he is elsewhere")] if step.moves else []

    monkeypatch.setattr(Watch, "check", check)
    assert "property 3 is broken: he is elsewhere" in report(CALL, REQUEST)


def test_the_report_shows_the_rows_around() -> None:
    """The report of a failing story names the row and shows the three before it and the one after."""
    rows = [CALL.replace("c1", f"c{number}").replace("5025", f"502{number}") for number in range(5)]
    text = report(*rows, CALL[:-3].replace("c1", "c9") + ', then = [{ answer = "S1" }] },', *rows[:2])
    assert "at x.story.toml, when[6]\n" in text
    around = text.partition("around it")[2]
    assert [f'call = "c{number}"' in around for number in range(5)] == [True, False, True, True, True]
    assert 'at 0 established { call = "c9", address = "5025" }' in around


# How the sessions stand at the end


def test_sessions_at_the_end_are_compared() -> None:
    """What is told of a session at the end must be so, and nothing else of it counts."""
    more = '[[sessions]]\nsession = "S1"\nagent_extension = "5025"\nlisteners = []\n'
    assert play(CALL, REQUEST, more=more).passed
    text = report(CALL, REQUEST, more=more.replace("5025", "5026"))
    assert 'at the end\n    expected { session = "S1", agent_extension = "5026"' in text


def test_every_session_must_be_told() -> None:
    """Where sessions are told, one that is not told fails the story, and so does one that never was."""
    assert 'got      { session = "S1"' in report(CALL, REQUEST, top="sessions = []")
    text = report(CALL, more='[[sessions]]\nsession = "S1"\n')
    assert 'expected { session = "S1" }\n    got      nothing' in text


# Names and times


def test_a_stop_names_a_session_by_its_nickname() -> None:
    """In a stop, S1 is the session that was opened first."""
    sent = '{ send = "SetDROP", MediaAddress = "5004", CallID = "m1" }'
    stop = f'{{ at = 3, event = "stop_requested", session = "S1", then = [{sent}] }},'
    assert play(CALL, REQUEST, STARTED, stop).passed


def test_an_outcome_names_a_command_by_session_and_message() -> None:
    """What became of a command is told by its session's nickname and its message."""
    command = 'command = "S1 SetSilentMonitoring", outcome = "lapsed"'
    rejected = '{ session = "S1", state = "REJECTED", reason = "not_sent" }'
    lapsed = f'{{ at = 3, event = "command_outcome", {command}, then = [{rejected}] }},'
    assert play(CALL, REQUEST, lapsed).passed


def test_rows_arrive_in_their_order() -> None:
    """An event told with an earlier time than the row above arrives late; it does not turn the clock back."""
    late = '{ at = 0.5, event = "established", call = "c2", address = "5026" },'
    again = '{ at = 1, event = "monitor_requested", from_address = "5004", to_address = "5026", then = ['
    until = SENT.replace("5025", "5026").replace('""', '"", valid_until = 25.0')
    rows = f"{again}{PERMIT}{REQUESTED}{until}] }},"
    assert play('{ at = 20, event = "time_passed" },', late, rows).passed


def test_given_people_and_phones_are_events() -> None:
    """Who and which phones are given is what the rules see, an opening's word overridden key by key."""
    opening = '[given.people]\nanna = { extension = "5025", teams = ["a"], state = "READY" }\n'
    opening += "[given.phones]\n5025 = { configured = true }\n"
    rules = """rules = '''
[[rule]]
id = "r"
effect = "permit"
because = "b"
when.agent.teams = { overlaps = ["a"] }
when.agent.state = { is = "TALKING" }
when.agent.phone.configured = { is = true }
'''
"""
    more = 'opening = "o"\ngiven.people.anna.state = "TALKING"\n' + rules
    text = story(CALL, REQUEST.replace("anybody", "r"), top=more)
    assert run_story(load_story("x", text, {"o": opening}), ANYBODY, Settings()).passed
    other = text.replace('anna.state = "TALKING"', 'anna.teams = ["b"]')
    assert not run_story(load_story("x", other, {"o": opening}), ANYBODY, Settings()).passed


def test_an_opening_goes_first() -> None:
    """An opening's rows and settings come before the story's own, which override them."""
    opening = story(CALL, top="settings = { start_valid_s = 1.0, per_pair = 7 }").replace(HEAD, "")
    text = story(REQUEST.replace('""', '"", valid_until = 3.0'), top='opening = "o"\nsettings.start_valid_s = 2.0')
    loaded = load_story("x", text, {"o": opening})
    assert loaded.settings_on(Settings()).per_pair == 7
    assert run_story(loaded, ANYBODY, Settings()).passed


def test_limits_are_settings_too() -> None:
    """A story may override a limit by its name, and leaves the others as the site has them."""
    loaded = load_story("x", story(CALL, top="settings.repeats_max = 3"))
    changed = loaded.settings_on(Settings(limits=Limits(tokens_max=5))).limits
    assert (changed.repeats_max, changed.tokens_max) == (3, 5)
    assert loaded.settings_on(Settings(per_pair=5)).per_pair == 5


# Recorded logs


def test_a_recording_is_a_story() -> None:
    """A recording runs with a story's own rows merged in by time, and what follows from it need not be told."""
    recorded = (Log(version=1), Established(call="c1", address="5025", at=0.5), CallCleared(call="c1", at=5))
    ends = '[[sessions]]\nsession = "S1"\nstate = "REJECTED"\nreason = "call_ended"\nended_at = 5.0\n'
    assert play(REQUEST, recorded=recorded, more=ends).passed
    late = play(REQUEST.replace("at = 1", "at = 6"), recorded=recorded, more=ends.replace("5.0", "6.0"))
    assert not late.passed


def test_files_are_read(tmp_path: Path) -> None:
    """A story file brings its openings and its recording, packed or not, broken records included."""
    (tmp_path / "openings").mkdir()
    (tmp_path / "openings" / "o.toml").write_text(f"when = [{CALL}]")
    packed = gzip.compress(b'{"event":"call_cleared","call":"c1","at":9}\nbroken\n')
    (tmp_path / "log.gz").write_bytes(packed[:-8])
    text = story(REQUEST, top='opening = "o"\nrecorded = "log.gz"')
    file = tmp_path / "x.story.toml"
    file.write_text(text + '[[sessions]]\nsession = "S1"\nreason = "call_ended"\n')
    outcome = run_file(find_stories(tmp_path)[0], Rules(ANYBODY, Settings(), {}))
    assert outcome.passed, outcome.report
    assert find_stories(file) == [file]


@pytest.mark.parametrize("source", ["workspace", "asterisk"])
def test_a_recording_has_a_source(source: str, tmp_path: Path) -> None:
    """A recording is read by the source that the story names."""
    (tmp_path / "log").write_text("{}\n")
    file = tmp_path / "x.story.toml"
    file.write_text(f'{HEAD}recorded = "log"\nsource = "{source}"\nsessions = []\n')
    assert run_file(file, Rules(ANYBODY, Settings(), {})).passed


def test_a_recording_is_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a source proves only when a recording is over belongs to the story."""
    spy = MonitorStarted(monitor_call="m1", from_address="5004", to_address="5025")
    monkeypatch.setattr(AsteriskSource, "finish", lambda _source: [spy])
    (tmp_path / "log").write_text("{}\n")
    file = tmp_path / "x.story.toml"
    file.write_text(f'{HEAD}recorded = "log"\nsource = "asterisk"\n[[sessions]]\nsession = "S1"\n')
    assert run_file(file, Rules(ANYBODY, Settings(), {})).passed


@pytest.mark.parametrize(("own", "sessions"), [("me", "sessions = []"), ("you", '[[sessions]]\nsession = "S1"')])
def test_a_recording_is_of_the_storys_own_site(own: str, sessions: str, tmp_path: Path) -> None:
    """Whether a message of a recording is our own is told by the settings of the story."""
    data = '"data":{"fromAddress":"5004","toAddress":"5025","UserName":"ann"}'
    (tmp_path / "log").write_text(
        f'{{"channel":"Cisco","topic":"Team","subtopic":"SetSilentMonitoring","source":"me",{data}}}\n'
    )
    file = tmp_path / "x.story.toml"
    file.write_text(
        f'{HEAD}recorded = "log"\nsource = "workspace"\nnotices = "any"\nsettings.source = "{own}"\n{sessions}'
    )
    outcome = run_file(file, Rules(ANYBODY, Settings(), {}))
    assert outcome.passed, outcome.report


def test_a_broken_record_is_shown_with_its_place(tmp_path: Path) -> None:
    """The report names recording, line and place of a record that cannot be read."""
    (tmp_path / "log").write_text('{"event":"established","call":1,"address":"5025"}\n')
    file = tmp_path / "x.story.toml"
    file.write_text(story(CALL[:-3] + ', then = [{ answer = "S1" }] },', top='recorded = "log"') + "sessions = []\n")
    assert 'where = "log:1, call"' in run_file(file, Rules(ANYBODY, Settings(), {})).report


def test_a_folder_without_stories_is_refused(tmp_path: Path) -> None:
    """Where there is no story, that is said."""
    with pytest.raises(UsageError, match="there are no stories here"):
        find_stories(tmp_path)


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_file_that_cannot_be_read_is_refused(content: bytes | None, tmp_path: Path) -> None:
    """A file that is not there, or not text, is refused by its name."""
    file = tmp_path / "x.story.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_story(file)
    assert "x.story.toml" in caught.value.where


# Wrong stories


@pytest.mark.parametrize(
    ("text", "what", "where", "fix"),
    [
        ("title = 1 2", "not TOML", "x.story.toml:1", "toml.io"),
        ("", "a story needs its title", "x.story.toml:1", "write title"),
        ('title = "t"', "a story needs its about", "x.story.toml:1", "write about"),
        (HEAD, "nothing happens", "x.story.toml", "write a [[when]]"),
        (HEAD + "whem = []", 'unknown key "whem"', "x.story.toml:3, whem", '"when"'),
        (HEAD + "when = 1", "when is not a list of tables", "x.story.toml:3, when", "[[when]]"),
        (HEAD + "[[when]]\nat = 0", "does not say what happens", "x.story.toml:3, when[1]", "write event"),
        (
            HEAD + '[[when]]\nevent = "estblished"',
            'no event "estblished"',
            "x.story.toml:4, when[1].event",
            '"established"',
        ),
        (HEAD + '[[when]]\nevent = "log"', 'no event "log"', "when[1].event", "one of: call_changed"),
        (story(CALL, CALL.replace("call", "cal")), 'unknown key "cal"', "x.story.toml:4, when[2].cal", '"call"'),
        (
            story(CALL.replace('"c1"', "1")),
            "Expected `str`, got `int`",
            "when[1]",
            "call, address; ids and addresses are text",
        ),
        (story(CALL.replace('call = "c1", ', "")), "missing required field `call`", "when[1]", "call, address"),
        (story(CALL[:-3] + ", then = 1 },"), "then is not a list of tables", "when[1].then", "[[when.then]]"),
        (story(CALL[:-3] + ", then = [{ stat = 1 }] },"), "does not say what follows", "when[1].then[1]", '"state"'),
        (story(CALL[:-3] + ", then = [{}] },"), "does not say what follows", "when[1].then[1]", "name one of verdict"),
        (story(REQUEST.replace("rules", "rule")), 'unknown key "rule"', "when[1].then[1].rule", '"rules"'),
        (
            story(REQUEST.replace(", rules", ", call = 'c', because").replace('rules = ["anybody"]', "")),
            "by which rules",
            "when[1].then[1]",
            "add rules",
        ),
        (story(REQUEST.replace('"REQUESTED"', '"REQUSTED"')), 'no state "REQUSTED"', "then[2].state", '"REQUESTED"'),
        (story(REQUEST.replace('"REQUESTED"', '"ENDED"')), "ENDED for which reason?", "then[2]", "add reason"),
        (
            story(REQUEST.replace('session = "S1", state', "state")),
            "the state of which session?",
            "then[2]",
            'session = "S1"',
        ),
        (story(HELD + '{ notice = "pause" }] },'), 'no notice "pause"', "then[1].notice", '"paused"'),
        (
            story(CALL, top='notices = "all"'),
            "notices cannot be all",
            "x.story.toml:3, notices",
            "one of: any, expected",
        ),
        (story(CALL, top='source = "astrisk"'), "source cannot be astrisk", "source", '"asterisk"'),
        (story(CALL, top="rules = 1"), "rules is not a text", "rules", "double quotes"),
        (story(CALL, top="settings = 1"), "settings is not a table", "settings", "{ key = value"),
        (story(CALL, top="settings.confirm = 1"), 'unknown key "confirm"', "settings.confirm", '"confirm_s"'),
        (
            story(CALL, top='settings.confirmation = "no"'),
            "Invalid enum value",
            "settings.confirmation",
            "lifecycle.toml",
        ),
        (story(CALL, top="given.persons = 1"), 'unknown key "persons"', "given.persons", '"phones"'),
        (story(CALL, top="given.people.anna = 1"), "anna is not a table", "given.people.anna", "{ key = value"),
        (story(CALL, top='given.people.anna.team = ["a"]'), 'unknown key "team"', "people.anna.team", '"teams"'),
        (
            story(CALL, top="given.people.anna.extension = 5025"),
            "Expected `str`",
            "people.anna",
            "ids and addresses are text",
        ),
        (
            story(CALL, top='given.phones.5025.configured = "no"'),
            "Expected `bool | null`",
            "phones.5025",
            "supports_monitoring",
        ),
        (story(CALL, top='opening = "tow"'), 'no opening "tow"', "x.story.toml:3, opening", '"two"'),
        (story(CALL, top='opening = "round"'), "without end", "opening round:1, opening", "begin by itself"),
        (story(CALL, top='opening = "wrong"'), 'unknown key "whn"', "opening wrong:1, whn", '"when"'),
        (story(CALL) + "[[sessions]]\nagent = ''", "how which session stands?", "sessions[1]", 'session = "S1"'),
        (story(CALL) + "[[sessions]]\nsession = 'S1'\nagnt = ''", 'unknown key "agnt"', "sessions[1].agnt", '"agent"'),
        (story(CALL) + "[[sessions]]\nsession = 'S1'\nreason = 'x'", 'no reason "x"', "sessions[1].reason", "one of"),
    ],
)
def test_a_wrong_story_is_refused(text: str, what: str, where: str, fix: str) -> None:
    """A wrong story gives one error that says what is wrong, where, and how to mend it."""
    openings = {"two": "", "round": 'opening = "round"', "wrong": "whn = 1"}
    with pytest.raises(StoryError) as caught:
        load_story("x.story.toml", text, openings)
    error = caught.value
    assert (what in error.what, where in error.where, fix in error.fix) == (True, True, True), str(error)


def test_an_opening_without_openings_is_refused() -> None:
    """Where no openings came with a story, it is told to do without."""
    with pytest.raises(StoryError, match="write it out"):
        load_story("x", story(CALL, top='opening = "o"'))


def test_wrong_rules_of_a_story_are_refused() -> None:
    """Rules that a story brings along are read like any others, every problem at once."""
    with pytest.raises(RuleBookError, match=r"rules of x\.story\.toml:1"):
        load_story("x.story.toml", story(CALL, top="rules = '''\n[[rules]]\nid = 1\n'''"))


def test_an_error_quotes_little() -> None:
    """An error quotes at most 40 characters of a story."""
    with pytest.raises(StoryError) as caught:
        load_story("x", story(CALL, top=f'settings.confirmation = "{"n" * 50}"'))
    assert "n" * 41 not in str(caught.value)


@given(
    st.text() | st.lists(st.sampled_from([*story(REQUEST).split(), "=", "[", "1", "inf"]), max_size=30).map(" ".join)
)
def test_any_text_is_a_story_or_one_error(text: str) -> None:
    """Whatever stands in a file, it is a story or one error of the family."""
    for whole in (text, HEAD + text, f"{HEAD}when = [{{ event = 'established', {text} }}]"):
        try:
            load_story("x", whole)
        except MonitoringError as error:
            assert error.what
