"""How an input is made of real samples: spliced, cut, flipped, repeated, nested, with what every format stumbles over.

The same seed, decoder and number give the same input, whatever was made before.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from random import Random

BYTES_MAX = 200_000
_CHUNK_BYTES_MAX = 400
_MUTATIONS_MAX = 4
_DEPTHS = (2, 13, 33, 200, 2_000, 20_000)
_REPEATS = (2, 10, 100, 3_000)

TOKENS: tuple[bytes, ...] = (
    *(b'{ } [ ] " , : \\ = . # < > & / - + e . 0 1'.split(b" ")),
    *(b"null true false NaN Infinity -Infinity inf nan -0 0x1f 1e5 1e999 -1e-999 1_000".split()),
    *(b"1" * length for length in (16, 41, 400, 5_000)),
    *(b"\0 \x01 \x1b \x7f \x80 \xff \xc0\xaf \xed\xa0\x80 \xef\xbb\xbf \xf4\x90\x80\x80 \xf0\x9f\x98\x80".split(b" ")),
    *"\u0430 \uff45 \u03bf \u217c \U0001d41a \u0131 \u017f \u00df \u0301 \u0663 \u2167".encode().split(b" "),
    *"\u200b \u202e \u2028 \u00a0 \u0085".encode().split(b" "),
    *(rb"\u0000 \ud800 \udc00\ud800 \x41 \U0010ffff \" \n \q".split(b" ")),
    *(b"\n \r\n \r \t '''".split(b" ")),
    b'"""',
    *(b"]]> <![CDATA[ <!-- --> <?xml?> <x> </x> <x/> &lt; &gt; &amp; &x; &#0; &#x110000; xmlns:a='b'".split()),
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>',
    b'<?xml version="1.0" encoding="UTF-16"?>',
    *(b"[[rule]] [rule.unless] when.a.b = unless = {} [] [[case]] [[when]] [[person]] [facts.x]".split(b" ")),
    *(b"1979-05-27T07:32:00Z 00:00:60 2024-02-30 25:61:61".split()),
    *(b'"at": "event": "id": "site": "_t": "Event": "password": "subtopic": "message": "data":'.split(b" ")),
)
"""What a reader of JSON, XML, TOML or UTF-8 may stumble over, and names that mean something here."""

_LOOK_ALIKES = str.maketrans(
    "aceopxyijsATEOPH",
    "\u0430\u0441\u0435\u043e\u0440\u0445\u0443\u0456\u0458\u0455\u0410\u0422\u0415\u041e\u0420\u041d",
)
_BRACKETS = (
    (b"[", b"]"),
    (b'{"a":', b"}"),
    (b"{a=", b"}"),
    (b"<x>", b"</x>"),
    (b"a.", b""),
    (b"(", b")"),
    (b'"a".', b""),
)

_LITERAL = re.compile(rb'"(?:[^"\\\n]|\\.)*"|-?\d[\d.]*|\b(?:true|false|null)\b')
_BETWEEN = re.compile(rb">([^<>]*)<")
_ELEMENT = re.compile(rb"<(\w+)>[^<]*</\1>")
_LITERALS: tuple[bytes, ...] = (
    *(b'"" "0" "x" " " "ACTIVE" "DROPPED" "silent" "calls" "\\u0000" "\\ud800" "<a/>" "&lt;Update/>" "{}"'.split(b" ")),
    *(b'null true false [] {} [[]] [null] [1,"a"] {"a":1} 0 -1 1.5 -0.0 1e308 -1e308 5e-324 1e400'.split(b" ")),
    *(b"9007199254740993 18446744073709551616 123456789012345678901234567890 0x10 0o7 nan -inf".split(b" ")),
    *(b"1979-05-27 07:32:00 1979-05-27T07:32:00Z {a=1} [{a=1},2] 'x' '''x'''".split(b" ")),
    b'"' + b"x" * 5_000 + b'"',
    b"[" * 30 + b"]" * 30,
    '"\u0430gent.line"'.encode(),
)
"""Values that could stand where another one stood."""

Mutation = Callable[[Random, bytearray, Sequence[bytes]], None]


def chance_of(seed: int, name: str, number: int) -> Random:
    """What decides how the input of that number becomes."""
    return Random((seed << 96) ^ (zlib.crc32(name.encode()) << 64) ^ number)


def mutated(chance: Random, samples: Sequence[bytes]) -> bytes:
    """One of `samples`, changed one to four times, and not longer than BYTES_MAX."""
    data = bytearray(samples[int(chance.random() * len(samples))])
    for _ in range(1 + int(chance.random() ** 2 * _MUTATIONS_MAX)):
        _MUTATIONS[int(chance.random() * len(_MUTATIONS))](chance, data, samples)
    return bytes(data[:BYTES_MAX])


