"""A vetting: when it opens, who may review, which approvals count, when the post moves up, and what stands afterwards."""

import datetime as dt

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from accounts.organizations.models import Membership, Role
from commons.activity.models import Activity, Verb
from knowledge.evidence.actions import add_evidence, withdraw_evidence
from knowledge.ladder.actions import AfterAction, set_aside, step_down
from knowledge.ladder.models import Ending, RequestClosing, Review, Vetting
from knowledge.ladder.vetting import (
    AlreadyReviewed,
    Closed,
    answer_request,
    close_request,
    confirm_editorial,
    decline,
    prolong,
    withdraw_vetting,
)
from knowledge.posts.actions import ChangedMeanwhile, NotReady, publish_version, withdraw
from knowledge.posts.models import MoveKind
from knowledge.posts.rungs import Rung
from tests.make import (
    CASE,
    PIECE,
    content,
    join,
    make_member,
    make_organization,
    make_post,
    make_ready,
    make_review,
    make_reviewer,
    make_vetting,
)

FORM = {
    "verdict": "approve",
    "supports": "The numbers follow from the change.",
    "missing": "",
    "try_next": "A year with a hard winter.",
    "rely": "Yes, in a city.",
    "relation": "none",
    "interest": "None.",
    "read": "1",
}


@pytest.fixture
def ready(alice):
    return make_ready(alice)


@pytest.fixture
def vetting(ready, alice):
    return make_vetting(ready, alice)


@pytest.fixture
def two():
    return make_reviewer("Wambui Kitheka"), make_reviewer("Theo Lindgrave")


def standing(post):
    post.refresh_from_db()
    return Rung(post.rung)


def next_version(post, by, **fields):
    newest = post.versions.latest("number").number
    return publish_version(
        post, content(**{"case": CASE, "body": f"Version {newest + 1}.", **fields}), by=by, note="", base=newest
    )


# Opening


def test_a_vetting_opens_when_the_evidence_is_there(client, signed_in, ready, alice):
    answer = signed_in(alice).post(f"{ready.get_absolute_url()}vetting/", {"asks": "The months.", "weeks": "2"})
    assert answer["Location"] == f"{ready.get_absolute_url()}#vetting"
    page = client.get(ready.get_absolute_url()).content.decode()
    assert "does version 1 hold up?" in page
    assert "The months." in page
    for path in ("/", "/issue-areas/homelessness/", "/issue-areas/housing/"):
        assert "Vetting open until" in client.get(path).content.decode()


@pytest.mark.parametrize(
    ("pieces", "missing"),
    [([PIECE], ["evidence", "outside"]), ([PIECE, PIECE], ["outside"])],
)
def test_it_does_not_open_while_evidence_is_wanted(signed_in, alice, pieces, missing):
    post = make_post(alice, rung=Rung.EMERGING, pieces=pieces)
    with pytest.raises(NotReady) as refused:
        make_vetting(post, alice)
    assert list(refused.value.missing) == missing
    answer = signed_in(alice).post(f"{post.get_absolute_url()}vetting/", {"asks": "Look here.", "weeks": "2"})
    assert answer.status_code == 422
    assert "Add evidence from outside" in answer.content.decode()
    assert "Look here." in answer.content.decode()
    assert not Vetting.objects.exists()


def test_a_hunch_is_not_vetted(signed_in, post, alice):
    with pytest.raises(PermissionDenied):
        make_vetting(post, alice)
    assert signed_in(alice).get(f"{post.get_absolute_url()}vetting/").status_code == 403


def test_one_vetting_at_a_time(signed_in, vetting, ready, alice):
    with pytest.raises(PermissionDenied):
        make_vetting(ready, alice)
    assert signed_in(alice).get(f"{ready.get_absolute_url()}vetting/").status_code == 302


