"""OpenDocument text (LibreOffice, Google Docs) as simple HTML: headings, paragraphs, lists, tables, links, emphasis, footnotes,
pictures. The rest is dropped.
"""

import zipfile
from collections.abc import Callable, Iterator
from html import escape
from xml.etree import ElementTree as ET

from commons.numbers import parse_number
from knowledge.documents.archives import DAMAGED, TOO_MANY, Refused, read, tree_of

_SPACES = {
    "urn:oasis:names:tc:opendocument:xmlns:office:1.0": "office",
    "urn:oasis:names:tc:opendocument:xmlns:style:1.0": "style",
    "urn:oasis:names:tc:opendocument:xmlns:text:1.0": "text",
    "urn:oasis:names:tc:opendocument:xmlns:table:1.0": "table",
    "urn:oasis:names:tc:opendocument:xmlns:drawing:1.0": "draw",
    "urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0": "fo",
    "urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0": "svg",
    "http://www.w3.org/1999/xlink": "xlink",
}
REPEATED_MOST = 50  # columns or rows that an empty one stands for: sheets are filled up with thousands
REPEATED_LENGTH = 5_000_000  # characters of HTML that one repeated cell or row may come to
DROPPED = {
    *("text:tracked-changes", "office:annotation", "office:annotation-end", "text:table-of-content", "office:forms"),
    *("text:sequence-decls", "text:alphabetical-index", "text:bibliography", "draw:object", "draw:object-ole"),
}
_MARKS = {"text:s": " ", "text:tab": " ", "text:line-break": "<br>"}
Picture = Callable[[bytes], str]  # keeps a picture; gives the address at which it stands in the HTML


def html_of(archive: zipfile.ZipFile, keep: Picture) -> str:
    """The document's text as HTML. Raises Refused when it is none."""
    content = tree_of(read(archive, "content.xml"))
    styles = [content]
    if "styles.xml" in archive.namelist():
        styles.append(tree_of(read(archive, "styles.xml")))
    body = next((one for one in content.iter() if _name(one.tag) == "office:text"), None)
    if body is None:
        raise Refused(DAMAGED)
    return _Writer(archive, keep, styles).document(body)


def _name(tag: str) -> str:
    """A tag or attribute as people write it: text:p."""
    space, _, local = tag.removeprefix("{").rpartition("}")
    return f"{_SPACES.get(space, '?')}:{local}"


def _attributes(element: ET.Element) -> dict[str, str]:
    return {_name(name): value for name, value in element.attrib.items()}


