"""Lineage: shown from both ends, without circles; and what happens when what a post builds on falls."""

import datetime as dt
import re
import uuid

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from knowledge.evidence.actions import withdraw_report
from knowledge.ladder.actions import AfterAction, set_aside, step_down, still_holds, take_up
from knowledge.ladder.waiting import waiting_for
from knowledge.posts.actions import NotReady, expect_more, fall_quiet, withdraw
from knowledge.posts.lineage import Unlinkable, link, unlink
from knowledge.posts.models import Link, LinkKind, Move, MoveKind, Post
from knowledge.posts.rungs import Rung
from tests.make import area, make_post, make_ready, make_report, make_vetting

pytestmark = pytest.mark.django_db
LESSON = AfterAction("a", "b", "c", "d")
BUILDS_ON = LinkKind.BUILDS_ON


@pytest.fixture
def ground(charlie):
    return make_post(charlie, "Landlords answer on Thursdays", rung=Rung.EMERGING)


def page_of(client, post) -> str:
    return client.get(post.get_absolute_url()).content.decode()


@pytest.mark.parametrize("kind", LinkKind)
def test_a_link_shows_from_both_ends(client, post, ground, alice, kind):
    link(post, ground, kind, by=alice)
    assert f"<dt>{kind.label}</dt>" in page_of(client, post)
    assert ground.title in page_of(client, post)
    assert f"<dt>{kind.seen_from_there}</dt>" in page_of(client, ground)
    assert post.title in page_of(client, ground)


def test_what_it_grew_out_of_grew_out_of_something_too(client, post, ground, alice, charlie):
    older = make_post(charlie, "Phones are off on Mondays")
    link(ground, older, BUILDS_ON, by=charlie)
    link(post, ground, BUILDS_ON, by=alice)
    assert f'which builds on <a href="{older.get_absolute_url()}">' in page_of(client, post)


@pytest.mark.parametrize("end", ["9" * 5_000, "-1", "²", "x", ""])
def test_what_is_no_link_is_not_taken_away(signed_in, post, ground, alice, end):
    made = link(post, ground, BUILDS_ON, by=alice)
    assert signed_in(alice).post(f"{post.get_absolute_url()}lineage/", {"end": end}).status_code == 404
    made.refresh_from_db()
    assert made.ended_at is None


def test_linking_twice_is_once_and_a_link_is_taken_away(client, signed_in, post, ground, alice):
    first = link(post, ground, BUILDS_ON, by=alice)
    assert link(post, ground, BUILDS_ON, by=alice) == first
    path = f"{post.get_absolute_url()}lineage/"
    assert signed_in(alice).post(path, {"end": first.pk}).status_code == 302
    assert ground.title not in page_of(client, post)
    assert post.title not in page_of(client, ground)
    unlink(first, by=alice)
    assert link(post, ground, BUILDS_ON, by=alice) != first


def test_no_post_comes_after_itself(post, ground, alice, charlie):
    third = make_post(alice, "A third")
    link(post, ground, BUILDS_ON, by=alice)
    link(third, post, LinkKind.SUPERSEDES, by=alice)
    for kind in (BUILDS_ON, LinkKind.SUPERSEDES):
        with pytest.raises(Unlinkable, match="come after itself"):
            link(ground, third, kind, by=charlie)
    with pytest.raises(Unlinkable, match="does not link to itself"):
        link(post, post, BUILDS_ON, by=alice)
    link(ground, third, LinkKind.CONTRADICTS, by=charlie)
    assert Link.objects.count() == 3


@pytest.mark.parametrize("state", ["withdrawn_at", "hidden_at", "held_at"])
def test_a_post_that_one_may_not_read_is_as_if_it_were_not_there(signed_in, post, ground, alice, state):
    setattr(ground, state, timezone.now())
    ground.save()
    with pytest.raises(Unlinkable, match="There is no such post"):
        link(post, ground, BUILDS_ON, by=alice)
    form = {"kind": "builds_on", "to": str(ground.number)}
    answer = signed_in(alice).post(f"{post.get_absolute_url()}lineage/", form)
    missing = signed_in(alice).post(f"{post.get_absolute_url()}lineage/", {**form, "to": "999999"})
    assert (answer.status_code, missing.status_code) == (422, 422)
    assert f"There is no post “{ground.number}”" in answer.content.decode()
    assert "There is no post “999999”" in missing.content.decode()


def test_what_is_withdrawn_leaves_the_lineage_of_others(client, post, ground, alice, charlie):
    link(post, ground, BUILDS_ON, by=alice)
    assert ground.title in page_of(client, post)
    withdraw(ground, by=charlie)
    assert ground.title not in page_of(client, post)


