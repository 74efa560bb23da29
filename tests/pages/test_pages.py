"""Every page: that it is there, what it costs, what it says of itself, and to whom."""

import re
from html.parser import HTMLParser

import pytest

from knowledge.posts.actions import publish_version
from knowledge.posts.models import Post
from knowledge.search import facets
from knowledge.stored import kept
from knowledge.topics import tree
from tests.make import area, content, make_comment, make_post, place

# address, queries of the anonymous, queries of a member: when nothing changed since it was last asked, yet nothing is kept
PAGES = [
    ("/", 1, 7),
    ("/issue-areas/", 1, 3),
    ("/issue-areas/housing/", 2, 5),
    ("/issue-areas/homelessness/?rung=hunch&tag=rent", 3, 6),
    ("/issue-areas/housing/?place=kenya&organization=harbor-street&sort=newest", 4, 7),
    ("/tags/rent/", 3, 6),
    ("/places/kenya/", 3, 6),
    ("/organizations/", 2, 4),
    ("/organizations/harbor-street/", 3, 6),
    ("/members/alice/", 3, 6),
    ("{post}", 2, 6),
    ("{post}versions/1/", 6, 8),
    ("{post}versions/", 3, 5),
    ("{post}versions/1/compare/2/", 6, 8),
    ("{post}versions/1/compare/2/?view=side-by-side", 6, 8),
    ("/search/", 2, 4),
    ("/search/?q=rent", 8, 10),
    ("/about/", 0, 2),
    ("/how-the-ladder-works/", 0, 2),
    ("/learning-in-the-open/", 0, 2),
    ("/appearance/", 0, 2),
    ("/offline/", 0, 2),
    ("/subscribe/area/{area}/", 1, 4),
    ("/sitemap.xml", 1, 1),
    ("/sitemap-pages.xml", 2, 2),
    ("/sitemap-posts-0.xml", 1, 1),
    ("/robots.txt", 0, 0),
    ("/.well-known/security.txt", 0, 0),
    ("/manifest.webmanifest", 0, 0),
    ("/opensearch.xml", 0, 0),
    ("/worker.js", 0, 0),
    ("/share/hunch.png", 0, 0),
    ("/healthz", 0, 0),
]
FEEDS = [
    ("/feed.atom", 2, 4),
    ("/issue-areas/housing/feed.atom", 2, 4),
    ("/search/feed.atom?q=rent", 8, 10),
    ("/tags/rent/feed.atom", 3, 5),
    ("/places/kenya/feed.atom", 3, 5),
    ("/organizations/harbor-street/feed.atom", 3, 5),
    ("/members/alice/feed.atom", 3, 5),
    ("{post}feed.atom", 7, 9),
]
MEMBERS_ONLY = [
    ("/posts/new/", 6),
    ("/following/", 9),
    ("/drafts/", 3),
    ("/capture/", 2),
    ("/attachments/", 4),
    ("/drafts/open/", 2),
    ("/notifications/", 5),
    ("/organizations/harbor-street/posts/", 4),
    ("{post}edit/", 8),
    ("{post}withdraw/", 4),
    ("{post}standing/", 8),
    ("{post}set-aside/", 3),
    ("{post}evidence/", 3),
]
ON_THE_WAY = [("{post}comment/", 4)]  # asks for the post first, so that a missing one is not promised


@pytest.fixture
def full(alice, bob, charlie):
    """A commons in which each list has more than one thing, so that a query a row would show."""
    for number in range(8):
        post = make_post(
            alice,
            f"Rent {number}",
            tags=["rent", "keys"],
            places=[place("KE"), place("BR")],
            issue_areas=[area(), area("food")],
            authors=[alice, bob],
        )
        asked = make_comment(post, charlie, "Is it the rent?")
        make_comment(post, alice, "It is.", parent=asked)
    changed = content(post.title, body="Four times.", tags=["rent"], places=[place("KE")])
    publish_version(post, changed, by=bob, note="Four, not three.", base=1)
    return Post.objects.select_related("shown").get(pk=post.pk)


@pytest.fixture(autouse=True)
def still(monkeypatch):
    """What is made again every few seconds is not due while a page's queries are counted."""
    monkeypatch.setattr(facets, "monotonic", lambda: 0.0)
    monkeypatch.setattr(tree, "monotonic", lambda: 0.0)


def address(path: str, post) -> str:
    return path.format(post=post.get_absolute_url(), area=area().pk)


