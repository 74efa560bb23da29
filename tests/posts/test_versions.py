"""The pages of a post's versions: all of them, each one, and any two compared."""

import pytest

from knowledge.ladder.vetting import confirm_editorial
from knowledge.posts.actions import publish_version
from knowledge.posts.models import Post, Version
from tests.make import CASE, area, content, make_post, make_ready, make_review, make_reviewer, make_vetting, place
from tests.posts.test_states import ANSWERS, put_in

PAGES = ["versions/", "versions/1/", "versions/1/compare/2/", "versions/1/compare/2/?view=side-by-side"]


def next_version(post, by, note="", **fields) -> Version:
    base = post.versions.latest("number").number
    return publish_version(post, content(**{"title": post.title, **fields}), by=by, note=note, base=base)


@pytest.fixture
def changed(post, alice) -> Post:
    """A post of three versions."""
    next_version(post, alice, "Four cities now, not three.", body="We saw it four times this month.", tags=["rent"])
    next_version(post, alice, title="Paying at the viewing keeps homes", body="We saw it four times.\n\nIn Leeds too.")
    post.refresh_from_db()
    return post


def words_of(answer) -> str:
    return " ".join(answer.content.decode().split())


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("state", "who"), [(state, who) for state, row in ANSWERS.items() for who in row])
def test_who_sees_the_versions_of_a_post(request, client, changed, state, who, path):
    if who != "anonymous":
        client.force_login(request.getfixturevalue(who))
    put_in(state, changed)
    code = 200 if who in ("carla", "alice") else ANSWERS[state][who]  # its own have the history in every state
    answer = client.get(f"{changed.get_absolute_url()}{path}")
    assert answer.status_code == code
    assert ("Four cities now" in words_of(answer)) == (code == 200 and path != "versions/1/")


def test_versions_are_listed_newest_first_each_with_its_note(client, changed):
    html = words_of(client.get(f"{changed.get_absolute_url()}versions/"))
    assert html.index(">Version 3<") < html.index(">Version 2<") < html.index(">Version 1<")
    assert html.count("Readers see this one") == 1
    assert "Four cities now, not three." in html
    assert html.count("Without a note.") == 1
    assert 'versions/2/compare/3/">What changed' in html
    assert "compare/1/" not in html


def test_a_post_of_one_version_offers_nothing_to_compare(client, post):
    html = words_of(client.get(f"{post.get_absolute_url()}versions/"))
    assert "One so far" in html
    assert "<select" not in html
    assert "versions/" not in words_of(client.get(post.get_absolute_url())).replace("versions/1/", "")


def test_a_posts_page_leads_to_its_versions(client, changed, alice):
    for number in range(4, 10):
        next_version(changed, alice, f"The {number}th.")
    html = words_of(client.get(changed.get_absolute_url()))
    assert "All 9 versions, and compare" in html
    assert "The 5th." in html
    assert "The 4th." not in html


def test_what_changed_is_told_in_words_and_marked(client, changed):
    html = words_of(client.get(f"{changed.get_absolute_url()}versions/1/compare/2/"))
    assert "<h1>What changed from version 1 to version 2</h1>" in html
    assert "1 word added, 1 word taken away, in Text. Tags changed too." in html
    assert '<del><span class="hidden" lang="en">Taken away: </span>three</del>' in html
    assert '<ins><span class="hidden" lang="en">Added: </span>four</ins>' in html
    assert '<ins><span class="hidden">Added: </span>rent</ins>' in html
    assert "Four cities now, not three." in html
    assert '<meta name="robots" content="noindex">' in html


def test_side_by_side_says_of_which_version_each_text_is(client, changed):
    html = words_of(client.get(f"{changed.get_absolute_url()}versions/2/compare/3/?view=side-by-side"))
    assert html.count('<b class="which" lang="en">Version 2: </b>') == html.count("Version 3: </b>") - 1  # and the tags
    assert '<span class="quiet" lang="en">Not there</span>' in html
    assert 'href="/posts/' in html
    assert "view=side-by-side" in html  # on to the next two, in the same way


def test_notes_of_all_versions_between_are_told(client, changed):
    html = words_of(client.get(f"{changed.get_absolute_url()}versions/1/compare/3/"))
    assert "Four cities now, not three." in html
    assert html.count("no note") == 1


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ("versions/3/compare/1/", "versions/1/compare/3/"),
        ("versions/3/compare/1/?view=side-by-side", "versions/1/compare/3/?view=side-by-side"),
        ("versions/compare/?from=3&to=1", "versions/3/compare/1/"),
        ("versions/compare/?from=1&to=2&view=side-by-side", "versions/1/compare/2/?view=side-by-side"),
        ("versions/compare/", "versions/"),
        ("versions/compare/?from=1", "versions/"),
        ("versions/compare/?from=x&to=%00", "versions/"),
        ("versions/compare/?from=-1&to=2", "versions/"),
        ("versions/compare/?from=1&to=99999999999999999999", "versions/"),
        ("versions/compare/?from=²&to=1", "versions/"),
    ],
)
def test_two_numbers_lead_to_one_address(client, changed, asked, there):
    address = changed.get_absolute_url()
    answer = client.get(f"{address}{asked}")
    if "%00" in asked:
        assert answer.status_code == 400
    else:
        assert (answer.status_code, answer["Location"]) == (302, f"{address}{there}")


