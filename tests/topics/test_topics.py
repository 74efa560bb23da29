"""Issue areas, tags and places: the taxonomy that comes with the commons, its pages, and finding a topic as one types."""

import json

import pytest
from django.core.management import call_command

from knowledge.topics.models import IssueArea, Place, Tag
from tests.make import area, make_post, place


def test_thirty_two_areas_on_two_levels_each_with_a_sentence(db):
    areas = IssueArea.objects.all()
    assert len(areas) == 32
    assert all(found.description.endswith(".") for found in areas)
    assert all(found.parent is None or found.parent.parent is None for found in areas)
    assert all(found.sdgs and all(1 <= goal <= 17 for goal in found.sdgs) for found in areas)


def test_loading_the_topics_again_changes_nothing(db):
    before = (IssueArea.objects.count(), Place.objects.count(), list(IssueArea.objects.values_list("pk", "slug")))
    call_command("load_topics", verbosity=0)
    assert (
        IssueArea.objects.count(),
        Place.objects.count(),
        list(IssueArea.objects.values_list("pk", "slug")),
    ) == before


def test_an_areas_page_holds_its_sub_areas_posts(client, alice):
    make_post(alice, "A post on eviction", issue_areas=[area("eviction")])
    for slug in ("eviction", "housing"):
        assert "A post on eviction" in client.get(f"/issue-areas/{slug}/").content.decode()
    assert "A post on eviction" not in client.get("/issue-areas/homelessness/").content.decode()
    assert 'href="/issue-areas/eviction/"' in client.get("/issue-areas/housing/").content.decode()


def test_a_places_page_holds_the_posts_of_what_lies_in_it(client, alice):
    city = Place.objects.get(label="Baltimore, Maryland, United States")
    make_post(alice, "A post from Baltimore", places=[city])
    for found in (city, city.parent, place("US")):
        assert "A post from Baltimore" in client.get(found.get_absolute_url()).content.decode()
    assert "A post from Baltimore" not in client.get("/places/kenya/").content.decode()


def test_counts_on_the_pages_follow_what_is_public(client, alice):
    from knowledge.posts.actions import withdraw

    post = make_post(alice, issue_areas=[area("eviction")])
    assert client.get("/issue-areas/").context["tops"][0]["posts"] == 1
    withdraw(post, by=alice)
    assert client.get("/issue-areas/").context["tops"][0]["posts"] == 0


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/issue-areas/food/", "Somebody has to go first"),
        ("/places/kenya/", "Somebody has to go first"),
    ],
)
def test_an_empty_topic_says_what_to_do(client, db, path, words):
    html = client.get(path).content.decode()
    assert words in html
    assert 'href="/posts/new/' in html


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("balti", "Baltimore, Maryland, United States"),
        ("Nairobi", "Nairobi"),
        ("são paulo", "São Paulo"),
        ("SAO PAULO", "São Paulo"),
    ],
)
def test_places_are_completed_as_one_types(client, db, query, first):
    answer = client.get("/places/complete/", {"q": query})
    assert json.loads(answer.content)["found"][0].startswith(first)


@pytest.mark.parametrize("query", ["", "x", "%", "_", "\\", "zzzzzzzz", "a" * 5000])
def test_odd_beginnings_complete_to_something_or_nothing(client, db, query):
    for kind in ("places", "tags"):
        assert isinstance(json.loads(client.get(f"/{kind}/complete/", {"q": query}).content)["found"], list)


def test_tags_are_completed_as_one_types(client, alice):
    make_post(alice, tags=["rent arrears", "rent"])
    assert json.loads(client.get("/tags/complete/?q=Ren").content)["found"] == ["rent", "rent arrears"]


@pytest.mark.parametrize("tag", ["aluguel", "ренту", "家賃", "rent & keys", "50% less", "c/o", "café"])
def test_a_tag_of_any_script_has_a_page(client, alice, tag):
    make_post(alice, "Tagged", tags=[tag])
    found = Tag.objects.get(name=tag)
    assert "Tagged" in client.get(found.get_absolute_url()).content.decode()
    assert client.get(f"{found.get_absolute_url()}feed.atom").status_code == 200


def test_a_tag_is_one_however_it_is_written(signed_in, alice, client):
    first, second = make_post(alice, "One", tags=["rent"]), make_post(alice, "Two", tags=["rent"])
    assert first.tags.get() == second.tags.get()
