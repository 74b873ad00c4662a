"""Recordings in every wrapping, rule folders, floor files."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.domain.events import PersonChanged, PhoneChanged, SignedIn
from monitoring_core.domain.settings import Limits, Settings
from monitoring_core.errors import RuleBookError, SourceError, UsageError
from monitoring_core.files import Recording, load_floor, load_rules
from monitoring_core.files.recordings import Record

LINES = b'{"a":1}\n\n  {"b":"\xc3\xa9"} \r\n{"c":3}'
RECORDS: list[Record] = [(1, b'{"a":1}'), (3, b'{"b":"\xc3\xa9"}'), (4, b'{"c":3}')]


def _read(path: Path, data: bytes, limits: Limits | None = None) -> list[Record]:
    path.write_bytes(data)
    return list(Recording(str(path), limits or Limits()))


def _problem(record: Record) -> SourceError:
    assert isinstance(record[1], SourceError)
    return record[1]


# Recordings


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstd"])
def test_a_file_is_unpacked_by_its_content(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """Plain, gzip and zstd give the same records with the same line numbers, whatever the file is called."""
    assert _read(tmp_path / "log.txt", pack(LINES)) == RECORDS


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_json_list_gives_its_items(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """A file that begins with a bracket is one JSON list, over as many lines as it likes; its items are numbered."""
    assert _read(tmp_path / "log", pack(b'\n [\n{"a":\n1},\n{"b":2}]\n')) == [(1, b'{"a":\n1}'), (2, b'{"b":2}')]


def test_only_the_first_line_begins_a_list(tmp_path: Path) -> None:
    """A bracket on a later line is a bad record for the source, not a list that swallows the rest."""
    assert _read(tmp_path / "log", b'{"a":1}\n[1\n{"b":2}\n') == [(1, b'{"a":1}'), (2, b"[1"), (3, b'{"b":2}')]


def test_a_line_that_is_too_long_is_one_error(tmp_path: Path) -> None:
    """A line beyond the limit becomes an error in its place; the lines around it are read."""
    found = _read(tmp_path / "log", b"{}\n" + b"x" * 100 + b"\n{}\n", Limits(line_bytes_max=10))
    assert [number for number, _ in found] == [1, 2, 3]
    assert _problem(found[1]).what == "a line has more than 10 bytes"
    assert found[2] == (3, b"{}")


def test_a_line_of_just_the_limit_is_read(tmp_path: Path) -> None:
    """A line of as many bytes as allowed is a record."""
    assert _read(tmp_path / "log", b"x" * 10 + b"\n", Limits(line_bytes_max=10)) == [(1, b"x" * 10)]


def test_a_list_that_is_too_large_is_one_error(tmp_path: Path) -> None:
    """A list beyond its limit is refused as a whole, with what to do."""
    (found,) = _read(tmp_path / "log", b"[" + b"1," * 100 + b"1]", Limits(list_bytes_max=20))
    assert _problem(found).fix == "give JSON lines: one record a line"


def test_a_list_may_be_longer_than_a_line(tmp_path: Path) -> None:
    """The limit of a line is none for a list, also for one that stands on one line."""
    assert len(_read(tmp_path / "log", b"[" + b"1," * 100 + b"1]", Limits(line_bytes_max=20))) == 101


def test_a_broken_list_is_one_error(tmp_path: Path) -> None:
    """A list that does not end is one error, not an exception."""
    (found,) = _read(tmp_path / "log", b'[{"a":1},')
    assert _problem(found).what.startswith("not a JSON list")


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_damage_counts_from_its_place(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """A packed file that is damaged in the middle gives what stands before the damage, then an error."""
    lines = b"".join(b'{"number":%d,"hash":%d}\n' % (number, number**7) for number in range(200_000))
    data = bytearray(pack(lines))
    data[len(data) // 2 :] = b"\xff" * 1000
    found = _read(tmp_path / "log", bytes(data))
    assert found[0] == (1, b'{"number":0,"hash":0}')
    assert _problem(found[-1]).what.startswith("the rest cannot be unpacked")


@pytest.mark.parametrize(
    "data",
    [gzip.compress(LINES)[:-8] + bytes(8), b"(no zstd", b"\x1fno gzip"],
    ids=["another sum", "no zstd", "no gzip"],
)
def test_a_wrong_mark_or_sum_is_damage(tmp_path: Path, data: bytes) -> None:
    """What only begins like a packed file, or has another checksum, is an error and never an exception."""
    assert _problem(_read(tmp_path / "log", data)[-1]).what.startswith("the rest cannot be unpacked")


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_half_a_packed_file_gives_what_is_there(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """A recorder that was killed leaves half a packed file: its whole lines are read, then the end is an error."""
    data = pack(b"".join(b'{"number":%d}\n' % (number * number) for number in range(200_000)))
    found = _read(tmp_path / "log", data[: len(data) // 2])
    assert len(found) > 1000
    assert isinstance(found[-1][1], SourceError)


def test_packed_files_may_be_joined(tmp_path: Path) -> None:
    """Recordings that were packed one by one and put into one file are read one after another."""
    for pack in (gzip.compress, zstandard.compress):
        found = _read(tmp_path / "log", pack(b'{"a":1}\n') + pack(b'{"b":2}\n'))
        assert found == [(1, b'{"a":1}'), (2, b'{"b":2}')]


def test_zstd_without_its_extra_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra a zstd file is refused with the words to type."""
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(UsageError) as caught:
        _read(tmp_path / "log", zstandard.compress(LINES))
    assert "pip install 'monitoring-core[zstd]'" in caught.value.fix


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A file that cannot be opened is a UsageError with the system's reason."""
    with pytest.raises(UsageError, match="No such file"):
        list(Recording(str(tmp_path / "nothing")))


