"""Markdown, made into HTML that is safe to show: the one function through which everything people write passes.

CommonMark with raw HTML off, with tables, footnotes, task lists, strikethrough and bare addresses as links, and `@handle`.
Pictures that members added here are shown, those of other sites are linked to. It looks nothing up: a mention is a link to an
address, whoever lives there, and no title is ever fetched. What comes out passes an allow-list of ours besides, so that a fault
in the parser is not a hole in the page.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from html import escape
from importlib import import_module
from math import inf
from typing import Any
from urllib.parse import urlsplit

import nh3
from django.conf import settings
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock, table
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.gfm_autolink import gfm_autolink_plugin

from commons import gate

# What one document may ask. A step is a place in the text that is looked at, some six thousandths of a millisecond; what
# takes longer than others counts for more. A crowded text of 200,000 characters takes some 105,000. They are counted, and not
# timed, so that a document becomes the same on a busy machine.
STEPS = 120_000
SECONDS = 5.0  # the last resort, of processor time: what came out then is shown, and never kept
FOOTNOTE_LABEL = 200  # characters; what is longer is no footnote's mark
LONGEST_ADDRESS = 2_000  # characters; what is longer is not made a link
EXTERNAL = "nofollow ugc noopener"
SCHEMES = frozenset({"http", "https", "mailto"})
PICTURE_WIDTHS = (640, 1280)  # pixels across, in which a picture is kept besides its own
PICTURE_SIZES = "(min-width: 42rem) 38rem, 100vw"  # how wide it stands in a text
DEEPEST = 20  # lists and quotations within one another; deeper ones are shown as text

_MENTION = re.compile(rf"@({gate.HANDLE})(?<![-_])(?![\w@])", re.IGNORECASE)
_POST = re.compile(r"/posts/([1-9][0-9]{0,17})/")
# A picture's address tells its size, so that nothing has to be looked up to keep its place on the page
_PICTURE = re.compile(r"/attachments/([1-9][0-9]{0,17})/([a-z0-9_-]{1,80}-([1-9][0-9]{0,4})x([1-9][0-9]{0,4})\.webp)")
_ENDLESS = re.compile(rf"\S{{{LONGEST_ADDRESS}}}")
_ENDLESS_MARK = re.compile(rf"\[\^[^ \n\]]{{{FOOTNOTE_LABEL}}}")
_CODE = re.compile(r"(<pre.*?</pre>)", re.DOTALL)
_SCHEME = re.compile(r"\s*([a-z][a-z0-9+.\-]*):", re.IGNORECASE)
_AROUND = "".join(map(chr, range(0x21)))  # what browsers drop before and after an address
_DROPPED = re.compile(r"[\t\n\r]")  # and within it

_CLEANER = nh3.Cleaner(
    tags={
        *(
            "p",
            "br",
            "hr",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "blockquote",
            "ul",
            "ol",
            "li",
            "pre",
            "code",
            "em",
            "strong",
            "s",
        ),
        *("figure", "figcaption", "img", "a", "sup", "section", "div", "table", "thead", "tbody", "tr", "th", "td"),
    },
    clean_content_tags={"script", "style"},
    attributes={
        "a": {"href", "title", "rel", "class", "id", "aria-label"},
        "img": {"src", "srcset", "sizes", "width", "height", "alt", "title", "loading"},
        "ol": {"start", "class"},
        "ul": {"class"},
        "li": {"class", "id"},
        "th": {"class", "scope"},
        "td": {"class"},
        "div": {"class", "tabindex", "role", "aria-label"},
        "pre": {"tabindex"},
        "section": {"class"},
        "sup": {"class"},
    },
    url_schemes=set(SCHEMES),
    link_rel=None,
    strip_comments=True,
)


@dataclass(frozen=True)
class Rendered:
    """What a document became."""

    html: str
    words: str = ""  # the same as plain text, one line a block
    handles: tuple[str, ...] = ()  # whom it mentions, each once, in order
    post_numbers: tuple[int, ...] = ()  # the posts of this site that it links to, each once, in order
    is_whole: bool = (
        True  # it did not run out of time: else another time something else may come out, and this is not to be kept
    )


@dataclass
class _Found:
    """What is met on the way through a document."""

    top: int
    scheme: str
    host: str
    until: float
    steps: int = STEPS
    handles: dict[str, None] = field(default_factory=dict)
    posts: dict[int, None] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)


class _TooMuch(Exception):
    """The document asks for more than anyone may ask."""


class _TooSlow(Exception):
    """The document takes longer than anyone may take."""


class _Cut(threading.local):
    number = 0


_cut = _Cut()


def cut_short() -> int:
    """Return how many documents ran out of time in this thread so far: what was made of one while it grew is not to be kept."""
    return _cut.number


def render(text: str, *, top: int = 2, prefix: str = "", at_leisure: bool = False) -> Rendered:
    """A document in Markdown as HTML.

    `top` is the level of its highest heading (2 to 6; the others follow, no level left out), `prefix` keeps the ids of its
    footnotes apart from those of another document on the page. A link that leads away from this site (SITE_URL) says so to
    search engines. A document that asks for more than STEPS is given as plain paragraphs; so is one that takes longer than
    SECONDS, but that one says so (`is_whole`). `at_leisure` it may take as long as its steps do, for what is kept of it.
    """
    site = urlsplit(settings.SITE_URL)
    found = _Found(
        top=top, scheme=site.scheme, host=site.netloc, until=inf if at_leisure else time.thread_time() + SECONDS
    )
    env: dict[str, Any] = {"found": found, "docId": prefix.rstrip("-")}
    try:
        html = _PARSER.render(text, env)
    except (_TooMuch, RecursionError):
        return _plain(text)
    except _TooSlow:
        _cut.number += 1
        return replace(_plain(text), is_whole=False)
    words = "\n".join(words for words in found.words if words)
    return Rendered(_CLEANER.clean(html), words, tuple(found.handles), tuple(found.posts))


def reads_alike(one: str, other: str) -> bool:
    """Whether two documents become the same page, apart from where their lines end."""
    return _unwrapped(render(one).html) == _unwrapped(render(other).html)


def _unwrapped(html: str) -> str:
    """HTML with one space for each run of spaces and line ends; within code, only the last end, which nobody sees, goes."""
    parts = _CODE.split(html)
    return "".join(
        part.replace("\n</code>", "</code>") if part.startswith("<pre") else " ".join(part.split()) for part in parts
    )


def describe(words: str, length: int = 160) -> str:
    """The beginning of a text in one line, cut between words, for descriptions and summaries."""
    line = " ".join(words[: length * 4].split())
    if len(line) <= length:
        return line
    start = line[:length]
    return (start.rpartition(" ")[0] or start).rstrip(" ,.;:–—-") + "…"


def _plain(text: str) -> Rendered:
    paragraphs = [part for part in re.split(r"\n\s*\n", text) if part.strip()]
    html = "".join(f"<p>{escape(part).replace(chr(10), '<br>')}</p>\n" for part in paragraphs)
    return Rendered(html, text)


# Rules of the parser's own kind


# A character at which the parser looks further than at others, or makes more of it, and how many steps that counts for
_FURTHER = {"[": 5, "@": 5, ":": 8, "<": 8, "!": 4, "*": 2, "_": 2, "~": 2, "w": 1, "&": 1}
_WEB, _WEB_STEPS = "www.", 10
_CELL_STEPS = 2  # for each bar of a table: all its cells are made at once
_BLOCK_STEPS = 5  # for what begins a block, which becomes three tokens
_END_STEPS = 2  # for a line at which one may end, and the next item of a list begin
_NOTE_STEPS = 4  # for what each footnote becomes besides its text
# At these it looks through all that it read of a paragraph before: so many characters of it are a step
_LOOKS_BACK = {":": 200, "@": 2_000}


def _count_inline(state: StateInline, *_rest: Any) -> bool:
    """A rule that matches nothing, and is asked at each place of a paragraph: ends what asks for too much."""
    character = state.src[state.pos]
    steps = 1 + _FURTHER.get(character, 0)
    if character == "w" and state.src.startswith(_WEB, state.pos):
        steps += _WEB_STEPS
    if character in _LOOKS_BACK:
        steps += state.posMax // _LOOKS_BACK[character]
    _count(state.env, steps)
    return False


def _count_block(state: StateBlock, line: int, _last: int, silent: bool) -> bool:
    """A rule that matches nothing, and is asked where a block begins, and `silent` where one may end: ends what asks for too much."""
    steps = _END_STEPS if silent else _BLOCK_STEPS
    if state.src.startswith("[^", state.bMarks[line] + state.tShift[line]):
        steps += _NOTE_STEPS
    _count(state.env, steps)
    return False


def _table(state: StateBlock, line: int, last: int, silent: bool) -> bool:
    """The parser's rule for tables, for whose cells is counted before it makes them."""
    if not silent and line + 1 < last:
        start, head_end = state.bMarks[line], state.eMarks[line]
        marks = state.src[state.bMarks[line + 1] : state.eMarks[line + 1]]
        if "-" in marks and not marks.strip(" \t>-:|") and "|" in state.src[start:head_end]:
            end = state.src.find("\n\n", start)
            bars = state.src.count("|", start, end if end >= 0 else len(state.src))
            _count(state.env, _CELL_STEPS * bars)
    return table(state, line, last, silent)


