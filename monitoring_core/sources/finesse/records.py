"""Shell: owns the form of one record: an update as it is, or with what a recorder adds, as one JSON object.

Refuses to look into the update itself, and to take a key that it does not know: what is misspelt would be lost.
"""

from __future__ import annotations

import attrs
from msgspec import Struct

from monitoring_core.domain.settings import Limits
from monitoring_core.errors import MessageError, quote
from monitoring_core.finesse.updates import Update, read
from monitoring_core.message import Fields, below, place
from monitoring_core.message.parsing import parse

_KEYS = ("received_at", "node", "id", "as_of", "update")


class Record(Struct, frozen=True):
    """One update with what is known of its way.

    `received_at`: seconds. `node`: the pub/sub node that it came on, or the path that was asked for. `id`: of the
    pub/sub item, unique on its node. `as_of`: from when an answer is, seconds.
    """

    update: Update
    received_at: float | None = None
    node: str = ""
    id: str = ""
    as_of: float | None = None


def record_in(line: bytes, limits: Limits) -> Record:
    """The record in one line: XML, or `{"received_at": 1.5, "node": "...", "id": "...", "update": "<Update>..."}`.

    Of the keys only `update` must be there. Raises MessageError, and nothing else.
    """
    if not line.lstrip().startswith(b"{"):
        return Record(read(line, limits))
    fields = Fields.of(parse(line, attrs.evolve(limits, message_bytes_max=limits.line_bytes_max)))
    unknown = next((key for key in fields.values if key not in _KEYS), None)
    if unknown is not None:
        raise MessageError(f"a record has no {quote(unknown)}", place(below("", unknown)), f"use {', '.join(_KEYS)}")
    return Record(
        update=read(fields.text("update"), limits),
        received_at=_seconds(fields, "received_at"),
        node=fields.text_or_none("node") or "",
        id=fields.text_or_none("id") or "",
        as_of=_seconds(fields, "as_of"),
    )


def _seconds(fields: Fields, name: str) -> float | None:
    value = fields.value(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MessageError(f"{name} is not a number", place(name), "send seconds, as a JSON number")
    return float(value)
