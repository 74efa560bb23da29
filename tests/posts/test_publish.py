"""Publishing: who may, what it takes, and what comes of it."""

import uuid

import pytest
from django.core.exceptions import PermissionDenied

from commons.activity.models import Activity, Verb
from knowledge.ladder.actions import publish_emerging
from knowledge.posts.actions import ChangedMeanwhile, NotReady, publish, publish_version
from knowledge.posts.models import Listing, Move, Post, Version
from knowledge.posts.rungs import Rung
from knowledge.stored.stamps import stamp
from tests.make import CASE, PIECE, area, content, make_post, place

FORM = {"title": "Evictions follow the water bill", "body": "In thirty files it went first.", "area": "eviction"}


def compose(publisher, **changes):
    return {**FORM, "organization": publisher.pk, "rung": "hunch", "key": str(uuid.uuid4()), **changes}


@pytest.mark.parametrize(("who", "may"), [("alice", True), ("bob", True), ("carla", False), ("charlie", False)])
def test_owners_and_editors_publish_for_an_organization(request, organization, who, may):
    member = request.getfixturevalue(who)
    if may:
        post = publish(content(), by=member, organization=organization)
        assert post.shown.number == 1
    else:
        with pytest.raises(PermissionDenied):
            publish(content(), by=member, organization=organization)
        assert not Post.objects.exists()


def test_a_new_post_begins_as_a_hunch_by_a_move(post, alice):
    move = Move.objects.get(post=post)
    assert (move.from_rung, move.to_rung, move.by) == (None, Rung.HUNCH, alice)
    assert move.words == "Began as a Hunch"
    assert move.version == post.shown


def test_every_fact_of_publishing_is_recorded_once(post):
    verbs = list(Activity.objects.filter(subject_kind="post", subject_id=post.pk).values_list("verb", flat=True))
    assert sorted(verbs) == [Verb.MOVED, Verb.PUBLISHED]


def test_an_emerging_approach_wants_its_whole_case(alice, organization):
    with pytest.raises(NotReady) as refused:
        publish_emerging(content(case={**CASE, "tried": ""}), [PIECE], by=alice, organization=organization)
    assert list(refused.value.missing) == ["case"]
    with pytest.raises(NotReady) as refused:
        publish_emerging(content(case=CASE), [], by=alice, organization=organization)
    assert list(refused.value.missing) == ["evidence"]
    assert not Post.objects.exists()
    post = publish_emerging(content(case=CASE), [PIECE], by=alice, organization=organization)
    assert post.rung == Rung.EMERGING
    assert post.evidence.get().statement == PIECE.statement


def test_a_post_is_listed_with_its_areas_and_places_and_all_above_them(alice):
    baltimore = place("geonames:4347778")
    post = make_post(alice, places=[baltimore], tags=["landlords", "vouchers"])
    listed = set(Listing.objects.filter(post=post).values_list("kind", "object_id"))
    assert ("area", area("homelessness").pk) in listed
    assert ("area", area("housing").pk) in listed
    assert ("place", baltimore.pk) in listed
    assert ("place", place("US-MD").pk) in listed
    assert ("place", place("US").pk) in listed
    assert sum(kind == "tag" for kind, _ in listed) == 2


def test_counts_follow_what_is_listed(alice):
    before = stamp(f"area-{area('housing').pk}").posts
    post = make_post(alice)
    assert stamp(f"area-{area('housing').pk}").posts == before + 1
    publish_version(post, content(issue_areas=[area("food")]), by=alice, note="Moved.", base=1)
    assert stamp(f"area-{area('housing').pk}").posts == before
    assert stamp(f"area-{area('food').pk}").posts == 1


def test_the_next_version_keeps_the_earlier_one(post, alice):
    made = publish_version(post, content("A better title"), by=alice, note="Clearer.", base=1)
    assert made.number == 2
    assert list(post.versions.values_list("title", flat=True)) == [
        "Paying at the viewing keeps homes",
        "A better title",
    ]
    post.refresh_from_db()
    assert post.shown == made


def test_nobody_overwrites_unseen_what_a_colleague_published(post, alice, bob):
    publish_version(post, content("Bob's title"), by=bob, note="", base=1)
    with pytest.raises(ChangedMeanwhile) as refused:
        publish_version(post, content("Alice's title"), by=alice, note="", base=1)
    assert refused.value.newest.title == "Bob's title"
    assert post.versions.count() == 2


