"""How typing in the visual editor keeps up with a plain textarea, in a post of 5,000 words: `python -m bench.typing ADDRESS`.

ADDRESS is that of a running commons with its sample (`bin/start`). Each key is timed in the page, from its event to the next
frame, in the middle of the text; the two are measured in turn, and their medians are given with the ratio.
"""

import shutil
import statistics
import sys

from playwright.sync_api import Page, sync_playwright

MEMBER = ("marisol@harborstreet.example", "learning-in-the-open")
QUIETLY = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
WORDS = "Families lose the home in the days before we can pay, and *nobody* sees it **coming** at all. " * 10
TEXT = "\n\n".join(f"## Part {part}\n\n{WORDS}\n\n- one\n- two\n- three" for part in range(27))
KEYS = 100
ROUNDS = 5
WATCH = """() => {
    window.took = [];
    addEventListener("keydown", (event) => {
        const since = performance.now();
        requestAnimationFrame(() => setTimeout(() => took.push(performance.now() - since)));
    }, true);
}"""


def opened(page: Page, base: str, *, visual: bool) -> None:
    """Have the long text on the page, one way or the other, with the caret in the middle of it."""
    page.goto(f"{base}/posts/new/")
    page.wait_for_selector(".ProseMirror")
    if visual:
        page.fill("#id_body", TEXT)
        page.locator(".ProseMirror h2").nth(26).wait_for()
        page.locator(".ProseMirror h2").nth(13).click()
    else:
        page.click("text=Write as plain text")
        page.fill("#id_body", TEXT)
        page.evaluate("(at) => document.querySelector('#id_body').setSelectionRange(at, at)", len(TEXT) // 2)
        page.focus("#id_body")
    page.wait_for_timeout(500)


def typed(page: Page) -> list[float]:
    """Milliseconds that each key took."""
    page.evaluate(WATCH)
    page.keyboard.type("a word and " * (KEYS // 11), delay=30)
    page.wait_for_timeout(300)
    return page.evaluate("took")


def main(base: str) -> None:
    found: dict[bool, list[float]] = {True: [], False: []}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIETLY)
        for _ in range(ROUNDS):
            for visual in (True, False):
                page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
                page.goto(f"{base}/accounts/login/")
                page.fill("#id_login", MEMBER[0])
                page.fill("#id_password", MEMBER[1])
                page.click("main button:has-text('Sign in')")
                page.wait_for_url("**/")
                opened(page, base, visual=visual)
                found[visual] += typed(page)
                page.context.close()
    for visual, took in found.items():
        often = statistics.quantiles(took, n=20)
        print(
            f"{'visual' if visual else 'plain '}  median {statistics.median(took):6.1f} ms   19 of 20 within {often[-1]:6.1f} ms"
        )
    print(f"ratio of the medians: {statistics.median(found[True]) / statistics.median(found[False]):.2f}")


if __name__ == "__main__":
    main(sys.argv[1])