@pytest.mark.parametrize(
    ("changes", "words"), [({"asks": ""}, "Name the weak spot"), ({"weeks": "9"}, "Choose one of these")]
)
def test_opening_wants_a_question_and_a_time(signed_in, ready, alice, changes, words):
    form = {"asks": "The months.", "weeks": "2", **changes}
    answer = signed_in(alice).post(f"{ready.get_absolute_url()}vetting/", form)
    assert (answer.status_code, words in answer.content.decode()) == (422, True)


# Who may review

WHO = {"alice": 403, "bob": 403, "carla": 403, "charlie": 302, "mona": 302}


@pytest.mark.parametrize("who", WHO)
def test_who_may_review(signed_in, request, vetting, ready, who):
    member = request.getfixturevalue(who)
    answer = signed_in(member).post(f"{ready.get_absolute_url()}review/", FORM)
    assert answer.status_code == WHO[who]
    assert Review.objects.count() == (WHO[who] == 302)
    if WHO[who] == 403:
        with pytest.raises(PermissionDenied):
            make_review(vetting, member)


def test_nobody_reviews_what_they_wrote_whatever_they_belong_to_now(alice):
    author = make_reviewer("An author from elsewhere")
    vetting = make_vetting(make_ready(alice, authors=[alice, author]), alice)
    with pytest.raises(PermissionDenied):
        make_review(vetting, author)


def test_one_speaks_for_an_organization_of_ones_own(signed_in, vetting, ready, charlie):
    other = make_organization()
    with pytest.raises(PermissionDenied):
        make_review(vetting, charlie, organization=other)
    answer = signed_in(charlie).post(f"{ready.get_absolute_url()}review/", {**FORM, "organization": other.pk})
    assert "Choose an organization of yours." in answer.content.decode()
    assert not Review.objects.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"verdict": ""}, "Give a verdict"),
        ({"verdict": "perhaps"}, "Approve, or say that it needs more"),
        ({"supports": ""}, "Say whether the evidence supports the claim"),
        ({"verdict": "more"}, "Say what is missing"),
        ({"rely": ""}, "Say whether you would rely on it"),
        ({"relation": "friend"}, "Choose one of the three"),
        ({"interest": ""}, "Declare your interest"),
        ({"supports": "x" * 2001}, "Cut 1."),
    ],
)
def test_what_is_missing_in_a_review_is_said_at_its_field(signed_in, vetting, ready, charlie, changes, words):
    answer = signed_in(charlie).post(f"{ready.get_absolute_url()}review/", {**FORM, **changes})
    assert (answer.status_code, words in answer.content.decode()) == (422, True)
    assert FORM["try_next"] in answer.content.decode()
    assert not Review.objects.exists()


# What counts


def test_with_the_second_approval_the_post_moves_up_by_itself(client, vetting, ready, two):
    first, second = two
    make_review(vetting, first)
    assert standing(ready) == Rung.EMERGING
    make_review(vetting, second)
    assert standing(ready) == Rung.VETTED
    move = ready.moves.first()
    assert (move.kind, move.by, move.cause, move.version.number) == (MoveKind.UP, second, vetting, 1)
    vetting.refresh_from_db()
    assert vetting.ending == Ending.UP
    assert ready.vetting_until is None
    page = client.get(ready.get_absolute_url()).content.decode()
    assert "Up to Vetted finding" in page
    assert "Vetted on" in page
    assert ready.title in client.get("/search/?rung=vetted").content.decode()
    assert Activity.objects.filter(verb=Verb.CLOSED_VETTING).count() == 1


def organization_of(member):
    return member.organizations.get()


def unverified(reviewer):
    reviewer.organizations.update(verified_at=None)


def contributor(reviewer):
    Membership.objects.filter(member=reviewer).update(role=Role.CONTRIBUTOR)
    reviewer.__dict__.pop("roles", None)


