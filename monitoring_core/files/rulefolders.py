"""Shell: owns where rules come from: a folder that somebody names, a platform's profile, or the packaged default.

Refuses to know what they say; `rules` reads the texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from monitoring_core.domain.settings import Settings
from monitoring_core.errors import UsageError
from monitoring_core.files.texts import read_text
from monitoring_core.rules.book import RuleBook
from monitoring_core.rules.lifecycle import check_duties, load_settings
from monitoring_core.rules.load import load_book

SETTINGS = "lifecycle.toml"


@attrs.frozen
class Rules:
    """A rule book with the settings beside it, and the `texts` (by file name) that both were read from."""

    book: RuleBook
    settings: Settings
    texts: Mapping[str, str]


def load_rules(folder: str | Path | None = None) -> Rules:
    """The rules of `folder` (or of the packaged profile of that name), or the packaged default ones.

    A folder without lifecycle.toml has the settings' defaults.

    Raises RuleBookError with every problem, UsageError if there is nothing to read.
    """
    return rules_from(read_texts(folder))


def rules_from(texts: Mapping[str, str]) -> Rules:
    """The rules that these texts (by file name) say. Raises RuleBookError with every problem."""
    book = load_book(texts)
    settings = load_settings(SETTINGS, texts.get(SETTINGS, ""))
    check_duties(book, settings)
    return Rules(book, settings, texts)


def read_texts(folder: str | Path | None = None) -> dict[str, str]:
    """Every `*.toml` of `folder`, by name; `cce` is a profile, `./cce` a folder.

    Raises UsageError if there is none or one cannot be read.
    """
    place = _packaged() if folder is None else profiles().get(str(folder), Path(folder))
    texts = {path.name: read_text(path, "make it readable") for path in sorted(place.glob("*.toml"))}
    if not texts:
        fix = f"name a folder that holds *.toml rule files, or a profile: {', '.join(profiles())}"
        raise UsageError("there are no rules here", str(place), fix)
    return texts


def profiles() -> dict[str, Path]:
    """The packaged profiles: the folder of each by its name."""
    return {path.name: path for path in sorted((_packaged() / "profiles").iterdir()) if path.is_dir()}


def _packaged() -> Path:
    """Inside the installed package; run from its source, the repository's own folder."""
    package = Path(__file__).parents[1]
    installed = package / "_rules"
    return installed if installed.is_dir() else package.parent / "rules"
