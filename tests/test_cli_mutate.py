"""`mutate` on the command line: survivors as differences, the score, what is left out, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli import Shell
from tests.test_mutation import ANYBODY, CASES, NO_VIP, STORY, applied

pytestmark = pytest.mark.search

SURVIVOR = "rule no-vip: when.agent.calls at_least 2 is 1"
MORE = """
[[case]]
name = "permitted"
facts.agent.calls = 1
verdict = "permit"
reasons = ["anybody"]
"""


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """The command line, where a folder `rules` holds two rules and a case."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "book.toml").write_text(ANYBODY + NO_VIP)
    (tmp_path / "rules" / "book.cases.toml").write_text(CASES)
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path, capsys, monkeypatch)


def test_a_survivor_is_told_by_its_difference(shell: Shell) -> None:
    """Too few noticed is a no: each survivor with file, line, what stood there and what stands there instead."""
    done = shell("mutate", "--rules", "rules")
    text = (
        f"survived: {SURVIVOR}\n--- book.toml\n+++ book.toml\n@@ -11 +11 @@\n-when.agent.calls = {{ at_least = 2 }}\n"
    )
    assert done.code == 1
    assert text + "+when.agent.calls = { at_least = 1 }\n\n" in done.out


def test_all_is_well_when_all_are_noticed(shell: Shell) -> None:
    """The score is 100 % where a case is near every mistake; in a pipe nothing else is told."""
    shell.write("rules/book.toml", ANYBODY)
    (shell.folder / "rules" / "book.cases.toml").unlink()
    for mode in ("silent", "whisper", "barge", "take_over"):
        case = f'[[case]]\nname = "{mode}"\nfacts.request.mode = "{mode}"\nverdict = "permit"\nreasons = ["anybody"]\n'
        shell.write(f"rules/{mode}.cases.toml", case)
    done = shell("mutate", "--rules", "rules")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "6 mutants: 6 killed\n"
        "36 of settings and state table were not run: no story is told that could notice them\nscore 100.0 %\n"
    )


def test_a_lower_score_is_enough_where_it_is_asked_for(shell: Shell) -> None:
    """`--at-least` says how much is enough."""
    assert shell("mutate", "--rules", "rules", "--at-least", "20").code == 0
    assert shell("mutate", "--rules", "rules", "--at-least", "99.9").code == 1


def test_every_mutant_as_json(shell: Shell) -> None:
    """`--json` has the counts, and each mutant with kind, fate, who noticed it, and a difference that applies."""
    told: dict[str, Any] = json.loads(shell("mutate", "--rules", "rules", "--json").out)
    by_name = {row["mutant"]: row for row in told["mutants"]}
    assert told["killed"] + told["survived"] + told["same"] + told["not loaded"] == len(told["mutants"])
    assert told["score"] == pytest.approx(100 * told["killed"] / (told["killed"] + told["survived"]))
    assert by_name["rule no-vip: dropped"]["by"] == "book.cases.toml:6, case forbidden"
    assert (by_name[SURVIVOR]["kind"], by_name[SURVIVOR]["fate"]) == ("rule", "survived")
    assert "at_least = 1" in applied(ANYBODY + NO_VIP, by_name[SURVIVOR]["diff"])


def test_stories_notice_rows_and_settings(shell: Shell) -> None:
    """With a story named, the state table and the settings are mutated too, and a survivor of the table is a row."""
    shell.write("rules/lifecycle.toml", "confirm_s = 10\n")
    shell.write("one.story.toml", STORY.format(more=""))
    done = shell("mutate", "--rules", "rules", "one.story.toml", "--only", "row, setting")
    assert done.code == 1
    assert "survived: row ACTIVE FINISHED ENDED: dropped\n--- the state table\n" in done.out
    assert "-ACTIVE FINISHED ENDED\n+ACTIVE FINISHED REJECTED\n" in done.out
    assert "row - PERMIT REQUESTED" not in done.out
    assert "setting confirm_s: 11" not in done.out


def test_equivalent_mutants_are_told_apart(shell: Shell) -> None:
    """What a list names with a reason is no survivor; a mutant that is noticed, or is none, makes the answer no."""
    listed = '[[equivalent]]\nmutant = "{}"\nreason = "nobody has one call"\n'
    path = shell.write("equivalent.toml", listed.format(SURVIVOR))
    command = ("mutate", "--rules", "rules", "--at-least", "0", "--equivalent", path)
    done = shell(*command)
    assert (done.code, done.err) == (0, "")
    assert f"equivalent: {SURVIVOR} (nobody has one call)\n--- book.toml" in done.out
    for name, why in (("rule no-vip: dropped", "it need not be, as it is noticed"), ("x", "there is no such mutant")):
        shell.write("equivalent.toml", listed.format(name))
        done = shell(*command)
        assert (done.code, done.err) == (1, f"listed as equivalent, but {why}: {name}\n")


def test_what_fails_anyway_is_told(shell: Shell) -> None:
    """Cases that fail without any mutant are left out and named."""
    shell.write("rules/book.cases.toml", CASES.replace('["no-vip"]', '["nobody"]') + MORE)
    done = shell("mutate", "--rules", "rules")
    assert done.err == "left out, as they fail without any mutant: book.cases.toml:6, case forbidden\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--rules", "nowhere"), "there are no rules here"),
        (("--rules", "rules", "--only", "rules"), 'did you mean "rule"?'),
        (("--rules", "rules", "--equivalent", "none.toml"), "name a file of equivalent mutants"),
        (("--rules", "rules", "none.story.toml"), "name a story file"),
    ],
)
def test_what_cannot_be_run_is_unusable(shell: Shell, arguments: tuple[str, ...], words: str) -> None:
    """Rules, stories or lists that cannot be read, and kinds that there are not, are told with their fix."""
    done = shell("mutate", *arguments)
    assert (done.code, done.out) == (2, "")
    assert words in done.err


def test_rules_without_cases_and_stories_are_unusable(shell: Shell) -> None:
    """Where nothing could notice a mutant, there is no score."""
    (shell.folder / "rules" / "book.cases.toml").unlink()
    done = shell("mutate", "--rules", "rules")
    assert (done.code, done.out) == (2, "")
    assert "write cases beside the rules" in done.err


def test_the_packaged_rules_have_the_stories_of_the_folder(shell: Shell) -> None:
    """Without a path, the packaged rules are run with the stories of `scenarios`, if that is here."""
    (shell.folder / "scenarios").mkdir()
    shell.write("scenarios/one.story.toml", STORY.format(more=f"rules = '''{ANYBODY}'''"))
    told = json.loads(shell("mutate", "--json", "--only", "row").out)
    assert {row["by"] for row in told["mutants"] if row["fate"] == "killed"} == {"one.story.toml"}
