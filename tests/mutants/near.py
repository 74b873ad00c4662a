"""Which tests run which line, and how long each takes: measured once, kept in a file, and again when a file changes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from hashlib import sha256
from itertools import accumulate
from pathlib import Path

import attrs
import msgspec
import pytest
from coverage import Coverage

from tests.house.house import package_sources, pure_sources, sources_of_tests
from tests.mutants.made import Mutant, lines_of
from tests.mutants.runs import PROFILE, apart, is_ours, path_of

ELSEWHERE = ("tests/house", "tests/crash", "tests/mutants")
"""These read the source, or take minutes."""
MEASURE_S = 3_600.0
OF_ALL_MODULES = ("tests/test_domain.py::test_values_never_change",)
"""These look at what every module is when it was imported, without running a line of it."""


class Map(msgspec.Struct, frozen=True):
    """What a run of all tests without a change showed.

    `lines`: of each module, of each line, the tests that ran it, as indexes of `tests`, which took `seconds`.
    """

    digest: str
    tests: list[str]
    seconds: list[float]
    lines: dict[str, dict[int, list[int]]]
    modules: list[str]
    failed: list[str]

    def covering(self, mutant: Mutant) -> list[int]:
        """The tests that run the place of a mutant, the quickest first; if that runs on import, all of its module."""
        lines = self.lines.get(mutant.source.name, {})
        found = {test for line in lines_of(mutant) for test in lines.get(line, ())}
        if not found:
            found = {test for tests in lines.values() for test in tests} or set(range(len(self.tests)))
            found.update(index for index, test in enumerate(self.tests) if test in OF_ALL_MODULES)
        return sorted(found, key=lambda test: (self.seconds[test], self.tests[test]))

    def quick(self, total_s: float) -> list[str]:
        """The quickest of all tests, as many as take so long together."""
        order = sorted(range(len(self.tests)), key=lambda test: self.seconds[test])
        return [self.tests[test] for test in self.within(order, total_s)]

    def within(self, tests: Sequence[int], total_s: float) -> list[int]:
        """The first of `tests`, as many as take so long together."""
        until = accumulate(self.seconds[test] for test in tests)
        return [test for test, so_far_s in zip(tests, until, strict=True) if so_far_s <= total_s]

    def took_s(self, tests: Sequence[int]) -> float:
        """The seconds of those tests together."""
        return sum(self.seconds[test] for test in tests)


class Seen(msgspec.Struct):
    """What the run itself tells: seconds of each test, which failed, who ran which line, what was imported."""

    seconds: dict[str, float] = {}
    failed: list[str] = []
    lines: dict[str, dict[int, list[str]]] = {}
    modules: list[str] = []


@attrs.define
class Watch:
    """A pytest plugin that writes into a file what it saw.

    It asks coverage itself, and between tests: what some tests do to files and databases would do harm to its data.
    """

    overlay: Path
    path: Path
    seen: Seen = attrs.field(factory=Seen)
    coverage: Coverage = attrs.field(init=False)

    def pytest_sessionstart(self) -> None:
        """From here on lines are counted, for nobody yet; only the tracer written in C tells for whom."""
        os.environ["COVERAGE_CORE"] = "ctrace"
        self.coverage = Coverage(data_file=None, config_file=False, include=[f"{self.overlay}/*"])
        self.coverage.start()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """From here on for this test."""
        self.coverage.switch_context(item.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """The three parts of a test are one."""
        self.seen.seconds[report.nodeid] = self.seen.seconds.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self.seen.failed.append(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """All at once, in the end; what measures is no module to know beforehand."""
        self.coverage.stop()
        found = self.coverage.get_data()
        for source in pure_sources():
            self.seen.lines[source.name] = found.contexts_by_lineno(str(path_of(self.overlay, source.name)))
        self.seen.modules = [name for name in sys.modules if not (is_ours(name) or "cov" in name or name[0] == "_")]
        self.path.write_bytes(msgspec.json.encode(self.seen))


def measured(overlay: Path, kept: Path) -> Map:
    """The map: from `kept` if nothing has changed since, otherwise by running all tests but long searches."""
    digest = _digest()
    if kept.exists():
        old = msgspec.json.decode(kept.read_bytes(), type=Map)
        if old.digest == digest:
            return old
    new = _measure(overlay, digest)
    kept.write_bytes(msgspec.json.encode(new))
    return new


def _measure(overlay: Path, digest: str) -> Map:
    watch = Watch(overlay, overlay / "seen.json")
    arguments = ["-m", "not search", f"--hypothesis-profile={PROFILE}", *(f"--ignore={place}" for place in ELSEWHERE)]
    apart(overlay, arguments, watch, MEASURE_S)
    seen = msgspec.json.decode(watch.path.read_bytes(), type=Seen)
    tests = sorted(set(seen.seconds) - set(seen.failed))
    index = {test: place for place, test in enumerate(tests)}
    lines = {
        module: {line: sorted(index[test] for test in by if test in index) for line, by in its.items()}
        for module, its in seen.lines.items()
    }
    return Map(digest, tests, [seen.seconds[test] for test in tests], lines, seen.modules, seen.failed)


def _digest() -> str:
    """Of the package and of all tests."""
    found = sha256()
    for source in (*package_sources(), *sources_of_tests()):
        found.update(f"{source.name}\n{source.text}\n".encode())
    return found.hexdigest()
