"""XML from outside becomes elements, or one clear error: bombs, floods, towers, fragments, foreign encodings."""

from __future__ import annotations

import tracemalloc
from xml.etree.ElementTree import Element, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.domain.settings import Limits
from monitoring_core.errors import MessageError
from monitoring_core.finesse.xml import parse

SMALL = Limits(xml_bytes_max=65_536)
PEAK_PER_BYTE = 64
"""How much memory a byte of hostile XML may cost while it is read: the smallest element has 4 bytes here, 100 there."""


def refused(content: bytes | str, limits: Limits = SMALL) -> MessageError:
    """The error that `content` is answered with."""
    with pytest.raises(MessageError) as caught:
        parse(content, limits)
    assert caught.value.where
    assert caught.value.fix
    return caught.value


def bomb(levels: int = 9) -> str:
    """Entities within entities: a billion laughs."""
    inner = "".join(f'<!ENTITY l{level} "{f"&l{level - 1};" * 10}">' for level in range(1, levels + 1))
    return f'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY l0 "lol">{inner}]><l>&l{levels};</l>'


TOWER = 100_000
HOSTILE = {
    "a bomb": bomb(),
    "a bomb behind a long comment": f"<!--{'x' * 60_000}-->" + bomb().partition("?>")[2],
    "quadratic growth": f'<!DOCTYPE a [<!ENTITY x "{"x" * 30_000}">]><a>{"&x;" * 1_000}</a>',
    "an external entity": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "an external definition": '<!DOCTYPE a SYSTEM "http://example.org/a.dtd"><a/>',
    "a parameter entity": '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://example.org/x"> %x;]><a/>',
    "attributes by default": '<!DOCTYPE a [<!ATTLIST a b CDATA "c">]><a/>',
    "an entity of nobody": "<a>&b;</a>",
    "a tower": "<a>" * TOWER + "</a>" * TOWER,
    "a tower without a top": "<a>" * TOWER,
    "a flood": "<a/>" * TOWER,
    "cut off": "<Update><data><dial",
    "cut off between elements": "<Update><data></data>",
    "spliced": "<Update></Update><Update></Update>",
    "spliced in the middle": "<Update><data><Upd<Update></Update>",
    "crossed": "<a><b></a></b>",
    "an attribute twice": '<a b="1" b="2"/>',
    "nothing": "",
    "only blanks": " \n",
    "no XML": '{"update": 1}',
    "a NUL": "<a>\0</a>",
    "a NUL by number": "<a>&#0;</a>",
    "a surrogate by number": "<a>&#xD800;</a>",
    "a lone surrogate": "<a>\ud800</a>",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_xml_is_one_error(content: str) -> None:
    """Whatever is hostile, broken or no XML is one error of the family, as text and as bytes, with place and fix."""
    limits = Limits(xml_bytes_max=10_000_000)
    assert refused(content, limits).what
    assert refused(content.encode("utf-8", "surrogatepass"), limits).what


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_xml_costs_bounded_memory(content: str) -> None:
    """Reading the hostile within the limit of size costs no more memory than a multiple of that limit."""
    data = content.encode("utf-8", "surrogatepass")[: SMALL.xml_bytes_max]
    assert peak(data) < PEAK_PER_BYTE * SMALL.xml_bytes_max


@pytest.mark.parametrize("filling", ["<a/>", '<a b=""/>', "<a>b</a>", "x", "&amp;", "<a> </a>"])
def test_the_worst_of_the_allowed_costs_bounded_memory(filling: str) -> None:
    """A document that is allowed costs no more memory than a multiple of its size, whatever fills it."""
    times = (SMALL.xml_bytes_max - 7) // len(filling)
    assert peak(f"<r>{filling * times}</r>".encode()) < PEAK_PER_BYTE * SMALL.xml_bytes_max


def peak(data: bytes) -> int:
    """The most memory that was held at once while `data` was read, bytes."""
    tracemalloc.start()
    try:
        parse(data, SMALL)
    except MessageError:
        pass
    finally:
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return most


def test_a_document_type_is_refused_where_it_begins() -> None:
    """No definition is ever read: the error names the line in which it begins, and nothing in it is looked at."""
    error = refused("<?xml version='1.0'?>\n <!DOCTYPE a [\n <!ENTITY b \n\n not even XML")
    assert error.what == "this XML brings a document type definition, which is never read"
    assert error.where.startswith("line 2, ")


def test_a_tower_is_refused_at_its_first_step_too_high() -> None:
    """The depth is counted while reading: the error stands at the first element that is too deep."""
    assert refused("<a>" * TOWER, Limits(xml_depth_max=3, xml_bytes_max=1_000_000)).where == "line 1, column 10"


def test_just_as_deep_as_allowed_is_read() -> None:
    """As many elements in one another as the limit says are read, however many stand beside one another."""
    limits = Limits(xml_depth_max=3)
    assert len(list(parse("<a>" + "<b><c/></b>" * 100 + "</a>", limits).iter())) == 201
    assert "more than 3 deep" in refused("<a><b><c><d/></c></b></a>", limits).what


@pytest.mark.parametrize(
    "content", [b"<a>" + b"x" * 33 + b"</a>", "<a>" + "\xe4" * 17 + "</a>", "<a>" + "x" * 33 + "</a>"]
)
def test_too_many_bytes_are_refused(content: bytes | str) -> None:
    """One byte more than the limit is refused before anything is read; a text counts as UTF-8."""
    assert refused(content, Limits(xml_bytes_max=39)).what == "this XML has more than 39 bytes"


@pytest.mark.parametrize("content", [b"<a>" + b"x" * 32 + b"</a>", "<a>" + "\xe4" * 16 + "</a>"])
def test_just_as_many_bytes_as_allowed_are_read(content: bytes | str) -> None:
    """As many bytes as the limit says are read."""
    assert parse(content, Limits(xml_bytes_max=39)).tag == "a"


@pytest.mark.parametrize(
    "data",
    [
        "<a>\xe4</a>".encode("latin-1"),
        "<a/>".encode("utf-16"),
        "<a/>".encode("utf-32"),
        b"<a>\xed\xa0\x80</a>",
        b"<a>\xc0\xbc</a>",
        b'<?xml version="1.0" encoding="ISO-8859-1"?><a/>',
        b"<?xml version='1.0' encoding='UTF-7'?><a>+ADw-b/+AD4-</a>",
        b'\xef\xbb\xbf<?xml version="1.0" encoding="rot13"?><a/>',
        b'<?xml version="1.0" encoding=""?><a/>',
    ],
)
def test_another_encoding_is_refused(data: bytes) -> None:
    """What is not UTF-8, or says that it is not, is refused rather than read as if it were."""
    refused(data)


@pytest.mark.parametrize(
    "content",
    [
        "<a>\xe4</a>".encode(),
        b"\xef\xbb\xbf" + "<a>\xe4</a>".encode(),
        '<?xml version="1.0" encoding="utf-8"?><a>\xe4</a>'.encode(),
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<a>\xe4</a>'.encode(),
        "<a>\xe4</a>",
        '<?xml version="1.0" encoding="latin-1"?><a>\xe4</a>',
        "<a>&#228;</a>",
        "<a><![CDATA[\xe4]]></a>",
    ],
)
def test_plain_xml_is_read(content: bytes | str) -> None:
    """UTF-8 is read with and without its mark and declaration; a text has left its encoding behind."""
    assert parse(content).text == "\xe4"


def test_names_stay_as_written() -> None:
    """Prefixes and namespaces are part of nothing: an element is called what it is called."""
    root = parse('<x:Update xmlns="http://example.org"><id n:b="c">1</id></x:Update>')
    assert (root.tag, root[0].tag, root[0].attrib) == ("x:Update", "id", {"n:b": "c"})


def test_an_error_quotes_nothing_of_the_document() -> None:
    """An error, and whatever error led to it, holds no more of a document than may be quoted."""
    secret = "very-secret" * 10
    for content in (f"<a>{secret}", f"<{secret}>\ud800", f'<?xml version="1.0" encoding="{secret}"?><a/>'.encode()):
        error: BaseException | None = refused(content)
        while error is not None:
            assert secret not in f"{error!s} {error.args!r} {vars(error)!r}"
            error = error.__cause__ or error.__context__


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=8)
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,8}", fullmatch=True)


