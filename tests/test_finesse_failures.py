"""The error tables of domain.md section 2, explained."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.finesse.failures import FAILURES, NAMES, Platform, Where, code_of, explained
from monitoring_core.finesse.updates import ApiError
from tests.cli import ASK, CALL, SITE, Shell

ROWS: tuple[tuple[str, Where, tuple[Platform, ...], str], ...] = (
    ("Parameter Missing", "sync", ("cce", "ccx"), "empty"),
    ("Invalid Input", "sync", ("cce", "ccx"), "form"),
    ("Invalid Destination", "sync", ("cce", "ccx"), "both extensions are the same; or, for a barge, the agent has"),
    ("Invalid State", "sync", ("cce",), "Ready or in wrap-up"),
    ("13145", "async", ("cce",), "on hold, or is Not Ready"),
    ("88049", "async", ("ccx",), "Ready, in wrap-up, has his call on hold, or is Not Ready"),
    ("Authorization Failure", "sync", ("cce", "ccx"), "the user is an agent"),
    ("Invalid Authorization User Specified", "sync", ("cce", "ccx"), "somebody else's password"),
    ("Invalid Supervisor", "sync", ("cce", "ccx"), "none of the teams"),
    ("20700", "sync", ("cce", "ccx"), "limit"),
    ("20999", "sync", ("cce", "ccx"), "consult call"),
    ("13139", "cti_os", ("cce",), "legacy phone"),
    ("13140", "cti_os", ("cce",), "mobile agent"),
    ("13141", "cti_os", ("cce",), "built-in bridge is disabled"),
    ("13142", "cti_os", ("cce",), "search space"),
)
"""The tables once more: the code, where it comes, on which platforms, and a word of its cause."""


@pytest.mark.parametrize(("code", "where", "platforms", "cause"), ROWS, ids=[row[0] for row in ROWS])
def test_each_row_is_explained(code: str, where: Where, platforms: tuple[Platform, ...], cause: str) -> None:
    """Each row of the tables says where it comes, on which platforms and why."""
    failure = explained(code)
    assert (failure.code, failure.where, failure.platforms) == (code, where, platforms)
    assert cause in failure.cause


def test_there_is_nothing_but_the_tables() -> None:
    """What is explained are the rows of the tables, each once."""
    assert [failure.code for failure in FAILURES] == [row[0] for row in ROWS]


@pytest.mark.parametrize("failure", FAILURES, ids=[failure.code for failure in FAILURES])
def test_each_row_says_what_to_do(failure: object) -> None:
    """No row leaves out its meaning, its cause or what helps."""
    code, meaning, cause, remedy = (getattr(failure, name) for name in ("code", "meaning", "cause", "remedy"))
    assert list(explained(code).lines()) == [f"{code}: {meaning}", f"likely cause: {cause}", f"what to do: {remedy}"]
    assert all(len(text.split()) > 3 for text in (meaning, cause, remedy))


@pytest.mark.parametrize("code", [" invalid STATE ", "Invalid State", "INVALID STATE"])
def test_case_and_blanks_do_not_matter(code: str) -> None:
    """A code is found in any case and with blanks around it, and is named as documented."""
    assert explained(code).code == "Invalid State"


@given(code=st.text().filter(lambda text: text.strip().casefold() not in {row[0].casefold() for row in ROWS}))
def test_a_code_in_no_table_is_said_to_be_in_none(code: str) -> None:
    """Of any other code nothing is claimed, and at most 40 characters of it are shown."""
    failure = explained(code)
    first, *_ = failure.lines()
    assert (failure.code, failure.where, failure.platforms) == (code, "unknown", ())
    assert first.endswith(": this code is not in the documented tables")
    assert len(first) <= 40 + len(": this code is not in the documented tables")


@pytest.mark.parametrize("failure", FAILURES, ids=[failure.code for failure in FAILURES])
@pytest.mark.parametrize("platform", ["cce", "ccx"])
def test_a_platform_that_does_not_have_it_is_told(failure: object, platform: Platform) -> None:
    """On a platform whose tables do not have the code, the cause says whose do; else it is the row's own."""
    code, platforms, cause = (getattr(failure, name) for name in ("code", "platforms", "cause"))
    said = explained(code, platform).cause
    if platform in platforms:
        assert said == cause
    else:
        (only,) = platforms
        assert said == f"documented for {NAMES[only]}, not for {NAMES[platform]}; there: {cause}"


@pytest.mark.parametrize(
    ("data", "type_", "code"),
    [
        ("13145", "Generic Error", "13145"),
        ("13145", "13145", "13145"),
        ("88049", "", "88049"),
        ("20999", "Invalid State", "20999"),
        ("34", "Generic Error", "34"),
        ("34", "", "34"),
        ("22", "Invalid State", "Invalid State"),
        ("34", "Device Busy", "Device Busy"),
        ("20999", "Authorization Failure", "Authorization Failure"),
        ("13145", "Invalid Destination", "Invalid Destination"),
        ("20700", "invalid supervisor", "invalid supervisor"),
        ("jsmith", "Authorization Failure", "Authorization Failure"),
        ("²", "Generic Error", "Generic Error"),
        ("", "", ""),
    ],
)
def test_the_code_is_the_number_only_where_it_is_the_switchs(data: str, type_: str, code: str) -> None:
    """The number that comes with an error is its code, unless the type is more exact, or it is a user or extension."""
    assert code_of(ApiError(data=data, type=type_)) == code


STARTED = (*SITE, CALL, ASK)


def explanation(shell: Shell, *events: dict[str, Any]) -> list[str]:
    """What `explain` says of a session below the move that ended it."""
    done = shell("explain", shell.log(*STARTED, *events), "default-5")
    lines = done.out.splitlines()
    (number,) = (number for number, line in enumerate(lines) if "REQUESTED FAILED REJECTED" in line)
    return [line.strip() for line in lines[number + 1 :] if line.strip()]


def test_explain_tells_what_the_switchs_code_means(shell: Shell) -> None:
    """Where a start failed with a code of Finesse, `explain` adds what it means, why, and what to do."""
    failed = {"event": "monitor_failed", "code": "13145", "text": "CF_X", "from_address": "5004", "to_address": "5025"}
    assert explanation(shell, failed) == list(explained("13145").lines())


def test_explain_adds_nothing_to_a_code_of_another_system(shell: Shell) -> None:
    """Nothing is added to a code that stands in no table: it need not be Finesse's."""
    failed = {"event": "monitor_failed", "code": "Failure", "from_address": "5004", "to_address": "5025"}
    assert explanation(shell, failed) == []