@pytest.mark.parametrize(("path", "queries", "_"), PAGES + FEEDS)
def test_what_a_page_costs_the_anonymous(client, full, django_assert_num_queries, path, queries, _):
    assert client.get(address(path, full)).status_code == 200
    kept.pages.things.clear()
    url = address(path, full)
    with django_assert_num_queries(queries):
        client.get(url)


@pytest.mark.parametrize(("path", "_", "queries"), PAGES + FEEDS)
def test_what_a_page_costs_a_member(signed_in, alice, full, django_assert_num_queries, path, _, queries):
    browser = signed_in(alice)
    url = address(path, full)
    assert browser.get(url).status_code == 200
    with django_assert_num_queries(queries):
        browser.get(url)


@pytest.mark.parametrize(("path", "queries"), MEMBERS_ONLY + ON_THE_WAY)
def test_what_a_members_page_costs(signed_in, alice, full, django_assert_num_queries, path, queries):
    browser = signed_in(alice)
    url = address(path, full)
    assert browser.get(url).status_code == 200
    with django_assert_num_queries(queries):
        assert browser.get(url)["Cache-Control"].find("public") == -1


@pytest.mark.parametrize(("path", "_"), MEMBERS_ONLY + ON_THE_WAY)
def test_without_an_account_one_is_sent_to_sign_in_and_back(client, full, path, _):
    answer = client.get(address(path, full))
    assert answer.status_code == 302
    assert answer["Location"] == f"/accounts/login/?next={address(path, full)}"


def test_a_page_costs_no_more_when_there_is_more_on_it(client, alice, charlie, full, django_assert_num_queries):
    paths = [address(path, full) for path, _, _ in PAGES]

    def cost() -> list[int]:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        counts = []
        for path in paths:
            client.cookies.clear()
            client.get(path)
            kept.pages.things.clear()
            with CaptureQueriesContext(connection) as queries:
                client.get(path)
            counts.append(len(queries))
        return counts

    before = cost()
    for number in range(30):
        post = make_post(alice, f"More rent {number}", tags=["rent", f"tag {number}"], places=[place("KE")])
        make_comment(post, charlie)
        make_comment(full, charlie, f"And this is the {number}th.")
    assert cost() == before


@pytest.mark.parametrize(("path", "_", "__"), PAGES + FEEDS)
def test_every_answer_carries_the_same_policy(client, full, path, _, __):
    answer = client.get(address(path, full))
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'; base-uri 'none'" in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "strict-origin-when-cross-origin"


