"""HTML is looked at before a tree is made of it: what HTML ends by itself ends, and what no document holds is refused at once."""

import re

import pytest

from knowledge.documents import archives
from knowledge.documents.archives import TOO_DEEP, TOO_MANY, Refused
from knowledge.documents.html_check import checked_html
from knowledge.documents.markdown import markdown_of
from tests.documents import samples


def nothing(_: bytes) -> str:
    return ""


@pytest.mark.parametrize(
    ("page", "markdown"),
    [
        ("<p>One<p>Two<div>Three<p>Four</div>", "One\n\nTwo\n\nThree\n\nFour"),
        ("<ul><li>One<li>Two<ul><li>Inner</ul><li>Three</ul>", "- One\n- Two\n  - Inner\n- Three"),
        ("<ol start=7><li>One<li><p>Two<li>", "7. One\n8. Two"),
        ("<ol start=²><li>One</ol>", "1. One"),
        ("<table><tr><th colspan=²>A<th colspan=٣>B<tr><td>1<td>2</table>", "| A | B |\n| --- | --- |\n| 1 | 2 |"),
        ("<table><tr><th>A<th>B<tr><td>1<td>2</table>After", "| A | B |\n| --- | --- |\n| 1 | 2 |\n\nAfter"),
        ("<table><thead><tr><td>A<tr><td>B<tbody><tr><td>C</table>", "| A |\n| --- |\n| B |\n| C |"),
        ("<table><tr><td><b>1</td><td>2</b></table>", "| **1** | 2 |\n| --- | --- |"),
        ("<head><title>T</title><style>p{}</style><body><nav>Menu<p>x</nav><p>Words", "Words"),
        ("<div><nav>Menu</div><p>Words", "Words"),
        ("<p>a <b and the rest", "a \\<b and the rest"),
        ("<p>One<!-- never ended <p>Two", "One"),
        ("<p>One<!-- ended --><p>Two", "One\n\nTwo"),
        ("<p>One<![CDATA[>Two", "OneTwo"),
        ("<p>One <![if !supportLists]>Two<![endif]> Three<![other]> Four", "One Two Three Four"),
        ("<!--[if gte mso 9]><p>No</p><![endif]--><p>One <![CDATA[ no ]]>Two", "One Two"),
        ("<p>One\n\n   Two \t <b>Three </b>  Four\r\n", "One\nTwo **Three**  Four"),
        ("<pre>  One\n\n    Two  </pre>", "```\n  One\n\n    Two\n```"),
        ("<pre> \n \n  a <b>  b</b>\n\n   c\n \n</pre>", "```\n  a   b\n\n   c\n```"),
        ("<span style='font-weight: 700; font-style:italic'>x</span>", "***x***"),
        ("<b style='font-weight:normal'>x</b></b></b>", "x"),
        ("<svg><title>No</title><path d='x'/></svg><p>a &lt; b &amp;amp; c", "a \\< b \\&amp; c"),
    ],
)
def test_what_html_ends_by_itself(page, markdown):
    assert markdown_of(page, nothing)[1] == markdown


def test_a_title_is_that_of_the_page():
    assert checked_html("<title>A  page</title><svg><title>No</title></svg><p>x")[0] == "A page"


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("<div>" * 40_000, TOO_DEEP),
        ("<b>" * 40_000, TOO_DEEP),
        ("<table><tr><td>" * 1_000, TOO_DEEP),
        ("<table>" + "<tr><td>" * 40_000, TOO_MANY),
        ("<p>" + "<br>" * 200_000, TOO_MANY),
        ("<svg>" + "<path/>" * 50_000, TOO_MANY),
        ("<script></script>" * 50_000, TOO_MANY),
    ],
)
def test_what_is_refused_before_a_tree_is_made(monkeypatch, page, words):
    monkeypatch.setattr("knowledge.documents.markdown.BeautifulSoup", None)
    with pytest.raises(Refused, match=words[:40]):
        markdown_of(page, nothing)


def test_cells_over_many_rows_are_counted():
    row = "<tr>" + "<td rowspan=99>x</td>" * 3 + "</tr>"
    with pytest.raises(Refused, match=TOO_MANY[:40]):
        markdown_of(f"<table>{row * 400}</table>", nothing)


@pytest.mark.parametrize(
    "inside",
    [
        samples.word_of("<w:p/>" * (archives.BLOCKS_MOST + 1)),
        samples.word_of("<w:tbl>" + "<w:tr><w:tc/></w:tr>" * (archives.BLOCKS_MOST + 1) + "</w:tbl>"),
        samples.word_of("<w:p>" + "<w:r/>" * archives.ELEMENTS_MOST + "</w:p>"),
        samples.open_document_of("<text:p/>" * (archives.BLOCKS_MOST + 1)),
    ],
)
def test_what_an_archive_holds_is_counted_before_a_library_reads_it(tmp_path, inside):
    path = tmp_path / "document"
    path.write_bytes(inside)
    with pytest.raises(Refused, match=TOO_MANY[:40]):
        archives.opened(str(path))


def test_cells_that_are_repeated_in_repeated_rows(tmp_path, monkeypatch):
    from knowledge.documents.converting import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "document").write_bytes(samples.open_document_of(samples.REPEATED))
    assert main("odt", "mark", 200_000)["refused"] == TOO_MANY


@pytest.mark.parametrize(
    "blanks", [" " * 20_000, "\t \r\n" * 5_000, " <!---->" * 5_000, "\n</nothing>" * 5_000, "&#32;" * 5_000]
)
def test_no_library_sees_a_long_run_of_white_space(blanks):
    _, checked = checked_html(f"<p>One{blanks}Two<b>{blanks}</b>{blanks}")
    assert not re.search(r"\s{2}", checked)
    assert "".join(re.sub("<[^>]+>", "", checked).split()) == "OneTwo"


def test_a_report_as_people_write_them_is_within_the_limits():
    """What `bench/documents.py` measures as honest: each is taken whole."""
    paragraphs = "<p>Nine in ten found nobody at home.</p>" * 5_000
    table = "<table>" + ("<tr>" + "<td>word x</td>" * 5 + "</tr>") * 1_800 + "</table>"
    assert checked_html(paragraphs + table) == ("", paragraphs + table)
