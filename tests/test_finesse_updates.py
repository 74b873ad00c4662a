"""What Finesse says, as values: both forms of a notification, the answers, however they were wrapped."""

from __future__ import annotations

from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.errors import MessageError
from monitoring_core.finesse.updates import (
    ApiError,
    ApiErrors,
    Dialog,
    Dialogs,
    Participant,
    Team,
    Update,
    User,
    dialog_in,
    read,
    the_user,
    user_in,
)
from tests import finesse
from tests.finesse import tag

ONE = finesse.dialog("1", "ACTIVE", {"0170": "ACTIVE", "5025": "HELD"}, 0.5, secondary="2", associated="/x")
DIALOG = Dialog(
    id="1",
    secondary_id="2",
    associated="/x",
    media_type="Voice",
    from_address="0170",
    to_address="5025",
    call_type="ACD_IN",
    state="ACTIVE",
    participants=(
        Participant("0170", "", "ACTIVE", "1970-01-01T00:00:00.500Z"),
        Participant("5025", "AGENT_DEVICE", "HELD", "1970-01-01T00:00:00.500Z"),
    ),
)
POST = finesse.of_user("POST", "bob", ONE)


def refused(content: bytes | str) -> MessageError:
    """The error that `content` is answered with."""
    with pytest.raises(MessageError) as caught:
        read(content)
    assert caught.value.where
    assert caught.value.fix
    return caught.value


@pytest.mark.parametrize("event", ["POST", "post", "DELETE", "Delete"])
def test_a_collection_change_carries_dialogs(event: str) -> None:
    """Dialogs that are added to or removed from a user's come as several, under an event in either case."""
    assert read(finesse.of_user(event, "bob", ONE)) == Update(
        "post" if event.lower() == "post" else "delete", "/finesse/api/User/bob/Dialogs", "", Dialogs((DIALOG,))
    )


@pytest.mark.parametrize("event", ["PUT", "put"])
def test_a_property_change_carries_one_dialog(event: str) -> None:
    """A dialog that changed comes alone, in an element with a small letter."""
    assert read(finesse.put(ONE).replace("PUT", event)) == Update("put", "/finesse/api/Dialog/1", "", DIALOG)


@pytest.mark.parametrize("name", ["User", "user"])
def test_a_user_is_read(name: str) -> None:
    """A notification about a user carries his seat, roles, state, team, and the teams that he supervises."""
    content = finesse.user("sue", "5004", "NOT_READY", 1, name=name, role="Supervisor", supervises="9")
    assert read(finesse.update("put", "/finesse/api/User/sue", content)).payload == User(
        id="sue",
        extension="5004",
        roles=("Supervisor",),
        state="NOT_READY",
        changed_at="1970-01-01T00:00:01.000Z",
        team="7",
        teams=("9",),
    )


@pytest.mark.parametrize(
    ("names", "name"),
    [
        (tag("firstName", "Ann") + tag("lastName", "Lee") + tag("loginName", "alee"), "Ann Lee"),
        (tag("firstName", "Ann") + tag("lastName"), "Ann"),
        (tag("firstName") + tag("loginName", "alee"), "alee"),
        ("", ""),
    ],
)
def test_a_name_is_what_people_are_called(names: str, name: str) -> None:
    """First and last name make the name, and the name to log in with where there are none."""
    payload = read(tag("User", tag("loginId", "1"), names)).payload
    assert isinstance(payload, User)
    assert payload.name == name


def test_teams_that_are_not_told_are_not_no_teams() -> None:
    """Only a list of teams, though it be empty, says which teams somebody supervises."""
    payloads = [read(tag("User", tag("loginId", "1"), teams)).payload for teams in ("", tag("teams"))]
    assert [payload.teams for payload in payloads if isinstance(payload, User)] == [None, ()]


def test_a_team_is_read() -> None:
    """A team comes with the part of its users that it knows."""
    users = tag("users", tag("User", tag("loginId", "1"), tag("state", "LOGOUT")), tag("User", tag("loginId", "2")))
    assert read(tag("Team", tag("id", "7"), tag("name", "north"), users)) == Update(
        payload=Team("7", "north", (User("1", state="LOGOUT"), User("2")))
    )


