"""Writing visually: by keyboard alone, by paste, in step with the textarea, and never changing what nobody touched."""

import base64
import gzip
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.pasted import NOTES, PROGRAMS
from tests.browser.test_every_page import addresses, violations  # noqa: F401 - a fixture
from tests.pictures import picture

MARISOL = "marisol@harborstreet.example"
ROOT = Path(__file__).resolve().parents[2]
TEXT = ".ProseMirror"
PASTE = """([html, text, rtf]) => {
    const clipboard = new DataTransfer();
    if (html) clipboard.setData("text/html", html);
    if (rtf) clipboard.setData("text/rtf", rtf);
    clipboard.setData("text/plain", text);
    document.querySelector(".ProseMirror").dispatchEvent(
        new ClipboardEvent("paste", { clipboardData: clipboard, bubbles: true, cancelable: true }));
}"""


@pytest.fixture
def page(open_page):
    page = open_page(member=MARISOL)
    page.goto("/posts/new/")
    page.wait_for_selector(TEXT)
    return page


def has(page, markdown):
    """Wait until the textarea says this."""
    expect(page.locator("#id_body")).to_have_value(markdown)


def begin_with(page, markdown):
    page.evaluate(
        """(text) => {
            const field = document.querySelector("#id_body");
            field.value = text;
            field.dispatchEvent(new Event("commons:replaced"));
        }""",
        markdown,
    )
    page.wait_for_timeout(300)


def test_the_bundle_is_small():
    size = len(gzip.compress((ROOT / "static/editor/editor.js").read_bytes(), 9))
    assert size <= 150 * 1024


def test_only_pages_on_which_one_writes_load_it(open_page, addresses):  # noqa: F811
    page = open_page(member=MARISOL)
    loaded = []
    page.on("request", lambda request: loaded.append(request.url))
    for path in ["/", addresses["post"], "/drafts/"]:
        page.goto(path)
    assert not [url for url in loaded if "/editor" in url]
    page.goto(f"{addresses['post']}edit/")
    expect(page.locator(TEXT)).to_be_visible()


def test_without_scripts_the_textarea_is_what_it_was(open_page):
    page = open_page(member=MARISOL, scripts=False)
    page.goto("/posts/new/")
    page.fill("#id_title", "Without scripts")
    page.fill("#id_body", "Some **bold** words.")
    page.select_option("#id_area", label="Homelessness")
    page.click("main button:has-text('Preview')")
    expect(page.locator("main .prose strong")).to_have_text("bold")


def test_a_long_post_is_written_by_keyboard_alone(page):
    page.focus("#id_takeaway")
    page.keyboard.press("Tab")  # the switch to plain text
    page.keyboard.press("Tab")  # the toolbar, one stop
    expect(page.get_by_role("button", name="Heading", exact=True)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("textbox", name="Tell us more")).to_be_focused()
    page.keyboard.type("What we saw in **March**, and ")
    page.keyboard.press("Control+i")
    page.keyboard.type("why")
    page.keyboard.press("Control+i")
    page.keyboard.type(" it matters.\n## The numbers\n/tab")
    expect(page.get_by_role("option", name="Table")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    for word in ["Where", "Homes", "Lost", "Hamilton", "31", "nine", "Leeds", "12"]:
        page.keyboard.type(word)
        page.keyboard.press("Tab")
    page.keyboard.type("two")
    expect(page.get_by_role("toolbar", name="Table")).to_be_visible()
    page.wait_for_timeout(100)
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(100)
    page.keyboard.type("- First\nSecond\n")
    page.keyboard.press("Tab")
    page.keyboard.type("under it\n")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("Third\n\n[ ] Ask again\n\n> They said so.\n\n1. one\ntwo\n\n```\nx = 1")
    page.keyboard.press("Control+Enter")
    page.keyboard.type("The end")
    page.keyboard.press("Control+Alt+f")
    page.keyboard.type("Our own count.")
    has(
        page,
        "What we saw in **March**, and *why* it matters.\n\n## The numbers\n\n"
        "| Where | Homes | Lost |\n| --- | --- | --- |\n| Hamilton | 31 | nine |\n| Leeds | 12 | two |\n\n"
        "- First\n- Second\n  - under it\n- Third\n\n* [ ] Ask again\n\n> They said so.\n\n1. one\n2. two\n\n"
        "```\nx = 1\n```\n\nThe end[^1]\n\n[^1]: Our own count.",
    )
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(page.locator(TEXT)).not_to_be_focused()


def test_the_toolbar_is_one_stop_and_says_what_is_on(page):
    page.click(TEXT)
    page.keyboard.press("Alt+F10")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    bold = page.get_by_role("button", name="Bold")
    expect(bold).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(TEXT)).to_be_focused()
    expect(bold).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("status").filter(has_text="Bold: on")).to_have_count(1)
    page.keyboard.type("loud")
    has(page, "**loud**")
    page.keyboard.press("Alt+F10")
    expect(bold).to_be_focused()
    page.keyboard.press("End")
    expect(page.get_by_role("button", name="Redo")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(TEXT)).to_be_focused()


