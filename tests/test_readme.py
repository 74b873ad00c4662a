"""The README's examples run as they stand."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from monitoring_core.cli.xmpp import PASSWORD, load_finesse
from monitoring_core.monitor import Monitor
from tests.finesse import dialog, line, put, user_changed
from tests.finesse_server import Finesse

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
(XMPP,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
CORE, EMBEDDED, SERVER, FINESSE = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def run(code: str, **given: Any) -> dict[str, Any]:
    """The names that an example leaves behind."""
    names: dict[str, Any] = given
    exec(compile(code, "README.md", "exec"), names)  # noqa: S102  the README is ours
    return names


def test_the_core_sentence_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The example of the core prints the reasons of the refusal that it asks for."""
    run(CORE)
    assert "nobody is known on the agent's extension" in capsys.readouterr().out


def test_the_embedded_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The embedded monitor takes at most ten lines, prints an answer with its reasons, and leaves a journal."""
    monkeypatch.chdir(tmp_path)
    run(EMBEDDED)
    assert "False" in capsys.readouterr().out
    assert (tmp_path / "monitoring.db").exists()
    assert len([line for line in EMBEDDED.splitlines() if line.strip()]) <= 10


def test_the_server_example_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The asyncio server answers a request to listen with the verdict, its reasons and the session."""
    monkeypatch.chdir(tmp_path)
    app = run(SERVER)["app"]
    status, said = asyncio.run(ask(app, {"supervisor": "5004", "agent": "5025", "user": "1", "id": "t"}))
    assert status == 403
    assert said["permit"] is False
    assert said["session"] == "default-2"
    assert "nobody is known on the agent's extension" in said["because"]


def until_sent(monitor: Monitor) -> None:
    """Nothing waits to be sent any more: the relay is another thread."""
    while monitor.waiting():
        threading.Event().wait(0.01)


def test_the_finesse_example_asks_finesse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Finesse told leads to a permit, and the start reaches its REST API in the supervisor's name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logins").write_text("47483657:of-47483657\n")
    (tmp_path / "logins").chmod(0o600)
    told = (
        user_changed("47483657", "5004", "NOT_READY", role="Supervisor", team="1", supervises="1"),
        user_changed("47483650", "5025", "TALKING", team="1"),
        put(dialog("1", "ACTIVE", {"0170": "ACTIVE", "5025": "ACTIVE"})),
    )
    with Finesse().running() as server:
        example = FINESSE.replace("https://finesse.example:8445", server.url) + "    wait(monitor)\n"
        names = run(example, records=[line(one, 1.0) for one in told], wait=until_sent)
        assert names["answer"].permit
        assert [(one.path, one.is_taken) for one in server.requests] == [("/finesse/api/User/47483657/Dialogs", True)]


def test_the_xmpp_example_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of --xmpp has no key or value that is wrong."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(PASSWORD, "secret")
    (tmp_path / "logins").write_text("1001:one\n")
    (tmp_path / "logins").chmod(0o600)
    (tmp_path / "finesse.toml").write_text(XMPP)
    assert load_finesse("finesse.toml").url == "https://finesse.example:8445"


async def ask(app: Any, body: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """One POST to an ASGI application, between its start and its end."""
    told: asyncio.Queue[Any] = asyncio.Queue()
    state: dict[str, Any] = {}
    life: asyncio.Queue[Any] = asyncio.Queue()
    running = asyncio.ensure_future(
        app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": state}, life.get, told.put)
    )
    await life.put({"type": "lifespan.startup"})
    assert (await told.get())["type"] == "lifespan.startup.complete"
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/listen",
        "raw_path": b"/listen",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "state": dict(state),
    }
    request: asyncio.Queue[Any] = asyncio.Queue()
    await request.put({"type": "http.request", "body": json.dumps(body).encode()})
    answer: asyncio.Queue[Any] = asyncio.Queue()
    await app(scope, request.get, answer.put)
    status, said = (await answer.get())["status"], json.loads((await answer.get())["body"])
    await life.put({"type": "lifespan.shutdown"})
    assert (await told.get())["type"] == "lifespan.shutdown.complete"
    await running
    return status, said
