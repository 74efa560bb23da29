"""Takes the pictures in README.md from a commons that runs with its sample: `bin/start`, then

    python docs/pictures/app_pictures.py http://localhost:8000

Needs Playwright (in the development requirements) and a Chromium on the PATH. Writes docs/pictures/*.png. Run it again when
what they show has changed.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).resolve().parent
MEMBER = ("marisol@harborstreet.example", "learning-in-the-open")
POST = "Paying the deposit at the viewing"  # how the title of the pictured post begins
DESKTOP, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
QUIETLY = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def opened(browser: Browser, address: str, size: dict[str, int], theme: str = "light") -> Page:
    """A page at this address, in a window of this size, with its letters loaded."""
    context = browser.new_context(viewport=size, color_scheme=theme, reduced_motion="reduce")
    page = context.new_page()
    page.goto(address)
    page.evaluate("document.fonts.ready")
    return page


def main(base: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIETLY)
        front = opened(browser, base, DESKTOP)
        front.screenshot(path=HERE / "home.png")
        front.goto(f"{base}/issue-areas/homelessness/")
        post = base + front.get_by_role("link", name=POST).get_attribute("href")
        opened(browser, post, DESKTOP).screenshot(path=HERE / "post.png")
        opened(browser, post, PHONE, "dark").screenshot(path=HERE / "post-phone-dark.png")
        write = opened(browser, f"{base}/accounts/login/", DESKTOP)
        for label, text in zip(("login", "password"), MEMBER, strict=True):
            write.fill(f"#id_{label}", text)
        write.click("main form button >> nth=0")
        write.goto(f"{base}/posts/new/")
        write.fill("[name=title]", "Landlords answer the phone on Thursdays")
        write.locator(".ProseMirror").click()
        write.keyboard.type("Of 212 calls since June, the ones on a Thursday were answered twice as often.")
        write.get_by_text("Saved at").wait_for()
        write.evaluate("scrollTo(0, 0)")
        write.screenshot(path=HERE / "write.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"))
