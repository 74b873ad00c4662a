"""Shell: owns stories as files: which there are, and what they name: openings and recordings beside them, profiles.

Refuses to choose rules: a story brings or names its own, or whoever runs it has chosen them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from monitoring_core.domain.events import Event
from monitoring_core.errors import StoryError, UsageError, quote
from monitoring_core.files import Recording, Rules, load_rules, read_text
from monitoring_core.files.rulefolders import profiles
from monitoring_core.rules.text import did_you_mean
from monitoring_core.scenario.records import told_by
from monitoring_core.scenario.run import Outcome, run_story
from monitoring_core.scenario.story import Story, load_story
from monitoring_core.sources import source_of

STORIES = "*.story.toml"
OPENINGS = "openings/*.toml"


def find_stories(path: str | Path) -> list[Path]:
    """The story that `path` names, or every story below that folder, by name. Raises UsageError if that has none."""
    place = Path(path)
    found = sorted(place.rglob(STORIES)) if place.is_dir() else [place]
    if not found:
        raise UsageError("there are no stories here", str(path), f"name a story, or a folder with {STORIES}")
    return found


def read_story(path: Path) -> Story:
    """The story in that file, with the openings in the folder beside it, by the rules of the profile that it names.

    Raises StoryError or RuleBookError if it is not one, UsageError if it cannot be read.
    """
    openings = {opening.stem: read_text(opening, "make it readable") for opening in sorted(path.parent.glob(OPENINGS))}
    story = load_story(path.name, read_text(path, "name a story file"), openings)
    if not story.profile:
        return story
    if story.profile not in profiles():
        what = f'there is no profile "{quote(story.profile)}"'
        raise StoryError(what, f"{path.name}, profile", did_you_mean(story.profile, profiles()))
    rules = load_rules(story.profile)
    return story.under(rules.book, rules.settings)


def run_file(path: Path, rules: Rules) -> Outcome:
    """Runs the story in that file, by `rules` unless it brings or names its own. Raises what `read_story` raises."""
    story = read_story(path)
    return run_story(story, rules.book, rules.settings, _recorded(story, path.parent, rules))


def _recorded(story: Story, folder: Path, rules: Rules) -> Iterator[Event]:
    """The events of the recording that the story names; a record that cannot be read is an event too."""
    if not story.recorded:
        return
    source = source_of(story.source, story.settings_on(rules.settings))
    for number, record in Recording(str(folder / story.recorded), rules.settings.limits):
        yield from told_by(source, record, f"{story.recorded}:{number}")
    yield from source.finish()
