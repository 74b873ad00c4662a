"""Clients of one journal, in a process of their own with threads each, who note what they did, and when.

They ask, look, feed and free agents again, all on the same few, so that nearly every answer depends on what others did
a moment before.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import attrs

from monitoring_core.domain.events import CommandOutcome, Event, Held, MonitorEnded, MonitorStarted, Retrieved
from monitoring_core.errors import EventError
from monitoring_core.files import Rules, load_rules
from monitoring_core.monitor import Monitor, face
from monitoring_core.monitor.answers import Answer
from monitoring_core.monitor.sites import Sites
from monitoring_core.replay import encode

PROCESSES, THREADS = 2, 4
AGENTS, SUPERVISORS, TOKENS = 6, 5, 40
HEAD_EVERY = 130
BOOK = """
[[rule]]
id = "anybody"
effect = "permit"
because = "this site trusts everybody"

[[rule]]
id = "on-hold"
effect = "forbid"
because = "there is nothing to hear"
unless.agent.line = { is = "connected" }

[[rule]]
id = "taken"
effect = "forbid"
because = "somebody listens to this agent"
unless.agent.sessions = { below = "limits.per_agent" }
"""
OPERATION = "operation"
"""The fact of a request that says which operation it is; of other events the id does."""


def rules(folder: Path, per_agent: int) -> Rules:
    """So many may listen to one agent at once; what nobody confirms is over soon, by time alone."""
    folder.mkdir()
    (folder / "book.toml").write_text(BOOK)
    (folder / "lifecycle.toml").write_text(f"confirm_s = 0.2\n[limits]\nper_agent = {per_agent}\n")
    return load_rules(folder)


def told(answer: Answer) -> list[Any]:
    """An answer as it is noted."""
    return [answer.permit, answer.session, list(answer.because)]


@attrs.define
class Client:
    """One thread's work: so many requests, and what belongs to them; before and after it only looks, so often.

    So each process has a time in which what it sees is the other's doing. `noted` is a list of operations.
    """

    monitor: Monitor
    number: int
    requests: int
    looks: tuple[int, int]
    other_rules: Path | None
    random: Random = attrs.field(init=False)
    noted: list[dict[str, Any]] = attrs.field(factory=list)
    mine: list[tuple[str, str, str]] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.random = Random(self.number)

    def work(self) -> None:
        """Ask so often, and do other things in between; in the middle, somebody changes the rules."""
        for _ in range(self.looks[0]):
            self.look()
        for asked in range(self.requests):
            if asked == self.requests // 2 and self.other_rules is not None:
                self.monitor.reload(self.other_rules)
            self.ask()
            if self.random.random() < 0.2:
                self.look()
            if self.random.random() < 0.2:
                self.hold()
            if self.mine and self.random.random() < 0.8:
                self.free()
        for _ in range(self.looks[1]):
            self.look()

    def ask(self) -> None:
        """A request, one in ten with a token that others use, too."""
        token = self.random.randrange(TOKENS * 10)
        shared = token < TOKENS
        pair = (f"s{token % SUPERVISORS}", f"a{token % AGENTS}") if shared else self.pair()
        name = self.name()
        request = partial(self.monitor.request, *pair, token=f"t{token}" if shared else None, facts={OPERATION: name})
        answer = self.note(name, "request", [*pair], lambda: told(request()))
        if isinstance(answer, list) and answer[0]:
            self.mine.append((answer[1], *pair))

    def look(self) -> None:
        """Only asks what would be answered."""
        pair = self.pair()
        self.note(self.name(), "can", [*pair], lambda: told(self.monitor.can(*pair)))

    def hold(self) -> None:
        """An agent's call is held, or no longer."""
        agent = self.random.randrange(AGENTS)
        kind = self.random.choice((Held, Retrieved, Retrieved))
        self.feed(kind(call=f"c{agent}", address=f"a{agent}"))

    def free(self) -> None:
        """One of the sessions that this client opened is over: never sent, or begun and ended."""
        session, supervisor, agent = self.mine.pop(self.random.randrange(len(self.mine)))
        position = session.rpartition("-")[2]
        if self.random.random() < 0.5:
            self.feed(CommandOutcome(command=f"{session}/{position}/0", outcome="failed"))
            return
        call = f"m{self.number}.{position}"
        self.feed(MonitorStarted(monitor_call=call, from_address=supervisor, to_address=agent, call=f"c{agent[1:]}"))
        self.feed(MonitorEnded(monitor_call=call, reason="supervisor_dropped"))

    def feed(self, event: Event) -> None:
        """Tell what happened."""
        name = self.name()
        tagged = type(event)(**{**attributes(event), "id": str(name)})
        self.note(name, "feed", [], lambda: encode(self.monitor.feed(tagged)).decode())

    def note(self, name: int, kind: str, asked: list[str], do: Any) -> Any:
        """Do it, and note what came of it, and when."""
        began = time.monotonic_ns()
        try:
            answer = do()
        except EventError as error:
            answer = type(error).__name__
        ended = time.monotonic_ns()
        self.noted.append(
            {"name": name, "kind": kind, "asked": asked, "began": began, "ended": ended, "answer": answer}
        )
        return answer

    def pair(self) -> tuple[str, str]:
        """Some supervisor and some agent."""
        return f"s{self.random.randrange(SUPERVISORS)}", f"a{self.random.randrange(AGENTS)}"

    def name(self) -> int:
        """Of the next operation; no other client has it."""
        return self.number * 10_000_000 + len(self.noted)


def attributes(event: Event) -> dict[str, Any]:
    """The fields of an event."""
    return {name: getattr(event, name) for name in event.__struct_fields__}


def main(journal: Path, process: int, requests: int, other_rules: Path) -> None:
    """All clients of one process; waits for a line before it begins, and writes what they noted as lines.

    There are as many snapshots in a long run as in a short one, so that they do not become most of its work.
    """
    often = partial(Sites, snapshot_every=requests, head_every=HEAD_EVERY)
    with mock.patch.object(face, "Sites", often), Monitor.open(journal) as monitor:
        looks = (0, requests) if process else (requests, 0)
        clients = [
            Client(monitor, 1 + process * THREADS + number, requests, looks, None if process or number else other_rules)
            for number in range(THREADS)
        ]
        threads = [threading.Thread(target=client.work) for client in clients]
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for client in clients:
        for line in client.noted:
            sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
