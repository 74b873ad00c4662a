"""Pure: owns `step`: the only place where floor, rules and session meet.

Refuses to read a clock, a disk or a network; time comes in with the event and ids are derived.
"""

from monitoring_core.engine.core import Engine
from monitoring_core.engine.site import BEHAVIOUR

__all__ = ["BEHAVIOUR", "Engine"]
