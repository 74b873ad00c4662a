"""How hypothesis runs: everywhere without deadlines (no test asserts a time), under CI the same examples every time.

`--hypothesis-profile=long` tries fifty times as many examples.

And the one fixture that several modules share.
"""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.cli import Shell

settings.register_profile("here", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.register_profile("long", deadline=None, print_blob=True, max_examples=5_000)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """The command line, called in this process."""
    return Shell(tmp_path, capsys, monkeypatch)
