"""A long post, written as people write: typed, pasted, with tables and pictures, cut off in the middle; every word of it is there."""

import re

from playwright.sync_api import expect

from tests.browser.pasted import GOOGLE_DOCS, GOOGLE_DOCS_AS_MARKDOWN, WORD, WORD_AS_MARKDOWN
from tests.browser.test_editor import MARISOL, PASTE, TEXT
from tests.pictures import picture

PARAGRAPHS = [
    f"Week {week}: we called every family, and {week % 7} of {week + 9} found nobody." for week in range(1, 61)
]
# As Word brings along the one picture that its HTML only names
RTF = r"{\rtf1{\*\shppict{\pict\picw40\pich30\pngblip\bliptag1 HALL}}}".replace(
    "HALL", picture("PNG", (900, 300)).hex()
)


def test_a_long_post_with_tables_and_pictures_loses_no_word(open_page):
    page = open_page(member=MARISOL)
    page.goto("/posts/new/")
    page.wait_for_selector(TEXT)
    page.fill("#id_title", "A year of calls")
    page.click(TEXT)
    page.keyboard.type("/table\n")
    for cell in ("Call", "Reached", "Named one", "Day 30", "41", "6", "Day 60", "38"):
        page.keyboard.type(cell)
        page.keyboard.press("Tab")
    page.keyboard.type("17")
    page.wait_for_timeout(100)
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(100)
    page.keyboard.press("Enter")
    for paragraph in PARAGRAPHS:
        page.keyboard.insert_text(paragraph)
        page.keyboard.press("Enter")
    page.evaluate(PASTE, [WORD, "as plain text", RTF])
    expect(page.locator("#id_body")).to_have_value(re.compile(r"/attachments/\d+/"))
    page.keyboard.press("Control+End")
    page.keyboard.press("Enter")
    page.evaluate(PASTE, [GOOGLE_DOCS, "as plain text"])
    expect(page.locator("[data-saved]")).to_have_text(re.compile(r"Saved at \d"))
    page.wait_for_url("**/posts/new/?draft=*")
    address, context = page.url, page.context

    context.set_offline(True)
    page.locator(f"{TEXT} > p").first.click()
    page.keyboard.press("Home")
    page.keyboard.type("Typed while the line was cut.")
    expect(page.locator("#id_body")).to_have_value(re.compile(r"Typed while the line was cut\."))
    expect(page.locator("[data-saved]")).to_contain_text("kept in this browser")
    written = page.input_value("#id_body")
    page.close(run_before_unload=False)
    context.set_offline(False)

    again = context.new_page()
    again.goto(address)
    again.wait_for_selector(TEXT)
    expect(again.locator("#id_body")).to_have_value(written)
    for words in (
        *PARAGRAPHS,
        "Typed while the line was cut.",
        GOOGLE_DOCS_AS_MARKDOWN,
        WORD_AS_MARKDOWN,
        "| Day 60 | 38 | 17 |",
    ):
        assert words in written
    again.select_option("#id_area", label="Homelessness")
    again.click("main button:has-text('Publish')")
    expect(again.locator("h1")).to_have_text("A year of calls")
    expect(again.locator(".prose table")).to_have_count(3)
    for paragraph in PARAGRAPHS:
        expect(again.locator(".prose")).to_contain_text(paragraph)
    shown = again.locator(".prose img")
    shown.scroll_into_view_if_needed()
    expect(shown).to_have_js_property("complete", True)
    assert shown.evaluate("one => one.naturalWidth") > 0
