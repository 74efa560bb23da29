"""What a member read last of a post, and the line that says that it has changed since."""

import datetime as dt

import pytest
from django.utils import timezone

from knowledge import jobs
from knowledge.posts import reading
from knowledge.posts.actions import publish_version, withdraw
from knowledge.posts.models import LastRead
from tests.make import content, make_post
from tests.posts.test_versions import next_version, words_of

LINE = "Changed since you last read it"


@pytest.fixture
def later(monkeypatch):
    """Let time pass for what is read."""

    def pass_by(**span):
        now = reading.timezone.now() + dt.timedelta(**span)

        class Clock:
            @staticmethod
            def now():
                return now

        monkeypatch.setattr(reading, "timezone", Clock)

    return pass_by


def test_a_post_that_has_changed_since_one_read_it_says_so_and_leads_to_the_change(signed_in, alice, charlie, post):
    path = post.get_absolute_url()
    browser = signed_in(charlie)
    assert LINE not in words_of(browser.get(path))
    assert LINE not in words_of(browser.get(path))
    next_version(post, alice, body="Four times.")
    html = words_of(browser.get(path))
    assert LINE in html
    assert "(version 1)" in html
    assert f'href="{path}versions/1/compare/2/">see what changed</a>' in html
    assert browser.get(f"{path}versions/1/compare/2/").status_code == 200


def test_it_says_so_for_a_visit_and_then_no_longer(signed_in, alice, charlie, post, later):
    browser, path = signed_in(charlie), post.get_absolute_url()
    browser.get(path)
    next_version(post, alice, body="Four times.")
    first = browser.get(path)
    assert LINE in words_of(first)
    later(minutes=50)
    assert LINE in words_of(browser.get(path))
    later(minutes=20)
    assert LINE not in words_of(browser.get(path))
    next_version(post, alice, body="Five times.")
    html = words_of(browser.get(path))
    assert LINE in html
    assert "versions/2/compare/3/" in html


def test_two_new_versions_on_one_visit_are_told_as_one_change(signed_in, alice, charlie, post, later):
    browser, path = signed_in(charlie), post.get_absolute_url()
    browser.get(path)
    later(days=3)
    next_version(post, alice, body="Four times.")
    browser.get(path)
    later(minutes=5)
    next_version(post, alice, body="Five times.")
    for _ in range(2):
        assert "versions/1/compare/3/" in words_of(browser.get(path))


def test_a_page_with_the_line_is_never_shown_again_from_a_copy(signed_in, alice, charlie, post, later):
    browser, path = signed_in(charlie), post.get_absolute_url()
    plain = browser.get(path)
    assert browser.get(path, headers={"if-none-match": plain["ETag"]}).status_code == 304
    next_version(post, alice, body="Four times.")
    told = browser.get(path, headers={"if-none-match": plain["ETag"]})
    assert told.status_code == 200
    assert LINE in words_of(told)
    assert "ETag" not in told
    assert told["Cache-Control"] == "no-store"
    later(hours=2)
    after = browser.get(path, headers={"if-none-match": plain["ETag"]})
    assert after.status_code == 200
    assert LINE not in words_of(after)
    assert browser.get(path, headers={"if-none-match": after["ETag"]}).status_code == 304


def test_nobody_is_told_of_what_they_wrote_themselves(signed_in, alice, bob, post):
    path = post.get_absolute_url()
    browsers = {member: signed_in(member) for member in (alice, bob)}
    for browser in browsers.values():
        browser.get(path)
    next_version(post, alice, body="Four times.")
    assert LINE not in words_of(browsers[alice].get(path))
    assert LINE in words_of(browsers[bob].get(path))


def test_each_reader_has_their_own(signed_in, client, alice, bob, charlie, post):
    path = post.get_absolute_url()
    signed_in(charlie).get(path)
    next_version(post, alice, body="Four times.")
    assert LINE not in words_of(client.get(path))
    assert LINE in words_of(signed_in(charlie).get(path))
    assert LINE not in words_of(signed_in(bob).get(path))
    assert LINE not in words_of(client.get(path))


def test_reading_writes_one_row_and_only_what_is_new(signed_in, alice, charlie, post, django_assert_num_queries):
    browser, path = signed_in(charlie), post.get_absolute_url()
    browser.get(path)
    row = LastRead.objects.get()
    assert (row.member, row.post, row.number, row.earlier) == (charlie, post, 1, None)
    browser.get(path)
    with django_assert_num_queries(6):  # as many as a page without it
        browser.get(path)
    assert LastRead.objects.get().at == row.at
    next_version(post, alice, body="Four times.")
    browser.get(path)
    row = LastRead.objects.get(member=charlie)
    assert (row.number, row.earlier) == (2, 1)


def test_readers_without_an_account_leave_nothing(client, post):
    client.get(post.get_absolute_url())
    assert not LastRead.objects.exists()


@pytest.mark.parametrize("how", ["HEAD", "prefetch"])
def test_what_nobody_looks_at_is_not_read(signed_in, charlie, post, how):
    browser, path = signed_in(charlie), post.get_absolute_url()
    if how == "HEAD":
        browser.head(path)
    else:
        browser.get(path, headers={"sec-purpose": "prefetch;prerender"})
    assert not LastRead.objects.exists()


def test_a_post_that_may_not_be_read_is_not(signed_in, alice, charlie, post):
    withdraw(post, by=alice)
    signed_in(charlie).get(post.get_absolute_url())
    assert not LastRead.objects.exists()


def test_two_pages_opened_at_once_leave_one_row(charlie, alice, post):
    unknown = reading.reading_of(charlie, post.pk)
    for _ in range(2):
        assert reading.read(charlie.pk, post.pk, 1, unknown) is None
    known = reading.reading_of(charlie, post.pk)
    for _ in range(2):
        assert reading.read(charlie.pk, post.pk, 2, known).number == 1
    row = LastRead.objects.get()
    assert (row.number, row.earlier) == (2, 1)


def test_an_older_version_shown_again_is_no_change(charlie, post):
    reading.read(charlie.pk, post.pk, 3, reading.reading_of(charlie, post.pk))
    assert reading.read(charlie.pk, post.pk, 2, reading.reading_of(charlie, post.pk)) is None
    assert LastRead.objects.get().number == 3


def test_the_subscribe_button_knows_its_reader_as_before(signed_in, alice, charlie, post):
    assert "Subscribed, daily" in words_of(signed_in(alice).get(post.get_absolute_url()))
    assert "Subscribed," not in words_of(signed_in(charlie).get(post.get_absolute_url()))


def test_publishing_twice_in_a_row_leaves_the_writers_row(alice, post):
    for base in (1, 2):
        publish_version(post, content(body=f"{base} times."), by=alice, note="", base=base)
    row = LastRead.objects.get()
    assert (row.member, row.number, row.earlier) == (alice, 3, None)


def test_tidying_throws_away_what_was_read_long_ago_or_by_who_has_left(alice, bob, charlie, post):
    other = make_post(alice, "Another")
    for member in (alice, bob, charlie):
        reading.read(member.pk, post.pk, 1, reading.Reading())
    reading.read(alice.pk, other.pk, 1, reading.Reading())
    LastRead.objects.filter(member=alice, post=post).update(at=timezone.now() - dt.timedelta(days=401))
    bob.is_active = False
    bob.save()
    jobs.tidy(0)
    assert set(LastRead.objects.values_list("member", "post")) == {(charlie.pk, post.pk), (alice.pk, other.pk)}
