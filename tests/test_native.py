"""The native log: one event a line, or one clear error."""

from __future__ import annotations

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.domain.events import FORMAT_VERSION, Event, Log, SignedIn, TimePassed
from monitoring_core.errors import QUOTE_CHARS_MAX, EventError, UsageError
from monitoring_core.sources.native import NativeSource
from monitoring_core.testing.strategies import events


def _error(record: bytes) -> EventError:
    with pytest.raises(EventError) as caught:
        NativeSource().feed(record)
    return caught.value


@given(events.filter(lambda event: not isinstance(event, Log)))
def test_every_event_comes_back_as_it_was(event: Event) -> None:
    """What msgspec writes of an event is read as the same event."""
    assert NativeSource().feed(msgspec.json.encode(event)) == [event]


@pytest.mark.parametrize(
    ("record", "what", "where", "fix"),
    [
        (b'{"event":"signd_in"}', 'unknown event "signd_in"', "event", 'did you mean "signed_in"?'),
        (b'{"person":"1"}', '"event" is missing', "the line itself", 'add "event"'),
        (b'{"event":"signed_in","person":"1"}', '"extension" is missing', "the line itself", 'add "extension"'),
        (
            b'{"event":"signed_in","person":"1","exension":"2"}',
            'unknown field "exension"',
            "the line itself",
            'did you mean "extension"?',
        ),
        (
            b'{"event":"call_seen","view":{"call":"c","participants":[{"adress":"a"}]}}',
            'unknown field "adress"',
            "view.participants[0]",
            'did you mean "address"?',
        ),
        (
            b'{"event":"held","call":"c","address":42}',
            "expected str, got int",
            "address",
            "write it as `monitoring-core schema` says: addresses and ids are text, times are numbers",
        ),
        (
            b'{"event":"monitor_requested","from_address":"1","to_address":"2","mode":"silence"}',
            'invalid enum value "silence"',
            "mode",
            "see `monitoring-core schema` for the values",
        ),
    ],
)
def test_an_error_says_what_where_and_fix(record: bytes, what: str, where: str, fix: str) -> None:
    """A line that is no event gives one error with key path and the likely word."""
    error = _error(record)
    assert (error.what, error.where, error.fix) == (what, where, fix)


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"x",
        b"[]",
        b"null",
        b"\xff",
        b'{"event":"held","call":"\xff","address":"a"}',
        b'{"event":"held","call":"\\ud800","address":"a"}',
        b"[" * 100_000,
        b'{"event":"time_passed","at":' + b"[" * 100_000,
        b'{"event":"time_passed","at":1e999}',
        b'{"event":"time_passed","at":' + b"9" * 400 + b"}",
        b'{"event":"time_passed","at":NaN}',
        b'{"event":7}',
    ],
)
def test_garbage_is_one_error(record: bytes) -> None:
    """Whatever is wrong with the bytes, it is an EventError with a fix."""
    assert _error(record).fix


def test_an_error_quotes_little() -> None:
    """However long a wrong word is, an error holds at most 40 characters of it."""
    word = "x" * 1000
    for record in (
        b'{"event":"%s"}' % word.encode(),
        b'{"event":"time_passed","%s":1}' % word.encode(),
        b'{"event":"monitor_requested","from_address":"1","to_address":"2","mode":"%s"}' % word.encode(),
    ):
        assert "x" * (QUOTE_CHARS_MAX + 1) not in str(_error(record))


@given(st.binary())
def test_any_bytes_are_events_or_one_error(record: bytes) -> None:
    """No input raises anything but an EventError, or a UsageError for a later format."""
    with contextlib.suppress(EventError, UsageError):
        NativeSource().feed(record)


def test_the_header_says_nothing_about_the_site() -> None:
    """A log line of this format's version, or an older one, is no event."""
    assert NativeSource().feed(b'{"event":"log","version":%d}' % FORMAT_VERSION) == []


def test_a_later_format_is_refused() -> None:
    """A log of a later format is not read at all: nothing in it is safe to guess."""
    with pytest.raises(UsageError, match=f"this program knows up to {FORMAT_VERSION}") as caught:
        NativeSource().feed(b'{"event":"log","version":%d}' % (FORMAT_VERSION + 1))
    assert caught.value.fix == "use a later release of monitoring-core"


def _of(site: str) -> bytes:
    return msgspec.json.encode(TimePassed(site=site))


def test_a_site_is_chosen() -> None:
    """With a site, its lines and those that name none count, others' are passed over."""
    source = NativeSource("north")
    assert [len(source.feed(_of(site))) for site in ("north", "south", "")] == [1, 0, 1]


def test_two_sites_are_never_mixed() -> None:
    """Without a chosen site, the first site of a log is it, and a line of a second one is an error that says so."""
    source = NativeSource()
    assert [len(source.feed(_of(site))) for site in ("", "north", "north")] == [1, 1, 1]
    with pytest.raises(EventError) as caught:
        source.feed(_of("south"))
    assert caught.value.fix == "choose one: --site south"


def test_the_order_of_keys_is_free() -> None:
    """The event's name need not stand first."""
    record = b'{"extension":"5025","person":"a","event":"signed_in"}'
    assert NativeSource().feed(record) == [SignedIn(person="a", extension="5025")]
