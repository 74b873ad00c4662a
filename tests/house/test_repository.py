"""What the repository's own files promise about each other: coverage and pure rooms, pins and requirements, reasons."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

import pytest

from tests.house.house import PACKAGE, PURE, Source, package_sources, root

PLACE = "tool.coverage.report.include of pyproject.toml"
REASON = re.compile(r'^\s*"[A-Z]+\d*",\s+# \S.*\S$')


def miscounted(included: Iterable[str], modules: Iterable[Source]) -> Iterator[str]:
    """The modules of pure rooms that coverage leaves out, and those of others that it counts."""
    patterns = list(included)
    for module in modules:
        path = PurePosixPath("site-packages", *module.name.split("."), "__init__" if module.is_package else "")
        counted = any(path.with_suffix(".py").match(pattern) for pattern in patterns)
        if counted < (module.room in PURE):
            yield module.at(1, f"coverage leaves it out; enter its room in {PLACE}")
        if counted and module.room not in PURE:
            yield module.at(1, f"coverage counts it, but it is no pure room; take it out of {PLACE}")


def unpinned(requirements: Iterable[str], constraints: str) -> Iterator[str]:
    """The requirements that constraints.txt does not pin."""
    pinned = {_plain(line.partition("==")[0]) for line in constraints.splitlines()}
    for requirement in requirements:
        name = _plain(re.split(r"[\s<>=!~;\[]", requirement, maxsplit=1)[0])
        if name not in pinned:
            yield f"{name} is required but not pinned; write constraints.txt anew from a venv that has it"


def unreasoned(pyproject: str) -> Iterator[str]:
    """The rules of ruff that are ignored without a reason, each rule on its own line."""
    ignored = re.search(r"^ignore = \[\n(.*?)^\]", pyproject, re.MULTILINE | re.DOTALL)
    per_file = re.search(r"^\[tool\.ruff\.lint\.per-file-ignores\]\n(.*?)^\[", pyproject, re.MULTILINE | re.DOTALL)
    for block in (ignored, per_file):
        for line in block[1].splitlines() if block else []:
            if line.strip() and not re.fullmatch(r'"[^"]+" = \[|\]', line) and not REASON.match(line):
                yield f"a rule is ignored without a reason: {line.strip()}; write one rule a line, # and why"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _pyproject() -> str:
    return (root() / "pyproject.toml").read_text(encoding="utf-8")


def _project() -> dict[str, Any]:
    return tomllib.loads(_pyproject())


def test_coverage_counts_the_pure_rooms() -> None:
    """What must be covered to the last branch is all pure rooms, and only they."""
    assert not "\n".join(miscounted(_project()["tool"]["coverage"]["report"]["include"], package_sources()))


def test_everything_required_is_pinned() -> None:
    """Each runtime, extra and build requirement of the project has its line in constraints.txt."""
    project = _project()
    extras = [one for extra in project["project"]["optional-dependencies"].values() for one in extra]
    required = [*project["build-system"]["requires"], *project["project"]["dependencies"], *extras]
    assert not "\n".join(unpinned(required, (root() / "constraints.txt").read_text(encoding="utf-8")))


def test_each_ignored_rule_has_its_reason() -> None:
    """The linter checks everything except rules that pyproject.toml names one by one, each with a reason."""
    assert _project()["tool"]["ruff"]["lint"]["select"] == ["ALL"]
    assert not "\n".join(unreasoned(_pyproject()))


def test_a_miscounted_room_is_found() -> None:
    """A pure room that coverage leaves out, and a shell that it counts, are refused with their repair."""
    floor, calls = Source(f"{PACKAGE}.floor", "", is_package=True), Source(f"{PACKAGE}.floor.calls", "")
    assert "enter its room" in "".join(miscounted([f"*/{PACKAGE}/floor.py"], [calls]))
    assert "take it out" in "".join(miscounted([f"*/{PACKAGE}/*.py"], [Source(f"{PACKAGE}.cli", "")]))
    assert not list(miscounted([f"*/{PACKAGE}/floor/*.py"], [floor, calls]))


@pytest.mark.parametrize("requirement", ["attrs>=23", "attrs", "attrs[x]>=1; python_version>'3'"])
def test_an_unpinned_requirement_is_found(requirement: str) -> None:
    """A requirement without its pin is refused with its repair, however it is written."""
    assert "write constraints.txt anew" in "".join(unpinned([requirement], "msgspec==1\n"))
    assert not list(unpinned([requirement], "Attrs==1\n"))


@pytest.mark.parametrize("line", ['  "D105",', '  "D105", #', '  "D105", "D107", # both'])
def test_a_rule_ignored_without_a_reason_is_found(line: str) -> None:
    """A planted ignore without a reason of its own is refused with its repair, in either list."""
    good = '  "S101", # tests assert'
    per_file = f'[tool.ruff.lint.per-file-ignores]\n"tests/**" = [\n{good}\n{line}\n]\n\n[tool.x]\n'
    for text in (f"ignore = [\n{good}\n{line}\n]\n", per_file):
        assert "".join(unreasoned(text)).count("write one rule a line") == 1
