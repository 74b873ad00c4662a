"""What it would bring to compile the pure rooms with mypyc: a prototype, built in a scratch folder and thrown away.

Two edits are needed, and made here. mypyc forgets the words of a class statement (`frozen=True`, `tag=...`) of which
msgspec's Structs are made: each module's Structs, with what they need of it, are moved into a module beside it that
stays Python, as events and outcomes do. And it makes no native classes of attrs': they become dataclasses, of which it
does. Nothing else is changed. The tests of the pure rooms run on both; then both replay the same log, digest and all.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from itertools import islice
from pathlib import Path
from shutil import copytree, ignore_patterns
from tempfile import TemporaryDirectory
from typing import Any

import attrs

from tests.bench.contenders.track import Entry, Track

ROOT = Path(__file__).parents[2]
ROOMS = ("window", "multimap", "session", "rules", "floor", "engine")
"""What a step goes through. The loop of a replay stays Python: it names a type that exists for type checkers only."""
RULES = ("compile.py", "judge.py", "explain.py")
"""Of the room of rules what runs at each request; the rest loads them, or answers what nobody asks in a replay."""
TESTS = (
    "test_domain test_engine_calls test_engine_limits test_engine_listeners test_engine_modes test_engine_monitors "
    "test_engine_rejudging test_engine_repeats test_engine_requests test_engine_scope test_engine_snapshots "
    "test_engine_standing test_engine_time test_floor_calls test_floor_people test_multimap test_replay "
    "test_rules_judge test_rules_load test_rules_remedy test_session test_state test_stateful test_stories test_window"
).split()
SETUP = """
from setuptools import setup
from mypyc.build import mypycify
setup(name="prototype", packages=[], ext_modules=mypycify({arguments!r}, opt_level="3"))
"""
ASKED = """
import attrs, dataclasses
is_attrs, fields_of_attrs = attrs.has, attrs.fields_dict
attrs.has = lambda kind: is_attrs(kind) or dataclasses.is_dataclass(kind)
attrs.fields_dict = lambda kind: fields_of_attrs(kind) if is_attrs(kind) else kind.__dataclass_fields__
"""
"""Some tests look into a state by the fields of its classes: beside the compiled one they are told of dataclasses'."""
PIECE = 20_000
AIM = 0.35


# The edit


def split(source: str, module: str) -> tuple[str, str]:
    """The Structs of a module with what they need of it, and the rest; the first is empty if it has none."""
    tree, lines = ast.parse(source), source.splitlines(keepends=True)
    named = {name: node for node in tree.body for name in _defined(node)}
    wanted: list[ast.stmt] = [node for node in tree.body if isinstance(node, ast.ClassDef) and _is_struct(node)]
    moved: list[ast.stmt] = []
    while wanted:
        node = wanted.pop()
        if node not in moved:
            moved.append(node)
            used = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
            wanted += [named[name] for name in used if name in named and named[name] is not node]
    if not moved:
        return "", source
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    kept = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    names = sorted(name for node in moved for name in _defined(node))
    taken = {line for node in moved for line in _lines(node)}
    rest = [line for number, line in enumerate(lines, start=1) if number not in taken]
    rest.insert(kept[0].end_lineno or 0, f"from {module}_values import {', '.join(names)}\n")
    ordered = sorted({*imports, *moved}, key=lambda node: node.lineno)
    return "".join(lines[number - 1] for node in ordered for number in _lines(node)), "".join(rest)


def native(source: str) -> str:
    """The same with dataclasses instead of attrs'; both have the same words for what is used here.

    msgspec fills such classes by the types of their fields, which mypyc forgets: they are said once more at the end.
    """
    field = r"^(    \w+: [^=\n]+ = )attrs\.field\("
    changed = re.sub(r"^@attrs\.define\((.*)\)$", lambda found: _dataclass(found[1]), source, flags=re.MULTILINE)
    changed = re.sub(f"{field}factory=", r"\1_field(default_factory=", changed, flags=re.MULTILINE)
    changed = re.sub(field, r"\1_field(", changed, flags=re.MULTILINE)
    if changed == source:
        return source
    future = "from __future__ import annotations\n"
    brought = f"{future}from dataclasses import dataclass as _dataclass, field as _field\n"
    return changed.replace(future, brought, 1) + "".join(_annotations(changed))


def _annotations(source: str) -> Iterator[str]:
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and "_dataclass" in map(_called, node.decorator_list):
            fields = [one for one in node.body if isinstance(one, ast.AnnAssign)]
            types = {ast.unparse(one.target): ast.unparse(one.annotation) for one in fields}
            yield f'setattr({node.name}, "__annotations__", {types!r})\n'


def _called(node: ast.expr) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _dataclass(words: str) -> str:
    kept = [word for word in words.split(", ") if word.startswith(("eq=", "kw_only="))]
    return f"@_dataclass({', '.join(kept)})"


def _lines(node: ast.stmt) -> range:
    decorators = getattr(node, "decorator_list", [])
    return range(min([node.lineno, *(one.lineno for one in decorators)]), (node.end_lineno or node.lineno) + 1)


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return [node.target.id] if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else []


def _is_struct(node: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id == "Struct" for base in node.bases)


# The two programs


def copies(scratch: Path) -> tuple[Path, Path]:
    """The installed package twice, each with the tests beside it."""
    package = Path(str(import_module("monitoring_core").__file__)).parent
    for name in ("plain", "compiled"):
        for what in (package, ROOT / "tests", ROOT / "rules", ROOT / "scenarios"):
            copytree(what, scratch / name / what.name, ignore=ignore_patterns("__pycache__"))
    return scratch / "plain", scratch / "compiled"


