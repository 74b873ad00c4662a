from __future__ import annotations

import json
from typing import Any

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
from monitoring_core.domain.settings import Limits, Settings
from monitoring_core.errors import QUOTE_CHARS_MAX, MessageError
from monitoring_core.message import (
    Envelope,
    Message,
    SetApiError,
    SetDrop,
    SetSilentMonitoring,
    decode,
    encode,
    fold,
    not_said,
    of_command,
)

TABLE_LINE = (
    b'{"channel":"Cisco","topic":"Team","subtopic":"SetSilentMonitoring","source":"monitoring-core",'
    b'"data":{"fromAddress":"5004","toAddress":"5025","UserName":"47483657"}}\n'
)
SEED_SAMPLE = (
    "{\n"
    '    \xa0\xa0\xa0\xa0"channel": "Cisco",\n'
    '    \xa0\xa0\xa0\xa0"topic": "Agent",\n'
    '    \xa0\xa0\xa0\xa0"subtopic": "SetSilentMonitoring"\n'
    '    \xa0\xa0\xa0\xa0"data":\xa0\n'
    "    \xa0\xa0\xa0\xa0{\xa0\xa0\xa0\xa0\n"
    '    \xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0"Username": "47483650",\n'
    '    \xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0"FromAddress": "5004",\n'
    '    \xa0\xa0\xa0\xa0\xa0\xa0\xa0"ToAddress": "5025"\xa0\xa0\xa0\xa0\n'
    "    \xa0\xa0\xa0\xa0}\n"
    "    }"
)
"""As the page has it, white space included."""

