"""check: every problem of a folder of rules, what is odd about it, and whether another folder judges alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitoring_core.domain.outcomes import Verdict
from monitoring_core.files import load_rules
from monitoring_core.rules.judge import judge
from tests.cli import Shell

RULE = '[[rule]]\nid = "any"\neffect = "permit"\nbecause = "so"\n'
CASE = '[[case]]\nname = "anybody"\nfacts.request.mode = "silent"\nverdict = "{verdict}"\nreasons = ["any"]\n'


def written_rules(shell: Shell, **files: str) -> str:
    """A folder of rule files; its path."""
    folder = shell.folder / "rules"
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name.replace('_', '.')}.toml").write_text(text, encoding="utf-8")
    return str(folder)


def test_the_default_rules_pass_their_check(shell: Shell) -> None:
    """`check` without a folder checks the packaged rules; all is well."""
    done = shell("check")
    assert (done.code, done.err) == (0, "")
    assert "rules, " in done.out


def test_a_case_that_fails_is_a_no(shell: Shell) -> None:
    """A case that is not as expected is told, and the exit code is 1."""
    done = shell("check", written_rules(shell, a=RULE, a_cases=CASE.format(verdict="forbid")))
    assert done.code == 1
    assert "expected forbid, but it is permit" in done.out


def test_check_tells_the_problems_of_every_file(shell: Shell) -> None:
    """Problems of rules, settings and cases are told together."""
    folder = written_rules(
        shell,
        a=RULE.replace("permit", "permitt"),
        lifecycle="confirm_s = 0\n",
        a_cases=CASE.format(verdict="perhaps"),
    )
    done = shell("check", folder)
    assert done.code == 1
    for problem in ('did you mean "permit"?', "confirm_s cannot be 0", "a case expects a verdict"):
        assert problem in done.out


def test_check_knows_duties(shell: Shell) -> None:
    """A duty that the settings do not have is a problem."""
    rule = '[[rule]]\nid = "a"\neffect = "require"\nduty = "badge"\nbecause = "so"\n'
    done = shell("check", written_rules(shell, a=rule))
    assert done.code == 1
    assert "badge" in done.out


def test_check_needs_awritten_rules(shell: Shell) -> None:
    """A folder without rules is an error of usage."""
    assert shell("check", str(shell.folder)).code == 2


# What is odd

ODD = RULE + RULE.replace('"any"', '"narrow"') + 'when.call.type = { is = "x" }\n'
SETTLED = "[bounds]\nanalysis_cases_max = 3\n"
HARD = RULE + 'when.agent.sessions = { below = "limits.per_agent" }\n'


def test_an_odd_rule_is_told(shell: Shell) -> None:
    """A rule that another one implies is told with file, line, id and what to do; it is no problem."""
    done = shell("check", written_rules(shell, a=ODD))
    assert (done.code, done.err) == (0, "")
    assert "whenever it applies, any applies, too (a.toml:5, rule narrow)\n  fix: delete one of the two\n" in done.out


def test_strictly_an_odd_rule_is_a_no(shell: Shell) -> None:
    """With --strict the exit code is 1 where a rule is odd, and 0 where none is."""
    folder = written_rules(shell, a=ODD)
    assert shell("check", folder, "--strict").code == 1
    assert shell("check", "--strict").code == 0


def test_what_is_not_decided_is_told(shell: Shell) -> None:
    """Where analysis_cases_max is too low, it is told of the rule and how to decide it; with --strict the code is 2."""
    folder = written_rules(shell, a=HARD, lifecycle=SETTLED)
    done = shell("check", folder)
    assert done.code == 0
    assert "whether it matters is not decided: it takes more than 3 cases (a.toml:1, rule any)" in done.out
    assert "fix: raise analysis_cases_max" in done.out
    assert shell("check", folder, "--strict").code == 2


@pytest.mark.parametrize("name", ["cce", "ccx"])
def test_the_packaged_profiles_are_not_odd(shell: Shell, name: str) -> None:
    """Of the packaged profiles there is nothing to tell but their size."""
    done = shell("check", name, "--strict")
    assert done.code == 0
    assert len(done.out.splitlines()) == 1


def test_everything_as_json(shell: Shell) -> None:
    """--json tells counts, problems and findings, each with its place."""
    done = shell("check", written_rules(shell, a=ODD), "--json")
    told = json.loads(done.out)
    assert (told["rules"], told["cases"], told["problems"]) == (2, 0, [])
    assert [(one["rule"], one["kind"], one["by"], one["where"]) for one in told["findings"]] == [
        ("narrow", "implied", "any", "a.toml:5")
    ]
    broken = shell("check", written_rules(shell, a=ODD.replace("permit", "permitt")), "--json")
    assert broken.code == 1
    assert "did you mean" in json.loads(broken.out)["problems"][0]


def test_the_oddities_of_rules_with_problems_wait(shell: Shell) -> None:
    """While a case fails nothing else is said of the rules."""
    done = shell("check", written_rules(shell, a=ODD, a_cases=CASE.format(verdict="forbid")))
    assert done.code == 1
    assert "whenever" not in done.out


# Against another folder


def test_a_folder_is_equivalent_to_itself(shell: Shell) -> None:
    """A folder against a copy of it with its rules in another order: 0."""
    folder = written_rules(shell, a=ODD)
    (shell.folder / "other").mkdir()
    rules = ODD.replace(RULE, "") + "\n" + RULE
    shell.write("other/z.toml", rules)
    done = shell("check", folder, "--against", str(shell.folder / "other"))
    assert (done.code, done.out.splitlines()[-1]) == (
        0,
        "equivalent: they permit the same, with the same duties, and forbid the same for sure",
    )


def test_a_difference_is_a_request(shell: Shell) -> None:
    """Two folders that differ: 1, the request as facts of a case, and what each folder says of it."""
    folder = written_rules(shell, a=RULE)
    (shell.folder / "other").mkdir()
    other = shell.write(
        "other/a.toml", RULE + 'when.agent.teams = { overlaps = ["sales", "service"] }\nto = "silent"\n'
    )
    done = shell("check", folder, "--against", str(Path(other).parent))
    assert done.code == 1
    assert done.out.splitlines()[1:] == [
        "not equivalent; a request that they judge differently:",
        '  facts.request.mode = "silent"',
        "  facts.agent.teams = []",
        f"{folder}: permit (any)",
        f"{Path(other).parent}: forbid (without any)",
    ]


def test_a_difference_as_json(shell: Shell) -> None:
    """--json gives the facts, and both verdicts are those that the books give of them."""
    done = shell("check", "ccx", "--against", "cce", "--json")
    told = json.loads(done.out)
    assert (done.code, told["equivalent"]) == (1, False)
    seen = {name: frozenset(value) if isinstance(value, list) else value for name, value in told["facts"].items()}
    verdicts: list[Verdict] = [judge(load_rules(name).book, seen) for name in ("ccx", "cce")]
    assert [one["word"] for one in told["verdicts"]] == ["allowed", "forbidden"]
    assert [one["permit"] for one in told["verdicts"]] == [verdict.permit for verdict in verdicts]
    assert [one["book"] for one in told["verdicts"]] == [verdict.book for verdict in verdicts]
    assert json.loads(shell("check", "--against", "cce", "--json").out)["equivalent"] is False


def test_a_comparison_that_is_not_decided(shell: Shell) -> None:
    """Where analysis_cases_max is too low: 2, and never equivalent."""
    folder = written_rules(shell, a=HARD, lifecycle=SETTLED)
    (shell.folder / "other").mkdir()
    shell.write("other/a.toml", HARD.replace("below", "at_least"))
    for more in ((), ("--json",)):
        done = shell("check", folder, "--against", str(shell.folder / "other"), *more)
        assert done.code == 2
        assert "more than 3 cases" in done.out
        assert "equivalent:" not in done.out
    assert json.loads(done.out)["equivalent"] is None


def test_duties_are_part_of_a_difference(shell: Shell) -> None:
    """Where both permit, the duties are told."""
    folder = written_rules(shell, a=RULE)
    (shell.folder / "other").mkdir()
    shell.write("other/a.toml", RULE + '[[rule]]\nid = "t"\neffect = "require"\nduty = "tone"\nbecause = "so"\n')
    done = shell("check", folder, "--against", str(shell.folder / "other"))
    assert done.code == 1
    assert "permit (any); duties: tone" in done.out


@pytest.mark.parametrize("arguments", [("--against", "nowhere"), ("--against", "cce", "--strict")])
def test_a_comparison_that_cannot_be(shell: Shell, arguments: tuple[str, ...]) -> None:
    """A folder that is not there, and two questions at once, are errors of usage."""
    assert shell("check", *arguments).code == 2
