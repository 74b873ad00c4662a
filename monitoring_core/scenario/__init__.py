"""Shell: owns stories: a log with expectations in, what was otherwise out; a recorded log is a story that happened.

Refuses to judge: what follows from an event is the engine's. Only `folder` opens files; the rest takes texts.
"""

from monitoring_core.scenario.folder import (
    STORIES,
    find_stories,
    read_stories,
    read_story,
    rules_named,
    run_beside,
    run_file,
)
from monitoring_core.scenario.run import Outcome, run_story
from monitoring_core.scenario.story import Row, Story, load_stories, load_story
from monitoring_core.scenario.update import Update, updated

__all__ = [
    "STORIES",
    "Outcome",
    "Row",
    "Story",
    "Update",
    "find_stories",
    "load_stories",
    "load_story",
    "read_stories",
    "read_story",
    "rules_named",
    "run_beside",
    "run_file",
    "run_story",
    "updated",
]
