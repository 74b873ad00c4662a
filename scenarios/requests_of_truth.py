"""Makes contact-centre-a.requests.jsonl: what four supervisors would have asked us for, from what their phones did.

    python scenarios/requests_of_truth.py < contact-centre-a.truth.jsonl > contact-centre-a.requests.jsonl

Each attempt to spy becomes a request a moment before the switch hears of it, each time a program hangs up a supervisor
a stop, and a few requests are added that no phone made.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any

BEHIND_S = 0.07
"""The phones' log is 0.1 to 0.2 s behind the recording; with half of that a request comes just before its spy."""
NOT_HIS_ID = {"s034": "47488001"}
"""Who asked with somebody else's id: Tilda with Ruth's."""

ADDED: tuple[dict[str, Any], ...] = (
    {"at": 15.0, "from_address": "8004", "to_address": "1009", "user": "47488004", "token": "nobody-signed-in"},
    {"at": 18.4, "from_address": "8004", "to_address": "1001", "user": "47488004", "token": "on-hold"},
    {"at": 19.0, "from_address": "8002", "to_address": "8002", "user": "47488002", "token": "himself"},
    {"at": 50.0, "from_address": "1001", "to_address": "1002", "user": "47481001", "token": "no-supervisor"},
)


def requests(lines: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The events, in no order."""
    for line in lines:
        at = round(line["t"] + BEHIND_S, 3)
        if line["kind"] == "spy_asked":
            user = NOT_HIS_ID.get(line["spy"], f"4748{line['who']}")
            asked = {"at": at, "from_address": line["who"], "to_address": line["whom"]}
            yield {"event": "monitor_requested", **asked, "user": user, "token": line["spy"]}
        elif line["kind"] == "hangup" and line.get("spy"):
            yield {"event": "stop_requested", "at": at, "from_address": line["who"]}
    yield from ({"event": "monitor_requested", **added} for added in ADDED)


if __name__ == "__main__":
    for event in sorted(requests(map(json.loads, sys.stdin)), key=lambda event: event["at"]):
        print(json.dumps(event))