@pytest.mark.parametrize(
    "content",
    [
        tag("apiErrors", tag("apiError", tag("errorData", "13145"), tag("errorMessage", "M"), tag("errorType", "T"))),
        tag("ApiErrors", tag("ApiError", tag("ErrorData", "13145"), tag("ErrorMessage", "M"), tag("ErrorType", "T"))),
    ],
)
def test_errors_are_read_as_both_write_them(content: str) -> None:
    """Notifications and answers spell the names of an error's parts differently, and mean the same."""
    failure = ApiErrors((ApiError("13145", "M", "T"),))
    assert read(content) == Update(payload=failure)
    assert read(finesse.update("PUT", "/finesse/api/User/sue", content)).payload == failure


@pytest.mark.parametrize(
    ("content", "payload"),
    [
        (tag("Dialogs", ONE, ONE.replace("<id>1<", "<id>2<")), ("1", "2")),
        (tag("Dialogs"), ()),
        (ONE, "1"),
        (finesse.user("sue", "5004", "READY"), "sue"),
        (tag("Team", tag("id", "7")), "7"),
    ],
)
def test_answers_have_no_envelope(content: str, payload: object) -> None:
    """What was asked for comes bare, and so without an event."""
    found = read(content)
    carried = found.payload
    assert (found.event, found.source) == (None, "")
    assert carried is not None
    assert not isinstance(carried, ApiErrors)
    names = tuple(one.id for one in carried.dialogs) if isinstance(carried, Dialogs) else carried.id
    assert names == payload


@pytest.mark.parametrize(
    "content",
    [
        escape(POST),
        f"  {escape(POST)}",
        tag("notification", escape(POST)),
        tag("notification", POST),
        tag("notification", f"\n{escape(POST)}\n"),
        f"<notification xmlns='http://jabber.org/protocol/pubsub'><![CDATA[{POST}]]></notification>",
        f'<?xml version="1.0"?><item id="1">{tag("notification", escape(POST))}</item>',
        tag("message", tag("event", tag("items", tag("item", tag("notification", escape(POST)))))),
        POST.replace("<Update>", '<f:Update xmlns:f="x">').replace("</Update>", "</f:Update>"),
        POST.replace("<id>1<", "<id> \n1\t<"),
    ],
)
def test_an_update_is_read_however_it_is_wrapped(content: str) -> None:
    """Escaped or not, in the elements of the pub/sub protocol or bare, as text or as bytes: it is the same update."""
    assert read(content) == read(content.encode()) == read(POST)


def test_what_is_of_no_use_is_passed_over() -> None:
    """An update about anything else is an update that carries nothing."""
    queue = finesse.update("PUT", "/finesse/api/Queue/10", tag("Queue", tag("uri", "/finesse/api/Queue/10")))
    assert read(queue) == Update("put", "/finesse/api/Queue/10")
    assert read("<Update><event>delete</event><source>s</source></Update>") == Update("delete", "s")


@pytest.mark.parametrize(
    ("content", "what", "where"),
    [
        ("<iq/>", "<iq> is not Finesse's", "iq"),
        (tag("items", POST, POST), "this XML holds 2 documents of Finesse", "items"),
        (tag("a", escape(tag("a", escape(POST)))), "<a> is not Finesse's", "a"),
        (POST.replace("POST", "GET"), "get is no event", "/Update/event"),
        (POST.replace("<event>POST</event>", ""), "event is missing", "/Update"),
        (
            tag("b" * 50, POST.replace("<event>POST</event>", "")),
            "event is missing",
            ("/" + "b" * 50 + "/Update")[-40:],
        ),
        (POST.replace("<id>1</id>", "<id/>"), "id is missing", "/Update/data/dialogs/Dialog"),
        (POST.replace("<id>1</id>", "<id>1</id><ID>2</ID>"), "id stands here twice", "/Update/data/dialogs/Dialog"),
        (POST.replace("<data>", tag("data", tag("User")) + "<data>"), "data stands here twice", "/Update"),
        (
            finesse.update("PUT", "s", ONE, finesse.user("sue", "5004", "READY")),
            "data holds two things at once",
            "/Update/data",
        ),
        (tag("User", tag("extension", "5004")), "loginId is missing", "/User"),
        (tag("Team", tag("users")), "id is missing", "/Team"),
    ],
)
def test_what_is_not_clear_is_refused(content: str, what: str, where: str) -> None:
    """What is no document of Finesse, or could mean two things, is one error with its place, and nothing is guessed."""
    error = refused(content)
    assert (error.what, error.where) == (what, where)


