"""Who hears of what: each fact once, by those it concerns or who follow it, and who may see it when it is told."""

import datetime as dt

import pytest
from django.utils import timezone

from commons.activity.models import UNTOLD, Activity, Verb
from knowledge.comments.actions import accept_answer, answer_challenge, withdraw_comment
from knowledge.evidence.actions import withdraw_report
from knowledge.ladder.actions import AfterAction, set_aside, step_down, still_holds
from knowledge.ladder.vetting import answer_request, decline, withdraw_vetting
from knowledge.moderation.actions import redact
from knowledge.notifications import recipients, tidying
from knowledge.notifications.facts import TELLERS
from knowledge.notifications.models import Letter, Notification, Sort
from knowledge.notifications.words import SAYERS, items
from knowledge.posts.actions import fall_quiet, publish_version, withdraw
from knowledge.posts.lineage import link
from knowledge.posts.models import Link, LinkKind, Post
from knowledge.posts.rungs import Rung
from knowledge.search.filters import parse
from knowledge.search.saved import name_of, save_search
from knowledge.subscriptions.actions import mute, set_direct, subscribe, subscribe_reader, unmute
from knowledge.subscriptions.models import EVERYTHING, Cadence, Followable
from tests.ladder.test_vetting import next_version
from tests.make import (
    area,
    content,
    make_comment,
    make_member,
    make_organization,
    make_post,
    make_ready,
    make_report,
    make_review,
    make_reviewer,
    make_vetting,
    place,
)

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)
LESSON = AfterAction("More.", "Less.", "Winter.", "Wait.")


def tell_all() -> None:
    """What the worker does with each activity, in its order."""
    for activity in Activity.objects.order_by("pk"):
        recipients.tell(activity)


def heard(member) -> list[str]:
    """What a member was told, in words, in the order in which it happened."""
    those = Notification.objects.visible_to(member).order_by("activity")
    return [line.text for each in those for line in items([each], member)]


def whys(member) -> list[tuple[str, str, str]]:
    return list(Notification.objects.filter(member=member).order_by("activity").values_list("what", "why", "cadence"))


@pytest.fixture
def follower(db):
    """Somebody who follows homelessness, as it happens."""
    member = make_member("Fola Follower")
    subscribe(Followable.AREA, area().pk, by=member, cadence=Cadence.AT_ONCE)
    return member


def test_every_verb_is_told_or_is_said_not_to_be():
    assert set(TELLERS) | UNTOLD == set(Verb)
    assert set(TELLERS) & UNTOLD == set()
    assert set(TELLERS) == set(SAYERS)


def test_a_new_hunch_is_told_to_those_who_follow_anything_it_is_in(alice, organization):
    followers = {
        kind: make_member()
        for kind in (Followable.AREA, Followable.PLACE, Followable.TAG, Followable.ORGANIZATION, Followable.MEMBER)
    }
    first = make_post(alice, tags=["deposits"], places=[place("US")])
    subscribe(Followable.AREA, area("housing").pk, by=followers[Followable.AREA])  # the area above
    subscribe(Followable.PLACE, place("US").pk, by=followers[Followable.PLACE])
    subscribe(Followable.TAG, first.tags.get().pk, by=followers[Followable.TAG])
    subscribe(Followable.ORGANIZATION, organization.pk, by=followers[Followable.ORGANIZATION])
    subscribe(Followable.MEMBER, alice.pk, by=followers[Followable.MEMBER])
    new = make_post(alice, "Letters go unread", tags=["deposits"], places=[place("US")])
    recipients.tell(Activity.objects.get(verb=Verb.PUBLISHED, subject_id=new.pk))
    for kind, member in followers.items():
        assert whys(member) == [("new", "followed", "weekly")], kind
        assert heard(member) == ["Harbor Street Housing Desk shared a hunch: “Letters go unread”"]
        assert Notification.objects.get(member=member).kind == kind
    assert not Notification.objects.filter(member=alice).exists()


def test_told_twice_it_is_one_notification(alice, follower):
    make_post(alice)
    for _ in range(2):
        tell_all()
    assert len(heard(follower)) == 1


def test_of_several_subscriptions_the_most_eager_counts(alice, follower, organization):
    subscribe(Followable.ORGANIZATION, organization.pk, by=follower, cadence=Cadence.DAILY)
    make_post(alice)
    tell_all()
    assert whys(follower) == [("new", "followed", "at_once")]
    assert Notification.objects.get(member=follower).kind == "area"


def test_subscribing_is_not_for_what_was(alice, charlie, post):
    subscribe(Followable.AREA, area().pk, by=charlie)
    tell_all()
    assert heard(charlie) == []


