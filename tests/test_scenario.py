"""Stories: what their form allows, what makes one fail, and what the report says."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.domain.events import (
    CallCleared,
    Established,
    Event,
    Log,
    MonitorStarted,
    PersonChanged,
    PhoneChanged,
)
from monitoring_core.domain.outcomes import Step
from monitoring_core.domain.settings import Limits, Settings
from monitoring_core.errors import MonitoringError, RuleBookError, StoryError, UsageError
from monitoring_core.files import Rules
from monitoring_core.properties import Broken, Watch
from monitoring_core.scenario import (
    Outcome,
    Story,
    find_stories,
    load_stories,
    load_story,
    read_stories,
    read_story,
    run_file,
    run_story,
)
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

    def check(_watch: Watch, step: Step, _event: Event) -> list[Broken]:
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


# Records in the story itself


def records(*rows: str, source: str = "finesse") -> Outcome:
    """What came of a story with these rows, whose records that source reads."""
    return play(*rows, top=f'source = "{source}"')


def leg(state: str) -> str:
    """Finesse shows the customer and 5025 on the call c1."""
    parts = "".join(
        f"<Participant><mediaAddress>{address}</mediaAddress><state>{one}</state></Participant>"
        for address, one in (("0170", "ACTIVE"), ("5025", state))
    )
    return (
        "<Update><event>PUT</event><source>/finesse/api/Dialog/c1</source><data><dialog><id>c1</id>"
        f"<state>ACTIVE</state><participants>{parts}</participants></dialog></data></Update>"
    )


def told(state: str, at: float, then: str = "") -> str:
    """The same as a row."""
    return f"{{ record = {{ received_at = {at}, update = '{leg(state)}' }}, then = [{then}] }},"


GONE = '{ session = "S1", state = "ENDED", reason = "agent_dropped" }'
LATER = f'{{ at = 9, event = "time_passed", then = [{GONE}] }},'


def test_a_record_may_stand_in_the_story() -> None:
    """A record is read by the story's source at its place among the rows, and what follows from it is told there."""
    paused = '{ session = "S1", notice = "paused" }'
    rows = (told("ACTIVE", 0.5), REQUEST, STARTED)
    assert records(*rows, told("HELD", 3, paused)).passed
    assert not records(*rows, told("HELD", 3)).passed
    assert not records(*rows, told("ACTIVE", 3, paused)).passed


def test_a_record_may_be_a_text() -> None:
    """A record that is a text is read as it is."""
    line = '{ record = \'{"event":"established","call":"c1","address":"5025","at":0}\' },'
    assert records(line, REQUEST, source="events").passed


def test_a_record_tells_all_of_its_events_at_once() -> None:
    """What follows from all events of a record, and from what was kept back until then, is told in its one row."""
    dropped = told("DROPPED", 3)
    rows = (told("ACTIVE", 0.5), REQUEST, STARTED)
    assert len(load_story("x", story(told("ACTIVE", 0.5), dropped, LATER, top='source = "finesse"')).rows) == 4
    assert records(*rows, dropped, LATER).passed
    assert records(*rows, dropped, told("ACTIVE", 9, GONE).replace("c1", "c2")).passed


def test_what_a_source_keeps_to_the_end_fails_a_story() -> None:
    """Where nothing in a story says that time passes, what the source tells at its end is not told by anybody."""
    outcome = records(told("ACTIVE", 0.5), REQUEST, STARTED, told("DROPPED", 3))
    assert "at the end" in outcome.report
    assert "agent_dropped" in outcome.report


def test_a_broken_record_in_a_story_is_an_event() -> None:
    """A record that cannot be read is shown with its place, and stops nothing."""
    text = "this is not XML: no element found (x.story.toml, when[1], line 1, column 1)"
    refused = f'{{ notice = "event_refused", text = "{text}" }}'
    outcome = records(f"{{ record = '', then = [{refused}] }},")
    assert outcome.passed, outcome.report


# Profiles


