"""Pure: owns what is asked of Finesse: each request of its REST API as method, path and XML, and its refusals read.

Refuses to know how a request travels and as whom (`outbound` does), and to change a text so that XML can carry it.
"""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from monitoring_core.domain.outcomes import AnyCommand, ChangeMode, DropMonitorCall, StartMonitoring
from monitoring_core.domain.settings import Limits
from monitoring_core.errors import MessageError, quote
from monitoring_core.finesse.updates import ApiError, ApiErrors, read

API = "/finesse/api"

_DEFAULT = Limits()
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
"""XML's own characters, and the one that its readers would turn into another."""
_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
"""What stands in a path as it is (RFC 3986)."""


class Request(Struct, frozen=True):
    """One request: `path` is percent-encoded and begins with /finesse/api; the body is XML in UTF-8, or empty."""

    method: Literal["GET", "POST", "PUT"]
    path: str
    body: bytes = b""


def of_command(command: AnyCommand) -> Request | None:
    """The request that carries a command out; None if this API has none, or it depends on who is where (AskSnapshot).

    It starts silently, and of the modes only barge can be changed to. Raises MessageError for what it cannot carry.
    """
    match command:
        case StartMonitoring(from_address=from_address, to_address=to_address, user=user, mode="silent"):
            return silent_monitor(user, from_address, to_address)
        case DropMonitorCall(media_address=media_address, monitor_call=monitor_call):
            return drop(media_address, monitor_call)
        case ChangeMode(mode="barge"):
            return barge_call(command.user, command.from_address, command.to_address, command.monitor_call)
    return None


def silent_monitor(user: str, from_address: str, to_address: str) -> Request:
    """The supervisor `user` on `from_address` begins to listen to `to_address`. Raises MessageError."""
    said = {"requestedAction": "SILENT_MONITOR", "fromAddress": from_address, "toAddress": to_address}
    return Request("POST", f"{user_path(user)}/Dialogs", _dialog(said))


def barge_call(user: str, from_address: str, to_address: str, monitor_call: str) -> Request:
    """The supervisor `user` joins the call that he hears through the dialog `monitor_call`. Raises MessageError."""
    said = {
        "requestedAction": "BARGE_CALL",
        "fromAddress": from_address,
        "toAddress": to_address,
        "associatedDialogUri": dialog_path(monitor_call),
    }
    return Request("POST", f"{user_path(user)}/Dialogs", _dialog(said))


def drop(media_address: str, monitor_call: str) -> Request:
    """The supervisor's extension `media_address` leaves the dialog `monitor_call`. Raises MessageError."""
    said = {"targetMediaAddress": media_address, "requestedAction": "DROP"}
    return Request("PUT", dialog_path(monitor_call), _dialog(said))


def user_pictures(user: str) -> tuple[Request, Request]:
    """How a person stands, and every call that he is on. Raises MessageError."""
    path = user_path(user)
    return Request("GET", path), Request("GET", f"{path}/Dialogs")


def team_picture(team: str) -> Request:
    """How a team's members stand. Raises MessageError."""
    return Request("GET", f"{API}/Team/{_segment(team, 'the id of a team')}")


def dialog_picture(dialog: str) -> Request:
    """How a call stands. Raises MessageError."""
    return Request("GET", dialog_path(dialog))


def user_path(user: str) -> str:
    """The path of a user. Raises MessageError."""
    return f"{API}/User/{_segment(user, 'the id of a user')}"


def dialog_path(dialog: str) -> str:
    """The path of a dialog. Raises MessageError."""
    return f"{API}/Dialog/{_segment(dialog, 'the id of a dialog')}"


def errors_in(content: bytes, limits: Limits = _DEFAULT) -> tuple[ApiError, ...]:
    """What was wrong with a request, from the body of its refusal. Raises MessageError if it is no <ApiErrors>."""
    payload = read(content, limits).payload
    if not isinstance(payload, ApiErrors):
        raise MessageError("this is no refusal of Finesse", "the answer", "look at what answers at this address")
    return payload.errors


def _dialog(said: dict[str, str]) -> bytes:
    inside = "".join(f"<{name}>{_text(text, name)}</{name}>" for name, text in said.items())
    return f"<Dialog>{inside}</Dialog>".encode()


def _text(text: str, name: str) -> str:
    """`text` as it stands between two tags. Raises MessageError."""
    if not text:
        raise MessageError(f"{name} is empty", name, "say it: Finesse requires it")
    wrong = _NOT_XML.search(text)
    if wrong is not None:
        what = f"XML cannot carry the character {quote(wrong[0])}"
        raise MessageError(what, name, "take the character out where the text comes from")
    return text.translate(_ESCAPED)


def _segment(text: str, name: str) -> str:
    """`text` as one part of a path, so that it can lead nowhere else. Raises MessageError."""
    _text(text, name)
    if text in (".", ".."):
        raise MessageError(f"{name} would lead to another path", name, "see where this id comes from")
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in text.encode())