def test_stdin_is_a_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    """The path - is stdin, packed or not."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(gzip.compress(LINES)))))
    assert list(Recording("-")) == RECORDS


def test_a_recording_says_how_far_it_is(tmp_path: Path) -> None:
    """Size and position count the file as it is packed, so that a bar can show the time left."""
    path = tmp_path / "log"
    path.write_bytes(gzip.compress(LINES))
    recording = Recording(str(path))
    assert recording.position_bytes == 0
    records = iter(recording)
    next(records)
    assert recording.position_bytes == recording.size_bytes == path.stat().st_size


@given(st.lists(st.binary(min_size=1, max_size=30).filter(lambda one: b"\n" not in one and one.strip() == one)))
def test_lines_come_back_as_they_were(lines: list[bytes]) -> None:
    """Whatever stands on lines is given line by line, unless it begins with a list or a packed file's mark."""
    if lines and lines[0][:1] in {b"[", b"(", b"\x1f"}:
        lines[0] = b"{" + lines[0]
    stdin, sys.stdin = sys.stdin, io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"\n".join(lines))))
    try:
        assert [record for _, record in Recording("-")] == [line for line in lines if line]
    finally:
        sys.stdin = stdin


# Rule folders


def test_the_package_carries_its_rules() -> None:
    """Without a folder the default rules are loaded, wherever the package is installed."""
    rules = load_rules()
    assert "own-team" in [rule.id for rule in rules.book.rules]
    assert "eligibility.cases.toml" in rules.texts


def test_a_folder_without_settings_has_the_defaults(tmp_path: Path) -> None:
    """A folder may hold rules only."""
    (tmp_path / "a.toml").write_text('[[rule]]\nid = "a"\neffect = "permit"\nbecause = "so"\n', encoding="utf-8")
    rules = load_rules(tmp_path)
    assert (rules.settings, len(rules.book.rules)) == (Settings(), 1)


def test_a_folder_without_rules_is_refused(tmp_path: Path) -> None:
    """An empty or missing folder is most likely the wrong one: a site that refuses everything must be written down."""
    with pytest.raises(UsageError, match="there are no rules here"):
        load_rules(tmp_path)


def test_a_rule_file_that_is_not_text(tmp_path: Path) -> None:
    """A rule file that is not UTF-8 is a UsageError with the place."""
    (tmp_path / "a.toml").write_bytes(b"# \xff")
    with pytest.raises(UsageError, match="byte 3"):
        load_rules(tmp_path)


