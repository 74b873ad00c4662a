"""Pure: owns what a site may choose and every limit, each named here once with its default and unit.

Refuses to know the text they come from (`rules` reads lifecycle.toml) and what enforces them.
"""

from __future__ import annotations

from typing import Literal, get_args

import attrs

from monitoring_core.domain.events import Mode

Rejudge = Literal["listener_changed", "call_changed", "party_joined", "team_changed", "rules_reloaded"]
REJUDGE: tuple[Rejudge, ...] = get_args(Rejudge)

MODES: dict[Mode, tuple[Mode, ...]] = {
    "silent": ("whisper", "barge"),
    "whisper": ("silent",),
    "barge": (),
    "take_over": (),
}
"""Cisco's: silent and whisper by update (UCM); barge makes a conference of it, from which nothing leads back."""


@attrs.frozen
class Limits:
    """How much is kept or accepted; ends in the unit."""

    message_bytes_max: int = 65_536
    message_depth_max: int = 32
    message_number_chars_max: int = 40
    xml_bytes_max: int = 1_048_576
    xml_depth_max: int = 32
    line_bytes_max: int = 1_048_576
    list_bytes_max: int = 268_435_456
    rule_file_bytes_max: int = 1_048_576
    rules_max: int = 1_000
    analysis_cases_max: int = 20_000
    sources_max: int = 1_000
    repeats_max: int = 10_000
    tokens_max: int = 100_000
    finals_max: int = 100_000
    late_window_s: float = 3_600.0
    people_max: int = 1_000_000
    phones_max: int = 1_000_000
    calls_max: int = 1_000_000
    calls_gone_max: int = 100_000
    standing_max: int = 10_000


@attrs.frozen
class Settings:
    """What lifecycle.toml holds. Times in seconds.

    `confirmation`: whether the switch says that a start happened. `late_start`: what is done with a monitor call
    whose session is already final. `spelling`: of outbound SetSilentMonitoring (domain.md section 1). `scope`: whom a
    session follows. `idle_target`: of a request on an agent without a call. `second_listener`, `second_target`: what a
    request beyond `per_agent` or `per_supervisor` does. `rejudge`: what makes a running session be judged again, and
    `on_forbid` what follows. `modes`: which mode may follow which. The values seen are those of domain.md section 4.
    """

    confirmation: Literal["switch", "none"] = "switch"
    confirm_s: float = 10.0
    start_valid_s: float = 5.0
    session_lease_s: float = 14_400.0
    call_lease_s: float = 14_400.0
    snapshot_wait_s: float = 30.0
    skew_s_max: float = 300.0
    late_start: Literal["leave", "drop"] = "leave"
    broadcast_refusals: bool = False
    source: str = "monitoring-core"
    spelling: Literal["table", "sample"] = "table"
    scope: Literal["agent", "call", "next_calls"] = "agent"
    idle_target: Literal["refuse", "wait"] = "refuse"
    second_listener: Literal["refuse", "replace"] = "refuse"
    second_target: Literal["refuse", "replace"] = "refuse"
    conference: Literal["continue", "suspend", "end"] = "continue"
    rejudge: tuple[Rejudge, ...] = REJUDGE
    on_forbid: Literal["notice", "drop"] = "notice"
    per_pair: int = 1
    per_agent: int = 1
    per_supervisor: int = 1
    modes: dict[Mode, tuple[Mode, ...]] = attrs.field(factory=lambda: dict(MODES))
    duties: dict[str, Literal["notice", "before_start"]] = attrs.field(
        factory=lambda: {"agent_notice": "notice", "tone": "notice"}
    )
    limits: Limits = attrs.field(factory=Limits)