@pytest.mark.parametrize(
    ("to", "words"),
    [("", "Give the other post’s address"), ("nothing", "There is no post “nothing”"), ("/posts/0/", "There is no post"),
     ("9" * 400, "there is room for 300")],
)  # fmt: skip
def test_what_is_no_post_is_said_at_the_field(signed_in, post, alice, to, words):
    answer = signed_in(alice).post(f"{post.get_absolute_url()}lineage/", {"kind": "builds_on", "to": to})
    assert (answer.status_code, words in answer.content.decode()) == (422, True)


def test_a_circle_is_said_at_the_field(signed_in, post, ground, alice, charlie):
    link(ground, post, BUILDS_ON, by=charlie)
    answer = signed_in(alice).post(
        f"{post.get_absolute_url()}lineage/", {"kind": "builds_on", "to": ground.get_absolute_url()}
    )
    assert answer.status_code == 422
    assert "it would come after itself" in answer.content.decode()


@pytest.mark.parametrize(("who", "code"), [("alice", 302), ("bob", 302), ("carla", 403), ("charlie", 403)])
def test_who_may_link(signed_in, request, post, ground, who, code):
    answer = signed_in(request.getfixturevalue(who)).post(
        f"{post.get_absolute_url()}lineage/", {"kind": "contradicts", "to": f"#{ground.number}"}
    )
    assert answer.status_code == code
    assert Link.objects.count() == (code == 302)


def test_build_on_this_carries_the_context_over(client, signed_in, alice, charlie, organization):
    ground = make_post(charlie, "Ground", tags=["rent", "keys"], issue_areas=[area("food"), area()])
    assert f"/posts/new/?builds_on={ground.number}" in page_of(client, ground)
    form = signed_in(alice).get(f"/posts/new/?builds_on={ground.number}").context["form"]
    told = {name: form[name].value() for name in ("area", "area_2", "tags", "builds_on", "title")}
    assert told["builds_on"].endswith(ground.get_absolute_url())
    assert (told["area"], told["area_2"], told["tags"], told["title"]) == ("food", "homelessness", "rent, keys", None)
    sent = {
        "title": "It grew",
        "body": "It did.",
        "area": "food",
        "organization": organization.pk,
        "key": str(uuid.uuid4()),
    }
    signed_in(alice).post("/posts/new/", {**sent, "builds_on": told["builds_on"]})
    assert Link.objects.get().to == ground


def test_build_on_what_one_may_not_read_carries_nothing(signed_in, alice, charlie):
    ground = make_post(charlie)
    withdraw(ground, by=charlie)
    assert not signed_in(alice).get(f"/posts/new/?builds_on={ground.number}").context["form"]["builds_on"].value()
    assert signed_in(alice).get("/posts/new/?builds_on=x").status_code == 200


# When what a post builds on falls


def fell_aside(ground, charlie):
    set_aside(ground, by=charlie, why="It fell.", lesson=LESSON)


def fell_down(ground, charlie):
    step_down(ground, Rung.HUNCH, by=charlie, why="Too early.")


def failed_elsewhere(ground, alice):
    make_report(ground, alice, outcome="no")


FALLS = {
    "was set aside": ("charlie", fell_aside),
    "stepped down to hunch": ("charlie", fell_down),
    "did not work when Harbor Street Housing Desk tried it": ("alice", failed_elsewhere),
}


@pytest.mark.parametrize("words", FALLS)
def test_its_page_says_so_until_the_organization_says_that_it_still_holds(
    client, signed_in, request, post, ground, alice, words
):
    made = link(post, ground, BUILDS_ON, by=alice)
    assert "still holds" not in page_of(client, post)
    who, fall = FALLS[words]
    fall(ground, request.getfixturevalue(who))
    page = page_of(client, post)
    assert f"which {words}" in page
    assert "has not said yet whether it still holds" in page
    [line] = waiting_for(alice)
    assert line.href == f"{post.get_absolute_url()}lineage/{made.pk}/still-holds/"
    answer = signed_in(alice).post(line.href, {"why": "We saw it in three places of our own."})
    assert answer.status_code == 302
    page = page_of(client, post)
    assert "We saw it in three places of our own." in page
    assert "has not said yet" not in page
    assert waiting_for(alice) == []


def test_a_second_fall_asks_again(client, post, ground, alice, charlie):
    made = link(post, ground, BUILDS_ON, by=alice)
    failed_elsewhere(ground, alice)
    still_holds(made, by=alice, why="Ours is another city.")
    fell_aside(ground, charlie)
    assert "has not said yet whether it still holds" in page_of(client, post)


