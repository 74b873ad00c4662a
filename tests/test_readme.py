"""The README's examples run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_an_example_runs(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An example of the README runs, and prints the reasons of the refusal that it asks for."""
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102  the README is ours
    assert "nobody is known on the agent's extension" in capsys.readouterr().out
