"""Which stops of spies came after the agent's end, and which never came, from the raw manager events with hindsight.

Each ChanSpyStart is one spy, until the ChanSpyStop of the same spyer, or else until that spyer's next start or Hangup.
The agent's end is the BridgeLeave after which his channel is in no bridge any more, as far as the recording goes, or
his channel's Hangup where there is none. A stop after it is late. A spy without a stop never stopped if its agent has
ended or its spyer has gone on; else it is up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.oracle.asterisk_calls import HANGUP_REQUESTS, Message


@dataclass(frozen=True)
class Stop:
    """One spy: `kind` is told, late, never or up; `index` (from 0) and `late_s` are of a stop that came late."""

    spyer: str
    kind: str
    index: int | None = None
    late_s: float | None = None


Told = list[tuple[int, Message]]
TELLING = frozenset({"ChanSpyStart", "ChanSpyStop", "BridgeEnter", "BridgeLeave", "Hangup"}) | HANGUP_REQUESTS


def stops(messages: Sequence[Message]) -> list[Stop]:
    """Every spy of the recording, which may be cut off after any message, in the order of their starts."""
    told = [(index, message) for index, message in enumerate(messages) if message.get("Event") in TELLING]
    return [_stop(told, index, message) for index, message in told if message["Event"] == "ChanSpyStart"]


def _stop(told: Told, start: int, said: Message) -> Stop:
    spyer, agent = said["SpyerUniqueid"], said["SpyeeUniqueid"]
    later = [(index, message) for index, message in told if index > start]
    over = [(index, one) for index, one in later if spyer == one.get("SpyerUniqueid") or _is(one, "Hangup", spyer)]
    end = _agent_end(later, agent)
    if not over or over[0][1]["Event"] != "ChanSpyStop":
        return Stop(spyer, "up" if end is None and not over else "never")
    at, stop = over[0]
    if end is None or end > at:
        return Stop(spyer, "told")
    asked = [index for index, one in later if one["Event"] in HANGUP_REQUESTS and one.get("Uniqueid") == spyer]
    first = dict(told)[min([end, *asked])]
    return Stop(spyer, "late", at, stop["_t"] - first["_t"] if "_t" in first else None)


def _agent_end(later: Told, agent: str) -> int | None:
    last = {one["Event"]: index for index, one in later if one.get("Uniqueid") == agent}
    left, hung_up = last.get("BridgeLeave"), last.get("Hangup")
    for_good = left is not None and left > last.get("BridgeEnter", -1)
    return min([index for index in (left if for_good else None, hung_up) if index is not None], default=None)


def _is(message: Message, event: str, channel: str) -> bool:
    return message["Event"] == event and message.get("Uniqueid") == channel
