"""`scenario --update`: what a failing story would have to say, where that stands in its text, and who is asked."""

from __future__ import annotations

import io
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from monitoring_core.cli import main
from monitoring_core.domain.events import Event
from monitoring_core.domain.outcomes import Step
from monitoring_core.domain.settings import Settings
from monitoring_core.files import Rules, load_rules
from monitoring_core.properties import Broken, Watch
from monitoring_core.scenario import find_stories, run_file, updated
from monitoring_core.scenario.retell import Retold, rewritten
from monitoring_core.scenario.spans import spans_of
from tests.cli import Shell
from tests.helpers import ANYBODY

SCENARIOS = Path(__file__).parents[1] / "scenarios"
STORIES = find_stories(SCENARIOS)
EVERYBODY = Rules(ANYBODY, Settings(), {})
HEAD = 'title = "a story" # of a test\nabout = "a test"\n\n'
VERDICT = '{ session = "S1", verdict = "permit", rules = ["anybody"] }'
STATE = '{ session = "S1", state = "REQUESTED" }'
SENT = '{ send = "SetSilentMonitoring", fromAddress = "5004", toAddress = "5025", UserName = "" }'
TALKS = '{ at = 0, event = "established", call = "c1", address = "5025" }'
ASKS = 'at = 1, event = "monitor_requested", from_address = "5004", to_address = "5025"'
IN_LINES = """{{ {asks}, then = [
    {verdict}, # who may
    # and then
    {state},
    {sent} # without a comma
  ] }}"""


def mended(folder: Path, text: str, rules: Rules = EVERYBODY) -> str:
    """What the story would have to say, which passes."""
    file = folder / "x.story.toml"
    file.write_bytes(text.encode())
    assert not run_file(file, rules).passed
    found = updated(file, rules)
    assert (found.was, found.left) == (text, ())
    file.write_bytes(found.text.encode())
    outcome = run_file(file, rules)
    assert outcome.passed, f"{outcome.report}\n{found.text}"
    return found.text


def inline(then: str) -> str:
    """A story whose rows are inline tables."""
    return f"{HEAD}when = [\n  {TALKS}, # Anna talks\n\n  {{ {ASKS}{then} }}, # Sofia asks\n]\n"


def in_lines(verdict: str = VERDICT, state: str = STATE, sent: str = SENT) -> str:
    """A story whose expectations have a line each."""
    row = IN_LINES.format(asks=ASKS, verdict=verdict, state=state, sent=sent)
    return f"{HEAD}when = [\n  {TALKS},\n  {row},\n]\n"


def headed(*then: str) -> str:
    """A story whose rows have headers."""
    rows = [TALKS[2:-2].replace(", ", "\n"), ASKS.replace(", ", "\n")]
    return HEAD + "\n\n".join([f"[[when]]\n{row}" for row in rows] + [f"[[when.then]]\n{one}" for one in then]) + "\n"


@pytest.mark.parametrize("path", STORIES[::4], ids=lambda path: path.name.removesuffix(".story.toml"))
def test_everything_in_a_story_is_found(path: Path) -> None:
    """Every value of a story's text stands where it is said to stand."""
    text = path.read_text(encoding="utf-8")
    data, spans = tomllib.loads(text), spans_of(text)
    for place, span in spans.items():
        value: Any = data
        for part in place:
            value = value[part]
        if span.is_headed:
            assert text[span.head] == "["
        else:
            assert tomllib.loads(f"x = {text[span.start : span.end]}")["x"] == value
    rows = enumerate(data.get("when", ()))
    assert {("when", n, "then", m) for n, row in rows for m in range(len(row.get("then", ())))} <= spans.keys()


