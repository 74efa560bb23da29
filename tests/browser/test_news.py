"""News on an open page: the bell's count rises while one looks at it, and the page is quiet while nobody does."""

import os
import time
from urllib.parse import urlsplit

import psycopg
import pytest
from playwright.sync_api import expect

from commons import news

MARISOL, ROSA = "marisol@harborstreet.example", "rosa@steeltown.example"
COUNT, STREAM = "/notifications/count/", "/notifications/stream/"
WITHIN = 2_000  # milliseconds


@pytest.fixture
def tell(site, worker_id):
    """Tells the open pages of whoever has this address that there is news."""
    own = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/commons_browser_{worker_id}").geturl()
    with psycopg.connect(own, autocommit=True) as connection:
        yield lambda email: connection.execute(
            "SELECT pg_notify(%s, id::text) FROM accounts_member WHERE email = %s", [news.CHANNEL, email]
        )


def opened(page):
    """A page whose stream stands, and hears."""
    with page.expect_response(lambda answer: STREAM in answer.url) as stream:
        page.goto("/about/")
    assert stream.value.status == 200
    assert stream.value.headers["content-type"] == "text/event-stream"
    page.wait_for_timeout(1_000)  # a server that has just begun to listen tells every page once
    return page


def answers(page, waiting):
    page.unroute_all()
    piece = f'{waiting}<span class="hidden"> unread</span>' if waiting else ""
    page.route(f"**{COUNT}", lambda route: route.fulfill(body=piece, content_type="text/html"))


def seen(page, *, hidden):
    """Pretend that the window is covered, or uncovered."""
    page.evaluate(
        "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange')) }",
        hidden,
    )


def test_the_count_rises_on_an_open_page_within_two_seconds_and_is_announced(open_page, tell):
    page = opened(open_page(member=MARISOL))
    bell, status = page.locator("[data-news] .count"), page.locator(".site-head [role=status]")
    for waiting in (1, 2):
        answers(page, waiting)
        since = time.monotonic()
        tell(MARISOL)
        expect(bell).to_have_text(f"{waiting} unread", timeout=WITHIN)
        assert time.monotonic() - since < WITHIN / 1000
        expect(status).to_have_text(f"Notifications {waiting} unread")
    answers(page, 0)
    tell(MARISOL)
    expect(bell).to_be_empty(timeout=WITHIN)
    expect(status).to_have_text("Notifications 2 unread")  # that something was read is not announced


def test_news_for_others_ask_for_nothing(open_page, tell):
    page = opened(open_page(member=MARISOL))
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    tell(ROSA)
    page.wait_for_timeout(1_000)
    assert asked == []


def test_a_page_that_nobody_sees_hears_nothing_and_catches_up_when_it_is_seen(open_page, tell):
    page = opened(open_page(member=MARISOL))
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    seen(page, hidden=True)
    tell(MARISOL)
    page.wait_for_timeout(1_000)
    assert asked == []
    page.evaluate("document.querySelector('[data-news] .count').textContent = '7'")  # read elsewhere meanwhile
    seen(page, hidden=False)
    expect(page.locator("[data-news] .count")).to_be_empty(timeout=WITHIN)


def test_without_an_account_no_page_asks_for_news(open_page):
    page = open_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/about/")
    page.wait_for_timeout(500)
    assert not [address for address in asked if "/notifications/" in address or "news" in address]


def test_signing_out_elsewhere_ends_the_stream_for_good(open_page):
    page = opened(open_page(member=MARISOL))
    other = page.context.new_page()
    other.goto("/account/")
    with page.expect_response(lambda answer: STREAM in answer.url, timeout=20_000) as asked:
        other.goto("/accounts/logout/")
        other.click("main button")
    assert asked.value.status == 204