KNOWN = (
    {"channel", "topic", "subtopic", "source", "data", "message", "username", "fromaddress", "toaddress"}
    | {"mediaaddress", "extension", "callid", "packet", "errortype", "errormessage", "msg", "password"}
)  # fmt: skip
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
KEYS = TEXTS.filter(lambda key: fold(key) not in KNOWN)
LEAVES = (
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
EXTRAS = st.dictionaries(KEYS, VALUES, max_size=4)
MONITORINGS = st.builds(SetSilentMonitoring, TEXTS, TEXTS, TEXTS, TEXTS, EXTRAS, EXTRAS)
DROPS = st.builds(SetDrop, TEXTS, TEXTS, st.sampled_from(["InboundCall", "OutboundCall"]), TEXTS, EXTRAS, EXTRAS)
API_ERRORS = st.builds(SetApiError, TEXTS, TEXTS, TEXTS, TEXTS, EXTRAS, EXTRAS, EXTRAS)
OTHER_SUBTOPICS = TEXTS.filter(lambda text: fold(text) not in {"setsilentmonitoring", "setdrop", "setapierror"})
ENVELOPES = st.builds(
    Envelope, OTHER_SUBTOPICS, TEXTS, TEXTS, TEXTS, st.sampled_from(["data", "message"]), VALUES, EXTRAS
) | st.builds(Envelope, OTHER_SUBTOPICS, TEXTS, extra=EXTRAS)
MESSAGES = MONITORINGS | DROPS | API_ERRORS | ENVELOPES


def line(data: object = None, **envelope: object) -> bytes:
    """A SetSilentMonitoring with this data, and these keys of the envelope in place of the usual ones."""
    usual = {"channel": "Cisco", "topic": "Team", "subtopic": "SetSilentMonitoring"}
    full = {"fromAddress": "5004", "toAddress": "5025", "UserName": "47483657"}
    return json.dumps({**usual, "data": full if data is None else data, **envelope}).encode()


def refused(raw: bytes | str, limits: Limits | None = None) -> MessageError:
    """The error that `raw` gives."""
    with pytest.raises(MessageError) as caught:
        decode(raw, limits or Limits())
    return caught.value


def attempt(raw: bytes | str) -> Message | MessageError:
    """What `raw` gives: a message, or the one kind of error that decode may raise."""
    try:
        return decode(raw)
    except MessageError as error:
        return error


def is_sound(outcome: Message | MessageError) -> bool:
    """A message that can be written and read again, or an error with its three parts."""
    if isinstance(outcome, MessageError):
        return bool(outcome.what and outcome.where and outcome.fix)
    return decode(encode(outcome)) == outcome


# What goes out


def test_a_request_goes_out_in_the_spelling_of_the_table_to_the_byte() -> None:
    """The outbound line for 5004, 5025 and 47483657 is the documented one, byte for byte."""
    assert encode(SetSilentMonitoring("5004", "5025", "47483657", "monitoring-core")) == TABLE_LINE


def test_a_request_goes_out_in_the_spelling_of_the_sample_when_told_so() -> None:
    """The sample's spelling has topic Agent, the sample's keys in its order, and no source when none is set."""
    assert encode(SetSilentMonitoring("5004", "5025", "47483650"), "sample") == (
        b'{"channel":"Cisco","topic":"Agent","subtopic":"SetSilentMonitoring",'
        b'"data":{"Username":"47483650","FromAddress":"5004","ToAddress":"5025"}}\n'
    )


def test_the_sample_spelling_carries_a_source_that_is_set() -> None:
    """A source stands after the subtopic in either spelling."""
    assert b'"subtopic":"SetSilentMonitoring","source":"wallboard","data"' in encode(
        SetSilentMonitoring("1", "2", "3", "wallboard"), "sample"
    )


DROP_LINE = (
    b'{"channel":"Cisco","topic":"InboundCall","subtopic":"SetDROP","source":"monitoring-core",'
    b'"data":{"MediaAddress":"5004","CallID":"16930408"}}\n'
)
ERROR_LINE = (
    b'{"channel":"Cisco","topic":"Error","subtopic":"SetAPIError","source":"monitoring-core",'
    b'"data":{"packet":"apierror","data":{"errorType":"Invalid State","errorMessage":"Invalid State",'
    b'"msg":"the agent is not on a call"}}}\n'
)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (StartMonitoring("s1", "5004", "5025", "47483657", valid_until=5.0), TABLE_LINE),
        (DropMonitorCall("s1", "5004", "16930408"), DROP_LINE),
        (DropMonitorCall("s1", "5004", "16930408", outbound=True), DROP_LINE.replace(b"Inbound", b"Outbound")),
        (BroadcastError("s1", "Invalid State", "the agent is not on a call"), ERROR_LINE),
    ],
)
def test_a_command_becomes_its_message(
    command: StartMonitoring | DropMonitorCall | BroadcastError, expected: bytes
) -> None:
    """Every command that the bus has a message for goes out as that message, under our own source."""
    message = of_command(command, Settings())
    assert message is not None
    assert encode(message) == expected


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (StartMonitoring("s-1", "5004", "5025", "ann", mode="whisper"), "nothing on this bus starts in mode whisper"),
        (ChangeMode("s-1", "5004", "5025", "ann", "m1", "whisper"), "nothing on this bus asks for whisper"),
        (AskSnapshot("s-1", "call", "c1"), "nothing on this bus asks for a snapshot"),
    ],
)
def test_what_the_bus_has_no_words_for_is_said(command: AnyCommand, why: str) -> None:
    """A command without a message has a reason that a person understands."""
    assert of_command(command, Settings()) is None
    assert not_said(command) == why


def test_asking_for_a_snapshot_is_no_message() -> None:
    """The bus has no message by which a program asks how things stand for somebody else."""
    assert of_command(AskSnapshot("", "person", "47483657"), Settings()) is None


@pytest.mark.parametrize(
    "message",
    [
        Envelope("x", extra={"password": "hunter2"}),
        Envelope("x", extra={"topic ": "y"}),
        Envelope("SetDROP", "Cisco"),
        Envelope("x", payload_key="data", payload=float("nan")),
        Envelope("x", payload_key="data", payload={1: "number as key"}),
        Envelope("x", payload_key="data", payload=(1,)),
        Envelope("x", payload_key="data", payload=object()),
        Envelope("\ud800"),
        SetSilentMonitoring("1", "2", "3", data_extra={"fromAddress": "4"}),
        SetSilentMonitoring(5004, "2", "3"),  # type: ignore[arg-type]
    ],
)
def test_what_would_not_arrive_is_not_sent(message: Message) -> None:
    """A value that would decode to another one is refused when it is written, without a word of its content."""
    with pytest.raises(MessageError) as caught:
        encode(message)
    assert "hunter2" not in str(caught.value)


