"""Shell: owns the asking: a failing story is rewritten only after its difference was shown and somebody said yes.

Refuses to know what should be written; `scenario` does.
"""

from __future__ import annotations

import sys
from difflib import unified_diff
from pathlib import Path

from monitoring_core.errors import UsageError
from monitoring_core.files import Rules
from monitoring_core.scenario import Update, updated

_YES = frozenset({"y", "yes"})


def update(path: Path, rules: Rules, *, yes: bool) -> bool:
    """Shows what the story in that file would have to say, asks unless `yes`, and rewrites it; whether it did.

    Raises UsageError if it cannot be written, and what `updated` raises.
    """
    found = updated(path, rules)
    sys.stdout.writelines(f"  cannot be rewritten: {one}\n" for one in found.left)
    if found.text == found.was:
        return False
    sys.stdout.writelines(_difference(path, found))
    if not yes and not _asked(path):
        return False
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_bytes(found.text.encode())
        beside.replace(path)
    except OSError as error:
        raise UsageError(f"cannot write this story: {error.strerror}", str(path), "make it writable") from error
    return True


def _difference(path: Path, found: Update) -> list[str]:
    lines = unified_diff(found.was.splitlines(), found.text.splitlines(), str(path), "as it went", lineterm="")
    return [f"{line}\n" for line in lines]


def _asked(path: Path) -> bool:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        sys.stdout.write(f"  not rewritten: nobody can be asked here; --yes rewrites {path.name} without asking\n")
        return False
    sys.stdout.write(f"rewrite {path.name}? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in _YES
