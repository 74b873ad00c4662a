"""The demo: a real recording with requests merged in shows every end and every kind of refusal."""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from monitoring_core.cli.inputs import input_of
from monitoring_core.domain.events import Event, MonitorRequested
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.files import load_rules
from monitoring_core.rules.judge import judge
from tests.oracle.recordings import FOLDER

SCENARIOS = Path(__file__).parents[1] / "scenarios"
CENTRE = (
    str(FOLDER / "contact-centre-a.jsonl.gz"),
    "--source=asterisk",
    f"--floor={FOLDER / 'contact-centre-a.floor.toml'}",
    f"--with={FOLDER / 'contact-centre-a.requests.jsonl'}",
)


@cache
def _rows() -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "monitoring_core", "replay", *CENTRE, "--json"]
    done = subprocess.run(command, capture_output=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _events() -> Iterator[Event]:
    options = Namespace(log=CENTRE[0], source="asterisk", site="")
    options.floor, options.additions = (argument.partition("=")[2] for argument in CENTRE[2:])
    return input_of(options, Settings()).events()


def test_every_end_occurs() -> None:
    """Of the sessions that were asked for, some end for each of the four reasons, and every one that began ended."""
    ends = Counter(row["reason"] for row in _rows() if row["origin"] == "requested" and row["state"] == "ENDED")
    assert ends == {"agent_dropped": 16, "agent_transferred": 12, "call_ended": 13, "supervisor_dropped": 20}
    assert {row["state"] for row in _rows()} == {"ENDED", "REJECTED"}


def test_every_spy_is_one_session() -> None:
    """The 81 spies of the recording are 81 sessions, asked for or observed, that end as the recording says."""
    listened = Counter(row["reason"] for row in _rows() if row["state"] == "ENDED")
    assert listened == {"agent_dropped": 23, "agent_transferred": 14, "call_ended": 17, "supervisor_dropped": 27}


def test_requests_are_refused_for_many_reasons() -> None:
    """Refusals name the team, the phone, sign-in, the claimed user, monitor of monitor, idle, held, and the limits."""
    refused = [row for row in _rows() if row["state"] == "REJECTED"]
    assert {row["reason"] for row in refused} == {"forbidden"}
    assert {rule for row in refused for rule in row["rules"]} >= {
        "own-team",
        "phone-supports-monitoring",
        "phone-configured",
        "agent-signed-in",
        "claimed-user",
        "monitor-of-monitor",
        "agent-idle",
        "agent-on-hold",
        "limit-per-supervisor",
        "limit-per-agent",
        "supervisor-role",
        "not-oneself",
    }
    assert ["limit-per-supervisor"] in [row["rules"] for row in refused]


def test_facts_after_a_step_are_those_it_judged_by() -> None:
    """Judging again with the engine's facts, directly after the step of a request, gives the verdict of that step."""
    rules = load_rules()
    engine = Engine(rules.book, rules.settings)
    judged = 0
    for event in _events():
        for said in engine.step(event).verdicts:
            if isinstance(event, MonitorRequested):
                again = judge(rules.book, engine.facts(said, event.facts))
                assert (again.permit, again.hits, again.misses) == (
                    said.verdict.permit,
                    said.verdict.hits,
                    said.verdict.misses,
                )
                judged += 1
    assert judged == 91


def test_the_demo_shows_it() -> None:
    """The script that `make demo` runs prints sessions, refusals with reasons and remedies, and what goes out."""
    done = subprocess.run([sys.executable, str(SCENARIOS / "demo.py")], capture_output=True, check=True, text=True)
    assert "30 refused" in done.stdout
    assert "forbid limit-per-supervisor: " in done.stdout
    assert "would have permitted it: supervisor.sessions = 0 (was 1)" in done.stdout
    sent = Counter(json.loads(line)["subtopic"] for line in done.stdout.splitlines() if line.startswith("{"))
    assert sent == {"SetSilentMonitoring": 61, "SetDROP": 6}


def test_the_demo_writes_a_report(tmp_path: Path) -> None:
    """With `--report` the script writes the page of all 111 sessions, with silences on it, and says where."""
    path = tmp_path / "new" / "report.html"
    command = [sys.executable, str(SCENARIOS / "demo.py"), "--report", str(path)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert path.as_uri() in done.stdout
    page = path.read_text(encoding="utf-8")
    assert ">111</a>" in page
    assert "13 times for 0.5 s or longer" in page


def test_the_requests_are_those_of_the_script() -> None:
    """The recorded requests are what the script makes of the truth file."""
    truth = (FOLDER / "contact-centre-a.truth.jsonl").read_bytes()
    command = [sys.executable, str(SCENARIOS / "requests_of_truth.py")]
    made = subprocess.run(command, input=truth, capture_output=True, check=True).stdout
    assert made == (FOLDER / "contact-centre-a.requests.jsonl").read_bytes()