class _Writer:
    """Writes one document."""

    def __init__(self, archive: zipfile.ZipFile, keep: Picture, styles: list[ET.Element]) -> None:
        self.archive, self.keep = archive, keep
        self.marks: dict[str, list[str]] = {}  # a style's name -> the tags of what is written in it
        self.parents: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.numbered: set[str] = set()  # styles of lists whose first level counts
        self.notes: list[str] = []
        for style in (one for root in styles for one in root.iter()):
            if _name(style.tag) == "style:style":
                self._know(style)
            elif _name(style.tag) == "text:list-style" and any(
                _name(level.tag) == "text:list-level-style-number" for level in list(style)[:1]
            ):
                self.numbered.add(_attributes(style).get("style:name", ""))

    def _know(self, style: ET.Element) -> None:
        about = _attributes(style)
        name = about.get("style:name", "")
        self.parents[name] = about.get("style:parent-style-name", "")
        self.names[name] = about.get("style:display-name", name)
        marks = []
        for child in style:
            looks = _attributes(child)
            if _name(child.tag) == "style:text-properties":
                marks += ["strong"] if looks.get("fo:font-weight") in ("bold", "700", "800", "900") else []
                marks += ["em"] if looks.get("fo:font-style") in ("italic", "oblique") else []
                marks += ["s"] if looks.get("style:text-line-through-style", "none") != "none" else []
        self.marks[name] = marks

    def document(self, body: ET.Element) -> str:
        text = "".join(self._blocks(body))
        notes = "".join(f'<note number="{number}">{note}</note>' for number, note in enumerate(self.notes, 1))
        return text + notes

    def _blocks(self, parent: ET.Element) -> Iterator[str]:
        for element in parent:
            kind, about = _name(element.tag), _attributes(element)
            if kind == "text:h":
                level = parse_number(about.get("text:outline-level", "1"), most=99)
                yield self._heading(element, 1 if level is None else level)
            elif kind == "text:p":
                yield self._paragraph(element, about.get("text:style-name", ""))
            elif kind == "text:list":
                yield self._list(element, about.get("text:style-name", ""))
            elif kind == "table:table":
                yield f"<table>{''.join(self._rows(element))}</table>"
            elif kind not in DROPPED:
                yield from self._blocks(element)

    def _heading(self, element: ET.Element, level: int) -> str:
        level = min(max(level, 1), 6)
        return f"<h{level}>{self._inline(element)}</h{level}>"

    def _paragraph(self, element: ET.Element, style: str) -> str:
        known = {self.names.get(name, name) for name in (style, self.parents.get(style, ""))}
        if "Title" in known:
            return self._heading(element, 1)
        if "Subtitle" in known:
            return self._heading(element, 2)
        inside = self._inline(element)
        if known & {"Quotations", "Quote"}:
            return f"<blockquote><p>{inside}</p></blockquote>"
        if known & {"Preformatted_20_Text", "Preformatted Text"}:
            return f"<pre>{inside}</pre>"
        return f"<p>{inside}</p>"

    def _list(self, element: ET.Element, style: str) -> str:
        tag = "ol" if style in self.numbered else "ul"
        items = []
        for item in element:
            if _name(item.tag) in ("text:list-item", "text:list-header"):
                for inner in item:  # a list within another has its style from around it
                    if _name(inner.tag) == "text:list":
                        inner.attrib.setdefault(_STYLE, style)
                items.append(f"<li>{''.join(self._blocks(item))}</li>")
        return f"<{tag}>{''.join(items)}</{tag}>"

    def _rows(self, table: ET.Element) -> Iterator[str]:
        for element in table:
            kind = _name(element.tag)
            if kind == "table:table-row":
                cells = "".join(self._cells(element))
                yield _repeated(f"<tr>{cells}</tr>", _times(element, "table:number-rows-repeated"))
            elif kind in ("table:table-header-rows", "table:table-rows", "table:table-row-group"):
                yield from self._rows(element)

    def _cells(self, row: ET.Element) -> Iterator[str]:
        for cell in row:
            kind = _name(cell.tag)
            if kind == "table:table-cell":
                inside = "".join(self._blocks(cell))
                yield _repeated(f"<td>{inside}</td>", _times(cell, "table:number-columns-repeated"))
            elif kind == "table:covered-table-cell":
                yield _repeated("<td></td>", _times(cell, "table:number-columns-repeated"))

    def _inline(self, element: ET.Element) -> str:
        pieces = [escape(element.text or "")]
        for child in element:
            pieces += [self._piece(child), escape(child.tail or "")]
        return "".join(pieces)

    def _piece(self, element: ET.Element) -> str:
        kind, about = _name(element.tag), _attributes(element)
        if kind == "text:span":
            inside = self._inline(element)
            style = about.get("text:style-name", "")
            for tag in self.marks.get(style) or self.marks.get(self.parents.get(style, ""), []):
                inside = f"<{tag}>{inside}</{tag}>"
            return inside
        if kind == "text:a":
            return f'<a href="{escape(about.get("xlink:href", ""))}">{self._inline(element)}</a>'
        if kind in ("text:note", "draw:frame"):
            return self._note(element) if kind == "text:note" else self._frame(element)
        if kind in _MARKS:
            return _MARKS[kind]
        return "" if kind in DROPPED else self._inline(element)

    def _note(self, element: ET.Element) -> str:
        body = next((one for one in element if _name(one.tag) == "text:note-body"), None)
        if body is None:
            return ""
        self.notes.append("".join(self._blocks(body)))
        return f'<noted number="{len(self.notes)}"></noted>'

    def _frame(self, frame: ET.Element) -> str:
        words = {_name(one.tag): one.text or "" for one in frame if _name(one.tag) in ("svg:title", "svg:desc")}
        for one in frame:
            if _name(one.tag) == "draw:image":
                path = _attributes(one).get("xlink:href", "").removeprefix("./")
                if path not in self.archive.namelist():
                    return ""
                alt = words.get("svg:desc") or words.get("svg:title", "")
                return f'<img src="{escape(self.keep(read(self.archive, path)))}" alt="{escape(alt)}">'
            if _name(one.tag) == "draw:text-box":
                return "".join(self._blocks(one))
        return ""


_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}style-name"


def _repeated(html: str, times: int) -> str:
    """What stands there so many times. Raises Refused for what would be longer than any document."""
    if len(html) * times > REPEATED_LENGTH:
        raise Refused(TOO_MANY)
    return html * times


def _times(element: ET.Element, name: str) -> int:
    """How often a cell or row stands there; an empty one that fills a sheet up, once."""
    times = parse_number(_attributes(element).get(name, "1"), most=99_999_999) or 1
    return times if times <= REPEATED_MOST else 1
