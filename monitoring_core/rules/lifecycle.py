"""Pure: owns the form of lifecycle.toml: every setting by name, its values checked, all problems at once.

Refuses to know what a setting does; defaults and meanings are those of `domain.settings`.
"""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin, get_type_hints

from monitoring_core.domain.events import Mode
from monitoring_core.domain.settings import MODES, Limits, Settings
from monitoring_core.errors import RuleBookError, RuleError, quote
from monitoring_core.rules.book import RuleBook
from monitoring_core.rules.compile import read_number
from monitoring_core.rules.text import Path, TomlText, check, did_you_mean, is_words, read_toml

_PLAIN = {name: hint for name, hint in get_type_hints(Settings).items() if name not in {"modes", "duties", "limits"}}
_AS_FACTS = {name: hint for name, hint in _PLAIN.items() if name.startswith("per_")}
_AT_TOP = {name: hint for name, hint in _PLAIN.items() if name not in _AS_FACTS}
_WAYS = get_args(get_type_hints(Settings)["duties"])[1]
_EDGES = dict.fromkeys(get_args(Mode), tuple[Mode, ...])


def load_settings(name: str, text: str) -> Settings:
    """The settings in `text`: its top, `[limits]` (facts of that name), `[bounds]` (Limits), `[modes]` and `[duties]`.

    What is left out has its default. Raises RuleBookError with every problem, each with file, line, key and fix.
    """
    page = read_toml(name, text, Limits().rule_file_bytes_max)
    page.unknown_keys((), page.data, (*_AT_TOP, "limits", "bounds", "modes", "duties"))
    given = _read(page, (), {key: raw for key, raw in page.data.items() if key in _AT_TOP}, _AT_TOP)
    given |= _read(page, ("limits",), page.data.get("limits", {}), _AS_FACTS)
    bounds = _read(page, ("bounds",), page.data.get("bounds", {}), get_type_hints(Limits))
    if "duties" in page.data:
        duties = _table(page, ("duties",), page.data["duties"])
        given["duties"] = _read(page, ("duties",), duties, dict.fromkeys(duties, _WAYS))
    given["modes"] = MODES | _read(page, ("modes",), page.data.get("modes", {}), _EDGES)
    check([page], "the settings")
    return Settings(**given, limits=Limits(**bounds))


def check_duties(book: RuleBook, settings: Settings) -> None:
    """Raises RuleBookError if a rule of `book` names a duty of which the settings do not say what it is."""
    problems = [
        RuleError(f'nothing says what "{quote(rule.duty)}" is', f"rule {quote(rule.id)}, duty", "say so in [duties]")
        for rule in book.rules
        if rule.duty and rule.duty not in settings.duties
    ]
    if problems:
        raise RuleBookError("rules and settings do not fit", problems=tuple(problems))


def _table(page: TomlText, path: Path, raw: object) -> dict[str, Any]:
    if isinstance(raw, dict):
        return raw
    page.problem(path, f"{path[-1]} is not a table", f"write [{path[-1]}]")
    return {}


def _read(page: TomlText, path: Path, raw: object, hints: dict[str, Any]) -> dict[str, Any]:
    """Those values of the table `raw` that fit their `hints`; whatever does not is a problem."""
    table = _table(page, path, raw)
    page.unknown_keys(path, table, hints)
    good = {}
    for key, value in table.items():
        fix = _fix(hints[key], value) if key in hints else ""
        if fix:
            page.problem((*path, key), f"{key} cannot be {quote(value)}", fix)
        good[key] = tuple(value) if isinstance(value, list) else value
    return good


def _fix(hint: Any, value: object) -> str:
    """What to write instead of `value`; empty if it fits."""
    if get_origin(hint) is tuple:
        return _fix_list(get_args(hint)[0], value)
    if get_origin(hint) is Literal:
        return "" if value in get_args(hint) else did_you_mean(str(value), get_args(hint))
    if hint is bool:
        return "" if isinstance(value, bool) else "write true or false"
    if hint is str:
        return "" if is_words(value) else "write a text in double quotes"
    return _fix_number(hint, value)


def _fix_list(hint: Any, value: object) -> str:
    if not isinstance(value, list):
        return f"write a list of {', '.join(get_args(hint))}"
    return next(filter(None, (_fix(hint, one) for one in value)), "")


def _fix_number(hint: Any, value: object) -> str:
    number = read_number(value)
    whole = hint is int and not isinstance(value, int)
    if number is None or number <= 0 or whole:
        return f"write a {'whole ' if hint is int else ''}number above 0"
    return ""
