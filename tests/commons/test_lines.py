"""A line to the database that breaks, wherever it may: what the page says is true, and what is sent again counts once."""

import uuid
from collections import Counter
from contextlib import suppress

import psycopg
import pytest
from django.db import DatabaseError, connection
from django.test import Client
from procrastinate.exceptions import ConnectorException

from commons.activity.models import Activity, Verb
from commons.faults import NOTHING, UNKNOWN, UNKNOWN_UNKEYED
from knowledge.comments.actions import comment
from knowledge.jobs import announce
from knowledge.management.commands.load_topics import load_areas
from knowledge.topics.models import IssueArea
from tests.make import make_member, make_organization
from tests.proxy import Proxy

pytestmark = pytest.mark.long
MOST_PACKETS = 150


@pytest.fixture
def areas(transactional_db):
    if not IssueArea.objects.exists():
        load_areas()


@pytest.fixture
def proxy(areas):
    """The line between the commons, in this process, and its database."""
    settings = connection.settings_dict
    parameters = connection.get_connection_params()
    proxy = Proxy(parameters["host"], parameters.get("port") or 5432)
    before = {name: settings[name] for name in ("HOST", "PORT")}
    connection.close()
    settings.update(HOST="127.0.0.1", PORT=str(proxy.port))
    yield proxy
    connection.close()
    settings.update(before)
    proxy.end()


@pytest.fixture
def count(areas):
    """How many rows a question finds, asked on a line of its own."""
    parameters = connection.get_connection_params()
    names = ("host", "port", "dbname", "user", "password")
    with psycopg.connect(**{name: parameters[name] for name in names if name in parameters}, autocommit=True) as direct:
        yield lambda sql, word: direct.execute(sql, [word]).fetchone()[0]


# What is sent, where to, and what counts how often it was kept
VERBS = {
    "comment": (
        lambda post: f"{post.get_absolute_url()}comment/",
        lambda word: {"body": word},
        "SELECT count(*) FROM knowledge_comment WHERE body = %s",
    ),
    "post": (
        lambda _: "/posts/new/",
        lambda word: {"title": word, "body": "In thirty files it went first.", "area": "eviction", "rung": "hunch"},
        "SELECT count(*) FROM knowledge_version WHERE title = %s",
    ),
    "organization": (
        lambda _: "/organizations/new/",
        lambda word: {"name": word, "kind": "nonprofit", "description": "Bread.", "website": "", "language": "en"},
        "SELECT count(*) FROM accounts_organization WHERE name = %s",
    ),
    "profile": (
        lambda _: "/account/profile/",
        lambda word: {"name": word, "bio": "", "time_zone": "UTC"},
        "SELECT count(*) FROM accounts_member WHERE name = %s",
    ),
    "draft": (
        lambda _: "/capture/",
        lambda word: {"title": word, "body": "A note."},
        "SELECT count(*) FROM knowledge_draft WHERE title = %s",
    ),
}  # fmt: skip
KEYED = {"comment", "post", "organization", "draft"}


@pytest.mark.parametrize("is_sent", [False, True], ids=["before the server has it", "before the answer is back"])
@pytest.mark.parametrize("name", VERBS)
def test_what_is_said_after_a_cut_is_true(areas, proxy, count, post, name, is_sent):
    address, form, question = VERBS[name]
    outcomes = Counter()
    for at in range(1, MOST_PACKETS):
        member = make_member()
        organization = make_organization(member)
        client = Client(raise_request_exception=False)
        client.force_login(member)
        word = f"Word {at} {uuid.uuid4().hex[:8]}"
        sent = form(word) | ({"organization": organization.pk} if name == "post" else {})
        sent |= {"key": uuid.uuid4()} if name in KEYED else {}
        with proxy.cutting(at, is_sent=is_sent):
            answer = client.post(address(post), sent)
            was_cut = proxy.cut is None
        page, kept = answer.content.decode(), count(question, word)
        if answer.status_code == 302:
            assert kept == 1, (at, page)
        else:
            assert answer.status_code == 503, (at, page)
            assert word in page
            says_nothing = NOTHING in page
            assert says_nothing != ((UNKNOWN if name in KEYED else UNKNOWN_UNKEYED) in page), at
            assert not (says_nothing and kept), at
            outcomes[says_nothing, kept] += 1
        assert client.post(address(post), sent).status_code == 302, at
        assert count(question, word) == 1, at
        if not was_cut:
            break
    else:
        pytest.fail("the request never came to its end")
    assert outcomes[True, 0]
    assert outcomes[False, 1] or not is_sent


@pytest.mark.parametrize("is_sent", [False, True])
@pytest.mark.parametrize("path", ["/", "/search/?q=viewing", "post"])
def test_a_reader_notices_no_cut(areas, proxy, post, alice, path, is_sent):
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    path = post.get_absolute_url() if path == "post" else path
    for at in range(1, MOST_PACKETS):
        with proxy.cutting(at, is_sent=is_sent):
            assert client.get(path).status_code == 200
            if proxy.cut is not None:
                return
    pytest.fail("the request never came to its end")


def test_a_job_whose_line_is_cut_anywhere_is_done_once(areas, proxy, count, post, alice, charlie):
    question = "SELECT count(*) FROM knowledge_notification WHERE member_id = %s"
    before = count(question, alice.pk)
    for at in range(1, MOST_PACKETS):
        comment(post, by=charlie, body=f"We see this too: {at}.")
        activity = Activity.objects.filter(verb=Verb.COMMENTED).latest("pk").pk
        with proxy.cutting(at, is_sent=bool(at % 2)):
            with suppress(DatabaseError, ConnectorException):
                announce(activity)
            was_cut = proxy.cut is None
        connection.close()  # as the worker does with a line that broke
        announce(activity)
        assert count(question, alice.pk) == before + at
        if not was_cut:
            return
    pytest.fail("the job never came to its end")
