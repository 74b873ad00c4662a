"""Pure: owns the way from bytes to a checked JSON value, with one MessageError for anything that is not one.

Refuses to know what a message says; it only promises that what it returns is small, shallow, finite, free of
passwords, and can be written as JSON again.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from monitoring_core.domain.settings import Limits
from monitoring_core.errors import QUOTE_CHARS_MAX, MessageError

_MARKS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}:\xa0]', re.DOTALL)
"""Texts, and what has a meaning between them. A text is taken whole, so a bracket inside one counts for nothing."""

_NOT_TEXT = re.compile("[\0\ud800-\udfff]")
"""NUL ends a text for every C program behind us; half a surrogate pair cannot be written as UTF-8 at all."""

_NAMED = {"channel", "topic", "subtopic", "source", "username", "fromaddress", "toaddress", "mediaaddress", "callid"}
"""The only words of a broken text that an error repeats: any other could be a password that lost its key."""

_SYNTAX = (
    ("Expecting ':'", "a colon is missing between a key and its value", "put a colon after the key"),
    ("Expecting property name", "a key is expected here", "put it in double quotes; no comma before a closing bracket"),
    ("Illegal trailing comma", "a comma stands before a closing bracket", "delete the comma"),
    ("Expecting value", "a value is expected here", "write text in double quotes; no comma before a closing bracket"),
    ("Unterminated string", "the text that begins here is not closed", "close it with a double quote"),
    ("Invalid control", "a control character stands in a text", "escape it: a line break is written \\n"),
    ("Invalid \\", "a backslash in a text escapes nothing", "write a backslash as two"),
    ("Extra data", "something follows the end of the message", "send one message a line"),
    ("", "this is not JSON", "write the message with a JSON library"),
)
"""Beginning of the standard library's words, what, fix. Its own words may hold a character of the text."""


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it was written: a dict would hide a repeated key."""


class _Number(str):
    """A JSON number as it was written: 400 digits must be refused with their place, not computed."""

    __slots__ = ()


def fold(name: str) -> str:
    """The one form of all spellings of a name: letters and digits only, without case.

    The bus itself writes UserName, Username, `UserName ` and username for one thing, subtopic and subTopic, CallId
    and CallID: one rule instead of a list takes them all, and the next one. Leaving out all other characters too
    lets no spelling of password through.
    """
    return "".join(filter(str.isalnum, name)).casefold()


def place(path: str) -> str:
    """A key path as an error shows it: its last 40 characters, as the end says most."""
    shown = ascii(path)[1:-1] or "the message itself"
    return shown if len(shown) <= QUOTE_CHARS_MAX else "..." + shown[3 - QUOTE_CHARS_MAX :]


def below(path: str, key: str | int) -> str:
    """The key path of a member or of an item; no more of it is kept than `place` can show."""
    step = f"[{key}]" if isinstance(key, int) else key if not path else f".{key}"
    return (path + step)[-QUOTE_CHARS_MAX - 1 :]


def parse(raw: bytes | str, limits: Limits) -> object:
    """The JSON value in `raw`, without any password in it. Raises MessageError, never anything else."""
    text = _text(raw, limits)
    _check_depth(text, limits)
    try:
        value = json.loads(
            text, object_pairs_hook=_Pairs, parse_int=_Number, parse_float=_Number, parse_constant=_Number
        )
    except json.JSONDecodeError as error:
        problem = _syntax_error(text, error.msg, error.pos)
    else:
        return _settle(value, "", limits)
    raise problem  # outside of `except`: the caught error holds the whole text, so nothing may lead to it


def _text(raw: bytes | str, limits: Limits) -> str:
    data = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    if len(data) > limits.message_bytes_max:
        what = f"the message has {len(data)} bytes; {limits.message_bytes_max} are allowed"
        raise MessageError(what, "the message itself", "send less; a bus message is a few hundred bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        prefix = data[: error.start].decode()
        problem = MessageError("this is not UTF-8", _position(prefix, len(prefix)), "send the message as UTF-8")
    else:
        _check_whole(text)
        return _MARKS.sub(_plain_space, text) if "\xa0" in text else text
    raise problem


def _plain_space(mark: re.Match[str]) -> str:
    """The bus's own pages indent their samples with no-break spaces: whoever copies one sends them; JSON has none."""
    return " " if mark[0] == "\xa0" else mark[0]


