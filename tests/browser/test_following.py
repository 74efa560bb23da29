"""Following in a browser: by e-mail without an account, from the asking to the leaving; and a search, with an account."""

import re

import pytest
from playwright.sync_api import Page, expect

MARISOL, ROSA = "marisol@harborstreet.example", "rosa@steeltown.example"


def link_in_mail(page: Page, to: str, part: str) -> str:
    """An address in the newest mail that the trial's mailbox shows to somebody."""
    page.goto("/mailbox/")
    letter = page.locator("article", has_text=to).first.inner_text()
    return re.search(rf"http\S+{part}\S+", letter)[0]


@pytest.mark.parametrize(("scripts", "width"), [(True, 1280), (False, 390)])
def test_following_by_e_mail_without_an_account(open_page, commons, scripts, width):
    page = open_page(scripts=scripts, width=width)
    address = f"reader-{width}@people.example"
    page.goto("/issue-areas/homelessness/")
    page.click("main >> text=Subscribe")
    page.fill("#id_address", address)
    page.check("input[name=cadence][value=daily]")
    page.click("main button:has-text('Follow by e-mail')")
    expect(page.locator("h1")).to_have_text("Look in your mail")
    commons.work()
    page.goto(link_in_mail(page, address, "/confirm/"))
    page.click("main button:has-text('Yes, follow it')")
    expect(page.locator("h1")).to_have_text("You follow Homelessness")
    subscribed = (
        "SELECT count(*) FROM knowledge_subscription s JOIN knowledge_reader r ON r.id = s.reader_id"
        " WHERE r.address = %(email)s"
    )
    assert commons.run(subscribed, address) == 1

    # Something happens there, and a morning comes
    rosa = open_page(scripts=scripts, width=width, member=ROSA)
    rosa.goto("/posts/new/")
    rosa.fill("#id_title", f"Keys next door save the second visit {width}")
    rosa.fill("#id_body", "Four visits in ten found nobody.")
    rosa.select_option("#id_area", label="Homelessness")
    rosa.click("main button:has-text('Publish')")
    commons.work()
    commons.run(
        "UPDATE knowledge_notification n SET at = now() - interval '2 days' FROM knowledge_reader r"
        " WHERE r.id = n.reader_id AND r.address = %(email)s",
        address,
    )
    commons.a_minute_passes()
    page.goto(link_in_mail(page, address, "/leave/"))
    expect(page.locator("main")).to_contain_text("You would get no more")
    page.click("main button:has-text('Leave')")
    expect(page.locator("h1")).to_have_text("You have left")
    assert commons.run(subscribed, address) == 0


@pytest.mark.parametrize(("scripts", "width"), [(True, 390), (False, 1280)])
def test_a_search_is_followed_changed_and_left(open_page, scripts, width):
    page = open_page(scripts=scripts, width=width, member=MARISOL)
    page.goto("/search/?q=bus+driver")
    page.click("main >> text=Subscribe to this search")
    page.check("input[name=cadence][value=daily]")
    page.click("main button:has-text('Subscribe')")
    page.goto("/following/")
    line = page.locator(".follows li", has_text="“bus driver”")
    expect(line.locator("select")).to_have_value("daily")
    line.locator("select").select_option("weekly")
    line.locator("button:has-text('Set')").click()
    expect(page.locator(".follows li", has_text="“bus driver”").locator("select")).to_have_value("weekly")
    page.locator(".follows li", has_text="“bus driver”").locator("button:has-text('Stop')").click()
    expect(page.locator(".follows li", has_text="“bus driver”")).to_have_count(0)

    # The private feed gets an address, and another
    page.locator("#feed button").click()
    first = page.locator("#feed-address").input_value()
    assert page.request.get(first).status == 200
    page.click("main button:has-text('Change its address')")
    assert page.locator("#feed-address").input_value() != first
    assert page.request.get(first).status == 404
