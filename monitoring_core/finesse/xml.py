"""Pure: owns the step from untrusted bytes to elements: what is not small, shallow, plain XML is one MessageError.

Refuses every document type definition, so that there is no entity to expand and nothing outside to fetch.

The parser is Python's own: Expat is kept, and repaired with every Python. Packages that make Python's XML safe do so by
raising in its handlers, as is done here; they know no limit of depth, and the best known has had no release for years.
"""

from __future__ import annotations

import re
from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from monitoring_core.domain.settings import Limits
from monitoring_core.errors import MessageError, quote

_DEFAULT = Limits()
_CHUNK_BYTES = 4_096
"""Expat reads on to the end of what it was given, whatever was raised meanwhile: it is given little at a time."""
_DECLARED = re.compile(rb"""<\?xml\s[^>]*?\bencoding\s*=\s*["']([^"'>]*)["']""")
_SPLICED = expat.errors.codes[expat.errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT]


def parse(content: bytes | str, limits: Limits = _DEFAULT) -> Element:
    """The root element of one XML document in UTF-8 (with or without its mark), names as written, prefixes included.

    Raises MessageError, and nothing else: more than `limits.xml_bytes_max` bytes or `limits.xml_depth_max` elements in
    one another, another encoding, a document type definition, and whatever XML 1.0 does not allow.
    """
    data = _utf8(content, limits)
    builder, depth = TreeBuilder(), 0
    reader = expat.ParserCreate("utf-8")
    reader.buffer_text = True

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > limits.xml_depth_max:
            what = f"elements stand more than {limits.xml_depth_max} deep in one another"
            raise MessageError(what, _place(reader), "this is no message of Finesse: look at who sent it")
        builder.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name)

    def doctype(*_declared: object) -> NoReturn:
        what = "this XML brings a document type definition, which is never read"
        raise MessageError(
            what, _place(reader), "send the document without <!DOCTYPE ...> and without entities of its own"
        )

    reader.StartElementHandler, reader.EndElementHandler = start, end
    reader.CharacterDataHandler = builder.data
    reader.StartDoctypeDeclHandler = doctype
    _read(reader, data)
    return builder.close()


def _read(reader: expat.XMLParserType, data: bytes) -> None:
    try:
        for begin in range(0, len(data), _CHUNK_BYTES):
            reader.Parse(data[begin : begin + _CHUNK_BYTES])
        reader.Parse(b"", True)  # noqa: FBT003 # its parameters have no names
    except expat.ExpatError as error:
        where = f"line {error.lineno}, column {error.offset + 1}"
        if error.code == _SPLICED:
            raise MessageError("something follows the end of this XML", where, "send one document at a time") from None
        said = expat.ErrorString(error.code)
        raise MessageError(
            f"this is not XML: {said}", where, "send one whole document, escaped by an XML library"
        ) from None


def _place(reader: expat.XMLParserType) -> str:
    return f"line {reader.CurrentLineNumber}, column {reader.CurrentColumnNumber + 1}"


def _utf8(content: bytes | str, limits: Limits) -> bytes:
    """The same as bytes in UTF-8; of a text, the encoding that it names is the one that it had before."""
    if len(content) <= limits.xml_bytes_max:
        data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        if len(data) <= limits.xml_bytes_max:
            _check_encoding(data, is_text=isinstance(content, str))
            return data
    what = f"this XML has more than {limits.xml_bytes_max} bytes"
    raise MessageError(
        what, "the whole document", "raise xml_bytes_max under [bounds] of lifecycle.toml, if it is to be read"
    )


def _check_encoding(data: bytes, *, is_text: bool) -> None:
    wrong = None
    try:
        data.decode()
    except UnicodeDecodeError as error:
        wrong = error.start
    if wrong is not None:  # outside of `except`: the caught error holds the whole document
        raise MessageError("this XML is not UTF-8", f"byte {wrong}", "send it in UTF-8")
    declared = None if is_text else _DECLARED.match(data.removeprefix(b"\xef\xbb\xbf"))
    if declared is not None and declared[1].lower() not in (b"utf-8", b"us-ascii"):
        what = f"this XML names another encoding: {quote(declared[1].decode())}"
        raise MessageError(what, "the XML declaration", "send it in UTF-8")
