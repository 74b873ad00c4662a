"""Shell: owns stories as files: which there are, and what they name: other files before them, recordings, rules.

Refuses to choose rules: a story brings or names its own, or whoever runs it has chosen them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from monitoring_core.domain.events import Event
from monitoring_core.errors import StoryError, UsageError, quote
from monitoring_core.files import Recording, Rules, load_rules, read_text
from monitoring_core.files.rulefolders import profiles
from monitoring_core.rules.text import did_you_mean
from monitoring_core.scenario.pages import TOML
from monitoring_core.scenario.records import told_by
from monitoring_core.scenario.run import Outcome, run_story
from monitoring_core.scenario.story import Story, load_stories, the_one
from monitoring_core.sources import source_of

STORIES = "*.story.toml"
OPENINGS = "openings/*.toml"
DEFAULT = "default"
"""The packaged rules, by the name that they have among profiles."""


def find_stories(path: str | Path) -> list[Path]:
    """The story that `path` names, or every story below that folder, by name. Raises UsageError if that has none."""
    place = Path(path)
    found = sorted(place.rglob(STORIES)) if place.is_dir() else [place]
    if not found:
        raise UsageError("there are no stories here", str(path), f"name a story, or a folder with {STORIES}")
    return found


def read_story(path: Path) -> Story:
    """The story in that file, where there is one way to run it. Raises StoryError if not, and as `read_stories`."""
    return the_one(read_stories(path))


def read_stories(path: Path, text: str | None = None) -> tuple[Story, ...]:
    """Every way to run the story in that file, with the openings that it names, by the rules of its profiles.

    `text`: what is read instead of the file's own. Raises StoryError or RuleBookError if it is not one, UsageError if
    it cannot be read.
    """
    text = read_text(path, "name a story file") if text is None else text
    stories = load_stories(path.name, text, _Openings(path.parent))
    return tuple(_under_profile(story, path.parent) for story in stories)


def rules_named(name: str, beside: Path) -> Rules:
    """The rules of a profile, the packaged ones (`default`), or those of a folder, seen from `beside`.

    Raises RuleBookError with every problem, UsageError if there is nothing to read.
    """
    return load_rules(None if name == DEFAULT else name if name in profiles() else beside / name)


def run_file(path: Path, rules: Rules) -> Outcome:
    """Runs the story in that file in every way, by `rules` unless it brings or names its own.

    It passes if each of them does; the report is of those that do not. Raises what `read_stories` raises.
    """
    outcomes = [run_beside(story, path.parent, rules) for story in read_stories(path)]
    failed = [outcome for outcome in outcomes if not outcome.passed]
    return Outcome(not failed, "\n".join(outcome.report for outcome in failed or outcomes))


def run_beside(story: Story, folder: Path, rules: Rules) -> Outcome:
    """Runs one story that stands in `folder`. Raises UsageError if its recording cannot be read."""
    return run_story(story, rules.book, rules.settings, recorded_beside(story, folder, rules))


def recorded_beside(story: Story, folder: Path, rules: Rules) -> Iterator[Event]:
    """The events of the recording that the story names; a record that cannot be read is an event too."""
    if not story.recorded:
        return
    source = source_of(story.source, story.settings_on(rules.settings))
    for number, record in Recording(str(folder / story.recorded), rules.settings.limits):
        yield from told_by(source, record, f"{story.recorded}:{number}")
    yield from source.finish()


def _under_profile(story: Story, folder: Path) -> Story:
    if not story.profile:
        return story
    known = [DEFAULT, *profiles()]
    if story.profile not in known and not _is_there(folder / story.profile, Path.is_dir):
        what = f'there is no profile "{quote(story.profile)}"'
        raise StoryError(what, f"{story.name}, profile", did_you_mean(story.profile, known, "name a folder with rules"))
    rules = rules_named(story.profile, folder)
    return story.under(rules.book, rules.settings)


def _is_there(place: Path, check: Callable[[Path], bool]) -> bool:
    """A name that nothing can have is nowhere."""
    try:
        return check(place)
    except OSError:
        return False


class _Openings(Mapping[str, str]):
    """What a story in `folder` may begin with: by name those in openings/, and any file by its path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._named = {opening.stem: opening for opening in sorted(folder.glob(OPENINGS))}

    def __getitem__(self, name: str) -> str:
        place = self._folder / name if name.endswith(TOML) else self._named[name]
        if not _is_there(place, Path.is_file):
            raise KeyError(name)
        return read_text(place, "make it readable")

    def __iter__(self) -> Iterator[str]:
        return iter(self._named)

    def __len__(self) -> int:
        return len(self._named)
