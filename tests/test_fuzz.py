"""A part of `make fuzz` that is the same every time: malformed inputs over every decoder, and hostile rule files.

The whole is `python -m tests.fuzz`; what it finds becomes a test here, with the input.
"""

from __future__ import annotations

import tracemalloc

import pytest

from monitoring_core.errors import EventError, RuleBookError, RuleError, UsageError
from monitoring_core.files import read_text
from monitoring_core.rules.load import load_book
from monitoring_core.sources.native import NativeSource
from tests.fuzz import hostile
from tests.fuzz.__main__ import main, run, table
from tests.fuzz.decoders import Decoder, decoders
from tests.fuzz.mutate import BYTES_MAX
from tests.fuzz.run import Tally, fuzz, input_of, one, shares, told_badly

pytestmark = pytest.mark.search

SEED = 1
COUNTS = {"workspace records": 500, "finesse records": 300, "story": 800}
COUNT = 2_500
MEMORY_BYTES_MAX = 64 * 1024 * 1024
"""What a hostile file of the time-boxed part may need at any moment, as tracemalloc counts it."""


NAMES = (
    "bus message,workspace records,events records,asterisk records,finesse XML,finesse records,rule file,rule cases,"
    "lifecycle,story,floor file,xmpp file,merged events,recording,journal entry,journal row,journal command,"
    "journal snapshot"
).split(",")


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Decoder]:
    """Every decoder by its name; to read their samples takes a while."""
    return {decoder.name: decoder for decoder in decoders(tmp_path_factory.mktemp("fuzz"))}


def test_every_decoder_is_tried(named: dict[str, Decoder]) -> None:
    """The decoders are those that the tests here name."""
    assert list(named) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_nothing_gets_away(name: str, named: dict[str, Decoder]) -> None:
    """Whatever is made of real samples is a value, or one error of the decoder's own family that says something."""
    tally = Tally(named[name])
    fuzz(tally, SEED, COUNTS.get(name, COUNT), None, lambda _more: None)
    assert not tally.escapes
    assert tally.values
    assert tally.errors


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_what_they_seem(name: str, named: dict[str, Decoder]) -> None:
    """Of the samples themselves none gets away, and some are read, or nothing made of them would say much."""
    tally = Tally(named[name])
    for number, sample in enumerate(tally.decoder.samples):
        one(tally, number, sample)
    assert not tally.escapes
    assert tally.values


def test_the_same_number_is_the_same_input(named: dict[str, Decoder]) -> None:
    """An input is told by seed, decoder and number, and none is larger than the limit."""
    decoder = named["bus message"]
    inputs = [input_of(decoder, SEED, number) for number in range(300)]
    assert inputs == [input_of(decoder, SEED, number) for number in range(300)]
    assert inputs != [input_of(decoder, SEED + 1, number) for number in range(300)]
    assert len(set(inputs)) > 250
    assert max(map(len, inputs)) <= BYTES_MAX


# Hostile rule files


@pytest.mark.parametrize(
    "file",
    [file for file in hostile.files() if len(file.text) < 20_000],
    ids=lambda file: file.name.encode("ascii", "replace").decode(),
)
def test_a_hostile_file_is_refused_or_loads(file: hostile.Hostile) -> None:
    """A small hostile rule file loads or is refused in words, and takes no more memory than it may."""
    tracemalloc.start()
    try:
        found = hostile.tried(file)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert not found.escape
    assert peak_bytes < MEMORY_BYTES_MAX


def test_there_are_two_hundred_hostile_files() -> None:
    """Each has a name of its own."""
    assert len({file.name for file in hostile.files()}) == hostile.FILES


# What was found


@pytest.mark.parametrize("part", ["a", '"a"', r'"\""', "'a'", "a ", "a\t"])
def test_a_name_of_many_parts_is_refused(part: str) -> None:
    """A dotted name that would take memory by the square of its parts is refused where it stands."""
    with pytest.raises(RuleBookError) as caught:
        load_book({"x.toml": "\n" + ".".join([part] * 20_000) + "=1\n"})
    (problem,) = caught.value.problems
    assert problem.what == "not TOML: a name has too many parts, or a character is only half there"
    assert problem.where == "x.toml:2, column 1"


