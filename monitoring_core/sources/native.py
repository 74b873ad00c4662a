"""Shell: owns the reading of native logs: one event of ours as one JSON object, decoded in one pass.

Refuses to open anything and to repair anything: a record is an event of this site, another site's, or one clear error.
"""

from __future__ import annotations

import re
from typing import Any, get_args

import msgspec

from monitoring_core.domain import events as e
from monitoring_core.domain.events import FORMAT_VERSION, AnyEvent, Event, Log
from monitoring_core.domain.views import snake
from monitoring_core.errors import EventError, UsageError, quote
from monitoring_core.rules.text import did_you_mean

_decode = msgspec.json.Decoder(AnyEvent).decode
_CLASSES: dict[str, type[msgspec.Struct]] = {snake(one.__name__): one for one in get_args(AnyEvent)}
_INNER: tuple[type[msgspec.Struct], ...] = (e.CallView, e.Participant, e.MonitorOf, e.PersonView, e.PhoneView)
_QUOTED = re.compile(r"(['`])(.*)\1", re.DOTALL)


class NativeSource:
    """Turns lines of the native log into events.

    `site`: whose lines count, with those that name none; without it, the first site that a line names.
    """

    def __init__(self, site: str = "") -> None:
        self._asked = bool(site)
        self._site = site

    def feed(self, record: bytes) -> list[Event]:
        """The event in one record, if it is this site's. Raises EventError if it cannot be read.

        Raises UsageError for a log of a later format than this program knows: nothing in it is safe to guess.
        """
        try:
            event = _decode(record)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            problem = _explained(record, str(error))
        else:
            if type(event) is Log:
                return _header(event)
            return [event] if not event.site or event.site == self._site else self._other_site(event)
        raise problem  # outside of `except`: the caught error may quote more of the record than an error may

    def _other_site(self, event: Event) -> list[Event]:
        if self._asked:
            return []
        if self._site:
            what = f"this log holds more than one site: {quote(self._site)} and {quote(event.site)}"
            raise EventError(what, "site", f"choose one: --site {quote(event.site)}")
        self._site = event.site
        return [event]


def site_of(record: bytes) -> str:
    """The site that a record names; empty if it names none, or cannot be read."""
    try:
        event: Event = _decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return event.site


def _header(log: Log) -> list[Event]:
    """The first line of a log says nothing about the site; of a later format nothing after it is safe to guess."""
    if log.version > FORMAT_VERSION:
        what = f"this log has format version {log.version}; this program knows up to {FORMAT_VERSION}"
        raise UsageError(what, "version", "use a later release of monitoring-core")
    return []


def _explained(record: bytes, said: str) -> EventError:
    """msgspec's words with a place, no more of the input than allowed, and what to write instead."""
    what, _, place = said.partition(" - at ")
    where = place.strip("`").removeprefix("$.") or "the line itself"
    what = what[:1].lower() + what[1:]
    if what.startswith("expected"):  # names types, nothing of the input
        fix = "write it as `monitoring-core schema` says: addresses and ids are text, times are numbers"
        return EventError(what.replace("`", ""), where, fix)
    found = _QUOTED.search(what)
    word = found[2] if found else ""
    what = _QUOTED.sub(lambda match: f'"{quote(match[2])}"', what)
    if what.startswith("invalid value"):
        return EventError(f'unknown event "{quote(word)}"', where, did_you_mean(word, _CLASSES))
    if what.startswith("object contains unknown field"):
        return EventError(f'unknown field "{quote(word)}"', where, did_you_mean(word, _fields(record, where)))
    if what.startswith("object missing required field"):
        return EventError(f'"{word}" is missing', where, f'add "{word}"')
    if what.startswith("invalid enum value"):
        return EventError(what, where, "see `monitoring-core schema` for the values")
    return EventError(what, where, "write one JSON object a line, with a JSON library")


def _fields(record: bytes, where: str) -> list[str]:
    """The fields that may stand at this place."""
    if where != "the line itself":
        return sorted({name for one in _INNER for name in one.__struct_fields__})
    try:
        raw: Any = msgspec.json.decode(record, type=dict[str, msgspec.Raw])
        name: Any = msgspec.json.decode(raw["event"])
        return ["event", *_CLASSES[name].__struct_fields__]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, LookupError, TypeError):
        # What follows the unknown field is no JSON, or says again which event this is.
        return sorted({name for one in _CLASSES.values() for name in one.__struct_fields__})
