"""`python -m tests.servers`: the tests that need programs of others, which are installed first where that may be done.

Ends with MISSING, and says what is, where it may not: a test that was left out would look like one that passed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

MISSING = 69
"""What sysexits.h calls EX_UNAVAILABLE: not the exit code of a test that failed."""
PACKAGES = {"prosody": "prosody", "chromium": "chromium", "chromedriver": "chromium-driver"}
"""The programs, and which of Debian's packages each comes with."""
PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/bin:/usr/sbin"


def main() -> int:
    """The exit code of pytest, or MISSING."""
    if packages := _missing():
        wanted = " ".join(packages)
        print(f"an XMPP server and a browser are needed; missing of Debian's packages: {wanted}", file=sys.stderr)  # noqa: T201
        if not _install(packages):
            print(f"install them (apt-get install {wanted}), or run this as root on Debian", file=sys.stderr)  # noqa: T201
            return MISSING
    folder = Path(__file__).parent
    return subprocess.run([sys.executable, "-m", "pytest", "-q", str(folder), *sys.argv[1:]], check=False).returncode


def _missing() -> list[str]:
    return [package for program, package in PACKAGES.items() if shutil.which(program, path=PATH) is None]


def _install(packages: list[str]) -> bool:
    """Whether they are there now."""
    apt = shutil.which("apt-get", path=PATH)
    if apt is None or os.geteuid() != 0:
        return False
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        done = subprocess.run([apt, *command], check=False, env=quiet, stdout=subprocess.DEVNULL)
        if done.returncode:
            print(f"apt-get {command[0]} failed", file=sys.stderr)  # noqa: T201
    return not _missing()


if __name__ == "__main__":
    sys.exit(main())
