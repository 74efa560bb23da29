"""Mail by SMTP, to a real server in this process: what is sent, from whom, and that nobody writes its headers."""

import os
import re
import ssl
import subprocess
import sys

import pytest
from django.conf import settings as the_settings
from django.core.mail import EmailMessage

from accounts.members.models import Member
from commons import mail
from commons.mail import KeptConnection
from tests.listening import certificate_for_localhost
from tests.mail import Hanging, Post, send_codes, send_to, serve

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


# A line, and how long it may take


def a_mail() -> EmailMessage:
    return EmailMessage("Here", "Here.", to=["ana@people.example"])


@pytest.mark.parametrize("option", ["tls", "ssl"])
def test_a_line_is_encrypted_with_a_server_that_is_who_it_says(settings, tmp_path, monkeypatch, option):
    """And the name is looked up: of the addresses of this machine, the server is at one."""
    certificate = certificate_for_localhost(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    post = Post()
    controller = serve(post, **{f"{option}_context": tls})
    send_to(f"smtp://localhost:{controller.port}?{option}=True", settings)
    try:
        with pytest.raises(mail.Away, match="certificate verify failed"):
            KeptConnection().send(a_mail())
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        line = KeptConnection()
        for _ in range(2):
            line.send(a_mail())
        line.close()
    finally:
        controller.stop()
    assert len(post.letters) == 2
    assert len(set(post.lines)) == 1


@pytest.mark.parametrize(
    ("option", "words", "on_and_on"),
    [
        ("", [], False),
        ("", [b"220-Wait\r\n"], True),
        ("", [b"220 Here\r\n", b"250-Wait\r\n"], True),
        ("ssl=True", [], False),
        ("tls=True", [b"220 Here\r\n", b"250-here\r\n250 STARTTLS\r\n", b"220 Go on\r\n"], False),
    ],
)
def test_a_line_that_does_not_open_in_time_is_given_up(settings, monkeypatch, option, words, on_and_on):
    """The server is silent, or says each word in time, and never all: when it greets, is greeted, or agrees on a key."""
    monkeypatch.setattr(mail, "SEND_SECONDS", 0.3)
    server = Hanging(*words, on_and_on=on_and_on)
    send_to(f"{server.url}?{option}", settings)
    try:
        with pytest.raises(mail.Away, match=r"more than 0\.3 seconds"):
            KeptConnection().send(a_mail())
    finally:
        server.close()
    assert len(server.called) == 1


def test_a_line_that_does_not_end_in_time_is_cut(settings, monkeypatch):
    monkeypatch.setattr(mail, "GOODBYE_SECONDS", 0.3)
    server = Hanging(
        b"220 Here\r\n", *[b"250 Yes\r\n"] * 3, b"354 Go on\r\n", b"250 Taken\r\n", b"221-Wait\r\n", on_and_on=True
    )
    send_to(server.url, settings)
    try:
        line = KeptConnection()
        line.send(a_mail())
        line.close()
    finally:
        server.close()
