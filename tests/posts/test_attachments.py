"""Files in a text: added while writing, bound to the post that names them, seen by those who see it; and hostile ones."""

import datetime as dt
import io
import json
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from commons.activity.models import Activity
from knowledge.jobs import tidy
from knowledge.posts import actions
from knowledge.posts.attachments import add_file, discard_file, looked_at
from knowledge.posts.drafts import begin_draft
from knowledge.posts.models import Attachment
from tests.conversions import JSON, outcome, work_through
from tests.make import content, make_member, make_post
from tests.pictures import PLACE, huge_png, moving, photograph, picture

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def sent(inside: bytes, name: str = "Van, in May.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, inside)


def added(by, inside: bytes = b"", name: str = "van.png") -> Attachment:
    return add_file(looked_at(sent(inside or picture("PNG", (80, 60)), name)), by=by)


def upload(browser, inside: bytes, name: str = "Van, in May.jpg", headers=JSON):
    """Send a file; gives what comes of it in the end."""
    return outcome(browser, browser.post("/attachments/", {"file": sent(inside, name)}, headers=headers))


def bytes_of(answer) -> bytes:
    return b"".join(answer.streaming_content)


# Adding


def test_a_script_gets_what_goes_into_the_text(signed_in, alice):
    answer = upload(signed_in(alice), picture(size=(1000, 750)))
    assert answer.status_code == 200
    made = Attachment.objects.get()
    assert answer.json() == {
        "markdown": f"![van in may](/attachments/{made.pk}/van-in-may-1000x750.webp)",
        "address": f"/attachments/{made.pk}/van-in-may-1000x750.webp",
        "src": f"/attachments/{made.pk}/van-in-may-1000x750.webp",
        "alt": "van in may",
        "name": "van-in-may-1000x750.webp",
        "width": 1000,
        "height": 750,
    }
    assert made.post is None
    assert not Activity.objects.exists()


def test_without_scripts_there_is_a_page(signed_in, client, alice):
    assert client.get("/attachments/")["Location"].startswith("/accounts/login/")
    browser = signed_in(alice)
    assert "Files in no post yet" in browser.get("/attachments/").content.decode()
    answer = upload(browser, b"month,moves\nMarch,7\n", "days [2025] (final).csv", headers={})
    made = Attachment.objects.get()
    assert answer["Location"] == f"/attachments/#file-{made.pk}"
    page = browser.get("/attachments/").content.decode()
    line = rf"[days \[2025\] (final).csv](/attachments/{made.pk}/days%20%5B2025%5D%20%28final%29.csv)"
    assert f'value="{line}"' in page


def test_a_double_click_adds_it_once(signed_in, alice):
    browser = signed_in(alice)
    key = browser.get("/attachments/").context["form"]["key"].value()
    for _ in range(2):
        assert browser.post("/attachments/", {"key": key, "file": sent(picture())}).status_code == 303
    work_through()
    assert Attachment.objects.count() == 1


def test_signed_out_a_script_is_told_so(client):
    answer = upload(client, picture())
    assert answer.status_code == 401
    assert "sign in" in answer.json()["error"]
    assert not Attachment.objects.exists()


def test_nothing_sent(signed_in, alice):
    answer = signed_in(alice).post("/attachments/", {}, headers=JSON)
    assert (answer.status_code, answer.json()) == (422, {"error": "Choose a file."})


def test_a_form_from_elsewhere_adds_nothing(alice):
    from django.test import Client

    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    assert upload(browser, picture()).status_code == 403


# Pictures are drawn anew


def test_nothing_of_a_photograph_but_what_is_to_be_seen(signed_in, alice, folder, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        answer = upload(signed_in(alice), photograph((1600, 1200), orientation=6))
    assert answer.json()["name"] == "van-in-may-1200x1600.webp"  # upright
    kept = files(folder)
    assert len(kept) == 2
    for path in kept:
        inside = path.read_bytes()
        assert PLACE not in inside
        assert b"Camera" not in inside
        with Image.open(path) as drawn:
            assert drawn.format == "WEBP"
            assert not drawn.getexif()
            assert not {"icc_profile", "xmp", "comment"} & drawn.info.keys()
            upper, lower = drawn.getpixel((drawn.width // 2, 20)), drawn.getpixel((drawn.width // 2, drawn.height - 20))
            assert upper[0] > 150 > upper[2]
            assert lower[2] > 150 > lower[0]
    assert sorted(Image.open(path).width for path in kept) == [640, 1200]


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("PNG", "RGBA", {}), ("PNG", "P", {}), ("PNG", "L", {}), ("PNG", "I;16", {}), ("PNG", "LA", {}),
        ("JPEG", "L", {}), ("JPEG", "CMYK", {}), ("GIF", "P", {}), ("WEBP", "RGBA", {"lossless": True}), ("AVIF", "RGB", {}),
    ],
)  # fmt: skip
def test_every_kind_of_picture(alice, kind, mode, options):
    wide = picture(kind, (90, 60), "RGB" if mode == "I;16" else mode, **options)
    if mode == "I;16":
        file = io.BytesIO()
        Image.new("I;16", (90, 60), 40_000).save(file, "PNG")
        wide = file.getvalue()
    made = added(alice, wide)
    assert made.name == "van-90x60.webp"
    with Image.open(made.file) as drawn:
        pixel = drawn.convert("RGB").getpixel((10, 30))
    assert 40 < pixel[0] < 240


def test_colours_of_another_profile_become_the_webs(alice):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    assert added(alice, picture("JPEG", (90, 60), icc_profile=profile.tobytes())).width == 90
    assert added(alice, picture("JPEG", (90, 60), icc_profile=b"no profile at all")).width == 90


def test_a_large_picture_is_made_smaller(alice, folder):
    made = added(alice, picture("JPEG", (6000, 4000)))
    assert (made.width, made.height) == (2400, 1600)
    assert sorted(Image.open(path).width for path in files(folder)) == [640, 1280, 2400]
    assert made.size == sum(path.stat().st_size for path in files(folder))


def test_a_gif_that_is_a_page_as_well_is_only_a_picture(signed_in, alice, folder, django_capture_on_commit_callbacks):
    page = b"<html><script>alert(1)</script>"
    with django_capture_on_commit_callbacks(execute=True):
        answer = upload(signed_in(alice), picture("GIF", (60, 40), "P", comment=page) + page, "x.html")
    assert answer.json()["name"] == "x-60x40.webp"
    assert b"script" not in files(folder)[0].read_bytes()


@pytest.mark.parametrize(
    ("inside", "sentence"),
    [
        (huge_png(), "50,000 by 50,000 pixels"),
        (huge_png(60_000, 10), "no side of more"),
        (moving(), "moves"),
        (moving(kind="WEBP"), "moves"),
        (moving(kind="PNG"), "moves"),
        (picture()[:300], "cannot be read"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 500, "cannot be read"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"x" * 100, "HEIC"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "SVG"),
        (b"II*\0" + b"x" * 100, "This is not a PDF"),
        (b"", "This file is empty"),
        (b"%PDF-" + b"x" * 20 * 1024 * 1024, "This file is 20.0 MB"),
    ],
)
def test_what_is_refused_and_how(signed_in, alice, folder, inside, sentence, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        answer = upload(signed_in(alice), inside, "picture.jpg")
    assert answer.status_code == 422
    assert sentence in answer.json()["error"]
    assert not Attachment.objects.exists()
    assert files(folder) == []


def test_one_that_would_fill_the_memory_is_ended(signed_in, alice, settings):
    settings.PICTURE_PIXELS = 900_000_000
    answer = upload(signed_in(alice), huge_png(29_000, 30_000), "picture.png")
    assert answer.status_code == 422
    assert "Send" in answer.json()["error"] or "send" in answer.json()["error"]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd-80x60.webp"),
        ("..\\..\\x.exe", "x-80x60.webp"),
        ("a\x00b.png", "picture-80x60.webp"),
        ("Küche & Bad (1).png", "kuche-bad-1-80x60.webp"),
        ("厨房.png", "picture-80x60.webp"),
        ("x" * 300 + ".png", "x" * 60 + "-80x60.webp"),
        (".htaccess", "htaccess-80x60.webp"),
    ],
)
def test_a_name_is_a_safe_one(alice, folder, name, kept):
    made = add_file(looked_at(io_file(picture("PNG", (80, 60)), name)), by=alice)
    assert made.name == kept
    assert all(path.is_relative_to(folder / "attachments") for path in files(folder))
    assert f"]({made.get_absolute_url()})" in made.markdown


def io_file(inside: bytes, name: str):
    from django.core.files.base import ContentFile

    return ContentFile(inside, name)


def test_a_member_has_so_much_room(signed_in, alice, bob, settings):
    settings.MEMBER_LIMIT = 30_000
    document = b"%PDF-" + b"x" * 20_000
    assert upload(signed_in(alice), document).status_code == 201
    answer = upload(signed_in(alice), document)
    assert answer.status_code == 422
    assert "Throw away those" in answer.json()["error"]
    assert upload(signed_in(bob), document).status_code == 201
    discard_file(Attachment.objects.get(by=alice), by=alice)
    assert upload(signed_in(alice), document).status_code == 201


# In a post


def test_it_goes_with_the_version_that_names_it(alice, bob):
    named, other, bobs = added(alice), added(alice), added(bob)
    post = make_post(alice, body=f"Look:\n\n{named.markdown}\n\n{bobs.markdown}")
    assert list(post.attachments.all()) == [named]
    assert set(Attachment.objects.filter(post=None)) == {other, bobs}
    actions.publish_version(post, content(body=f"{bobs.markdown} {named.markdown}"), by=bob, note="Both.", base=1)
    assert set(post.attachments.all()) == {named, bobs}
    make_post(alice, "Another", body=named.markdown)
    named.refresh_from_db()
    assert named.post == post


def test_who_writes_on_a_draft_sees_its_files_and_publishes_them(signed_in, alice, bob, charlie):
    """Bob edits for the same organization; Charlie belongs to another, and names what is not his to see."""
    picture = added(alice)
    begun = begin_draft(by=alice, title="Keys", body=picture.markdown)
    address = picture.get_absolute_url()
    assert signed_in(bob).get(address).status_code == 200
    begin_draft(by=charlie, title="Mine", body=picture.markdown)
    assert signed_in(charlie).get(address).status_code == 404
    sent = {"draft": begun.pk, "edition": 1, "title": "Keys", "body": picture.markdown, "area": "homelessness"}
    signed_in(bob).post("/posts/new/", {**sent, "organization": begun.organization_id})
    picture.refresh_from_db()
    assert picture.post is not None
    assert picture.draft is None
    assert signed_in(charlie).get(address).status_code == 200


@pytest.mark.parametrize(
    ("state", "who", "code"),
    [
        ("unbound", "alice", 200), ("unbound", "bob", 404), ("unbound", "charlie", 404), ("unbound", "mona", 404),
        ("unbound", None, 404),
        ("public", "alice", 200), ("public", "charlie", 200), ("public", None, 200),
        ("held", "alice", 200), ("held", "carla", 200), ("held", "charlie", 404), ("held", None, 404),
        ("withdrawn", "alice", 200), ("withdrawn", "charlie", 404), ("withdrawn", None, 404),
        ("hidden", "alice", 200), ("hidden", "charlie", 404), ("hidden", None, 404),
    ],
)  # fmt: skip
def test_it_is_seen_by_those_who_see_its_post(
    client, request, signed_in, alice, bob, carla, charlie, mona, state, who, code
):
    made = added(alice, picture("PNG", (800, 60)))
    if state != "unbound":
        post = make_post(alice, body=made.markdown)
        if state == "withdrawn":
            actions.withdraw(post, by=alice)
        elif state != "public":
            setattr(post, f"{state}_at", post.published_at)
            post.save()
    browser = signed_in(request.getfixturevalue(who)) if who else client
    wide = made.get_absolute_url()
    narrow = wide.replace(f"/{made.pk}/", f"/{made.pk}/640/")
    etag = f'"file-{made.pk}-0"'
    for address, headers, wanted in (
        (wide, {}, code),
        (narrow, {}, code),
        (wide, {"If-None-Match": etag}, code and 304),
    ):
        answer = browser.get(address, headers=headers)
        assert answer.status_code == (wanted if code == 200 else 404)


def test_how_a_picture_is_given_out(client, signed_in, alice):
    made = added(alice, picture("PNG", (800, 60)))
    post = make_post(alice, body=made.markdown)
    answer = client.get(made.get_absolute_url())
    assert answer["Content-Type"] == "image/webp"
    assert answer["Content-Disposition"].startswith("inline")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert answer["Cache-Control"] == "public, max-age=0, s-maxage=5"
    assert signed_in(alice).get(made.get_absolute_url())["Cache-Control"] == "private, no-cache"
    whole = bytes_of(answer)
    assert Image.open(io.BytesIO(whole)).size == (800, 60)
    for width, drawn in ((640, 640), (1280, 800), (99999, 800), (0, 800)):
        narrow = client.get(f"/attachments/{made.pk}/{width}/{made.name}")
        assert Image.open(io.BytesIO(bytes_of(narrow))).width == drawn
    again = client.get(made.get_absolute_url(), headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    page = client.get(post.get_absolute_url()).content.decode()
    assert (
        f'<img src="{made.get_absolute_url()}" alt="van" srcset="/attachments/{made.pk}/640/{made.name} 640w, ' in page
    )
    feed = client.get("/feed.atom").content.decode()
    assert f"http://localhost:8000{made.get_absolute_url()}" in feed
    assert "srcset" not in feed


def test_no_other_width_is_a_file(client, alice):
    made = added(alice, picture("PNG", (800, 60)))
    make_post(alice, body=made.markdown)
    assert client.get(f"/attachments/{made.pk}/17/{made.name}").status_code == 404


@pytest.mark.parametrize(
    ("inside", "kind"), [(b"%PDF-1.7\n<script>", "application/pdf"), (b"a,b\n<script>,2\n", "text/csv")]
)
def test_what_is_no_picture_is_only_ever_saved(client, alice, inside, kind):
    made = added(alice, inside, "x.html")
    make_post(alice, body=made.markdown)
    answer = client.get(made.get_absolute_url())
    assert bytes_of(answer) == inside
    assert answer["Content-Type"] == kind
    assert answer["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer["Content-Security-Policy"]


# Going


def test_throwing_away_ones_own(signed_in, alice, bob, folder, django_capture_on_commit_callbacks):
    made = added(alice, picture("PNG", (800, 60)))
    assert signed_in(bob).post(f"/attachments/{made.pk}/discard/").status_code == 404
    assert len(files(folder)) == 2
    with django_capture_on_commit_callbacks(execute=True):
        assert signed_in(alice).post(f"/attachments/{made.pk}/discard/").status_code == 302
    assert files(folder) == []
    discard_file(made, by=alice)
    bound = added(alice)
    make_post(alice, body=bound.markdown)
    assert signed_in(alice).post(f"/attachments/{bound.pk}/discard/").status_code == 403


def test_files_that_nothing_names_go_after_a_week(alice, folder, settings, django_capture_on_commit_callbacks):
    named, drafted, orphan, fresh = added(alice), added(alice), added(alice), added(alice)
    make_post(alice, body=named.markdown)
    begin_draft(by=alice, title="", body=f"Later: {drafted.markdown}")
    old = timezone.now() - dt.timedelta(days=settings.KEEP_UNNAMED_DAYS, hours=1)
    Attachment.objects.exclude(pk=fresh.pk).update(at=old)
    with django_capture_on_commit_callbacks(execute=True):
        tidy.func(timestamp=0)
    assert set(Attachment.objects.all()) == {named, drafted, fresh}
    assert len(files(folder)) == 3
    assert not folder.joinpath(orphan.file.name).exists()


def test_what_stands_in_json_is_text(signed_in):
    browser = signed_in(make_member("<b>"))
    answer = upload(browser, picture(), "<script>.jpg")
    assert json.loads(answer.content)["name"].startswith("script-")
