"""What is killed: a monitor that feeds, judges, sends and says what it was promised, until somebody kills it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from monitoring_core.domain.events import CallCleared, Established, Event, MonitorRequested, MonitorStarted
from monitoring_core.domain.settings import Settings
from monitoring_core.files import Rules
from monitoring_core.monitor import Monitor
from monitoring_core.outbound import HttpOutbound
from monitoring_core.rules.lifecycle import load_settings
from monitoring_core.rules.load import load_book

BOOK = '[[rule]]\nid = "all"\neffect = "permit"\nbecause = "a crash test"\n'
LIFECYCLE = "start_valid_s = 1.0\nconfirm_s = 2.0\n"
KEY = b"a key for crash tests only"
THREADS = 2
AGENTS = 40

Asked = tuple[str, str, str]
"""Token, supervisor's and agent's extension."""


def rules() -> Rules:
    """Everybody may."""
    texts = {"all.toml": BOOK, "lifecycle.toml": LIFECYCLE}
    return Rules(load_book(texts), load_settings("lifecycle.toml", LIFECYCLE), texts)


def write(journal: Path, port: int, promises: int, seed: int, again: Sequence[Asked]) -> None:
    """Work until killed. Every promise is a line on the file descriptor `promises` after the monitor made it."""
    outbound = HttpOutbound(f"http://127.0.0.1:{port}/", Settings(), key=KEY)
    with Monitor.open(journal, rules=rules(), outbound=outbound) as monitor:

        def promise(**said: object) -> None:
            os.write(promises, json.dumps(said).encode() + b"\n")

        for asked in again:
            _ask(monitor, promise, asked)
        threads = [
            threading.Thread(target=_work, args=(monitor, promise, Random(seed * THREADS + number), seed, number))
            for number in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _work(monitor: Monitor, promise: Callable[..., None], random: Random, seed: int, number: int) -> None:
    turn = 0
    while True:
        turn += 1
        name = f"{seed}.{number}.{turn}"
        agent, supervisor = f"a{random.randrange(AGENTS)}", f"s{random.randrange(AGENTS)}"

        def feed(event: Event) -> None:
            monitor.feed(event)
            promise(event=event.id)

        feed(Established(call=f"c{name}", address=f"n{name}", id=f"1.{name}"))
        feed(Established(call=f"c{name}", address=agent, id=f"2.{name}"))
        session = _ask(monitor, promise, (f"t{name}", supervisor, agent))
        if session and random.random() < 0.5:
            feed(
                MonitorStarted(
                    monitor_call=f"m{name}", from_address=supervisor, to_address=agent, call=f"c{name}", id=f"3.{name}"
                )
            )
            if random.random() < 0.5 and any(row.session == session for row in monitor.sessions()):
                monitor.feed(MonitorRequested(from_address="x", to_address="y"))
        feed(CallCleared(call=f"c{name}", id=f"4.{name}"))


def _ask(monitor: Monitor, promise: Callable[..., None], asked: Asked) -> str:
    token, supervisor, agent = asked
    answer = monitor.request(supervisor, agent, token=token)
    promise(token=token, session=answer.session, permit=answer.permit, supervisor=supervisor, agent=agent)
    return answer.session if answer.permit else ""
