"""News on an open page: the bell's count rises while one looks at it, and the page is quiet while nobody does."""

from playwright.sync_api import expect

MARISOL, ROSA = "marisol@harborstreet.example", "rosa@steeltown.example"
STREAM = "/notifications/stream/"
WITHIN = 2_000  # milliseconds


def opened(page):
    """A page whose stream stands, and hears."""
    with page.expect_response(lambda answer: STREAM in answer.url) as stream:
        page.goto("/about/")
    assert stream.value.status == 200
    assert stream.value.headers["content-type"] == "text/event-stream"
    page.wait_for_timeout(1_000)  # a server that has just begun to listen tells every page once
    return page


def seen(page, *, hidden):
    """Pretend that the window is covered, or uncovered."""
    page.evaluate(
        "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange')) }",
        hidden,
    )


def test_the_count_rises_on_an_open_page_within_two_seconds_and_is_announced(open_page, commons):
    page = opened(open_page(member=MARISOL))
    bell, status = page.locator("[data-news] .count"), page.locator(".site-head [role=status]")
    for _ in range(2):
        waiting = commons.notify(MARISOL)
        expect(bell).to_have_text(f"{waiting} unread", timeout=WITHIN)
        expect(status).to_have_text(f"Notifications {waiting} unread")
    commons.read_all(MARISOL)
    expect(bell).to_be_empty(timeout=WITHIN)
    expect(status).to_have_text(f"Notifications {waiting} unread")  # that something was read is not announced


def test_what_a_peer_says_shows_on_the_authors_open_page(open_page, commons):
    author = open_page(member=MARISOL)
    author.goto("/posts/new/")
    author.fill("#id_title", "Said while somebody looks")
    author.fill("#id_body", "A few sentences.")
    author.select_option("#id_area", label="Homelessness")
    author.click("main button:has-text('Publish')")
    expect(author.locator("h1")).to_have_text("Said while somebody looks")
    commons.work()
    commons.read_all(MARISOL)
    post = author.url
    opened(author)
    peer = open_page(member=ROSA, scripts=False)
    peer.goto(post)
    peer.fill("#id_body", "We see this in Leeds.")
    peer.click("main button:has-text('Comment')")
    commons.work()
    expect(author.locator("[data-news] .count")).to_have_text("1 unread", timeout=WITHIN)


def test_news_for_others_ask_for_nothing(open_page, commons):
    page = opened(open_page(member=MARISOL))
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    commons.notify(ROSA)
    page.wait_for_timeout(1_000)
    assert asked == []


def test_a_page_that_nobody_sees_hears_nothing_and_catches_up_when_it_is_seen(open_page, commons):
    page = opened(open_page(member=MARISOL))
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    seen(page, hidden=True)
    waiting = commons.notify(MARISOL)
    page.wait_for_timeout(1_000)
    assert asked == []
    seen(page, hidden=False)
    expect(page.locator("[data-news] .count")).to_have_text(f"{waiting} unread", timeout=WITHIN)


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
