"""Files in a text, in real Chromium: dropped, pasted and chosen while writing, seen by a reader, gone with their post."""

import base64
import re

import pytest
from playwright.sync_api import expect

from tests.documents import samples
from tests.pictures import photograph, picture

MARISOL = "marisol@harborstreet.example"

HAND_OVER = """([kind, inside, name, type]) => {
    const bytes = Uint8Array.from(atob(inside), (one) => one.charCodeAt(0));
    const carried = new DataTransfer();
    carried.items.add(new File([bytes], name, { type }));
    const area = document.querySelector("#id_body");
    const event = kind === "paste"
        ? new ClipboardEvent("paste", { clipboardData: carried, bubbles: true, cancelable: true })
        : new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true });
    area.dispatchEvent(event);
    return event.defaultPrevented;
}"""


def hand_over(page, kind: str, inside: bytes, name: str = "kitchen.jpg", of: str = "image/jpeg") -> bool:
    """Drop or paste a file on the text; gives whether the page took it."""
    return page.evaluate(HAND_OVER, [kind, base64.b64encode(inside).decode(), name, of])


def write(page, title: str, body: str = "Before.\n\nAfter.") -> None:
    page.goto("/posts/new/")
    page.fill("#id_title", title)
    page.fill("#id_body", body)
    page.select_option("#id_area", label="Homelessness")


@pytest.mark.parametrize("width", [1280, 390])
def test_a_picture_from_the_writers_hand_to_the_readers_eye(open_page, width):
    page = open_page(width=width, member=MARISOL)
    write(page, f"A door that does not shut {width}")
    page.evaluate("document.querySelector('#id_body').focus()")
    page.evaluate("document.querySelector('#id_body').setSelectionRange(7, 7)")
    assert hand_over(page, "drop", photograph((1600, 1200)), "kitchen door.jpg")
    line = r"!\[kitchen door\]\(/attachments/\d+/kitchen-door-1200x1600\.webp\)"
    expect(page.locator("#id_body")).to_have_value(re.compile(rf"^Before\.\n\n{line}\n\nAfter\.$"))
    expect(page.locator("[data-attach] [role=status]")).to_contain_text("say what it shows")
    page.keyboard.press("Control+z")
    expect(page.locator("#id_body")).to_have_value("Before.\n\nAfter.")
    page.keyboard.press("Control+Shift+z")
    assert hand_over(page, "paste", picture("PNG", (300, 200)), "image.png", "image/png")
    expect(page.locator("#id_body")).to_have_value(re.compile(r"/image-300x200\.webp"))
    page.set_input_files("[data-attach] input[type=file]", {
        "name": "days.csv", "mimeType": "text/csv", "buffer": b"month,moves\nMarch,7\n",
    })  # fmt: skip
    expect(page.locator("#id_body")).to_have_value(re.compile(r"\[days\.csv\]\(/attachments/\d+/days\.csv\)"))
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    page.click("main button:has-text('Publish')")
    page.wait_for_url("**/posts/*/a-door-*/")
    address = page.url

    reader = open_page(width=width, member="rosa@steeltown.example")
    reader.goto(address)
    shown = reader.locator(".prose img").first
    shown.scroll_into_view_if_needed()
    expect(shown).to_have_js_property("complete", True)
    assert shown.evaluate("one => one.decode().then(() => one.naturalWidth)") > 0
    assert shown.evaluate("one => one.currentSrc").rpartition("/")[2] == "kitchen-door-1200x1600.webp"
    box = shown.bounding_box()
    assert abs(box["height"] / box["width"] - 1600 / 1200) < 0.02
    source = shown.get_attribute("src")
    assert open_page().request.get(source).status == 200

    page.goto(f"{address}withdraw/")
    page.click("main button:has-text('Withdraw')")
    assert open_page().request.get(source).status == 404
    assert reader.request.get(source).status == 404


def test_what_is_refused_is_said_and_the_text_stays(open_page):
    page = open_page(member=MARISOL)
    write(page, "Refused")
    hand_over(page, "drop", b"<svg onload='alert(1)'/>", "x.svg", "image/svg+xml")
    expect(page.locator(".uploads .error")).to_contain_text("SVG drawing")
    assert page.input_value("#id_body") == "Before.\n\nAfter."
    page.click(".uploads button:has-text('Close')")
    expect(page.locator(".uploads li")).to_have_count(0)
    page.context.clear_cookies(name="sessionid")
    hand_over(page, "drop", picture())
    expect(page.locator(".uploads .error")).to_contain_text("sign in in another tab")


def test_one_under_way_can_be_cancelled_and_holds_up_publishing(open_page):
    page = open_page(member=MARISOL)
    write(page, "Slow")
    page.route("**/attachments/", lambda route: None)  # never answered
    hand_over(page, "drop", picture(), "slow.jpg")
    expect(page.locator(".uploads progress")).to_have_count(1)
    page.click("main button:has-text('Publish')")
    expect(page.locator("[data-attach] [role=status]")).to_contain_text("still on its way")
    page.click(".uploads button:has-text('Cancel')")
    expect(page.locator(".uploads li")).to_have_count(0)
    page.unroute("**/attachments/")
    hand_over(page, "drop", picture(), "quick.jpg")
    expect(page.locator("#id_body")).to_have_value(re.compile("quick-800x600"))
    assert "slow" not in page.input_value("#id_body")