@pytest.mark.parametrize(
    ("prepare", "fields", "words"),
    [
        (unverified, {}, "its organization is not verified yet"),
        (contributor, {}, "its reviewer is not an editor or owner there"),
        (None, {"relation": "funding"}, "a funding relation is declared"),
        (None, {"relation": "partner"}, "a partnership is declared"),
    ],
)
def test_an_approval_that_does_not_count_says_why(client, vetting, ready, two, prepare, fields, words):
    first, second = two
    make_review(vetting, first)
    if prepare:
        prepare(second)
    make_review(vetting, second, **fields)
    assert standing(ready) == Rung.EMERGING
    assert f"Does not count: {words}" in client.get(ready.get_absolute_url()).content.decode()


def test_two_reviewers_of_one_organization_are_one(vetting, ready, two):
    first, _ = two
    colleague = make_member()
    join(colleague, organization_of(first), Role.OWNER)
    make_review(vetting, first)
    make_review(vetting, colleague)
    assert standing(ready) == Rung.EMERGING


def test_a_member_of_two_organizations_is_one(vetting, ready, two):
    first, _ = two
    other = make_organization(first, verified_at=timezone.now())
    make_review(vetting, first)
    with pytest.raises(AlreadyReviewed):
        make_review(vetting, first, organization=other)
    make_review(vetting, first, organization=other, again=True)
    assert standing(ready) == Rung.EMERGING


def test_who_joined_the_publisher_since_does_not_count(vetting, ready, two, organization):
    first, second = two
    make_review(vetting, first)
    join(first, organization, Role.CONTRIBUTOR)
    make_review(vetting, second)
    assert standing(ready) == Rung.EMERGING


def test_who_was_suspended_since_does_not_count(vetting, ready, two):
    first, second = two
    make_review(vetting, first)
    first.is_active = False
    first.save()
    make_review(vetting, second)
    assert standing(ready) == Rung.EMERGING


def test_evidence_withdrawn_meanwhile_keeps_it_off_the_rung(vetting, ready, two, alice):
    first, second = two
    make_review(vetting, first)
    withdraw_evidence(ready.evidence.get(from_outside=True), by=alice, why="It was of another programme.")
    make_review(vetting, second)
    assert standing(ready) == Rung.EMERGING
    outside = PIECE.__class__("Again.", producer="Millrace Fund", source="Page 2")
    add_evidence(ready, outside, by=alice)
    assert standing(ready) == Rung.EMERGING  # evidence asks nothing; the next verb of the vetting does
    make_review(vetting, second, again=True)
    assert standing(ready) == Rung.VETTED


def test_a_request_for_more_counts_from_anybody(vetting, ready, two):
    anybody = make_member()
    make_review(vetting, anybody, "more")
    for reviewer in two:
        make_review(vetting, reviewer)
    assert standing(ready) == Rung.EMERGING
    make_review(vetting, anybody, again=True)
    assert standing(ready) == Rung.VETTED
    assert ready.moves.first().by == two[1]


def test_the_earlier_verdict_stays_visible(client, signed_in, vetting, ready, charlie):
    given = make_review(vetting, charlie, "more")
    form = {**FORM, "supports": "Now it does.", "instead": str(given.pk)}
    answer = signed_in(charlie).post(f"{ready.get_absolute_url()}review/", form)
    assert answer.status_code == 302
    page = client.get(ready.get_absolute_url()).content.decode()
    assert "Earlier verdict" in page
    assert "The same months a year apart." in page
    assert "Now it does." in page
    assert Activity.objects.filter(verb=Verb.CHANGED_VERDICT).count() == 1


def test_a_page_opened_before_one_had_reviewed_signs_nothing_the_second_time(signed_in, vetting, ready, charlie):
    browser, path = signed_in(charlie), f"{ready.get_absolute_url()}review/"
    assert browser.post(path, FORM).status_code == 302
    answer = browser.post(path, {**FORM, "supports": "Said on the other page."})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "You have reviewed it already, so nothing was signed." in page
    assert "Said on the other page." in page
    given = Review.objects.get()
    assert f'name="instead" value="{given.pk}"' in page
    assert browser.post(path, {**FORM, "instead": str(given.pk)}).status_code == 302
    assert Review.objects.count() == 2


def test_there_must_be_a_verdict_to_change(vetting, charlie):
    with pytest.raises(NotReady):
        make_review(vetting, charlie, again=True)


