"""What the tests of the command line share: a way to call it, and the smallest site on which somebody may listen."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from monitoring_core.cli import main

SITE: tuple[dict[str, Any], ...] = (
    {"event": "signed_in", "person": "ann", "extension": "5025", "roles": ["Agent"], "teams": ["sales"]},
    {
        "event": "signed_in",
        "person": "47483657",
        "extension": "5004",
        "roles": ["Supervisor"],
        "supervises": ["sales"],
        "state": "NOT_READY",
    },
    {"event": "phone_changed", "extension": "5025", "supports_monitoring": True, "configured": True},
)
CALL: dict[str, Any] = {"event": "established", "call": "c1", "address": "5025"}
ASK: dict[str, Any] = {
    "event": "monitor_requested",
    "from_address": "5004",
    "to_address": "5025",
    "user": "47483657",
}
SENT = (
    b'{"channel":"Cisco","topic":"Team","subtopic":"SetSilentMonitoring","source":"monitoring-core",'
    b'"data":{"fromAddress":"5004","toAddress":"5025","UserName":"47483657"}}\n'
)


def at(time: float, event: dict[str, Any]) -> dict[str, Any]:
    """The event, received at `time` (seconds)."""
    return {**event, "at": time, "received_at": time}


def lines(*records: dict[str, Any]) -> bytes:
    """JSON lines."""
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


@attrs.frozen
class Done:
    """How a call of the command line went."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The objects of JSON lines on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]


@attrs.define
class Shell:
    """The command line in this process, with a folder to work in."""

    folder: Path
    captured: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def write(self, name: str, data: bytes | str) -> str:
        """A file in the folder; its path."""
        path = self.folder / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return str(path)

    def log(self, *events: dict[str, Any], name: str = "log.jsonl") -> str:
        """A native log in the folder; its path."""
        return self.write(name, lines(*events))

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Done:
        """Call it."""
        self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin))))
        self.captured.readouterr()
        try:
            code = main(arguments)
        except SystemExit as left:
            code = int(left.code or 0)
        out, err = self.captured.readouterr()
        return Done(code, out, err)
