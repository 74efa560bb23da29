"""Moving up, stepping down, setting aside, taking up again: who may, what it wants, what readers see."""

import pytest
from django.core.exceptions import PermissionDenied

from knowledge.evidence.actions import add_evidence, withdraw_evidence
from knowledge.ladder.actions import AfterAction, move_up, set_aside, step_down, take_up
from knowledge.posts.actions import NotReady, publish_version, withdraw
from knowledge.posts.models import Move, MoveKind
from knowledge.posts.rungs import Rung, Standing
from tests.make import CASE, PIECE, content, make_post

pytestmark = pytest.mark.django_db  # before those that commit, also where the fixtures are asked for by name

LESSON = AfterAction("That it pays.", "It did not.", "The fund was too small.", "Begin with 400 homes.")
WHY = {"why": "Five months, 41 moves."}
ASIDE = {"why": "Too small for a bad winter.", "expected": "a", "happened": "b", "because": "c", "next_time": "d"}


@pytest.fixture
def ready(post, alice):
    """A hunch whose case is complete."""
    publish_version(post, content(case=CASE), by=alice, note="", base=1)
    add_evidence(post, PIECE, by=alice)
    return post


@pytest.fixture
def emerging(alice):
    return make_post(alice, rung=Rung.EMERGING)


def test_a_hunch_moves_up_once_its_case_is_complete(client, ready, bob):
    move = move_up(ready, by=bob, why="Five months, 41 moves.")
    ready.refresh_from_db()
    assert ready.rung == Rung.EMERGING
    assert (move.kind, move.from_rung, move.to_rung, move.version.number, move.by) == (MoveKind.UP, 1, 2, 2, bob)
    page = client.get(ready.get_absolute_url()).content.decode()
    assert "Up to Emerging approach" in page
    assert "Five months, 41 moves." in page
    assert ready.title in client.get("/search/?rung=emerging").content.decode()
    assert ready.title not in client.get("/search/?rung=hunch").content.decode()


def test_what_is_missing_is_said_and_nothing_moves(signed_in, post, alice):
    with pytest.raises(NotReady) as refused:
        move_up(post, by=alice, why="Now.")
    assert list(refused.value.missing) == ["case", "evidence"]
    answer = signed_in(alice).post(f"{post.get_absolute_url()}standing/", WHY)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Say what was tried." in page
    assert "Add at least one piece of evidence" in page
    assert WHY["why"] in page
    post.refresh_from_db()
    assert (post.rung, post.moves.count()) == (Rung.HUNCH, 1)


def test_everybody_sees_what_the_next_rung_wants(client, ready, alice):
    page = client.get(ready.get_absolute_url()).content.decode()
    assert "1 piece of evidence" in page
    assert "Missing:" not in page
    withdraw_evidence(ready.evidence.get(), by=alice, why="Counted twice.")
    page = client.get(ready.get_absolute_url()).content.decode()
    assert "Missing:</span> At least one piece of evidence" in page


VERBS = {
    "standing/": ("ready", WHY),
    "step-down/": ("emerging", {"rung": "hunch", "why": "We take it back."}),
    "set-aside/": ("emerging", ASIDE),
}
MAY = {
    "standing/": {"alice": 302, "bob": 302, "carla": 403, "charlie": 403, "mona": 403},
    "step-down/": {"alice": 302, "bob": 302, "carla": 403, "charlie": 403, "mona": 302},
    "set-aside/": {"alice": 302, "bob": 302, "carla": 403, "charlie": 403, "mona": 403},
}


@pytest.mark.parametrize(("verb", "who"), [(verb, who) for verb, row in MAY.items() for who in row])
def test_who_may_move_a_post(signed_in, request, verb, who):
    fixture, form = VERBS[verb]
    post = request.getfixturevalue(fixture)
    before = post.moves.count()
    code = MAY[verb][who]
    assert signed_in(request.getfixturevalue(who)).post(f"{post.get_absolute_url()}{verb}", form).status_code == code
    assert post.moves.count() == before + (code == 302)


@pytest.mark.parametrize("verb", [*VERBS, "take-up/", "evidence/"])
def test_without_an_account_one_is_sent_to_sign_in(client, post, verb):
    answer = client.get(f"{post.get_absolute_url()}{verb}")
    assert answer["Location"] == f"/accounts/login/?next={post.get_absolute_url()}{verb}"


@pytest.mark.parametrize("verb", [*VERBS, "take-up/", "evidence/"])
def test_a_withdrawn_post_does_not_move(signed_in, request, alice, verb):
    post = request.getfixturevalue(VERBS.get(verb, ("emerging", {}))[0])
    withdraw(post, by=alice)
    before = post.moves.count()
    answer = signed_in(alice).post(f"{post.get_absolute_url()}{verb}", VERBS.get(verb, ("", {"why": "x"}))[1])
    assert answer.status_code == 410
    assert post.moves.count() == before


@pytest.mark.parametrize("verb", [move_up, take_up])
def test_verbs_refuse_a_withdrawn_post_too(emerging, alice, verb):
    withdraw(emerging, by=alice)
    with pytest.raises(PermissionDenied):
        verb(emerging, by=alice, why="x")
    with pytest.raises(PermissionDenied):
        step_down(emerging, Rung.HUNCH, by=alice, why="x")
    with pytest.raises(PermissionDenied):
        set_aside(emerging, by=alice, why="x", lesson=LESSON)


def test_an_emerging_approach_does_not_move_further_up(signed_in, emerging, alice):
    with pytest.raises(PermissionDenied):
        move_up(emerging, by=alice, why="x")
    assert signed_in(alice).post(f"{emerging.get_absolute_url()}standing/", WHY).status_code == 403


