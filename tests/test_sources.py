"""Which source reads a recording, by its name; what each of them reads is told beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from monitoring_core.domain.events import MonitorRequested
from monitoring_core.domain.settings import Settings
from monitoring_core.sources import SOURCES, source_of
from monitoring_core.sources.asterisk import AsteriskSource
from monitoring_core.sources.finesse import FinesseSource
from monitoring_core.sources.native import NativeSource
from monitoring_core.sources.workspace import WorkspaceSource

KINDS = {"events": NativeSource, "workspace": WorkspaceSource, "asterisk": AsteriskSource, "finesse": FinesseSource}
REQUEST: dict[str, Any] = {
    "channel": "Cisco",
    "topic": "Team",
    "subtopic": "SetSilentMonitoring",
    "source": "me",
    "data": {"fromAddress": "5004", "toAddress": "5025", "UserName": "ann"},
}


@pytest.mark.parametrize("name", SOURCES)
def test_every_name_has_its_source(name: str) -> None:
    """Each name gives a source of its kind, a new one each time."""
    one, other = (getattr(source_of(name, Settings()).feed, "__self__", None) for _ in range(2))
    assert (type(one), one is other) == (KINDS[name], False)


def test_a_native_log_is_read_for_a_site() -> None:
    """Lines of another site than the one asked for do not count."""
    feed = source_of("events", Settings(), "berlin").feed
    lines = [b'{"event":"time_passed","site":"berlin"}', b'{"event":"time_passed","site":"bonn"}']
    assert [len(feed(line)) for line in lines] == [1, 0]


@pytest.mark.parametrize(("own", "requests"), [("me", 0), ("you", 1)])
def test_the_bus_is_read_by_our_own_name(own: str, requests: int) -> None:
    """A message whose source is the name in the settings is our own, and no request."""
    feed = source_of("workspace", Settings(source=own)).feed
    assert sum(isinstance(event, MonitorRequested) for event in feed(json.dumps(REQUEST).encode())) == requests


@pytest.mark.parametrize("name", SOURCES)
def test_nothing_is_left_of_nothing(name: str) -> None:
    """The end of a recording without records tells nothing."""
    assert source_of(name, Settings()).finish() == []