@pytest.mark.parametrize("path", STORIES[::8], ids=lambda path: path.name.removesuffix(".story.toml"))
def test_a_story_without_expectations_gets_them_back(path: Path, tmp_path: Path) -> None:
    """Whatever is taken out of a story's rows comes back, and then it passes; a story that passes is left as it is."""
    rules, text = load_rules(), path.read_text(encoding="utf-8")
    assert updated(path, rules).text == text
    (tmp_path / "openings").symlink_to(SCENARIOS / "openings")
    for name in ("recorded", "written"):
        (tmp_path / name).symlink_to(SCENARIOS / name)
    rows = tomllib.loads(text).get("when", [])
    emptied: dict[tuple[str | int, ...], Retold] = {
        ("when", number, "then"): Retold(tuple((one, None) for one in row["then"]))
        for number, row in enumerate(rows)
        if row.get("then")
    }
    if emptied:
        mended(tmp_path, rewritten(text, emptied), rules)


@pytest.mark.parametrize("then", ["", ", then = []", ", then = [ # nothing\n  ]"])
def test_what_was_not_told_is_written(then: str, tmp_path: Path) -> None:
    """A row that told nothing gets the list of what follows, one thing a line, and the rest stays as it is."""
    told = f", then = [\n    {VERDICT},\n    {STATE},\n    {SENT},\n  ]"
    assert mended(tmp_path, inline(then)) == inline(told)


def test_what_was_not_told_is_written_below_a_header(tmp_path: Path) -> None:
    """A row with a header gets its list below its own keys."""
    told = f"then = [\n  {VERDICT},\n  {STATE},\n  {SENT},\n]\n"
    assert mended(tmp_path, headed()) == headed() + told


@pytest.mark.parametrize("wrong", ['"forbid"', '"not decidable"'])
def test_a_value_is_changed_where_it_stands(wrong: str, tmp_path: Path) -> None:
    """Where only a value is otherwise, only that value is changed, and every comment stays."""
    assert mended(tmp_path, in_lines(verdict=VERDICT.replace('"permit"', wrong))) == in_lines()


def test_other_keys_make_another_table(tmp_path: Path) -> None:
    """Where other keys are needed, that one thing is written anew."""
    wrong = '{ session="S1", state = "REJECTED", reason = "forbidden" }'
    assert mended(tmp_path, in_lines(state=wrong)) == in_lines()


def test_a_key_that_is_told_besides_stays(tmp_path: Path) -> None:
    """What need not be told and is told is told as it came."""
    wrong = SENT.replace(" }", ', valid_until = 7.0, session = "S1" }')
    assert mended(tmp_path, in_lines(sent=wrong)) == in_lines(sent=wrong.replace("7.0", "6.0"))


def test_what_does_not_follow_goes_with_its_line(tmp_path: Path) -> None:
    """A thing that does not follow goes, and the comment on its line, and nothing else."""
    gone = '{ session = "S1", notice = "paused" }, # no\n    '
    assert mended(tmp_path, in_lines(state=gone + STATE)) == in_lines()


@pytest.mark.parametrize("comma", [",", "", " , # the end", " # the end"])
def test_what_is_added_stands_last(comma: str, tmp_path: Path) -> None:
    """What follows and was not told stands after what was told, with or without a comma there."""
    text = mended(tmp_path, inline(f", then = [\n    {VERDICT},\n    {STATE}{comma}\n  ]"))
    written = comma if "," in comma else f",{comma}"
    assert text == inline(f", then = [\n    {VERDICT},\n    {STATE}{written}\n    {SENT},\n  ]")


def test_what_is_added_stays_within_the_list(tmp_path: Path) -> None:
    """Where the list ends on the line of its last thing, what is added stands before that end."""
    text = mended(tmp_path, inline(f", then = [\n    {VERDICT},\n    {STATE} ]"))
    assert text == inline(f", then = [\n    {VERDICT},\n    {STATE},\n    {SENT}, ]")


def test_what_is_added_takes_the_place_of_what_goes(tmp_path: Path) -> None:
    """Where the last thing does not follow, and another does, it stands there instead."""
    assert mended(tmp_path, in_lines(sent='{ answer = "S1" }')) == in_lines()


