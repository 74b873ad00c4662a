"""The README's diagram is the table's."""

from __future__ import annotations

import re

from monitoring_core.session import mermaid
from tests.house.house import root


def test_the_readme_shows_the_table() -> None:
    """The one Mermaid block of the README is what `monitoring-core draw` prints."""
    readme = (root() / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^```mermaid\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL) == [mermaid()], (
        "put the output of `monitoring-core draw` between ```mermaid and ``` in README.md"
    )