def test_a_line_is_one_line_for_every_reader() -> None:
    """No character in a text, U+2028 neither, ends the line for any reader of lines."""
    message = SetSilentMonitoring("\u2028\x85\n", "\u2029", "\r\x0b")
    assert len(encode(message).decode().splitlines()) == 1


# What comes in


@pytest.mark.parametrize("user", ["UserName", "Username", "UserName ", "username"])
@pytest.mark.parametrize("source", ["fromAddress", "FromAddress", "FromAddress "])
@pytest.mark.parametrize("target", ["toAddress", "ToAddress", "ToAddress "])
def test_every_documented_spelling_of_the_data_is_one_request(user: str, source: str, target: str) -> None:
    """All spellings of the three keys, in any combination, are read as the same request."""
    assert decode(line({user: "7", source: "5004", target: "5025"})) == SetSilentMonitoring("5004", "5025", "7")


@pytest.mark.parametrize("channel", ["channel", "Channel"])
@pytest.mark.parametrize("subtopic", ["subtopic", "subTopic"])
@pytest.mark.parametrize("payload", ["data", "data ", "message"])
@pytest.mark.parametrize("topic", ["Team", "Agent"])
def test_every_documented_spelling_of_the_envelope_is_one_request(
    channel: str, subtopic: str, payload: str, topic: str
) -> None:
    """Both topics and all spellings of the envelope's keys are read as the same request."""
    data = {"fromAddress": "5004", "toAddress": "5025", "UserName": "7"}
    raw = json.dumps({channel: "Cisco", "topic": topic, subtopic: "SetSilentMonitoring", payload: data})
    assert decode(raw) == SetSilentMonitoring("5004", "5025", "7")


@pytest.mark.parametrize("own", ["MediaAddress", "MediaAddress ", "extension"])
@pytest.mark.parametrize("call", ["CallId", "CallID"])
def test_every_documented_spelling_of_a_drop_is_one_drop(own: str, call: str) -> None:
    """The sender's own extension and the call's id are read in all their spellings."""
    raw = line({own: "5004", call: "169"}, subtopic="SetDROP", topic="OutboundCall", source="desk")
    assert decode(raw) == SetDrop("5004", "169", "OutboundCall", "desk")


def test_an_error_is_read_from_its_inner_data() -> None:
    """A broadcast failure gives its type, its internal text and its text for people, `data ` with a space included."""
    error = {"errorType": "Invalid State", "errorMessage": "internal", "msg": "for people"}
    raw = line({"packet": "apierror", "data ": error}, subtopic="SetAPIError", topic="Error")
    assert decode(raw) == SetApiError("Invalid State", "internal", "for people")


def test_the_repaired_sample_of_the_page_is_a_request() -> None:
    """With its comma, the page's sample is read, though it is indented with no-break spaces."""
    repaired = SEED_SAMPLE.replace('"SetSilentMonitoring"', '"SetSilentMonitoring",')
    assert decode(repaired) == SetSilentMonitoring("5004", "5025", "47483650")


def test_a_no_break_space_inside_a_text_stays() -> None:
    """Only the no-break spaces between texts are taken for white space."""
    message = decode(
        line({"fromAddress": "50\xa004", "toAddress": "", "UserName": ""}).decode().replace("\\u00a0", "\xa0")
    )
    assert isinstance(message, SetSilentMonitoring)
    assert message.from_address == "50\xa004"


def test_addresses_stay_as_sent() -> None:
    """Leading zeros and blanks of addresses and ids are kept."""
    data = {"fromAddress": "0042", "toAddress": " 42 ", "UserName": "007"}
    assert decode(line(data)) == SetSilentMonitoring("0042", " 42 ", "007")


