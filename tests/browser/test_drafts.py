"""Writing that loses no word: saved as one types, kept through a cut line, a closed tab and an ended session, two at one draft."""

import re

from playwright.sync_api import expect

MARISOL, DEVIN = "marisol@harborstreet.example", "devin@harborstreet.example"
INES = "ines@harborstreet.example"
SAVED = re.compile(r"Saved at \d")


def begin(page, title: str, body: str) -> str:
    """Type a title and a text; gives the address of the draft that it is saved in."""
    page.goto("/posts/new/")
    page.fill("#id_title", title)
    page.locator("#id_body").press_sequentially(body)
    expect(page.locator("[data-saved]")).to_have_text(SAVED)
    page.wait_for_url("**/posts/new/?draft=*")
    return page.url


def test_what_is_typed_is_saved_and_found_again(open_page):
    page = open_page(width=390, member=MARISOL)
    address = begin(page, "Saved as one types", "Nobody pressed a button.")
    page.close()
    other = open_page(member=MARISOL)
    other.goto("/drafts/")
    other.click("text=Saved as one types")
    assert other.url == address
    expect(other.locator("#id_body")).to_have_value("Nobody pressed a button.")
    other.select_option("#id_area", label="Homelessness")
    other.click("main button:has-text('Publish')")
    expect(other.locator("h1")).to_have_text("Saved as one types")
    other.goto("/drafts/")
    expect(other.locator("main")).not_to_contain_text("Saved as one types")
    other.goto("/posts/new/")
    expect(other.locator("#id_title")).to_have_value("")


def test_a_cut_line_and_a_closed_tab_lose_no_word(open_page):
    page = open_page(member=MARISOL)
    context = page.context
    address = begin(page, "The line is cut", "Before the cut.")
    context.set_offline(True)
    page.locator("#id_body").press_sequentially(" After the cut.")
    expect(page.locator("[data-saved]")).to_contain_text("kept in this browser")
    page.close(run_before_unload=False)
    context.set_offline(False)
    again = context.new_page()
    again.goto(address)
    expect(again.locator("#id_body")).to_have_value("Before the cut. After the cut.")
    elsewhere = open_page(member=MARISOL)
    for _ in range(40):  # the tab may have saved it in closing, or the new one is about to
        elsewhere.goto(address)
        if elsewhere.input_value("#id_body") == "Before the cut. After the cut.":
            break
        elsewhere.wait_for_timeout(500)
    expect(elsewhere.locator("#id_body")).to_have_value("Before the cut. After the cut.")


def test_words_typed_before_the_first_saving_come_back(open_page):
    page = open_page(member=MARISOL)
    context = page.context
    page.goto("/posts/new/")
    context.set_offline(True)
    page.fill("#id_title", "Typed with no network at all")
    page.fill("#id_body", "In a basement.")
    page.fill("#id_tags", "basements")
    expect(page.locator("[data-saved]")).to_contain_text("kept in this browser")
    page.close(run_before_unload=False)
    context.set_offline(False)
    again = context.new_page()
    again.goto("/posts/new/")
    expect(again.locator("#id_title")).to_have_value("Typed with no network at all")
    expect(again.locator("#id_tags")).to_have_value("basements")


def test_words_that_the_site_has_already_make_no_conflict(open_page):
    """The site took them, and its answer was lost: what this browser kept is the same, and stands on the edition before."""
    page = open_page(member=MARISOL)
    address = begin(page, "The answer was lost", "Before.")
    edition = page.input_value("[name=edition]")
    page.route("**/drafts/save/", lambda route: (route.fetch(), route.fulfill(status=401, json={})))
    page.locator("#id_body").press_sequentially(" After.")
    expect(page.locator("[data-saved]")).to_contain_text("kept in this browser")
    page.close(run_before_unload=False)
    again = page.context.new_page()
    again.goto(address)
    expect(again.locator("#id_body")).to_have_value("Before. After.")
    assert int(again.input_value("[name=edition]")) > int(edition)
    again.select_option("#id_area", label="Homelessness")
    again.click("main button:has-text('Publish')")
    expect(again.locator("h1")).to_have_text("The answer was lost")


def test_what_only_this_browser_has_stands_among_the_drafts(open_page):
    page = open_page(width=390, member=MARISOL)
    page.goto("/posts/new/")
    page.route("**/drafts/save/", lambda route: route.fulfill(status=401, json={}))
    page.fill("#id_title", "Kept here only")
    page.locator("#id_body").press_sequentially("Said at the door.")
    expect(page.locator("[data-saved]")).to_contain_text("kept in this browser")
    page.goto("/drafts/")
    here = page.get_by_role("region", name="In this browser only")
    expect(here.get_by_role("link", name="Kept here only")).to_be_visible()
    here.get_by_text("Its words").click()
    expect(here.get_by_text("Said at the door.")).to_be_visible()
    page.unroute("**/drafts/save/")
    here.get_by_role("link", name="Kept here only").click()
    expect(page.locator("#id_body")).to_have_value("Said at the door.")
    expect(page.locator("[data-saved]")).to_have_text(SAVED)
    page.goto("/drafts/")
    expect(page.get_by_role("region", name="In this browser only")).to_have_count(0)
    expect(page.get_by_role("link", name="Kept here only").first).to_be_visible()


def test_what_only_this_browser_has_can_be_thrown_away(open_page):
    page = open_page(member=MARISOL)
    page.goto("/posts/new/")
    page.route("**/drafts/save/", lambda route: route.fulfill(status=401, json={}))
    page.fill("#id_title", "Not worth keeping")
    expect(page.locator("[data-saved]")).to_contain_text("kept in this browser")
    page.goto("/drafts/")
    page.get_by_role("button", name="Throw away : Not worth keeping").click()
    expect(page.get_by_role("region", name="In this browser only")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("region", name="In this browser only")).to_have_count(0)


