"""The job on python-statemachine, a machine for each leg and session, with `business-rules` for the rules."""

from __future__ import annotations

from typing import Any

import attrs
from business_rules import run_all
from business_rules.actions import BaseActions, rule_action
from business_rules.fields import FIELD_TEXT
from business_rules.variables import (
    BaseVariables,
    boolean_rule_variable,
    numeric_rule_variable,
    select_multiple_rule_variable,
    string_rule_variable,
)
from statemachine import State, StateMachine

from tests.bench.contenders.job import PER_AGENT, PER_PAIR, PER_SUPERVISOR, Asked, Job, Known


@attrs.define(eq=False)
class Leg:
    """The model in which the machine keeps its state."""

    call: Call
    address: str
    changed_at: float
    state: Any = None


class LegMachine(StateMachine):
    """What may happen to a leg; the rest changes nothing."""

    allow_event_without_transition = True

    initiated, alerting, connected = State(initial=True), State(), State()
    held, waiting, cleared = State(), State(), State(final=True)

    ring = initiated.to(alerting)
    answer = connected.from_(initiated, alerting, waiting)
    hold = held.from_(initiated, alerting, connected, waiting)
    retrieve = held.to(connected)
    wait = connected.to(waiting)
    clear = cleared.from_(initiated, alerting, connected, held, waiting)

    def on_enter_connected(self) -> None:
        """Called by the machine."""
        self.model.call.job.appears(self.model.call, self.model.address)

    def on_enter_cleared(self) -> None:
        """Called by the machine."""
        self.model.call.job.leaves(self.model.call, self.model.address)

    def after_transition(self, at: float) -> None:
        """Called by the machine."""
        self.model.changed_at = max(self.model.changed_at, at)


@attrs.define(eq=False)
class Call:
    """Each of its legs has a machine."""

    job: Job
    name: str
    type: str = ""
    legs: dict[str, Leg] = attrs.field(factory=dict)
    machines: dict[str, LegMachine] = attrs.field(factory=dict)

    def tell(self, address: str, word: str, at: float) -> None:
        """Send the event of that name."""
        leg = self.legs.get(address)
        if leg is None:
            leg = self.legs[address] = Leg(self, address, at)
            self.machines[address] = LegMachine(model=leg)
            self.job.appears(self, address)
        elif at < leg.changed_at:
            return
        if word != "dial":
            self.machines[address].send(word, at=at)


class SessionMachine(StateMachine):
    """A session's life."""

    NEW, REQUESTED, ACTIVE = State(initial=True), State(), State()
    ENDED, REJECTED = State(final=True), State(final=True)

    permit = NEW.to(REQUESTED)
    forbid = NEW.to(REJECTED)
    start = NEW.to(ACTIVE) | REQUESTED.to(ACTIVE)
    expire = REQUESTED.to(REJECTED)
    finish = REQUESTED.to(REJECTED) | ACTIVE.to(ENDED)

    def after_transition(self, source: State, target: State, reason: str) -> None:
        """Called by the machine."""
        session = self.model
        session.job.moved(session, source.id, target.id, reason or None)


@attrs.define(eq=False)
class Session:
    """The model in which the machine keeps its state."""

    job: Job
    known: Known
    name: str
    state: Any = None
    machine: Any = None

    def tell(self, word: str, reason: str = "") -> None:
        """Send the event of that name."""
        self.machine.send(word, reason=reason)