# Versions


def test_an_approval_is_bound_to_what_was_read(client, vetting, ready, two, alice):
    first, second = two
    make_review(vetting, first)
    next_version(ready, alice)
    make_review(vetting, second)
    assert standing(ready) == Rung.EMERGING
    page = client.get(ready.get_absolute_url()).content.decode()
    assert "it is of version 1, and version 2 is out" in page
    assert "approvals of an older version are asked for again" in page
    make_review(vetting, first, again=True)
    assert standing(ready) == Rung.VETTED
    assert ready.moves.first().version.number == 2


def test_a_version_published_while_one_reads_signs_nothing(signed_in, vetting, ready, alice, charlie):
    next_version(ready, alice)
    with pytest.raises(ChangedMeanwhile):
        make_review(vetting, charlie, read=1)
    browser = signed_in(charlie)
    answer = browser.post(f"{ready.get_absolute_url()}review/", FORM)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Version 2 was published while you were reading" in page
    assert "What changed since version 1" in page
    assert FORM["supports"] in page
    assert not Review.objects.exists()
    again = {**FORM, "read": answer.context["form"]["read"].value()}
    assert browser.post(f"{ready.get_absolute_url()}review/", again).status_code == 302


@pytest.fixture
def vetted(vetting, ready, two):
    for reviewer in two:
        make_review(vetting, reviewer)
    ready.refresh_from_db()
    return ready


def test_readers_go_on_seeing_the_vetted_version(client, vetted, alice):
    next_version(vetted, alice, title="Another claim altogether")
    vetted.refresh_from_db()
    assert vetted.shown.number == 1
    page = client.get(vetted.get_absolute_url()).content.decode()
    assert "not looked at yet" in page
    assert "/versions/2/" in page
    assert "Another claim altogether" not in client.get("/").content.decode()
    assert "Another claim altogether" not in client.get("/search/?q=claim+altogether").content.decode()


def test_the_newer_versions_own_page_says_that_nobody_looked_at_it(client, vetted, alice):
    newer = next_version(vetted, alice)
    page = client.get(newer.get_absolute_url()).content.decode()
    assert "not looked at yet" in page
    assert "Read the vetted version" in page
    assert "not looked at yet" not in client.get(vetted.versions.get(number=1).get_absolute_url()).content.decode()


def test_one_of_its_reviewers_confirms_that_a_change_is_editorial(client, signed_in, vetted, alice, two):
    made = next_version(vetted, alice)
    path = f"{vetted.get_absolute_url()}versions/2/confirm/"
    assert "<ins>" in signed_in(two[0]).get(path).content.decode()
    assert signed_in(two[0]).post(path).status_code == 302
    vetted.refresh_from_db()
    assert (vetted.shown, standing(vetted)) == (made, Rung.VETTED)
    assert "not looked at yet" not in client.get(vetted.get_absolute_url()).content.decode()
    with pytest.raises(Closed):
        confirm_editorial(made, by=two[1])


@pytest.mark.parametrize("who", ["alice", "charlie", "mona"])
def test_nobody_else_confirms(signed_in, request, vetted, alice, who):
    made = next_version(vetted, alice)
    member = request.getfixturevalue(who)
    assert signed_in(member).post(f"{vetted.get_absolute_url()}versions/2/confirm/").status_code == 403
    with pytest.raises(PermissionDenied):
        confirm_editorial(made, by=member)


def test_a_version_older_than_the_newest_is_not_confirmed(vetted, alice, two):
    made = next_version(vetted, alice)
    next_version(vetted, alice)
    with pytest.raises(ChangedMeanwhile):
        confirm_editorial(made, by=two[0])


def test_a_new_vetting_vets_the_newer_version(client, vetted, alice, two):
    with pytest.raises(NotReady):
        make_vetting(vetted, alice)
    made = next_version(vetted, alice)
    again = make_vetting(vetted, alice)
    for reviewer in two:
        make_review(again, reviewer)
    vetted.refresh_from_db()
    move = vetted.moves.first()
    assert (vetted.shown, move.kind, move.words) == (made, MoveKind.RENEWED, "Vetted again")


