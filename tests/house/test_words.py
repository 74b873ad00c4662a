"""Names are whole words: no identifier of the package or its tests is, or contains, a common abbreviation."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.house.house import Source, broken, package_sources, planted, sources_of_tests

WHOLE = {
    "addr": "address",
    "attr": "attribute",
    "cb": "callback",
    "cfg": "settings",
    "cmd": "command",
    "conf": "settings",
    "conn": "connection",
    "ctx": "facts",
    "desc": "description",
    "dest": "destination",
    "evt": "event",
    "ext": "extension",
    "fn": "function",
    "idx": "index",
    "mgr": "manager",
    "msg": "message",
    "num": "number",
    "obj": "the thing's own word",
    "param": "parameter",
    "pos": "position",
    "ptr": "pointer",
    "req": "request",
    "res": "result",
    "resp": "response",
    "src": "source",
    "svc": "service",
    "tmp": "what it holds",
    "usr": "user",
    "val": "value",
}
OTHERS = frozenset({"tmp_path", "tmp_path_factory"})
"""Names that pytest gave."""


def whole_words(source: Source) -> Iterator[str]:
    """The names that `source` makes of an abbreviation; names of other libraries' attributes are theirs."""
    for line, name in _made(source):
        for part in [] if name in OTHERS else name.lower().strip("_").split("_"):
            if part in WHOLE:
                yield source.at(line, f"the name {name!r} is short for {WHOLE[part]!r}; write the whole word")


def _made(source: Source) -> Iterator[tuple[int, str]]:
    for node in source.nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((node.lineno, alias.asname) for alias in node.names if alias.asname)


def test_names_are_whole_words() -> None:
    """Neither the package nor its tests make a name of an abbreviation."""
    assert not broken(whole_words, [*package_sources(), *sources_of_tests()])


@pytest.mark.parametrize(
    "text",
    [
        "msg = 1",
        "def f(from_addr): ...",
        "def get_cfg(): ...",
        "class Req: ...",
        "self._ctx = 1",
        "import x as src",
        "for num in x: ...",
    ],
)
def test_an_abbreviation_is_found(text: str) -> None:
    """A planted abbreviation is refused with the whole word."""
    assert "write the whole word" in planted(whole_words, text)


@pytest.mark.parametrize("text", ["message = d['msg']", "def f(tmp_path): ...", "x = y.attr", "address = number = 1"])
def test_a_whole_word_is_left_alone(text: str) -> None:
    """A whole word, a key of somebody else's data and another library's name are no problem."""
    assert not planted(whole_words, text)
