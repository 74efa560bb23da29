"""WebSub: feeds announce the hub, the worker tells it of changes, and what subscribes there gets them; nothing waits for it."""

import socket
import threading
import time

import pytest
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.members import actions as members
from commons import outgoing, queue, worker
from knowledge import jobs
from knowledge.notifications.hub import HubTrouble, feeds_of, tell_hub
from knowledge.posts.actions import publish_version, withdraw
from knowledge.posts.models import Post
from knowledge.posts.rungs import Rung
from knowledge.topics.models import Tag
from tests.feeds.hub import Hub, Subscriber, links_of, serving
from tests.feeds.validity import FORMS, check, read
from tests.jobs.test_jobs import work
from tests.make import CASE, content, make_comment, make_post

HUB = "https://hub.example/"


@pytest.fixture
def hub(settings):
    settings.WEBSUB_HUB = HUB


def pings() -> list[list[str]]:
    return [job.args["listings"] for job in ProcrastinateJob.objects.filter(task_name=queue.PING).order_by("pk")]


def test_a_new_post_reaches_a_subscriber_through_a_hub(committed, live_server, settings, monkeypatch, alice):
    make_post(alice, "There before", tags=["rent"])
    a_hub, reader = Hub(), Subscriber()
    with serving(a_hub.answer) as hub_at, serving(reader.answer) as reader_at:
        for name, value in {"WEBSUB_HUB": f"{hub_at}/", "SITE_URL": live_server.url}.items():
            setattr(settings, name, value)
            monkeypatch.setenv(name, value)  # the worker's
        for form in FORMS:
            reader.subscribe(f"{live_server.url}/tags/rent/feed.{form}", reader_at)
        a_hub.rest()
        assert len(a_hub.subscriptions) == 3

        make_post(alice, "Just published", tags=["rent"])
        ran = work()
        assert ran.returncode == 0, ran.stderr
        a_hub.rest()
        assert ProcrastinateJob.objects.get(task_name=queue.PING).status == "succeeded"
        assert len(a_hub.pinged) == 1
        received = dict(reader.received.get(timeout=5) for _ in FORMS)
        assert reader.received.empty()
    for form in FORMS:
        feed = check(received[f"{live_server.url}/tags/rent/feed.{form}"], form)
        assert [entry.title for entry in feed.entries] == ["Just published", "There before"]