def test_another_subtopic_is_an_envelope() -> None:
    """A subtopic that is none of ours is kept with its payload and the key that carried it."""
    call = {"call": {"id": "1"}}
    envelope = {"Channel": "Finesse", "topic": "Inbound", "subtopic": "InboundCallStateChange", "n": 1}
    raw = json.dumps({**envelope, "message": call})
    assert decode(raw) == Envelope("InboundCallStateChange", "Finesse", "Inbound", "", "message", call, {"n": 1})


def test_a_request_on_another_channel_is_not_ours() -> None:
    """The same subtopic on another switch's channel is an envelope, never a request."""
    assert isinstance(decode(line(channel="Amazon")), Envelope)


# What is kept


def test_unknown_fields_keep_their_order() -> None:
    """Unknown fields of the envelope and of its data come out as they went in, in their order."""
    data = {"zeta": 1, "fromAddress": "1", "alpha": [None], "toAddress": "2", "Mid": {"b": 1, "a": 2}, "UserName": "3"}
    message = decode(line(data, z=1, a=[2]))
    assert json.loads(encode(message), object_pairs_hook=list) == [
        ("channel", "Cisco"),
        ("topic", "Team"),
        ("subtopic", "SetSilentMonitoring"),
        ("data", [("fromAddress", "1"), ("toAddress", "2"), ("UserName", "3"), ("zeta", 1), ("alpha", [None]),
                  ("Mid", [("b", 1), ("a", 2)])]),
        ("z", 1),
        ("a", [2]),
    ]  # fmt: skip


@given(MESSAGES, st.sampled_from(["table", "sample"]))
def test_what_is_written_is_read_again(message: Message, spelling: Any) -> None:
    """decode(encode(x)) == x for every kind of message and both spellings, to the order of its unknown fields."""
    written = encode(message, spelling)
    again = decode(written)
    assert again == message
    assert encode(again, spelling) == written
    assert list(again.extra) == list(message.extra)


# What is dropped


@pytest.mark.parametrize(
    "key", ["password", "Password", "PASSWORD ", " pass word", "pass_word", "Pass-Word", "pAsSwOrD\t"]
)
def test_no_spelling_of_password_gets_in(key: str) -> None:
    """A key that reads as password is gone after decoding, at any depth and with all that it holds."""
    secret = {key: {"deep": ["hunter2"]}, "kept": 1}
    data = {"fromAddress": "1", "toAddress": "2", "UserName": "3", key: "hunter2", "more": [secret]}
    message = decode(line(data, **{key: "hunter2"}))
    assert message == SetSilentMonitoring("1", "2", "3", data_extra={"more": [{"kept": 1}]})


SECRETS = st.text("QXZ", min_size=7, max_size=12)  # letters that no error text has


@given(VALUES, EXTRAS, SECRETS, st.sampled_from(["password", "PassWord ", "pass_word"]))
def test_the_value_of_a_password_is_nowhere(value: object, extra: dict[str, Any], secret: str, key: str) -> None:
    """A password's value is neither in the value's repr nor in what is written, whatever stands around it."""
    marked = f"<{secret}>"
    message = decode(json.dumps({"subtopic": "x", "message": {**extra, key: [marked, value], "in": [{key: marked}]}}))
    assert marked not in repr(message)
    assert marked.encode() not in encode(message)


@given(SECRETS, st.data())
def test_the_value_of_a_password_is_in_no_error(secret: str, data: st.DataObject) -> None:
    """However a message with a password is broken, nothing of the password is in the error or in what leads to it."""
    whole = '{"channel":"Cisco","topic":"Team","subtopic":"SetSilentMonitoring","data":{"password":"' + secret + '"}}'
    start = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(start, min(start + 3, len(whole))))
    patch = data.draw(st.sampled_from(["", '"', "{", "[", ",", ":", "\\", "\xa0", "\0", "\ud800", "1", "NaN", "é"]))
    broken = whole[:start] + patch + whole[end:]
    outcome = attempt(broken)
    if isinstance(outcome, MessageError):
        assert secret[:4] not in str(outcome)
        assert outcome.__context__ is None
    else:  # a patch inside the key makes it another key
        assert '"password"' not in broken or secret not in repr(outcome)


