"""Shell: owns the state diagram by traffic: how often each row of the table was taken, as the thickness of its arrow.

Refuses to count; it is a Mermaid flowchart, as Mermaid's state diagrams have no styles for arrows.
"""

from __future__ import annotations

from math import log2

from monitoring_core.coverage.tally import Coverage, row_name
from monitoring_core.domain.outcomes import State
from monitoring_core.session import TABLE

_WIDTH_MAX_PX = 10


def mermaid(coverage: Coverage) -> str:
    """The state table as a flowchart: thick arrows for much traffic, dashed ones and states for none."""
    counts = coverage.counts("rows")
    lines = ["flowchart LR", "    start(( ))", *(f"    {state.value}([{state.value}])" for state in State)]
    for before, trigger, target in TABLE:
        count = counts[row_name(before, trigger)]
        arrow = "-->" if count else "-.->"
        lines.append(f'    {before.value if before else "start"} {arrow}|"{trigger.value} {count:,}"| {target.value}')
    lines += ["    classDef seen fill:#dbeafe,stroke:#1d4ed8", "    classDef never fill:none,stroke-dasharray:5 5"]
    for name, states in _classes(counts).items():
        lines += [f"    class {','.join(states)} {name}"] if states else []
    for number, (before, trigger, _) in enumerate(TABLE):
        count = counts[row_name(before, trigger)]
        colour = "#1d4ed8" if count else "#9ca3af"
        lines.append(f"    linkStyle {number} stroke:{colour},stroke-width:{_width_px(count)}px")
    return "\n".join(lines) + "\n"


def _classes(counts: dict[str, int]) -> dict[str, list[str]]:
    """The states that a session was in, and those that none was in."""
    entered = {target for before, trigger, target in TABLE if counts[row_name(before, trigger)]}
    return {
        "seen": [state.value for state in State if state in entered],
        "never": [state.value for state in State if state not in entered],
    }


def _width_px(count: int) -> int:
    """One pixel more for each doubling of the traffic."""
    return min(_WIDTH_MAX_PX, 1 + round(log2(count))) if count else 1