def test_a_picture_that_waits_long_stays_cancellable_and_keeps_the_words(open_page):
    page = open_page(member=MARISOL)
    write(page, "In line")
    waits = {
        "state": "waiting",
        "address": "/conversions/1/",
        "words": "Your picture waits to be read. 3 are before it.",
    }
    page.route("**/conversions/*/", lambda route: route.fulfill(status=202, json=waits))
    hand_over(page, "drop", picture(), "slow.jpg")
    expect(page.locator("[data-attach] [role=status]")).to_contain_text("3 are before it")
    page.fill("#id_body", "Before.\n\nAfter, and more.")
    page.click(".uploads button:has-text('Cancel')")
    expect(page.locator(".uploads li")).to_have_count(0)
    page.unroute("**/conversions/*/")
    hand_over(page, "drop", picture(), "quick.jpg")
    expect(page.locator("#id_body")).to_have_value(re.compile("and more.*quick-800x600", re.DOTALL))
    assert "slow" not in page.input_value("#id_body")


def test_a_picture_that_is_refused_after_it_waited_says_why(open_page):
    page = open_page(member=MARISOL)
    write(page, "Broken")
    hand_over(page, "drop", picture()[:300], "broken.jpg")
    expect(page.locator(".uploads .error")).to_contain_text("cannot be read")
    assert page.input_value("#id_body") == "Before.\n\nAfter."


def test_words_beside_a_picture_are_what_is_pasted(open_page):
    page = open_page(member=MARISOL)
    write(page, "From Word")
    assert not page.evaluate(
        """() => {
        const carried = new DataTransfer();
        carried.setData("text/plain", "words");
        carried.items.add(new File(["x"], "image.png", { type: "image/png" }));
        const event = new ClipboardEvent("paste", { clipboardData: carried, bubbles: true, cancelable: true });
        document.querySelector("#id_body").dispatchEvent(event);
        return event.defaultPrevented;
    }"""
    )
    expect(page.locator(".uploads li")).to_have_count(0)


def test_another_editor_hands_files_over(open_page):
    page = open_page(member=MARISOL)
    write(page, "Handed over")
    untaken = page.evaluate(
        """(inside) => {
        const bytes = Uint8Array.from(atob(inside), (one) => one.charCodeAt(0));
        const offer = new CustomEvent("commons:files", { bubbles: true, cancelable: true, detail: {
            files: [new File([bytes], "a.jpg", { type: "image/jpeg" })],
            insert: ({ src, alt, markdown }) => (document.title = `${alt} ${src} ${markdown}`),
        } });
        return document.querySelector("#id_body").dispatchEvent(offer);
    }""",
        base64.b64encode(picture()).decode(),
    )
    assert not untaken
    expect(page).to_have_title(re.compile(r"^a /attachments/\d+/a-800x600\.webp !\[a\]\(/attachments/"))
    assert page.input_value("#id_body") == "Before.\n\nAfter."


def test_without_scripts_by_a_page_of_its_own(open_page, tmp_path):
    page = open_page(scripts=False, width=390, member=MARISOL)
    page.goto("/posts/new/")
    with page.context.expect_page() as opened:
        page.click("main >> text=Add a picture or a file")
    other = opened.value
    other.set_input_files(
        "#id_file", {"name": "step.png", "mimeType": "image/png", "buffer": picture("PNG", (300, 200))}
    )
    other.click("main button:has-text('Add this file')")
    line = other.locator("li:target input[readonly]").input_value()
    assert re.fullmatch(r"!\[step\]\(/attachments/\d+/step-300x200\.webp\)", line)
    other.click("li:target button:has-text('Throw away')")
    expect(other.locator("main")).not_to_contain_text("step-300x200")


@pytest.mark.parametrize(("scripts", "width"), [(True, 1280), (False, 390)])
def test_a_word_document_becomes_a_post(open_page, scripts, width):
    page = open_page(scripts=scripts, width=width, member=MARISOL)
    page.goto("/posts/new/")
    page.click("main >> text=Open a document")
    word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    page.set_input_files("#id_document", {"name": "notes.docx", "mimeType": word, "buffer": samples.word()})
    page.click("main button:has-text('Open it')")
    page.wait_for_url("**/posts/new/?draft=*")
    assert page.input_value("#id_title") == "Keys next door"
    page.select_option("#id_area", label="Homelessness")
    page.click("main button:has-text('Publish')")
    page.wait_for_url("**/posts/*/keys-next-door/")
    prose = open_page(width=width)
    prose.goto(page.url)
    expect(prose.locator(".prose table td").first).to_have_text("Spring")
    shown = prose.locator(".prose img")
    shown.scroll_into_view_if_needed()
    assert shown.evaluate("one => one.decode().then(() => one.naturalWidth)") > 0
    assert shown.get_attribute("alt") == "The kitchen [before]"
    assert prose.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
