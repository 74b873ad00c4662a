"""Shell: owns what is wrong with a setting by a little: off by one, another choice, a list one longer or shorter.

Refuses to know what a setting does. What lifecycle.toml does not say is not mutated, nor are the sizes in [bounds]:
they say how much is kept, not what is decided.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints

from monitoring_core.domain.settings import Limits, Settings
from monitoring_core.mutation.page import Page, written
from monitoring_core.mutation.rulebook import Change
from monitoring_core.rules.text import Path

_HINTS = get_type_hints(Settings)
_WAYS = get_args(_HINTS["duties"])[1]
_TIMES = {name: hint for name, hint in get_type_hints(Limits).items() if name.endswith("_s")}
_FOLLOWING = get_args(_HINTS["modes"])[1]


def setting_changes(page: Page) -> Iterator[Change]:
    """Every change of every setting that `page`, which loads, names."""
    for path, hint, value in _named(page.data):
        for what, other in _otherwise(hint, value, str(path[-1])):
            yield f"setting {'.'.join(map(str, path))}: {what}", ((path, other),)


def _named(data: dict[str, Any]) -> Iterator[tuple[Path, Any, Any]]:
    """Each setting with its path, type and value."""
    for key, value in data.items():
        if not isinstance(value, dict):
            yield (key,), _HINTS[key], value
    for key, value in data.get("limits", {}).items():
        yield ("limits", key), _HINTS[key], value
    yield from ((("modes", mode), _FOLLOWING, after) for mode, after in data.get("modes", {}).items())
    yield from ((("duties", duty), _WAYS, way) for duty, way in data.get("duties", {}).items())
    for key, value in data.get("bounds", {}).items():
        if key in _TIMES:
            yield ("bounds", key), _TIMES[key], value


def _otherwise(hint: Any, value: Any, own: str) -> Iterator[tuple[str, Any]]:
    """What the setting of the name `own` could be by mistake; no mode is ever asked to follow itself."""
    if get_origin(hint) is tuple:
        options = get_args(get_args(hint)[0])
        for one in dict.fromkeys(value):
            yield f"without {one}", [other for other in value if other != one]
        for one in options:
            if one not in value and one != own:
                yield f"with {one}", [*value, one]
    elif get_origin(hint) is Literal:
        yield from ((written(one), one) for one in get_args(hint) if one != value)
    elif hint is bool:
        yield written(not value), not value
    elif hint is str:
        yield written(f"not {value}"), f"not {value}"
    else:
        yield from ((written(one), one) for one in (value + 1, value - 1))
