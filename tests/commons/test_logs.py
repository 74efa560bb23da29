"""Nothing that opens anything stands in a log; and what a secret address answers is for its reader alone."""

import io
import json
import logging
import re
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import URLPattern, get_resolver

from commons.converters import is_secret
from commons.logs import WithoutSecrets, masked, routes
from knowledge.notifications.leaving import confirm_at, leave_at
from knowledge.posts.attachments import add_file, looked_at
from knowledge.posts.drafts import begin_draft, share_draft
from knowledge.subscriptions.actions import new_feed_key
from tests.pictures import picture

SECRET = "kZ3_9-secret:1wAbCd:x7Q"
PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>|\(\?P<(\w+)>")
LIKE_A_SECRET = {"key", "token", "secret", "code", "uidb36", "uidb64", "signature", "password", "hash"}


@pytest.fixture
def log():
    """All that is logged, as the console gets it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    plain = settings.LOGGING["formatters"]["plain"]
    assert plain["()"] == "commons.logs.WithoutSecrets"
    handler.setFormatter(WithoutSecrets(plain["format"]))
    loggers = [logging.getLogger(name) for name in ("", "django")]
    for logger in loggers:
        logger.addHandler(handler)
    yield stream
    for logger in loggers:
        logger.removeHandler(handler)


# Whatever is asked for

ENDLESS = [
    "/" * 64_000, "%2F" * 20_000, "%252f" * 12_000, "/leave" + "/" * 64_000, "/drafts/shared" * 4_000, "://" + ":" * 64_000,
    "/a://" * 12_000, "a+" * 32_000, "?key=" * 12_000, "=a" * 32_000, "Basic " * 10_000, "Basic" + " " * 64_000, "w-" * 32_000,
]  # fmt: skip


def test_no_line_is_looked_at_for_long():
    """As long as a request's head may be. In a process of its own, which ends when it has taken more than all of them need."""
    program = """
import json, resource, sys, django
django.setup()
from commons.logs import masked
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
print(sum(len(masked(line)) for line in json.load(sys.stdin)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(ENDLESS), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0


# Every address that holds a secret


def test_what_is_called_like_a_secret_is_one():
    for route in routes():
        for converter, name, group in PARAMETER.findall(route):
            if (name or group) in LIKE_A_SECRET:
                assert converter == "secret", f"{route}: write <secret:{name}>, so that no log says it"


def secret_addresses() -> list[str]:
    """One address of each route that holds a secret."""
    fill = {"secret": SECRET, "number": "1", "form": "atom", "str": "a-name", "slug": "a-slug", "": "a-name"}
    found = [f"/{PARAMETER.sub(lambda met: fill[met[1] or ''], route)}" for route in routes() if is_secret(route)]
    assert {"/feeds/", "/leave/", "/confirm/", "/drafts/"} == {re.match("/[a-z]+/", address)[0] for address in found}
    return found


def test_there_are_routes_with_a_secret():
    assert len(secret_addresses()) >= 7
    assert all(isinstance(each, URLPattern) or each.url_patterns is not None for each in get_resolver().url_patterns)


@pytest.mark.django_db
def test_no_error_of_a_secret_address_says_it(log, signed_in, charlie):
    strict = Client(enforce_csrf_checks=True)
    for address in secret_addresses():
        for asked in (
            address,
            f"{address}more/",
            address.rstrip("/"),
            address.replace("/", "//", 2)[1:],
            f"{address}?next={address}",
        ):
            for method in ("get", "post", "put", "delete"):
                getattr(strict, method)(asked)
                getattr(signed_in(charlie), method)(asked)
    text = log.getvalue()
    assert "Not Found" in text
    assert "Method Not Allowed" in text
    assert SECRET not in text
    assert "secret" not in text.replace("django.security", "")


@pytest.mark.django_db
def test_what_a_secret_address_answers_is_for_its_reader_alone(client):
    for address in secret_addresses():
        for method in ("get", "post", "put"):
            answer = getattr(client, method)(address)
            assert answer.status_code >= 400 or answer.status_code == 302
            assert "noindex" in answer["X-Robots-Tag"]
            assert answer["Referrer-Policy"] == "no-referrer"
            assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_so_it_is_with_what_is_there(client, signed_in, alice, organization):
    keys = add_file(looked_at(ContentFile(picture(), "keys.jpg")), by=alice)
    draft = share_draft(begin_draft(by=alice, title="Keys", body=keys.markdown), by=alice)
    shared = f"/drafts/shared/{draft.share_key}/"
    file = f"{shared}attachments/{keys.pk}/{keys.name}"
    feed = f"/feeds/{new_feed_key(alice).feed_key}/feed.atom"
    leave, confirm = leave_at(alice, "daily"), confirm_at("a@people.example", "organization", organization.pk, "weekly")
    for address in (shared, file, feed, leave, confirm):
        answer = client.get(address.removeprefix(settings.SITE_URL))
        assert answer.status_code == 200, address
        assert "noindex" in answer["X-Robots-Tag"]
        assert answer["Referrer-Policy"] == "no-referrer"
        assert {"private", "no-store"} <= set(answer["Cache-Control"].split(", "))
    tag = client.get(file)["ETag"]
    again = client.get(file, headers={"If-None-Match": tag})
    assert (again.status_code, again["Cache-Control"]) == (304, "private, no-store")
    assert "noindex" in again["X-Robots-Tag"]


@pytest.mark.django_db
def test_a_form_of_a_secret_page_that_is_refused(log, signed_in, alice, charlie):
    draft = share_draft(begin_draft(by=alice, title="Keys", body="x"), by=alice)
    shared = f"/drafts/shared/{draft.share_key}/"
    assert signed_in(charlie).post(shared, {"body": ""}).status_code == 422
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(charlie)
    assert strict.post(shared, {"body": "x"}).status_code == 403
    assert (
        strict.post("/appearance/", {}, headers={"Referer": f"https://other.example{shared}"}, secure=True).status_code
        == 403
    )
    text = log.getvalue()
    assert "Unprocessable" in text
    assert "Forbidden" in text
    assert draft.share_key not in text


def test_so_it_is_with_what_went_wrong(log):
    try:
        raise PermissionDenied(f"/leave/{SECRET}/ and postgres://ana:pa55word@db/commons")
    except PermissionDenied:
        logging.getLogger("knowledge").exception("It failed: %s", f"https://x.example/feeds/{SECRET}/feed.atom")
    assert "Traceback" in log.getvalue()
    assert SECRET not in log.getvalue()
    assert "pa55word" not in log.getvalue()


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("GET /drafts/shared/{}/attachments/1/x.webp", "kZ3"),
        ("next=%2Fdrafts%2Fshared%2F{}%2F", "kZ3"),
        ("/accounts/login/?next=/accounts/login/%3Fnext%3D%252Fleave%252F{}%252F", "kZ3"),
        ("Referer: 'https://commons.example/confirm/{}/'", "kZ3"),
        ("/LEAVE/{}", "kZ3"),
        ("imaps://commons:kZ3-p%40ss@mail.example/INBOX", "kZ3"),
        ("smtp://commons@example.org:kZ3@mail.example", "kZ3"),
        ("Authorization: Basic kZ3dXNlcjpwYXNz", "kZ3"),
        ("From: reply+mfrggzdfmztwq2lkmfrggzdf@in.commons.example", "mfrgg"),
        ("hunch+kz3abcdefghijkl@in.commons.example", "kz3"),
        ("?to=reply%2Bmfrggzdfmztwq2lkmfrggzdf%40in.commons.example", "mfrgg"),
        ("https://push.example/send/kZ3:" + "APA91b" * 25, "APA91b"),
        ("/x/?a=1&token=kZ3&b=2", "kZ3"),
    ],
)
def test_of_each_kind(text, hidden):
    line = masked(text.format(SECRET))
    assert hidden not in line
    assert "…" in line


@pytest.mark.parametrize(
    "text",
    [
        "Not Found: /posts/12/paying-at-the-viewing-keeps-homes/versions/2/confirm/",
        "Letter 12 could not be sent (try 2): 450 greylisted, ana@people.example",
        "Browser 3 was not reached (2 in a row): push.example did not answer: timed out.",
        "https://commons.example/following/?older=1-1 at 12:00",
        "Missing or invalid basic auth in Anymail Postmark webhook",
    ],
)
def test_other_lines_stay_as_they_are(text):
    assert masked(text) == text
