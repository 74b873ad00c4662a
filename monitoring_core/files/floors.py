"""Shell: owns floor files: TOML that says who is signed in where and what each phone can do, as events.

Refuses to know what follows from it. A floor file stands for what was known before the first record of a log.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monitoring_core.domain.events import Event, PersonChanged, PhoneChanged, SignedIn
from monitoring_core.domain.settings import Limits
from monitoring_core.errors import quote
from monitoring_core.files.texts import read_text
from monitoring_core.rules.text import Path as KeyPath
from monitoring_core.rules.text import TomlText, check, is_words, read_toml

_TEXTS = ("id", "name", "state")
_LISTS = ("extensions", "roles", "teams", "supervises")
_FLAGS = ("supports_monitoring", "configured")


def load_floor(path: str | Path) -> list[Event]:
    """The people and phones of a floor file, in its order: each `[[person]]` and `[[phone]]`.

    A person has an id and may have name, extensions, roles, teams, supervises, state; a phone has extensions and may
    have supports_monitoring, configured. What is left out is not known. Raises RuleBookError with every problem,
    UsageError if the file cannot be read.
    """
    name = str(path)
    page = read_toml(name, read_text(path, "name a floor file"), Limits().rule_file_bytes_max)
    page.unknown_keys((), page.data, ("person", "phone"))
    events: list[Event] = []
    for index, raw in enumerate(page.tables(("phone",), page.data.get("phone", []))):
        events += _phone(page, index, raw)
    for index, raw in enumerate(page.tables(("person",), page.data.get("person", []))):
        events += _person(page, index, raw)
    check([page], "the floor file")
    return events


def _person(page: TomlText, index: int, raw: dict[str, Any]) -> list[Event]:
    path = ("person", index)
    about = f"person {quote(raw['id'])}" if is_words(raw.get("id")) else f"person number {index + 1}"
    page.unknown_keys(path, raw, (*_TEXTS, *_LISTS), about)
    _texts(page, path, raw, _TEXTS, about)
    _lists(page, path, raw, _LISTS, about)
    if "id" not in raw:
        page.problem(path, "a person needs an id", 'write id = "..."', about)
    said: dict[str, Any] = {key: _tuple(raw[key]) for key in ("roles", "teams", "supervises") if key in raw}
    said |= {key: raw[key] for key in ("name", "state") if key in raw}
    person = str(raw.get("id"))
    extensions = _tuple(raw.get("extensions", []))
    if not extensions:
        return [PersonChanged(person=person, **said)]
    return [SignedIn(person=person, extension=extension, **said) for extension in extensions]


def _phone(page: TomlText, index: int, raw: dict[str, Any]) -> list[Event]:
    path, about = ("phone", index), f"phone number {index + 1}"
    page.unknown_keys(path, raw, ("extensions", *_FLAGS), about)
    _lists(page, path, raw, ("extensions",), about)
    for key in _FLAGS:
        if key in raw and not isinstance(raw[key], bool):
            page.problem((*path, key), f"{key} cannot be {quote(raw[key])}", "write true or false", about)
    extensions = _tuple(raw.get("extensions", []))
    if not extensions:
        page.problem(path, "a phone needs extensions", 'write extensions = ["..."]', about)
    flags: dict[str, Any] = {key: raw[key] for key in _FLAGS if key in raw}
    return [PhoneChanged(extension=extension, **flags) for extension in extensions]


def _texts(page: TomlText, path: KeyPath, raw: dict[str, Any], keys: tuple[str, ...], about: str) -> None:
    for key in keys:
        if key in raw and not is_words(raw[key]):
            page.problem((*path, key), f"{key} cannot be {quote(raw[key])}", "write a text in double quotes", about)


def _lists(page: TomlText, path: KeyPath, raw: dict[str, Any], keys: tuple[str, ...], about: str) -> None:
    for key in keys:
        value = raw.get(key, [])
        if not isinstance(value, list) or not all(is_words(one) for one in value):
            fix = f'write it like {key} = ["0042", "0043"]: an address is a text, not a number'
            fix = fix if key == "extensions" else f'write it like {key} = ["one", "two"]'
            page.problem((*path, key), f"{key} cannot be {quote(value)}", fix, about)


def _tuple(raw: object) -> tuple[str, ...]:
    return tuple(raw) if isinstance(raw, list) else ()
