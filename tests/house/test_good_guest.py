"""Law 12: importing the package prints and writes nothing, starts nothing, loads no extra, configures no logging."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import monitoring_core
from tests.house.house import PACKAGE, package_sources

EXTRAS = "slixmpp zstandard textual hypothesis pytest".split()  # rich, which textual brings, structlog loads, too
ARE_AN_EXTRA = frozenset({f"{PACKAGE}.testing.machine", f"{PACKAGE}.testing.strategies", f"{PACKAGE}.cli.screen"})
"""Modules of which nothing is left without theirs: who imports them has it."""

# Run in a fresh process, whose audit hook sees what the imports do; compiled files are Python's affair, and off.
WATCH = """
import logging, os, sys, threading
seen = []
def watch(event, args):
    writes = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
    if writes or event in {"os.mkdir", "os.remove", "os.rename"}:
        seen.append(f"writes {args[0]!r}; write when asked to, not when imported")
    if event.startswith(("socket.", "subprocess.", "os.system", "os.fork")):
        seen.append(f"reaches out ({event}); do it when asked to, not when imported")
before = set(sys.modules)
sys.addaudithook(watch)
for name in sys.argv[2:]:
    __import__(name)
if threading.active_count() > 1:
    seen.append("starts a thread; start it when asked to, not when imported")
for name in sorted(set(sys.argv[1].split()) & (set(sys.modules) - before)):
    seen.append(f"loads {name}, which is an extra; import it in the function that needs it")
if logging.getLogger().handlers or logging.getLogger().level != logging.WARNING:
    seen.append("configures logging; only the command line's main() may")
import structlog
if structlog.is_configured():
    seen.append("configures structlog; wrap a logger of your own, as monitoring_core.log does")
print("\\n".join(seen), end="")
"""


def manners(folder: Path, modules: list[str]) -> str:
    """What importing `modules` from `folder` does besides, one a line; what they print comes with it."""
    code = f"import sys; sys.path.insert(0, {str(folder)!r})\n{WATCH}"
    command = [sys.executable, "-B", "-c", code, " ".join(EXTRAS), *modules]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    return done.stdout + done.stderr


def test_importing_any_room_does_nothing_else() -> None:
    """Every module of the package can be imported without a trace."""
    modules = [source.name for source in package_sources() if source.name not in ARE_AN_EXTRA]
    assert not manners(Path(monitoring_core.__path__[0]).parent, modules)


def test_importing_the_package_loads_no_room() -> None:
    """`import monitoring_core` alone loads no other module of the package."""
    code = f"import sys, {PACKAGE}; print([name for name in sys.modules if name.startswith('{PACKAGE}.')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("text", "repair"),
    [
        ("print('hello')", "hello"),
        ("open('made-by-import', 'w')", "write when asked to"),
        ("import os; os.mkdir('made-by-import')", "write when asked to"),
        ("import socket; socket.socket()", "do it when asked to"),
        ("from threading import *; Thread(target=Event().wait, daemon=True).start()", "start it when asked"),
        ("import hypothesis", "import it in the function that needs it"),
        ("import logging; logging.basicConfig()", "only the command line's main() may"),
        ("import structlog; structlog.configure()", "wrap a logger of your own"),
    ],
)
def test_bad_manners_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, repair: str) -> None:
    """A planted module that does something when imported is refused with its repair."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "planted.py").write_text(text, encoding="utf-8")
    assert repair in manners(tmp_path, ["planted"])


def test_a_quiet_module_is_left_alone(tmp_path: Path) -> None:
    """A module that only reads and defines is no problem."""
    (tmp_path / "planted.py").write_text("import json\nTEXT = open(__file__).close()\n", encoding="utf-8")
    assert not manners(tmp_path, ["planted"])
