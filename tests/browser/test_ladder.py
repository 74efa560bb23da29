"""A learning rises in the open on its record, by people of three organizations of the sample; another is set aside."""

import re

import pytest
from playwright.sync_api import Page, expect

MARISOL = "marisol@harborstreet.example"
ISLA, ROSA, THEO, KARIN = (
    "isla@lanternstreet.example",
    "rosa@steeltown.example",
    "theo@millracefund.example",
    "karin@lakeheadcounty.example",
)


def press(page: Page, words: str) -> None:
    page.click(f"main button:has-text('{words}')")


def publish(page: Page, title: str, body: str, **fields: str) -> str:
    """Publish a hunch, and give its address."""
    page.goto("/posts/new/")
    page.fill("#id_title", title)
    page.fill("#id_body", body)
    page.select_option("#id_area", label="Homelessness")
    for name, value in fields.items():
        page.fill(f"#id_{name}", value)
    press(page, "Publish")
    expect(page.locator("h1")).to_have_text(title)
    return page.url


def add_evidence(page: Page, address: str, statement: str, producer: str = "") -> None:
    page.goto(f"{address}evidence/")
    page.fill("#id_statement", statement)
    page.check("input[name=kind][value=data]")
    page.check("input[name=strength][value=moderate]")
    if producer:
        page.fill("#id_producer", producer)
    page.fill("#id_source", "The folder on the second shelf.")
    press(page, "Add this evidence")
    expect(page.locator("#evidence")).to_be_visible()
    expect(page.locator("main")).to_contain_text(statement)


def report(page: Page, address: str, outcome: str, account: str, **fields: str) -> None:
    page.goto(address)
    page.click("main >> text=We tried this here")
    said = {
        "place": "Leeds, United Kingdom",
        "began": "2026-02-01",
        "ended": "2026-06-30",
        "served": "31 families",
        **fields,
    }
    for name, value in {**said, "account": account}.items():
        page.fill(f"#id_{name}", value)
    page.check(f"input[name=outcome][value={outcome}]")
    press(page, "Publish the field report")
    expect(page.locator("main")).to_contain_text(account)


def review(page: Page, address: str, verdict: str, supports: str, missing: str = "") -> None:
    page.goto(address)
    page.click("main >> text=/Review version/")
    page.check(f"input[name=verdict][value={verdict}]")
    page.fill("#id_supports", supports)
    page.fill("#id_missing", missing)
    page.fill("#id_rely", "In a city of this size, yes.")
    page.fill("#id_interest", "None.")
    press(page, "Sign and publish")
    expect(page.locator("main")).to_contain_text(supports)


def stands_on(page: Page, address: str, rung: str) -> None:
    page.goto(address)
    expect(page.locator("main .post-head .rung")).to_have_text(re.compile(rung))


