"""Shell: owns the quirks of vendors: what a site hears of an event that comes late, twice, not at all, or told again.

Refuses to draw (`strategies` and `machine` do) and to judge: what must hold in spite of them is the engine's promise.
"""

from __future__ import annotations

from typing import Literal, get_args

from msgspec.structs import replace

from monitoring_core.domain.events import Established, Event, MonitorEnded

Quirk = Literal["none", "late", "lost", "doubled", "overtakes", "re_entered", "nameless"]
"""`late`: it comes after what followed it. `overtakes`: before what it followed. `re_entered`: whoever has answered
enters the bridge once more, and is told to have answered again. `nameless`: an end without its monitor call's id.
"""
QUIRKS: tuple[Quirk, ...] = get_args(Quirk)


def heard(event: Event, quirk: Quirk) -> tuple[Event, ...]:
    """What comes of `event`, whenever it comes. A doubled event has one id, one that is told again has none."""
    if quirk == "lost":
        return ()
    if quirk == "doubled":
        return (event, event)
    if quirk == "re_entered" and isinstance(event, Established):
        return (event, replace(event, id=None))
    if quirk == "nameless" and isinstance(event, MonitorEnded):
        return (replace(event, monitor_call=None),)
    return (event,)
