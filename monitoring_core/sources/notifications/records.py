"""Shell: owns the form of a record, the names of Finesse's nodes, and what a message of publish and subscribe carries.

Refuses to look into an update, and to take one from anywhere but the nodes that were asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from xml.etree.ElementTree import Element, tostring

import msgspec

from monitoring_core.domain.settings import Limits
from monitoring_core.errors import SourceError, quote

RECORD_BYTES_MAX = Limits().line_bytes_max

_EVENT = "{http://jabber.org/protocol/pubsub#event}"
_DELAY = "{urn:xmpp:delay}delay"
_USERS = "/Users"
DIALOGS = "/Dialogs"

Record = bytes | SourceError
"""One line of a log, or why it could not be had."""


def record(received_at: float, node: str, update: str, as_of: float | None = None) -> Record:
    """One update as a line of JSON. `received_at`, `as_of`: seconds since 1970; `as_of`: from when a whole picture is.

    A SourceError if it is longer than a line of a recording may be.
    """
    fields: dict[str, float | str] = {"received_at": received_at, "node": node, "update": update}
    if as_of is not None:
        fields["as_of"] = as_of
    line = msgspec.json.encode(fields)
    if len(line) > RECORD_BYTES_MAX:
        fix = "look at what was published there: nothing that Finesse tells is so long"
        return SourceError(f"an update has more than {RECORD_BYTES_MAX} bytes", quote(node), fix)
    return line


def nodes_of(users: Iterable[str], teams: Iterable[str]) -> tuple[str, ...]:
    """The nodes on which Finesse tells of users and their dialogs, and of who is in a team and in which state."""
    return (
        *(node for user in users for node in (f"/finesse/api/User/{user}", f"/finesse/api/User/{user}{DIALOGS}")),
        *(f"/finesse/api/Team/{team}{_USERS}" for team in teams),
    )


def asked_in_order(nodes: Iterable[str]) -> Iterator[str]:
    """The nodes in the order in which their whole pictures are asked for.

    Dialogs come first: they cover what rings where somebody was last known to sit, which the other pictures may change.
    """
    return iter(sorted(nodes, key=lambda node: not node.endswith(DIALOGS)))


def path_of(node: str) -> str:
    """Where the REST API shows what `node` tells of: the same name, but a team shows its users itself."""
    return node.removesuffix(_USERS)


def updates_in(message: Element, nodes: Collection[str]) -> Iterator[tuple[str, str]]:
    """Node and update of each item that was published on one of `nodes`, as text, however it was put into the item.

    What the server had kept for us (XEP-0203) is left out: it is older than the whole picture that is asked for.
    """
    if message.find(_DELAY) is not None:
        return
    for items in message.iterfind(f"{_EVENT}event/{_EVENT}items"):
        node = items.get("node", "")
        if node in nodes:
            for item in items.iterfind(f"{_EVENT}item"):
                for payload in item:
                    yield node, _text(payload)


def _text(payload: Element) -> str:
    """Finesse puts an update into <notification> as text, escaped; elements mean the same and lose their namespaces."""
    if len(payload) == 0 and (text := (payload.text or "").strip()):
        return text
    for element in payload.iter():
        element.tag = element.tag.rpartition("}")[2]
    inner = payload[0] if payload.tag == "notification" and len(payload) == 1 else payload
    inner.tail = None
    return tostring(inner, encoding="unicode")
