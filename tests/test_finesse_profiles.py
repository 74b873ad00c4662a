"""The profiles of Cisco's two platforms: what the switch would refuse is refused here, with the same code."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from monitoring_core.domain.events import CallChanged, PersonChanged, PhoneChanged
from monitoring_core.domain.outcomes import BroadcastError, NoticeKind, StartMonitoring, Verdict
from monitoring_core.files import load_rules, read_texts
from monitoring_core.finesse.failures import FAILURES
from monitoring_core.rules.cases import Case, load_cases, run_cases
from monitoring_core.rules.judge import judge
from monitoring_core.rules.literals import read_value
from tests.cli import Shell
from tests.finesse_server import Finesse, User
from tests.helpers import ASK, SEATS, START, Story, settings, talk

PLATFORMS = ("cce", "ccx")
RULES = {platform: load_rules(platform) for platform in PLATFORMS}
CASES = {
    platform: load_cases("eligibility.cases.toml", RULES[platform].texts["eligibility.cases.toml"])
    for platform in PLATFORMS
}
NAMED_AFTER_A_CODE = [(platform, case) for platform in PLATFORMS for case in CASES[platform] if ": " in case.name]
IN_PLACE_OF = {
    "cce": {
        "agent-idle",
        "agent-on-hold",
        "call-not-connected",
        "phone-configured",
        "phone-supports-monitoring",
    },
    "ccx": {"agent-idle", "agent-on-hold", "call-not-connected"},
}
"""Default rules for which a platform has its own, with its codes; all others it has as they are."""
NEVER_JUDGED = {
    "Invalid Input": "a request that is not understood is no request: nothing is judged",
    "20700": "how many a conference holds is known to nobody but the switch",
}


def judged(platform: str, facts: dict[str, Any]) -> Verdict:
    """What a profile says of facts as they are written."""
    book = RULES[platform].book
    return judge(book, {name: read_value(book.catalogue[name], raw) for name, raw in facts.items()})


def first_code(verdict: Verdict) -> str:
    """What SetAPIError would carry."""
    return [*(hit.error for hit in verdict.hits), *(miss.error for miss in verdict.misses)][0]


@pytest.mark.parametrize(("platform", "case"), [(one, case) for one in PLATFORMS for case in CASES[one]])
def test_each_case_holds(platform: str, case: Case) -> None:
    """Every case of a profile says what its rules say."""
    (result,) = run_cases(RULES[platform].book, [case])
    assert not result.mismatches, str(result)


@pytest.mark.parametrize(("platform", "case"), NAMED_AFTER_A_CODE)
def test_each_row_is_refused_with_its_own_code(platform: str, case: Case) -> None:
    """A case that is named after a row of the tables is refused with the code of that row."""
    verdict = judged(platform, case.facts)
    assert (verdict.permit, first_code(verdict)) == (False, case.name.partition(": ")[0])


@pytest.mark.parametrize("platform", PLATFORMS)
def test_no_row_is_without_a_case(platform: str) -> None:
    """Every row of a platform's tables has a case, but for those that no fact can tell."""
    named = {case.name.partition(": ")[0] for of, case in NAMED_AFTER_A_CODE if of == platform}
    rows = {failure.code for failure in FAILURES if platform in failure.platforms}
    assert rows - named == set(NEVER_JUDGED)


def rules_of(text: str) -> dict[str, Any]:
    """Each rule of a text by its id, as written."""
    return {rule["id"]: rule for rule in tomllib.loads(text)["rule"]}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_all_other_rules_are_the_default_ones(platform: str) -> None:
    """A profile has each default rule as it is, unless it has one of its own in its place."""
    default = rules_of(read_texts()["eligibility.toml"])
    own = rules_of(RULES[platform].texts["eligibility.toml"])
    assert set(default) - set(own) == IN_PLACE_OF[platform]
    assert {name: own[name] for name in set(default) & set(own)} == {
        name: default[name] for name in set(default) & set(own)
    }
    assert all(name.startswith(("target-", "absent-")) for name in set(own) - set(default))


# Against the server of the tests


def supervisor() -> User:
    """Somebody who may listen."""
    return User("47483657", "5004", roles=("Agent", "Supervisor"), supervises=("1",))


FAULTS: dict[str, tuple[User, User]] = {
    "none": (supervisor(), User("47483650", "5025", "TALKING")),
    "Ready": (supervisor(), User("47483650", "5025", "READY")),
    "Wrap-Up": (supervisor(), User("47483650", "5025", "WORK")),
    "Wrap-Up, then Ready": (supervisor(), User("47483650", "5025", "WORK_READY")),
    "another team": (supervisor(), User("47483650", "5025", "TALKING", team="2")),
    "no supervisor": (User("47483657", "5004", supervises=("1",)), User("47483650", "5025", "TALKING")),
    "oneself": (supervisor(), supervisor()),
}