# What is refused


def test_the_error_for_the_page_s_sample_names_the_missing_comma() -> None:
    """The page's own sample is refused where its comma is missing, and the fix says which comma."""
    error = refused(SEED_SAMPLE)
    assert (error.what, error.where) == ("a comma is missing", "line 4, column 42")
    assert error.fix == "put a comma after the value of subtopic"


DATA = b'{"channel":"Cisco","topic":"Team","subtopic":"SetSilentMonitoring","data":'


@pytest.mark.parametrize(
    ("raw", "what", "where"),
    [
        (b"", "the message ends too early", "line 1, column 1"),
        (b'{"a":1', "the message ends too early", "line 1, column 7"),
        (b'{"a":"b', "the text that begins here is not closed", "line 1, column 6"),
        (b'{"a"\n1}', "a colon is missing between a key and its value", "line 2, column 1"),
        (b"{'a':1}", "a key is expected here", "line 1, column 2"),
        (b'{"a":}', "a value is expected here", "line 1, column 6"),
        (b'{"a":"\n"}', "a control character stands in a text", "line 1, column 7"),
        (b'{"a":"\\x"}', "a backslash in a text escapes nothing", "line 1, column 7"),
        (b'{"a":"\\u12"}', "a backslash in a text escapes nothing", "line 1, column 8"),
        (b'{"a":1} {}', "something follows the end of the message", "line 1, column 9"),
        (b'{"a":1 "b":2}', "a comma is missing", "line 1, column 7"),
        (b'\xef\xbb\xbf{"a":1}', "the message begins with a byte order mark", "line 1, column 1"),
        ("\ufeff{}", "the message begins with a byte order mark", "line 1, column 1"),
        (b'{\n"a":\0}', "there is a NUL in the message", "line 2, column 5"),
        (b'{"a":"\\u0000"}', "there is a NUL in a text", "a"),
        (b'{"a":["\\ud800"]}', "there is half of a surrogate pair in a text", "a[0]"),
        (b'{"a":{"\\udfff":1}}', "there is half of a surrogate pair in a text", "a.\\udfff"),
        (b'{\n"\xed\xa0\x80":1}', "this is not UTF-8", "line 2, column 2"),
        ('{"a":"\ud800"}', "this is not UTF-8", "line 1, column 7"),
        ('{"a":1}'.encode("utf-16"), "this is not UTF-8", "line 1, column 1"),
        (b'{"a":%s}' % (b"9" * 400), "a number has 400 characters; 40 are allowed", "a"),
        (b'{"a":%s}' % (b"9" * 5000), "a number has 5000 characters; 40 are allowed", "a"),
        (b'{"a":[1,-1e999]}', "a number is larger than any computer's", "a[1]"),
        (b'{"a":NaN}', "NaN and Infinity are not JSON", "a"),
        (b'{"a":-Infinity}', "NaN and Infinity are not JSON", "a"),
        (b'{"a":1,"a":1}', "a key stands here twice", "a"),
        (b'{"a":[{"b":1,"b":2}]}', "a key stands here twice", "a[0].b"),
        (b'{"subtopic":"x","subTopic":"x"}', "subtopic stands here twice, in two spellings", "the message itself"),
        (b'{"subtopic":"x","data":1,"message":1}', "data stands here twice, in two spellings", "the message itself"),
        (DATA + b'{"UserName":"7","Username":"7","fromAddress":"1","toAddress":"2"}}',
         "UserName stands here twice, in two spellings", "data"),
        (b"[1]", "this is a list, not an object", "the message itself"),
        (b"7", "this is a number, not an object", "the message itself"),
        (b"null", "this is null, not an object", "the message itself"),
        (DATA + b"true}", "this is true or false, not an object", "data"),
        (DATA + b'"x"}', "this is text, not an object", "data"),
        (b"{}", "subtopic is missing", "the message itself"),
        (b'{"subtopic":{}}', "subtopic is an object, not text", "subtopic"),
        (b'{"subtopic":"SetDROP"}', "channel is missing", "the message itself"),
        (b'{"subtopic":"SetDROP","channel":"Cisco"}', "topic is missing", "the message itself"),
        (b'{"subtopic":"SetDROP","channel":"Cisco","Topic":"Team"}', "this subtopic is not on this topic", "Topic"),
        (b'{"subtopic":"SetDROP","channel":"Cisco","topic":"InboundCall"}', "data is missing", "the message itself"),
        (DATA + b'{"FromAddress ":5004,"toAddress":"2","UserName":"7"}}', "fromAddress is a number, not text",
         "data.FromAddress "),
        (DATA + b'{"fromAddress":"1","toAddress":2,"UserName":"7"}}', "toAddress is a number, not text",
         "data.toAddress"),
        (DATA + b'{"fromAddress":"1","toAddress":"2","UserName":null}}', "UserName is null, not text", "data.UserName"),
        (b'{"subtopic":"x","source":1}', "source is a number, not text", "source"),
    ],
)  # fmt: skip
def test_what_is_broken_is_named_with_its_place(raw: bytes | str, what: str, where: str) -> None:
    """Each kind of broken message gives one error with what, where (line and column, or key path) and a fix."""
    error = refused(raw)
    assert (error.what, error.where) == (what, where)
    assert error.fix