def test_the_same_version_sent_twice_is_one_version(post, alice):
    first = publish_version(post, content("Again"), by=alice, note="", base=1)
    second = publish_version(post, content("Again"), by=alice, note="", base=1)
    assert first == second
    assert post.versions.count() == 2


def test_an_emerging_approach_keeps_its_case_in_later_versions(alice):
    post = make_post(alice, rung=Rung.EMERGING)
    with pytest.raises(NotReady):
        publish_version(post, content(), by=alice, note="", base=1)
    assert post.versions.count() == 1


def test_publishing_from_the_form(signed_in, alice, organization):
    answer = signed_in(alice).post("/posts/new/", compose(organization))
    post = Post.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == post.get_absolute_url() == f"/posts/{post.number}/evictions-follow-the-water-bill/"


def test_a_double_click_publishes_once(signed_in, alice, organization):
    browser, form = signed_in(alice), compose(organization)
    first, second = browser.post("/posts/new/", form), browser.post("/posts/new/", form)
    assert Post.objects.count() == 1
    assert first["Location"] == second["Location"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"title": ""}, "A hunch needs a title"),
        ({"title": "x" * 161}, "160"),
        ({"title": "bell\x07"}, "after “bell”"),
        ({"body": ""}, "Say what you saw"),
        ({"body": "bell\x07"}, "U+0007"),
        ({"body": "x" * 200_001}, "200,000"),
        ({"area": ""}, "Choose at least one"),
        ({"area": "no-such-area"}, "There is no such issue area"),
        ({"tags": ",".join(f"tag {n}" for n in range(11))}, "at most 10 tags"),
        ({"places": ["Nowhereville-on-Sea"]}, "We do not know"),
        ({"places": ["Springfield"]}, "Which “Springfield”"),
        ({"language": "xx"}, ""),
        ({"rung": "vetted"}, ""),
        ({"rung": "emerging"}, "Say what was tried"),
        ({"organization": 999_999}, ""),
        ({"key": "not-a-key"}, ""),
    ],
)
def test_bad_input_gets_a_clear_answer_and_loses_nothing(signed_in, alice, organization, changes, sentence):
    answer = signed_in(alice).post("/posts/new/", compose(organization, **changes))
    assert answer.status_code == 422
    assert answer.context["form"].errors
    if "body" not in changes:
        assert FORM["body"] in answer.content.decode()
    assert sentence in answer.content.decode().replace("&#x27;", "'")
    assert not Post.objects.exists()
    assert not Version.objects.exists()


@pytest.mark.parametrize(("who", "status"), [("carla", 422), ("charlie", 422)])
def test_who_may_not_publish_for_an_organization_is_told_at_the_field(signed_in, request, organization, who, status):
    answer = signed_in(request.getfixturevalue(who)).post("/posts/new/", compose(organization))
    assert answer.status_code == status
    assert "organization" in answer.context["form"].errors


def test_what_was_typed_survives_an_expired_session(client, alice, organization):
    answer = client.post("/posts/new/", compose(organization, title="Typed before signing in"))
    assert answer.status_code == 302
    assert "/accounts/login/" in answer["Location"]
    client.post("/accounts/login/", {"login": alice.email, "password": "correct-horse-battery"})
    again = client.get("/posts/new/")
    assert "Typed before signing in" in again.content.decode()
    assert FORM["body"] in again.content.decode()


def test_a_preview_publishes_nothing(signed_in, alice, organization):
    answer = signed_in(alice).post("/posts/new/", compose(organization, body="It was **water**.", action="preview"))
    assert "<strong>water</strong>" in answer.content.decode()
    assert not Post.objects.exists()


def test_a_post_is_shown_under_the_area_its_author_named_first(client, alice):
    post = make_post(alice, issue_areas=[area("food"), area("housing")], places=[place("KE"), place("BR")])
    page = client.get(post.get_absolute_url()).content.decode()
    crumbs = page.partition('aria-label="You are here"')[2].partition("</nav>")[0]
    assert "/issue-areas/food/" in crumbs
    assert "/issue-areas/housing/" not in crumbs
    card = (
        client.get("/issue-areas/housing/").content.decode().partition('<div class="side">')[2].partition("</div>")[0]
    )
    assert "Food" in card
    assert "Kenya" in card