def run_under(profile: str, folder: Path, more: str = "") -> Outcome:
    """What came of a request that a profile refuses, where everybody else may do everything."""
    forbidden = (
        '{ session = "S1", verdict = "forbid", rules = ["target-idle"] },'
        '{ session = "S1", state = "REJECTED", reason = "forbidden" },'
    )
    row = ASKED + forbidden + "] },"
    file = folder / "x.story.toml"
    file.write_text(story(row, top=f'profile = "{profile}"\n{more}'))
    return run_file(file, Rules(ANYBODY, Settings(), {}))


def test_a_story_may_run_by_a_profile(tmp_path: Path) -> None:
    """A story that names a profile is judged by its rules, whoever runs it by whichever."""
    assert '"target-at-a-call"' in run_under("cce", tmp_path).report
    assert read_story(tmp_path / "x.story.toml").settings_on(Settings()).modes["silent"] == ("barge",)


def test_a_storys_own_rules_and_settings_come_before_a_profiles(tmp_path: Path) -> None:
    """What a story says itself is not taken from its profile; the rest is."""
    rule = 'rules = """\n[[rule]]\nid = "none"\neffect = "permit"\nbecause = "x"\n"""\nsettings.per_agent = 5'
    assert '"none"' in run_under("ccx", tmp_path, rule).report
    settings = read_story(tmp_path / "x.story.toml").settings_on(Settings(per_agent=7))
    assert (settings.per_agent, settings.modes["whisper"]) == (5, ())


def test_a_profile_that_is_none_is_refused(tmp_path: Path) -> None:
    """A name that is no profile is refused, and one that may have been meant is said."""
    with pytest.raises(StoryError) as caught:
        run_under("ccy", tmp_path)
    assert (caught.value.what, caught.value.where) == ('there is no profile "ccy"', "x.story.toml, profile")
    assert '"cc' in caught.value.fix


# Several ways to run one story


def test_a_story_may_run_by_several_profiles(tmp_path: Path) -> None:
    """A story that names several profiles is run by each, and it fails if one of them says otherwise."""
    file = tmp_path / "x.story.toml"
    refused = ASKED + '{ session = "S1", verdict = "permit", rules = [] }] },'
    file.write_text(story(refused, top='profile = ["cce", "default", "./own"]'))
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a.toml").write_text('[[rule]]\nid = "r"\neffect = "permit"\nbecause = "b"\n')
    assert [one.way for one in read_stories(file)] == ["cce", "default", "./own"]
    outcome = run_file(file, Rules(ANYBODY, Settings(), {}))
    assert not outcome.passed
    reports = outcome.report.split("FAILED x.story.toml")[1:]
    rules = (
        ("[cce]", '"target-at-a-call"'),
        ("[default]", '"own-team"'),
        ("[./own]", 'verdict = "permit", rules = ["r"]'),
    )
    assert [(one.startswith(way), rule in one) for one, (way, rule) in zip(reports, rules, strict=True)] == [
        (True, True)
    ] * 3


def test_one_way_of_several_is_enough_to_fail(tmp_path: Path) -> None:
    """The report of a story that fails in some ways is of those ways."""
    file = tmp_path / "x.story.toml"
    row = REQUEST.replace('to_address = "5025"', 'to_address = "${to}"')
    file.write_text(story(CALL, row, top='parameters.to = ["5025", "5026"]'))
    outcome = run_file(file, Rules(ANYBODY, Settings(), {}))
    assert "FAILED x.story.toml[to=5026]" in outcome.report
    assert "to=5025" not in outcome.report


def test_every_combination_of_parameters_is_a_way() -> None:
    """A story runs once for each combination of its parameters, and is named after them."""
    text = story(CALL.replace("c1", "${call}"), top='parameters = { call = ["a", "b"], wait = [1, 2.5] }')
    stories = load_stories("x", text)
    assert [one.way for one in stories] == ["call=a-wait=1", "call=a-wait=2.5", "call=b-wait=1", "call=b-wait=2.5"]
    assert [one.rows[0].event for one in stories[::2]] == [Established(call=c, address="5025", at=0) for c in "ab"]


