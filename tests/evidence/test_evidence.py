"""Evidence: adding it, taking it back, its files, and what counts as from outside."""

import io
import zipfile

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.organizations.models import Role
from commons.activity.models import Activity, Verb
from knowledge.evidence.actions import EvidenceIsGone, Piece, add_evidence, withdraw_evidence
from knowledge.evidence.models import Evidence
from knowledge.evidence.producers import is_outside
from knowledge.posts.actions import withdraw
from knowledge.posts.models import Conversion
from tests.conversions import outcome_page
from tests.make import PIECE
from tests.pictures import picture

FORM = {
    "statement": "19 days became 6.",
    "kind": "data",
    "strength": "moderate",
    "producer": "Harbor Street Housing Desk",
    "link": "https://harborstreet.example/days.csv",
}


def address(post, more: str = "") -> str:
    return f"{post.get_absolute_url()}evidence/{more}"


def workbook(**more: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as parts:
        for name in ("[Content_Types].xml", "xl/workbook.xml", *more):
            parts.writestr(name, b"<x/>")
    return file.getvalue()


FILES = {
    "report.pdf": (b"%PDF-1.7\n...", "application/pdf"),
    "days.csv": (b"month,moves\nMarch,7\n", "text/csv"),
    "tage.csv": ("Monat;Umzüge\nMärz;7\n".encode("cp1252"), "text/csv"),
    "days.xlsx": (workbook(), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}
REFUSED = {
    "page.pdf": b"<!doctype html><script>alert(1)</script>",
    "page.csv": b"<html>,<body>\n<script>,</script>\n",
    "archive.xlsx": b"PK\x03\x04 not a workbook",
    "macros.xlsm": workbook(**{"xl/vbaProject.bin": b""}),
    "words.txt": b"Nothing in columns here.\n",
    "program.csv": b"MZ\x00\x01,\x02",
    "letter.doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
}


def test_a_piece_of_evidence_stands_on_the_page(client, post, alice):
    made = add_evidence(post, PIECE, by=alice)
    page = client.get(post.get_absolute_url()).content.decode()
    assert made.statement in page
    assert "1 piece<" in page
    assert f'href="{PIECE.link}" rel="nofollow ugc noopener"' in page
    fact = Activity.objects.get(verb=Verb.ADDED_EVIDENCE)
    assert (fact.by, fact.subject_id, fact.data) == (alice, made.pk, {"post": post.number})


@pytest.mark.parametrize(
    ("who", "code"), [("alice", 302), ("bob", 302), ("carla", 403), ("charlie", 403), ("mona", 403)]
)
def test_who_may_add_evidence(signed_in, request, post, who, code):
    assert signed_in(request.getfixturevalue(who)).post(address(post), FORM).status_code == code
    assert Evidence.objects.count() == (code == 302)


def test_without_an_account_what_was_typed_is_kept(client, post, alice):
    answer = client.post(address(post), FORM)
    assert answer["Location"].startswith("/accounts/login/")
    client.post("/accounts/login/", {"login": alice.email, "password": "correct-horse-battery"})
    assert FORM["statement"] in client.get(address(post)).content.decode()


def test_a_double_click_adds_it_once(signed_in, post, alice):
    browser = signed_in(alice)
    form = {**FORM, "key": browser.get(address(post)).context["form"]["key"].value()}
    browser.post(address(post), form)
    browser.post(address(post), form)
    assert Evidence.objects.count() == 1
    post.refresh_from_db()
    assert post.evidence_count == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"statement": ""}, "Say in a sentence what it shows"),
        ({"statement": "x" * 2001}, "Cut 1."),
        ({"kind": "rumour"}, "Choose one of the four"),
        ({"strength": ""}, "Say how much it can carry"),
        ({"producer": ""}, "Name who produced it"),
        ({"link": ""}, "Give a link, a file, or say where it can be found"),
        ({"link": "javascript:alert(1)"}, "beginning with https:// or http://"),
        ({"link": "ftp://harborstreet.example/days"}, "beginning with https:// or http://"),
        ({"link": "harborstreet.example"}, "beginning with https:// or http://"),
        ({"link": "https://a.example/" + "x" * 500}, "there is room for 500"),
        ({"upload": SimpleUploadedFile("empty.csv", b"")}, "This file is empty"),
        ({"upload": SimpleUploadedFile("big.pdf", b"%PDF-" + b"x" * 20 * 1024 * 1024)}, "This file is 20.0 MB"),
        ({"upload": SimpleUploadedFile("picture.svg", b"<svg onload='alert(1)'/>")}, "This is an SVG drawing"),
        *[({"upload": SimpleUploadedFile(name, inside)}, "This is not a PDF") for name, inside in REFUSED.items()],
    ],
)
def test_bad_input_gets_a_clear_answer_and_changes_nothing(signed_in, post, alice, changes, sentence):
    for value in changes.values():
        if hasattr(value, "seek"):
            value.seek(0)
    answer = signed_in(alice).post(address(post), {**FORM, **changes})
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert changes.get("producer", FORM["producer"]) in answer.content.decode()
    assert not Evidence.objects.exists()


