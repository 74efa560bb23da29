"""Comparing versions as people do: without scripts, by keyboard, on a phone; and coming back to a post that has changed."""

import re

import pytest
from playwright.sync_api import expect

MARISOL, ROSA = "marisol@harborstreet.example", "rosa@steeltown.example"


@pytest.fixture(scope="session")
def flagship(chromium, site) -> str:
    """The address of the sample's post of four versions."""
    page = chromium.new_page(base_url=site)
    page.goto("/search/?q=deposit+viewing")
    address = page.locator(".card h3 a, .card h2 a").first.get_attribute("href")
    page.close()
    return address


@pytest.mark.parametrize("width", [1280, 390])
def test_two_versions_are_compared_without_scripts(open_page, flagship, width):
    page = open_page(scripts=False, width=width)
    page.goto(flagship)
    page.click("main >> text=Compare versions")
    expect(page.locator("ol.versions > li")).to_have_count(4)
    page.select_option("#compare-from", label=page.locator("#compare-from option").last.inner_text())
    page.click("main button:has-text('Compare')")
    expect(page.locator("h1")).to_have_text("What changed from version 1 to version 4")
    expect(page.locator(".lead")).to_contain_text(re.compile(r"\d+ words added, \d+ words? taken away, in "))
    expect(page.locator(".diff ins").first).to_be_visible()
    page.click("text=Side by side")
    expect(page).to_have_url(re.compile(r"/versions/1/compare/4/\?view=side-by-side$"))
    older, newer = (page.locator(".diff .pair:not(.heads)").first.locator("> *").nth(number) for number in (0, 1))
    stacked = older.bounding_box()["y"] + older.bounding_box()["height"] <= newer.bounding_box()["y"]
    assert stacked == (width == 390)
    shown = page.locator(".diff .which").first.bounding_box()
    assert (shown["width"] > 1) == stacked  # where the columns have heads, the words are for screen readers alone
    page.click("text=In one text")
    expect(page).to_have_url(re.compile(r"/versions/1/compare/4/$"))


def test_two_versions_are_compared_by_keyboard(open_page, flagship):
    page = open_page()
    page.goto(f"{flagship}versions/")
    page.focus("#compare-from")
    page.keyboard.press("End")
    page.keyboard.press("Tab")
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("What changed from version 1 to version 4")
    link = page.locator("text=Side by side")
    for _ in range(40):
        page.keyboard.press("Tab")
        if link.evaluate("one => one === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.locator("text=Side by side")).to_have_attribute("aria-current", "true")


def test_what_is_heard_says_what_was_added_and_what_taken_away(open_page, flagship):
    page = open_page()
    page.goto(f"{flagship}versions/1/compare/4/")
    heard = page.locator("main").aria_snapshot()
    assert 'heading "What changed from version 1 to version 4" [level=1]' in heard
    assert 'heading "The changes" [level=2]' in heard
    assert "insertion:" in heard
    assert "Added:" in heard
    assert "deletion:" in heard
    assert "Taken away:" in heard
    assert 'navigation "How to show the changes"' in heard


def test_neither_ink_nor_colour_is_needed(open_page, flagship):
    page = open_page()
    for view in ("", "?view=side-by-side"):
        page.goto(f"{flagship}versions/1/compare/4/{view}")
        for media in ({"media": "print"}, {"media": "screen", "forced_colors": "active"}):
            page.emulate_media(**media)
            lines = "one => getComputedStyle(one).textDecorationLine"
            assert page.locator(".diff ins").first.evaluate(lines) == "underline"
            assert page.locator(".diff del").first.evaluate(lines) == "line-through"
        page.emulate_media(media="print")
        assert not page.locator("main form").is_visible()


def test_coming_back_to_a_post_that_has_changed(open_page):
    page = open_page(member=MARISOL)
    page.goto("/posts/new/")
    page.fill("#id_title", "A post that will change")
    page.fill("#id_body", "We saw it three times.")
    page.select_option("#id_area", label="Homelessness")
    page.click("main button:has-text('Publish')")
    expect(page.locator("h1")).to_have_text("A post that will change")
    address = page.url

    reader = open_page(member=ROSA, scripts=False)
    reader.goto(address)
    expect(reader.locator("main")).not_to_contain_text("Changed since you last read it")

    page.goto(f"{address}edit/")
    page.fill("#id_body", "We saw it four times.")
    page.fill("#id_note", "Once more in June.")
    page.click("main button:has-text('Publish the next version')")
    expect(page.locator("main")).to_contain_text("Once more in June.")
    expect(page.locator("main")).not_to_contain_text("Changed since you last read it")

    reader.goto(address)
    reader.reload()
    expect(reader.locator("main")).to_contain_text("Changed since you last read it")
    reader.click("text=see what changed")
    expect(reader.locator(".diff del")).to_contain_text("three")
    expect(reader.locator(".diff ins")).to_contain_text("four")
    expect(reader.locator("main")).to_contain_text("Once more in June.")
