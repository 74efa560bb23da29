"""Documents opened into drafts: what comes along, what does not, and hostile ones refused within bounds."""

import resource
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from commons.markup import render
from knowledge.documents import actions
from knowledge.posts.drafts import DRAFTS_MOST, begin_draft
from knowledge.posts.models import Attachment, Draft
from tests.conversions import outcome_page
from tests.documents import samples
from tests.pictures import picture

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def send(signed_in, alice):
    browser = signed_in(alice)

    def sent(inside: bytes, name: str = "Field notes_March.docx", **more):
        answer = browser.post("/drafts/open/", {"document": SimpleUploadedFile(name, inside), **more})
        return outcome_page(browser, answer)

    sent.browser = browser
    return sent


@pytest.fixture
def opened(send):
    def draft(inside: bytes, name: str = "Field notes_March.docx") -> Draft:
        answer = send(inside, name)
        assert answer.status_code == 302, answer.content.decode()
        made = Draft.objects.latest("pk")
        assert answer["Location"] == f"/posts/new/?draft={made.pk}"
        return made

    return draft


def test_a_word_document(opened):
    draft = opened(samples.word())
    kept = Attachment.objects.get()
    assert kept.post is None
    assert draft.title == "Keys next door"
    assert draft.body == (
        "# What we saw\n\n"
        "Nine in ten found **nobody** at home, *in March*. 2 \\* 3 \\< 7 & \\[so on\\] \\`on\\` #1\n\n"
        "- Ring twice\n- Leave a note\n  - A neighbour\n\n"
        "1. First\n2. Second\n\n"
        "1\\. is how this paragraph begins\n\n"
        "## Numbers\n\n"
        "| Month | Visits | Met |\n| --- | --- | --- |\n| Spring | 40 | 4\\|5 |\n|  | 38 | 6 |\n\n"
        "> Somebody said so.\n\n"
        "See [the report](https://harborstreet.example/report%20%281%29.pdf)\n\n"
        "Not this\n\n"
        f"![The kitchen \\[before\\]]({kept.get_absolute_url()})"
    )
    html = render(draft.body).html
    for piece in (
        "<h2>What we saw</h2>",
        "<strong>nobody</strong>",
        "2 * 3 &lt; 7 &amp; [so on] `on` #1",
        "<td>4|5</td>",
    ):
        assert piece in html
    assert 'alt="The kitchen [before]"' in html


def test_lists_made_with_the_buttons_of_word(opened):
    assert opened(samples.word_with_buttons()).body == "- Ring twice\n- Leave a note\n\n1. Come back"


@pytest.mark.parametrize("name", ["libreoffice.odt", "libreoffice.docx"])
def test_what_libreoffice_itself_wrote(opened, name):
    """LibreOffice 7.4 wrote both from the same page; they read alike but for the space between a list and the one within."""
    draft = opened((Path(__file__).parent / "made" / name).read_bytes(), name)
    kept = Attachment.objects.get()
    assert draft.title == "Keys next door"
    assert draft.body.replace("- The boiler\n\n", "- The boiler\n") == (
        "We called **41** families on *day 30*[^1] and wrote down what they ~~said~~ complained about. "
        "See [the report (2026)](https://example.org/report?a=1&b=2).\n\n"
        "## What we heard\n\n"
        "- The boiler\n  - in March\n  - and in April\n- The stairs\n\n"
        "1. Ask\n2. Write it down\n\n"
        "| Call | Families |\n| --- | --- |\n| Day 30 | 6 of 41 \\| some |\n| Day 60 | 17 |\n\n"
        f"![The hall]({kept.get_absolute_url()})\n\n"
        "> They say fine.\n\n"
        "## Ce que nous avons appris – “naïve”\n\n"
        "Line one\\\nline two\n\n"
        "[^1]: Counted by Devin."
    )


def test_an_opendocument_text(opened):
    draft = opened(samples.open_document(), "notes.odt")
    kept = Attachment.objects.get()
    assert draft.title == "Keys next door"
    assert draft.body == (
        "## What we saw\n\n"
        "Nine in ten found **nobody**, *in March*.[^1]\n\n"
        "- Ring twice\n\n  - A neighbour\n- Leave a note\n\n"
        "1. First\n2. Second\n\n"
        "| Month | Met |\n| --- | --- |\n| March | 4 |\n\n"
        "See [the report](https://harborstreet.example/report).\\\nThen go.\n\n"
        f"![The kitchen]({kept.get_absolute_url()})\n\n"
        "[^1]: By our own count."
    )
    html = render(draft.body).html
    assert '<section class="footnotes">' in html
    assert "By our own count." in html