def test_settings_must_know_every_duty(tmp_path: Path) -> None:
    """A rule that requires a duty which lifecycle.toml does not have is refused at loading."""
    rule = '[[rule]]\nid = "a"\neffect = "require"\nduty = "badge"\nbecause = "so"\n'
    (tmp_path / "a.toml").write_text(rule, encoding="utf-8")
    with pytest.raises(RuleBookError, match="badge"):
        load_rules(tmp_path)


@pytest.mark.parametrize("read", [load_rules, lambda folder: load_floor(folder / "a.toml")], ids=["rules", "floor"])
@pytest.mark.parametrize("sign", ["x", "\u00e9", "\u20ac", "\U0001f600"])
@pytest.mark.parametrize("start", ["#", "##", "###", "####"])
def test_a_file_that_is_too_large_is_told_so(
    tmp_path: Path, read: Callable[[Path], object], sign: str, start: str
) -> None:
    """A rule or floor file beyond its limit is refused for its size, wherever the reading of it stopped."""
    (tmp_path / "a.toml").write_text(start + sign * 1_100_000, encoding="utf-8")
    with pytest.raises(RuleBookError, match="bytes are too many"):
        read(tmp_path)


# Floor files

FLOOR = """
[[person]]
id = "7"
name = "Ann"
extensions = ["0042", "43"]
roles = ["Agent"]
teams = ["sales"]
state = "READY"

[[person]]
id = "8"
supervises = ["sales"]

[[phone]]
extensions = ["0042", "43"]
supports_monitoring = true
"""


def _floor(path: Path, text: str) -> list[str]:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RuleBookError) as caught:
        load_floor(path)
    return [str(problem).replace(str(path), "floor.toml") for problem in caught.value.problems]


def test_a_floor_file_is_events(tmp_path: Path) -> None:
    """Phones, then people: a sign-in for each extension, and what is known of who has none."""
    path = tmp_path / "floor.toml"
    path.write_text(FLOOR, encoding="utf-8")
    assert load_floor(path) == [
        PhoneChanged(extension="0042", supports_monitoring=True),
        PhoneChanged(extension="43", supports_monitoring=True),
        SignedIn(person="7", extension="0042", name="Ann", roles=("Agent",), teams=("sales",), state="READY"),
        SignedIn(person="7", extension="43", name="Ann", roles=("Agent",), teams=("sales",), state="READY"),
        PersonChanged(person="8", supervises=("sales",)),
    ]


def test_every_problem_of_a_floor_file_is_told(tmp_path: Path) -> None:
    """All problems at once, each with line, who it is about, key and fix."""
    text = '[[person]]\nid = "7"\nextension = ["1"]\n[[person]]\nextensions = [42]\n[[phone]]\nconfigured = "yes"\n'
    assert _floor(tmp_path / "f", text) == [
        'unknown key "extension" (floor.toml:3, person 7, extension)\n  fix: did you mean "extensions"?',
        'a person needs an id (floor.toml:4, person number 2)\n  fix: write id = "..."',
        """extensions cannot be [42] (floor.toml:5, person number 2, extensions)
  fix: write it like extensions = ["0042", "0043"]: an address is a text, not a number""",
        'a phone needs extensions (floor.toml:6, phone number 1)\n  fix: write extensions = ["..."]',
        "configured cannot be yes (floor.toml:7, phone number 1, configured)\n  fix: write true or false",
    ]


@pytest.mark.parametrize(
    ("text", "repair"),
    [
        ("[[persons]]\n", 'did you mean "person"?'),
        ("[person]\n", "write [[person]]"),
        ('[[person]]\nid = "7"\nstate = 5\n', "write a text in double quotes"),
        ('[[person]]\nid = "7"\nteams = "sales"\n', 'write it like teams = ["one", "two"]'),
        ("[[person]\n", "see toml.io"),
    ],
)
def test_a_broken_floor_file_is_told_with_its_repair(tmp_path: Path, text: str, repair: str) -> None:
    """Whatever is wrong with a floor file, the error says what to write."""
    assert repair in "".join(_floor(tmp_path / "f", text))


def test_a_floor_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A floor file that is missing or no text is a UsageError."""
    with pytest.raises(UsageError, match="No such file"):
        load_floor(tmp_path / "nothing")
    (tmp_path / "f").write_bytes(b"\xff")
    with pytest.raises(UsageError, match="not UTF-8"):
        load_floor(tmp_path / "f")
