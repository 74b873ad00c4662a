"""Chosen tests on a copy of the package, in a process of their own that has imported what takes long from the start."""

from __future__ import annotations

import gc
import os
import py_compile
import resource
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from compileall import compile_dir
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import cache_from_source, find_spec
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import attrs
import pytest
from hypothesis import Phase, settings

from tests.house.house import PACKAGE

PROFILE = "mutants"
EXAMPLES_MAX = 25
MEMORY_BYTES_MAX = 4 * 1024**3
LIMIT_S = 20.0
"""What a run may take, on top of four times what its tests took when nothing was changed."""
QUIET = (
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
    *("-W", "ignore::hypothesis.errors.HypothesisSideeffectWarning"),
)
"""Two warnings about what was imported before pytest began, which is what makes this fast."""

settings.register_profile(
    PROFILE,
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=EXAMPLES_MAX,
    phases=(Phase.explicit, Phase.generate),
)


@attrs.frozen
class Outcome:
    """How a run ended: `passed`, `failed`, `import` (no test was reached) or `time`, and the first test that failed."""

    how: str
    by: str = ""


@attrs.define
class Chosen:
    """A pytest plugin: only these tests, in this order, and word of the first that fails."""

    tests: Sequence[str]
    connection: Connection

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """What the mutant has renamed is not there, which is no failure."""
        named = {item.nodeid: item for item in items}
        items[:] = [named[test] for test in self.tests if test in named]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """The first failure is the last that is told."""
        if report.failed:
            self.connection.send(report.nodeid)


def overlay(folder: Path) -> Path:
    """`folder`, with a copy of the package as it is installed: first on the path, it is what the tests import."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(PACKAGE)
    shutil.copytree(Path(spec.origin).parent, folder / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    compile_dir(folder, quiet=1)
    return folder


@contextmanager
def changed(folder: Path, module: str, text: str) -> Iterator[None]:
    """The copy with another text of one module; what is compiled goes with what is written."""
    path = path_of(folder, module)
    before = path.read_bytes()
    path.write_text(text, encoding="utf-8")
    Path(cache_from_source(str(path))).unlink(missing_ok=True)
    try:
        yield
    finally:
        path.write_bytes(before)
        py_compile.compile(str(path))


def path_of(folder: Path, module: str) -> Path:
    """The file of a module in the copy."""
    path = folder.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def run(folder: Path, tests: Sequence[str], limit_s: float) -> Outcome:
    """Those tests on the copy in `folder`, until one fails."""
    arguments = [
        "-x",
        f"--hypothesis-profile={PROFILE}",
        *sorted({test.partition("::")[0] for test in tests}),
    ]
    ours, theirs = get_context("fork").Pipe(duplex=False)
    plugin = Chosen(tests, theirs)
    code = apart(folder, arguments, plugin, limit_s)
    theirs.close()
    by = ""
    with suppress(EOFError):
        while ours.poll():
            by = ours.recv()
    if code is None:
        return Outcome("time")
    if code in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        return Outcome("passed")
    return Outcome("failed", by) if by else Outcome("import")


def apart(folder: Path, arguments: Sequence[str], plugin: object, limit_s: float) -> int | None:
    """The exit code of pytest in a child; None if it had to be killed, with all that it started, after `limit_s`."""
    process = get_context("fork").Process(target=_child, args=(folder, arguments, plugin))
    process.start()
    alive = True
    try:
        process.join(limit_s)
        alive = process.is_alive()
    finally:
        if process.pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.join()
    return None if alive else process.exitcode


def _child(folder: Path, arguments: Sequence[str], plugin: object) -> None:
    """Pytest, unheard, on the copy; what it starts takes the copy too."""
    os.setsid()
    silence = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(silence, number)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    for name in [name for name in sys.modules if is_ours(name)]:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    os.environ["PYTHONPATH"] = str(folder)
    always = ["-q", "-p", "no:cacheprovider", f"--basetemp={folder / 'temporary'}", *QUIET]
    os._exit(pytest.main([*always, *arguments], plugins=[plugin]))


def warm(modules: Sequence[str]) -> None:
    """Import what the tests import, but for what is ours: children have it from then on."""
    for name in modules:
        with suppress(Exception):
            import_module(name)
    gc.collect()
    gc.freeze()


def is_ours(name: str) -> bool:
    """Whether a module comes from this repository, so that each run must import it itself."""
    return name.partition(".")[0] in {PACKAGE, "tests", "conftest", "scenarios"}
