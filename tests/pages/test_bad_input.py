"""Whatever is sent: a clear sentence beside the right field or a proper 4xx page, nothing half-written, never a 500."""

import re
import uuid

import pytest
from django.test import Client

from commons.activity.models import Activity
from knowledge.comments.models import Comment
from knowledge.posts.models import Post, Version

HUNCH = {"title": "A hunch", "body": "We saw it twice.", "area": "homelessness", "language": "en", "rung": "hunch"}


@pytest.fixture
def browser(signed_in, alice) -> Client:
    return signed_in(alice)


def hunch(organization, **changes):
    return {**HUNCH, "organization": organization.pk, "key": str(uuid.uuid4()), **changes}


def words_of(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


ADDRESSES = [
    "/%ff/",
    "/tags/%ff%fe/",
    "/tags/%00/",
    "/tags/a%0ab/",
    "/places/%c3%28/",
    "/members/%e2%82/",
    "/organizations/%f0%28%8c%28/",
    "/posts/1/%ff/",
    "/posts/%d9%a1/x/",
    "/posts/-1/x/",
    "/posts/1e9/x/",
    "/posts/" + "9" * 400 + "/x/",
    "/" + "a" * 5000 + "/",
    "/issue-areas/../../etc/passwd",
    "/search/?q=%ff",
    "/search/?q=%00",
    "/search/?%ff=1",
    "/search/?rung=%ff",
    "/search/?q=a&q=b&q=%0d%0a",
    "/search/?older=%e2%82",
    "/?older=1-1&newer=1-1",
    "/search/?" + "&".join(f"a{n}=1" for n in range(3000)),
    "/issue-areas/housing/?tag=%f0%28%8c%28",
    "/tags/complete/?q=%ff",
    "/places/complete/?q=%00",
    "/appearance/?next=%ff",
    "/accounts/login/?next=%ff",
    "/accounts/login/?next=%00",
    "/feed.atom?q=%ff",
    "/share/%ff.png",
    "/static/%ff",
    "/static/..%2f..%2fmanage.py",
]


@pytest.mark.parametrize("path", ADDRESSES)
def test_an_address_nobody_could_mean(client, post, path):
    answer = client.get(path)
    assert answer.status_code in (200, 301, 400, 404)
    assert answer.status_code != 200 or "%ff" not in path


@pytest.mark.parametrize(
    "header",
    [
        "if-none-match",
        "if-modified-since",
        "cookie",
        "accept-language",
        "referer",
        "x-forwarded-for",
        "hx-target",
        "user-agent",
        "range",
    ],
)
@pytest.mark.parametrize(
    "value",
    [
        "\xff\xfe",
        "x" * 20_000,
        "a\\000b",
        "sessionid=\xff; theme=\xc3\x28",
        'theme="dark\\000"',
        "bytes=0-,,",
        "a=b; " * 500,
    ],
)
def test_a_header_nobody_could_mean(client, post, header, value):
    for path in ("/", post.get_absolute_url(), "/accounts/login/"):
        assert client.get(path, headers={header: value}).status_code in (200, 304, 400)


def test_a_hundred_thousand_fields_are_too_many(browser, organization):
    answer = browser.post("/posts/new/", {**hunch(organization), **{f"x{n}": "1" for n in range(100_000)}})
    assert answer.status_code in (400, 413)
    assert "at most 200 fields" in words_of(answer)
    assert not Post.objects.exists()


def test_five_megabytes_are_too_many(browser, organization):
    answer = browser.post("/posts/new/", hunch(organization, body="x" * 5_000_000))
    assert answer.status_code in (400, 413, 422)
    assert "too" in words_of(answer).lower() or "200,000" in words_of(answer)
    assert not Post.objects.exists()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"title=%ff&body=%c3%28&area=homelessness", "application/x-www-form-urlencoded"),
        (b"title=a%00b", "application/x-www-form-urlencoded"),
        (b"\xff\xfe\x00", "application/x-www-form-urlencoded"),
        (b"not a form", "multipart/form-data; boundary=x"),
        (
            b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\n\xff\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
        ),
        (b"x", "multipart/form-data"),
        (b"{}", "application/json"),
        (b"title=a", "application/x-www-form-urlencoded; charset=utf-7"),
        (b"title=a", "application/x-www-form-urlencoded; charset=no-such-thing"),
        (b"", ""),
    ],
)
@pytest.mark.parametrize(
    "path",
    [
        "/posts/new/",
        "/accounts/login/",
        "/organizations/new/",
        "/posts/preview/",
        "/posts/reads-alike/",
        "{post}comment/",
        "/subscribe/area/1/",
    ],
)
def test_a_body_that_is_no_form(browser, client, post, path, body, kind):
    before = (Post.objects.count(), Comment.objects.count())
    for who in (browser, client):
        answer = who.generic("POST", path.format(post=post.get_absolute_url()), body, content_type=kind)
        assert answer.status_code in (200, 302, 400, 413, 415, 422)
    assert (Post.objects.count(), Comment.objects.count()) == before