@pytest.mark.parametrize("form", FORMS)
def test_a_feed_announces_its_hub_in_the_document_and_beside_it(client, hub, post, settings, form):
    for path in (f"/feed.{form}", f"/issue-areas/housing/feed.{form}", f"/posts/{post.number}/feed.{form}"):
        feed, answer = read(client, path), client.get(path)
        assert feed.links["hub"] == HUB
        assert links_of(answer["Link"]) == {"hub": HUB, "self": f"{settings.SITE_URL}{path}"}
        assert client.head(path)["Link"] == answer["Link"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("query", ["older=1-1", "rung=hunch", "q=keeps", "sort=moved"])
def test_what_the_hub_is_not_told_of_announces_none(client, hub, post, form, query):
    assert "hub" not in read(client, f"/feed.{form}?{query}").links
    assert "Link" not in client.get(f"/feed.{form}?{query}")


@pytest.mark.parametrize("form", FORMS)
def test_without_a_hub_there_is_none_to_announce_or_to_tell(client, alice, form):
    make_post(alice)
    assert "hub" not in read(client, f"/feed.{form}").links
    assert "Link" not in client.get(f"/feed.{form}")
    assert pings() == []


def test_a_change_is_told_once_to_all_lists_it_is_in(hub, alice, organization):
    def is_in(post: Post, tag: str) -> set[str]:
        area, tags = post.areas[0], {f"tag-{found.pk}" for found in Tag.objects.filter(name=tag)}
        lists = {f"area-{area.pk}", f"area-{area.parent_id}", f"organization-{organization.pk}", f"member-{alice.pk}"}
        return {"home", f"post-{post.pk}"} | lists | tags

    post = make_post(alice, tags=["rent"], rung=Rung.EMERGING)
    publish_version(post, content("A clearer title", case=CASE, tags=["keys"]), by=alice, note="Clearer.", base=1)
    withdraw(post, by=alice)
    rent, keys = is_in(post, "rent"), is_in(post, "keys")
    assert [set(told) for told in pings()] == [rent, rent | keys, keys]


def test_a_comment_is_news_of_its_post_alone_and_a_new_name_is_none(hub, alice, charlie):
    post = make_post(alice)
    make_comment(post, charlie)
    assert pings()[1:] == [[f"post-{post.pk}"]]
    members.change_profile(alice, name="Alice Brandt", bio="", time_zone="UTC", by=alice)
    jobs.follow_rename("member", alice.pk)
    assert len(pings()) == 2


def test_what_is_not_public_is_not_told(hub, alice, charlie):
    post = make_post(alice)
    Post.objects.filter(pk=post.pk).update(held_at=timezone.now())
    assert feeds_of([f"post-{post.pk}"]) == []
    post.refresh_from_db()
    post.listings.all().delete()
    before = len(pings())
    make_comment(post, alice)
    assert len(pings()) == before


def test_the_feeds_of_listings_are_those_that_call_themselves_so(client, hub, alice, settings):
    post = make_post(alice, tags=["rent"])
    feeds = feeds_of([*pings()[0], "tag-999999", "post-999999", "area-999999"])
    assert len(feeds) == 3 * len(pings()[0])
    for feed in feeds:
        assert read(client, feed.removeprefix(settings.SITE_URL)).links["self"] == feed
    assert f"{settings.SITE_URL}/posts/{post.number}/feed.json" in feeds


@pytest.mark.parametrize("status", [200, 202, 204])
def test_a_hub_that_takes_it_is_told_once(post, settings, status):
    asked = []
    with serving(lambda *request: (asked.append(request), (status, b""))[1]) as at:
        settings.WEBSUB_HUB = f"{at}/hub?key=x"
        tell_hub(["home"])
    [(method, target, headers, body)] = asked
    assert (method, target) == ("POST", "/hub?key=x")
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert body.startswith(b"hub.mode=publish&hub.url=http%3A%2F%2Flocalhost%3A8000%2Ffeed.atom&hub.url=")


@pytest.mark.parametrize("status", [302, 400, 404, 429, 500, 503])
def test_a_hub_that_does_not_take_it_is_told_again_later(post, settings, status):
    with serving(lambda *_: (status, b"No.")) as at:
        settings.WEBSUB_HUB = at
        with pytest.raises(HubTrouble, match=str(status)):
            tell_hub(["home"])


def test_a_hub_that_is_not_there_is_told_again_later(post, settings):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings.WEBSUB_HUB = f"http://127.0.0.1:{free.getsockname()[1]}/"
        with pytest.raises(HubTrouble):
            tell_hub(["home"])


@pytest.mark.parametrize("pace", [0, 0.05])
def test_a_hub_that_never_ends_is_cut_off(post, settings, monkeypatch, pace):
    """It says nothing, or a byte now and then: each step is in time, and all of them would take hours."""
    monkeypatch.setattr(outgoing, "SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def dawdle():
            connection, _ = server.accept()
            with connection:
                try:
                    while True:
                        time.sleep(pace or 0.05)
                        if pace:
                            connection.sendall(b"H")
                except OSError:
                    return

        threading.Thread(target=dawdle, daemon=True).start()
        settings.WEBSUB_HUB = f"http://127.0.0.1:{server.getsockname()[1]}/"
        began = time.monotonic()
        with pytest.raises(HubTrouble):
            tell_hub(["home"])
        assert time.monotonic() - began < 2


def test_telling_is_tried_again_ever_later_on_a_lane_of_its_own(hub, post):
    task = jobs.ping
    job = type("Job", (), {"attempts": 0, "schedule_in": None})
    waits = []
    for attempts in range(9):
        job.attempts = attempts
        decision = task.retry_strategy.get_retry_decision(exception=HubTrouble("No."), job=job)
        waits.append(decision and round((decision.retry_at - timezone.now()).total_seconds()))
    assert waits == [*(4**number for number in range(1, 9)), None]
    lane = queue.lane(queue.PING)
    assert lane in worker.BESIDE
    assert [name for name in queue.ALL if queue.lane(name) == lane] == [queue.PING]
    assert ProcrastinateJob.objects.filter(task_name=queue.PING, queue_name=lane).count() == 1
