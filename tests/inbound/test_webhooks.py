"""What a mail provider tells by webhook, once it has shown that it is the one: what came back, and mail that came."""

import base64
import hashlib
import hmac
import importlib
import json
import time
from collections.abc import Iterator

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


# What is signed, and odd

DEEP = {
    "brackets": "[" * 50_000,
    "braces": '{"a":' * 50_000,
    "a list of lists": "[" * 500 + "]" * 500,
    "a time without end": '{"timestamp": 1e400, "signature": {"timestamp": 1e400}}',
    "half a letter": r'{"Email": "\ud800@people.example", "signature": "\udfff"}',
    "a long number": '{"ID": ' + "9" * 5_000 + "}",
    "no letters": b"\xff\xfe\x00",
    "a zero": '"\x00"',
    "nothing": "null",
    "no number": '[{"timestamp": NaN, "event": "bounce"}]',
    "a word": '"x"',
    "a list of words": '["x", 1, null, []]',
}
ODD = [
    1e400,
    float("nan"),
    -1,
    10**400,
    "\ud800",
    "a\0b@c.example",
    "\ud800@people.example",
    "x" * 100_000,
    None,
    True,
    [],
    {},
]
ODD += [[[[]]], {"a": {"b": []}}, "1e400", "9999-99-99T99:99:99Z", "²"]
EVENTS_OF = {"mailgun": mailgun(PERMANENT)["event-data"], "postmark": POSTMARK}
PROVIDERS = [*webhooks.UNSIGNED, "mailgun", "mandrill", "mailersend"]


def changed(event: object, odd: object) -> Iterator[object]:
    """The same event with one of its values, at whatever depth, in turn an odd one; and that one alone."""
    yield odd
    if isinstance(event, dict):
        for name, value in event.items():
            yield from ({**event, name: other} for other in changed(value, odd))


@pytest.fixture
def of_provider(client, settings, provider):
    """Call every address of a provider with what is signed by it; give the answers."""

    def calls(name: str, body: str | bytes) -> list[int]:
        settings.ANYMAIL_PROVIDER = name
        settings.ANYMAIL = webhooks.settings_of(name, secret=LOGIN, signing_key=KEY)
        read_urls_again()
        sent = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
        sign = hmac.new(KEY.encode(), sent, hashlib.sha256).hexdigest()
        statuses = []
        for pattern in webhooks.patterns():
            path = f"/anymail/{str(pattern.pattern).strip('^$').replace('(_mime)?', '')}"
            headers = {**basic(), "Signature": sign}
            statuses.append(client.post(path, sent, content_type="application/json", headers=headers).status_code)
            for form in (
                {"mandrill_events": sent, "envelope": sent, "email": sent, "headers": sent},
                {"body-mime": sent},
            ):
                fields = {
                    name: value.decode("utf-8", "replace")
                    for name, value in {**form, "recipient": sent, "event": sent}.items()
                }
                fields |= signed()
                data = f"http://testserver{path}" + "".join(key + fields[key] for key in sorted(fields))
                mandrill = base64.b64encode(hmac.new(KEY.encode(), data.encode(), hashlib.sha1).digest()).decode()
                headers = {**basic(), "X-Mandrill-Signature": mandrill}
                statuses.append(client.post(path, fields, headers=headers).status_code)
        return statuses

    return calls


@pytest.mark.parametrize("body", DEEP.values(), ids=DEEP)
@pytest.mark.parametrize("name", PROVIDERS)
def test_what_is_signed_and_cannot_be_read_is_no_fault_of_ours(of_provider, name, body):
    assert set(of_provider(name, body)) <= {200, 400}


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: ascii(odd)[:20])
@pytest.mark.parametrize("name", EVENTS_OF)
def test_so_it_is_with_one_odd_value_at_any_depth(client, provider, name, odd):
    provider(name)
    for event in changed(EVENTS_OF[name], odd):
        sent = {"signature": signed(), "event-data": event} if name == "mailgun" else event
        body = json.dumps(sent)
        answer = client.post(f"/anymail/{name}/tracking/", body, content_type="application/json", headers=basic())
        assert answer.status_code in (200, 400), event


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: ascii(odd)[:20])
def test_so_it_is_with_mail(client, provider, alice, post, odd):
    provider("postmark")
    to = replying.reply_address(alice.pk, post.pk)
    for field in (
        "FromFull",
        "From",
        "To",
        "ToFull",
        "OriginalRecipient",
        "Subject",
        "Date",
        "TextBody",
        "HtmlBody",
        "Headers",
        "Attachments",
    ):
        assert by_postmark(client, to, f"<{field}@people.example>", **{field: odd}) in (200, 400)
    for headers in ([{"Name": "Message-ID", "Value": odd}], [{"Name": odd, "Value": "x"}], [odd]):
        assert by_postmark(client, to, "<one@people.example>", Headers=headers) in (200, 400)


def test_a_fault_of_ours_is_told_again(client, provider, monkeypatch):
    provider("mailgun")
    client.raise_request_exception = False
    monkeypatch.setattr("knowledge.hooks.bounced", lambda *_, **__: {}["a fault of ours"])
    answer = client.post("/anymail/mailgun/tracking/", mailgun(PERMANENT), content_type="application/json")
    assert answer.status_code == 500


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