@pytest.mark.parametrize(
    "path", ["versions/", "versions/1/compare/2/", "versions/1/compare/2/?view=side-by-side", "versions/1/"]
)
def test_any_slug_leads_there(client, changed, path):
    answer = client.get(f"/posts/{changed.number}/an-older-title/{path}")
    assert answer.status_code in (301, 302)
    assert answer["Location"] == f"{changed.get_absolute_url()}{path}"


@pytest.mark.parametrize(
    "path",
    [
        "versions/1/compare/4/",
        "versions/0/compare/1/",
        "versions/4/compare/4/",
        "versions/999999999999999999/compare/1/",
        "versions/1/compare/99999999999999999999/",
        "versions/x/compare/1/",
        "versions/4/",
    ],
)
def test_what_is_no_version_is_not_found(client, changed, path):
    assert client.get(f"{changed.get_absolute_url()}{path}").status_code == 404


def test_a_version_is_the_same_as_itself(client, changed):
    html = words_of(client.get(f"{changed.get_absolute_url()}versions/2/compare/2/"))
    assert "Version 2 is the same as itself" in html
    assert "<select" in html


@pytest.mark.parametrize("view", ["", "garbage", "%3Cscript%3E"])
def test_a_way_of_showing_that_is_none_shows_one_text(client, changed, view):
    html = words_of(client.get(f"{changed.get_absolute_url()}versions/1/compare/2/?view={view}"))
    assert 'class="pair"' not in html
    assert "<script>" not in html


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (1, "You are reading <b>version 1 of 3</b>, from"),
        (2, "You are reading <b>version 2 of 3</b>, from"),
        (3, "This is version 3 of 3"),
    ],
)
def test_a_version_says_which_it_is_and_leads_to_those_beside_it(client, changed, number, says):
    address = changed.get_absolute_url()
    html = words_of(client.get(f"{address}versions/{number}/"))
    assert says in html
    assert (f'href="{address}versions/{number}/compare/3/">what changed</a>' in html) == (number < 3)
    assert (f'href="{address}versions/{number - 1}/" rel="prev"' in html) == (number > 1)
    assert (f'href="{address}versions/{number + 1}/" rel="next"' in html) == (number < 3)


def test_a_vetted_posts_newer_version_is_marked_until_it_is_looked_at(client, alice):
    post = make_ready(alice)
    vetting, reviewer = make_vetting(post, alice), make_reviewer("Rosa Diaz")
    make_review(vetting, reviewer)
    make_review(vetting, make_reviewer())
    newest = next_version(post, alice, "Clearer.", body="We saw it thrice.", case=CASE)
    address = post.get_absolute_url()
    html = words_of(client.get(f"{address}versions/"))
    assert html.index("Not looked at yet") < html.index("Readers see this one")
    assert f'href="{address}versions/1/compare/2/">what changed since</a>' in words_of(
        client.get(f"{address}versions/2/")
    )
    assert f'href="{address}versions/1/compare/2/">see what changed</a>' in words_of(client.get(address))
    confirm_editorial(newest, by=reviewer)
    html = words_of(client.get(f"{address}versions/"))
    assert "Editorial, says Rosa Diaz" in html
    assert "Not looked at yet" not in html


def test_what_was_typed_is_text(client, alice):
    post = make_post(alice, body="<script>alert(1)</script>")
    next_version(post, alice, "<b>note</b>", body="<script>alert(2)</script>", tags=["<i>"])
    for view in ("", "?view=side-by-side"):
        html = words_of(client.get(f"{post.get_absolute_url()}versions/1/compare/2/{view}"))
        assert "<script>alert" not in html
        assert "<b>note</b>" not in html
        assert "&lt;i&gt;" in html


def test_places_and_issue_areas_are_compared_by_name(client, alice):
    post = make_post(alice, places=[place("KE")])
    next_version(post, alice, places=[place("BR")], issue_areas=[area("food")])
    html = words_of(client.get(f"{post.get_absolute_url()}versions/1/compare/2/"))
    assert "Nothing" not in html
    assert "Issue areas and places changed." in html
    assert "Taken away: </span>Kenya</del>" in html
    assert "Added: </span>Brazil</ins>" in html


@pytest.mark.parametrize("rung", ["hunch", "vetted"])
def test_who_publishes_the_next_version_is_asked_what_changed_and_why(signed_in, alice, rung):
    post = make_ready(alice)
    if rung == "vetted":
        vetting = make_vetting(post, alice)
        make_review(vetting, make_reviewer())
        make_review(vetting, make_reviewer())
    else:
        post = make_post(alice)
    html = words_of(signed_in(alice).get(f"{post.get_absolute_url()}edit/"))
    assert "What changed, and why" in html
    assert ("Those who vetted it" in html) == (rung == "vetted")
    assert ("Readers see the newest." in html) == (rung == "hunch")
