"""Pure: owns the catalogue of facts: the flat, typed names that a rule may read, for one request.

Refuses to know where a value comes from (floor, sessions, settings, request) and what a rule makes of it.
"""

from __future__ import annotations

from typing import Literal

import attrs

FactType = Literal["text", "flag", "number", "set", "time", "date"]
"""`set`: of text. `time`: wall clock HH:MM or HH:MM:SS. `date`: YYYY-MM-DD. `flag`: true or false."""


@attrs.frozen
class Fact:
    """One fact: name, type, meaning; `changeable` if somebody at the site could change it before a retry."""

    name: str
    type: FactType
    meaning: str
    changeable: bool = True
    values: tuple[str, ...] = ()


_ROWS: tuple[Fact, ...] = (
    Fact("request.mode", "text", "what is asked for", values=("silent", "whisper", "barge", "take_over")),
    Fact("request.user", "text", "the user id that the request claims; unknown when it claims none", changeable=False),
    Fact("request.from_address", "text", "the extension that the request names as the supervisor's", changeable=False),
    Fact("request.to_address", "text", "the extension that the request names as the agent's", changeable=False),
    Fact(
        "supervisor.person",
        "text",
        "id of the person signed in on fromAddress; unknown when nobody is",
        changeable=False,
    ),
    Fact("supervisor.signed_in", "flag", "somebody is signed in on fromAddress"),
    Fact("supervisor.roles", "set", "his roles (Finesse: Agent, Supervisor, ...)"),
    Fact("supervisor.teams", "set", "the teams that he is responsible for"),
    Fact("supervisor.state", "text", "his agent state (Finesse: NOT_READY, READY, TALKING, ...)"),
    Fact(
        "supervisor.line",
        "text",
        "what his extension is doing, as agent.line",
        values=("connected", "held", "waiting", "alerting", "initiated", "idle"),
    ),
    Fact("supervisor.phone.security", "number", "security level of his phone (Cisco: 0, 1, 2)"),
    Fact("supervisor.sessions", "number", "sessions in which he listens or is about to"),
    Fact("agent.person", "text", "id of the person signed in on toAddress; unknown when nobody is", changeable=False),
    Fact("agent.signed_in", "flag", "somebody is signed in on toAddress"),
    Fact("agent.roles", "set", "his roles"),
    Fact("agent.teams", "set", "the teams that he is in"),
    Fact("agent.state", "text", "his agent state"),
    Fact("agent.sessions", "number", "sessions in which somebody listens to him or is about to"),
    Fact("agent.phone.supports_monitoring", "flag", "his phone supports silent monitoring"),
    Fact("agent.phone.configured", "flag", "his phone is configured for it in the switch"),
    Fact("agent.phone.security", "number", "security level of his phone (Cisco: 0, 1, 2)"),
    Fact("agent.calls", "number", "calls that he takes part in himself"),
    Fact(
        "agent.line",
        "text",
        "what his extension is doing: the best of his calls' legs, or idle",
        values=("connected", "held", "waiting", "alerting", "initiated", "idle"),
    ),
    Fact("session.is_active", "flag", "it runs already, and is judged again", changeable=False),
    Fact("pair.sessions", "number", "sessions of this supervisor with this agent that are not final"),
    Fact("call.id", "text", "the call that would be monitored; unknown when there is none", changeable=False),
    Fact("call.connected", "flag", "the agent is connected on it, not held"),
    Fact("call.held", "flag", "the agent has put it on hold"),
    Fact("call.is_monitor_call", "flag", "it is a monitor call, on which the agent himself listens"),
    Fact("call.type", "text", "its type on the platform"),
    Fact("call.parties", "number", "participants who have not left it"),
    Fact("limits.per_pair", "number", "lifecycle.toml: sessions per supervisor and agent", changeable=False),
    Fact("limits.per_agent", "number", "lifecycle.toml: supervisors per agent", changeable=False),
    Fact("limits.per_supervisor", "number", "lifecycle.toml: agents per supervisor", changeable=False),
    Fact("site.local_time", "time", "wall clock at the site, put into the request by the shell"),
    Fact(
        "site.weekday",
        "text",
        "weekday there",
        values=("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    ),
    Fact("site.date", "date", "date there"),
    Fact("site.utc_offset", "text", "offset of its clock from UTC, +HH:MM", changeable=False),
)

FACTS: dict[str, Fact] = {fact.name: fact for fact in _ROWS}
"""The built-in facts by name; rule files may declare more."""