def test_links_and_pictures_are_asked_for(page):
    page.click(TEXT)
    page.keyboard.type("Read it")
    page.keyboard.press("Shift+Home")
    page.wait_for_timeout(100)
    page.keyboard.press("Control+k")
    page.keyboard.type("example.org/a\n")
    has(page, "[Read it](https://example.org/a)")
    page.keyboard.press("End")
    page.wait_for_timeout(100)  # for the browser to tell where the caret is now
    page.keyboard.press("Enter")
    page.keyboard.type("/pic\n")
    page.get_by_label("Address of the picture").fill("https://example.org/p.png")
    page.get_by_label("What it shows").fill("A hall")
    page.get_by_label("Caption").fill("In March")
    page.get_by_role("button", name="Add it").click()
    has(page, '[Read it](https://example.org/a)\n\n![A hall](https://example.org/p.png "In March")')


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_is_pasted_keeps_its_shape_and_nothing_else(page, program):
    html, markdown = PROGRAMS[program]
    page.click(TEXT)
    page.evaluate(PASTE, [html, "as plain text"])
    has(page, markdown)


def test_a_picture_without_an_address_is_left_out_with_a_word(page):
    page.click(TEXT)
    page.evaluate(PASTE, [PROGRAMS["Word"][0], "as plain text"])
    expect(page.get_by_role("status").filter(has_text="A picture is left out")).to_have_count(1)
    expect(page.locator(".told", has_text="A picture is left out")).to_be_visible()


RED, BLUE = picture("PNG", (40, 30)), picture("JPEG", (50, 20))
# As Word and LibreOffice bring pictures along: each once more as a metafile, and a list's bullet that is a picture
RTF = r"""{\rtf1\ansi{\*\listtable{\*\listpicture{\*\shppict{\pict\pngblip BULLET}}}}
{\*\shppict{\pict{\*\picprop{\sp{\sn wzName}{\sv Hall \}}}}\picscalex100\picw40\pich30\pngblip\bliptag-15{\*\blipuid 0011}
RED}}{\nonshppict{\pict\picw40\wmetafile8
0100090000}} Words {\*\shppict{\pict\jpegblip BLUE}}}"""
RTF = RTF.replace("BULLET", "89" * 40).replace("RED", RED.hex("\n", 60)).replace("BLUE", BLUE.hex())
NAMED = (
    "<p>Before</p><p><img src='file:///C:/Users/x/clip_image001.png' alt='The hall'></p><p>Between</p>"
    "<p><img src='file:///C:/Users/x/clip_image002.jpg'></p><p>After</p>"
)


def addresses_in(page):
    """The addresses of the pictures in the text, once as many are there as are awaited."""
    return re.findall(r"!\[[^\]]*\]\((/attachments/[^)]+)\)", page.input_value("#id_body"))


def test_pictures_that_word_brings_along_become_files_in_their_places(page):
    page.click(TEXT)
    page.evaluate(PASTE, [NAMED, "as plain text", RTF])
    expect(page.locator("#id_body")).to_have_value(re.compile(r"(/attachments/.*){2}After$", re.DOTALL))
    first, second = addresses_in(page)
    has(page, f"Before\n\n![The hall]({first})\n\nBetween\n\n![picture]({second})\n\nAfter")
    assert [re.search(r"-(\d+x\d+)\.webp", address)[1] for address in (first, second)] == ["40x30", "50x20"]
    assert page.request.get(first).headers["content-type"] == "image/webp"
    expect(page.locator(".told:visible")).to_have_count(0)


def test_a_picture_that_holds_itself_stays_where_it_came_whatever_is_written_meanwhile(page):
    held = f"<p>One</p><p><img alt='Stairs' src='data:image/png;base64,{base64.b64encode(RED).decode()}'></p><p>Two</p>"
    page.click(TEXT)
    page.keyboard.type("Start. ")
    page.route("**/attachments/", lambda route: (page.wait_for_timeout(800), route.continue_()))
    page.evaluate(PASTE, [held, "as plain text"])
    page.keyboard.press("Control+Home")
    page.keyboard.type("Typed before it. ")
    expect(page.locator("#id_body")).to_have_value(re.compile(r"/attachments/"))
    (address,) = addresses_in(page)
    has(page, f"Typed before it. Start. One\n\n![Stairs]({address})\n\nTwo")


