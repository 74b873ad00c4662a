"""Shell: owns the list of mutants that its author knows to change nothing that anybody could notice, and why.

Refuses to believe it: a mutant on the list is run like all others, and one that is noticed does not belong there.
"""

from __future__ import annotations

from monitoring_core.domain.settings import Limits
from monitoring_core.rules.text import check, is_words, read_toml

_KEYS = ("mutant", "reason")


def load_equivalent(name: str, text: str) -> dict[str, str]:
    """The reason for each mutant in `[[equivalent]]` tables. Raises RuleBookError with every problem."""
    page = read_toml(name, text, Limits().rule_file_bytes_max)
    page.unknown_keys((), page.data, ("equivalent",))
    reasons: dict[str, str] = {}
    for number, raw in enumerate(page.tables(("equivalent",), page.data.get("equivalent", []))):
        path = ("equivalent", number)
        page.unknown_keys(path, raw, _KEYS)
        for key in _KEYS:
            if not is_words(raw.get(key)):
                page.problem((*path, key), f"an equivalent mutant needs its {key}", f"write {key} = in plain words")
        if raw.get("mutant") in reasons:
            page.problem((*path, "mutant"), "this mutant is listed twice", "delete one")
        reasons[str(raw.get("mutant"))] = str(raw.get("reason"))
    check([page], "the list of equivalent mutants")
    return reasons