def test_half_a_character_is_refused() -> None:
    """A text that no file can hold is refused, too, before an error would have to quote it."""
    with pytest.raises(RuleBookError, match="half there"):
        load_book({"x.toml": "#\n# \udc80\n"})


@pytest.mark.parametrize(
    "line",
    [
        b'{"event":"held","what":1,',
        b'{"event":"held","what":1}x',
        b'{"event":"held","what":"\xff"}',
        b'{"event":"held","what":' + b"[" * 100_000,
        b'{"event":"held","what":1,"event":"helt"}',
        b'{"event":"held","what":1,"event":[]}',
    ],
)
def test_an_unknown_field_in_a_broken_line(line: bytes) -> None:
    """Whatever follows an unknown field, the line is one error that names it."""
    with pytest.raises(EventError, match='unknown field "what"'):
        NativeSource().feed(line)


def test_a_file_whose_name_holds_a_nul() -> None:
    """No file has such a name: that is an error of usage."""
    with pytest.raises(UsageError, match="cannot read this file"):
        read_text("\0", "name a file")


# The run itself


def _decoder(problem: Exception | None = None) -> Decoder:
    def decode(_data: bytes) -> object:
        if problem is not None:
            raise problem
        return 1

    return Decoder("planted", [b"x"], decode, (RuleBookError,))


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (KeyError("x"), "KeyError"),
        (EventError("of another family"), "EventError"),
        (RuleBookError("x"), "an error without a problem"),
        (RuleBookError("x", problems=(RuleError(" "),)), "an error that says nothing"),
        (RuleBookError("x", problems=(RuleError("\ud800"),)), "an error that cannot be written"),
        (RecursionError("x"), "RecursionError"),
        (MemoryError("x"), "MemoryError"),
    ],
)
def test_what_gets_away_is_found(problem: Exception, told: str) -> None:
    """A planted exception that is not of the family, or says nothing that can be told, is an escape with its number."""
    tally = Tally(_decoder(problem))
    fuzz(tally, SEED, 7, None, lambda _more: None)
    assert tally.escaped == 7
    number, said = tally.escapes[0]
    assert number == 0
    assert told in said


def test_a_good_error_is_told_well() -> None:
    """An error with words is none that got away."""
    assert not told_badly(RuleBookError("x", problems=(RuleError("wrong", "here", "mend it"),)))


def test_each_decoder_gets_the_same_time() -> None:
    """Inputs are shared out by speed, so that a slow decoder is not all of the run."""
    fast, slow = Tally(_decoder(), inputs=100, spent_s=1.0), Tally(_decoder(), inputs=100, spent_s=9.0)
    assert shares([fast, slow], 1_000) == [900, 100]


def test_a_run_tells_what_it_did(named: dict[str, Decoder]) -> None:
    """There are as many inputs as were asked for, and the table has a line for each decoder and each escape."""
    chosen = [named["bus message"], _decoder(KeyError("x"))]
    tallies = run(chosen, SEED, 100, None)
    assert 100 <= sum(tally.inputs for tally in tallies) <= 150
    lines = list(table(tallies))
    assert lines[1].startswith("bus message")
    assert lines[3].startswith('ESCAPED planted, number 0: "KeyError')


def test_a_run_ends_in_time(named: dict[str, Decoder]) -> None:
    """With a budget of no time there are no inputs."""
    (tally,) = run([named["bus message"]], SEED, 1_000_000, 0.0)
    assert not tally.inputs


def test_an_input_can_be_shown(named: dict[str, Decoder], capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """`--show` writes just the bytes of one input."""
    assert main(["--only", "bus message", "--show", "3"]) == 0
    assert capfdbinary.readouterr().out == input_of(named["bus message"], 1, 3)