def test_a_list_on_one_line_is_written_in_lines(tmp_path: Path) -> None:
    """A list on one line that gets longer is written one thing a line; what stays is left as it was written."""
    spaced = VERDICT.replace(" = ", "=")
    text = mended(tmp_path, inline(f', then = [{spaced}, {{ answer = "S1" }}]'))
    assert text == inline(f", then = [\n    {spaced},\n    {STATE},\n    {SENT},\n  ]")


def test_tables_with_headers_are_changed_alike(tmp_path: Path) -> None:
    """Things told below headers of their own are changed, written anew, taken out and added below headers."""
    verdict = 'verdict = "permit" # who may\nrules = ["nobody"]\nsession = "S1"'
    rejected = 'session = "S1"\nstate = "REJECTED"\nreason = "forbidden"'
    text = mended(tmp_path, headed('notice = "paused"', verdict, rejected))
    sent = 'send = "SetSilentMonitoring"\nfromAddress = "5004"\ntoAddress = "5025"\nUserName = ""'
    state = 'session = "S1"\nstate = "REQUESTED"'
    assert text == headed(verdict.replace("nobody", "anybody"), state, sent)


def test_lines_end_as_they_did(tmp_path: Path) -> None:
    """A text whose lines end in CR LF has no other line in the end."""
    text = mended(tmp_path, inline("").replace("\n", "\r\n"))
    assert text.count("\n") == text.count("\r\n") > inline("").count("\n")


@pytest.mark.parametrize(
    "wrong", ['[[sessions]]\nsession = "S1"\nstate = "ACTIVE" # no\ncall = "c2"\n', "sessions = []\n"]
)
def test_sessions_are_expectations(wrong: str, tmp_path: Path) -> None:
    """How the sessions stand at the end is changed like everything that follows."""
    text = mended(tmp_path, (wrong if "[[" not in wrong else "") + in_lines() + (wrong if "[[" in wrong else ""))
    if "[[" in wrong:
        assert text.endswith('state = "REQUESTED" # no\ncall = "c1"\n')
    else:
        assert 'sessions = [\n  { session = "S1", state = "REQUESTED"' in text


def test_a_session_that_never_was_goes(tmp_path: Path) -> None:
    """A session that is told and never was goes, with its header."""
    one = '\n[[sessions]]\nsession = "S1"\n'
    text = in_lines() + one + '\n[[sessions]]\nsession = "S2"\n'
    assert mended(tmp_path, text) == in_lines() + one


PARAMETERS = 'parameters.phone = ["5004", "5005"]\n'


def test_parameters_stay(tmp_path: Path) -> None:
    """What is as told in every way to run a story keeps its parameters; what is otherwise in all of them is changed."""
    text = (HEAD + PARAMETERS + in_lines(verdict=VERDICT.replace("permit", "forbid"))[len(HEAD) :]).replace(
        '"5004",', '"${phone}",', 3
    )
    text = text.replace('["${phone}",', '["5004",')
    assert mended(tmp_path, text) == text.replace('"forbid"', '"permit"')


@pytest.mark.parametrize("told", [in_lines(), inline("")])
def test_what_differs_between_ways_is_left(told: str, tmp_path: Path) -> None:
    """What one text cannot say for every way to run a story is left as it is, and said."""
    file = tmp_path / "x.story.toml"
    text = HEAD + PARAMETERS + told[len(HEAD) :].replace('from_address = "5004"', 'from_address = "${phone}"')
    file.write_text(text)
    found = updated(file, EVERYBODY)
    assert found.text == text
    assert found.left == ("x.story.toml, when[2]: what follows is not the same in all ways to run this story",)


def test_what_stands_elsewhere_is_left(tmp_path: Path) -> None:
    """What follows from a row of another file is not told in this one."""
    (tmp_path / "o.toml").write_text(inline("")[len(HEAD) :])
    file = tmp_path / "x.story.toml"
    file.write_text(f'{HEAD}opening = "o.toml"\n')
    found = updated(file, EVERYBODY)
    assert (found.text == found.was, found.left) == (True, ("opening o.toml, when[2] is not in this file",))


