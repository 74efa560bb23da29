"""What scripts add: a preview as one types, a comment in place, completion, what was typed kept; and what needs none of them."""

import re

from playwright.sync_api import expect

MARISOL, ROSA = "marisol@harborstreet.example", "rosa@steeltown.example"


def publish(page, title: str) -> str:
    page.goto("/posts/new/")
    page.fill("#id_title", title)
    page.fill("#id_body", "A few sentences.")
    page.select_option("#id_area", label="Homelessness")
    page.click("main button:has-text('Publish')")
    expect(page.locator("h1")).to_have_text(title)
    return page.url


def test_the_preview_follows_what_is_typed(open_page):
    page = open_page(member=MARISOL)
    page.goto("/posts/new/")
    page.click("text=Preview as you type")
    page.locator("#id_body").press_sequentially("Some **bold** words.")
    expect(page.locator("#live-preview strong")).to_have_text("bold")


def test_a_comment_appears_in_place_and_once(open_page):
    page = open_page(member=MARISOL)
    publish(page, "In place, and once")
    page.evaluate("window.stillHere = true")
    page.fill("#id_body", "First words.")
    sent = page.locator("#id_body").element_handle()
    page.dblclick("#discussion button:has-text('Comment')")
    expect(page.locator(".comment")).to_have_count(1)
    expect(page.locator(".comment")).to_contain_text("First words.")
    assert page.evaluate("window.stillHere") is True
    assert sent.evaluate("one => one.value") == ""  # or Firefox shows it again when the page is loaded anew
    page.fill("#id_body", "Second words.")
    page.click("#discussion button:has-text('Comment')")
    expect(page.locator(".comment")).to_have_count(2)


def test_an_answer_stands_under_what_it_answers_and_can_be_changed_and_withdrawn(open_page):
    page = open_page(member=MARISOL)
    address = publish(page, "Answers stand under what they answer")
    page.fill("#id_body", "A question of ours?")
    page.click("#discussion button:has-text('Comment')")
    peer = open_page(member=ROSA, scripts=False)
    peer.goto(address)
    peer.click(".comment >> text=Reply")
    peer.fill("#id_body", "An answer to @marisol.")
    peer.click("main button:has-text('Comment')")
    expect(peer.locator(".comment .comment")).to_contain_text("An answer to @marisol.")
    expect(peer.locator(".comment .comment .mention")).to_have_attribute("href", "/members/marisol/")
    peer.click(".comment .comment >> text=Edit")
    peer.fill("#id_body", "A better answer.")
    peer.click("main button:has-text('Save'), main button:has-text('Change')")
    expect(peer.locator(".comment .comment")).to_contain_text("A better answer.")
    expect(peer.locator(".comment .comment")).to_contain_text("edited")
    page.reload()
    expect(page.locator(".comment .comment")).to_contain_text("A better answer.")


def test_places_and_tags_are_completed(open_page):
    page = open_page(member=MARISOL)
    page.goto("/posts/new/")
    page.locator("#id_places").press_sequentially("Balti")
    expect(page.locator("datalist option[value^='Baltimore, Maryland']")).to_have_count(1)


def test_a_chosen_appearance_holds_everywhere_without_scripts(open_page):
    page = open_page(scripts=False)
    page.goto("/appearance/")
    page.check("input[name=theme][value=dark]")
    page.click("main button:has-text('Set')")
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_filters_work_without_scripts(open_page):
    page = open_page(scripts=False)
    page.goto("/issue-areas/housing/")
    page.locator(".facets a, form.facets label", has_text="Hunch").first.click()
    if "rung=" not in page.url:
        page.click("main button:has-text('Apply')")
    expect(page).to_have_url(re.compile("rung=hunch"))
    expect(page.locator(".chip", has_text="Hunch").first).to_be_visible()


def test_the_link_is_copied(open_page, site):
    page = open_page(member=MARISOL)
    address = publish(page, "To be passed on")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site)
    page.click("button:has-text('Copy the link')")
    assert page.evaluate("navigator.clipboard.readText()") == address


def test_the_keyboard_reaches_everything_in_order(open_page):
    page = open_page()
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"


def test_a_page_never_seen_is_the_offline_page_when_the_line_is_cut(open_page):
    page = open_page()
    page.goto("/")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    page.context.set_offline(True)
    page.goto("/organizations/")
    expect(page.locator("h1")).to_contain_text("offline", ignore_case=True)
    page.context.set_offline(False)
