"""Shell: owns how one manager event is read: which of its fields count, and the one error for what is none.

Refuses to know what an event means; most kinds (VarSet alone is half of a recording) are never read in full.
"""

from __future__ import annotations

from collections.abc import Container

import msgspec

from monitoring_core.errors import SourceError, quote


def _as_asterisk_writes(name: str) -> str:
    """`destination_uniqueid` is DestUniqueid, `orig_transferer_uniqueid` OrigTransfererUniqueid."""
    return "".join("Dest" if word == "destination" else word.capitalize() for word in name.split("_"))


class _Head(msgspec.Struct, rename={"event": "Event"}):
    event: str = ""


class Record(msgspec.Struct, rename=_as_asterisk_writes, frozen=True):
    """The fields of a manager event that mean something to us; "" is missing, `seconds` when it was received."""

    event: str = ""
    seconds: float | None = msgspec.field(default=None, name="_t")
    action_id: str = msgspec.field(default="", name="ActionID")
    channel: str = ""
    uniqueid: str = ""
    destination_channel: str = ""
    destination_uniqueid: str = ""
    bridge_uniqueid: str = ""
    bridge_technology: str = ""
    bridge_id: str = ""
    result: str = ""
    response: str = ""
    reason: str = ""
    cause: str = ""
    uptime: str = ""
    transferer_uniqueid: str = ""
    orig_transferer_uniqueid: str = ""
    second_transferer_uniqueid: str = ""
    parkee_uniqueid: str = ""
    spyer_channel: str = ""
    spyer_uniqueid: str = ""
    spyee_channel: str = ""
    spyee_uniqueid: str = ""
    application: str = ""
    application_data: str = ""
    arguments: str = msgspec.field(default="", name="AppData")
    digit: str = ""
    direction: str = ""


_HEAD = msgspec.json.Decoder(_Head)
_RECORD = msgspec.json.Decoder(Record)


def read(line: bytes, wanted: Container[str]) -> Record | None:
    """The record, or None if its kind is not among those wanted.

    Raises SourceError if it is no manager event. Reading the kind first and the rest on demand is what keeps the nine
    of ten records that lead to nothing cheap.
    """
    try:
        return _RECORD.decode(line) if _HEAD.decode(line).event in wanted else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        what, _, where = str(error).partition(" - at ")
        raise SourceError(
            what=f"not a manager event: {what}",
            where=f"{where.strip('`')} of {quote(line)}" if where else quote(line),
            fix="give one JSON object a record, with the fields of a manager event as text and `_t` as a number",
        ) from error


def is_restart(record: Record, heard_at: float | None) -> bool:
    """Whether a FullyBooted is of a switch that came up after `heard_at` (seconds); it is told at every login, too."""
    uptime = record.uptime
    if heard_at is None or record.seconds is None or not (uptime.isascii() and uptime.isdecimal()):
        return True
    return record.seconds - float(uptime) > heard_at