def test_when_the_line_is_back_it_is_saved_by_itself(open_page):
    page = open_page(member=MARISOL)
    begin(page, "Back by itself", "Before.")
    page.context.set_offline(True)
    page.locator("#id_body").press_sequentially(" During.")
    expect(page.locator("[data-saved]")).to_contain_text("kept in this browser")
    page.context.set_offline(False)
    expect(page.locator("[data-saved]")).to_have_text(SAVED)


def test_an_ended_session_loses_no_word(open_page):
    page = open_page(member=MARISOL)
    address = begin(page, "Signed out in the middle", "Before.")
    session = [cookie for cookie in page.context.cookies() if cookie["name"] == "sessionid"]
    page.context.clear_cookies(name="sessionid")
    page.locator("#id_body").press_sequentially(" After.")
    expect(page.locator("[data-saved]")).to_contain_text("You are signed out")
    page.context.add_cookies(session)
    page.close(run_before_unload=False)
    again = page.context.new_page()
    again.goto(address)
    expect(again.locator("#id_body")).to_have_value("Before. After.")


def test_two_at_one_draft_see_both_texts(open_page):
    mine = open_page(member=MARISOL)
    address = begin(mine, "Two at one draft", "The first sentence.")
    theirs = open_page(member=DEVIN)
    theirs.goto(address)
    theirs.locator("#id_body").press_sequentially(" Devin was here.")
    expect(theirs.locator("[data-saved]")).to_have_text(SAVED)
    mine.locator("#id_body").press_sequentially(" Marisol was here.")
    expect(mine.locator("[data-saved]")).to_contain_text("Devin Adeyanju saved it meanwhile")
    mine.click("button:has-text('Look at both')")
    expect(mine.locator("main")).to_contain_text("Both are here.")
    expect(mine.locator(".diff del").first).to_contain_text("Devin")
    expect(mine.locator(".diff ins").first).to_contain_text("Marisol")
    expect(mine.locator("#id_body")).to_have_value("The first sentence. Marisol was here.")
    mine.fill("#id_body", "The first sentence. Both were here.")
    expect(mine.locator("[data-saved]")).to_have_text(SAVED)
    mine.goto(address)
    expect(mine.locator("#id_body")).to_have_value("The first sentence. Both were here.")
    mine.click("text=What it said before")
    expect(mine.locator("main")).to_contain_text("Devin Adeyanju")


def test_without_scripts_a_button_saves(open_page):
    page = open_page(member=INES, scripts=False, width=390)
    page.goto("/posts/new/")
    page.fill("#id_title", "Saved by a button")
    page.click("text=Save draft")
    expect(page.locator(".flash")).to_contain_text("Saved.")
    page.click("text=Send to an editor")
    expect(page.locator("main")).to_contain_text("Sent to be published")


def test_a_note_from_the_front_page(open_page):
    page = open_page(member=MARISOL, width=390)
    page.goto("/")
    page.fill("#note-title", "Noted on the bus")
    page.fill("#note-body", "Where: line 23.")
    page.click("text=Keep as a draft")
    expect(page.locator("main")).to_contain_text("Noted on the bus")


def test_a_bookmark_brings_what_one_reads_elsewhere(open_page):
    page = open_page(member=MARISOL)
    page.goto("/capture/")
    page.get_by_text("Note what you read elsewhere").click()
    bookmark = page.get_by_role("link", name="Note it").get_attribute("href")
    assert bookmark.startswith("javascript:")
    there = page.context.new_page()
    there.route(
        "https://elsewhere.example/",
        lambda route: route.fulfill(
            content_type="text/html; charset=utf-8",
            body="<title>Deposits & keys</title><p>Nine in ten\x85 “found”\nnobody.</p>",
        ),
    )
    there.goto("https://elsewhere.example/")
    there.evaluate("getSelection().selectAllChildren(document.querySelector('p'))")
    with page.context.expect_page() as opened:
        there.evaluate(bookmark.removeprefix("javascript:"))
    note = opened.value
    expect(note.locator("#id_title")).to_have_value("Deposits & keys")
    expect(note.locator("#id_body")).to_have_value("> Nine in ten “found” nobody.\n\n<https://elsewhere.example/>")
    note.click("text=Keep as a draft")
    expect(note.locator("main")).to_contain_text("Deposits & keys")


def test_loading_the_page_again_shows_what_the_site_has(open_page):
    mine = open_page(member=MARISOL)
    address = begin(mine, "Loaded again", "The first sentence.")
    theirs = open_page(member=DEVIN)
    theirs.goto(address)
    theirs.fill("#id_body", "The first sentence. Devin was here.")
    expect(theirs.locator("[data-saved]")).to_have_text(SAVED)
    mine.reload()
    expect(mine.locator("#id_body")).to_have_value("The first sentence. Devin was here.")
    # Firefox alone would put what stood here before over it, and the number of the edition that it had been
    expect(mine.locator("form[data-draft]")).to_have_attribute("autocomplete", "off")


def test_a_draft_is_commented_on_at_its_secret_address(open_page):
    page = open_page(member=MARISOL)
    begin(page, "Shown to one who helps", "Read it, and say what is missing.")
    number = page.url.partition("draft=")[2]
    page.goto(f"/drafts/{number}/share/")
    page.click("main button:has-text('Make a secret address')")
    address = page.input_value("#address")
    other = open_page(member="rosa@steeltown.example")
    other.goto(address)
    other.fill("#id_body", "Say how many.")
    other.click("main button:has-text('Comment')")
    expect(other.locator("main")).to_contain_text("Say how many.")
    other.click("main button:has-text('Throw away')")
    expect(other.locator("main")).not_to_contain_text("Say how many.")