def test_a_broken_picture_is_left_out_and_the_words_stay(page):
    page.click(TEXT)
    page.evaluate(PASTE, ["<p>One <img src='data:image/png;base64,%%%'> two</p>", "as plain text"])
    has(page, "One two")
    expect(page.locator(".told", has_text="A picture is left out")).to_be_visible()


def test_a_picture_that_arrives_in_plain_text_is_named_at_its_end(page):
    page.click(TEXT)
    page.keyboard.type("Words")
    page.route("**/attachments/", lambda route: (page.wait_for_timeout(800), route.continue_()))
    page.evaluate(PASTE, [f"<img src='data:image/png;base64,{base64.b64encode(RED).decode()}'>", ""])
    page.click("text=Write as plain text")
    expect(page.locator("#id_body")).to_have_value(re.compile(r"^Words\n\n!\[.*\]\(/attachments/\d+/[^)]+\)\n$"))


@pytest.mark.parametrize("html", NOTES.values(), ids=NOTES)
def test_footnotes_are_pasted_as_footnotes(page, html):
    page.click(TEXT)
    page.evaluate(PASTE, [html, "as plain text"])
    has(page, "Nine in ten[^1] found nobody[^2].\n\n[^1]: Of **41**.\n\n[^2]: In March.")


def test_pasted_footnotes_are_numbered_on(page):
    begin_with(page, "Before[^1] it.\n\n[^1]: The first.\n")
    page.locator(f"{TEXT} > p").first.click()
    page.keyboard.press("End")
    page.evaluate(PASTE, [NOTES["Word"], "as plain text"])
    has(
        page,
        "Before[^1] it.Nine in ten[^2] found nobody[^3].\n\n[^1]: The first.\n\n[^2]: Of **41**.\n\n[^3]: In March.\n",
    )


def test_a_link_within_a_page_is_no_footnote(page):
    page.click(TEXT)
    page.evaluate(PASTE, ['<p>See <a href="#x" id="y">below</a>.</p><p id="x">Here it is.</p>', "as plain text"])
    has(page, "See below.\n\nHere it is.")


def test_pictures_of_another_site_are_told_of(page):
    page.click(TEXT)
    page.evaluate(PASTE, ["<p>See <img src='https://lh7.example/a.png' alt='A map'> here</p>", ""])
    expect(page.locator(".told", has_text="A picture is on another site, and will be a link")).to_be_visible()
    has(page, "See ![A map](https://lh7.example/a.png) here")


def test_where_nothing_may_be_kept_in_the_browser_one_writes_all_the_same(open_page):
    page = open_page(member=MARISOL)
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } })"
    )
    page.goto("/posts/new/")
    page.click(TEXT)
    page.keyboard.type("Some **bold** words")
    page.click("text=Write as plain text")
    has(page, "Some **bold** words")


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("# Title\n\n- a\n- b\n\n[x](https://e.example)", "# Title\n\n- a\n- b\n\n[x](https://e.example)"),
        ("2 * 3 * 4 = 24 and snake_case_name", "2 \\* 3 \\* 4 = 24 and snake_case_name"),
        ("Lantern Street 4\nHamilton\n\nSee you", "Lantern Street 4\\\nHamilton\n\nSee you"),
        ("one line", "one line"),
    ],
)
def test_plain_text_is_pasted_as_what_it_looks_like(page, text, markdown):
    page.click(TEXT)
    page.evaluate(PASTE, ["", text])
    has(page, markdown)


def test_more_than_a_post_holds_is_not_pasted(page):
    page.click(TEXT)
    page.keyboard.type("before")
    page.evaluate(PASTE, ["", "word " * 2_000_000])
    expect(page.get_by_role("status").filter(has_text="Nothing was pasted")).to_have_count(1)
    has(page, "before")


def test_the_switch_goes_both_ways_and_is_remembered(page):
    page.click(TEXT)
    page.keyboard.type("Some **bold** words")
    page.click("text=Write as plain text")
    expect(page.locator("#id_body")).to_be_focused()
    has(page, "Some **bold** words")
    page.keyboard.press("End")
    page.keyboard.type(", and _more_")
    page.click("text=Write visually")
    expect(page.locator(f"{TEXT} em")).to_have_text("more")
    has(page, "Some **bold** words, and _more_")
    page.click("text=Write as plain text")
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.locator("#id_body")).to_be_visible()
    expect(page.locator(TEXT)).to_have_count(0)


UNUSUAL = (
    "Setext\n======\n\n*  one\n*  two\n\n__bold__ and\nwrapped [words][a]\n\n"
    "[a]: https://e.example  'T'\n\n\n1) x\n2) y\n\n***\n"
)


