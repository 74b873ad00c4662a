"""Shell: owns the stories that chance tells, as Hypothesis strategies; this module needs the extra `testing`.

Refuses to know what is possible: it draws among what `switch` offers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from monitoring_core.testing.outside import SYSTEMS
from monitoring_core.testing.switch import Story, Switch

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

PAUSES_S = (3, 5, 8, 20)
"""Shorter and longer than a request waits for its confirmation, and longer than any source waits for what explains."""
_TALK = ("calls 0170 5025", "answers 5025")
_HEARD = (*_TALK, "asks 5004 5025", "listens 5004 5025")
OPENINGS = (
    (),
    (*_TALK, "asks 5004 5025"),
    _HEARD,
    (*_HEARD, "consults 5025 5026", "answers 5026"),
    (*_HEARD, "consults 5025 5026"),
    (*_TALK, "consults 5025 5026", "answers 5026", "asks 5004 5026", "listens 5004 5026"),
    ("calls 5025 5026", "answers 5026", "asks 5004 5026", "listens 5004 5026", "listens 5005 5025"),
)
"""How stories begin: by itself chance takes long to come to where somebody listens."""
OFTEN, SELDOM = 6, 1
RARE = ("becomes", "rejects", "signs_in", "signs_out", "stops")
"""What ends a story, or changes little in it, is drawn less often than the rest."""


def stories(actions_max: int = 20, systems: Iterable[str] = SYSTEMS) -> SearchStrategy[Story]:
    """Stories of up to `actions_max` actions after an opening, all of which each of `systems` can tell."""
    from hypothesis import strategies as st  # noqa: PLC0415 # an extra, and importing a module may not load one

    def one(switch: Switch, draw: DrawFn) -> None:
        switch.wait(draw(st.sampled_from(PAUSES_S)))
        possible = switch.possible()
        verbs = dict.fromkeys(action[0] for action in possible)
        weighted = [verb for verb in verbs for _ in range(SELDOM if verb in RARE else OFTEN)]
        verb = draw(st.sampled_from(weighted))
        switch.do(*draw(st.sampled_from([action for action in possible if action[0] == verb])))

    @st.composite
    def story(draw: DrawFn) -> Story:
        switch = Switch(systems)
        for line in draw(st.sampled_from(OPENINGS)):
            switch.wait(PAUSES_S[0])
            switch.do(*line.split(" "))
        for _ in range(draw(st.integers(0, actions_max))):
            one(switch, draw)
        return switch.story

    return story()