def test_stepping_down_shows_the_newest_version_again(vetted, alice):
    made = next_version(vetted, alice)
    step_down(vetted, Rung.EMERGING, by=alice, why="A county saw otherwise.")
    vetted.refresh_from_db()
    assert vetted.shown == made


def test_a_rung_is_not_recomputed_but_what_fell_is_shown(client, vetted, alice):
    withdraw_evidence(vetted.evidence.get(from_outside=True), by=alice, why="It was of another programme.")
    assert standing(vetted) == Rung.VETTED
    page = client.get(vetted.get_absolute_url()).content.decode()
    assert "The record has changed since." in page
    assert "Nothing from outside yet" in page


# Requests for more


@pytest.fixture
def asked(vetting, two):
    """A request for more by the first reviewer, and the approvals that are wanted."""
    request = make_review(vetting, two[0], "more")
    make_review(vetting, two[1])
    make_review(vetting, make_reviewer())
    return request


def later(days):
    return timezone.now() + dt.timedelta(days=days)


def test_a_request_lapses_when_it_was_answered_and_its_reviewer_is_silent(client, asked, ready, alice, two):
    with pytest.raises(NotReady):
        answer_request(asked, by=alice, words="In the table.")
    next_version(ready, alice)
    answer = answer_request(asked, by=alice, words="In the table.")
    assert "In the table." in client.get(ready.get_absolute_url()).content.decode()
    with pytest.raises(Closed):
        close_request(asked, by=None, at=later(13))
    for review in Review.objects.filter(verdict="approve"):
        make_review(review.vetting, review.by, again=True)
    assert standing(ready) == Rung.EMERGING
    close_request(asked, by=None, at=later(15))
    assert standing(ready) == Rung.VETTED
    assert answer.review.closing.by is None
    assert "Lapsed" in client.get(ready.get_absolute_url()).content.decode()


def test_a_moderator_may_prolong_it(signed_in, asked, ready, alice, mona, charlie):
    next_version(ready, alice)
    answer = answer_request(asked, by=alice, words="In the table.")
    with pytest.raises(PermissionDenied):
        prolong(answer, by=charlie, until=later(60))
    assert signed_in(alice).post(f"/reviews/{asked.pk}/prolong/").status_code == 403
    assert signed_in(mona).post(f"/reviews/{asked.pk}/prolong/").status_code == 302
    with pytest.raises(Closed):
        close_request(asked, by=None, at=later(15))
    close_request(asked, by=None, at=later(29))


def test_a_reviewer_who_speaks_again_keeps_it_open(asked, ready, alice, two):
    next_version(ready, alice)
    answer_request(asked, by=alice, words="In the table.")
    make_review(asked.vetting, two[0], "more", again=True)
    with pytest.raises(Closed):
        close_request(asked, by=None, at=later(15))
    assert standing(ready) == Rung.EMERGING


def test_its_reviewer_closes_it_without_approving(signed_in, asked, ready, two, charlie):
    assert signed_in(charlie).post(f"/reviews/{asked.pk}/close/").status_code == 403
    assert signed_in(two[0]).post(f"/reviews/{asked.pk}/close/").status_code == 302
    assert standing(ready) == Rung.VETTED
    assert signed_in(two[0]).post(f"/reviews/{asked.pk}/close/").status_code == 302
    assert RequestClosing.objects.count() == 1


@pytest.mark.parametrize(
    ("who", "code"), [("alice", 302), ("bob", 302), ("carla", 403), ("charlie", 403), ("mona", 403)]
)
def test_who_may_answer_a_request(signed_in, request, asked, ready, alice, who, code):
    next_version(ready, alice)
    path = f"/reviews/{asked.pk}/answer/"
    assert signed_in(request.getfixturevalue(who)).post(path, {"words": "In the table."}).status_code == code