@pytest.mark.parametrize(
    ("path", "user", "himself", "dialog"),
    [
        ("/finesse/api/User/1001", "1001", "1001", None),
        ("/finesse/api/User/1001/", "1001", "1001", None),
        ("/finesse/api/User/1001/Dialogs", "1001", None, None),
        ("https://example.org/finesse/api/user/a.b@c", "a.b@c", "a.b@c", None),
        ("/finesse/api/Dialog/12", None, None, "12"),
        ("/finesse/api/Team/12/Users", None, None, None),
        ("/finesse/api/User/", None, None, None),
        ("", None, None, None),
    ],
)
def test_a_path_names_whom_it_is_about(path: str, user: str | None, himself: str | None, dialog: str | None) -> None:
    """A path of the API names a user, the user himself rather than something of his, or a dialog."""
    assert (user_in(path), the_user(path), dialog_in(path)) == (user, himself, dialog)


# Properties

words = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Z")), max_size=6)
ids = words.filter(bool)
participants = st.builds(Participant, words, words, words, words)
dialogs = st.builds(
    Dialog, ids, words, words, words, words, words, words, words, st.lists(participants, max_size=3).map(tuple)
)


def _element(name: str, text: str) -> str:
    return tag(name, escape(text))


def written(one: Dialog) -> str:
    """A dialog as Finesse writes it."""
    parts = (
        tag(
            "Participant",
            _element("mediaAddress", part.address),
            _element("mediaAddressType", part.kind),
            _element("state", part.state),
            _element("stateChangeTime", part.changed_at),
        )
        for part in one.participants
    )
    return tag(
        "Dialog",
        _element("id", one.id),
        _element("secondaryId", one.secondary_id),
        _element("associatedDialogUri", one.associated),
        _element("mediaType", one.media_type),
        _element("fromAddress", one.from_address),
        _element("toAddress", one.to_address),
        tag("mediaProperties", _element("callType", one.call_type)),
        _element("state", one.state),
        tag("participants", *parts),
    )


@given(st.lists(dialogs, max_size=3), st.sampled_from(["POST", "delete"]), words, st.booleans())
def test_what_is_written_is_read_again(some: list[Dialog], event: str, person: str, is_escaped: bool) -> None:  # noqa: FBT001 # drawn
    """Any dialogs of any user, escaped once more or not, are read as they were written."""
    content = finesse.of_user(event, escape(person), *map(written, some))
    found = read(tag("item", escape(content)) if is_escaped else content)
    assert found == Update(
        "post" if event == "POST" else "delete", f"/finesse/api/User/{person}/Dialogs", "", Dialogs(tuple(some))
    )


@given(st.data())
def test_a_part_of_an_update_is_an_update_or_one_error(data: st.DataObject) -> None:
    """An update that was cut, or into which a part of another was spliced, is an update or one MessageError."""
    content = data.draw(st.sampled_from([POST, escape(POST), tag("notification", escape(POST)), finesse.put(ONE)]))
    cuts = st.integers(0, len(content))
    start, end, place = data.draw(cuts), data.draw(cuts), data.draw(cuts)
    for broken in (content[start:end], content[:place] + content[start:end] + content[place:]):
        try:
            assert isinstance(read(broken), Update)
        except MessageError as error:
            assert error.what
            assert error.fix