def _check_whole(text: str) -> None:
    """Refuses two things that json.loads does not name in words that help."""
    if text.startswith("\ufeff"):
        fix = "write the message as UTF-8 without a byte order mark"
        raise MessageError("the message begins with a byte order mark", "line 1, column 1", fix)
    nul = text.find("\0")
    if nul >= 0:
        fix = "send the message as UTF-8; UTF-16 and padding look like this"
        raise MessageError("there is a NUL in the message", _position(text, nul), fix)


def _check_depth(text: str, limits: Limits) -> None:
    """Before json.loads, which answers 100,000 brackets with a RecursionError."""
    depth = 0
    for mark in _MARKS.finditer(text):
        depth += (mark[0] in "[{") - (mark[0] in "]}")
        if depth > limits.message_depth_max:
            what = f"brackets are nested more than {limits.message_depth_max} deep"
            raise MessageError(what, _position(text, mark.start()), "send a flatter message; this bus needs ten levels")


def _position(text: str, index: int) -> str:
    """Line and column, both from 1, in characters."""
    return f"line {text.count(chr(10), 0, index) + 1}, column {index - text.rfind(chr(10), 0, index)}"


def _syntax_error(text: str, message: str, index: int) -> MessageError:
    """What json.loads found, in words that quote nothing but the bus's own keys."""
    end = len(text.rstrip())
    if index >= end:
        return MessageError("the message ends too early", _position(text, end), "send the whole message, on one line")
    if message.startswith("Expecting ','"):
        after = len(text[:index].rstrip())
        fix = f"put a comma after {_value_before(text, after)}"
        return MessageError("a comma is missing", _position(text, after), fix)
    what, fix = next((what, fix) for words, what, fix in _SYNTAX if message.startswith(words))
    return MessageError(what, _position(text, index), fix)


def _value_before(text: str, end: int) -> str:
    """How to call the value that ends at `end`: the seed's own sample lacks the comma after its subtopic."""
    if text[end - 1] in "]}":
        return "the closing bracket"
    key = last = ""
    for mark in _MARKS.finditer(text, 0, end):
        if mark[0] == ":":
            key = last
        last = mark[0][1:-1]
    return f"the value of {key}" if fold(key) in _NAMED else "the value"


def _settle(value: object, path: str, limits: Limits) -> object:
    """The value with objects as dicts and numbers as numbers. Raises MessageError for what cannot be kept."""
    if isinstance(value, _Pairs):
        return _settle_pairs(value, path, limits)
    if isinstance(value, list):
        return [_settle(item, below(path, index), limits) for index, item in enumerate(value)]
    if isinstance(value, _Number):
        return _settle_number(value, path, limits)
    if isinstance(value, str):
        _check_text(value, path)
    return value


def _settle_pairs(pairs: _Pairs, path: str, limits: Limits) -> dict[str, object]:
    settled: dict[str, object] = {}
    for key, value in pairs:
        if fold(key) == "password":  # GetAppState answers with the user's own, in clear: it goes before anything looks
            continue
        inside = below(path, key)
        _check_text(key, inside)
        if key in settled:
            fix = "send it once; readers disagree which one counts"
            raise MessageError("a key stands here twice", place(inside), fix)
        settled[key] = _settle(value, inside, limits)
    return settled


def _settle_number(text: _Number, path: str, limits: Limits) -> int | float:
    if text.endswith(("NaN", "Infinity")):
        raise MessageError("NaN and Infinity are not JSON", place(path), "leave the key out, or send null")
    if len(text) > limits.message_number_chars_max:
        what = f"a number has {len(text)} characters; {limits.message_number_chars_max} are allowed"
        raise MessageError(what, place(path), "send long ids as text, in double quotes")
    number = float(text) if set(text) & set(".eE") else int(text)
    if math.isinf(number):
        raise MessageError("a number is larger than any computer's", place(path), "send it as text, in double quotes")
    return number


def _check_text(text: str, path: str) -> None:
    bad = _NOT_TEXT.search(text)
    if bad is not None:
        name = "a NUL" if bad[0] == "\0" else "half of a surrogate pair"
        raise MessageError(f"there is {name} in a text", place(path), "send Unicode text without it")