def facts(listening: User, agent: User) -> dict[str, Any]:
    """What our side knows of the same two people."""
    (permitted, *_) = (case.facts for case in CASES["cce"])
    return {
        **permitted,
        "request.from_address": listening.extension,
        "request.to_address": agent.extension,
        "supervisor.roles": list(listening.roles),
        "supervisor.teams": list(listening.supervises),
        "agent.person": agent.id,
        "agent.teams": [agent.team],
        "agent.state": agent.state,
        "agent.line": "connected" if agent.state == "TALKING" else "idle",
    }


@pytest.mark.parametrize("fault", FAULTS)
def test_what_finesse_refuses_at_once_is_refused_with_its_code(fault: str) -> None:
    """What the server of the tests refuses is refused by the profile with the same code, and what it takes is not."""
    listening, agent = FAULTS[fault]
    finesse = Finesse(people={agent.extension: agent, listening.extension: listening})
    said = {"requestedAction": "SILENT_MONITOR", "fromAddress": listening.extension, "toAddress": agent.extension}
    refusal = finesse.start(listening, f"/finesse/api/User/{listening.id}/Dialogs", said)
    verdict = judged("cce", facts(listening, agent))
    assert (refusal is None) == verdict.permit
    assert refusal is None or refusal[1] == first_code(verdict)


# In a running site

STATES = {"READY": "Invalid State", "WORK": "Invalid State", "NOT_READY": "13145", "HOLD": "13145"}


@pytest.mark.parametrize("state", [*STATES, "TALKING"])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_request_is_refused_with_the_code_of_the_agents_state(platform: str, state: str) -> None:
    """What goes out to a refused requester is the platform's code for the state that the agent is in."""
    story = Story(settings(broadcast_refusals=True), RULES[platform].book)
    step = story.tell(*SEATS, *talk(), PersonChanged(person="bob", state=state), ASK)
    (command,) = step.commands
    if state == "TALKING":
        assert isinstance(command, StartMonitoring)
    else:
        assert isinstance(command, BroadcastError)
        assert command.error == ("88049" if platform == "ccx" else STATES[state])


@pytest.mark.parametrize(("type_", "is_permitted"), [("ACD_IN", False), ("OTHER_IN", True), (None, False)])
def test_not_ready_is_enough_off_the_queue_on_ccx(type_: str | None, *, is_permitted: bool) -> None:
    """On CCX an agent who is Not Ready may be listened to on a call that surely did not come from a queue."""
    story = Story(book=RULES["ccx"].book)
    calls = () if type_ is None else (CallChanged(call="c1", type=type_),)
    step = story.tell(*SEATS, *talk(), *calls, PersonChanged(person="bob", state="NOT_READY"), ASK)
    assert step.verdicts[0].verdict.permit is is_permitted


@pytest.mark.parametrize("lacks", [None, "bridge", "switch", "search_space"])
def test_what_a_phone_lacks_comes_from_the_site(lacks: str | None) -> None:
    """The fact that CCE's profile declares is filled by events, and decides between the codes for phones."""
    code = {"switch": "13140", "search_space": "13142"}.get(lacks or "", "13141")
    story = Story(settings(broadcast_refusals=True), RULES["cce"].book)
    phone = PhoneChanged(extension="5025", configured=False, facts={"lacks": lacks} if lacks else {})
    step = story.tell(*SEATS, *talk(), PersonChanged(person="bob", state="TALKING"), phone, ASK)
    (command,) = step.commands
    assert isinstance(command, BroadcastError)
    assert command.error == code


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_monitor_call_that_nobody_asked_for_is_no_alarm_by_itself(platform: str) -> None:
    """What the switch lets somebody do is not held against him for want of a request, whatever his agent's state is."""
    story = Story(book=RULES[platform].book)
    story.tell(*SEATS, PersonChanged(person="bob", state="WORK"), *talk(), START)
    assert not story.notices(NoticeKind.FORBIDDEN_MONITOR)


# How one is chosen


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_profile_is_chosen_by_its_name(shell: Shell, platform: str) -> None:
    """Wherever a folder with rules is named, `cce` and `ccx` are the packaged profiles, and check accepts them."""
    result = shell("check", platform)
    assert (result.code, result.err) == (0, "")
    assert f"{len(CASES[platform])} cases" in result.out


def test_a_folder_of_that_name_is_named_as_a_path(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is never meant by the bare name of a profile, wherever the program was started."""
    (shell.folder / "cce").mkdir()
    (shell.folder / "cce" / "x.toml").write_text('[[rule]]\nid = "x"\neffect = "permit"\nbecause = "x"\n')
    monkeypatch.chdir(shell.folder)
    assert len(load_rules("./cce").book.rules) == 1
    assert load_rules("cce").book.digest == RULES["cce"].book.digest


def test_no_rules_are_packaged_under_another_name(shell: Shell) -> None:
    """A name that is neither a folder nor a profile is refused, and the profiles are named."""
    result = shell("check", "uccx")
    assert result.code == 2
    assert "or a profile: cce, ccx" in result.err


@pytest.mark.parametrize("platform", PLATFORMS)
def test_finesse_has_no_whisper(platform: str) -> None:
    """On both platforms the only mode that listening can change to is barge, and nothing leads back."""
    modes = RULES[platform].settings.modes
    assert {mode: then for mode, then in modes.items() if then} == {"silent": ("barge",)}