@pytest.mark.parametrize("number", ["²", "٣", "9" * 5_000])
def test_what_is_no_number_in_an_opendocument_text_counts_as_one(opened, number):
    content = samples.CONTENT.replace('outline-level="2"', f'outline-level="{number}"')
    body = opened(samples.open_document(content.replace("99999999", number)), "notes.odt").body
    assert body.startswith("# What we saw\n")
    assert "| March | 4 |\n" in body


def test_a_footnote_of_word(opened):
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    notes = (
        f'<w:footnotes xmlns:w="{word}"><w:footnote w:id="2"><w:p><w:r><w:t>By our count.</w:t></w:r></w:p></w:footnote>'
        "</w:footnotes>"
    ).encode()
    with_note = samples.word_of(
        '<w:p><w:r><w:t>Nobody.</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r></w:p>',
        word__footnotes_dot_xml=notes,
        word___rels__document_dot_xml_dot_rels=(
            b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId99" '
            b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes" Target="footnotes.xml"/>'
            b"</Relationships>"
        ),
    )
    assert opened(with_note).body == "Nobody.[^1]\n\n[^1]: By our count."


def test_a_web_page(opened):
    import base64

    inside = base64.b64encode(picture("PNG", (90, 60))).decode()
    page = f"""<!doctype html><html><head><title>Ignored</title><style>p {{ color: red }}</style></head><body>
    <h1>Küche</h1><script>alert(1)</script><p onclick="x()">One <span style="font-weight:700">bold</span>,
    <b style="font-weight:normal">plain</b>. <a href="/relative">Here</a>, <a href="mailto:a@b.example">there</a>.</p>
    <svg onload="alert(1)"><text>no</text></svg><img src="data:image/png;base64,{inside}" alt="A dot">
    <img src="https://a.example/x.png" alt="Far away"><iframe src="https://a.example/"></iframe></body></html>"""
    draft = opened(page.encode(), "page.html")
    kept = Attachment.objects.get()
    assert draft.title == "Küche"
    assert draft.body == (
        "One **bold**,\nplain. Here, [there](mailto:a@b.example).\n\n"
        f"![A dot]({kept.get_absolute_url()})\n![Far away](https://a.example/x.png)"
    )


@pytest.mark.parametrize(
    ("text", "title", "body"),
    [
        ("# Keys *next* door #\n\nNine in ten.", "Keys *next* door", "Nine in ten."),
        ("Keys\n====\n\nNine.\r\nTen.", "Keys", "Nine.\nTen."),
        ("Nine in ten.\n\n# Later", "Field notes", "Nine in ten.\n\n# Later"),
        ("\ufeff- [ ] A task\n", "Field notes", "- [ ] A task"),
    ],
)
def test_markdown_stays_what_it_is(opened, text, title, body):
    draft = opened(text.encode(), "Field_notes.md")
    assert (draft.title, draft.body) == (title, body)


def test_a_picture_that_cannot_be_kept_leaves_a_word(send):
    page = b'<p>Before</p><img alt="x" src="data:image/x-emf;base64,AQAAAGwAAAA="><p>After</p>'
    answer = send(page, "page.html")
    draft = Draft.objects.get()
    assert "*(A picture stood here that could not be opened.)*" in draft.body
    assert not Attachment.objects.exists()
    assert "One picture could not be opened" in send.browser.get(answer["Location"]).content.decode()


def test_sent_twice_it_is_opened_once(signed_in, alice):
    browser = signed_in(alice)
    key = browser.get("/drafts/open/").context["form"]["key"].value()
    for _ in range(2):
        answer = browser.post("/drafts/open/", {"key": key, "document": SimpleUploadedFile("a.md", b"Nine in ten.")})
        assert outcome_page(browser, answer)["Location"].startswith("/posts/new/?draft=")
    assert Draft.objects.count() == 1