def test_what_nobody_touches_stays_as_it_was_written(page):
    begin_with(page, UNUSUAL)
    has(page, UNUSUAL)
    page.click(f"{TEXT} h2")
    page.keyboard.press("End")
    page.wait_for_timeout(100)
    page.keyboard.type("!")
    has(page, UNUSUAL.replace("Setext\n======", "# Setext!"))
    page.keyboard.press("Backspace")
    has(page, UNUSUAL)


def test_a_text_that_would_read_otherwise_opens_as_plain_text_and_says_why(page):
    begin_with(page, "An __empty__ link: [](https://e.example)")
    expect(page.locator(".why")).to_contain_text("would change how")
    expect(page.locator(TEXT)).to_have_count(0)
    has(page, "An __empty__ link: [](https://e.example)")
    page.click("text=Write visually")
    expect(page.locator(".why")).to_be_visible()
    page.fill("#id_body", "An __empty__ link no more")
    page.click("text=Write visually")
    expect(page.locator(f"{TEXT} strong")).to_have_text("empty")


def test_the_caret_gets_out_of_a_table_at_the_end(page):
    begin_with(page, "| a | b |\n| --- | --- |\n| c | d |")
    page.click(f"{TEXT} td >> nth=1")
    page.wait_for_timeout(100)
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(100)
    page.keyboard.press("Enter")
    page.keyboard.type("After it")
    has(page, "| a | b |\n| --- | --- |\n| c | d |\n\nAfter it")


def test_what_another_script_writes_is_shown(page):
    begin_with(page, "## From elsewhere")
    expect(page.locator(f"{TEXT} h2")).to_have_text("From elsewhere")
    page.click(f"{TEXT} h2")
    page.keyboard.press("End")
    page.keyboard.type(" and here")
    has(page, "## From elsewhere and here")


def test_files_are_offered_to_whoever_takes_them(page):
    page.evaluate(
        """() => document.querySelector("#id_body").addEventListener("commons:files", (event) => {
            event.preventDefault();
            event.detail.insert({ src: "/static/icons/icon-192.png", alt: event.detail.files[0].name });
        })"""
    )
    page.click(TEXT)
    page.evaluate(
        """() => {
            const clipboard = new DataTransfer();
            clipboard.items.add(new File(["x"], "hall.png", { type: "image/png" }));
            document.querySelector(".ProseMirror").dispatchEvent(
                new ClipboardEvent("paste", { clipboardData: clipboard, bubbles: true, cancelable: true }));
        }"""
    )
    has(page, "![hall.png](/static/icons/icon-192.png)")


def test_a_post_is_published_as_it_was_written(page):
    page.fill("#id_title", "Written visually")
    page.click(TEXT)
    page.keyboard.type("One **bold** word.\n- and\na list")
    page.select_option("#id_area", label="Homelessness")
    page.click("main button:has-text('Publish')")  # at once: the textarea follows before the form is sent
    expect(page.locator("h1")).to_have_text("Written visually")
    expect(page.locator(".prose strong")).to_have_text("bold")
    expect(page.locator(".prose li")).to_have_count(2)


def test_an_empty_text_says_how_to_begin(page):
    hint = "getComputedStyle(document.querySelector('.ProseMirror'), '::before').content"
    assert "type / for headings" in page.evaluate(hint)
    page.click(TEXT)
    page.keyboard.type("x")
    assert page.evaluate(hint) == "none"


def test_a_missing_text_is_said_where_one_writes(page):
    page.fill("#id_title", "Nothing to say")
    page.select_option("#id_area", label="Homelessness")
    page.click("main button:has-text('Publish')")
    expect(page.locator(".why")).to_be_visible()
    expect(page.locator(TEXT)).to_be_focused()


EVERYTHING = (ROOT / "tests/browser/everything.md").read_text()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing(open_page, width, dark):
    page = open_page(width=width, dark=dark, member=MARISOL)
    page.goto("/posts/new/")
    begin_with(page, EVERYTHING)
    page.click(f"{TEXT} td >> nth=0")
    expect(page.get_by_role("toolbar", name="Table")).to_be_visible()
    wrong = violations(page)
    page.locator(f"{TEXT} > p").first.click()
    page.wait_for_timeout(100)
    page.keyboard.press("Home")
    page.keyboard.type("/")
    expect(page.get_by_role("listbox", name="Insert")).to_be_visible()
    wrong += violations(page)
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    wrong += violations(page)
    assert wrong == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    if width == 390:
        boxes = page.locator(".tools button:visible").evaluate_all(
            "all => all.map(b => [b.offsetWidth, b.offsetHeight])"
        )
        assert boxes
        assert all(wide >= 44 and high >= 44 for wide, high in boxes)
