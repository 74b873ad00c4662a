"""The pytest plugin where a stranger meets it: in a project of his own, with our wheel and without hypothesis."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from zipfile import ZipFile

import attrs
import pytest
from packaging.requirements import Requirement

import monitoring_core

pytestmark = pytest.mark.search

RULE = """
[[rule]]
id = "night-shift"
effect = "permit"
because = "at night whoever is awake may listen"
"""
STORY = """
title = "somebody listens at night"
about = "how we work"

[[when]]
at = 0
event = "established"
call = "c1"
address = "5025"

[[when]]
at = 1
event = "monitor_requested"
from_address = "5004"
to_address = "5025"
then = [
  { session = "S1", verdict = "permit", rules = ["night-shift"] },
  { session = "S1", state = "REQUESTED" },
  { send = "SetSilentMonitoring", fromAddress = "5004", toAddress = "5025", UserName = "" },
]
"""
WRONG = STORY.replace('at night"', 'by day"').replace('"permit", rules = ["night-shift"]', '"forbid", rules = []')
SETTINGS = '[pytest]\nmonitoring_core_rules = rules\nfilterwarnings = error\naddopts = "-p" "no:cacheprovider"\n'
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON", "COV"))}


@attrs.frozen
class Stranger:
    """A folder with a Python of its own, in which nothing is installed but us, pytest and what the two need."""

    python: Path
    folder: Path

    def write(self, name: str, text: str) -> None:
        """A file in the project."""
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text, encoding="utf-8")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """His Python, in his project."""
        command = [str(self.python), *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=ENVIRONMENT, capture_output=True, check=False, text=True, encoding="utf-8"
        )

    def pytest(self, *arguments: str) -> str:
        """What pytest prints."""
        done = self.run("-m", "pytest", *arguments)
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment, into which is copied what this one has of it: no network is asked."""
    folder = tmp_path_factory.mktemp("fresh")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    found = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    said = subprocess.run(
        [found, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        check=True,
        text=True,
        env=ENVIRONMENT,
    )
    ours = _ours(folder)
    for one in {"monitoring-core": ours, **_needed(ours), **_needed(distribution("pytest-xdist"))}.values():
        _copy(one, Path(said.stdout.strip()))
    return found


def _ours(folder: Path) -> Distribution:
    """As it is installed; where the source is tested, from a wheel made of it."""
    package = Path(monitoring_core.__path__[0])
    try:
        installed = distribution("monitoring-core")
        if Path(str(installed.locate_file("monitoring_core"))) == package:
            return installed
    except PackageNotFoundError:
        pass
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=package.parent, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    ZipFile(wheel).extractall(folder / "wheel")
    (told,) = (folder / "wheel").glob("*.dist-info")
    return Distribution.at(told)


def _needed(one: Distribution) -> dict[str, Distribution]:
    """`one` and all that it cannot do without, by their names."""
    found = {one.name: one}
    for text in one.requires or []:
        requirement = Requirement(text)
        if requirement.name not in found and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
            found |= _needed(distribution(requirement.name))
    return found


def _copy(one: Distribution, folder: Path) -> None:
    for file in one.files or []:
        if ".." not in file.parts and file.suffix != ".pyc":
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(one.locate_file(file)), folder / file)


@pytest.fixture
def stranger(python: Path, tmp_path: Path) -> Stranger:
    """A project with rules of its own and two stories, one of them wrong."""
    project = Stranger(python, tmp_path)
    project.write("pytest.ini", SETTINGS)
    project.write("rules/night.toml", RULE)
    project.write("stories/night.story.toml", STORY)
    project.write("stories/day.story.toml", WRONG)
    return project


def test_one_passes_and_one_fails_readably(stranger: Stranger) -> None:
    """One story passes; of the other the report says where, what was expected, what came, and what happened around."""
    said = stranger.pytest()
    assert "1 failed, 1 passed" in said
    report = said.partition("FAILURES")[2].partition("short test summary")[0]
    assert "day: somebody listens by day" in report
    assert "FAILED day.story.toml: somebody listens by day\n  at day.story.toml, when[2]\n" in report
    assert 'expected { session = "S1", verdict = "forbid", rules = [] }\n' in report
    assert 'got      { session = "S1", verdict = "permit", rules = ["night-shift"] }\n' in report
    assert '  around it\n    at 0 established { call = "c1", address = "5025" }\n' in report
    assert "Traceback" not in report
    assert "FAILED stories/day.story.toml::day" in said


def test_there_is_no_hypothesis(stranger: Stranger) -> None:
    """In that project hypothesis cannot be imported: what passes here passes without it."""
    assert "No module named 'hypothesis'" in stranger.run("-c", "import hypothesis").stderr


def test_the_plugin_is_the_standard_library_alone(stranger: Stranger) -> None:
    """Importing the plugin loads nothing but itself and the standard library."""
    code = """
import sys
before = {*sys.modules}
import monitoring_core.testing.plugin
for name in sorted({*sys.modules} - before):
    if name.partition(".")[0] not in sys.stdlib_module_names:
        print(name)
"""
    loaded = ["monitoring_core", "monitoring_core.testing", "monitoring_core.testing.plugin"]
    assert stranger.run("-c", code).stdout.split() == loaded


