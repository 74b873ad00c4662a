"""The tests have laws too: each says its claim, none is skipped without a reason, none reads a clock."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.house.house import Source, broken, planted, sources_of_tests

CLOCKS = frozenset("time timeit".split())
CLOCK_CALLS = frozenset("now utcnow today".split())
EXCUSES = frozenset("skip skipif xfail".split())


def says_its_claim(source: Source) -> Iterator[str]:
    """The test functions of `source` that do not say what they claim."""
    for function in source.functions:
        if function.name.startswith("test_") and not ast.get_docstring(function) and _is_test_module(source):
            yield source.at(function.lineno, f"{function.name} has no docstring; say its claim in one sentence")


def excuses_itself(source: Source) -> Iterator[str]:
    """The skips and expected failures of `source` that give no reason."""
    for node in source.nodes:
        if not isinstance(node, ast.Attribute) or node.attr not in EXCUSES or not _is_pytest(node.value):
            continue
        if not any(_has_reason(call) for call in _calls_of(source, node)):
            yield source.at(node.lineno, f"{node.attr} without a reason; mend the test, or say why it cannot run")


def reads_no_clock(source: Source) -> Iterator[str]:
    """Where `source` could wait for or assert a time, unless it measures, kills at random, or waits for a server."""
    if source.name.startswith(("tests.bench", "tests.crash", "tests.servers")):
        return
    repair = "pass the time in with the event; what measures belongs into tests/bench"
    for line, name in source.imports:
        if name.partition(".")[0] in CLOCKS:
            yield source.at(line, f"a test imports {name!r}; {repair}")
    for node in source.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK_CALLS:
            yield source.at(node.lineno, f"a test calls {node.func.attr}(); {repair}")


def _is_test_module(source: Source) -> bool:
    return source.name.rpartition(".")[2].startswith("test_")


def _is_pytest(node: ast.expr) -> bool:
    return ast.unparse(node) in {"pytest", "pytest.mark", "mark"}


def _has_reason(call: ast.Call) -> bool:
    given = [word.value for word in call.keywords if word.arg == "reason"]
    if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "pytest":
        given += call.args
    return any(not isinstance(value, ast.Constant) or bool(value.value) for value in given)


def _calls_of(source: Source, attribute: ast.Attribute) -> Iterator[ast.Call]:
    return (node for node in source.nodes if isinstance(node, ast.Call) and node.func is attribute)


def test_every_test_says_its_claim() -> None:
    """The docstring of each test function is its claim."""
    assert not broken(says_its_claim, sources_of_tests())


def test_no_test_is_skipped_without_a_reason() -> None:
    """Whatever is skipped or expected to fail says why."""
    assert not broken(excuses_itself, sources_of_tests())


def test_no_test_reads_a_clock() -> None:
    """Outside of tests/bench, tests/crash and tests/servers no test waits for, or asserts, a time of the wall clock."""
    assert not broken(reads_no_clock, sources_of_tests())


def test_a_test_without_a_claim_is_found() -> None:
    """A planted test without a docstring is refused with its repair, also as a method."""
    for text in ("def test_x() -> None: ...", "class TestX:\n    def test_x(self) -> None: ..."):
        assert "say its claim in one sentence" in planted(says_its_claim, text, "tests.test_x")


@pytest.mark.parametrize(
    "text",
    [
        "@pytest.mark.{0}\ndef test_x(): ...",
        "@pytest.mark.{0}()\ndef test_x(): ...",
        "@pytest.mark.{0}(reason='')\ndef test_x(): ...",
        "@pytest.mark.{0}(sys.platform == 'x')\ndef test_x(): ...",
        "def test_x(): pytest.{0}()",
        "pytestmark = pytest.mark.{0}",
    ],
)
@pytest.mark.parametrize("word", sorted(EXCUSES))
def test_an_empty_excuse_is_found(text: str, word: str) -> None:
    """A planted skip or expected failure without a reason is refused with its repair, once."""
    assert planted(excuses_itself, text.format(word), "tests.test_x").count("mend the test") == 1


@pytest.mark.parametrize("text", ["pytest.mark.{0}(1, reason='no server')", "pytest.{0}('no server')", "path.{0}"])
def test_a_reason_is_accepted(text: str) -> None:
    """A skip with its reason, and what only has the same name, is no problem."""
    assert not planted(excuses_itself, text.format("skip"), "tests.test_x")


@pytest.mark.parametrize("text", ["import time", "from timeit import timeit", "datetime.now()", "date.today()"])
def test_a_clock_in_a_test_is_found(text: str) -> None:
    """A planted look at the clock is refused with its repair, except in a measurement."""
    assert "pass the time in with the event" in planted(reads_no_clock, text, "tests.test_x")
    assert not planted(reads_no_clock, text, "tests.bench.replay")