def test_one_hears_only_of_what_one_wants(alice, charlie, follower):
    subscribe(Followable.AREA, area().pk, by=charlie, wants=["moves"])
    post = make_post(alice, rung=Rung.EMERGING)
    make_comment(post, make_member(), "Hm.")
    tell_all()
    assert heard(charlie) == [
        "Harbor Street Housing Desk published an emerging approach: “Paying at the viewing keeps homes”"
    ]
    assert len(heard(follower)) == 1  # comments are not usual for an issue area


def test_what_one_did_oneself_is_no_news(alice, bob):
    subscribe(Followable.AREA, area().pk, by=alice)
    subscribe(Followable.AREA, area().pk, by=bob)
    make_post(alice)
    tell_all()
    assert heard(alice) == []
    assert len(heard(bob)) == 1


def test_replies_mentions_and_what_one_wrote_come_first(alice, bob, charlie, post):
    question = make_comment(post, charlie, "Of how many? @bob may know.", kind="question")
    make_comment(post, bob, "Eleven.", parent=question)
    tell_all()
    assert whys(alice) == [("comments", "own", "at_once"), ("comments", "own", "at_once")]
    assert whys(bob) == [("comments", "mention", "at_once")]
    assert whys(charlie) == [("comments", "reply", "at_once")]
    assert heard(bob) == ["Charlie Chen mentioned you on “Paying at the viewing keeps homes”"]
    assert heard(charlie) == ["Bob Brandt answered you on “Paying at the viewing keeps homes”"]


def test_how_often_one_hears_of_ones_own_things_is_ones_own_choice(alice, charlie, post):
    set_direct(alice, Cadence.DAILY)
    make_comment(post, charlie)
    tell_all()
    assert whys(alice) == [("comments", "own", "daily")]


def test_mentions_in_a_post_are_told_once_and_not_with_each_version(alice, bob, post):
    publish_version(post, content("T", body="Ask @bob."), by=alice, note="", base=1)
    publish_version(post, content("T", body="Ask @bob again."), by=alice, note="", base=2)
    tell_all()
    assert whys(bob) == [("versions", "mention", "at_once")]


def test_a_muted_post_is_silent_but_for_what_is_said_to_oneself(alice, charlie, follower, post):
    mute(follower, post.pk)
    make_comment(post, charlie, f"And @{follower.handle}?")
    tell_all()
    assert whys(follower) == [("comments", "mention", "at_once")]
    unmute(follower, post.pk)
    make_post(alice, "Another")
    tell_all()
    assert heard(follower)[-1] == "Harbor Street Housing Desk shared a hunch: “Another”"


def test_those_who_may_not_see_it_when_it_is_told_hear_nothing(alice, bob, follower):
    subscribe(Followable.AREA, area().pk, by=bob)
    held = make_post(alice)
    Post.objects.filter(pk=held.pk).update(held_at=timezone.now())
    gone = make_post(alice, "Another")
    withdraw(gone, by=alice)
    subscribe_reader("reader@people.example", Followable.AREA, area().pk)
    tell_all()
    assert heard(follower) == []
    assert heard(bob) == ["Harbor Street Housing Desk shared a hunch: “Paying at the viewing keeps homes”"]
    assert not Notification.objects.filter(reader__isnull=False).exists()


@pytest.mark.parametrize("state", ["public", "held", "withdrawn", "hidden"])
def test_who_may_read_is_one_rule_from_both_ends(alice, bob, carla, charlie, mona, post, state):
    from django.db import connection

    from knowledge.posts.listing import readers

    if state != "public":
        Post.objects.filter(pk=post.pk).update(**{f"{state}_at": timezone.now()})
    sql, params = readers(post.pk)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        found = {pk for (pk,) in cursor.fetchall()}
    everybody = {alice, bob, carla, charlie, mona}
    assert found == {member.pk for member in everybody if Post.objects.visible_to(member).filter(pk=post.pk).exists()}


def test_a_suspended_member_hears_nothing(alice, follower):
    follower.is_active = False
    follower.save()
    make_post(alice)
    tell_all()
    assert not Notification.objects.exclude(member=alice).exists()


def test_readers_without_an_account_hear_of_what_they_follow(alice, post):
    subscription = subscribe_reader("reader@people.example", Followable.AREA, area().pk, cadence=Cadence.DAILY)
    subscribe_reader("READER@people.example", Followable.POST, post.pk)
    make_post(alice, "Another")
    tell_all()
    told = Notification.objects.get(reader=subscription.reader)
    assert (told.what, told.why, told.cadence) == ("new", "followed", "daily")