@pytest.mark.parametrize(
    ("subtopic", "topics", "fix"),
    [
        ("SetSilentMonitoring", ("Error", "InboundCall", "OutboundCall", "A", "Z"), "send it on Team or Agent"),
        ("SetDROP", ("Agent", "Error", "Team", "A", "Z"), "send it on InboundCall or OutboundCall"),
        ("SetBARGE CALL", ("Agent", "Error", "Team", "A", "Z"), "send it on InboundCall or OutboundCall"),
        ("SetAPIError", ("Agent", "InboundCall", "OutboundCall", "Team", "A", "Z"), "send it on Error"),
    ],
)
def test_each_subtopic_is_on_its_topics_only(subtopic: str, topics: tuple[str, ...], fix: str) -> None:
    """What is sent on the topic of something else, or on none of the bus, is refused and told where it belongs."""
    for topic in topics:
        raw = {"channel": "Cisco", "topic": topic, "subtopic": subtopic, "data": {}}
        error = refused(json.dumps(raw))
        assert (error.what, error.fix) == ("this subtopic is not on this topic", fix)


def test_a_key_of_two_names_that_stands_twice_is_called_by_the_first() -> None:
    """Whoever sends both names of one thing is told to send the first, which is the bus's own."""
    assert refused('{"subtopic":"x","data":1,"message":1}').fix == "send data once"


def test_a_misspelt_key_is_recognised() -> None:
    """A required key that is missing, while one like it is there, is answered with that one."""
    error = refused(line({"fromAdress": "1", "toAddress": "2", "UserName": "3"}))
    assert error.fix == "fromAdress is there: did you mean fromAddress?"


def test_the_other_address_is_not_offered_as_a_misspelling() -> None:
    """A missing fromAddress is not answered with the toAddress that is there, or with anything unlike it."""
    assert refused(line({"toAddress": "2", "UserName": "3"})).fix == "add fromAddress"


@pytest.mark.parametrize(
    ("raw", "fix"),
    [
        (b'{"data":{"a":1} "b":2}', "put a comma after the closing bracket"),
        (b'{"password" "subtopic" 1}', None),
        (b'{"pin":"1234" "b":2}', "put a comma after the value"),
        (b'{"topic":"a:\\"b\\"" "b":2}', "put a comma after the value of topic"),
    ],
)
def test_the_fix_of_a_missing_comma_names_only_the_bus_s_own_keys(raw: bytes, fix: str | None) -> None:
    """What stands before a missing comma is called by its key only if that is one of the bus's."""
    error = refused(raw)
    assert fix is None or error.fix == fix
    assert "1234" not in str(error)


