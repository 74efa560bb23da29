"""HTML, looked at before a library makes a tree of it: counted, and written anew so that the tree is no deeper than the page.

The libraries take time for each element, and much more where elements stand within one another, as they do in their eyes when a
page leaves out what HTML lets it leave out (`<tr><td>` 40,000 times). This reads a page once from start to end, ends what HTML
ends by itself, keeps the attributes that mean something here, and refuses what no document holds. Imported by a program that runs
apart (`converting.py`): nothing of Django.
"""

import re
from html import escape, unescape
from html.parser import HTMLParser

from bs4.builder import HTMLTreeBuilder
from bs4.dammit import UnicodeDammit

from commons.numbers import parse_number
from knowledge.documents.archives import DEEPEST, TOO_DEEP, TOO_MANY, Refused

ELEMENTS_MOST = 40_000  # a long report as Word writes it for the web has ten thousand
CELLS_MOST = 10_000
# Dropped with all that is in them
DROPPED = frozenset((
    *("head", "title", "script", "style", "template", "noscript", "svg", "math", "iframe", "object", "embed", "video"),
    *("audio", "canvas", "button", "input", "select", "textarea", "nav"),
))  # fmt: skip
KEPT = frozenset(("href", "src", "alt", "title", "rowspan", "colspan", "start", "number", "id"))  # attributes
NUMBERS = frozenset(("rowspan", "colspan", "start", "number"))
VOID = frozenset(HTMLTreeBuilder.DEFAULT_EMPTY_ELEMENT_TAGS or ())
_CELLS = ("td", "th")
_ROWS = ("tr", *_CELLS)
_GROUPS = ("thead", "tbody", "tfoot", "caption", "colgroup", *_ROWS)
# What a tag ends by itself, and within what it looks for that (HTML, 13.1.2.4, "Optional tags")
_ENDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "li": (("li", "p"), ("ul", "ol", "menu")),
    "dt": (("dt", "dd", "p"), ("dl",)),
    "dd": (("dt", "dd", "p"), ("dl",)),
    "td": (_CELLS, ("tr", "table")),
    "th": (_CELLS, ("tr", "table")),
    "tr": (_ROWS, ("table",)),
    "body": (("head",), ()),
    **dict.fromkeys(("thead", "tbody", "tfoot"), (_GROUPS, ("table",))),
}
_ENDS_P = frozenset((
    *("address", "article", "aside", "blockquote", "center", "details", "div", "dl", "fieldset", "figcaption", "figure"),
    *("footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "main", "ol", "p", "pre", "section", "table", "ul"),
))  # fmt: skip
_WALLS = ("td", "th", "caption", "table")  # an end tag within one of them ends nothing outside of it
# Outside of <pre> a run of white space is one: the libraries look at a long one anew from each of its characters
_BLANKS = re.compile(r"[ \t\r\n\f]+")
_BOLD = re.compile(r"font-weight:(\w+)")


def checked_html(html: str | bytes) -> tuple[str, str]:
    """Return the title that a page gives itself ("" for none) and the page, written anew. Raises Refused."""
    text = html if isinstance(html, str) else UnicodeDammit(html, is_html=True).unicode_markup or ""
    # What begins as a tag and never ends is words: the parser would look for its end anew at each
    text, rest = text[: text.rfind(">") + 1], text[text.rfind(">") + 1 :]
    comments_end = text.rfind("-->") + 3
    open_comment = text.find("<!--", comments_end if comments_end > 2 else 0)
    if open_comment >= 0:
        text, rest = text[:open_comment], ""
    writer = _Writer()
    writer.feed(text)
    writer.close()
    writer.handle_data(unescape(rest))
    return " ".join("".join(writer.title).split()), writer.html()


class _Writer(HTMLParser):
    """Writes a page anew while it is read."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.written: list[str] = []
        self.title: list[str] = []
        self.open: list[tuple[str, str]] = []  # what is open: its name, and what ends it
        self.silent_at = 0  # how many were open when what is dropped began; 0 where nothing is dropped
        self.elements = self.cells = self.head_rows = 0
        self.ends_blank = False  # whether what was written last is words that end in white space

    def html(self) -> str:
        while self.open:
            self._end_last()
        return "".join(self.written)

    def parse_html_declaration(self, i: int) -> int:
        """What begins with <![ is a comment up to the next >, as browsers have it; the parser would look for each one's own end."""
        if self.rawdata.startswith("<![", i):
            return self.parse_bogus_comment(i)
        return super().parse_html_declaration(i)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements += 1
        self.cells += tag in _CELLS
        if self.elements > ELEMENTS_MOST or self.cells > CELLS_MOST:
            raise Refused(TOO_MANY)
        if tag in _ENDS:
            self._end_within(*_ENDS[tag])
        if tag in _ENDS_P:
            self._end_within(("p",), _WALLS)
        if tag == "thead":
            self.head_rows = 0
        if tag in VOID:
            if tag not in DROPPED:
                self._write(f"<{tag}{_attributes(attributes)}>")
            return
        if tag == "tr" and self.open and self.open[-1][0] == "thead":
            self._begin_row_of_head()
        if len(self.open) >= DEEPEST:
            raise Refused(TOO_DEEP)
        starts, ends = _tags(tag, attributes)
        is_dropped = tag in DROPPED
        if not is_dropped:
            self._write(starts)
        self.open.append((tag, ends))
        if is_dropped and not self.silent_at:
            self.silent_at = len(self.open)

    def handle_endtag(self, tag: str) -> None:
        walls = () if tag in _GROUPS or tag == "table" else _WALLS
        self._end_within((tag,), ("table",) if tag in _GROUPS else walls)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1][0] == "title" and all(name != "svg" for name, _ in self.open):
            self.title.append(data[:1_000])
        if self.silent_at:
            return
        if all(name != "pre" for name, _ in self.open):
            data = _BLANKS.sub(_one_blank, data)
            if self.ends_blank:
                data = data.lstrip(" \n")
        if data:
            self._write(escape(data, quote=False))
            self.ends_blank = data[-1] in " \n"

    def _begin_row_of_head(self) -> None:
        """A head has one row in Markdown: its second begins the body."""
        self.head_rows += 1
        if self.head_rows > 1:
            self._end_last()
            self._write("<tbody>")
            self.open.append(("tbody", "</tbody>"))

    def _end_within(self, names: tuple[str, ...], walls: tuple[str, ...]) -> None:
        """End the outermost of what has one of these names, and all within it, as far as no wall stands before it."""
        found = 0
        for place in range(len(self.open), 0, -1):
            name = self.open[place - 1][0]
            if name in names:
                found = place
                if len(names) == 1:
                    break
            elif name in walls:
                break
        while found and len(self.open) >= found:
            self._end_last()

    def _end_last(self) -> None:
        _, ends = self.open.pop()
        if self.silent_at > len(self.open):
            self.silent_at = 0
        else:
            self._write(ends)

    def _write(self, text: str) -> None:
        if not self.silent_at:
            self.written.append(text)
            self.ends_blank = False


def _one_blank(run: re.Match[str]) -> str:
    return "\n" if "\n" in run[0] or "\r" in run[0] else " "


def _tags(tag: str, attributes: list[tuple[str, str | None]]) -> tuple[str, str]:
    """What begins and ends an element. Emphasis as word processors write it for the web, a weight and a slant in the style of a span
    or of a tag that says other, becomes tags.
    """
    style = next((value or "" for name, value in attributes if name == "style"), "")[:10_000].replace(" ", "").lower()
    weight = _BOLD.search(style)
    names = [tag]
    if tag == "b" and weight and weight[1] in ("normal", "400"):
        names = ["span"]
    elif tag == "span":
        names = ["strong"] if weight and weight[1] in ("bold", "600", "700", "800", "900") else []
        names += ["em"] if "font-style:italic" in style else []
        names = names or ["span"]
    starts = f"<{names[0]}{_attributes(attributes)}>" + "".join(f"<{name}>" for name in names[1:])
    return starts, "".join(f"</{name}>" for name in reversed(names))


def _attributes(attributes: list[tuple[str, str | None]]) -> str:
    kept: dict[str, str] = {}
    for name, value in attributes:
        is_number = parse_number(value, most=999_999) is not None
        if name in KEPT and name not in kept and (is_number or name not in NUMBERS):
            kept[name] = value or ""
    return "".join(f' {name}="{escape(value)}"' for name, value in kept.items())