def test_a_parameter_keeps_its_type() -> None:
    """A parameter that is all of a value is that value; within a longer text, and in a title, it is text."""
    top = 'parameters = { teams = [["a", "b"]], yes = [true], wait = [1.5] }\ngiven.phones.5025.configured = "${yes}"\n'
    top += 'given.people.anna = { teams = "${teams}", name = "${yes} or ${wait}" }'
    (one,) = load_stories(
        "x", story(CALL.replace("at = 0", 'at = "${wait}"'), top=top).replace("a story", "it is ${yes}")
    )
    person, phone, call = (row.event for row in one.rows)
    assert person == PersonChanged(person="anna", teams=("a", "b"), name="true or 1.5")
    assert phone == PhoneChanged(extension="5025", configured=True)
    assert (call.at, one.title, one.way) == (1.5, "it is true", "teams=#1-yes=true-wait=1.5")


@pytest.mark.parametrize("values", ['["a b", "c"]', '["1", 1]', f'["{"a" * 40}", "b"]'])
def test_values_that_make_no_name_are_numbered(values: str) -> None:
    """Values that are long, not plain, or look alike are named by their numbers."""
    assert [one.way for one in load_stories("x", story(CALL, top=f"parameters.a = {values}"))] == ["a=#1", "a=#2"]


def test_openings_may_use_and_bring_parameters() -> None:
    """An opening uses the parameters of its story, and the story's own values come before those that it brings."""
    opening = f'parameters = {{ call = ["c7"], wait = [1] }}\nwhen = [{CALL.replace("c1", "${call}")}]'
    stories = load_stories("x", story(CALL, top='opening = "o"\nparameters.call = ["c8", "c9"]'), {"o": opening})
    assert [one.way for one in stories] == ["call=c8-wait=1", "call=c9-wait=1"]
    assert [one.rows[0].event for one in stories] == [Established(call=c, address="5025", at=0) for c in ("c8", "c9")]


def test_where_one_way_is_wanted_several_are_refused(tmp_path: Path) -> None:
    """Who asks for the one story of a text that runs in several ways is told to ask for all of them."""
    text = story(CALL, top="parameters.a = [1, 2]")
    (tmp_path / "x.story.toml").write_text(text)
    with pytest.raises(StoryError, match="there are 2 ways to run this story, a=1 and others"):
        load_story("x", text)
    with pytest.raises(StoryError, match="there are 2 ways"):
        read_story(tmp_path / "x.story.toml")


# What goes first


def rows_of(one: Story) -> list[str]:
    """The calls of its rows."""
    return [row.event.call for row in one.rows if isinstance(row.event, Established)]


def test_several_openings_go_first_in_their_order() -> None:
    """A story may begin with several openings; each goes first once, also if two of them begin with it."""
    openings = {name: f"when = [{CALL.replace('c1', name)}]" for name in "abc"}
    openings["b"] = f'opening = "a"\n{openings["b"]}'
    openings["c"] = f'opening = ["a"]\n{openings["c"]}'
    assert rows_of(load_story("x", story(CALL, top='opening = ["b", "c"]'), openings)) == ["a", "b", "c", "c1"]
    assert rows_of(load_story("x", story(CALL, top='opening = ["c", "b"]'), openings)) == ["a", "c", "b", "c1"]


def test_openings_may_stand_anywhere(tmp_path: Path) -> None:
    """A path names any file, also another story, seen from the folder of the file that names it."""
    for place, call, names in (
        ("deep/er/x.story.toml", "x", '["o", "../other.story.toml"]'),
        ("deep/er/openings/o.toml", "o", '["near.toml"]'),
        ("deep/er/openings/near.toml", "near", '["../../../far.toml"]'),
        ("far.toml", "far", "[]"),
        ("deep/other.story.toml", "other", '["../far.toml", "there.toml"]'),
        ("deep/there.toml", "there", "[]"),
    ):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        head = f'title = "t"\nabout = "a"\nsessions = []\nopening = {names}\n'
        (tmp_path / place).write_text(f"{head}when = [{CALL.replace('c1', call)}]")
    read = read_story(tmp_path / "deep/er/x.story.toml")
    assert rows_of(read) == ["far", "near", "o", "there", "other", "x"]


