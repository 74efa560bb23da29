"""Every page in real Chromium: no violation that axe knows of, light and dark; nothing wider than the screen; no complaint."""

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

MARISOL = "marisol@harborstreet.example"
FOR_ALL = [
    "/",
    "/issue-areas/",
    "/issue-areas/housing/",
    "/issue-areas/homelessness/?rung=hunch",
    "/tags/{tag}/",
    "/places/united-states/",
    "/organizations/",
    "/organizations/harbor-street-housing-desk/",
    "/members/marisol/",
    "{post}",
    "{post}versions/1/",
    "{post}versions/",
    "{post}versions/1/compare/2/",
    "{post}versions/1/compare/4/?view=side-by-side",
    "{post}versions/2/compare/2/",
    "{withdrawn}",
    "{vetted}",
    "{aside}",
    "/search/",
    "/search/?q=deposit",
    "/search/?q=nothing-of-the-kind",
    "/about/",
    "/how-the-ladder-works/",
    "/moderation-log/",
    "/search/?rung=aside",
    "/learning-in-the-open/",
    "/appearance/",
    "/offline/",
    "/subscribe/area/1/",
    "/subscribe/search/?q=deposit&rung=hunch",
    "/leave/not-a-list/",
    "/nowhere/",
    "/drafts/shared/{key}/",
    "/search/?older=garbage",
    "/mailbox/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/login/code/",
    "/accounts/password/reset/",
]
FOR_MEMBERS = [
    "/",
    "/posts/new/",
    "/following/",
    "/drafts/",
    "/capture/",
    "/posts/new/?draft={draft}",
    "/drafts/{draft}/editions/",
    "/drafts/{draft}/share/",
    "/drafts/{draft}/comments/",
    "/drafts/{draft}/give-back/",
    "/attachments/",
    "/drafts/open/",
    "/notifications/",
    "/subscribe/area/2/",
    "/subscribe/post/1/",
    "/account/",
    "/account/profile/",
    "/organizations/new/",
    "/organizations/harbor-street-housing-desk/",
    "/organizations/harbor-street-housing-desk/edit/",
    "/organizations/harbor-street-housing-desk/posts/",
    "/issue-areas/homelessness/",
    "{post}",
    "{post}edit/",
    "{post}withdraw/",
    "{post}standing/",
    "{post}evidence/",
    "{post}step-down/",
    "{post}set-aside/",
    "{post}lineage/",
    "{own_hunch}check-back/",
    "{other}field-report/",
    "{post}comment/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/logout/",
]


@pytest.fixture(scope="session")
def addresses(chromium, site, environment) -> dict[str, str]:
    """Addresses of the sample that its files do not tell: those of its flagship post, of a withdrawn one, of a tag."""
    with psycopg.connect(environment["DATABASE_URL"]) as database:  # the one that was sent to be published
        sent = "SELECT id, share_key FROM knowledge_draft WHERE proposed_at IS NOT NULL"
        draft, key = database.execute(sent).fetchone()
    page = chromium.new_page(base_url=site)
    page.goto("/search/?q=deposit+viewing")
    post = page.locator(".card h3 a, .card h2 a").first.get_attribute("href")
    page.goto(post)
    tag = page.locator("a[href^='/tags/']").first.get_attribute("href")
    gone = next(number for number in range(1, 60) if page.request.get(f"/posts/{number}/").status == 410)
    found = {"post": post, "tag": tag.split("/")[2], "withdrawn": f"/posts/{gone}/"}
    lists = {
        "own_hunch": "rung=hunch&organization=harbor-street-housing-desk",
        "other": "organization=lantern-street-clinics",
        "vetted": "rung=vetted",
        "aside": "rung=aside",
    }
    for name, query in lists.items():
        page.goto(f"/search/?{query}")
        found[name] = page.locator(".card h3 a, .card h2 a").first.get_attribute("href")
    page.close()
    found |= {"draft": str(draft), "key": key}
    return found


SCREENS = pytest.mark.parametrize(
    ("width", "dark"),
    [
        pytest.param(1280, False, id="1280-light"),
        pytest.param(390, True, id="390-dark"),
        pytest.param(1280, True, id="1280-dark", marks=pytest.mark.long),
        pytest.param(390, False, id="390-light", marks=pytest.mark.long),
    ],
)


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{rule['id']}: {rule['help']}: {[node['html'][:160] for node in rule['nodes'][:3]]}" for rule in found]


def look(page: Page, paths: list[str], addresses: dict[str, str]) -> list[str]:
    wrong = []
    for path in paths:
        page.goto(path.format(**addresses))
        wrong += [f"{path}: {violation}" for violation in violations(page)]
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            wrong.append(f"{path}: {over} px wider than the screen")
    return wrong


@SCREENS
def test_pages_for_everybody(open_page, addresses, width, dark):
    assert look(open_page(width=width, dark=dark), FOR_ALL, addresses) == []


@SCREENS
def test_pages_for_members(open_page, addresses, width, dark):
    assert look(open_page(width=width, dark=dark, member=MARISOL), FOR_MEMBERS, addresses) == []


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/issue-areas/housing/",
        "{post}",
        "/posts/new/",
        "{post}versions/",
        "{post}versions/1/compare/4/",
        "{post}versions/1/compare/4/?view=side-by-side",
    ],
)
def test_nothing_is_wider_than_the_narrowest_screen(open_page, addresses, path):
    page = open_page(width=320, member=MARISOL)
    page.goto(path.format(**addresses))
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/issue-areas/housing/",
        "{post}",
        "{post}versions/",
        "{post}versions/1/compare/4/?view=side-by-side",
        "/organizations/harbor-street-housing-desk/",
        "/members/marisol/",
    ],
)
def test_nor_is_a_word_without_an_end(open_page, addresses, path):
    page = open_page(width=320)
    page.goto(path.format(**addresses))
    replaced = page.evaluate(
        """() => [...document.querySelectorAll("main :is(h1, h2 a, h3 a, p, dd, .tally a, .meta a, .body li)")]
            .filter(one => !one.closest("table"))
            .map(one => { one.textContent = "abcdefghij".repeat(12) }).length"""
    )
    assert replaced > 5
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_errors_beside_their_fields(open_page):
    page = open_page(member=MARISOL)
    page.goto("/posts/new/")
    page.evaluate("document.querySelector('main form').noValidate = true")
    page.fill("#id_takeaway", "What was typed stays.")
    page.click("main button:has-text('Publish')")
    assert page.input_value("#id_takeaway") == "What was typed stays."
    assert page.locator("#id_title").get_attribute("aria-invalid") == "true"
    described = page.locator("#id_title").get_attribute("aria-describedby").split()
    assert any("needs a title" in page.locator(f"#{name}").inner_text() for name in described)
    assert violations(page) == []
