"""The asyncio face: the same names over the same core."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path

from monitoring_core.domain.events import CommandOutcome
from monitoring_core.journal import Entry
from monitoring_core.monitor import AsyncMonitor, Monitor
from tests.helpers import SEATS, START, talk


def test_both_faces_have_the_same_names() -> None:
    """Whatever the monitor can do, its twin can do by the same name and with the same arguments."""
    ours = {name: member for name, member in vars(Monitor).items() if not name.startswith("_")}
    twins = {name for name in vars(AsyncMonitor) if not name.startswith("_")}
    assert twins | {"site"} == ours.keys() | {"site"}
    for name in ("request", "can", "feed", "stop", "session", "explain", "reload"):
        mine, twin = (list(inspect.signature(getattr(face, name)).parameters) for face in (Monitor, AsyncMonitor))
        assert mine == twin


def test_a_session_from_request_to_end(tmp_path: Path) -> None:
    """Request, start, stop, explain and audit of a session, all awaited; the other face reads the same journal."""

    async def play() -> str:
        async with await AsyncMonitor.open(tmp_path / "j") as monitor:
            for event in (*SEATS, *talk()):
                await monitor.feed(event)
            could = await monitor.can("5004", "5025", "ann")
            answer = await monitor.request("5004", "5025", "ann")
            assert could.verdict == answer.verdict
            await monitor.feed(START)
            assert [row.session for row in await monitor.sessions()] == [answer.session]
            assert (await monitor.stop(answer.session)).commands
            assert len(await monitor.explain(answer.session)) == 3
            assert [entry.position async for entry in monitor.entries(2)] == list(range(3, 10))
            assert await monitor.waiting() == await monitor.dead_letters() == []
            assert not await monitor.broken()
            return answer.session

    session = asyncio.run(play())
    with Monitor.open(tmp_path / "j") as monitor:
        assert monitor.session(session).state == "ACTIVE"


def test_many_tasks_are_committed_together(tmp_path: Path) -> None:
    """Fifty tasks feed at once: each has its own position, and callbacks run in the loop, in order."""

    async def play() -> list[int]:
        entries: list[Entry] = []
        async with await AsyncMonitor.open(tmp_path / "j") as monitor:
            end = await monitor.subscribe(entries.append)
            events = [CommandOutcome(command=f"x/{number}/0", outcome="sent") for number in range(50)]
            await asyncio.gather(*(monitor.feed(event) for event in events))
            await asyncio.sleep(0)
            end()
            assert (await monitor.at("other").head()).position == 0
        return [entry.position for entry in entries]

    positions = asyncio.run(play())
    assert positions == list(range(positions[0], positions[0] + 50))