def test_a_hundred_thousand_brackets_are_refused_by_their_depth() -> None:
    """Nesting is counted before the text is parsed, so that no depth exhausts the stack."""
    error = refused(b"[" * 100_000, Limits(message_bytes_max=1_000_000))
    assert (error.what, error.where) == ("brackets are nested more than 32 deep", "line 1, column 33")


def test_brackets_inside_a_text_are_no_depth() -> None:
    """Brackets, quotes and backslashes inside texts do not count as nesting."""
    text = '[{"' * 50 + "\\"
    assert decode(json.dumps({"subtopic": text})) == Envelope(text)


def test_the_deepest_allowed_nesting_is_read() -> None:
    """Exactly as many brackets as the limit says are accepted."""
    message = decode(b'{"subtopic":"x","data":%s%s}' % (b"[" * 31, b"]" * 31))
    assert repr(message).count("[") == 31


def test_brackets_side_by_side_are_no_depth() -> None:
    """A message may have many objects and lists, as long as they are not inside each other."""
    assert decode(json.dumps({"subtopic": "x", "data": [{"a": []}] * 100})) == Envelope(
        "x", payload_key="data", payload=[{"a": []}] * 100
    )


def test_the_size_is_bounded_in_bytes() -> None:
    """A message of exactly the largest size is read, and one byte more is refused, in UTF-8 also for text."""
    limits = Limits(message_bytes_max=len('{"subtopic":"é"}'.encode()))
    assert decode('{"subtopic":"é"}', limits) == Envelope("é")
    assert refused('{"subtopic":"éé"}', limits).what == "the message has 19 bytes; 17 are allowed"


def test_an_error_shows_the_end_of_a_long_path() -> None:
    """Of a key path longer than a quote the last part is shown."""
    error = refused(b'{"%s":{"%s":[NaN]}}' % (b"a" * 100, b"b" * 30))
    assert error.where == "..." + "a" * 3 + "." + "b" * 30 + "[0]"
    assert len(error.where) == QUOTE_CHARS_MAX


@given(st.text("xyz", min_size=QUOTE_CHARS_MAX + 1, max_size=200), st.data())
def test_an_error_quotes_at_most_forty_characters(long: str, data: st.DataObject) -> None:
    """No error repeats more than 40 characters of a message on end."""
    template = data.draw(
        st.sampled_from(
            [
                '{"%s":NaN}',
                '{"%s":1,"%s":2}',
                '{"a":{"%s":[1e999]}}',
                '{"%s" 1}',
                '{"%s":"%s" 1}',
                "%s",
                '{"subtopic%s":1}',
            ]
        )
    )
    error = refused(template.replace("%s", long))
    assert long[: QUOTE_CHARS_MAX + 1] not in str(error)


@given(st.binary() | st.text(st.characters()))
def test_any_bytes_give_a_message_or_one_error(raw: bytes | str) -> None:
    """Whatever comes in, the answer is a message or a MessageError with what, where and fix."""
    assert is_sound(attempt(raw))


@given(MESSAGES, st.data())
def test_any_damage_gives_a_message_or_one_error(message: Message, data: st.DataObject) -> None:
    """A message with a piece cut out or put in is another message or a MessageError."""
    whole = encode(message)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    damaged = whole[:start] + data.draw(st.binary(max_size=4)) + whole[end:]
    assert is_sound(attempt(damaged))


@given(
    st.sampled_from(["SetSilentMonitoring", "SetDROP", "SetAPIError", "other"]),
    st.sampled_from(["Team", "InboundCall", "Error"]),
    st.dictionaries(
        st.sampled_from(["fromAddress", "toAddress", "UserName", "username", "MediaAddress", "CallId", "data", "msg"]),
        VALUES,
    ),
)
def test_any_json_gives_a_message_or_one_error(subtopic: str, topic: str, data: dict[str, Any]) -> None:
    """A well-formed envelope with whatever inside is a message or a MessageError."""
    raw = json.dumps({"channel": "Cisco", "topic": topic, "subtopic": subtopic, "data": data})
    assert is_sound(attempt(raw))
