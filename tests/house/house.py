"""The house as data: its rooms in their order, which of them are pure, how large they may be, and how to read them.

A law is a function from a `Source` to problems, each a sentence that names its repair; it is tested on the real
house and on planted faults.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path

import attrs

import monitoring_core

PACKAGE = "monitoring_core"

ORDER: tuple[frozenset[str], ...] = tuple(
    frozenset(step.split())
    for step in (
        "errors",
        "domain",
        "window multimap",
        "message finesse session rules",
        "floor",
        "engine",
        "state properties",
        "replay",
        "log",
        "journal sources outbound files",
        "monitor",
        "scenario",
        "audit whatif analysis explore mutation coverage lint cursor large",
        "testing",
        "report",
        "cli",
        "__main__",
    )
)
"""A room imports only from rooms further up; rooms on one line never import each other."""

PURE = frozenset(
    "errors domain window multimap message finesse session rules floor engine state properties replay".split()
)

FUNCTION_LINES_MAX = 40
MODULE_LINES_MAX = 400
PURE_CODE_LINES_MAX = 5_616
"""Lines of code (no blanks, comments or docstrings) of all pure rooms together: a ratchet, it only goes down."""
PURE_CODE_LINES_SLACK = 100
"""How far the ratchet may hang above what there is, before a test asks to lower it."""


@attrs.frozen(slots=False)
class Source:
    """One Python file: its dotted name, its text, and whether it is a package's `__init__`."""

    name: str
    text: str
    is_package: bool = False

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed text."""
        return ast.parse(self.text)

    @property
    def room(self) -> str:
        """The first name below the package; empty for the package's own `__init__`."""
        return self.name.partition(".")[2].partition(".")[0]

    @property
    def nodes(self) -> Iterator[ast.AST]:
        """Every node, wherever it stands."""
        return ast.walk(self.tree)

    @property
    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function and method."""
        return (node for node in self.nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))

    @property
    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and full dotted name of everything imported; a relative import keeps its dots."""
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                start = "." * node.level + (node.module or "")
                yield from ((node.lineno, f"{start}.{alias.name}") for alias in node.names)

    def at(self, line: int, problem: str) -> str:
        """A problem with its place."""
        return f"{self.name}, line {line}: {problem}"

    def code_lines(self) -> int:
        """Lines that hold code: neither blank, nor only a comment, nor part of a docstring."""
        idle = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
        held = {
            line
            for token in tokenize.generate_tokens(io.StringIO(self.text).readline)
            if token.type not in idle
            for line in range(token.start[0], token.end[0] + 1)
        }
        for node in self.nodes:
            match node:
                case ast.Expr(value=ast.Constant(value=str())):
                    held.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        return len(held)


def root() -> Path:
    """The repository, or its copy without the package when the built wheel is tested."""
    return Path(__file__).parents[2]


def sources(folder: Path, name: str) -> list[Source]:
    """Every Python file below `folder`, which is the package `name`."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        parts = [name, *path.relative_to(folder).with_suffix("").parts]
        is_package = parts[-1] == "__init__"
        text = path.read_text(encoding="utf-8")
        found.append(Source(".".join(parts[:-1] if is_package else parts), text, is_package))
    return found


def package_sources() -> list[Source]:
    """The package as it is imported: from the source tree, or installed."""
    return sources(Path(monitoring_core.__path__[0]), PACKAGE)


def pure_sources() -> list[Source]:
    """The modules of the pure rooms."""
    return [source for source in package_sources() if source.room in PURE]


def sources_of_tests() -> list[Source]:
    """Every Python file of the tests."""
    return sources(root() / "tests", "tests")


def broken(law: Callable[[Source], Iterable[str]], among: Iterable[Source]) -> str:
    """All problems that `law` finds, one a line; empty when it is kept."""
    return "\n".join(problem for source in among for problem in law(source))


def planted(law: Callable[[Source], Iterable[str]], text: str, name: str = f"{PACKAGE}.floor") -> str:
    """What `law` says of a planted file."""
    return broken(law, [Source(name, text)])
