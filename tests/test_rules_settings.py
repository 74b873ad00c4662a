"""lifecycle.toml: every setting stands there with its default, and each kind of mistake is refused in exact words."""

from __future__ import annotations

import tomllib
from pathlib import Path

import attrs
import pytest

from monitoring_core.domain.settings import Limits, Settings
from monitoring_core.errors import RuleBookError
from monitoring_core.rules.lifecycle import check_duties, load_settings
from monitoring_core.rules.load import load_book

RULES = Path(__file__).parent.parent / "rules"
TEXT = (RULES / "lifecycle.toml").read_text(encoding="utf-8")
REQUIRE = '[[rule]]\nid = "r"\neffect = "require"\nduty = "{}"\nbecause = "b"\n'


def problems(text: str) -> list[str]:
    """What loading says of the text, a line each."""
    with pytest.raises(RuleBookError) as caught:
        load_settings("lifecycle.toml", text)
    return [str(problem) for problem in caught.value.problems]


def test_the_default_file_is_the_defaults() -> None:
    """rules/lifecycle.toml gives the very settings that an empty text gives."""
    assert load_settings("lifecycle.toml", TEXT) == load_settings("lifecycle.toml", "") == Settings()


def test_the_default_file_has_every_setting() -> None:
    """Every setting and every limit is written in rules/lifecycle.toml, with its unit and its comment."""
    data = tomllib.loads(TEXT)
    settings = {field.name for field in attrs.fields(Settings)} - {"limits", "modes", "duties"}
    assert {key for key in data if not isinstance(data[key], dict)} | data["limits"].keys() == settings
    assert data["bounds"].keys() == {field.name for field in attrs.fields(Limits)}


def test_what_is_written_is_read() -> None:
    """Each table lands where it belongs: settings, limits as facts, bounds, duties."""
    text = 'confirmation = "none"\nconfirm_s = 3\n[limits]\nper_agent = 2\n[bounds]\nrules_max = 7\n'
    text += '[duties]\ntone = "notice"\n'
    expected = Settings(
        confirmation="none", confirm_s=3, per_agent=2, limits=Limits(rules_max=7), duties={"tone": "notice"}
    )
    assert load_settings("lifecycle.toml", text) == expected


@pytest.mark.parametrize(
    ("text", "what", "where", "fix"),
    [
        ("confirms = 1", 'unknown key "confirms"', "1, confirms", 'did you mean "confirm_s"?'),
        ("per_pair = 1", 'unknown key "per_pair"', "1, per_pair", None),
        ("[limits]\nper_par = 1", 'unknown key "per_par"', "2, limits.per_par", 'did you mean "per_pair"?'),
        ("[bounds]\nrules = 1", 'unknown key "rules"', "2, bounds.rules", 'did you mean "rules_max"?'),
        ('confirmation = "swich"', "confirmation cannot be swich", "1, confirmation", 'did you mean "switch"?'),
        ("confirm_s = 0", "confirm_s cannot be 0", "1, confirm_s", "write a number above 0"),
        ("confirm_s = -1.5", "confirm_s cannot be -1.5", "1, confirm_s", "write a number above 0"),
        ("confirm_s = nan", "confirm_s cannot be nan", "1, confirm_s", "write a number above 0"),
        ("confirm_s = true", "confirm_s cannot be True", "1, confirm_s", "write a number above 0"),
        ("[limits]\nper_pair = 1.5", "per_pair cannot be 1.5", "2, limits.per_pair", "write a whole number above 0"),
        ("[bounds]\nrules_max = 0", "rules_max cannot be 0", "2, bounds.rules_max", "write a whole number above 0"),
        ("broadcast_refusals = 1", "broadcast_refusals cannot be 1", "1, broadcast_refusals", "write true or false"),
        ('source = " "', "source cannot be  ", "1, source", "write a text in double quotes"),
        ("limits = 1", "limits is not a table", "1, limits", "write [limits]"),
        ("duties = 1", "duties is not a table", "1, duties", "write [duties]"),
        ('[duties]\ntone = "beep"', "tone cannot be beep", "2, duties.tone", "one of: before_start, notice"),
    ],
)
def test_each_problem_has_its_words(text: str, what: str, where: str, fix: str | None) -> None:
    """What is wrong, file, line and key, and the fix: exactly these words, and no second problem."""
    (told,) = problems(text)
    assert told.startswith(f"{what} (lifecycle.toml:{where})\n  fix: {fix or ''}")
    assert fix is None or told.endswith(fix)


def test_all_problems_come_at_once() -> None:
    """Several problems come together in the order of the text."""
    assert len(problems("confirm_s = 0\nother = 1\n[limits]\nper_pair = 0\n")) == 3


def test_a_duty_that_nothing_explains_is_refused() -> None:
    """A rule may name only duties of which the settings say what they are."""
    with pytest.raises(RuleBookError) as caught:
        check_duties(load_book({"r.toml": REQUIRE.format("bell")}), Settings())
    (problem,) = caught.value.problems
    assert str(problem) == 'nothing says what "bell" is (rule r, duty)\n  fix: say so in [duties]'


def test_the_known_duties_are_explained() -> None:
    """The default settings explain the duties that the language names."""
    for duty in ("agent_notice", "tone"):
        check_duties(load_book({"r.toml": REQUIRE.format(duty)}), Settings())


def test_a_list_is_a_list() -> None:
    """One value where several may stand is told to be written as a list of them."""
    (problem,) = problems('rejudge = "call_changed"\n')
    assert "write a list of listener_changed, call_changed" in problem
