"""Pure: owns what events are made of: states of legs, modes, and how calls, people and phones are shown whole.

Refuses to know which events show them; words are CSTA's and Cisco's.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Literal

from msgspec import Struct

Value = str | int | float | bool | tuple[str, ...]
Mode = Literal["silent", "whisper", "barge", "take_over"]


class LegState(StrEnum):
    """Where one participant of a call stands; `waiting` is parked between a transfer and its answer."""

    INITIATED = "initiated"
    ALERTING = "alerting"
    CONNECTED = "connected"
    HELD = "held"
    WAITING = "waiting"
    CLEARED = "cleared"


class ClearCause(StrEnum):
    """Why a participant left: he hung up, he transferred, or the call went on at another phone of his line."""

    DROPPED = "dropped"
    TRANSFERRED = "transferred"
    MOVED = "moved"


class Participant(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One participant as a dialog or a snapshot shows him."""

    address: str
    state: LegState


class MonitorOf(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """That a call is a monitor call: who listens on it to whom, and on which call and how, if the switch says so."""

    from_address: str
    to_address: str
    call: str | None = None
    mode: Mode | None = None


class CallView(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A call as a dialog or a snapshot shows it."""

    call: str
    participants: tuple[Participant, ...] = ()
    type: str | None = None
    monitor: MonitorOf | None = None


class PersonView(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A person as a snapshot shows him; `extensions` are those he is signed in on."""

    person: str
    extensions: tuple[str, ...] = ()
    name: str | None = None
    roles: tuple[str, ...] | None = None
    teams: tuple[str, ...] | None = None
    supervises: tuple[str, ...] | None = None
    state: str | None = None


class PhoneView(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A phone as a snapshot shows it."""

    extension: str
    supports_monitoring: bool | None = None
    configured: bool | None = None
    security: int | None = None


def snake(name: str) -> str:
    """The native log's name of an event class: `SignedIn` is `signed_in`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
