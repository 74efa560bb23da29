"""The main job, end to end: sign up, found an organization, publish a hunch, find it, comment, subscribe, read the feed."""

import re
import urllib.request

import feedparser
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PASSWORD, Commons

CODE = r"^\s*([A-Z0-9]{4,}(?:-[A-Z0-9]+)*)\s*$"  # on a line of its own


def code_for(page: Page, commons: Commons, address: str) -> str:
    """The newest code that the mailbox shows for an address. It is open while the code is on its way, and loads itself anew."""
    mailbox = page.context.new_page()
    mailbox.goto("/mailbox/")
    expect(mailbox.locator("main")).to_contain_text("is on its way")
    commons.work()
    # Other mail may have come with it
    letter = mailbox.locator("article", has_text=address).filter(has_text=re.compile(r"\bcode\b")).first.inner_text()
    mailbox.close()
    found = re.search(CODE, letter, re.MULTILINE)
    assert found, letter
    return found[1]


def sign_up(page: Page, commons: Commons, name: str, address: str) -> None:
    page.goto("/")
    page.click("header >> text=Share")
    page.click("main >> text=Create an account")
    page.fill("#id_name", name)
    page.fill("#id_email", address)
    page.fill("#id_password1", "a-long-pass-phrase")
    page.click("main button:has-text('Create account')")
    page.fill("#id_code", code_for(page, commons, address))
    page.click("main button >> nth=0")


@pytest.mark.parametrize(("scripts", "width"), [(True, 1280), (False, 390)])
def test_the_main_job(open_page, site, commons, scripts, width):
    run = f"{width}"
    page = open_page(scripts=scripts, width=width)
    sign_up(page, commons, f"Tomasz Wren {run}", f"tomasz{run}@fernhill.example")

    # On the way to the first post: the organization, in one short form
    expect(page).to_have_url(re.compile("/organizations/new/"))
    page.fill("#id_name", f"Fernhill Food Table {run}")
    page.fill("#id_description", "Bread and soup, three evenings a week.")
    page.click("main button:has-text('organization')")
    expect(page).to_have_url(f"{site}/posts/new/")

    # A hunch: a title, a few sentences, one issue area
    title = f"People take bread when nobody stands beside it {run}"
    page.fill("#id_title", title)
    page.fill(
        "#id_body",
        "On three evenings the table was left alone, and was empty by eight. When we stood there, half stayed.",
    )
    page.select_option("#id_area", label="Corner shops")
    page.click("main button:has-text('Publish')")
    expect(page.locator("h1")).to_have_text(title)
    expect(page.locator("main .rung").first).to_contain_text("Hunch")
    address = page.url

    # Found by its issue area, without an account
    reader = open_page(scripts=scripts, width=width)
    reader.goto("/issue-areas/")
    reader.click("main >> text=Corner shops")
    feed_address = reader.locator('link[type="application/atom+xml"]').get_attribute("href")
    reader.click(f"main >> text={title}")
    expect(reader.locator("h1")).to_have_text(title)

    # A peer comments
    peer = open_page(scripts=scripts, width=width, member="rosa@steeltown.example")
    peer.goto(address)
    peer.fill("#id_body", f"In Hamilton too: **nobody** likes to be watched. {run}")
    peer.check("input[name=kind][value=see_too]")
    peer.click("#comments button:has-text('Comment'), section button:has-text('Comment')")
    expect(peer.locator(".comment").first).to_contain_text("nobody likes to be watched")
    expect(peer.locator(".comment .kind").first).to_contain_text("We see this too")

    # … and subscribes to the issue area
    peer.goto("/issue-areas/corner-shops/")
    peer.locator("main details.subscribe summary").click()
    peer.check("input[name=cadence][value=daily]")
    peer.click("main details.subscribe button[value=subscribe]")
    expect(peer.locator("main details.subscribe summary").first).to_contain_text("Subscribed")
    peer.goto("/")
    expect(peer.locator("main")).to_contain_text(title)

    # The new post in the feed, by a real feed parser
    with urllib.request.urlopen(f"{site}{feed_address}") as answer:
        feed = feedparser.parse(answer.read())
    assert not feed.bozo
    assert feed.entries[0].title == title
    assert "empty by eight" in feed.entries[0].content[0].value
    assert feed.entries[0].link == address

    # The comment shows to everybody, and on the card
    reader.reload()
    expect(reader.locator(".comment").first).to_contain_text("In Hamilton too")


def test_signing_in_by_code(open_page, commons):
    page = open_page()
    page.goto("/accounts/login/")
    page.click("main >> text=E-mail me a code")
    page.fill("main input[type=email]", "marisol@harborstreet.example")
    page.click("main form button >> nth=0")
    page.fill("#id_code", code_for(page, commons, "marisol@harborstreet.example"))
    page.click("main form button >> nth=0")
    page.goto("/account/")
    expect(page.locator("main")).to_contain_text("Marisol Teague")


def test_the_next_version_keeps_the_address_and_the_old_version(open_page, site):
    page = open_page(member="marisol@harborstreet.example")
    page.goto("/posts/new/")
    page.fill("#id_title", "Keys handed over at night get lost")
    page.fill("#id_body", "Twice in a month.")
    page.select_option("#id_area", label="Homelessness")
    page.click("main button:has-text('Publish')")
    first = page.url
    page.click("main >> text=Write the next version")
    page.fill("#id_title", "Keys handed over by day do not get lost")
    page.fill("#id_note", "Three more weeks.")
    page.click("main button:has-text('Publish')")
    expect(page.locator("h1")).to_have_text("Keys handed over by day do not get lost")
    page.goto(first)
    expect(page.locator("h1")).to_have_text("Keys handed over by day do not get lost")
    page.goto(page.url + "versions/1/")
    expect(page.locator("h1")).to_have_text("Keys handed over at night get lost")


def test_a_password_of_the_sample_signs_in(open_page):
    page = open_page(member="mona@commons.example")
    page.goto("/account/")
    expect(page.locator("main")).to_contain_text("Mona")
    assert PASSWORD
