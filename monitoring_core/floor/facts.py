"""Pure: owns how the floor answers for one request: the facts about supervisor, agent, phone and call.

Refuses to judge; what is not known is left out, so that the rules see it as unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitoring_core.domain.events import LegState, Value
from monitoring_core.domain.facts import FACTS
from monitoring_core.floor.entities import LINE_ORDER, Call
from monitoring_core.floor.floor import Floor

Facts = dict[str, Value | frozenset[str]]


def floor_facts(floor: Floor, from_address: str, to_address: str, call: Call | None) -> Facts:
    """Facts by name (domain.facts) for a supervisor's and an agent's address and the call in question, if any."""
    calls, people = floor.calls_of(to_address), floor.people
    supervisor, agent, phone = people.on(from_address), people.on(to_address), people.phones.get(to_address)
    facts: Facts = {
        "agent.calls": len(calls),
        "supervisor.line": _line(from_address, floor.calls_of(from_address)),
        "supervisor.signed_in": supervisor is not None,
        "agent.line": _line(to_address, calls),
        "agent.signed_in": agent is not None,
    }
    if supervisor is not None:
        facts["supervisor.person"] = supervisor.id
        _known(facts, "supervisor.state", supervisor.state)
        _known(facts, "supervisor.roles", supervisor.roles)
        _known(facts, "supervisor.teams", supervisor.supervises)
        _declared(facts, "supervisor", supervisor.facts)
    if agent is not None:
        facts["agent.person"] = agent.id
        _known(facts, "agent.state", agent.state)
        _known(facts, "agent.roles", agent.roles)
        _known(facts, "agent.teams", agent.teams)
        _declared(facts, "agent", agent.facts)
    if from_address in people.phones:
        _known(facts, "supervisor.phone.security", people.phones[from_address].security)
    if phone is not None:
        _known(facts, "agent.phone.security", phone.security)
        _known(facts, "agent.phone.supports_monitoring", phone.supports_monitoring)
        _known(facts, "agent.phone.configured", phone.configured)
        _declared(facts, "agent.phone", phone.facts)
    if call is not None:
        _call(facts, floor, to_address, call)
    return facts


def _call(facts: Facts, floor: Floor, to_address: str, call: Call) -> None:
    leg = call.legs.get(to_address)
    facts["call.id"] = call.id
    facts["call.connected"] = leg is not None and leg.state is LegState.CONNECTED
    facts["call.held"] = leg is not None and leg.state is LegState.HELD
    facts["call.is_monitor_call"] = call.monitor is not None
    facts["call.parties"] = len(call.live())
    _known(facts, "call.type", call.type)
    _declared(facts, "call", call.facts or {})
    _declared(facts, "parties", _of_all(floor, call))


def _of_all(floor: Floor, call: Call) -> dict[str, Value]:
    """What every party of a call says of himself, or the floor of the person there: a flag only if it is all's.

    What one of them does not say is not known of the parties, but for a flag that another denies. Consent and
    jurisdiction are such facts.
    """
    told = [{**_of_person(floor, leg.address), **(leg.facts or {})} for leg in call.live()]
    if not any(told):
        return {}
    shared = set.intersection(*(set(facts) for facts in told)) if told else set()
    together: dict[str, Value] = {name: False for facts in told for name, value in facts.items() if value is False}
    for name in sorted(shared - together.keys()):
        values = [facts[name] for facts in told]
        is_flag = all(isinstance(value, bool) for value in values)
        together[name] = all(values) if is_flag else tuple(sorted({str(value) for value in values}))
    return together


def _of_person(floor: Floor, address: str) -> dict[str, Value]:
    person = floor.people.on(address)
    return person.facts if person else {}


def _line(address: str, calls: Sequence[Call]) -> str:
    """What an extension is doing: the best state of its legs, or idle."""
    if not calls:
        return "idle"
    states = [call.legs[address].state for call in calls]
    return next((state.value for state in LINE_ORDER if state in states), "idle")


def _known(facts: Facts, name: str, value: Value | frozenset[str] | None) -> None:
    if value is not None:
        facts[name] = value


def _declared(facts: Facts, prefix: str, declared: Mapping[str, Value]) -> None:
    """Facts that the site declared itself; none may stand in for a built-in one."""
    for name, value in declared.items():
        if f"{prefix}.{name}" not in FACTS:
            facts[f"{prefix}.{name}"] = frozenset(value) if isinstance(value, tuple) else value