def test_a_form_without_its_token_is_told_what_to_do(alice, organization):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    answer = browser.post("/posts/new/", hunch(organization))
    assert answer.status_code == 403
    assert "again" in words_of(answer)
    assert not Post.objects.exists()


def test_a_form_whose_token_went_stale_gives_back_what_was_typed(alice, organization):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    answer = browser.post("/posts/new/", hunch(organization, body="An hour of typing."))
    assert answer.status_code == 403
    assert "An hour of typing." in answer.content.decode()
    elsewhere = browser.post(
        "/posts/new/", hunch(organization, body="Mine."), headers={"origin": "https://elsewhere.example"}
    )
    assert elsewhere.status_code == 403
    assert "Mine." not in elsewhere.content.decode()


def test_what_was_typed_survives_an_expired_session(client, alice, organization):
    answer = client.post(
        "/posts/new/", hunch(organization, title="Typed with the session gone", places=["Kenya", "Brazil"])
    )
    assert answer["Location"] == "/accounts/login/?next=/posts/new/"
    client.post("/accounts/login/", {"login": alice.email, "password": "correct-horse-battery"})
    html = client.get("/posts/new/").content.decode()
    assert "Typed with the session gone" in html
    assert 'value="Kenya"' in html
    assert 'value="Brazil"' in html
    assert not Post.objects.exists()


def test_a_form_that_went_stale_shows_both_texts(browser, signed_in, alice, bob, post):
    path = f"{post.get_absolute_url()}edit/"
    form = {**HUNCH, "base": 1, "note": "Mine."}
    assert signed_in(bob).post(path, {**form, "title": "What Bob wrote"}).status_code == 302
    answer = browser.post(path, {**form, "title": "What Alice wrote"}, follow=True)
    assert answer.status_code == 409
    assert "What Alice wrote" in answer.content.decode()
    assert "What Bob wrote" in answer.content.decode()
    assert Version.objects.count() == 2


def test_nothing_is_left_of_a_request_that_fails_half_way(browser, organization, monkeypatch):
    """The last step of publishing fails: neither post, version, move nor activity is there, and the form may be sent again."""
    from knowledge.posts import actions

    whole = actions.relist
    form = hunch(organization)
    before = Activity.objects.count()

    def broken(*_args, **_more):
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr(actions, "relist", broken)
    browser.raise_request_exception = False
    answer = browser.post("/posts/new/", form)
    assert answer.status_code == 500
    assert not Post.objects.exists()
    assert Activity.objects.count() == before
    monkeypatch.setattr(actions, "relist", whole)
    assert browser.post("/posts/new/", form).status_code == 302
    assert Post.objects.count() == 1


@pytest.mark.parametrize("action", ["publish", "preview", "nonsense", ""])
def test_the_preview_shows_how_it_will_read_and_publishes_nothing(browser, organization, action):
    answer = browser.post("/posts/new/", hunch(organization, body="Some **bold** words.", action=action))
    if action == "preview":
        assert "<strong>bold</strong>" in answer.content.decode()
    assert Post.objects.exists() == (action != "preview")


def test_comments_are_held_to_the_same(browser, post):
    path = f"{post.get_absolute_url()}comment/"
    for body, words in (("", "Write"), ("x" * 20_001, "20,000"), ("a\x07", "U+0007")):
        answer = browser.post(path, {"body": body, "kind": "comment"})
        assert answer.status_code == 422
        assert words in words_of(answer)
    assert browser.post(path, {"body": "Fine.", "kind": "shout"}).status_code == 422
    assert browser.post(f"{post.get_absolute_url()}comments/999999/", {"body": "Fine."}).status_code == 404
    assert not Comment.objects.exists()
