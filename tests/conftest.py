"""How hypothesis runs: without deadlines (no test asserts a time), and with the same examples every time, so that what
passed here passes there. `--hypothesis-profile=long` tries fifty times as many, others every time.

And the one fixture that several modules share, and the figures that tests show with `record_property("shown", ...)`.
"""

from pathlib import Path

import pytest
from hypothesis import settings

from tests.cli import Shell

settings.register_profile("here", deadline=None, print_blob=True, derandomize=True)
settings.register_profile("long", deadline=None, print_blob=True, max_examples=5_000)
settings.load_profile("here")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What needs a server runs where it is asked for by name, as `make test-servers` does."""
    named = any("servers" in Path(argument.partition("::")[0]).parts for argument in config.args)
    return True if collection_path.name == "servers" and not named else None


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """The command line, called in this process."""
    return Shell(tmp_path, capsys, monkeypatch)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures that tests found, also when other processes ran them."""
    passed = terminalreporter.getreports("passed")
    shown = sorted(str(value) for report in passed for key, value in report.user_properties if key == "shown")
    if shown:
        terminalreporter.section("figures")
        terminalreporter.write("\n".join(shown) + "\n")