def test_a_broken_property_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A property that does not hold is said, and no expectation hides it."""

    def check(_watch: Watch, _step: Step, _event: Event) -> list[Broken]:
        return [Broken(3, "he is elsewhere")]

    monkeypatch.setattr(Watch, "check", check)
    file = tmp_path / "x.story.toml"
    file.write_text(in_lines())
    assert updated(file, EVERYBODY).left == ("a property of the engine is broken",)


# The command


class Terminal(io.StringIO):
    """Somebody who sits there."""

    def isatty(self) -> bool:
        """He does."""
        return True


WRONG = inline("").replace(ASKS, 'at = 1, event = "call_cleared", call = "c1", then = [{ answer = "S1" }]')


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("Yes\n", 0), ("n\n", 1), ("\n", 1), ("", 1), ("yo\n", 1)])
def test_who_is_asked_decides(answer: str, code: int, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal the difference is shown, and the story is rewritten if the answer is yes, and only then."""
    file, screen = Path(shell.write("x.story.toml", WRONG)), Terminal()
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    monkeypatch.setattr(sys, "stdout", screen)
    assert main(["scenario", "--update", str(file)]) == code
    shown, asked, after = screen.getvalue().partition("rewrite x.story.toml? [y/N] ")
    assert "FAILED x.story.toml" in shown
    assert '-  { at = 1, event = "call_cleared", call = "c1", then = [{ answer = "S1" }] }, # Sofia asks\n' in shown
    assert '+  { at = 1, event = "call_cleared", call = "c1", then = [] }, # Sofia asks\n' in shown
    assert asked
    assert (file.read_text() != WRONG) == ("rewritten; passed x.story.toml" in after) == (code == 0)


def test_nothing_is_rewritten_in_a_pipe(shell: Shell) -> None:
    """Where nobody can be asked, the difference is shown and nothing is rewritten."""
    file = shell.write("x.story.toml", WRONG)
    done = shell("scenario", "--update", file, stdin=b"y\n")
    assert (done.code, Path(file).read_text()) == (1, WRONG)
    assert "not rewritten: nobody can be asked here; --yes rewrites x.story.toml" in done.out
    assert "+++ as it went" in done.out


def test_yes_asks_nobody(shell: Shell) -> None:
    """With --yes every failing story of a folder is rewritten, and those that pass are left alone."""
    files = [Path(shell.write(f"{name}.story.toml", WRONG)) for name in "ab"]
    assert shell("scenario", "--update", "--yes", str(shell.folder)).code == 0
    texts = [file.read_text() for file in files]
    done = shell("scenario", "--update", "--yes", str(shell.folder))
    assert (done.out.splitlines()[-1], [file.read_text() for file in files]) == ("2 of 2 stories passed", texts)
    assert sorted(path.name for path in shell.folder.iterdir()) == ["a.story.toml", "b.story.toml"]


def test_yes_to_nothing_is_refused(shell: Shell) -> None:
    """--yes without --update is an error of usage."""
    done = shell("scenario", "--yes", shell.write("x.story.toml", WRONG))
    assert (done.code, "add --update" in done.err) == (2, True)


def test_what_cannot_be_rewritten_is_said(shell: Shell) -> None:
    """A story that no text of its own can mend is told why, nothing is asked, and it fails."""
    shell.write("o.toml", inline("")[len(HEAD) :])
    done = shell("scenario", "--update", "--yes", shell.write("x.story.toml", f'{HEAD}opening = "o.toml"\n'))
    assert (done.code, "cannot be rewritten: opening o.toml, when[2] is not in this file" in done.out) == (1, True)


def test_a_story_that_cannot_be_written_stays(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the story cannot be written, that is an error of usage, and it is left as it was."""

    def refuse(_path: Path, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    file = shell.write("x.story.toml", WRONG)
    monkeypatch.setattr(Path, "write_bytes", refuse)
    done = shell("scenario", "--update", "--yes", file)
    assert (done.code, "cannot write this story: No space left" in done.err) == (2, True)
    assert Path(file).read_text() == WRONG
