"""Mail by SMTP, to a real server in this process: what is sent, from whom, and that nobody writes its headers."""

import os
import re
import subprocess
import sys

import pytest
from django.conf import settings as the_settings
from django.core.mail import EmailMessage

from accounts.members.models import Member
from tests.mail import Post, send_codes, send_to, serve

PHRASE = "bread-and-soup-at-eight"


@pytest.fixture
def server():
    """A mail server, and the address that EMAIL_URL would have."""
    post = Post()
    controller = serve(post)
    yield post
    controller.stop()


@pytest.fixture
def by_smtp(server, settings, db):
    send_to(server.url, settings)
    return server


def test_with_email_url_set_mail_goes_to_that_server(server):
    """The settings themselves, read anew by a process of its own."""
    ran = subprocess.run(
        [sys.executable, "manage.py", "sendtestemail", "ana@people.example"],
        env={**os.environ, "EMAIL_URL": server.url, "TRIAL": "1", "MAIL_FROM": "The Commons <post@commons.example>"},
        cwd=the_settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    [(to, letter)] = server.letters
    assert to == ["ana@people.example"]
    assert letter["From"] == "The Commons <post@commons.example>"


def test_the_code_goes_by_mail_as_text_and_as_html(client, by_smtp):
    client.post("/accounts/signup/", {"name": "Ana Silva", "email": "ana@people.example", "password1": PHRASE})
    send_codes()
    [(to, letter)] = by_smtp.letters
    assert to == ["ana@people.example"]
    assert letter["To"] == "ana@people.example"
    assert letter["From"] == the_settings.DEFAULT_FROM_EMAIL
    code = re.fullmatch(r"Welcome: your code is (\d{4}-\d{4})", letter["Subject"])[1]
    assert code in letter.get_body(("plain",)).get_content()
    assert code in letter.get_body(("html",)).get_content()
    client.post("/accounts/confirm-email/", {"code": code})
    assert "_auth_user_id" in client.session


def test_links_lead_to_the_site_whatever_the_request_said(client, by_smtp, alice, settings):
    settings.ALLOWED_HOSTS = ["*"]
    client.post(
        "/accounts/signup/",
        {"name": "Ana", "email": alice.email, "password1": PHRASE},
        headers={"host": "elsewhere.example"},
    )
    send_codes()
    text = by_smtp.letters[0][1].get_body(("plain",)).get_content()
    assert f"{the_settings.SITE_URL}/accounts/login/" in text
    assert "elsewhere.example" not in text


def test_names_in_other_scripts_arrive_whole(by_smtp, client, alice):
    Member.objects.filter(pk=alice.pk).update(name="李小龍 Ünal")
    EmailMessage("Für 李小龍", "Grüße", to=[alice.email]).send()
    [(_, letter)] = by_smtp.letters
    assert letter["Subject"] == "Für 李小龍"
    assert letter.get_content().strip() == "Grüße"


@pytest.mark.parametrize(
    "odd",
    [
        "ana@people.example\nBcc: eve@elsewhere.example",
        "ana@people.example\r\nBcc: eve@elsewhere.example",
        "ana@people.example,eve@elsewhere.example",
        "ana@people.example eve@elsewhere.example",
        '"ana\nBcc: eve"@people.example',
        "ana@people.example%0aBcc:eve@elsewhere.example",
        "<ana@people.example>",
    ],
)
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/accounts/signup/", "email"),
        ("/accounts/login/code/", "email"),
        ("/accounts/login/code/", "login"),
        ("/accounts/password/reset/", "email"),
    ],
)
def test_nobody_writes_headers_through_an_address(client, by_smtp, path, field, odd):
    answer = client.post(path, {"name": "Ana", "password1": PHRASE, field: odd})
    assert answer.status_code == 200
    assert "That is not an e-mail address." in answer.content.decode()
    send_codes()
    assert by_smtp.letters == []


@pytest.mark.parametrize("name", ["Ana\nBcc: eve@elsewhere.example", "Ana\r\nSubject: Hello", "{{ code }}", "Ana\x0bB"])
def test_nobody_writes_headers_through_a_name(client, by_smtp, name):
    client.post("/accounts/signup/", {"name": name, "email": "ana@people.example", "password1": PHRASE})
    send_codes()
    for to, letter in by_smtp.letters:
        assert to == ["ana@people.example"]
        assert letter["Bcc"] is None
        assert letter["Subject"].startswith("Welcome: your code is ")


def test_a_browsers_name_in_a_mail_is_text(client, by_smtp, alice):
    client.force_login(alice)
    client.post(
        "/accounts/password/change/",
        {"oldpassword": "correct-horse-battery", "password1": PHRASE},
        headers={"user-agent": "Odd <b>browser</b>\tBcc: eve@elsewhere.example"},
    )
    send_codes()
    [(to, letter)] = by_smtp.letters
    assert to == [alice.email]
    assert letter["Bcc"] is None
    assert letter["Subject"] == "Your password was changed"
