"""What a mail provider tells by webhook, once it has shown that it is the one: what came back, and mail that came."""

import base64
import hashlib
import hmac
import importlib
import time

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.urls import clear_url_caches, converters

import commons.urls
from commons import webhooks
from knowledge.comments.models import Comment
from knowledge.inbound.models import Became, Received
from knowledge.notifications import replying
from knowledge.notifications.models import Letter, Sort
from knowledge.posts.models import Draft
from knowledge.subscriptions.actions import new_mail_key
from knowledge.subscriptions.private_mail import private_mail_address
from tests.inbound.samples import mail, stopped

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("takes_mail")]

KEY = "key-of-mailgun-0123456789"
LOGIN = "commons:a-long-password"


@pytest.fixture
def provider(settings):
    """Configure the webhooks of a provider, as the environment does."""

    def configure(name: str) -> None:
        settings.ANYMAIL_PROVIDER = name
        settings.ANYMAIL = webhooks.settings_of(
            name, secret="" if name == "mailgun" else LOGIN, signing_key=KEY if name == "mailgun" else ""
        )
        read_urls_again()

    yield configure
    settings.ANYMAIL_PROVIDER = ""
    read_urls_again()


def read_urls_again() -> None:
    for name in ("number", "form"):
        converters.REGISTERED_CONVERTERS.pop(name)
    importlib.reload(commons.urls)
    clear_url_caches()


def signed(key: str = KEY) -> dict:
    """Mailgun's signature: the HMAC-SHA256 of the time and a token."""
    stamp, token = str(int(time.time())), "c" * 50
    signature = hmac.new(key.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    return {"timestamp": stamp, "token": token, "signature": signature}


def basic(login: str = LOGIN) -> dict:
    return {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}


# Mail that came back


def mailgun(event: dict, key: str = KEY) -> dict:
    """What Mailgun sends: the event, and its signature."""
    about = {"id": "Ase7i2zsRYeDXztHGENqRA", "timestamp": time.time(), "recipient-domain": "people.example"}
    return {"signature": signed(key), "event-data": {**about, **event}}


PERMANENT = {
    "event": "failed",
    "severity": "permanent",
    "reason": "bounce",
    "recipient": "alice@people.example",
    "delivery-status": {
        "code": 550,
        "description": "",
        "message": "5.1.1 The email account that you tried to reach does not exist.",
    },
    "message": {"headers": {"to": "alice@people.example", "message-id": "20261124.1@commons.example"}},
}


def test_mailguns_signed_word_of_a_bounce_is_heard(client, provider):
    provider("mailgun")
    answer = client.post("/anymail/mailgun/tracking/", mailgun(PERMANENT), content_type="application/json")
    assert answer.status_code == 200
    assert stopped() == [("alice@people.example", "hard", "no such mailbox")]


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"event": "complained", "recipient": "alice@people.example"}, "complain"),
        ({"event": "unsubscribed", "recipient": "alice@people.example"}, "complain"),
        ({**PERMANENT, "severity": "temporary"}, None),
        ({"event": "delivered", "recipient": "alice@people.example"}, None),
        ({**PERMANENT, "recipient": ""}, None),
    ],
)
def test_what_else_mailgun_tells(client, provider, event, kind):
    provider("mailgun")
    assert client.post("/anymail/mailgun/tracking/", mailgun(event), content_type="application/json").status_code == 200
    assert [row[1] for row in stopped()] == ([kind] if kind else [])


def test_a_forged_signature_is_refused(client, provider):
    provider("mailgun")
    forged = mailgun(PERMANENT, key="another key")
    assert client.post("/anymail/mailgun/tracking/", forged, content_type="application/json").status_code == 400
    assert stopped() == []


POSTMARK = {
    "RecordType": "Bounce",
    "MessageStream": "outbound",
    "ID": 4323372036854775807,
    "Type": "HardBounce",
    "TypeCode": 1,
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
    "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist.",
    "Email": "alice@people.example",
    "BouncedAt": "2026-11-24T10:12:06Z",
    "Inactive": True,
}


@pytest.mark.parametrize(("login", "status"), [(LOGIN, 200), ("commons:wrong", 400), (None, 400)])
def test_postmark_shows_its_password(client, provider, login, status):
    provider("postmark")
    headers = basic(login) if login else {}
    answer = client.post("/anymail/postmark/tracking/", POSTMARK, content_type="application/json", headers=headers)
    assert answer.status_code == status
    assert stopped() == ([("alice@people.example", "hard", "no such mailbox")] if status == 200 else [])


# Mail that came


def by_mailgun(client, came, to: str, *, key: str = KEY) -> int:
    """Mailgun hands a mail on as it came ("body-mime" of its routes)."""
    fields = {
        "recipient": to,
        "sender": "alice@people.example",
        "subject": came["Subject"],
        "body-mime": came.as_string(),
    }
    return client.post("/anymail/mailgun/inbound_mime/", {**fields, **signed(key)}).status_code


