"""The cast: Alice owns the organization and writes, Bob is an editor of it, Carla a contributor, Charlie a stranger with an
organization of his own, Mona moderates. The database holds what a new commons starts with."""

from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import Client

from accounts.members.models import Member
from accounts.organizations.models import Organization, Role
from knowledge.posts.models import Post
from knowledge.search import facets
from knowledge.stored import kept
from knowledge.topics import tree
from tests.make import join, make_member, make_organization, make_post


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords():
    """Hashing a password takes a third of a second, by design; here nobody is to be kept out."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """The issue areas and the places are there in every test, as they are in every commons."""
    with django_db_blocker.unblock():
        call_command("load_topics", verbosity=0)


@pytest.fixture(scope="session", autouse=True)
def _emptied():
    """Between tests that commit, all tables are emptied: those too that are append-only, and let nobody else do it."""
    sql_flush = DatabaseOperations.sql_flush

    def allowed(self, *args, **options):
        return ["SET LOCAL commons.emptying = 'on'", *sql_flush(self, *args, **options)]

    DatabaseOperations.sql_flush = allowed


@pytest.fixture(scope="session", autouse=True)
def _static_files():
    """Templates name static files by their hashes: gathered once, as the shipped command does."""
    if not Path(settings.STATIC_ROOT, "staticfiles.json").exists():
        call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture(autouse=True)
def _nothing_kept():
    """Numbers are given out anew in each test: what this process kept under them must not outlive it."""
    kept.pages.things.clear()
    kept.pieces.things.clear()
    kept.listings.things.clear()
    facets._kept.things.clear()
    tree._kept.things.clear()


@pytest.fixture
def organization(db) -> Organization:
    return make_organization(name="Harbor Street Housing Desk", slug="harbor-street")


@pytest.fixture
def alice(organization) -> Member:
    member = make_member("Alice Adeyemi", handle="alice")
    join(member, organization, Role.OWNER)
    return member


@pytest.fixture
def bob(organization) -> Member:
    member = make_member("Bob Brandt", handle="bob")
    join(member, organization, Role.EDITOR)
    return member


@pytest.fixture
def carla(organization) -> Member:
    member = make_member("Carla Costa", handle="carla")
    join(member, organization, Role.CONTRIBUTOR)
    return member


@pytest.fixture
def charlie(db) -> Member:
    member = make_member("Charlie Chen", handle="charlie")
    make_organization(member, name="Quayside Partnership", slug="quayside")
    return member


@pytest.fixture
def mona(db) -> Member:
    return make_member("Mona Malik", handle="mona", is_moderator=True)


@pytest.fixture
def post(alice) -> Post:
    return make_post(alice)


@pytest.fixture
def signed_in():
    """A browser in which a member is signed in."""

    def sign_in(member: Member) -> Client:
        client = Client()
        client.force_login(member)
        return client

    return sign_in


@pytest.fixture
def committed(transactional_db):
    """What a new commons starts with, where tests commit; and no job of another test waits."""
    call_command("load_topics", verbosity=0)
    with connection.cursor() as cursor:  # the queue's tables are not Django's to empty
        cursor.execute(
            "TRUNCATE procrastinate_jobs, procrastinate_workers, procrastinate_periodic_defers, procrastinate_events"
        )