def test_a_picture_is_drawn_anew_before_it_is_evidence(signed_in, post, alice, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    browser = signed_in(alice)
    key = browser.get(address(post)).context["form"]["key"].value()
    for _ in range(2):  # a double click
        upload = SimpleUploadedFile("Hall.jpg", picture("JPEG", (300, 200)))
        answer = browser.post(address(post), {**FORM, "link": "", "key": key, "upload": upload})
        assert answer.status_code == 303
    assert not Evidence.objects.exists()
    assert outcome_page(browser, answer)["Location"] == f"{post.get_absolute_url()}#evidence"
    piece = Evidence.objects.get()
    assert (piece.statement, piece.by, piece.post) == (FORM["statement"], alice, post)
    assert (piece.attachment.name, piece.attachment.post) == ("hall-300x200.webp", post)
    assert Activity.objects.filter(verb=Verb.ADDED_EVIDENCE).count() == 1


PDF = {"link": "", "upload": ("report.pdf", b"%PDF-1.7 words")}


@pytest.mark.parametrize("other", [PDF, {}, {"link": "", "source": "Report, page 14"}])
@pytest.mark.parametrize("picture_first", [True, False])
def test_a_picture_and_another_piece_under_one_key_are_two(
    signed_in, post, alice, settings, tmp_path, other, picture_first
):
    """Who goes back in the browser sends the same page again, with something else on it."""
    settings.MEDIA_ROOT = tmp_path
    browser = signed_in(alice)
    key = browser.get(address(post)).context["form"]["key"].value()
    drawn = {"link": "", "upload": ("hall.jpg", picture("JPEG", (300, 200)))}
    for changes in (drawn, other) if picture_first else (other, drawn):
        form = {**FORM, "key": key, **changes}
        if "upload" in changes:
            form["upload"] = SimpleUploadedFile(*changes["upload"])
        answer = browser.post(address(post), form)
        if changes is drawn:
            assert answer.status_code == 303
            assert outcome_page(browser, answer)["Location"] == f"{post.get_absolute_url()}#evidence"
        else:
            assert answer["Location"] == f"{post.get_absolute_url()}#evidence"
    assert Evidence.objects.count() == 2


def test_a_picture_that_is_refused_costs_nothing_that_was_typed(signed_in, post, alice, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    browser = signed_in(alice)
    upload = SimpleUploadedFile("picture.png", b"\x89PNG\r\n\x1a\n...")
    page = outcome_page(browser, browser.post(address(post), {**FORM, "upload": upload}))
    assert "This picture cannot be read" in page.content.decode()
    again = f"{address(post)}?conversion={Conversion.objects.get().pk}"
    assert f'href="{again}"' in page.content.decode()
    form = browser.get(again).context["form"]
    assert {name: form[name].value() for name in FORM if name != "key"} == {
        name: value for name, value in FORM.items() if name != "key"
    }
    assert not Evidence.objects.exists()


def test_who_may_not_add_evidence_any_more_adds_none_by_a_picture_that_waits(
    signed_in, post, alice, settings, tmp_path
):
    settings.MEDIA_ROOT = tmp_path
    browser = signed_in(alice)
    upload = SimpleUploadedFile("Hall.jpg", picture("JPEG", (300, 200)))
    answer = browser.post(address(post), {**FORM, "upload": upload})
    alice.memberships.update(role=Role.CONTRIBUTOR)
    assert "Owners and editors" in outcome_page(browser, answer).content.decode()
    assert not Evidence.objects.exists()


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_what_is_in_it_and_is_saved_never_shown(client, signed_in, post, alice, settings, tmp_path, name):
    settings.MEDIA_ROOT = tmp_path
    inside, content_type = FILES[name]
    form = {**FORM, "link": "", "upload": SimpleUploadedFile(f"../../{name}", inside, content_type="text/html")}
    assert signed_in(alice).post(address(post), form).status_code == 302
    kept = Evidence.objects.get().attachment
    assert kept.name == name
    answer = client.get(kept.get_absolute_url())
    assert b"".join(answer.streaming_content) == inside
    assert answer["Content-Type"] == content_type
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert name not in kept.file.name


def test_a_name_keeps_its_words_and_gets_the_ending_of_what_it_is(signed_in, post, alice, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    upload = SimpleUploadedFile("Days in 2025.html", FILES["report.pdf"][0])
    signed_in(alice).post(address(post), {**FORM, "upload": upload})
    assert Evidence.objects.get().attachment.name == "Days in 2025.pdf"


@pytest.mark.parametrize(("state", "who", "code"), [
    ("public", None, 200), ("held", None, 404), ("held", "charlie", 404), ("held", "carla", 200), ("withdrawn", "alice", 200),
    ("withdrawn", "charlie", 404), ("withdrawn", None, 404),
])  # fmt: skip
def test_a_file_is_seen_by_who_sees_its_post(
    client, request, signed_in, post, alice, settings, tmp_path, state, who, code
):
    settings.MEDIA_ROOT = tmp_path
    upload = SimpleUploadedFile("report.pdf", FILES["report.pdf"][0])
    signed_in(alice).post(address(post), {**FORM, "upload": upload})
    kept = Evidence.objects.get().attachment
    if state == "withdrawn":
        withdraw(post, by=alice)
    elif state == "held":
        post.held_at = post.published_at
        post.save()
    browser = signed_in(request.getfixturevalue(who)) if who else client
    assert browser.get(kept.get_absolute_url()).status_code == code


@pytest.mark.parametrize(
    ("producer", "outside"),
    [
        ("", False),
        ("Harbor Street Housing Desk", False),
        ("the HARBOR-STREET housing desk, Inc.", False),
        ("Harbor Street Housing Desk, research team", False),
        ("Carla Costa", False),
        ("Millrace Fund", True),
        ("Harbor Street Clinic", True),
    ],
)
def test_from_outside_is_told_from_who_produced_it(post, alice, carla, producer, outside):
    assert add_evidence(post, Piece("Seen.", producer=producer, source="A folder."), by=alice).from_outside == outside


@pytest.mark.parametrize(
    ("producer", "insiders", "outside"),
    [
        ("Fundación Río Claro", ["Fundacion Rio Claro"], False),
        ("Três Pontes Moradia", ["Tres Pontes Moradia e.V."], False),
        ("The Foundation", ["Foundation"], False),
        ("东方社区中心", ["东方社区中心"], False),
        ("东方社区中心", ["西方社区中心"], True),
        ("Anything", [""], True),
    ],
)
def test_names_are_compared_as_people_write_them(producer, insiders, outside):
    assert is_outside(producer, insiders) == outside


def test_withdrawn_evidence_leaves_a_marker_with_its_reason(client, signed_in, post, alice):
    piece = add_evidence(post, PIECE, by=alice)
    answer = signed_in(alice).post(address(post, f"{piece.pk}/withdraw/"), {"why": "December was counted twice."})
    assert answer.status_code == 302
    page = client.get(post.get_absolute_url()).content.decode()
    assert piece.statement not in page
    assert "by Alice Adeyemi: December was counted twice." in page
    with pytest.raises(EvidenceIsGone):
        withdraw_evidence(piece, by=alice, why="Again.")
    post.refresh_from_db()
    assert post.evidence_count == 0


def test_a_reason_is_wanted_and_only_the_organization_withdraws(signed_in, post, alice, charlie):
    piece = add_evidence(post, PIECE, by=alice)
    path = address(post, f"{piece.pk}/withdraw/")
    assert "Say why" in signed_in(alice).post(path, {"why": " "}).content.decode()
    assert signed_in(charlie).post(path, {"why": "I do not like it."}).status_code == 403
    with pytest.raises(PermissionDenied):
        withdraw_evidence(piece, by=charlie, why="I do not like it.")
    piece.refresh_from_db()
    assert piece.withdrawn_at is None


def test_evidence_of_another_post_is_not_found_here(signed_in, post, alice):
    from tests.make import make_post

    piece = add_evidence(make_post(alice, "Another"), PIECE, by=alice)
    assert signed_in(alice).get(address(post, f"{piece.pk}/withdraw/")).status_code == 404