def test_stepping_down_wants_a_reason_and_a_rung_below(signed_in, emerging, alice):
    path = f"{emerging.get_absolute_url()}step-down/"
    for form, words in [
        ({"rung": "hunch"}, "Say why"),
        ({"rung": "emerging", "why": "x"}, "Choose a rung below"),
        ({"rung": "vetted", "why": "x"}, "Choose a rung below"),
        ({"why": "x"}, "Choose a rung below"),
    ]:
        answer = signed_in(alice).post(path, form)
        assert (answer.status_code, words in answer.content.decode()) == (422, True)
    with pytest.raises(NotReady):
        step_down(emerging, Rung.VETTED, by=alice, why="x")
    assert emerging.moves.count() == 1


def test_stepping_down_is_a_move_that_everybody_sees(client, emerging, mona):
    move = step_down(emerging, Rung.HUNCH, by=mona, why="Two field reports did not see what they saw.")
    assert move.words == "Down to Hunch"
    page = client.get(emerging.get_absolute_url()).content.decode()
    assert "Down to Hunch" in page
    assert "Two field reports did not see what they saw." in page


def test_set_aside_is_calm_findable_and_keeps_its_rung(client, emerging, alice):
    move = set_aside(emerging, by=alice, why="Too small for a bad winter.", lesson=LESSON)
    emerging.refresh_from_db()
    assert (emerging.rung, emerging.standing, move.kind) == (Rung.EMERGING, Standing.ASIDE, MoveKind.ASIDE)
    page = client.get(emerging.get_absolute_url()).content.decode()
    for words in ("Too small for a bad winter.", "The fund was too small.", "Begin with 400 homes.", "Set aside"):
        assert words in page
    assert 'content="Set aside: It did not hold up. What was learned stays."' in page
    assert "/share/aside.png" in page
    assert ", Set aside, version 1:" in page
    for path in ("/search/?rung=aside", "/search/?q=viewing", "/search/", "/organizations/harbor-street/"):
        listed = client.get(path).content.decode()
        assert emerging.title in listed
        assert 'class="card" data-rung="aside"' in listed
    assert emerging.title not in client.get("/search/?rung=emerging").content.decode()
    assert emerging.title not in client.get("/search/?q=viewing&rung=emerging").content.decode()
    assert emerging.title in client.get("/search/?q=viewing&rung=aside").content.decode()
    assert 'term="aside" label="Set aside"' in client.get("/feed.atom").content.decode()


def test_what_is_set_aside_does_not_move_until_it_is_taken_up_again(client, emerging, alice):
    set_aside(emerging, by=alice, why="Too small.", lesson=LESSON)
    with pytest.raises(PermissionDenied):
        step_down(emerging, Rung.HUNCH, by=alice, why="x")
    with pytest.raises(PermissionDenied):
        set_aside(emerging, by=alice, why="x", lesson=LESSON)
    move = take_up(emerging, by=alice, why="A backer was found.")
    emerging.refresh_from_db()
    assert (emerging.standing, move.words) == (Standing.EMERGING, "Taken up again")
    assert "A backer was found." in client.get(emerging.get_absolute_url()).content.decode()
    assert emerging.title in client.get("/search/?rung=emerging").content.decode()
    with pytest.raises(PermissionDenied):
        take_up(emerging, by=alice, why="x")


def test_the_front_page_says_how_many_were_set_aside(client, post, emerging, alice):
    words = '<a href="/search/?rung=aside">1 of them set aside</a>'
    assert words not in client.get("/").content.decode()
    set_aside(emerging, by=alice, why="Too small.", lesson=LESSON)
    assert words in client.get("/").content.decode()
    page = client.get("/search/?rung=aside").content.decode()
    assert "<h1>Set aside</h1>" in page
    assert '<p class="takeaway">Too small.</p>' in page


def test_each_question_of_the_after_action_review_wants_an_answer(signed_in, emerging, alice):
    answer = signed_in(alice).post(f"{emerging.get_absolute_url()}set-aside/", {"why": "Too small."})
    page = answer.content.decode()
    assert answer.status_code == 422
    for words in ("Say what you expected.", "Say what happened.", "Say what you think the reason was.", "Too small."):
        assert words in page
    assert not Move.objects.filter(kind=MoveKind.ASIDE).exists()


def test_a_new_version_keeps_a_post_aside(emerging, alice):
    set_aside(emerging, by=alice, why="Too small.", lesson=LESSON)
    publish_version(emerging, content(case=CASE, body="More."), by=alice, note="", base=1)
    emerging.refresh_from_db()
    assert (emerging.standing, emerging.shown.number) == (Standing.ASIDE, 2)


@pytest.mark.parametrize(
    ("standing", "page", "words"),
    [
        ("hunch", "vetting/", "A hunch moves up to emerging approach first"),
        ("hunch", "step-down/", "A hunch is the lowest rung."),
        ("hunch", "take-up/", "It is not set aside."),
        ("emerging", "check-back/", "Only a hunch has a day"),
        ("aside", "vetting/", "It is set aside. Take it up again first."),
        ("aside", "step-down/", "It is set aside. Take it up again first."),
        ("aside", "set-aside/", "It is set aside already."),
    ],
)
def test_whoever_may_change_a_post_is_told_why_not_now(signed_in, post, emerging, alice, standing, page, words):
    this = post if standing == "hunch" else emerging
    if standing == "aside":
        set_aside(this, by=alice, why="Too small.", lesson=LESSON)
    before = Move.objects.count()
    answer = signed_in(alice).get(f"{this.get_absolute_url()}{page}")
    assert (answer.status_code, words in answer.content.decode()) == (403, True)
    assert Move.objects.count() == before