@st.composite
def elements(draw: st.DrawFn, depth: int = 3) -> Element:
    """Small trees of any names, attributes and texts."""
    element = Element(draw(names), draw(st.dictionaries(names, texts, max_size=2)))
    element.text = draw(texts) or None
    for child in draw(st.lists(elements(depth - 1), max_size=2)) if depth else []:
        child.tail = draw(texts) or None
        element.append(child)
    return element


@given(elements())
def test_what_is_written_is_read_again(element: Element) -> None:
    """Any tree that a library writes is read as the same tree, from text and from bytes."""
    written = tostring(element, encoding="unicode")
    assert tostring(parse(written), encoding="unicode") == written
    assert tostring(parse(written.encode()), encoding="unicode") == written


@given(st.binary(max_size=200) | st.text(max_size=100))
def test_anything_is_elements_or_one_error(content: bytes | str) -> None:
    """Any bytes and any text are an element or a MessageError, and never another exception."""
    try:
        parse(content)
    except MessageError as error:
        assert error.what
        assert error.where
        assert error.fix


@given(elements(), st.data())
def test_a_part_of_xml_is_elements_or_one_error(element: Element, data: st.DataObject) -> None:
    """XML that was cut, or into which a part of itself was spliced, is an element or a MessageError."""
    written = tostring(element)
    cuts = st.integers(0, len(written))
    start, end, place = data.draw(cuts), data.draw(cuts), data.draw(cuts)
    for content in (written[start:end], written[:place] + written[start:end] + written[place:]):
        try:
            parse(content)
        except MessageError as error:
            assert error.what
