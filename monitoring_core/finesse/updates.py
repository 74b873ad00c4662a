"""Pure: owns what Finesse says, as values: one notification or answer, decoded from its XML.

Refuses to know what follows from it (`sources` does) and to guess: what stands there twice, or is no document of
Finesse, is one MessageError. Texts stay as sent, without the blanks around them; times are texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal, get_args
from xml.etree.ElementTree import Element

from msgspec import Struct

from monitoring_core.domain.settings import Limits
from monitoring_core.errors import QUOTE_CHARS_MAX, MessageError, quote
from monitoring_core.finesse.xml import parse

_DEFAULT = Limits()
_USER = re.compile(r"/finesse/api/User/([^/]+)(/|$)", re.IGNORECASE)
_DIALOG = re.compile(r"/finesse/api/Dialog/([^/]+)(/|$)", re.IGNORECASE)

EventName = Literal["post", "put", "delete"]


class Participant(Struct, frozen=True):
    """One participant as sent: `kind` is mediaAddressType, `state` one of Finesse's, `changed_at` an ISO 8601 time."""

    address: str
    kind: str = ""
    state: str = ""
    changed_at: str = ""


class Dialog(Struct, frozen=True):
    """A call as sent. `secondary_id`: the call that has become part of it. `associated`: a path of another dialog."""

    id: str
    secondary_id: str = ""
    associated: str = ""
    media_type: str = ""
    from_address: str = ""
    to_address: str = ""
    call_type: str = ""
    state: str = ""
    participants: tuple[Participant, ...] = ()


class Dialogs(Struct, frozen=True):
    """Several calls: those of one person, or those that were added to or removed from his."""

    dialogs: tuple[Dialog, ...]


class User(Struct, frozen=True):
    """A person as sent. `team` is the one that he is in; `teams` those that he supervises, None where nothing is said.

    `pendingState` is not read: who asks to sign out during a call is signed in until it ends (domain.md section 2).
    """

    id: str
    name: str = ""
    extension: str = ""
    roles: tuple[str, ...] = ()
    state: str = ""
    changed_at: str = ""
    team: str = ""
    teams: tuple[str, ...] | None = None


class Team(Struct, frozen=True):
    """A team with all of its members, of whom only a part of what is known is sent."""

    id: str
    name: str = ""
    users: tuple[User, ...] = ()


class ApiError(Struct, frozen=True):
    """Why something was refused: `data` is a number of the switch or, of the API's own errors, what they are about."""

    data: str = ""
    message: str = ""
    type: str = ""


class ApiErrors(Struct, frozen=True):
    """Everything that was wrong with one request."""

    errors: tuple[ApiError, ...]


Payload = Dialogs | Dialog | User | Team | ApiErrors


class Update(Struct, frozen=True):
    """One notification; `event` is None of a document that was asked for (GET), which has no envelope.

    `source`: the path of what changed. `request_id`: of the request that led to it, if one did; several
    notifications may have the same. `payload`: None where a user was deleted, or where it is about something else.
    """

    event: EventName | None = None
    source: str = ""
    request_id: str = ""
    payload: Payload | None = None


def read(content: bytes | str, limits: Limits = _DEFAULT) -> Update:
    """The one notification or answer in `content`: as it is, inside other elements, or once more escaped in them.

    Raises MessageError, and nothing else.
    """
    content = _within_an_element(content)
    root = parse(content, limits)
    found = list(_documents(_Node(root), limits))
    if len(found) != 1:
        what = f"this XML holds {len(found)} documents of Finesse" if found else f"<{quote(root.tag)}> is not Finesse's"
        fix = "send one <Update>, or one <Dialogs>, <Dialog>, <User>, <Team> or <ApiErrors>"
        raise MessageError(what, quote(root.tag), fix)
    return _update(found[0])


def user_in(path: str) -> str | None:
    """The id of the user in a path of the API, `/finesse/api/User/{id}/...`, if it names one."""
    found = _USER.search(path)
    return found[1] if found else None


def the_user(path: str) -> str | None:
    """The same where the path is that of the user himself, and not of his dialogs or anything else of his."""
    found = _USER.search(path)
    return found[1] if found and found.end() == len(path) else None


def dialog_in(path: str) -> str | None:
    """The id of the dialog in a path of the API, `/finesse/api/Dialog/{id}`, if it names one."""
    found = _DIALOG.search(path)
    return found[1] if found else None


# Shapes


