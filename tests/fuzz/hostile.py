"""Two hundred rule files that somebody wrote to do harm: huge, deep, exploding, with names that look like others.

Each must load, or be refused in words, within TIME_S_MAX of the processor and MEMORY_BYTES_MAX of growth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from monitoring_core.errors import RuleBookError
from monitoring_core.rules.load import load_book
from tests.fuzz.run import memory_bytes, spent_s, told_badly

FILES = 200
TIME_S_MAX = 90.0
MEMORY_BYTES_MAX = 768 * 1024 * 1024

RULE = '[[rule]]\nid = "a"\neffect = "permit"\nbecause = "so"\n'
_SIZES = (10, 100, 1_000, 10_000, 100_000)
_LOOKS = (
    "\u043ewn-team",
    "own\u2010team",
    "own-team\u200b",
    "\uff4fwn-team",
    "own-t\u0435am",
    "\u202emaet-nwo",
    "own-team ",
    "OWN-TEAM",
    "\u1d0fwn-team",
)
_FACTS = (
    "\u0430gent.line",
    "agent\u2024line",
    "agent.l\u0456ne",
    "agent .line",
    "agent.\u200bline",
    "\uff41gent.line",
    "agent.line\u0301",
)


@attrs.frozen
class Hostile:
    """One file and what is wrong with it."""

    name: str
    text: str


@attrs.frozen
class Tried:
    """What came of it; `escape` is empty if all is well."""

    file: Hostile
    outcome: str
    problems: int
    spent_s: float
    grown_bytes: int
    escape: str


def files() -> list[Hostile]:
    """Always the same FILES."""
    found = [*_many(), *_deep(), *_long(), *_lists(), *_look_alikes(), *_storms(), *_broken()]
    assert len(found) == FILES, len(found)
    return found


def tried(file: Hostile) -> Tried:
    """Load it."""
    before_s, before_bytes = spent_s(), memory_bytes()
    outcome, problems, escape = "loaded", 0, ""
    try:
        load_book({"hostile.toml": file.text})
    except RuleBookError as error:
        outcome, problems, escape = "refused", len(error.problems), told_badly(error)
    except Exception as error:  # noqa: BLE001 # whatever it is, it got away
        outcome, escape = "escaped", f"{type(error).__name__}: {error!a}"[:300]
    took_s, grown = spent_s() - before_s, memory_bytes() - before_bytes
    if took_s > TIME_S_MAX:
        escape = f"took {took_s:.0f} s"
    if grown > MEMORY_BYTES_MAX:
        escape = f"took {grown / 1e6:,.0f} MB"
    return Tried(file, outcome, problems, took_s, grown, escape)


def table(found: Sequence[Tried]) -> Iterator[str]:
    """How it went, the slowest and the largest, and what got away."""
    loaded = sum(one.outcome == "loaded" for one in found)
    refused = sum(one.outcome == "refused" for one in found)
    slowest, largest = max(found, key=lambda one: one.spent_s), max(found, key=lambda one: one.grown_bytes)
    yield ""
    escaped = len(found) - loaded - refused
    yield f"{len(found)} hostile rule files: {loaded} loaded, {refused} refused, {escaped} escaped"
    yield f"slowest: {slowest.file.name}, {slowest.spent_s:.1f} s of processor"
    yield f"most memory: {largest.file.name}, {largest.grown_bytes / 1e6:,.0f} MB"
    for one in found:
        if one.escape:
            yield f"ESCAPED {one.file.name} ({len(one.file.text):,} characters): {one.escape}"


def _many() -> Iterator[Hostile]:
    """Too many of everything."""
    for size in _SIZES:
        rules = "".join(f'[[rule]]\nid="a{number}"\neffect="permit"\nbecause="x"\n' for number in range(size))
        yield Hostile(f"{size} rules", rules)
        yield Hostile(f"{size} empty rules", "[[rule]]\n" * size)
        yield Hostile(f"{size} rules of one id", RULE * size)
        yield Hostile(f"{size} keys", "".join(f"k{number}=1\n" for number in range(size)))
        yield Hostile(f"{size} tables", "".join(f"[t{number}]\n" for number in range(size)))
        yield Hostile(f"{size} keys of a rule", RULE + "".join(f"k{number}=1\n" for number in range(size)))
        yield Hostile(f"{size} tests", RULE + "".join(f"when.q{number}.is=1\n" for number in range(size)))
        facts = "".join(f'[facts.f{number}]\ntype="text"\nmeaning="x"\n' for number in range(size))
        yield Hostile(f"{size} facts", facts)
        yield Hostile(f"{size} alternatives", RULE + "[[rule.unless]]\nagent.calls.is=1\n" * size)
        each = "".join(f"[[rule.unless]]\nagent.calls.is={number}\n" for number in range(size))
        yield Hostile(f"{size} different alternatives", RULE + each)


def _deep() -> Iterator[Hostile]:
    """Deeper than any language is."""
    for size in _SIZES:
        yield Hostile(f"a name of {size} parts", ".".join(["a"] * size) + "=1\n")
        yield Hostile(f"a quoted name of {size} parts", ".".join([r'"\""'] * size) + "=1\n")
        yield Hostile(f"a head of {size} parts", "[" + ".".join(["a"] * size) + "]\n")
        yield Hostile(f"a test of {size} parts", f"{RULE}when.{'.'.join(['a'] * size)}.is=1\n")
        yield Hostile(f"{size} lists in lists", f"a={'[' * size}{']' * size}\n")
        yield Hostile(f"{size} tables in tables", f"a={'{a=' * size}1{'}' * size}\n")
        yield Hostile(f"{size} names of ten parts", "".join(f"a{n}.{'.'.join('b' * 9)}=1\n" for n in range(size)))


def _long() -> Iterator[Hostile]:
    """One thing that is very long."""
    for size in _SIZES:
        yield Hostile(f"a text of {size}", f'a="{"x" * size}"\n')
        yield Hostile(f"an id of {size}", RULE.replace('"a"', f'"{"a-" * size}a"'))
        yield Hostile(f"a number of {size} digits", f"{RULE}when.agent.calls.is={'1' * size}\n")
        yield Hostile(f"a comment of {size}", f"#{'x' * size}\n{RULE}")
        yield Hostile(f"{size} empty lines", "\n" * size + RULE)


def _lists() -> Iterator[Hostile]:
    """Lists that explode."""
    for size in (*_SIZES, 1_000_000):
        yield Hostile(f"{size} numbers in a list", f"{RULE}when.agent.calls.in=[{'1,' * size}]\n")
        idle, modes, teams = '"idle",' * size, '"x",' * size, "".join(f'"{number}",' for number in range(size))
        yield Hostile(f"{size} texts in a list", f"{RULE}when.agent.line.in=[{idle}]\n")
        yield Hostile(f"{size} modes", f"{RULE}to=[{modes}]\n")
        yield Hostile(f"{size} members", f"{RULE}when.agent.teams.overlaps=[{teams}]\n")
        yield Hostile(f"{size} empty alternatives", f"{RULE}unless=[{'{},' * size}]\n")


def _look_alikes() -> Iterator[Hostile]:
    """Names that look like others."""
    for name in _LOOKS:
        yield Hostile(f"the id {name!a}", RULE.replace('"a"', f'"{name}"'))
        yield Hostile(f"the mode {name!a}", f'{RULE}to="{name.replace("own-team", "silent")}"\n')
    for name in _FACTS:
        yield Hostile(f"the fact {name!a}", f'{RULE}when."{name}"={{is="idle"}}\n')
        yield Hostile(f"the declared fact {name!a}", f'[facts."{name}"]\ntype="text"\nmeaning="x"\n')


def _storms() -> Iterator[Hostile]:
    """Every fact is unknown, every word is nearly right."""
    for size in (10, 100, 1_000, 3_000):
        facts = "".join(f'[facts.f{number}]\ntype="text"\nmeaning="x"\n' for number in range(size))
        tests = "".join(f"when.g{number}.is=1\n" for number in range(size))
        yield Hostile(f"{size} facts and {size} tests on none of them", facts + RULE + tests)
        yield Hostile(
            f"{size} tests that there are not", RULE + "".join(f"when.agent.line.iz{n}=1\n" for n in range(size))
        )


def _broken() -> Iterator[Hostile]:
    """What is no TOML at all, or no rules."""
    texts = (
        "\0",
        "\ufeff" + RULE,
        "\ud800",
        "a=" + '"' * 100_000,
        "a='''" + "x" * 100_000,
        "[" * 100_000,
        "]" * 100_000,
        "a." * 100_000,
        "=" * 100_000,
        "\r" * 100_000,
        '"""' + "\\" * 100_000,
        "a={" * 50_000,
        "a=[\n" * 50_000,
        "\x85" * 1_000,
        RULE + "when=1\n",
        RULE + "unless=[1]\n",
        "rule=1\n",
        "facts=1\n",
        RULE + "when={}\n",
        "[rule]\nid=1\n",
    )
    yield from (Hostile(f"broken text {number}", text) for number, text in enumerate(texts, 1))