class Variables(BaseVariables):
    """What the rules may read; what is not known reads so that it forbids."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    @string_rule_variable
    def line(self) -> str:
        """What the agent's extension is doing; asked of a start only."""
        return "" if self.asked.is_active else self.asked.line

    @boolean_rule_variable
    def agent_is_signed_in(self) -> bool:
        """Somebody is known there."""
        return self.asked.agent is not None

    @boolean_rule_variable
    def supervisor_is_signed_in(self) -> bool:
        """Somebody is known there."""
        return self.asked.supervisor is not None

    @boolean_rule_variable
    def user_is_he(self) -> bool:
        """The claimed user is the person."""
        return self.asked.supervisor is not None and self.asked.supervisor.id == self.asked.user

    @boolean_rule_variable
    def extensions_differ(self) -> bool:
        """Two extensions."""
        return self.asked.from_address != self.asked.to_address

    @boolean_rule_variable
    def people_differ(self) -> bool:
        """Two people."""
        supervisor, agent = self.asked.supervisor, self.asked.agent
        return supervisor is not None and agent is not None and supervisor.id != agent.id

    @boolean_rule_variable
    def call_is_ordinary(self) -> bool:
        """There is one, and it is no monitor call."""
        return self.asked.call is not None

    @boolean_rule_variable
    def phone_is_configured(self) -> bool:
        """In the switch."""
        return self.asked.phone is not None and self.asked.phone.configured

    @boolean_rule_variable
    def phone_supports_it(self) -> bool:
        """It can."""
        return self.asked.phone is not None and self.asked.phone.supports_monitoring

    @select_multiple_rule_variable()
    def roles(self) -> list[str]:
        """Of the supervisor."""
        return list(self.asked.supervisor.roles) if self.asked.supervisor else []

    @boolean_rule_variable
    def may_start(self) -> bool:
        """The supervisor's state allows it; asked of a start only."""
        supervisor = self.asked.supervisor
        return self.asked.is_active or (supervisor is not None and supervisor.state == "NOT_READY")

    @numeric_rule_variable
    def of_pair(self) -> int:
        """Sessions of the two."""
        return self.asked.of_pair

    @numeric_rule_variable
    def of_agent(self) -> int:
        """Sessions of the agent."""
        return self.asked.of_agent

    @numeric_rule_variable
    def of_supervisor(self) -> int:
        """Sessions of the supervisor."""
        return self.asked.of_supervisor

    @boolean_rule_variable
    def has_common_team(self) -> bool:
        """He supervises one of the agent's."""
        supervisor, agent = self.asked.supervisor, self.asked.agent
        return supervisor is not None and agent is not None and bool(supervisor.supervises & agent.teams)


class Actions(BaseActions):
    """What a rule does."""

    def __init__(self) -> None:
        self.refused: list[str] = []

    @rule_action(params={"rule": FIELD_TEXT})
    def refuse(self, rule: str) -> None:
        """It refuses."""
        self.refused.append(rule)


def _rule(name: str, *tests: tuple[str, str, object]) -> dict[str, Any]:
    """Refuse when all of these hold."""
    conditions = [{"name": fact, "operator": test, "value": value} for fact, test, value in tests]
    return {"conditions": {"all": conditions}, "actions": [{"name": "refuse", "params": {"rule": name}}]}


NO: tuple[str, object] = ("is_false", "")
NOT_CONNECTED = ("waiting", "alerting", "initiated")
RULES = [
    _rule("agent-idle", ("line", "equal_to", "idle")),
    _rule("agent-on-hold", ("line", "equal_to", "held")),
    _rule("agent-signed-in", ("agent_is_signed_in", *NO)),
    {
        "conditions": {"any": [{"name": "line", "operator": "equal_to", "value": word} for word in NOT_CONNECTED]},
        "actions": [{"name": "refuse", "params": {"rule": "call-not-connected"}}],
    },
    _rule("claimed-user", ("user_is_he", *NO)),
    _rule("different-extensions", ("extensions_differ", *NO)),
    _rule("limit-per-agent", ("of_agent", "greater_than_or_equal_to", PER_AGENT)),
    _rule("limit-per-pair", ("of_pair", "greater_than_or_equal_to", PER_PAIR)),
    _rule("limit-per-supervisor", ("of_supervisor", "greater_than_or_equal_to", PER_SUPERVISOR)),
    _rule("monitor-of-monitor", ("call_is_ordinary", *NO)),
    _rule("not-oneself", ("people_differ", *NO)),
    _rule("phone-configured", ("phone_is_configured", *NO)),
    _rule("phone-supports-monitoring", ("phone_supports_it", *NO)),
    _rule("supervisor-role", ("roles", "shares_no_elements_with", ["Supervisor"])),
    _rule("supervisor-signed-in", ("supervisor_is_signed_in", *NO)),
    _rule("supervisor-state", ("may_start", *NO)),
    _rule("own-team", ("has_common_team", *NO)),
]


class Kit:
    """A machine for each leg and session."""

    def call(self, to: Job, name: str) -> Call:
        """A call without legs."""
        return Call(to, name)

    def gone(self, call: Any) -> None:
        """Its machines go with it."""

    def session(self, to: Job, known: Known) -> Any:
        """In the state NEW."""
        session = Session(to, known, known.name)
        session.machine = SessionMachine(model=session)
        return session

    def final(self, session: Any) -> None:
        """The machine is not needed any more; the model keeps the state."""

    def refused(self, asked: Asked) -> list[str]:
        """By business-rules."""
        actions = Actions()
        run_all(RULES, Variables(asked), actions)
        return actions.refused