def modules(folder: Path) -> Iterator[Path]:
    """What is compiled."""
    for room in ROOMS:
        path = folder / "monitoring_core" / room
        found = sorted(path.glob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
        yield from (one for one in found if (one.name in RULES if room == "rules" else one.name != "__init__.py"))


def build(folder: Path) -> list[str]:
    """Compile; the names of the modules whose Structs were moved out."""
    edited, files = [], list(modules(folder))
    for path in files:
        name = ".".join(path.relative_to(folder).with_suffix("").parts)
        values, rest = split(path.read_text(), name)
        if values:
            path.with_name(f"{path.stem}_values.py").write_text(values)
            edited.append(name)
        path.write_text(native(rest))
    with (folder / "tests" / "conftest.py").open("a") as conftest:
        conftest.write(ASKED)
    arguments = ["--implicit-reexport", *(str(path.relative_to(folder)) for path in files)]
    (folder / "setup.py").write_text(SETUP.format(arguments=arguments))
    done = run(folder, "setup.py", "build_ext", "--inplace")
    if done.returncode:
        raise SystemExit(f"it cannot be built:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    print(f"compiled: {len(files)} modules of {', '.join(ROOMS)}; Structs moved out of {', '.join(edited)}")
    return edited


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python in a folder, with the package that is there."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": ".", "MYPYPATH": ".", "CI": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test(folder: Path) -> None:
    """The tests of the pure rooms."""
    for one in ("pyproject.toml", "README.md"):
        (folder / one).write_text((ROOT / one).read_text())
    names = [f"tests/{name}.py" for name in TESTS]
    done = run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=line", "-m", "not search", *names)
    said = done.stdout.strip().splitlines()
    print(f"tests, {folder.name}: {said[-1] if said else done.stderr[-3000:]}")
    for line in said:
        if line.startswith(("FAILED", "ERROR")):
            print(f"  {line}")


# The race


@attrs.define(slots=False)
class Replays:
    """One of the two programs, or decoding alone, over the log of a large site."""

    folder: Path
    number: int
    decode_only: bool = False
    _lines: list[bytes] = attrs.field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        sys.path.insert(0, str(self.folder))
        core, engine = import_module("monitoring_core"), import_module("monitoring_core.engine.core")
        wrong = not str(core.__file__).startswith(str(self.folder))
        if wrong or str(engine.__file__).endswith(".py") is (self.folder.name == "compiled"):
            raise SystemExit(f"not the program that was to be measured: {engine.__file__}")
        large = import_module("monitoring_core.testing.large").LargeSite
        msgspec = import_module("msgspec")
        rules = import_module("monitoring_core.files").load_rules(self.folder / "rules")
        events = large(calls=self.number // 10, requests=self.number // 50).events()
        self.log: Iterator[bytes] = map(msgspec.json.encode, events)
        self.feed = import_module("monitoring_core.sources.native").NativeSource().feed
        self.decode = msgspec.json.Decoder(import_module("monitoring_core.domain.events").AnyEvent).decode
        self.replay: Any = import_module("monitoring_core.replay").Replay(engine.Engine(rules.book, rules.settings))

    def ready(self, _turn: int) -> None:
        """The next piece."""
        self._lines = list(islice(self.log, PIECE))

    def go(self) -> int:
        """All of it."""
        if self.decode_only:
            for line in self._lines:
                self.decode(line)
        else:
            for _ in self.replay.run(event for line in self._lines for event in self.feed(line)):
                pass
        return len(self._lines)

    def answer(self) -> object:
        """The digest of all steps."""
        return self.replay.digest


def main() -> None:
    """Build, test, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=1_000_000, help="events of the log")
    parser.add_argument("--scratch", type=Path, help="where to build; a folder that does not exist yet")
    parser.add_argument("--no-tests", action="store_true", help="only measure")
    chosen = parser.parse_args()
    with TemporaryDirectory() as name:
        plain, compiled = copies(chosen.scratch or Path(name))
        build(compiled)
        for folder in () if chosen.no_tests else (plain, compiled):
            test(folder)
        race(plain, compiled, chosen.number)


def race(plain: Path, compiled: Path, number: int) -> None:
    """Decoding alone, the program as it is, the compiled one."""
    ours = Entry("the pure rooms compiled", Replays, (compiled, number))
    usual = Entry("the pure rooms as they are", Replays, (plain, number))
    alone = Entry("decoding alone", Replays, (plain, number, True), aim=AIM, is_compared=False)
    with Track([ours, usual, alone]) as track:
        track.run(number // PIECE)
        track.agree()
    track.table("A day of a large site, replayed", "events")
    share, gain = track.ratio(alone), track.ratio(usual)
    print(f"  Compiled, a replay reaches {share:.2f} of the speed of decoding alone (aim: {AIM}); ", end="")
    print(f"as it is, {track.ratio(alone, usual):.2f}.")
    print(f"  Recommendation: {_advice(share, gain)}")


def _advice(share: float, gain: float) -> str:
    """What has to be paid is the same whatever it brings."""
    price = "a wheel for each Python and machine, dataclasses in the place of attrs', and the tests above that fail"
    if share < AIM:
        return f"leave it. {gain:.2f} times as fast does not reach the aim, and costs {price}."
    return f"worth it where replays are long, at the price of {price}."


if __name__ == "__main__":
    main()
