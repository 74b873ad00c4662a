"""No file of the repository names a path of somebody's machine or the host of a package registry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import monitoring_core
from tests.house.house import root

NOT_OURS = frozenset(
    ".git .venv build dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache __pycache__".split()
)

# Written with character classes, so that this file is not its own first catch.
MACHINE_PATH = re.compile(r"(?<![\w.~*-])/(?:wor[k]|far[m]|roo[t]|hom[e]/\w+|User[s]/\w+|tm[p])/|\b[A-Z]:\\User[s]\\")
REGISTRY_HOST = re.compile(
    r"pyp[i]\.org|pythonhoste[d]\.org|registr[y]\.npmjs|(?:deb|security)\.debia[n]\.org|conda\.anacond[a]"
)
PIN = re.compile(r"[A-Za-z0-9][\w.-]*==[\w.!+]+")


def leaks(name: str, text: str) -> Iterator[str]:
    """The lines of the file `name` that tell where it was written."""
    for number, line in enumerate(text.splitlines(), 1):
        if MACHINE_PATH.search(line):
            yield f"{name}, line {number}: names a path of one machine; write it relative, or use tmp_path in a test"
        if REGISTRY_HOST.search(line):
            yield f"{name}, line {number}: names a registry's host; where packages come from is pip's own configuration"


def not_a_pin(text: str) -> Iterator[str]:
    """The lines of constraints that are more, or less, than a name and a version."""
    for number, line in enumerate(text.splitlines(), 1):
        if not PIN.fullmatch(line):
            yield f"constraints.txt, line {number}: {line!r} is not name==version; write just that"


def text_files() -> Iterator[tuple[str, str]]:
    """Name and text of every text file of the repository and of the package, wherever that is installed."""
    package = Path(monitoring_core.__path__[0])
    for folder in (root(), package):
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder)
            if path.is_file() and NOT_OURS.isdisjoint(inside.parts):
                try:
                    yield str(inside), path.read_text(encoding="utf-8")
                except UnicodeDecodeError:
                    continue  # not text: a compressed recording


def test_no_file_tells_where_it_was_written() -> None:
    """No text file names a machine's path or a registry's host."""
    assert not "\n".join(problem for name, text in text_files() for problem in leaks(name, text))


def test_the_constraints_are_names_and_versions() -> None:
    """Each line of constraints.txt is a name and a version, and nothing else."""
    assert not "\n".join(not_a_pin((root() / "constraints.txt").read_text(encoding="utf-8")))


@pytest.mark.parametrize("start", ["", "x = '", "see file://"])
@pytest.mark.parametrize("place", ["work", "root", "home:ann", "Users:ann", "tmp"])
def test_a_machine_path_is_found(start: str, place: str) -> None:
    """A planted path of a machine is refused with its repair."""
    assert "write it relative" in "".join(leaks("planted", "/".join([start, *place.split(":"), "x"])))


@pytest.mark.parametrize("host", ["pypi:org", "files:python+hosted:org", "registry:npmjs:org", "deb:debian:org"])
def test_a_registry_host_is_found(host: str) -> None:
    """A planted host of a registry is refused with its repair."""
    assert "pip's own configuration" in "".join(leaks("planted", "https://" + host.replace("+", "").replace(":", ".")))


@pytest.mark.parametrize("text", ["/finesse/api/User/1", "net|work|x", "a.root|x", "https://example.org/home/"])
def test_other_paths_and_hosts_are_left_alone(text: str) -> None:
    """A path of an API, a relative path and an ordinary host are no problem."""
    assert not list(leaks("planted", text.replace("|", "/")))


@pytest.mark.parametrize(
    "line", ["x", "x>=1", "x==1 --hash=sha256:0", "x @ https://example.org/x.whl", "# x", "-i host", ""]
)
def test_what_is_not_a_pin_is_found(line: str) -> None:
    """A planted line that is more or less than a pin is refused with its repair."""
    assert "is not name==version" in "".join(not_a_pin(f"attrs==1.0\n{line}\n"))
