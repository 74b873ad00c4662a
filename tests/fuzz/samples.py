"""Real samples of what is read: from scenarios/ and rules/, and what the tests write of Finesse, bus and journal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from monitoring_core.domain.events import AnyEvent
from monitoring_core.files import Recording
from monitoring_core.journal import MemoryJournal
from monitoring_core.journal.beside import COMMANDS, LATEST, SESSIONS
from monitoring_core.scenario import find_stories, read_story
from tests import finesse
from tests.finesse import tag
from tests.helpers import LISTENING
from tests.journals import SITE, Written, changed, renamed

ROOT = Path(__file__).parents[2]
SCENARIOS, RULES = ROOT / "scenarios", ROOT / "rules"
_RECORDED = SCENARIOS / "recorded"
_LINES = 12
_RECORDS_MAX = 3_000
_PER_KIND = 6
_STORY_BYTES_MAX = 4_000
_USER = {
    "loginId": "47483657",
    "extension": "5004",
    "state": "NOT_READY",
    "roles": ["Agent", "Supervisor"],
    "teamId": "1",
    "teams": [{"id": "11", "name": "north"}],
}
_DIALOG = {
    "id": "170",
    "fromAddress": "5004",
    "toAddress": "5025",
    "mediaProperties": {"callType": "SUPERVISOR_MONITOR"},
    "participants": {"Participant": [{"mediaAddress": "5025", "state": "ACTIVE"}]},
    "state": "ACTIVE",
}
XMPP = b"""host = "finesse.example"
user = "monitor@finesse.example/desk"
port = 5223
encryption = "tls"
pubsub = "pubsub.finesse.example"
rest = "https://finesse.example:8445"
rest_user = "monitor"
users = ["1001", "1002"]
teams = ["5"]
"""
XMPP_FILES = (XMPP, XMPP + b'authority = "missing.pem"\npassword_file = "missing"\n')


def in_dozens(lines: Sequence[bytes]) -> list[bytes]:
    """Twelve lines each, as one text."""
    return [b"\n".join(lines[start : start + _LINES]) for start in range(0, len(lines), _LINES)]


def bus_messages() -> list[bytes]:
    """Each message of the bus that means something here."""
    names = {"fromAddress": "5004", "toAddress": "5025", "UserName": "47483657"}
    error = {"errorType": "Invalid State", "errorMessage": "13145", "msg": "for people"}
    call = {"id": "169", "event": "active", "CallType": "Inbound", "ResponseActual": {"dialog": _DIALOG}}
    state = {"userInfo": {"username": "1", "extension": "5004", "password": "x"}, "State": "READY"}
    actual = {"rules": {"ResponseActual": {"user": _USER, "dialog": [_DIALOG]}}}
    told: list[tuple[str, str, str, object]] = [
        ("Team", "SetSilentMonitoring", "data", names),
        ("Agent", "SetSilentMonitoring", "data ", {"FromAddress ": "5004", "ToAddress ": "5025", "Username": "1"}),
        ("InboundCall", "SetDROP", "data", {"MediaAddress": "5004", "CallID": "170"}),
        ("OutboundCall", "SetBARGE CALL", "data", {**names, "CallId": "170"}),
        ("Error", "SetAPIError", "data", {"packet": "apierror", "data": error}),
        ("Inbound", "InboundCallStateChange", "message", {"call": call, "source": "event"}),
        ("Agent", "SetAgentState", "message", {"data": _USER}),
        ("General", "GetAppState", "message", {"ctiState": {**state, **actual}}),
        ("Chat", "SetChatMessage", "data", {"text": "Grüße", "numbers": [1, -0.5, 1e3, None, True]}),
    ]
    return [
        json.dumps(
            {"channel": "Cisco", "topic": topic, "subtopic": name, "source": "desk", "at": 1.5, key: data}
        ).encode()
        for topic, name, key, data in told
    ]


def native_lines() -> list[bytes]:
    """Events of our stories, some of each kind, as a log has them."""
    kinds: dict[str, list[bytes]] = {}
    for path in find_stories(SCENARIOS):
        for row in read_story(path).rows:
            kept = kinds.setdefault(type(row.event).__name__, [])
            if len(kept) < _PER_KIND:
                kept.append(msgspec.json.encode(row.event))
    return [b'{"event":"log","version":1}', *(line for kept in kinds.values() for line in kept)]


def dated(lines: Iterable[bytes]) -> list[bytes]:
    """Native lines that say when, so that they can be merged."""
    return [line for line in lines if getattr(msgspec.json.decode(line, type=AnyEvent), "at", None) is not None]


def asterisk_records() -> list[bytes]:
    """Dozens of manager events as they were recorded, without the kinds that nothing is read of."""
    lines = []
    for path in sorted(_RECORDED.rglob("*.json*")):
        if not path.name.startswith("contact-centre-a.") or path.suffix == ".gz":
            found = (line for _, line in islice(Recording(str(path)), _RECORDS_MAX) if isinstance(line, bytes))
            lines += [line for line in found if b'"VarSet"' not in line and b'"Newexten"' not in line]
    return in_dozens(lines)


def finesse_contents() -> list[str]:
    """Notifications and answers of every kind."""
    call = finesse.dialog("1", "ACTIVE", {"0170": "ACTIVE", "5025": "HELD"}, 0.5, secondary="2", associated="/x")
    monitor = finesse.monitor("9", "ACTIVE", {"5004": "ACTIVE", "5025": "ACTIVE"}, 2)
    ended = finesse.dialog("1", "DROPPED", {"0170": "DROPPED", "5025": "DROPPED"}, 3)
    users = [finesse.user(name, extension, "TALKING", 1) for name, extension in (("bob", "5025"), ("cid", "5026"))]
    post = finesse.of_user("POST", "bob", call)
    return [
        finesse.user_changed("sue", "5004", "NOT_READY", 1, role="Supervisor", supervises="7"),
        finesse.user_changed("bob", "5025", "TALKING", 1),
        post,
        tag("message", tag("event", tag("item", tag("notification", post.replace("<", "&lt;"))))),
        finesse.put(call),
        finesse.of_user("POST", "sue", monitor),
        finesse.put(monitor),
        finesse.of_user("DELETE", "sue", monitor),
        finesse.of_user("DELETE", "bob", ended),
        finesse.failed("13145", "/finesse/api/User/sue", "not now"),
        finesse.failed("x", "/finesse/api/Dialog/9", kind="Invalid Destination"),
        tag("ApiErrors", tag("ApiError", tag("ErrorType", "Invalid Supervisor"), tag("ErrorData", "5025"))),
        tag("Team", tag("id", "7"), tag("name", "sales"), tag("users", *users)),
        tag("Dialogs", call, monitor),
        tag("Dialogs"),
        finesse.user("bob", "5025", "LOGOUT", 4),
        finesse.update("delete", "/finesse/api/User/bob"),
    ]


def finesse_records() -> list[bytes]:
    """The same as a recorder writes them, a dozen each, also the other way round."""
    lines = [
        finesse.line(content, 1.0 + number, "/finesse/api/User/sue/Dialogs", id=str(number))
        for number, content in enumerate(finesse_contents())
    ]
    return in_dozens([*lines, *reversed(lines)])


def parts(paths: Iterable[Path], head: str) -> list[bytes]:
    """Each table of the files that begins with `head`, and what stands before the first: short texts are read fast."""
    found = []
    for path in paths:
        first, *rest = path.read_text("utf-8").split(head)
        found += [first, *(head + part for part in rest)]
    return [text.encode() for text in found if text.strip()]


def stories() -> list[bytes]:
    """Our stories but for the long ones."""
    texts = [path.read_bytes() for path in find_stories(SCENARIOS)]
    return [text for text in texts if len(text) < _STORY_BYTES_MAX]


def recordings() -> list[bytes]:
    """Beginnings of packed ones, and lines and a list that are not."""
    packed = [path.read_bytes()[:_STORY_BYTES_MAX] for path in sorted(_RECORDED.glob("*.gz"))]
    return [*packed, b"\n".join(bus_messages()), b"[" + b",".join(bus_messages()) + b"]"]


def journalled() -> tuple[list[bytes], list[bytes], list[bytes], list[bytes]]:
    """Entries, rows of sessions, pending commands and the snapshot of a small site, as they are stored."""
    written = Written(MemoryJournal())
    written.tell(changed(), *renamed(*LISTENING))
    written.save()
    with written.journal.view(SITE) as turn:
        bodies = [record.body for record in turn.read()]
    rows, commands = list(written.shelf(SESSIONS).values()), list(written.shelf(COMMANDS).values())
    return bodies, rows, commands, [written.shelf("snapshot")[LATEST]]