def test_saved_searches_hear_of_what_comes_into_them(alice, charlie):
    from django.http import QueryDict

    searches = {
        "q=deposit&rung=hunch": charlie,
        "area=homelessness&rung=emerging": make_member(),
        "q=water+bill": make_member(),
    }
    for query, member in searches.items():
        filters = parse(QueryDict(query))
        subscribe(Followable.SEARCH, save_search(filters, name_of(filters)).pk, by=member)
    make_post(alice, "We lose the deposit every time")
    tell_all()
    assert [len(heard(member)) for member in searches.values()] == [1, 0, 0]
    assert Notification.objects.get(member=charlie).kind == "search"


def test_the_whole_life_of_a_post_in_words(alice, bob, charlie, mona, organization):
    follower = make_member()
    subscribe(Followable.ORGANIZATION, organization.pk, by=follower, cadence=Cadence.AT_ONCE, wants=EVERYTHING)
    post = make_ready(alice, title="Keys next door")
    first, second = make_reviewer("Rita Review"), make_reviewer("Sam Second")
    report = make_report(post, first)
    tell_all()
    vetting = make_vetting(post, bob)
    tell_all()
    asked = make_review(vetting, first, "more")
    tell_all()
    next_version(post, alice, title="Keys next door")
    tell_all()
    answer_request(asked, by=alice, words="In table 2.")
    tell_all()
    make_review(vetting, first, again=True)
    tell_all()
    make_review(vetting, second)
    tell_all()
    challenge = make_comment(post, charlie, "Really?", kind="challenge")
    tell_all()
    answer_challenge(challenge, by=alice, body="Yes.")
    tell_all()
    accept_answer(challenge, by=charlie)
    tell_all()
    post.refresh_from_db()
    step_down(post, Rung.HUNCH, by=mona, why="One key went missing.")
    tell_all()
    withdraw_report(report, by=first, why="Another programme.")
    tell_all()
    set_aside(post, by=alice, why="It fell.", lesson=LESSON)
    tell_all()
    title = "“Keys next door”"
    rita = first.organizations.get().name
    assert heard(follower) == [
        f"Harbor Street Housing Desk published an emerging approach: {title}",
        f"Harbor Street Housing Desk added evidence to {title}",
        f"Harbor Street Housing Desk added evidence to {title}",
        f"Harbor Street Housing Desk asks: does {title} hold up?",
        f"Rita Review, {rita}, reviewed version 1 of {title}: needs more",
        f"Harbor Street Housing Desk published version 2 of {title}",
        f"Rita Review, {rita}, changed the verdict on version 2 of {title}: approves",
        f"Sam Second, {second.organizations.get().name}, reviewed version 2 of {title}: approves",
        f"{title} moved up to vetted finding",
        f"Charlie Chen challenges a claim in {title}",
        f"Alice Adeyemi commented on {title}",
        f"{title} stepped down to hunch",
        f"{title} was set aside",
    ]
    assert heard(first) == [
        f"Version 2 of {title} is out since you reviewed it",
        f"Harbor Street Housing Desk answers your request for more on {title}",
        f"{title} moved up to vetted finding",
    ]
    assert heard(charlie) == [
        f"Alice Adeyemi answered you on {title}",
        f"{title} stepped down to hunch",
        f"{title} was set aside",
    ]
    assert f"Charlie Chen says that your answer settles the challenge on {title}" in heard(alice)
    assert f"{rita} withdrew its field report on {title}" in heard(alice)


def test_a_ground_that_falls_asks_those_who_build_on_it(alice, charlie):
    ground = make_post(alice, "Paper promises")
    make_post(charlie, "Promises by phone", builds_on=[ground])
    set_aside(ground, by=alice, why="It fell.", lesson=LESSON)
    tell_all()
    still_holds(Link.objects.get(), by=charlie, why="Ours has no paper.")
    tell_all()
    assert heard(alice)[-1] == "Quayside Partnership links to a post that you follow or wrote: “Promises by phone”"
    assert heard(charlie) == ["“Paper promises”, on which a post of yours builds, was set aside"]


def test_a_vetting_that_ends_without_a_verdict(alice, bob, mona):
    reviewer = make_reviewer()
    post = make_ready(alice)
    for end in (
        lambda it: withdraw_vetting(it, by=bob, why="Too early."),
        lambda it: decline(it, by=mona, why="Spam."),
    ):
        vetting = make_vetting(post, alice)
        make_review(vetting, reviewer, "more")
        end(vetting)
        post.refresh_from_db()
    tell_all()
    assert heard(reviewer) == [
        "The vetting of “Paying at the viewing keeps homes” was withdrawn",
        "The vetting of “Paying at the viewing keeps homes” ended without a verdict",
    ]
    assert sum("vetting" in words for words in heard(alice)) == 2


