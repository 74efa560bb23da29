"""Whatever is sent to any address or any field, by anybody: an answer, and no fault of ours."""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client

from accounts.members.models import Member
from commons.logs import WithoutSecrets
from knowledge.notifications.leaving import confirm_at, leave_at
from knowledge.posts.models import Draft, Post
from knowledge.subscriptions.actions import new_feed_key, new_mail_key
from tests.hostile.walk import Walk
from tests.make import make_member, make_organization


@pytest.fixture
def walk(committed, settings):
    """A commons with the sample, and four who ask: nobody, an owner, a stranger, and a moderator who keeps the admin too."""
    settings.MAIL_REPLY_HOST = "reply.commons.example"
    call_command("load_sample", verbosity=0)
    owner = Member.objects.get(email="marisol@harborstreet.example")
    stranger = make_member("Charlie Chen", handle="charlie")
    make_organization(stranger, name="Quayside Partnership", slug="quayside")
    moderator = Member.objects.get(email="mona@commons.example")
    Member.objects.filter(pk=moderator.pk).update(is_superuser=True)
    new_mail_key(owner)
    seeds = [
        "/", "/search/?q=deposit", "/following/", "/drafts/", "/notifications/", "/attachments/", "/capture/", "/mailbox/",
        "/admin/", "/account/", "/accounts/login/", "/organizations/new/", "/organizations/harbor-street-housing-desk/",
        f"/feeds/{new_feed_key(owner).feed_key}/feed.atom",
        leave_at(owner, "daily"), confirm_at("a@people.example", "member", owner.pk, "weekly"),
        *(f"/drafts/shared/{key}/" for key in Draft.objects.exclude(share_key=None).values_list("share_key", flat=True)[:1]),
        *(f"/posts/{number}/" for number in Post.objects.order_by("rung", "aside_at", "pk").values_list("pk", flat=True)[::6]),
    ]  # fmt: skip
    readers = {"nobody": Client(raise_request_exception=False)}
    for name, member in {"owner": owner, "stranger": stranger, "moderator": moderator}.items():
        readers[name] = Client(raise_request_exception=False)
        readers[name].force_login(member)
    return Walk(readers, [seed.removeprefix(settings.SITE_URL) for seed in seeds])


@contextlib.contextmanager
def logged(to: TextIO) -> Iterator[None]:
    """Have all that is logged be written as the shipped log writes it."""
    handler = logging.StreamHandler(to)
    handler.setFormatter(WithoutSecrets(settings.LOGGING["formatters"]["plain"]["format"]))
    loggers = [logging.getLogger(name) for name in ("", "django")]
    kept = [logger.handlers for logger in loggers]
    for logger in loggers:
        logger.handlers = [handler]
    try:
        yield
    finally:
        for logger, handlers in zip(loggers, kept, strict=True):
            logger.handlers = handlers


def thrown(walk: Walk) -> None:
    with Path(os.devnull).open("w", encoding="utf-8", errors="backslashreplace") as nowhere, logged(nowhere):
        walk.look_around()
        walk.throw()
    said = walk.report()
    Path(settings.VAR_DIR, "hostile.txt").write_text(said)
    print(said)
    assert set(walk.targets) >= {"part of an address", "parameter", "field", "headers", "body"}
    assert not walk.failures, said


@pytest.mark.slow
def test_some_hostile_values_at_some_routes_and_forms(walk):
    """The same ones in each run."""
    del walk.readers["moderator"], walk.readers["stranger"]
    walk.each, walk.of = 1, 6
    thrown(walk)


@pytest.mark.long
def test_hostile_values_at_every_part_of_every_route_and_every_field_of_every_form(walk):
    walk.each = int(os.environ.get("HOSTILE_VALUES", "4"))  # at each; 70 is all of them, and takes hours
    thrown(walk)
