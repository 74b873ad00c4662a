"""Shell: owns in which mode a ChanSpy listens: what its arguments say at first, and what a key on the phone means.

Refuses to know who listens to whom, or whether anybody does yet. The mode is that of the run of ChanSpy, so one that
follows its agent listens to his next call in the mode of the last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from monitoring_core.domain.events import Mode

APPLICATIONS = frozenset({"ChanSpy", "ExtenSpy"})

KEYS: Mapping[str, Mode] = {"4": "silent", "5": "whisper", "6": "barge"}

_VALUE = re.compile(r"\([^)]*\)")
"""The value of an option: the letters of `g(sales:bar)` are no options."""


def mode_at_first(arguments: str) -> Mode:
    """Of ChanSpy's arguments (`PJSIP/1001,qw`): B is barge whatever else there is, w and the private W are whisper."""
    options = _options(arguments)
    if "B" in options:
        return "barge"
    return "whisper" if "w" in options or "W" in options else "silent"


def mode_of_key(arguments: str, digit: str) -> Mode | None:
    """What a key changes the mode to: without d they are digits of a number, with X they leave for an extension."""
    options = _options(arguments)
    return KEYS.get(digit) if "d" in options and "X" not in options else None


def mode_for_good(arguments: str) -> Mode | None:
    """That of a ChanSpy which has run for a while: known if no key could change it."""
    return None if mode_of_key(arguments, "4") else mode_at_first(arguments)


def _options(arguments: str) -> str:
    return _VALUE.sub("", arguments.partition(",")[2])