def test_a_check_back_date_that_passed_asks_the_organization(alice, bob, carla, post):
    from knowledge.posts.actions import expect_more

    today = timezone.now().date()
    expect_more(post, today, by=alice)
    fall_quiet(post, today=today + timezone.timedelta(days=1))
    tell_all()
    words = "You expected to know more about “Paying at the viewing keeps homes” by now"
    assert [heard(member) for member in (alice, bob, carla)] == [[words], [words], []]


def test_what_is_gone_when_it_is_told_is_not_told(alice, charlie, post):
    said = make_comment(post, charlie)
    withdraw_comment(said, by=charlie)
    tell_all()
    assert heard(alice) == []


def test_a_text_taken_out_is_told_to_whose_it_was(alice, charlie, mona, post):
    said = make_comment(post, charlie, "A name.")
    redact("comment", said.pk, "body", by=mona, reason="Names a child.")
    tell_all()
    assert heard(charlie) == ["A moderator took a text out of “Paying at the viewing keeps homes”"]


def test_an_organization_that_is_verified_hears_it(alice, bob, mona, organization):
    from accounts.organizations.actions import verify

    verify(organization, by=mona)
    tell_all()
    assert heard(alice) == ["Harbor Street Housing Desk is verified"]
    assert heard(bob) == []


def test_what_happened_long_ago_is_no_news(alice):
    from procrastinate.contrib.django.models import ProcrastinateJob

    before = ProcrastinateJob.objects.count()
    make_post(alice, at=timezone.now() - timezone.timedelta(days=31))
    assert ProcrastinateJob.objects.count() == before
    make_post(alice, at=timezone.now() - timezone.timedelta(days=29))
    assert ProcrastinateJob.objects.count() == before + 2


def test_several_of_one_sort_are_one_line(alice, follower, charlie):
    post = make_ready(alice)
    subscribe(Followable.POST, post.pk, by=follower)
    for _ in range(3):
        make_report(post, make_reviewer())
    tell_all()
    lines = items(Notification.objects.filter(member=follower).order_by("-pk"), follower)
    assert lines[0].text == "3 field reports on “Paying at the viewing keeps homes”"
    assert len(lines[0].notifications) == 3


def test_many_hear_in_batches(alice, monkeypatch):
    members = [make_member() for _ in range(7)]
    for member in members:
        subscribe(Followable.AREA, area().pk, by=member)
    make_post(alice)
    activity = Activity.objects.get(verb=Verb.PUBLISHED)
    monkeypatch.setattr(recipients, "BATCH", 3)
    recipients.tell(activity)
    assert Notification.objects.filter(activity=activity).count() == 7
    assert {len(heard(member)) for member in members} == {1}


def test_braces_in_names_are_only_words(alice, follower):
    organization = make_organization(alice, name="{title} & {0} <b>")
    make_post(alice, "A {title} of {braces}", organization=organization)
    tell_all()
    line = items(Notification.objects.filter(member=follower), follower)[0]
    assert line.text == "{title} & {0} <b> shared a hunch: “A {title} of {braces}”"
    assert "&lt;b&gt;" in line.html
    assert "A {title} of {braces}</a>" in line.html


def test_lineage_words_say_which_post(alice, charlie):
    ground, built = make_post(alice, "Ground"), make_post(charlie, "Built")
    link(built, ground, LinkKind.BUILDS_ON, by=charlie)
    tell_all()
    assert heard(alice) == ["Quayside Partnership links to a post that you follow or wrote: “Built”"]


def test_what_was_told_long_ago_is_thrown_away(alice, bob, charlie, post):
    """Read half a year ago, or older than a link in a mail holds; what is newer, or unread, stays."""
    make_comment(post, charlie)
    make_comment(post, bob)
    tell_all()
    now = timezone.now()
    first, last = Notification.objects.filter(member=alice).order_by("pk")
    letter = Letter.objects.create(member=alice, sort=Sort.AT_ONCE, period="1", closed_at=now - tidying.KEEP * 2)
    Notification.objects.filter(pk=first.pk).update(letter=letter, read_at=now - tidying.KEEP_READ + DAY)
    assert tidying.throw_away_old() == 0
    Notification.objects.filter(pk=first.pk).update(read_at=now - tidying.KEEP_READ - DAY)
    assert tidying.throw_away_old() == 2  # and the letter that told it
    assert not Letter.objects.filter(pk=letter.pk).exists()
    Notification.objects.filter(pk=last.pk).update(at=now - tidying.KEEP - DAY)
    assert tidying.throw_away_old() == 1
    assert tidying.throw_away_old() == 0
    assert not Notification.objects.filter(member=alice).exists()
