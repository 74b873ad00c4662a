"""Shell: owns all mutants of one folder of rules: each with its name, its difference, and the rules it makes.

Refuses to run anything. Mistakes that do not load are told apart from mutants: loading has noticed them already.
"""

from __future__ import annotations

import difflib
from typing import Literal, get_args

import attrs

from monitoring_core.domain.settings import Settings
from monitoring_core.errors import RuleBookError
from monitoring_core.files import Rules
from monitoring_core.files.rulefolders import SETTINGS
from monitoring_core.mutation.page import Edit, Page, edited
from monitoring_core.mutation.rulebook import rule_changes
from monitoring_core.mutation.sitesettings import setting_changes
from monitoring_core.mutation.table import Table, other_tables, shown
from monitoring_core.rules.book import RuleBook
from monitoring_core.rules.lifecycle import check_duties, load_settings
from monitoring_core.rules.load import load_book

Kind = Literal["rule", "setting", "row"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_TABLE = "the state table"


@attrs.frozen
class Mutant:
    """One mistake. `name` says it in words that stay the same while the text around it changes.

    `file`: where it is made. `edits` make it, or else it is the `table` with these `rows` gone and new.
    """

    kind: Kind
    name: str
    file: str
    rules: Rules
    edits: tuple[Edit, ...] = ()
    table: Table | None = None
    rows: tuple[str, ...] = ()

    @property
    def texts(self) -> dict[str, str]:
        """The texts of the folder with the mistake in it."""
        texts = dict(self.rules.texts)
        return {**texts, self.file: edited(texts[self.file], self.edits)} if self.edits else texts

    def load(self) -> tuple[RuleBook, Settings] | None:
        """Book and settings with the mistake in it; None if they do not load."""
        texts = self.texts
        try:
            book = load_book(texts) if self.kind == "rule" else self.rules.book
            settings = load_settings(SETTINGS, texts[SETTINGS]) if self.kind == "setting" else self.rules.settings
            check_duties(book, settings)
        except RuleBookError:
            return None
        return book, settings

    def diff(self) -> str:
        """The difference as `diff -u` shows it, with no line around it that stayed."""
        if self.table is not None:
            return "\n".join([f"--- {_TABLE}", f"+++ {_TABLE}", *self.rows])
        pages = self.rules.texts[self.file].split("\n"), self.texts[self.file].split("\n")
        return "\n".join(difflib.unified_diff(*pages, self.file, self.file, n=0, lineterm=""))


def mutants(rules: Rules) -> list[Mutant]:
    """Every mistake that is made: in the rules, in lifecycle.toml, in the state table."""
    found = []
    for name, text in rules.texts.items():
        if name == SETTINGS:
            changes, kind = setting_changes(Page(text)), KINDS[1]
        elif name.endswith(".cases.toml"):
            continue
        else:
            changes, kind = rule_changes(Page(text), rules.book.catalogue, rules.settings.duties), KINDS[0]
        found += [Mutant(kind, what, name, rules, edits) for what, edits in changes]
    for what, table, row, other in other_tables():
        rows = (f"-{shown(row)}", *([f"+{shown(other)}"] if other else []))
        found.append(Mutant("row", what, _TABLE, rules, table=table, rows=rows))
    return sorted(found, key=lambda mutant: KINDS.index(mutant.kind))