def by_postmark(client, to: str, message_id: str, **fields: object) -> int:
    """Postmark hands a mail on in parts: its headers, its texts and its files, as JSON."""
    came = {
        "FromName": "Alice",
        "MessageStream": "inbound",
        "From": "alice@people.example",
        "FromFull": {"Email": "alice@people.example", "Name": "Alice", "MailboxHash": ""},
        "To": f"The Commons <{to}>",
        "ToFull": [{"Email": to, "Name": "The Commons", "MailboxHash": to.partition("+")[2].partition("@")[0]}],
        "Cc": "",
        "CcFull": [],
        "Bcc": "",
        "BccFull": [],
        "OriginalRecipient": to,
        "Subject": "Re: A comment",
        "MessageID": "73e6d360-66eb-11e1-8e72-a8904824019b",
        "ReplyTo": "",
        "MailboxHash": to.partition("+")[2].partition("@")[0],
        "Date": "Tue, 24 Nov 2026 10:12:06 +0000",
        "TextBody": "Of forty.\n\nOn Tue, 24 Nov 2026 at 10:10, The Commons <hello@commons.example> wrote:\n\n> Of how many?\n",
        "HtmlBody": "",
        "StrippedTextReply": "Of forty.",
        "Tag": "",
        "Headers": [
            {"Name": "X-Spam-Status", "Value": "No"},
            {"Name": "Message-ID", "Value": message_id},
            {"Name": "MIME-Version", "Value": "1.0"},
        ],
        "Attachments": [],
        **fields,
    }
    answer = client.post("/anymail/postmark/inbound/", came, content_type="application/json", headers=basic())
    return answer.status_code


def test_an_answer_that_mailgun_hands_on_becomes_a_comment_once(client, provider, alice, post):
    provider("mailgun")
    to = replying.reply_address(alice.pk, post.pk)
    came = mail(to, "Of forty – all kept.")
    for _ in range(2):  # what is not answered in time comes again
        assert by_mailgun(client, came, to) == 200
    assert [(made.by, made.body) for made in Comment.objects.all()] == [(alice, "Of forty – all kept.")]


def test_a_mail_with_a_forged_signature_is_not_taken(client, provider, alice, post):
    provider("mailgun")
    to = replying.reply_address(alice.pk, post.pk)
    assert by_mailgun(client, mail(to), to, key="another key") == 400
    assert (Comment.objects.count(), Received.objects.count()) == (0, 0)


def test_an_answer_that_postmark_hands_on_becomes_a_comment_once(client, provider, alice, post):
    provider("postmark")
    to = replying.reply_address(alice.pk, post.pk)
    for _ in range(2):
        assert by_postmark(client, to, "<one@people.example>") == 200
    assert [(made.by, made.body) for made in Comment.objects.all()] == [(alice, "Of forty.")]


def test_a_hunch_that_postmark_hands_on_becomes_a_draft(client, provider, alice):
    provider("postmark")
    new_mail_key(alice)
    to = private_mail_address(alice)
    file = {"Name": "photo.jpg", "Content": "/9j/4AAQ", "ContentType": "image/jpeg", "ContentLength": 6}
    asked = {"Subject": "Vouchers run out on the 20th", "TextBody": "Seen in three places.", "Attachments": [file]}
    assert by_postmark(client, to, "<two@people.example>", **asked) == 200
    draft = Draft.objects.get()
    assert (draft.by, draft.title, draft.body) == (alice, "Vouchers run out on the 20th", "Seen in three places.")
    told = Letter.objects.get(sort=Sort.ANSWER)
    assert told.address == alice.email
    assert "without a file that was attached" in told.asks["words"]


def test_what_may_not_is_refused_once_and_politely(client, provider, alice, post):
    provider("postmark")
    to = replying.reply_address(alice.pk, post.pk)
    stranger = {
        "From": "eve@elsewhere.example",
        "FromFull": {"Email": "eve@elsewhere.example", "Name": "", "MailboxHash": ""},
    }
    for _ in range(2):
        assert by_postmark(client, to, "<three@elsewhere.example>", **stranger) == 200
    assert Received.objects.get().became == Became.REFUSED
    assert Letter.objects.get(sort=Sort.ANSWER).address == "eve@elsewhere.example"
    assert not Comment.objects.exists()


@pytest.mark.parametrize(
    ("broken", "status", "became"),
    [
        ({"Headers": []}, 200, Became.COMMENT),
        ({"From": "", "FromFull": {}}, 400, None),
        ({"From": "alice@people.example, eve@elsewhere.example"}, 200, Became.COMMENT),
        ({"To": "", "ToFull": [], "OriginalRecipient": ""}, 200, Became.REFUSED),
        ({"TextBody": None, "HtmlBody": None}, 200, Became.REFUSED),
        ({"Attachments": "none"}, 400, None),
    ],
)
def test_a_mail_of_which_something_is_missing(client, provider, alice, post, broken, status, became):
    provider("postmark")
    to = replying.reply_address(alice.pk, post.pk)
    assert by_postmark(client, to, "<four@people.example>", **broken) == status
    assert [received.became for received in Received.objects.all()] == ([became] if became else [])


@pytest.mark.parametrize("body", ["", "{", "[]", '"a"', "\x00"])
def test_what_is_no_mail_at_all_is_a_bad_request(client, provider, body):
    provider("postmark")
    for path in ("inbound", "tracking"):
        answer = client.post(f"/anymail/postmark/{path}/", body, content_type="application/json", headers=basic())
        assert answer.status_code == 400
    assert not Received.objects.exists()


# Whose addresses are there


def test_only_the_configured_providers_addresses_are_there(client, provider):
    assert client.post("/anymail/mailgun/tracking/", {}).status_code == 404
    provider("mailgun")
    for path in ("postmark/tracking/", "sendgrid/inbound/", "amazon_ses/tracking/", ""):
        assert client.post(f"/anymail/{path}", {}, content_type="application/json").status_code == 404


@pytest.mark.parametrize(
    ("name", "secret", "key"), [("mailgun", "a:b", ""), ("postmark", "", "key"), ("pigeons", "a:b", "key")]
)
def test_a_provider_that_anybody_could_speak_for_is_refused_at_the_start(name, secret, key):
    with pytest.raises(ImproperlyConfigured):
        webhooks.settings_of(name, secret=secret, signing_key=key)