def test_openings_end_somewhere() -> None:
    """Openings that open each other more than eight deep are refused, whether or not they ever end."""
    openings = {str(number): f'opening = "{number + 1}"' for number in range(9)} | {"9": ""}
    load_story("x", story(CALL, top='opening = "2"'), openings)
    with pytest.raises(StoryError, match="openings open each other without end"):
        load_story("x", story(CALL, top='opening = "1"'), openings)


@pytest.mark.parametrize("name", ["a" * 5_000, "b\\u0000", "no/such"])
@pytest.mark.parametrize("key", ["opening", "profile"])
def test_a_place_that_cannot_be_is_refused(key: str, name: str, tmp_path: Path) -> None:
    """An opening or a profile that is nowhere, and could not be anywhere, is one error."""
    file = tmp_path / "x.story.toml"
    file.write_text(story(CALL, top=f'{key} = "{name}{".toml" * (key == "opening")}"'))
    with pytest.raises(StoryError, match="no opening" if key == "opening" else "no profile"):
        read_story(file)


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
        (HEAD + "when = [{ record = 1 }]", "record is not a table", "x.story.toml:3, when[1].record", "write {"),
        (
            HEAD + 'recorded = "l"\nwhen = [{ record = "x" }]',
            "records stand in a recording already",
            "x.story.toml:4, when[1].record",
            "leave out",
        ),
        (HEAD + 'when = [{ record = "x", at = 1 }]', 'unknown key "at"', "x.story.toml:3, when[1].at", ""),
        (story(CALL, top="profile = 1"), "profile is not a text", "x.story.toml:3, profile", "double quotes"),
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
        (story(CALL, top='opening = ["two", 1]'), 'no opening "1"', "x.story.toml:3, opening", "one of: "),
        (story(CALL, top='opening = "a/two.toml"'), 'no opening "a/two.toml"', "opening", "the folder of the file"),
        (story(CALL, top='profile = ["cce", 1]'), "profile is not a text", "x.story.toml:3, profile", '["cce", "ccx"]'),
        (story(CALL, top='profile = ["cce", "cce"]'), "profile is not a text", "x.story.toml:3, profile", ""),
        (story(CALL, top="parameters = 1"), "parameters is not a table", "x.story.toml:3, parameters", "write it like"),
        (story(CALL, top="parameters.a = 1"), "a is not a list of", "x.story.toml:3, parameters.a", "write it like"),
        (story(CALL, top="parameters.a = []"), "a is not a list of", "parameters.a", "write it like"),
        (story(CALL, top="parameters.a = [{}]"), "a is not a list of", "parameters.a", "write it like"),
        (story(CALL, top="parameters.a = [[1]]"), "a is not a list of", "parameters.a", "write it like"),
        (story(CALL, top=f"parameters.a = [0x{'f' * 5000}]"), "a is not a list of", "parameters.a", "write it like"),
        (story(CALL, top="parameters.a = ['1', '1']"), "a has a value twice", "parameters.a", "leave one out"),
        (story(CALL, top="parameters.'a b' = [1]"), 'cannot be called "a b"', "parameters", "letters, digits"),
        (story(CALL, top=f"parameters.a = {list(range(201))}"), "201 values are too many", "parameters.a", "at most"),
        (
            story(CALL, top=f"parameters = {{ a = {list(range(15))}, b = {list(range(14))} }}"),
            "210 ways are too many",
            "x.story.toml:3, parameters",
            "at most 200",
        ),
        (
            story(CALL, CALL.replace('"c1"', '"${cal}"'), top='parameters.call = ["c1"]'),
            'no parameter "cal"',
            "x.story.toml:4, when[2].call",
            '"call"',
        ),
        (story(CALL.replace('"c1"', '"c${}"')), 'no parameter ""', "when[1].call", "write [parameters]"),
        (
            story(CALL, top=f"settings.source = '{'${a}' * 90_000}'\nparameters.a = ['{'a' * 90}']"),
            "too long",
            "x.story.toml:4, parameters",
            "several",
        ),
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