def _place(chance: Random, data: bytearray) -> int:
    return int(chance.random() * (len(data) + 1))


def _span(chance: Random, data: bytearray) -> slice:
    start = _place(chance, data)
    return slice(start, start + int(chance.random() * _CHUNK_BYTES_MAX))


def _flip(chance: Random, data: bytearray, _samples: Sequence[bytes]) -> None:
    if data:
        data[int(chance.random() * len(data))] ^= 1 << int(chance.random() * 8)


def _other_byte(chance: Random, data: bytearray, _samples: Sequence[bytes]) -> None:
    if data:
        data[int(chance.random() * len(data))] = int(chance.random() * 256)


def _cut_off(chance: Random, data: bytearray, _samples: Sequence[bytes]) -> None:
    del data[_place(chance, data) :]


def _cut_out(chance: Random, data: bytearray, _samples: Sequence[bytes]) -> None:
    del data[_span(chance, data)]


def _splice(chance: Random, data: bytearray, samples: Sequence[bytes]) -> None:
    other = samples[int(chance.random() * len(samples))]
    data[_place(chance, data) :] = other[int(chance.random() * (len(other) + 1)) :]


def _insert(chance: Random, data: bytearray, _samples: Sequence[bytes]) -> None:
    place = _place(chance, data)
    data[place:place] = TOKENS[int(chance.random() * len(TOKENS))]


def _replace(chance: Random, data: bytearray, _samples: Sequence[bytes]) -> None:
    """A token instead of a word: between two places that are no letters or digits."""
    start = _place(chance, data)
    end = start
    while end < len(data) and data[end : end + 1].isalnum():
        end += 1
    data[start:end] = TOKENS[int(chance.random() * len(TOKENS))]


def _move(chance: Random, data: bytearray, _samples: Sequence[bytes]) -> None:
    span = _span(chance, data)
    chunk = data[span]
    del data[span]
    place = _place(chance, data)
    data[place:place] = chunk


def _repeat(chance: Random, data: bytearray, _samples: Sequence[bytes]) -> None:
    """Seldom often: ten times as often is ten times as rare."""
    span = _span(chance, data)
    chunk = data[span]
    times = _REPEATS[min(len(_REPEATS) - 1, int(-0.45 * _log(chance)))]
    place = _place(chance, data)
    data[place:place] = chunk * min(times, BYTES_MAX // (len(chunk) or 1))


def _nest(chance: Random, data: bytearray, _samples: Sequence[bytes]) -> None:
    """Around a part, or left open; seldom deep."""
    opening, closing = _BRACKETS[int(chance.random() * len(_BRACKETS))]
    depth = _DEPTHS[min(len(_DEPTHS) - 1, int(-0.7 * _log(chance)))]
    span = _span(chance, data)
    inner = data[span]
    data[span] = opening * depth + inner + (closing * depth if chance.random() < 0.5 else b"")


def _other_literal(chance: Random, data: bytearray, _samples: Sequence[bytes]) -> None:
    """What stays well formed gets further."""
    found = _LITERAL.search(data, _place(chance, data))
    if found is not None:
        data[found.start() : found.end()] = _LITERALS[int(chance.random() * len(_LITERALS))]


def _other_element(chance: Random, data: bytearray, samples: Sequence[bytes]) -> None:
    """The same for XML: other words between two tags, or an element of another sample."""
    found = _BETWEEN.search(data, _place(chance, data))
    other = _ELEMENT.search(samples[int(chance.random() * len(samples))])
    if found is not None:
        is_text = other is None or chance.random() < 0.7
        words = _LITERALS[int(chance.random() * len(_LITERALS))].strip(b'"') if is_text or other is None else other[0]
        data[found.start(1) : found.end(1)] = words


def _look_alike(chance: Random, data: bytearray, _samples: Sequence[bytes]) -> None:
    span = _span(chance, data)
    data[span] = data[span].decode("utf-8", "replace").translate(_LOOK_ALIKES).encode()


def _log(chance: Random) -> float:
    """Of a number between 0 and 1, at least 1e-7 of it."""
    return -chance.expovariate(1.0)


_MUTATIONS: tuple[Mutation, ...] = (
    _flip,
    _flip,
    _other_byte,
    _cut_off,
    _cut_out,
    _splice,
    _insert,
    _insert,
    _replace,
    _replace,
    _move,
    _repeat,
    _nest,
    _look_alike,
    *(_other_literal, _other_literal, _other_literal, _other_literal),
    *(_other_element, _other_element),
)