class _Node:
    """An element, found by names without case and prefix (Finesse writes both cases), and its path for errors."""

    __slots__ = ("_children", "name", "path", "value")

    def __init__(self, element: Element, above: str = "") -> None:
        self.name = element.tag.rpartition(":")[2].lower()
        self.path = f"{above}/{element.tag}"[-QUOTE_CHARS_MAX:]
        self.value = (element.text or "").strip()
        self._children: dict[str, list[Element]] = {}
        for child in element:
            self._children.setdefault(child.tag.rpartition(":")[2].lower(), []).append(child)

    def all(self, *names: str) -> Iterator[_Node]:
        """The elements of these names in it, in their order; without names, every one."""
        for name in names or self._children:
            for child in self._children.get(name.lower(), ()):
                yield _Node(child, self.path)

    def child(self, name: str) -> _Node | None:
        """The one element of that name in it, if it is there. Raises MessageError if it is there twice."""
        found = self._only(name)
        return None if found is None else _Node(found, self.path)

    def inside(self, outer: str, name: str) -> Iterator[_Node]:
        """The elements of that name in the one that is called `outer`."""
        node = self.child(outer)
        return node.all(name) if node else iter(())

    def text(self, name: str) -> str:
        """What stands in the one element of that name; empty if nothing does."""
        found = self._only(name)
        return "" if found is None else (found.text or "").strip()

    def required(self, name: str) -> str:
        """A text that must be there. Raises MessageError."""
        text = self.text(name)
        if not text:
            raise MessageError(f"{name} is missing", quote(self.path), f"add {name}: nothing can be matched without it")
        return text

    def _only(self, name: str) -> Element | None:
        found = self._children.get(name.lower(), ())
        if len(found) > 1:
            raise MessageError(f"{name} stands here twice", quote(self.path), f"send {name} once")
        return found[0] if found else None


def _within_an_element(content: bytes | str) -> bytes | str:
    """What came escaped and without the element that it stood in is put into one again."""
    if isinstance(content, str):
        return f"<item>{content}</item>" if content.lstrip().startswith("&lt;") else content
    return b"<item>" + content + b"</item>" if content.lstrip().startswith(b"&lt;") else content


def _documents(node: _Node, limits: Limits, *, is_unescaped: bool = False) -> Iterator[_Node]:
    """What Finesse wrote, wherever the pub/sub protocol has put it."""
    if node.name == "update" or node.name in _PAYLOADS:
        yield node
        return
    if node.value.startswith("<") and not is_unescaped:
        yield from _documents(_Node(parse(node.value, limits)), limits, is_unescaped=True)
    for child in node.all():
        yield from _documents(child, limits, is_unescaped=is_unescaped)


def _update(node: _Node) -> Update:
    if node.name != "update":
        return Update(payload=_PAYLOADS[node.name](node))
    name = node.required("event").lower()
    event: EventName | None = next((known for known in get_args(EventName) if known == name), None)
    if event is None:
        raise MessageError(f"{quote(name)} is no event", quote(f"{node.path}/event"), "send POST, PUT or DELETE")
    data = node.child("data")
    carried = [child for child in data.all() if child.name in _PAYLOADS] if data else []
    if len(carried) > 1:
        raise MessageError("data holds two things at once", quote(f"{node.path}/data"), "send one update for each")
    payload = _PAYLOADS[carried[0].name](carried[0]) if carried else None
    return Update(event, node.text("source"), node.text("requestId"), payload)


# Payloads


def _dialogs(node: _Node) -> Dialogs:
    return Dialogs(tuple(_dialog(child) for child in node.all("dialog")))


def _dialog(node: _Node) -> Dialog:
    properties = node.child("mediaProperties")
    return Dialog(
        id=node.required("id"),
        secondary_id=node.text("secondaryId"),
        associated=node.text("associatedDialogUri"),
        media_type=node.text("mediaType"),
        from_address=node.text("fromAddress"),
        to_address=node.text("toAddress"),
        call_type=properties.text("callType") if properties else "",
        state=node.text("state"),
        participants=tuple(map(_participant, node.inside("participants", "participant"))),
    )


def _participant(node: _Node) -> Participant:
    return Participant(
        address=node.text("mediaAddress"),
        kind=node.text("mediaAddressType"),
        state=node.text("state"),
        changed_at=node.text("stateChangeTime"),
    )


def _user(node: _Node) -> User:
    supervised = node.child("teams")
    return User(
        id=node.required("loginId"),
        name=f"{node.text('firstName')} {node.text('lastName')}".strip() or node.text("loginName"),
        extension=node.text("extension"),
        roles=tuple(filter(None, (role.value for role in node.inside("roles", "role")))),
        state=node.text("state"),
        changed_at=node.text("stateChangeTime"),
        team=node.text("teamId"),
        teams=tuple(filter(None, (team.text("id") for team in supervised.all("team")))) if supervised else None,
    )


def _team(node: _Node) -> Team:
    return Team(node.required("id"), node.text("name"), tuple(map(_user, node.inside("users", "user"))))


def _errors(node: _Node) -> ApiErrors:
    errors = (
        ApiError(one.text("errorData"), one.text("errorMessage"), one.text("errorType")) for one in node.all("apiError")
    )
    return ApiErrors(tuple(errors))


_PAYLOADS: dict[str, Callable[[_Node], Payload]] = {
    "dialogs": _dialogs,
    "dialog": _dialog,
    "user": _user,
    "team": _team,
    "apierrors": _errors,
}
"""What Finesse sends of that name, folded."""