class Page(HTMLParser):
    """What a page says of itself."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.meta: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self.inline: list[str] = []
        self.ids: list[str] = []
        self.headings: list[int] = []
        self.elsewhere: list[str] = []
        self.title = ""
        self._in_title = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "meta" and (name := given.get("name") or given.get("property")):
            self.meta[name] = given.get("content") or ""
        if tag == "link":
            self.links[given.get("rel", "")] = given.get("href", "")
        if (tag == "script" and "src" not in given) or tag == "style" or "style" in given:
            self.inline.append(tag)
        if any(name.startswith("on") for name in given):
            self.inline.append(tag)
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        source = (
            given.get("src") if tag in ("script", "img", "iframe") else given.get("href") if tag == "link" else None
        )
        if source and re.match(r"https?:|//", source) and given.get("rel") != "canonical":
            self.elsewhere.append(source)
        self._in_title = tag == "title"

    def handle_data(self, data):
        if self._in_title:
            self.title += data
            self._in_title = False


HTML = [path for path, _, _ in PAGES if "." not in path and path != "/healthz"]


@pytest.mark.parametrize("path", HTML)
def test_every_page_is_whole(client, full, path):
    answer = client.get(address(path, full))
    page = Page(answer.content.decode())
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert page.title
    assert not page.inline
    assert not [source for source in page.elsewhere if "testserver" not in source and "localhost" not in source]
    assert len(page.ids) == len(set(page.ids))
    assert page.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(page.headings, page.headings[1:], strict=False))


PUBLIC = [
    "/",
    "/issue-areas/homelessness/",
    "/tags/rent/",
    "/places/kenya/",
    "/organizations/harbor-street/",
    "/members/alice/",
    "{post}",
]


@pytest.mark.parametrize(
    "path", [*PUBLIC, "/about/", "/how-the-ladder-works/", "/learning-in-the-open/", "/issue-areas/"]
)
def test_a_public_page_can_be_passed_on(client, full, settings, path):
    url = address(path, full)
    page = Page(client.get(url).content.decode())
    assert page.links["canonical"] == f"{settings.SITE_URL}{url}"
    assert page.meta["description"]
    assert page.meta["og:title"]
    assert page.meta["og:url"] == page.links["canonical"]
    picture = page.meta["og:image"]
    assert picture.startswith(settings.SITE_URL)
    assert client.get(picture.removeprefix(settings.SITE_URL))["Content-Type"] == "image/png"


def test_a_posts_picture_shows_its_rung(client, alice):
    from knowledge.posts.rungs import Rung

    for rung in (Rung.HUNCH, Rung.EMERGING):
        post = make_post(alice, f"A {rung.label}", rung=rung)
        page = Page(client.get(post.get_absolute_url()).content.decode())
        assert page.meta["og:image"].endswith(f"/share/{rung.slug}.png")


@pytest.mark.parametrize("path", PUBLIC)
def test_a_feed_is_found_from_its_page(client, full, path):
    html = client.get(address(path, full)).content.decode()
    feed = re.search(r'<link rel="alternate" type="application/atom\+xml"[^>]*href="([^"]+)"', html)
    assert feed
    assert client.get(re.sub(r"^https?://[^/]+", "", feed[1]))["Content-Type"].startswith("application/atom+xml")


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere/",
        "/issue-areas/nowhere/",
        "/tags/nowhere/",
        "/places/nowhere/",
        "/organizations/nowhere/",
        "/members/nobody/",
        "/posts/999999/x/",
        "/posts/99999999999999999999999999/x/",
        "/posts/0/x/",
        "/posts/x/",
        "/share/nothing.png",
        "/sitemap-posts-99.xml",
        "/subscribe/area/999999/",
        "/subscribe/nothing/1/",
        "/comments/999999/",
        "/static/nothing.css",
    ],
)
def test_what_is_not_there_is_a_404_that_helps(client, full, path):
    answer = client.get(path)
    assert answer.status_code == 404
    if not path.startswith("/static/"):
        assert 'href="/search/"' in answer.content.decode() or 'action="/search/"' in answer.content.decode()


@pytest.mark.parametrize("method", ["get", "head", "post"])
def test_a_static_file_that_is_not_there_asks_nobody_who_reads(signed_in, alice, django_assert_num_queries, method):
    browser = signed_in(alice)
    with django_assert_num_queries(0):
        answer = getattr(browser, method)("/static/nothing.css")
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/plain; charset=utf-8")
    assert answer["Cache-Control"] == "no-store"
    assert not answer.cookies


def test_nor_does_the_answer_that_the_process_lives_under_whatever_name(signed_in, alice, django_assert_num_queries):
    browser = signed_in(alice)
    for host, code in (("localhost", 200), ("elsewhere.example", 400)):
        with django_assert_num_queries(0):
            assert browser.get("/healthz", headers={"host": host}).status_code == code


@pytest.mark.parametrize(("path", "_", "__"), PAGES + FEEDS)
def test_reading_pages_take_no_other_method(client, full, path, _, __):
    if path in ("/appearance/", "/subscribe/area/{area}/"):
        return
    assert client.post(address(path, full)).status_code == 405
    assert b"".join(client.head(address(path, full))) == b""


def test_any_slug_leads_to_the_post_and_the_right_one_stays(client, full):
    for path in (f"/posts/{full.number}/", f"/posts/{full.number}/an-older-title/"):
        answer = client.get(path)
        assert (answer.status_code, answer["Location"]) == (301, full.get_absolute_url())


def test_the_robots_are_told_where_the_map_is(client, settings):
    text = client.get("/robots.txt").content.decode()
    assert f"Sitemap: {settings.SITE_URL}/sitemap.xml" in text


def test_the_map_names_every_public_page(client, full, settings):
    maps = re.findall(r"<loc>([^<]+)</loc>", client.get("/sitemap.xml").content.decode())
    listed = "".join(client.get(loc.removeprefix(settings.SITE_URL)).content.decode() for loc in maps)
    for path in PUBLIC:
        if path not in ("/tags/rent/", "/places/kenya/", "/members/alice/"):
            assert f"<loc>{settings.SITE_URL}{address(path, full)}</loc>" in listed


@pytest.mark.parametrize("theme", ["light", "dark", ""])
def test_appearance_is_remembered_without_an_account(client, theme):
    answer = client.post("/appearance/", {"theme": theme, "next": "/about/"})
    assert answer["Location"] == "/about/"
    html = client.get("/about/").content.decode()
    assert ('data-theme="' in html) == bool(theme)


def test_appearance_leads_nowhere_else(client):
    assert client.post("/appearance/", {"theme": "dark", "next": "https://elsewhere.example/"})["Location"] == "/"
