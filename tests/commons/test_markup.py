"""What people write becomes HTML that is safe, fits its page, and says where it leads."""

import re
import time
from collections.abc import Collection
from html.parser import HTMLParser
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.markup import DOCUMENTS
from commons import markup
from commons.markup import describe, leads_away, reads_alike, render

ALLOWED = {
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
    *("a", "sup", "section", "div", "table", "thead", "tbody", "tr", "th", "td"),
}


class Tags(HTMLParser):
    """Every tag and attribute of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def links(html: str) -> list[dict[str, str | None]]:
    return [attrs for tag, attrs in Tags(html).found if tag == "a"]


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("A *word* and **another**.", "<p>A <em>word</em> and <strong>another</strong>.</p>"),
        ("~~gone~~", "<p><s>gone</s></p>"),
        ("- [ ] open\n- [x] done", "☐ open"),
        ("- [ ] open\n- [x] done", "☑ done"),
        ("| a |\n|--:|\n| 1 |", '<th scope="col" class="right">a</th>'),
        ("| |\n|-|\n| 1 |", "<td></td>"),
        ("```\na < b\n```", '<pre tabindex="0"><code>a &lt; b\n</code></pre>'),
        ("one\n\n---\n\ntwo", "<hr>"),
        ("> said", "<blockquote>"),
        ("3. three", '<ol start="3">'),
    ],
)
def test_markdown_becomes_html(text, html):
    assert html in render(text).html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html,hm)",
        "[x](vbscript:x)",
        "[x](file:///etc/passwd)",
        "![x](javascript:alert(1))",
        "<javascript:alert(1)>",
        '[x](/a "onmouseover=alert(1)")',
        "<style>p{}</style>",
        "<!-- a -->",
        "<a href='/x' onclick='y'>z</a>",
    ],
)
def test_nothing_that_runs_comes_through(text):
    assert_safe(render(text).html)


def assert_safe(html: str, *, also: Collection[str] = ()) -> None:
    for tag, attrs in Tags(html).found:
        assert tag in ALLOWED.union(also)
        assert not [name for name in attrs if name.startswith("on") or name == "style"]
        address = (attrs.get("href") or "").strip().lower()
        assert not re.match(r"[a-z][a-z0-9+.\-]*:", address) or address.startswith(("http:", "https:", "mailto:"))


@given(st.text(alphabet=st.sampled_from(list("[]()<>*_`~|!@^:#-+=\\\"'& \n\tabwx1./;")), max_size=120))
@settings(max_examples=300, deadline=None)
def test_no_text_breaks_it(text):
    rendered = render(text, prefix="c1-")
    assert_safe(rendered.html)
    assert render(text, prefix="c1-") == rendered


@pytest.mark.parametrize("name", list(DOCUMENTS))
def test_a_document_made_to_take_long_is_shown_all_the_same(name):
    text = DOCUMENTS[name]()[:20_000]
    html = render(text).html
    assert_safe(html, also=["img"] if name == "pictures of ours" else ())
    assert html or not text.strip(" \t\n") or name in ("references", "open references", "footnotes in footnotes")


def test_a_link_that_leads_elsewhere_says_so(settings):
    settings.SITE_URL = "https://commons.example"
    away = render(
        "[a](https://elsewhere.example/x) www.elsewhere.example [b](//elsewhere.example) me@elsewhere.example"
    ).html
    assert [link["rel"] for link in links(away)] == ["nofollow ugc noopener"] * 4
    here = render("[a](/posts/12/x/) [b](https://commons.example/posts/13/y/) [c](#below)")
    assert [link.get("rel") for link in links(here.html)] == [None] * 3
    assert here.post_numbers == (12, 13)


# Where browsers go from a page of https://commons.example/ (WHATWG URL); what stands at the left is as it is typed in Markdown
@pytest.mark.parametrize(
    "address",
    [
        "http:evil.test",
        "https:/evil.test",
        "HTTPS:evil.test",
        "https:///evil.test",
        "//evil.test",
        "///evil.test",
        "< //evil.test>",
        "&#9;//evil.test",
        "&#x2F;/evil.test",
        "https://commons.example@evil.test/",
        r"https://commons.example\@evil.test/",
        "https://commons.example.evil.test/",
        "https://commons.example:8443/",
        "https://evil.test/?//commons.example",
        "mailto:a@evil.test",
    ],
)
def test_an_address_that_leads_away_as_browsers_read_it_says_so(settings, address):
    settings.SITE_URL = "https://commons.example"
    for text in (f"[x]({address})", f"![x]({address})"):
        [link] = links(render(text).html)
        assert link["rel"] == "nofollow ugc noopener", text


@pytest.mark.parametrize(
    "address",
    [
        "\t//evil.test",
        "/\t/evil.test",
        "\\\\evil.test",
        "/\\evil.test",
        "ht\ntp:\r//evil.test",
        "\x01https:\\\\evil.test",
    ],
)
def test_what_browsers_drop_from_an_address_hides_nothing(address):
    assert leads_away(address, "commons.example")


@pytest.mark.parametrize(
    "address",
    [
        "/posts/12/x/",
        "#below",
        "?q=//evil.test",
        "x/y:z",
        "/x//evil.test",
        "",
        "https://Commons.Example/x",
        "https://commons.example?x",
        "http://commons.example#x",
    ],
)
def test_an_address_of_this_site_stays_on_it(settings, address):
    settings.SITE_URL = "https://commons.example"
    assert not leads_away(address, "commons.example")
    assert [link.get("rel") for link in links(render(f"[x]({address})").html)] == [None]


def test_a_bare_address_is_a_link():
    found = links(render("See https://a.example/p?q=1, www.b.example. (mail me@c.example)").html)
    assert [link["href"] for link in found] == [
        "https://a.example/p?q=1",
        "http://www.b.example",
        "mailto:me@c.example",
    ]


def test_an_image_is_a_link_to_it():
    html = render("![Our van](https://a.example/van.jpg)").html
    assert "<img" not in html
    assert 'href="https://a.example/van.jpg"' in html
    assert ">Our van</a>" in html


def test_a_link_without_words_shows_its_address():
    assert ">https://a.example</a>" in render("[](https://a.example)").html


@pytest.mark.parametrize(
    ("text", "handles"),
    [
        ("@theo", ("theo",)),
        ("Thanks @Theo, and @ines_k.", ("theo", "ines_k")),
        ("(@rosa)", ("rosa",)),
        ("@rosa @rosa", ("rosa",)),
        ("@rosa's", ("rosa",)),
        ("a@theo.example", ()),
        ("x@theo", ()),
        ("@theo@social.example", ()),
        ("`@theo`", ()),
        ("[@theo](/x)", ()),
        ("@1st", ()),
        ("@" + "a" * 40, ()),
    ],
)
def test_a_mention_links_to_the_members_page(text, handles):
    rendered = render(text)
    assert rendered.handles == handles
    assert [link["href"] for link in links(rendered.html) if link.get("class") == "mention"] == [
        f"/members/{handle.lower()}/" for handle in re.findall(r"@([A-Za-z_]+)", text) if handle.lower() in handles
    ]


@pytest.mark.parametrize(
    ("text", "top", "levels"),
    [
        ("# a\n## b\n# c", 2, ["h2", "h3", "h2"]),
        ("## a\n#### b", 2, ["h2", "h3"]),
        ("### a", 3, ["h3"]),
        ("# a\n## b\n### c\n#### d\n##### e\n###### f", 4, ["h4", "h5", "h6", "h6", "h6", "h6"]),
        ("#\n\n## a", 2, ["h2"]),
        ("a\n===\nb\n---", 2, ["h2", "h3"]),
    ],
)
def test_headings_fit_the_page(text, top, levels):
    assert re.findall(r"<(h\d)>", render(text, top=top).html) == levels


def test_footnotes_of_two_documents_do_not_meet():
    text = "One.[^a] Two.[^a]\n\n[^a]: Note."
    ids = [re.findall(r'id="([^"]+)"', render(text, prefix=prefix).html) for prefix in ("v1-", "v2-", "")]
    assert ids[0] == ["v1-note-1-at", "v1-note-1-at-2", "v1-note-1"]
    assert not set(ids[0]) & set(ids[1])
    assert ids[2] == ["note-1-at", "note-1-at-2", "note-1"]
    for link in links(render(text, prefix="v1-").html):
        assert str(link["href"])[1:] in ids[0]


def test_the_words_are_the_text_without_its_marks():
    words = render(
        "# Title\n\nSome *words* and `code`,\nand [a link](https://a.example).\n\n- one\n- two\n\n```\nx\n```"
    ).words
    assert words == "Title\nSome words and code, and a link.\none\ntwo\nx"


def test_a_description_ends_between_words():
    assert describe("short") == "short"
    assert describe("a " * 200, 10) == "a a a a a…"
    assert describe("word, another", 8) == "word…"
    assert describe("x" * 50, 10) == "x" * 10 + "…"
    assert len(describe("some words of a text " * 40)) <= 161


def test_a_picture_that_was_added_here_is_shown_and_keeps_its_place():
    rendered = render("![A *van*](/attachments/17/van-1500x800.webp)")
    assert rendered.html == (
        '<p><img src="/attachments/17/van-1500x800.webp" alt="A van" srcset="/attachments/17/640/van-1500x800.webp 640w, '
        '/attachments/17/1280/van-1500x800.webp 1280w, /attachments/17/van-1500x800.webp 1500w" '
        'sizes="(min-width: 42rem) 38rem, 100vw" width="1500" height="800" loading="lazy"></p>\n'
    )
    assert rendered.words == "A van"
    narrow = render("![](http://localhost:8000/attachments/17/van-600x800.webp)").html
    assert '<img src="/attachments/17/van-600x800.webp" alt="" width="600" height="800" loading="lazy">' in narrow


def test_a_picture_with_a_title_is_a_figure_with_a_caption():
    rendered = render('![A van](/attachments/17/van-600x800.webp "The van, <in> May")')
    assert rendered.html.startswith("<figure><img ")
    assert "<figcaption>The van, &lt;in&gt; May</figcaption></figure>" in rendered.html
    assert rendered.words == "A van The van, <in> May"


@pytest.mark.parametrize(
    "address",
    [
        "https://a.example/attachments/17/van-600x800.webp",
        "//a.example/attachments/17/van-600x800.webp",
        "/attachments/17/van-600x800.svg",
        "/attachments/17/van-0x800.webp",
        "/attachments/17/van-600x800.webp?x",
        "/attachments/17/../van-600x800.webp",
        "/attachments/17/report.pdf",
    ],
)
def test_no_other_picture_is(address):
    html = render(f"![Van]({address})").html
    assert "<img" not in html
    assert f'href="{address}"' in html


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Setext\n======\n\n* a\n* b", "# Setext\n\n- a\n- b", True),
        ("wrapped\nwords", "wrapped words", True),
        ("```\na\nb\n```", "~~~\na\nb\n~~~", True),
        ("```\na\nb\n```", "```\na b\n```", False),
        ("- a\n- b", "- a\n\n- b", False),
        ("**a**", "*a*", False),
    ],
)
def test_two_texts_that_become_the_same_page(one, other, alike):
    assert reads_alike(one, other) is alike


# What a document may ask is counted, not timed


def test_a_busy_machine_changes_no_text(monkeypatch):
    """Of all clocks but that of the last resort none is asked, and that one has seconds."""
    text = ("We **saw** it.\n\n- one\n- @rosa [here](/x)\n\n" * 4_000)[:70_000]
    first = render(text)
    assert "<strong>saw</strong>" in first.html
    ticks = count()
    monkeypatch.setattr(time, "thread_time", lambda: next(ticks) * markup.SECONDS / 100_000_000)
    monkeypatch.setattr(time, "monotonic", lambda: next(ticks) * 3_600.0)
    assert render(text) == first
    assert markup.SECONDS >= 3


def test_what_runs_out_of_time_says_so(monkeypatch):
    cut = markup.cut_short()
    assert render("We **saw** it.").is_whole
    assert markup.cut_short() == cut
    monkeypatch.setattr(markup, "SECONDS", 0.0)
    rendered = render("We **saw** it.")
    assert (rendered.html, rendered.is_whole) == ("<p>We **saw** it.</p>\n", False)
    assert markup.cut_short() == cut + 1


def test_what_is_kept_of_a_text_hangs_on_no_clock(monkeypatch):
    monkeypatch.setattr(markup, "SECONDS", 0.0)
    assert render("We **saw** it.", at_leisure=True).words == "We saw it."


@pytest.mark.parametrize("name", list(DOCUMENTS))
def test_the_steps_of_a_document_are_bounded_whatever_it_is(name, monkeypatch):
    monkeypatch.setattr(markup, "STEPS", 5_000)
    monkeypatch.setattr(markup._Found, "steps", 5_000)
    monkeypatch.setattr(markup, "SECONDS", 60.0)
    text = DOCUMENTS[name]()[:60_000]
    first = render(text)
    assert first.is_whole  # it came to an end by the steps, or by itself: it is the same each time
    assert render(text) == first


def test_a_text_of_the_largest_size_that_people_write_is_drawn():
    rendered = render(DOCUMENTS["ordinary text"]()[:200_000])
    assert rendered.is_whole
    assert "<strong>agreed</strong>" in rendered.html
    assert "<table>" in rendered.html