def test_a_request_is_answered_once_and_in_words(signed_in, asked, ready, alice):
    next_version(ready, alice)
    path = f"/reviews/{asked.pk}/answer/"
    assert signed_in(alice).post(path, {"words": ""}).status_code == 422
    signed_in(alice).post(path, {"words": "In the table."})
    answer = signed_in(alice).post(path, {"words": "In the table, again."})
    assert answer.status_code == 422
    assert "It was answered already" in answer.content.decode()


# Ending


@pytest.mark.parametrize(("who", "ending"), [("bob", Ending.WITHDRAWN), ("mona", Ending.DECLINED)])
def test_a_vetting_is_withdrawn_or_declined(client, signed_in, request, vetting, ready, charlie, who, ending):
    make_review(vetting, charlie)
    path = f"{ready.get_absolute_url()}vetting/withdraw/"
    assert signed_in(charlie).get(path).status_code == 403
    browser = signed_in(request.getfixturevalue(who))
    assert browser.post(path, {"why": ""}).status_code == 422
    assert browser.post(path, {"why": "We found a mistake."}).status_code == 302
    vetting.refresh_from_db()
    assert vetting.ending == ending
    page = client.get(ready.get_absolute_url()).content.decode()
    assert "We found a mistake." in page
    assert "Vetting open until" not in client.get("/").content.decode()
    with pytest.raises(Closed):
        make_review(vetting, make_reviewer())
    with pytest.raises(Closed):
        withdraw_vetting(vetting, by=request.getfixturevalue("bob"))
    assert signed_in(charlie).get(f"{ready.get_absolute_url()}review/").status_code == 302


def test_its_last_day_is_a_verb_of_the_schedule(vetting):
    with pytest.raises(Closed):
        decline(vetting, by=None, at=dt.datetime.combine(vetting.until, dt.time(23, 59), dt.UTC))
    decline(vetting, by=None, at=dt.datetime.combine(vetting.until + dt.timedelta(days=1), dt.time(), dt.UTC))
    vetting.refresh_from_db()
    assert (vetting.ending, vetting.closed_by) == (Ending.DECLINED, None)


def test_what_is_set_aside_or_a_hunch_again_is_not_under_review(vetting, ready, alice):
    set_aside(ready, by=alice, why="It fell.", lesson=AfterAction("a", "b", "c", "d"))
    vetting.refresh_from_db()
    assert (vetting.ending, vetting.closed_why) == (Ending.WITHDRAWN, "It fell.")
    other = make_ready(alice, title="Another")
    open_one = make_vetting(other, alice)
    step_down(other, Rung.HUNCH, by=alice, why="Too early.")
    open_one.refresh_from_db()
    assert open_one.ending == Ending.WITHDRAWN


def test_a_withdrawn_post_is_reviewed_by_nobody(signed_in, vetting, ready, alice, charlie):
    withdraw(ready, by=alice)
    with pytest.raises(PermissionDenied):
        make_review(vetting, charlie)
    assert signed_in(charlie).post(f"{ready.get_absolute_url()}review/", FORM).status_code == 410
    assert "Vetting open until" not in signed_in(charlie).get("/").content.decode()


def test_reviews_of_another_post_are_not_reached_through_this_one(signed_in, vetting, alice, charlie):
    other = make_ready(alice, title="Another")
    assert signed_in(charlie).get(f"{other.get_absolute_url()}review/").status_code == 302
    assert not Review.objects.exists()


def test_its_own_organization_is_not_asked_to_review_or_to_try_its_post(
    client, signed_in, vetting, ready, alice, carla, charlie
):
    address = ready.get_absolute_url()
    for browser, asked in (
        (client, True),
        (signed_in(charlie), True),
        (signed_in(alice), False),
        (signed_in(carla), False),
    ):
        page = browser.get(address).content.decode()
        links = [f'href="{address}{path}"' in page for path in ("review/", "field-report/")]
        assert (links, "Yours would be the first." in page) == ([asked, asked], asked)
