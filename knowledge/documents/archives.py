"""Documents that are zips of XML: looked at before anything of them is taken apart.

An archive of some kilobytes can unpack to terabytes, and XML can name other files, or multiply itself. Neither is ever so in a
document that people write, so both are refused. Imported by a program that runs apart (`converting.py`): nothing of Django.
"""

import zipfile
from xml.etree import ElementTree as ET
from xml.parsers import expat

SECONDS = 15  # of processor time, to read a document; a report of forty pages takes three
PARTS_MOST = 3_000
UNPACKED_MOST = 150 * 1024 * 1024  # bytes of all parts
XML_MOST = 20 * 1024 * 1024  # bytes of one part in XML
DEEPEST = 150  # elements within one another; Word's tables in tables take some twenty
ELEMENTS_MOST = 150_000  # of one part in XML: forty pages of Word have some seventy thousand
BLOCKS_MOST = 10_000  # paragraphs and cells of one part; a post has room for twenty characters in each
BLOCKS = frozenset((
    *("http://schemas.openxmlformats.org/wordprocessingml/2006/main " + name for name in ("p", "tc")),
    *("http://purl.oclc.org/ooxml/wordprocessingml/main " + name for name in ("p", "tc")),
    *("urn:oasis:names:tc:opendocument:xmlns:text:1.0 " + name for name in ("p", "h", "list-item")),
    *("urn:oasis:names:tc:opendocument:xmlns:table:1.0 " + name for name in ("table-cell", "covered-table-cell")),
))  # fmt: skip
XML_ENDINGS = (".xml", ".rels")


class Refused(Exception):
    """The document is not opened; the message says why, in words for whoever sent it."""


DAMAGED = "This document is damaged, or is not what its name says. Open it, save it anew, and send that."
TOO_LARGE = "This document unpacks to more than a document holds. Save it anew, or open a part of it."
TOO_DEEP = "Things in this document stand too deep within one another. Copy its text into a new one, and open that."
TOO_MANY = "This document has more paragraphs, cells and lines than a post holds. Open it in parts."
DECLARES = "This document declares entities of its own, which none that people write does. Save it anew, and send that."


def opened(path: str) -> zipfile.ZipFile:
    """The archive, once it is found to be of a document's size and its XML harmless. Raises Refused."""
    try:
        archive = zipfile.ZipFile(path)
        parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise Refused(DAMAGED) from None
    if len(parts) > PARTS_MOST or sum(part.file_size for part in parts) > UNPACKED_MOST:
        raise Refused(TOO_LARGE)
    for part in parts:
        if part.filename.lower().endswith(XML_ENDINGS):
            if part.file_size > XML_MOST:
                raise Refused(TOO_LARGE)
            _look_at(read(archive, part.filename))
    return archive


def read(archive: zipfile.ZipFile, name: str) -> bytes:
    """A part of the archive, never longer than it says it is. Raises Refused where it is not there, or damaged."""
    try:
        with archive.open(name) as part:
            return part.read()
    except (KeyError, zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, EOFError):
        raise Refused(DAMAGED) from None


def tree_of(xml: bytes) -> ET.Element:
    """XML that was looked at, as a tree."""
    return ET.fromstring(xml)  # noqa: S314 - `_look_at` found that it declares nothing


def _look_at(xml: bytes) -> None:
    parser = expat.ParserCreate(namespace_separator=" ")
    depth = elements = blocks = 0

    def begin(name: str, _: object) -> None:
        nonlocal depth, elements, blocks
        depth, elements, blocks = depth + 1, elements + 1, blocks + (name in BLOCKS)
        if depth > DEEPEST:
            raise Refused(TOO_DEEP)
        if elements > ELEMENTS_MOST or blocks > BLOCKS_MOST:
            raise Refused(TOO_MANY)

    def end(*_: object) -> None:
        nonlocal depth
        depth -= 1

    def declare(*_: object) -> None:
        raise Refused(DECLARES)

    parser.StartElementHandler, parser.EndElementHandler, parser.StartDoctypeDeclHandler = begin, end, declare
    try:
        parser.Parse(xml, True)
    except expat.ExpatError:
        raise Refused(DAMAGED) from None