def _count_tokens(state: StateCore) -> None:
    """A rule between the blocks of a document and what stands within them: ends what asks for too much."""
    _count(state.env, len(state.tokens) // 2)


def _count(env: Any, steps: int = 1) -> None:
    found: _Found = env["found"]
    found.steps -= steps
    if found.steps < 0:
        raise _TooMuch
    if time.thread_time() > found.until:
        raise _TooSlow


def _endless_mark(state: StateInline, silent: bool) -> bool:
    """Passes over what begins like the mark of a footnote, whose end would be looked for through the whole paragraph."""
    if not state.src.startswith("[^", state.pos) or not _ENDLESS_MARK.match(state.src, state.pos, state.posMax):
        return False
    if not silent:
        state.pending += "[^"
    state.pos += 2
    return True


def _endless(state: StateInline, silent: bool) -> bool:
    """Passes over what begins like an address and goes on for pages: to find its end takes time that grows with its square."""
    character = state.src[state.pos]
    if character not in "w:" or not _ENDLESS.match(state.src, state.pos, state.posMax):
        return False
    if not silent:
        state.pending += character
    state.pos += 1
    return True


def _mention(state: StateInline, silent: bool) -> bool:
    """`@handle`, where it is not part of an address."""
    start = state.pos
    if (
        state.linkLevel
        or state.src[start] != "@"
        or (start and (state.src[start - 1].isalnum() or state.src[start - 1] in "@./_-+"))
    ):
        return False
    met = _MENTION.match(state.src, start, state.posMax)
    if not met:
        return False
    if not silent:
        handle = met[1].lower()
        state.env["found"].handles[handle] = None
        link = state.push("link_open", "a", 1)
        link.attrs = {"href": f"/members/{handle}/", "class": "mention"}
        state.push("text", "", 0).content = met[0]
        state.push("link_close", "a", -1)
    state.pos = met.end()
    return True


def _is_ours_to_link(url: str) -> bool:
    """Whether a document may link there: a page of this site, or an address of a kind we know."""
    scheme = _SCHEME.match(url)
    return not scheme or scheme[1].lower() in SCHEMES


def _finish(state: StateCore) -> None:
    """Go through the parsed document once: fit its headings, mend its links and tables, collect its words."""
    found: _Found = state.env["found"]
    pairs = zip(state.tokens, state.tokens[1:], strict=False)
    levels = sorted({token.tag for token, inside in pairs if token.type == "heading_open" and inside.content})
    fitted = {tag: f"h{min(6, found.top + place)}" for place, tag in enumerate(levels)}
    tokens: list[Token] = []
    for position, token in enumerate(state.tokens):
        if token.type in ("heading_open", "heading_close"):
            around = state.tokens[position + 1 if token.nesting == 1 else position - 1]
            if not around.content:  # a heading that says nothing
                continue
            token.tag = fitted[token.tag]
        elif token.type in ("th_open", "th_close"):
            _fit_cell(state.tokens, position)
        elif token.type in ("td_open", "td_close"):
            _align(token)
        elif token.type == "inline":
            token.children = list(_fit_inline(token.children or [], found))
            found.words.append(" ".join(_words_of(token.children).split()))
            if _stands_alone(token.children):
                _make_figure(state.tokens, position)
        elif token.type in ("fence", "code_block"):
            found.words.append(token.content.strip())
        tokens.append(token)
    state.tokens = tokens


def _fit_cell(tokens: list[Token], position: int) -> None:
    """A column's heading, said to be one; a plain cell where it is empty (as WCAG technique H63 would have it)."""
    token = tokens[position]
    inside = tokens[position + 1 if token.nesting == 1 else position - 1]
    if not inside.content:
        token.tag = "td"
    elif token.nesting == 1:
        token.attrs["scope"] = "col"
    _align(token)


def _align(token: Token) -> None:
    """How a cell is aligned, as a class: styles in the page are not allowed."""
    style = str(token.attrs.pop("style", ""))
    if style.endswith(("right", "center")):
        token.attrs["class"] = style.rpartition(":")[2]


def _fit_inline(tokens: list[Token], found: _Found) -> Iterator[Token]:
    """Our pictures are shown and others linked to, links say where they lead, and one without words shows its address."""
    depth = 0
    for position, token in enumerate(tokens):
        if token.type == "image":
            if ours := _picture(str(token.attrs.get("src", "")), found):
                token.attrs.update(ours)
                yield token
            else:
                yield from _link_to_image(token, found, inside=depth > 0)
            continue
        if token.type == "link_open":
            depth += 1
            _fit_link(token, found)
            yield token
            if tokens[position + 1].type == "link_close":
                yield _text(str(token.attrs.get("href", "")))
            continue
        if token.type == "link_close":
            depth -= 1
        yield token


def _picture(address: str, found: _Found) -> dict[str, str | int | float]:
    """What an image's tag says of a picture that was added here; nothing for any other address."""
    path = address.removeprefix(f"{found.scheme}://{found.host}")
    met = _PICTURE.fullmatch(path)
    if not met:
        return {}
    key, name, width, height = met[1], met[2], int(met[3]), int(met[4])
    sources = [f"/attachments/{key}/{narrow}/{name} {narrow}w" for narrow in PICTURE_WIDTHS if narrow < width]
    wide = {"srcset": ", ".join([*sources, f"{path} {width}w"]), "sizes": PICTURE_SIZES} if sources else {}
    return {"src": path, **wide, "width": str(width), "height": str(height), "loading": "lazy"}


def _stands_alone(children: list[Token]) -> bool:
    """Whether a paragraph is one picture of ours with a caption (its title in Markdown)."""
    return len(children) == 1 and children[0].type == "image" and bool(children[0].attrs.get("title"))


def _make_figure(tokens: list[Token], position: int) -> None:
    """Draw a paragraph that is a picture and its caption as a figure."""
    around = tokens[position - 1], tokens[position + 1]
    if around[0].type != "paragraph_open":
        return
    picture = tokens[position].children[0]  # type: ignore[index]
    for token in around:
        token.tag, token.hidden = "figure", False
    caption = Token("figcaption_open", "figcaption", 1), _text(str(picture.attrs.pop("title")))
    tokens[position].children = [picture, *caption, Token("figcaption_close", "figcaption", -1)]


def _link_to_image(token: Token, found: _Found, *, inside: bool) -> Iterator[Token]:
    words = _words_of(token.children or []).strip()
    address = str(token.attrs.get("src", ""))
    if inside or not address:
        yield _text(words or address)
        return
    opening = Token("link_open", "a", 1, attrs={"href": address})
    _fit_link(opening, found)
    yield opening
    yield _text(words or address)
    yield Token("link_close", "a", -1)


def _fit_link(token: Token, found: _Found) -> None:
    address = str(token.attrs.get("href", ""))
    if leads_away(address, found.host):
        token.attrs["rel"] = EXTERNAL
    elif met := _POST.match(urlsplit(address).path):
        found.posts[int(met[1])] = None


def leads_away(address: str, host: str) -> bool:
    """Return whether a link leads elsewhere than to this site, whose host and port are `host`, as browsers read it.

    They read more than RFC 3986 allows (WHATWG URL, 4.4): white space and control characters around an address and line ends
    within it are dropped, a backslash is a slash, and after `http:` any number of slashes, none too, stands before a host. An
    address of which that depends on the page it stands on (`https:/x`) counts as leading away.
    """
    read = _DROPPED.sub("", address.strip(_AROUND)).replace("\\", "/")
    scheme, colon, rest = read.partition(":")
    if not colon or not _SCHEME.match(read):
        return read.startswith("//")
    if scheme.lower() not in ("http", "https") or not rest.startswith("//") or rest.startswith("///"):
        return True
    return re.split(r"[/?#]", rest[2:], maxsplit=1)[0].lower() != host.lower()


def _text(words: str) -> Token:
    return Token("text", "", 0, content=words)


def _words_of(tokens: list[Token]) -> str:
    """The plain text of a line's tokens."""
    words = []
    for token in tokens:
        if token.type in ("softbreak", "hardbreak"):
            words.append(" ")
        elif token.type == "image":
            words += [_words_of(token.children or []), f" {token.attrs.get('title', '')}"]
        elif token.type in ("text", "code_inline"):
            words.append(token.content)
    return "".join(words)


class _Renderer(RendererHTML):
    """How the few things are drawn that are not as the parser has them."""

    def renderInline(self, tokens: Any, options: Any, env: Any) -> str:  # noqa: N802 - the parser's name for it
        _count(env)
        return super().renderInline(tokens, options, env)

    def table_open(self, *_: Any) -> str:
        return '<div class="scroll" tabindex="0" role="group" aria-label="Table"><table>\n'

    def table_close(self, *_: Any) -> str:
        return "</table></div>\n"

    def fence(self, tokens: Any, idx: int, options: Any, env: Any) -> str:
        return f'<pre tabindex="0"><code>{escape(tokens[idx].content)}</code></pre>\n'

    code_block = fence

    def list_item_open(self, tokens: Any, idx: int, options: Any, env: Any) -> str:
        """A task's state is a character, read out and copied like any other: a box that cannot be ticked is a riddle."""
        token = tokens[idx]
        start = self.renderToken(tokens, idx, options, env)
        if token.meta and "checked" in token.meta:
            return start + ("☑ " if token.meta["checked"] else "☐ ")
        return start

    def footnote_block_open(self, *_: Any) -> str:
        return '<section class="footnotes">\n<ol>\n'

    def footnote_ref(self, tokens: Any, idx: int, options: Any, env: Any) -> str:
        note, place = _note(tokens[idx], env)
        number = tokens[idx].meta["id"] + 1
        return f'<sup><a href="#{note}" id="{place}" aria-label="Footnote {number}">{number}</a></sup>'

    def footnote_open(self, tokens: Any, idx: int, options: Any, env: Any) -> str:
        return f'<li id="{_note(tokens[idx], env)[0]}">'

    def footnote_anchor(self, tokens: Any, idx: int, options: Any, env: Any) -> str:
        place = _note(tokens[idx], env)[1]
        number = tokens[idx].meta["id"] + 1
        return f' <a href="#{place}" aria-label="Back to where footnote {number} stands">↩</a>'


def _note(token: Token, env: Any) -> tuple[str, str]:
    """The ids of a footnote, and of the place in the text that this token speaks of."""
    prefix = f"{env['docId']}-" if env["docId"] else ""
    note = f"{prefix}note-{token.meta['id'] + 1}"
    again = token.meta.get("subId") or 0
    return note, f"{note}-at" + (f"-{again + 1}" if again else "")


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": DEEPEST, "tasklists": True}, renderer_cls=_Renderer)
    parser.enable(["table", "strikethrough"]).disable(["html_block", "html_inline"])
    parser.use(footnote_plugin, inline=False).use(gfm_autolink_plugin)
    for rule in (
        "table_open",
        "table_close",
        "footnote_block_open",
        "footnote_ref",
        "footnote_open",
        "footnote_anchor",
    ):
        parser.renderer.rules[rule] = getattr(parser.renderer, rule)  # type: ignore[attr-defined]
    parser.validateLink = _is_ours_to_link  # type: ignore[method-assign]
    counted: Callable[..., Any] = _count_block
    parser.block.ruler.before("table", "count", counted, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    parser.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    parser.core.ruler.after("block", "count", _count_tokens)
    parser.inline.ruler.before("text", "count", _count_inline)
    parser.inline.ruler.before("footnote_ref", "endless_mark", _endless_mark)
    parser.inline.ruler.before("gfm_autolink_www", "endless", _endless)
    parser.inline.ruler.push("mention", _mention)
    parser.core.ruler.push("finish", _finish)
    return parser


# Cells that the parser adds to rows shorter than their table's head: a few characters could ask for 65,536
import_module("markdown_it.rules_block.table").MAX_AUTOCOMPLETED_CELLS = 4_096  # type: ignore[attr-defined]
_PARSER = _parser()
