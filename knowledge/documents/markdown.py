"""HTML of any making as our Markdown: headings, lists, tables, links, emphasis, footnotes and pictures; the rest is dropped.

The tags `noted` and `note` (with a `number`) are a footnote's place and its text.
"""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from bs4 import BeautifulSoup, NavigableString, Tag
from markdownify import MarkdownConverter

from commons.numbers import parse_number
from knowledge.documents.archives import TOO_MANY, Refused
from knowledge.documents.html_check import checked_html

HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]
SPAN_MOST = 100  # columns or rows that a cell spans
TABLE_ROWS_MOST = 5_000
FILLED_MOST = 10_000  # empty cells that stand for cells over several rows
DATA = re.compile(r"data:image/[a-z0-9.+-]+;base64,", re.IGNORECASE)
SPECIAL = re.compile(r"([\\`*_\[\]<]|~(?=~)|&(?=#?\w{1,31};))")
# What a line may not begin with, when it was no heading, list, quotation or rule
BEGINS = re.compile(r"^( {0,3})(?:([#>]|[-+](?=\s|$)|[-=]{2,}\s*$)|(\d{1,9})([.)](?=\s|$)))", re.MULTILINE)
Picture = Callable[[bytes], str]


def markdown_of(html: str | bytes, keep: Picture) -> tuple[str, str]:
    """A document's title ("" for none) and its Markdown. `keep` takes a picture that lies in the HTML, and gives its address."""
    named, checked = checked_html(html)
    soup = BeautifulSoup(checked, "html.parser")
    _fill_tables(soup)
    title = _take_title(soup) or named
    return title, _Markdown(keep).convert_soup(soup).strip()


def _take_title(soup: BeautifulSoup) -> str:
    """The words of the first heading, which is taken out where nothing stands before it."""
    heading = next((one for one in soup.find_all(HEADINGS) if one.get_text(strip=True)), None)
    if heading is None:
        return ""
    title = heading.get_text(" ", strip=True)
    before = any(type(text) is NavigableString and text.strip() for text in heading.find_all_previous(string=True))
    if not before and not heading.find_previous("img"):
        heading.decompose()
    return title


def _fill_tables(soup: BeautifulSoup) -> None:
    """Markdown has no cells over several rows: those below get empty ones, so that each value stays in its column. Raises Refused."""
    for table in soup.find_all("table"):
        if table.find_parent("table"):
            table.name = "span"  # a table in a table is words
            for inner in table.find_all(["thead", "tbody", "tfoot", "tr", "th", "td", "caption"]):
                inner.name = "span"
    left = FILLED_MOST
    for table in soup.find_all("table"):
        rows = table.find_all("tr")[:TABLE_ROWS_MOST]
        for place, row in enumerate(rows):
            for column, cell in enumerate(row.find_all(["td", "th"])):
                below = rows[place + 1 : place + _span(cell, "rowspan")]
                left -= len(below)
                if left < 0:
                    raise Refused(TOO_MANY)
                _fill_below(soup, cell, column, below)
                if _span(cell, "colspan") > 1:
                    cell["colspan"] = str(_span(cell, "colspan"))


def _fill_below(soup: BeautifulSoup, cell: Tag, column: int, rows: Sequence[Tag]) -> None:
    """Put an empty cell into each of these rows, in the column of one that reaches down to them."""
    for row in rows:
        cells = row.find_all(["td", "th"])
        empty = soup.new_tag(cell.name)
        if column < len(cells):
            cells[column].insert_before(empty)
        else:
            row.append(empty)
    del cell["rowspan"]


def _span(cell: Tag, name: str) -> int:
    spans = parse_number(str(cell.get(name, "1")), most=99_999)
    return 1 if spans is None else min(spans, SPAN_MOST)


class _Markdown(MarkdownConverter):  # type: ignore[misc]
    """Markdown as we write it. What the text holds of Markdown's own characters stays what it is."""

    class Options:
        heading_style = "atx"
        bullets = "-"
        newline_style = "backslash"
        table_infer_header = True
        strip_pre = None
        keep_inline_images_in = ["td", "th", "p", "span", "a", "div", "figure"]

    def __init__(self, keep: Picture) -> None:
        super().__init__()
        self.keep = keep
        self.numbers: dict[int, int] = {}  # of items of numbered lists, by their identities

    def escape(self, text: str, parent_tags: set[str]) -> str:
        text = SPECIAL.sub(r"\\\1", text)
        return text.replace("|", r"\|") if {"td", "th"} & parent_tags else text

    def convert_p(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return str(super().convert_p(el, BEGINS.sub(_escaped, text), parent_tags))  # type: ignore[misc]

    def convert_b(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return text if parent_tags & set(HEADINGS) else str(super().convert_b(el, text, parent_tags))  # type: ignore[misc]

    convert_strong = convert_b

    def convert_li(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """An item of a list; those of a numbered one are counted once, where the library counts for each all before it."""
        if el.parent is None or el.parent.name != "ol":
            return str(super().convert_li(el, text, parent_tags))  # type: ignore[misc]
        if id(el) not in self.numbers:
            start = parse_number(str(el.parent.get("start") or "1"))
            items = el.parent.find_all("li", recursive=False)
            self.numbers |= {id(item): number for number, item in enumerate(items, 1 if start is None else start)}
        text = (text or "").strip()
        if not text:
            return "\n"
        mark = f"{self.numbers[id(el)]}. "
        indented = "\n".join(" " * len(mark) + line if line else "" for line in text.split("\n"))
        return f"{mark}{indented[len(mark) :]}\n"

    def convert_pre(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """What stands as it was written, without the empty lines around it; the library looks for their end at each blank anew."""
        text = text.rstrip(" \n")
        begins = len(text) - len(text.lstrip(" \n"))
        return str(super().convert_pre(el, text[text.rfind("\n", 0, begins) + 1 :], parent_tags))  # type: ignore[misc]

    def convert_a(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        address = _address(el.get("href"))
        if not address:
            return text
        el["href"] = address
        del el["title"]
        return str(super().convert_a(el, text, parent_tags))  # type: ignore[misc]

    def convert_img(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        alt = SPECIAL.sub(r"\\\1", " ".join(str(el.get("alt", "")).split()))
        source = str(el.get("src", ""))
        if DATA.match(source):
            source = picture_in(source, self.keep)
        elif not source.startswith("picture:"):
            source = _address(source)
        if not source or parent_tags & set(HEADINGS):
            return alt
        return f"![{alt}]({source})"

    def convert_noted(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return f"[^{el.get('number')}]"

    def convert_note(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        inside = text.strip().replace("\n", "\n    ")
        return f"\n\n[^{el.get('number')}]: {inside}\n\n"


def picture_in(address: str, keep: Picture) -> str:
    """Where a picture is kept that an address holds itself (data:); "" for what is none."""
    try:
        return keep(base64.b64decode(address.partition(",")[2]))
    except (binascii.Error, ValueError):
        return ""


def _escaped(begin: re.Match[str]) -> str:
    indent, mark, number, dot = begin.groups()
    return rf"{indent}\{mark}" if mark else rf"{indent}{number}\{dot}"


def _address(given: Any) -> str:
    """Where a link leads, as Markdown can hold it; "" for a place within the document, and for what no browser should follow."""
    address = str(given or "").strip()
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https", "mailto") or len(address) > 2_000:
        return ""
    return re.sub(r"[\s()<>\\]", lambda odd: f"%{ord(odd[0]):02X}", address)