def test_what_is_taken_up_again_or_a_report_taken_back_shakes_nothing(client, post, ground, alice, charlie):
    link(post, ground, BUILDS_ON, by=alice)
    fell_aside(ground, charlie)
    take_up(ground, by=charlie, why="A backer was found.")
    report = make_report(ground, alice, outcome="no")
    withdraw_report(report, by=alice, why="Of another programme.")
    assert "has not said yet" not in page_of(client, post)
    assert waiting_for(alice) == []


def test_who_built_on_what_had_fallen_already_knew(client, post, ground, alice, charlie):
    fell_aside(ground, charlie)
    link(post, ground, BUILDS_ON, by=alice)
    assert "has not said yet" not in page_of(client, post)


def test_only_the_organization_says_that_it_still_holds(signed_in, post, ground, alice, charlie):
    made = link(post, ground, BUILDS_ON, by=alice)
    fell_aside(ground, charlie)
    path = f"{post.get_absolute_url()}lineage/{made.pk}/still-holds/"
    assert signed_in(charlie).post(path, {"why": "x"}).status_code == 403
    assert signed_in(alice).post(path, {"why": ""}).status_code == 422
    with pytest.raises(PermissionDenied):
        still_holds(made, by=charlie, why="x")


# Superseded


def test_superseded_by_is_the_move_and_one_link(client, signed_in, post, ground, alice):
    form = {"why": "Theirs says it better.", "superseded_by": ground.get_absolute_url()}
    assert signed_in(alice).post(f"{post.get_absolute_url()}set-aside/", form).status_code == 302
    made = Link.objects.get()
    move = Move.objects.get(kind=MoveKind.ASIDE)
    assert (made.post, made.to, made.kind, made.cause) == (ground, post, LinkKind.SUPERSEDES, move)
    assert f"Superseded by: {ground.title}" in page_of(client, post)
    assert "<dt>Supersedes</dt>" in page_of(client, ground)
    take_up(post, by=alice, why="Theirs fell.")
    assert "Superseded by" not in page_of(client, post)
    assert Link.objects.get().ended_at


def test_superseded_by_what_builds_on_it_is_no_circle_and_the_other_way_is(signed_in, post, ground, alice, charlie):
    link(ground, post, BUILDS_ON, by=charlie)
    set_aside(post, by=alice, why="Theirs says it better.", superseded_by=ground)
    older = make_post(alice, "Older")
    newer = make_post(alice, "Newer")
    link(newer, older, BUILDS_ON, by=alice)
    answer = signed_in(alice).post(
        f"{newer.get_absolute_url()}set-aside/", {"why": "x", "superseded_by": str(older.number)}
    )
    assert answer.status_code == 422
    assert "it would come after itself" in answer.content.decode()
    assert Post.objects.get(pk=newer.pk).aside_at is None


def test_setting_aside_wants_a_lesson_or_a_successor(signed_in, post, alice):
    with pytest.raises(NotReady):
        set_aside(post, by=alice, why="x")
    answer = signed_in(alice).post(f"{post.get_absolute_url()}set-aside/", {"why": "x", "superseded_by": "999999"})
    assert answer.status_code == 422
    assert "There is no post “999999”" in answer.content.decode()
    assert not Move.objects.filter(kind=MoveKind.ASIDE).exists()


def test_what_comes_with_setting_aside_bears_its_time(alice):
    post, better = make_ready(alice), make_post(alice, title="Says it better")
    vetting = make_vetting(post, alice)
    then, later = dt.datetime(2026, 3, 1, tzinfo=dt.UTC), dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
    move = set_aside(post, by=alice, why="Read theirs.", superseded_by=better, at=then)
    vetting.refresh_from_db()
    link = better.links.get()
    assert (move.at, vetting.closed_at, link.at, link.ended_at) == (then, then, then, None)
    take_up(post, by=alice, why="Theirs fell.", at=later)
    link.refresh_from_db()
    assert link.ended_at == later


def test_what_its_organization_is_asked_stands_with_the_way_to_answer(
    client, signed_in, post, ground, alice, carla, charlie
):
    made = link(post, ground, BUILDS_ON, by=alice)
    expect_more(post, timezone.localdate() + dt.timedelta(days=1), by=alice)
    fall_quiet(post, today=timezone.localdate() + dt.timedelta(days=2))
    set_aside(ground, by=charlie, why="It fell.", lesson=LESSON)
    address = post.get_absolute_url()
    ways = (f'<a href="{address}lineage/{made.pk}/still-holds/">', f'<a href="{address}check-back/">')
    for browser, edits in (
        (client, False),
        (signed_in(charlie), False),
        (signed_in(carla), False),
        (signed_in(alice), True),
    ):
        page = browser.get(address).content.decode()
        assert "has not said yet whether it still holds" in page
        assert "Quiet since" in page
        shown = re.sub(r"<!--.*?-->", "", page)
        assert [way in shown for way in ways] == [edits, edits]