def test_without_an_account_one_signs_in_first(client):
    assert client.get("/drafts/open/")["Location"].startswith("/accounts/login/")


def test_with_as_many_drafts_as_one_may_have(send, alice):
    for number in range(DRAFTS_MOST):
        begin_draft(by=alice, title=str(number), body="x")
    answer = send(samples.word())
    assert answer.status_code == 422
    assert "throw some away" in answer.content.decode()
    assert not Attachment.objects.exists()


DEEP = "<w:tbl><w:tr><w:tc>" * 400 + "</w:tc></w:tr></w:tbl>" * 400
ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
LAUGHS = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e0 "ha">{ENTITIES}]><x>&e9;</x>'.encode()
XXE = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'


@pytest.mark.parametrize(
    ("inside", "name", "sentence"),
    [
        (lambda: samples.changed(samples.word(), word__document_dot_xml=XXE), "a.docx", "declares entities"),
        (lambda: samples.changed(samples.word(), word__styles_dot_xml=LAUGHS), "a.docx", "declares entities"),
        (lambda: samples.changed(samples.word(), word__document_dot_xml=XXE.decode().encode("utf-16")), "a.docx", "declares"),
        (lambda: samples.open_document(XXE.decode()), "a.odt", "declares entities"),
        (lambda: samples.open_document(LAUGHS.decode()), "a.odt", "declares entities"),
        (lambda: samples.word_of(DEEP), "a.docx", "too deep"),
        (lambda: samples.bomb(600), "a.docx", "unpacks to more"),
        (samples.lying_bomb, "a.docx", "damaged"),
        (lambda: samples.word()[:5_000], "a.docx", "damaged"),
        (lambda: b"PK\x03\x04" + b"x" * 500, "a.docx", "damaged"),
        (lambda: samples.changed(samples.word(), word__document_dot_xml=b"<x/>"), "a.docx", "damaged"),
        (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 500, "a.doc", "old Word document"),
        (lambda: b"%PDF-1.7", "a.docx", "This is not a Word document"),
        (lambda: b"{\\rtf1 words}", "a.md", "This is not a Word document"),
        (lambda: b"\0\1\2", "a.md", "This is not a Word document"),
        (lambda: b"caf\xe9", "a.md", "not in UTF-8"),
        (lambda: b"words " * 1_700_000, "a.md", "a post holds 200,000"),
        (lambda: b"<div>" * 50_000 + b"x", "a.html", "too deep"),
        (lambda: b"<p>words</p>" * 800_000, "a.html", "Open it in parts"),
        (lambda: b"<p> </p><script>alert(1)</script>", "a.html", "no text"),
        (lambda: b"", "a.docx", "This file is empty"),
        (lambda: b"x" * (20 * 1024 * 1024 + 1), "a.md", "may have 20"),
    ],
)  # fmt: skip
def test_what_is_refused_within_bounds(send, folder, monkeypatch, inside, name, sentence):
    monkeypatch.setattr(actions, "SECONDS", 5)
    hostile = inside()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = send(hostile, name)
    page = answer.content.decode()
    assert sentence in page, page[page.find("<main") :][:600]
    assert 'http-equiv="refresh"' not in page
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kilobytes
    assert not Draft.objects.exists()
    assert not Attachment.objects.exists()


def test_nothing_sent(signed_in, alice):
    answer = signed_in(alice).post("/drafts/open/", {})
    assert answer.status_code == 422
    assert "Choose a document." in answer.content.decode()


def test_a_name_is_only_a_name(opened):
    assert opened(b"Nine in ten.", "../../etc/pass<wd>.md").title == "pass<wd>"


def test_a_document_cannot_reach_what_is_around_it(opened):
    """A picture that a Word document has outside of itself is not fetched, from this machine or another."""
    rels = (
        b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId99" '
        b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/image" Target="file:///etc/hostname" '
        b'TargetMode="External"/></Relationships>'
    )
    space = (
        'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
        'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    )
    drawing = (
        f"<w:p><w:r><w:t>Words.</w:t><w:drawing {space}><wp:inline><a:graphic><a:graphicData><pic:pic><pic:blipFill>"
        '<a:blip r:link="rId99"/></pic:blipFill></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>'
    )
    assert opened(samples.word_of(drawing, word___rels__document_dot_xml_dot_rels=rels)).body == "Words."