@pytest.mark.parametrize(("scripts", "width"), [(True, 1280), (False, 390)])
def test_a_hunch_becomes_a_vetted_finding(open_page, scripts, width):
    def sign_in(who: str) -> Page:
        return open_page(scripts=scripts, width=width, member=who)

    marisol, reader = sign_in(MARISOL), open_page(scripts=scripts, width=width)
    title = f"Keys left with a neighbour save the second visit {width}"
    address = publish(marisol, title, "Four visits in ten found nobody at home. With a key next door, one in ten.")
    stands_on(reader, address, "Hunch")

    # What the next rung wants is there for everybody to see; the case is written, a piece of evidence added, and it moves up
    expect(reader.locator("main")).to_contain_text("At least one piece of evidence")
    marisol.goto(f"{address}edit/")
    if not marisol.locator("#id_tried").is_visible():
        marisol.click("summary:has-text('The case')")
    marisol.fill("#id_tried", "A key with a neighbour whom the tenant names.")
    marisol.fill("#id_where_since", "Baltimore, since January 2026.")
    marisol.fill("#id_change_mind", "If one key in fifty goes missing.")
    press(marisol, "Publish the next version")
    marisol.goto(f"{address}standing/")
    marisol.fill("#id_why", "Too early.")
    press(marisol, "Move up")
    expect(marisol.locator("main .errors")).to_contain_text("Add at least one piece of evidence")
    expect(marisol.locator("#id_why")).to_have_value("Too early.")
    add_evidence(marisol, address, "Of 88 visits with a key next door, nine found nobody.")
    marisol.goto(f"{address}standing/")
    marisol.fill("#id_why", "Five months, 88 visits.")
    press(marisol, "Move up")
    stands_on(reader, address, "Emerging approach")

    # Two field reports: it did not work here, and it did there
    isla, karin = sign_in(ISLA), sign_in(KARIN)
    report(isla, address, "no", "Nobody wanted to hold a key.", struggled_when="neighbours change every month")
    report(
        karin, address, "worked", "Seven in ten second visits saved.", works_when="one neighbour knows the whole stair"
    )
    reader.goto(address)
    expect(reader.locator("main")).to_contain_text("1 worked, 1 did not work")
    expect(reader.locator("main")).to_contain_text("neighbours change every month")
    expect(reader.locator("main")).to_contain_text("one neighbour knows the whole stair")

    # It is challenged; the organization answers, and the challenger accepts that
    rosa = sign_in(ROSA)
    rosa.goto(address)
    rosa.fill("#id_body", "Who asked the tenants?")
    rosa.check("input[name=kind][value=challenge]")
    rosa.locator("form:has(#id_body) button:has-text('Comment')").click()
    expect(rosa.locator(".comment.challenge")).to_contain_text("Waiting for Harbor Street Housing Desk")
    marisol.goto("/")
    marisol.click("main >> text=/Rosa Delacroix-Bye challenges/")
    marisol.fill("#id_body", "We did, at the first visit. Six of 94 said no.")
    press(marisol, "Answer for")
    rosa.goto(address)
    rosa.click("main >> text=Does it settle it?")
    press(rosa, "It settles my challenge")
    reader.goto(address)
    expect(reader.locator(".comment.challenge")).to_contain_text("settled for Rosa")

    # A vetting: one asks for more, a version answers, both look at that, and it moves up by itself
    marisol.goto(f"{address}vetting/")
    marisol.fill("#id_asks", "Eighty-eight visits are not many.")
    press(marisol, "Open the vetting")
    reader.goto("/")
    expect(reader.locator("main")).to_contain_text("vetting open until")
    theo = sign_in(THEO)
    review(rosa, address, "approve", "The count is small and honest.")
    review(theo, address, "more", "Not yet for winter.", missing="A winter month.")
    stands_on(reader, address, "Emerging approach")
    marisol.goto(f"{address}edit/")
    marisol.fill("#id_body", "Four visits in ten found nobody. With a key, one in ten, in January too.")
    press(marisol, "Publish the next version")
    marisol.goto("/")
    marisol.click("main >> text=/Theo Lindgrave.* asks for more/")
    marisol.fill("#id_words", "January is in it now.")
    press(marisol, "Answer it")
    for page, words in ((rosa, "January holds too."), (theo, "January is what I wanted.")):
        page.goto("/")
        page.click("main >> text=/Look again/")
        expect(page.locator("main .diff ins").first).to_contain_text("January")
        page.check("input[name=verdict][value=approve]")
        page.fill("#id_supports", words)
        press(page, "Sign and publish")
    stands_on(reader, address, "Vetted finding")
    expect(reader.locator("main")).to_contain_text("Up to Vetted finding")
    expect(reader.locator("main")).to_contain_text("Approved by")
    expect(reader.locator("main")).to_contain_text("Not yet for winter.")  # the earlier verdict stays

    # It changes: readers go on seeing what was vetted, until one of its reviewers says that the change is editorial
    marisol.goto(f"{address}edit/")
    marisol.fill("#id_body", "Four visits in ten found nobody. With a key next door, one in ten: in January too.")
    press(marisol, "Publish the next version")
    reader.goto(address)
    expect(reader.locator("main")).to_contain_text("not looked at yet")
    expect(reader.locator("main .prose").first).not_to_contain_text("next door, one in ten: in")
    rosa.goto("/")
    rosa.click("main >> text=/Is the change editorial/")
    press(rosa, "Yes, it says the same")
    reader.goto(address)
    expect(reader.locator("main")).not_to_contain_text("not looked at yet")


@pytest.mark.parametrize(("scripts", "width"), [(True, 390), (False, 1280)])
def test_what_builds_on_a_post_that_was_set_aside_says_so(open_page, scripts, width):
    marisol, rosa = (open_page(scripts=scripts, width=width, member=who) for who in (MARISOL, ROSA))
    reader = open_page(scripts=scripts, width=width)
    title = f"A bell at the door brings people in {width}"
    address = publish(marisol, title, "Twice as many came in the week with the bell.")
    rosa.goto(address)
    rosa.click("main >> text=Build on this")
    expect(rosa.locator("#id_builds_on")).to_have_value(address)
    rosa.fill("#id_title", f"A bell and a bench {width}")
    rosa.fill("#id_body", "They stay when they can sit.")
    press(rosa, "Publish")
    built = rosa.url
    reader.goto(address)
    expect(reader.locator(".lineage")).to_contain_text("A bell and a bench")

    marisol.goto(f"{address}standing/")
    marisol.click("main >> text=Set aside")
    marisol.fill("#id_why", "It was the week of the fair.")
    for name in ("expected", "happened", "because", "next_time"):
        marisol.fill(f"#id_{name}", f"What we learned: {name}.")
    press(marisol, "Set it aside")
    stands_on(reader, address, "Set aside")
    expect(reader.locator("main .flash")).to_contain_text("It was the week of the fair.")
    reader.goto(f"/search/?rung=aside&q=bell+{width}")
    expect(reader.locator("main")).to_contain_text(title)

    reader.goto(built)
    expect(reader.locator("main .flash")).to_contain_text("has not said yet whether it still holds")
    rosa.goto("/")
    rosa.click("main >> text=/has fallen. Does it still hold/")
    rosa.fill("#id_why", "Ours had no fair.")
    press(rosa, "It still holds")
    reader.goto(built)
    expect(reader.locator("main .flash")).to_contain_text("Ours had no fair.")
