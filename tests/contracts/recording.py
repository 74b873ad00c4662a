"""What every form of a log promises to whoever reads its records, as claims about how to write one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from monitoring_core.errors import SourceError
from monitoring_core.files import Recording
from monitoring_core.sources.native import NativeSource
from tests.cli import ASK, CALL, SITE
from tests.sites import day, interleaved, replay

Write = Callable[[list[dict[str, Any]], str], Path]
"""A log of these records, under a name."""

NESTED: dict[str, Any] = {
    "event": "call_seen",
    "view": {
        "call": "c1",
        "participants": [{"address": "5025", "state": "connected"}, {"address": "0", "state": "held"}],
    },
}


def read(path: Path) -> list[Any]:
    """The records as values."""
    return [json.loads(record) for _, record in Recording(str(path)) if isinstance(record, bytes)]


def records_come_in_order(write: Write) -> None:
    """All records come in the order in which they were written, numbered from 1, with what they say and no more."""
    records = [*SITE, CALL, ASK, {**CALL, "at": 1.5, "call": "ключ"}]
    found = list(Recording(str(write(records, "log"))))
    assert [number for number, _ in found] == list(range(1, len(records) + 1))
    assert read(write(records, "log")) == records


def many_records_come_too(write: Write) -> None:
    """Records that fill more than one piece of the form are all there; the count of lines is theirs."""
    records = [{"event": "time_passed", "at": float(number)} for number in range(10_000)]
    recording = Recording(str(write(records, "log")))
    assert [json.loads(record)["at"] for _, record in recording if isinstance(record, bytes)] == [
        float(number) for number in range(10_000)
    ]
    assert recording.lines == 10_000


def events_mean_the_same(write: Write) -> None:
    """Records with lists and objects inside are the events that they are as JSON lines."""
    records = [*SITE, CALL, NESTED, {"event": "person_changed", "person": "p", "facts": {"vip": True}}, ASK]
    source, plain = NativeSource(), [json.dumps(one).encode() for one in records]
    found = [record for _, record in Recording(str(write(records, "log")))]
    assert [source.feed(one) for one in found if isinstance(one, bytes)] == [source.feed(one) for one in plain]


def nothing_is_no_record(write: Write) -> None:
    """A log without records has none, and that is no error."""
    assert not list(Recording(str(write([], "log"))))


def what_is_cut_makes_nothing_up(write: Write) -> None:
    """Of a log that is cut in the middle come first records of it, and then an error or a torn line; never nothing."""
    records = [{**CALL, "at": float(number) ** 0.5, "call": f"c{number * 7919}"} for number in range(2_000)]
    path = write(records, "log")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    *found, (_, last) = list(Recording(str(path)))
    assert [json.loads(record) for _, record in found if isinstance(record, bytes)] == records[: len(found)]
    assert isinstance(last, SourceError) or len(found) < len(records)


def sites_are_told_apart(write: Write) -> None:
    """A log of several sites gives each site the digest and rows that it has as JSON lines."""
    records = [json.loads(line) for line in interleaved([day("a", 1), day("b", 2), day("", 3, 1)])]
    path = write(records, "log")
    plain = path.with_name("plain")
    plain.write_bytes(b"\n".join(json.dumps(one).encode() for one in records))
    found, expected = replay(str(path), waiting_bytes=5_000), replay(str(plain))
    assert {site: (one.digest, rows) for site, (one, rows) in found.items()} == {
        site: (one.digest, rows) for site, (one, rows) in expected.items()
    }


CONTRACT = (
    records_come_in_order,
    many_records_come_too,
    events_mean_the_same,
    nothing_is_no_record,
    what_is_cut_makes_nothing_up,
    sites_are_told_apart,
)
