"""What is asked of Finesse, as its REST API documents it; and its refusals."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.domain.outcomes import (
    AnyCommand,
    AskSnapshot,
    BroadcastError,
    ChangeMode,
    DropMonitorCall,
    StartMonitoring,
)
from monitoring_core.errors import MessageError
from monitoring_core.finesse.requests import (
    Request,
    barge_call,
    dialog_picture,
    drop,
    errors_in,
    of_command,
    silent_monitor,
    team_picture,
    user_pictures,
)
from monitoring_core.finesse.updates import ApiError
from monitoring_core.finesse.xml import parse

CARRIED = st.characters(exclude_categories=["Cs"], exclude_characters=[chr(0xFFFE), chr(0xFFFF)]).filter(
    lambda one: one >= " " or one in "\t\n\r"
)
TEXTS = st.text(CARRIED, min_size=1)
NOT_CARRIED = ["\0", "\x0b", "\x1f", chr(0xD800), chr(0xDFFF), chr(0xFFFE), chr(0xFFFF)]


def said(request: Request) -> dict[str, str | None]:
    """What stands in the body, by the name of its element."""
    root = parse(request.body)
    assert root.tag == "Dialog"
    return {child.tag: child.text for child in root}


# Each request


def test_a_start_is_posted_to_the_supervisors_dialogs() -> None:
    """SILENT_MONITOR is a POST of both extensions to the dialogs of the supervisor."""
    assert silent_monitor("47483657", "5004", "5025") == Request(
        "POST",
        "/finesse/api/User/47483657/Dialogs",
        b"<Dialog><requestedAction>SILENT_MONITOR</requestedAction><fromAddress>5004</fromAddress>"
        b"<toAddress>5025</toAddress></Dialog>",
    )


def test_a_barge_names_the_monitor_dialog() -> None:
    """BARGE_CALL is a POST to the supervisor's dialogs, too, and names the dialog through which he listens."""
    assert barge_call("47483657", "5004", "5025", "16930408") == Request(
        "POST",
        "/finesse/api/User/47483657/Dialogs",
        b"<Dialog><requestedAction>BARGE_CALL</requestedAction><fromAddress>5004</fromAddress>"
        b"<toAddress>5025</toAddress><associatedDialogUri>/finesse/api/Dialog/16930408</associatedDialogUri></Dialog>",
    )


def test_a_stop_is_put_on_the_monitor_dialog() -> None:
    """DROP is a PUT of the supervisor's own extension on the monitor dialog."""
    assert drop("5004", "16930408") == Request(
        "PUT",
        "/finesse/api/Dialog/16930408",
        b"<Dialog><targetMediaAddress>5004</targetMediaAddress><requestedAction>DROP</requestedAction></Dialog>",
    )


def test_pictures_are_asked_for_by_their_paths() -> None:
    """A person, his calls, a team and a call each have a path, and are asked for without a body."""
    assert user_pictures("7") == (Request("GET", "/finesse/api/User/7"), Request("GET", "/finesse/api/User/7/Dialogs"))
    assert team_picture("1") == Request("GET", "/finesse/api/Team/1")
    assert dialog_picture("16930408") == Request("GET", "/finesse/api/Dialog/16930408")


@pytest.mark.parametrize(
    ("command", "request_"),
    [
        (StartMonitoring("s-6", "5004", "5025", "7", 12.0), silent_monitor("7", "5004", "5025")),
        (DropMonitorCall("s-6", "5004", "16930408", outbound=True), drop("5004", "16930408")),
        (ChangeMode("s-6", "5004", "5025", "7", "1", "barge"), barge_call("7", "5004", "5025", "1")),
        (ChangeMode("s-6", "5004", "5025", "7", "1", "whisper"), None),
        (ChangeMode("s-6", "5004", "5025", "7", "1", "silent"), None),
        (ChangeMode("s-6", "5004", "5025", "7", "1", "take_over"), None),
        (BroadcastError("s-6", "Invalid State", "no"), None),
        (AskSnapshot("s-6", "address", "5025"), None),
    ],
)
def test_each_command_has_its_request(command: AnyCommand, request_: Request | None) -> None:
    """A start and a stop are one request each; what this API has no request for has none."""
    assert of_command(command) == request_


# What XML and a path can carry


@given(from_address=TEXTS, to_address=TEXTS, monitor_call=TEXTS)
def test_what_is_said_arrives(from_address: str, to_address: str, monitor_call: str) -> None:
    """Any text that XML can carry is read back as it was."""
    if monitor_call in (".", ".."):
        return
    request = barge_call("7", from_address, to_address, monitor_call)
    read = said(request)
    assert (read["fromAddress"], read["toAddress"]) == (from_address, to_address)
    assert unquote((read["associatedDialogUri"] or "").rpartition("/")[2]) == monitor_call


@given(user=TEXTS.filter(lambda text: text not in (".", "..")))
def test_an_id_stays_one_part_of_the_path(user: str) -> None:
    """Whatever an id is, the path has as many parts as documented, and the id is one of them."""
    parts = silent_monitor(user, "5004", "5025").path.split("/")
    assert [*parts[:4], *parts[5:]] == ["", "finesse", "api", "User", "Dialogs"]
    assert unquote(parts[4]) == user
    assert parts[4].isascii()


@pytest.mark.parametrize("character", NOT_CARRIED, ids=ascii)
def test_what_xml_cannot_carry_is_refused(character: str) -> None:
    """A character that XML does not have is one error, wherever it stands, and is not sent changed."""
    wrong = f"50{character}04"
    for make in (
        lambda: silent_monitor("7", wrong, "5025"),
        lambda: silent_monitor("7", "5004", wrong),
        lambda: silent_monitor(wrong, "5004", "5025"),
        lambda: drop(wrong, "1"),
        lambda: drop("5004", wrong),
        lambda: barge_call("7", "5004", "5025", wrong),
        lambda: team_picture(wrong),
        lambda: user_pictures(wrong),
    ):
        with pytest.raises(MessageError, match="XML cannot carry the character"):
            make()


@pytest.mark.parametrize("make", [lambda: silent_monitor("", "5", "6"), lambda: drop("", "1"), lambda: drop("5", "")])
def test_nothing_is_left_empty(make: object) -> None:
    """What Finesse requires may not be empty."""
    assert callable(make)
    with pytest.raises(MessageError, match="is empty"):
        make()


@pytest.mark.parametrize("wrong", [".", ".."])
def test_no_id_leads_to_another_path(wrong: str) -> None:
    """An id that a server would take for a way up is refused."""
    with pytest.raises(MessageError, match="would lead to another path"):
        dialog_picture(wrong)


# Refusals


def test_a_refusal_is_read() -> None:
    """Every error of a refusal is read with its type, its message and what it is about."""
    body = (
        b"<ApiErrors><ApiError><ErrorType>Authorization Failure</ErrorType><ErrorMessage>UNAUTHORIZED</ErrorMessage>"
        b"<ErrorData>jsmith</ErrorData></ApiError><ApiError><ErrorType>Not Found</ErrorType></ApiError></ApiErrors>"
    )
    assert errors_in(body) == (
        ApiError("jsmith", "UNAUTHORIZED", "Authorization Failure"),
        ApiError(type="Not Found"),
    )


@pytest.mark.parametrize("body", [b"", b"<html/>", b"<ApiErrors>", b"<Dialog><id>1</id></Dialog>", b"\xff"])
def test_what_is_no_refusal_is_one_error(body: bytes) -> None:
    """A body that is no <ApiErrors> is an error of the family."""
    with pytest.raises(MessageError):
        errors_in(body)
