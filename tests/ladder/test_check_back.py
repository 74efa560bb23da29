""" "We expect to know more by ...": asked when the day passes, quiet until answered, nothing deleted."""

import datetime as dt
import uuid

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from commons.activity.models import Activity, Verb
from knowledge import jobs
from knowledge.ladder.actions import AfterAction, set_aside
from knowledge.ladder.waiting import waiting_for
from knowledge.posts.actions import expect_more, fall_quiet, publish_version, withdraw
from knowledge.posts.models import CheckBack, Post
from tests.make import content, make_post

pytestmark = pytest.mark.django_db


def in_days(days: int) -> dt.date:
    return timezone.localdate() + dt.timedelta(days=days)


@pytest.fixture
def quiet(post, alice):
    """A hunch whose check-back date passed yesterday."""
    expect_more(post, in_days(-1), by=alice)
    jobs.dates(0)
    post.refresh_from_db()
    return post


def page_of(client, post) -> str:
    return client.get(post.get_absolute_url()).content.decode()


def test_a_hunch_carries_a_check_back_date(client, signed_in, alice, organization):
    form = {"title": "A hunch", "body": "We see it.", "area": "food", "organization": organization.pk}
    signed_in(alice).post("/posts/new/", {**form, "check_back": in_days(60).isoformat(), "key": str(uuid.uuid4())})
    post = Post.objects.get()
    assert post.check_back_on == in_days(60)
    assert "We expect to know more by" in page_of(client, post)
    jobs.dates(0)
    post.refresh_from_db()
    assert post.quiet_since is None


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("2020-01-01", "yet to come"),
        ("9999-01-01", "Check the year"),
        ("2100-01-01", "within five years"),
        ("soon", "2025-03-31"),
    ],
)
def test_a_day_that_cannot_be_is_said_at_the_field(signed_in, alice, post, day, words):
    answer = signed_in(alice).post(f"{post.get_absolute_url()}check-back/", {"on": day})
    assert (answer.status_code, words in answer.content.decode()) == (422, True)
    assert not CheckBack.objects.exists()


def test_when_the_day_passes_the_organization_is_asked_and_readers_see_it(client, signed_in, quiet, alice, bob, carla):
    assert quiet.quiet_since == in_days(-1)
    page = page_of(client, quiet)
    assert "Quiet since" in page
    for member in (alice, bob):
        [line] = waiting_for(member)
        assert line.words.startswith("You expected to know more about")
        assert signed_in(member).get(line.href).status_code == 200
    assert waiting_for(carla) == []
    jobs.dates(0)
    assert Activity.objects.filter(verb=Verb.CHECK_BACK_PASSED, by=None).count() == 1


def test_still_testing_is_an_answer(client, signed_in, quiet, alice):
    form = {"on": in_days(90).isoformat(), "words": "Two more schools begin in May."}
    assert signed_in(alice).post(f"{quiet.get_absolute_url()}check-back/", form).status_code == 302
    page = page_of(client, quiet)
    assert "Quiet since" not in page
    assert "Two more schools begin in May." in page
    assert waiting_for(alice) == []


def test_a_new_version_is_an_answer(client, quiet, alice):
    publish_version(quiet, content(body="We know more."), by=alice, note="", base=1)
    assert "Quiet since" not in page_of(client, quiet)
    assert waiting_for(alice) == []


def test_setting_aside_is_an_answer(client, quiet, alice):
    set_aside(quiet, by=alice, why="It fell.", lesson=AfterAction("a", "b", "c", "d"))
    assert "Quiet since" not in page_of(client, quiet)
    assert waiting_for(alice) == []


def test_what_is_gone_falls_not_quiet(post, alice):
    expect_more(post, in_days(-1), by=alice)
    withdraw(post, by=alice)
    jobs.dates(0)
    assert fall_quiet(post, today=in_days(0)).quiet_since is None


def test_only_the_organization_says_when(signed_in, post, charlie):
    with pytest.raises(PermissionDenied):
        expect_more(post, in_days(9), by=charlie)
    assert signed_in(charlie).get(f"{post.get_absolute_url()}check-back/").status_code == 403


def test_on_its_day_nothing_has_passed_yet(alice):
    post = make_post(alice)
    expect_more(post, timezone.now().date(), by=alice)
    jobs.dates(0)
    post.refresh_from_db()
    assert post.quiet_since is None