def test_tests_without_stories_load_nothing_of_ours(stranger: Stranger) -> None:
    """In a run that collects no story and asks for no fixture of ours, only the plugin itself is loaded."""
    stranger.write(
        "tests/test_own.py",
        "import sys\n\ndef test_own():\n"
        "    ours = [name for name in sys.modules if name.startswith('monitoring_core.')]\n"
        "    assert ours == ['monitoring_core.testing', 'monitoring_core.testing.plugin']\n"
        "    assert not {'attr', 'msgspec', 'structlog', 'tqdm', 'transitions'} & {*sys.modules}\n",
    )
    assert "1 passed" in stranger.pytest("tests")


def test_it_can_be_switched_off(stranger: Stranger) -> None:
    """With `-p no:monitoring_core` no story is collected."""
    stranger.write("pytest.ini", "[pytest]\n")
    assert "no tests ran" in stranger.pytest("-p", "no:monitoring_core")


def test_it_works_with_xdist(stranger: Stranger) -> None:
    """Spread over processes, the same stories pass and fail, with the same report."""
    said = stranger.pytest("-n", "2")
    assert "1 failed, 1 passed" in said
    assert 'expected { session = "S1", verdict = "forbid", rules = [] }' in said


def test_several_books_and_parameters(stranger: Stranger) -> None:
    """A story is a test for each rule book of the project and each value of its parameters, named after them."""
    stranger.write("pytest.ini", SETTINGS.replace("= rules", "= rules ./others/late default"))
    stranger.write("others/late/late.toml", RULE)
    text = STORY.replace("[[when]]", 'parameters.phone = ["5004", "5005"]\n\n[[when]]', 1)
    stranger.write(
        "stories/night.story.toml", text.replace('"5004", to', '"${phone}", to').replace('5004"\nto', '${phone}"\nto')
    )
    said = stranger.pytest("-v", "stories/night.story.toml")
    for way in ("rules-phone=5004", "rules-phone=5005", "late-phone=5004", "late-phone=5005"):
        assert f"stories/night.story.toml::night[{way}] " in said, said
    assert len(re.findall(r"night\[default-phone=500[45]\] FAILED", said)) == 2


def test_a_wrong_story_is_an_error_of_its_file(stranger: Stranger) -> None:
    """A file that is no story is told with its place and its fix, without a traceback, and the others run."""
    stranger.write("stories/day.story.toml", STORY.replace("[[when]]", "[[whem]]", 1))
    said = stranger.pytest("--continue-on-collection-errors")
    assert 'unknown key "whem" (day.story.toml:5, whem)\n  fix: did you mean "when"?' in said
    assert "1 passed, 1 error" in said


FIXTURES = """
from monitoring_core.domain.events import MonitorRequested
from monitoring_core.domain.outcomes import NOTHING, State
from monitoring_core.monitor import Monitor


def ask(floor, engine):
    floor.person("ann", extension="5004", teams=("sales",))
    floor.phone("5025", configured=True)
    floor.call("c1", "0170", "5025")
    return engine.step(MonitorRequested(from_address="5004", to_address="5025"))


def test_permitted(monitoring_floor, monitoring_engine, monitoring_clock):
    monitoring_clock.advance(5)
    (move,) = ask(monitoring_floor, monitoring_engine).moves
    assert (move.after, move.at) == (State.REQUESTED, 5.0)
    assert monitoring_engine.engine.floor.people.persons["ann"].teams == {"sales"}
    assert [move.after for move in monitoring_engine.pass_time(60).moves] == [State.REJECTED]


def test_shown(monitoring_floor, monitoring_engine):
    assert ask(monitoring_floor, monitoring_engine) == NOTHING
"""


def test_fixtures_and_what_an_assert_shows(stranger: Stranger) -> None:
    """The fixtures make a site by the project's rules, and a failing assert shows a Step in the words of stories."""
    stranger.write("tests/test_site.py", FIXTURES)
    said = stranger.pytest("tests", "-vv")
    assert "1 failed, 1 passed" in said, said
    assert 'E           { session = "test-6", verdict = "permit", rules = ["night-shift"] }\n' in said
    assert 'E           { session = "test-6", state = "REQUESTED" }\n' in said
    assert "E         right:\nE           nothing\n" in said


def test_the_example_of_the_page_runs(stranger: Stranger) -> None:
    """The test that the page on stories shows passes by the packaged rules, and runs beside stories as it says."""
    page = (Path(__file__).parents[1] / "scenarios" / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (settings,) = re.findall(r"```toml\n(\[tool\.pytest.*?)```", page, re.DOTALL)
    stranger.write("tests/test_example.py", example)
    stranger.write("pytest.ini", "[pytest]\n")
    assert "1 passed" in stranger.pytest("tests")
    (stranger.folder / "pytest.ini").unlink()
    stranger.write("pyproject.toml", settings)
    assert "1 failed, 2 passed" in stranger.pytest()


def test_the_fixtures_are_documented(stranger: Stranger) -> None:
    """`pytest --fixtures` says of each fixture what it is."""
    said = stranger.pytest("--fixtures")
    for name in ("rules", "clock", "engine", "floor"):
        assert re.search(rf"^monitoring_{name} .*\n +[A-Z]", said, re.MULTILINE), said
