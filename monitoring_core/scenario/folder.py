"""Shell: owns stories as files: which there are, the openings beside them, and the recordings that they name.

Refuses to read rules itself: they come in as whoever runs the stories has chosen them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from monitoring_core.domain.events import Event, Unreadable
from monitoring_core.errors import EventError, MessageError, SourceError, UsageError
from monitoring_core.files import Recording, Rules
from monitoring_core.scenario.run import Outcome, run_story
from monitoring_core.scenario.story import Story, load_story
from monitoring_core.sources.asterisk import AsteriskSource
from monitoring_core.sources.native import NativeSource
from monitoring_core.sources.workspace import WorkspaceSource

ENDING = ".story.toml"
OPENINGS = "openings"

Feed = tuple[Callable[[bytes], list[Event]], Callable[[], list[Event]]]


def find_stories(path: str | Path) -> list[Path]:
    """The story that `path` is, or every story below that folder, by name. Raises UsageError if there is none."""
    place = Path(path)
    found = [place] if place.is_file() else sorted(place.rglob(f"*{ENDING}"))
    if not found:
        raise UsageError("there are no stories here", str(path), f"name a file, or a folder with *{ENDING} files")
    return found


def read_story(path: Path) -> Story:
    """The story in that file, with the openings in the folder beside it.

    Raises StoryError or RuleBookError if it is not one, UsageError if it cannot be read.
    """
    openings = {opening.stem: _text(opening) for opening in sorted(path.parent.glob(f"{OPENINGS}/*.toml"))}
    return load_story(path.name, _text(path), openings)


def run_file(path: Path, rules: Rules) -> Outcome:
    """Runs the story in that file, by `rules` unless it brings its own. Raises what `read_story` raises."""
    story = read_story(path)
    return run_story(story, rules.book, rules.settings, _recorded(story, path.parent, rules))


def _recorded(story: Story, folder: Path, rules: Rules) -> Iterator[Event]:
    """The events of the recording that the story names; a record that cannot be read is an event too."""
    if not story.recorded:
        return
    feed, finish = _source(story, rules)
    for number, record in Recording(str(folder / story.recorded), rules.settings.limits):
        try:
            if isinstance(record, SourceError):
                raise record
            yield from feed(record)
        except (EventError, MessageError, SourceError) as error:
            yield Unreadable(what=error.what, where=f"{story.recorded}:{number}", fix=error.fix)
    yield from finish()


def _source(story: Story, rules: Rules) -> Feed:
    if story.source == "asterisk":
        asterisk = AsteriskSource()
        return asterisk.feed, asterisk.finish
    if story.source == "workspace":
        return WorkspaceSource(story.settings_on(rules.settings).source).feed, list
    return NativeSource().feed, list


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError("this file is not UTF-8", f"{path}, byte {error.start + 1}", "save it as UTF-8") from error
    except OSError as error:
        raise UsageError(f"cannot read this file: {error.strerror}", str(path), "name a story file") from error
