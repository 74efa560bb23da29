"""Mail that comes: an answer becomes a comment, a note to one's private address a draft; what may not is refused in words."""

import base64
import datetime as dt
from email.message import EmailMessage
from email.mime.base import MIMEBase

import pytest
from django.utils import timezone

from commons import apart, gate
from knowledge.comments.actions import withdraw_comment
from knowledge.comments.models import Comment
from knowledge.inbound import actions, writing
from knowledge.inbound.actions import receive
from knowledge.inbound.models import Became, Received
from knowledge.inbound.reading import MOST_BYTES, NOT_TEXT, TOO_LARGE, TOO_MANY
from knowledge.inbound.writing import newly_written
from knowledge.notifications import replying
from knowledge.notifications.models import Letter, Sort
from knowledge.notifications.sending import TO_FOLLOWERS, send_due
from knowledge.posts.actions import withdraw
from knowledge.posts.models import Draft, Post
from knowledge.subscriptions.actions import new_mail_key, no_mail_key
from knowledge.subscriptions.private_mail import private_mail_address
from tests.inbound.samples import HOST, mail
from tests.mail import text_of
from tests.make import make_comment, make_post

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("takes_mail")]


def answering(member, post, comment=None) -> str:
    return replying.reply_address(member.pk, post.pk, comment and comment.pk)


def said_to(address: str) -> list[str]:
    """What those who sent a mail are told of it."""
    return [letter.asks["words"] for letter in Letter.objects.filter(sort=Sort.ANSWER, address=address)]


# An answer


def test_an_answer_becomes_a_comment(alice, charlie, post):
    asked = make_comment(post, charlie, "Of how many?")
    received = receive(bytes(mail(answering(alice, post, asked), "Of forty.\n\nAll kept.")))
    made = Comment.objects.latest("pk")
    assert (received.became, received.made_id) == (Became.COMMENT, made.pk)
    assert (made.by, made.post, made.parent, made.body) == (alice, post, asked, "Of forty.\n\nAll kept.")
    assert said_to(alice.email) == []


def test_the_same_mail_twice_is_one_comment(alice, post):
    came = mail(answering(alice, post))
    for raw in (bytes(came), b"X-Spam-Score: 0\n" + bytes(came), bytes(came).replace(b"\n", b"\r\n")):
        receive(raw)
    assert (Comment.objects.count(), Received.objects.count()) == (1, 1)


def test_without_a_message_id_the_same_mail_is_still_one(alice, post):
    came = mail(answering(alice, post))
    del came["Message-ID"]
    first, second = receive(bytes(came)), receive(bytes(came))
    assert first == second
    assert Comment.objects.count() == 1
    came.set_content("And more.")
    receive(bytes(came))
    assert Comment.objects.count() == 2


def test_somebody_elses_message_id_holds_up_nobody(alice, charlie, post):
    came = mail(answering(alice, post))
    receive(bytes(mail("x@y.example", sender="eve@people.example", Message_ID_=came["Message-ID"])))
    eve = mail(answering(alice, post), sender="eve@people.example")
    eve.replace_header("Message-ID", came["Message-ID"])
    assert receive(bytes(eve)).became == Became.REFUSED
    assert receive(bytes(came)).became == Became.COMMENT


def test_case_means_nothing(alice, post):
    came = mail(answering(alice, post).upper(), sender="ALICE@People.example")
    assert receive(bytes(came)).became == Became.COMMENT


def test_the_envelope_says_to_whom_it_came(alice, post):
    came = mail("undisclosed@people.example")
    assert receive(bytes(came), to=(answering(alice, post),)).became == Became.COMMENT


def test_addresses_fit_into_what_mail_servers_hold():
    Letter.objects.bulk_create([Letter(pk=2**39, address="a@people.example", sort=Sort.CONFIRM, period="x")])
    local, _, host = replying.reply_address(2**40 - 1, 2**40 - 1, 2**40 - 1).partition("@")
    assert len(local) <= 64
    assert (local, host) == (local.lower(), HOST)
    assert replying.answers(local.partition("+")[2].upper()) == replying.Answers(2**40 - 1, 2**40 - 1, 2**40 - 1)
    assert len(replying.bounce_address(Letter.objects.get()).partition("@")[0]) <= 64


@pytest.mark.parametrize("days", [0, 366, 367, -1])
def test_an_address_holds_for_a_year(alice, post, monkeypatch, days):
    address = answering(alice, post)
    later = timezone.now() + dt.timedelta(days=days)
    monkeypatch.setattr(replying.timezone, "now", lambda: later)
    assert receive(bytes(mail(address))).became == (Became.COMMENT if 0 <= days <= 366 else Became.REFUSED)


@pytest.mark.parametrize("place", range(0, 53, 4))
def test_a_changed_address_is_no_address(alice, post, place):
    beginning, _, rest = answering(alice, post).partition("+")
    token, _, host = rest.partition("@")
    changed = token[:place] + ("b" if token[place] == "a" else "a") + token[place + 1 :]
    assert receive(bytes(mail(f"{beginning}+{changed}@{host}"))).became == Became.REFUSED
    assert said_to(alice.email) == [actions.TOO_OLD]
    assert not Comment.objects.exists()


def other_address(alice, post):
    return mail(answering(alice, post), sender="eve@people.example")


def two_addresses(alice, post):
    return mail(answering(alice, post), sender="alice@people.example, eve@people.example")


def in_the_name(alice, post):
    return mail(answering(alice, post), sender='"alice@people.example" <eve@people.example>')


def two_froms(alice, post):
    return b"From: eve@people.example\n" + bytes(mail(answering(alice, post)))


def unconfirmed(alice, post):
    from allauth.account.models import EmailAddress

    EmailAddress.objects.filter(user=alice).update(verified=False)
    return mail(answering(alice, post))


def suspended(alice, post):
    alice.is_active = False
    alice.save()
    return mail(answering(alice, post))


def withdrawn(alice, post):
    withdraw(post, by=alice)
    return mail(answering(alice, post))


def gone(alice, post):
    said = make_comment(post, alice)
    withdraw_comment(said, by=alice)
    return mail(answering(alice, post, said))


def only_a_quote(alice, post):
    quoted = "On Tue, 24 Nov 2026 at 10:12, The Commons <hello@commons.example> wrote:\n\n> Of how many?\n"
    return mail(answering(alice, post), quoted)


def too_long(alice, post):
    return mail(answering(alice, post), "Nine words. " * 2000)


def control_character(alice, post):
    came = mail(answering(alice, post), "x")
    came.set_payload("A bell: =07 and a NUL: =00.")
    came.replace_header("Content-Transfer-Encoding", "quoted-printable")
    return came


def broken_text(alice, post):
    came = mail(answering(alice, post), "x")
    came.set_payload(base64.b64encode("Grüße".encode("latin-1")).decode())
    came.replace_header("Content-Transfer-Encoding", "base64")
    return came


def unknown_charset(alice, post):
    came = mail(answering(alice, post))
    came.replace_header("Content-Type", "text/plain; charset=klingon")
    return came


def nowhere(alice, post):
    return mail(f"hello@{HOST}")


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (other_address, actions.NOT_THEIRS),
        (two_addresses, None),
        (in_the_name, None),
        (two_froms, None),
        (unconfirmed, actions.NOT_THEIRS),
        (suspended, actions.NOT_ACTIVE),
        (withdrawn, actions.NOT_VISIBLE),
        (gone, actions.IS_GONE),
        (only_a_quote, actions.NOTHING_WRITTEN),
        (too_long, "This is 23,999 characters; a comment holds 20,000. Cut 3,999."),
        (control_character, "There is a character that cannot be shown (U+0007), after “A bell:”. Take it out."),
        (broken_text, NOT_TEXT),
        (unknown_charset, NOT_TEXT),
        (nowhere, actions.NO_SUCH_ADDRESS),
    ],
)
def test_what_may_not_become_a_comment_is_refused_in_words(alice, post, written, words):
    before = Comment.objects.count()
    came = written(alice, post)
    before = Comment.objects.count()
    received = receive(came if isinstance(came, bytes) else bytes(came))
    assert Comment.objects.count() == before
    told = [*said_to("alice@people.example"), *said_to("eve@people.example")]
    if words is None:  # it says several things of who sent it
        assert (received.became, told) == (Became.IGNORED, [])
    else:
        assert (received.became, told) == (Became.REFUSED, [words])


def test_partners_and_strangers_see_what_they_see(alice, charlie, post):
    """Charlie may answer what everybody reads; and not what is held for its own organization."""
    address = answering(charlie, post)
    Post.objects.filter(pk=post.pk).update(held_at=timezone.now())
    assert receive(bytes(mail(address, sender=charlie.email))).became == Became.REFUSED
    Post.objects.filter(pk=post.pk).update(held_at=None)
    assert receive(bytes(mail(address, sender=charlie.email))).became == Became.COMMENT


def test_what_is_attached_is_left_out_and_said_so(alice, post):
    came = mail(answering(alice, post))
    came.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="days.pdf")
    came.add_attachment("A note.", filename="note.txt")
    assert receive(bytes(came)).became == Became.COMMENT
    assert Comment.objects.get().body == "Of forty."
    assert said_to(alice.email) == ["It was taken without 2 files that were attached: mail brings text alone."]


# The one mail that says no


def test_the_answer_names_the_mail_it_answers_and_is_marked_as_automatic(by_smtp, settings, alice, post):
    settings.SITE_CONTACT = "people@commons.example"
    came = mail(answering(alice, post), "", subject="Re: =?utf-8?q?Gr=C3=BC=C3=9Fe?=")
    receive(bytes(came))
    assert send_due(TO_FOLLOWERS) == 1
    [told] = by_smtp.to("alice@people.example")
    assert told["Auto-Submitted"] == "auto-replied"
    assert told["In-Reply-To"] == told["References"] == came["Message-ID"]
    assert told["Subject"] == "Your mail did not become a comment"
    assert told["Reply-To"] is None
    assert "There was no text in it beside what it quotes." in text_of(told)
    assert "Your mail was called: Re: Grüße" in text_of(told)
    assert f"https://commons.example{post.get_absolute_url()}" in text_of(told)
    # And the answer to it, were it answered by a program, is not answered
    assert receive(bytes(told)).became == Became.IGNORED


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied (vacation)"},
        {"Auto_Submitted": "auto-generated"},
        {"Precedence": "bulk"},
        {"Precedence": "junk"},
        {"List_Id": "<all.people.example>"},
        {"Return_Path": "<>"},
        {"X_Autoreply": "yes"},
        {"sender": "MAILER-DAEMON@people.example"},
    ],
)
def test_nothing_that_a_program_wrote_is_taken_or_answered(alice, post, headers):
    came = mail(answering(alice, post), "I am away until Monday.", **headers)
    assert receive(bytes(came)).became == Became.IGNORED
    assert not Comment.objects.exists()
    assert not Letter.objects.filter(sort=Sort.ANSWER).exists()


def test_a_person_says_that_no_program_wrote_it(alice, post):
    assert receive(bytes(mail(answering(alice, post), Auto_Submitted="no"))).became == Became.COMMENT


def test_one_address_is_told_a_few_times_a_day_and_all_together_not_without_end(monkeypatch):
    for _ in range(5):
        receive(bytes(mail(f"hello@{HOST}", sender="eve@people.example")))
    assert len(said_to("eve@people.example")) == actions.ANSWERS_MOST
    monkeypatch.setattr(actions, "ANSWERS_MOST_ALL", 4)
    for number in range(3):
        receive(bytes(mail(f"hello@{HOST}", sender=f"eve{number}@people.example")))
    assert Letter.objects.filter(sort=Sort.ANSWER).count() == 4
    assert Received.objects.filter(became=Became.REFUSED).count() == 8


@pytest.mark.parametrize("sender", [f"reply+x@{HOST}", "hello@commons.example", "eve@localhost"])
def test_no_mail_goes_round_in_a_circle(sender):
    receive(bytes(mail(f"hello@{HOST}", sender=sender)))
    assert not Letter.objects.filter(sort=Sort.ANSWER).exclude(address="eve@localhost").exists()


def test_the_answer_goes_where_the_mail_came_from(alice, post):
    receive(bytes(mail(f"hello@{HOST}", Return_Path="<bounces@people.example>")))
    assert said_to("bounces@people.example") == [actions.NO_SUCH_ADDRESS]
    assert said_to("alice@people.example") == []


def test_headers_cannot_be_written_through_a_mail(by_smtp):
    raw = b"From: eve@people.example\nTo: hello@" + HOST.encode() + b"\nMessage-ID: <a@b>\r\n"
    raw += b"Subject: =?utf-8?q?a=0D=0ABcc:_all@people.example?=\n\nx"
    receive(raw)
    send_due(TO_FOLLOWERS)
    [told] = by_smtp.to("eve@people.example")
    assert told["Bcc"] is None
    assert not by_smtp.to("all@people.example")


# What is new in a mail

ABOVE = """\
Of forty.

- one
- two

On Tue, 24 Nov 2026 at 10:12, The Commons <hello@commons.example> wrote:

> Charlie Chen commented on “Paying at the viewing”
>
> Of how many?
>
> --
> It concerns you
"""
BELOW = """\
Am 24.11.2026 um 10:12 schrieb The Commons:
> Charlie Chen commented on “Paying at the viewing”
>
> Of how many?

Of forty.

- one
- two

--\x20
Alice Adeyemi
Harbor Street Housing Desk
"""
BETWEEN = """\
On Tue, 24 Nov 2026 at 10:12, The Commons
<hello@commons.example> wrote:
> Charlie Chen commented
> Of how many?

Of forty.

> And of what?

- one
- two

Sent from my iPhone
"""
OUTLOOK = """\
Of forty.

- one
- two

________________________________
From: The Commons <hello@commons.example>
Sent: Tuesday, 24 November 2026 10:12
To: Alice Adeyemi <alice@people.example>
Subject: Charlie Chen commented

Charlie Chen commented
"""


@pytest.mark.parametrize("text", [ABOVE, BELOW, BETWEEN, OUTLOOK], ids=["above", "below", "between", "outlook"])
def test_what_they_quote_and_their_signature_is_left_out(alice, post, text):
    receive(bytes(mail(answering(alice, post), text)))
    assert Comment.objects.get().body == "Of forty.\n\n- one\n- two"


GMAIL = """\
<html><head><title>x</title><style>p{}</style></head><body><div dir="ltr">Of <b>forty</b>.<div>All kept.</div></div><br>
<div class="gmail_quote"><div dir="ltr" class="gmail_attr">On Tue, Nov 24, 2026 at 10:12 AM The Commons
&lt;<a href="mailto:hello@commons.example">hello@commons.example</a>&gt; wrote:<br></div>
<blockquote class="gmail_quote"><p>Of how many?</p></blockquote></div><script>alert(1)</script></body></html>"""


def test_html_alone_becomes_text(client, alice, post):
    came = mail(answering(alice, post))
    came.set_content(GMAIL, subtype="html")
    receive(bytes(came))
    assert Comment.objects.get().body == "Of forty.\nAll kept."
    came = mail(answering(alice, post))
    came.set_content("<p>&lt;script&gt;alert(1)&lt;/script&gt; seen</p>", subtype="html")
    receive(bytes(came))
    page = client.get(post.get_absolute_url()).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; seen" in page


def test_plain_text_is_read_before_html(alice, post):
    came = mail(answering(alice, post), "The plain one.")
    came.add_alternative("<p>The other one.</p>", subtype="html")
    receive(bytes(came))
    assert Comment.objects.get().body == "The plain one."


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "windows-1252"])
def test_character_sets(alice, post, charset):
    came = mail(answering(alice, post))
    came.set_content("Grüße aus Köln.", charset=charset, cte="base64")
    receive(bytes(came))
    assert Comment.objects.get().body == "Grüße aus Köln."


def test_eight_bit_text_as_it_is(alice, post):
    came = mail(answering(alice, post))
    came.set_content("Grüße aus Köln.", cte="8bit")
    receive(bytes(came))
    assert Comment.objects.get().body == "Grüße aus Köln."


# What nobody would write

HOSTILE = {
    "spaces": " " * 60_000 + "x",
    "dashes": "-" * 60_000,
    "on": "On " * 40_000,
    "on lines": "On x\n" * 30_000,
    "from": "From: a\n" * 20_000,
    "best": "Best regards\n" * 20_000,
    "quotes": ">" * 200_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_would_be_searched_for_hours_is_given_up(alice, post, text):
    assert writing.SECONDS == 1  # of processor time
    received = receive(bytes(mail(answering(alice, post), text)))
    assert received.became == Became.REFUSED
    assert len(said_to(alice.email)) == 1


def test_a_mail_that_a_busy_machine_did_not_come_to_is_received_another_time(alice, post, monkeypatch):
    """Whatever the clock says, it is no fault of the mail: nobody is told that it cannot be read."""
    came = bytes(mail(answering(alice, post), "We see it too."))
    monkeypatch.setattr(apart, "CLOCK", 0)
    monkeypatch.setattr(apart, "BEAT_SECONDS", 0.001)
    with pytest.raises(apart.Interrupted):
        receive(came)
    assert not Comment.objects.exists()
    assert not Received.objects.exists()
    monkeypatch.undo()
    assert receive(came).became == Became.COMMENT


def headers_of(alice, post) -> bytes:
    return f"From: alice@people.example\nTo: {answering(alice, post)}\nMessage-ID: <x@people.example>\nSubject: s\n".encode()


def nested(depth: int) -> bytes:
    begun = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (at, at) for at in range(depth))
    return begun + b"Content-Type: text/plain\n\nx\n" + b"".join(b"--%d--\n" % at for at in reversed(range(depth)))


BODIES = {
    "too large": (b"\n" + b"x" * MOST_BYTES, TOO_LARGE),
    "lines": (b"\n" + b"a\n" * 500_000, TOO_MANY),
    "carriage returns": (b"\n" + b"\r" * 500_000, TOO_MANY),
    "nested": (nested(40), TOO_MANY),
    "nested by the hundred": (nested(5000), TOO_MANY),
    "sixty parts": (
        b'Content-Type: multipart/mixed; boundary="b"\n\n' + b"--b\nContent-Type: text/plain\n\nx\n" * 60 + b"--b--\n",
        TOO_MANY,
    ),
    "parts without headers": (b'Content-Type: multipart/mixed; boundary="b"\n\n' + b"--b\n\n" * 30_000, TOO_MANY),
    "mails in mails": (b"Content-Type: message/rfc822\n\n" * 5000, TOO_MANY),
}


@pytest.mark.parametrize(("body", "words"), BODIES.values(), ids=BODIES)
def test_bounds(alice, post, body, words):
    assert receive(headers_of(alice, post) + body).became == Became.REFUSED
    assert said_to(alice.email) == [words]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"\0" * 1000,
        b"\xff\xfe" * 1000,
        b"From: \0alice@people.example\nSubject: \0\n\n\0",
        b"From: =?utf-8?b?//79?= <alice@people.example>\nSubject: =?klingon?q?a?=\n\nx",
        b"From: " + b"(" * 100_000 + b"\n\nx",
        b"From: " + b"<" * 50_000 + b"\nTo: " + b"," * 100_000 + b"\n\nx",
        b"From: a@b.example\nContent-Type: " + b"x" * 100_000 + b"\n\nx",
        b"From: a@b.example\nContent-Type: multipart/mixed; boundary*0*=klingon''%FF\n\nx",
        b"From: a@b.example\nContent-Type: text/plain; charset*=utf-8'%00'\0\n\nx",
        b"From: a@b.example\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n"
        b"Content-Type: message/delivery-status\n\nAction: failed\n\n\0\n--b--",
        b"From: a@b.example\nContent-Transfer-Encoding: base64\n\n====\xff",
        b"From: a@b.example\nMessage-ID: <"
        + b"x" * 5000
        + b">\nContent-Transfer-Encoding: quoted-printable\n\n=\xff=0",
        b"A: b\n" * 20_000 + b"\n",
    ],
)
def test_whatever_comes_comes_to_an_end(raw):
    for to in ((), (f"hunch+x@{HOST}",), (f"reply+\0@{HOST}",)):
        receive(raw, to=to)
    assert all("\0" not in f"{row.sender}{row.reason}" for row in Received.objects.all())


def test_a_mail_in_parts_that_cannot_be_put_together_says_nothing():
    made = EmailMessage()
    made.attach(MIMEBase("text", "plain"))
    made.get_payload()[0].set_payload("\udcff\ud800")  # type: ignore[index]
    assert receive(made).became == Became.IGNORED


# A note


@pytest.fixture
def private(alice) -> str:
    new_mail_key(alice)
    return private_mail_address(alice)


def test_a_mail_to_the_private_address_becomes_a_draft_and_never_a_post(alice, organization, private):
    received = receive(
        bytes(mail(private.upper(), "Nine in ten.\n\n> she said\n\n-- \nAlice", subject="Keys next door"))
    )
    draft = Draft.objects.get()
    assert (received.became, received.made_id) == (Became.DRAFT, draft.pk)
    assert (draft.by, draft.organization, draft.title, draft.body, draft.from_mail) == (
        alice,
        organization,
        "Keys next door",
        "Nine in ten.\n\n> she said",
        True,
    )
    assert not Post.objects.exists()


def test_a_long_subject_is_cut_and_nothing_of_it_lost(private):
    subject = "Nine words. " * 20
    receive(bytes(mail(private, "More.", subject=subject)))
    draft = Draft.objects.get()
    assert len(draft.title) <= gate.TITLE
    assert draft.body == f"{subject.strip()}\n\nMore."


def test_a_subject_alone_is_a_draft_and_nothing_is_none(alice, private):
    assert receive(bytes(mail(private, "", subject="Keys next door"))).became == Became.DRAFT
    assert receive(bytes(mail(private, "", subject=""))).became == Became.REFUSED


def test_who_may_not_mail_a_draft(alice, charlie, private):
    assert receive(bytes(mail(private, sender=charlie.email))).became == Became.REFUSED
    new_mail_key(alice)
    assert receive(bytes(mail(private))).became == Became.REFUSED
    fresh = private_mail_address(alice)
    no_mail_key(alice)
    assert receive(bytes(mail(fresh))).became == Became.REFUSED
    assert receive(bytes(mail(f"hunch+@{HOST}"))).became == Became.REFUSED
    assert not Draft.objects.exists()


def test_a_member_has_so_many_drafts_and_not_more(monkeypatch, alice, private):
    from knowledge.posts import drafts

    monkeypatch.setattr(drafts, "DRAFTS_MOST", 1)
    assert receive(bytes(mail(private))).became == Became.DRAFT
    assert receive(bytes(mail(private))).became == Became.REFUSED


def test_the_private_address_is_made_shown_changed_and_ended(signed_in, settings, alice):
    browser = signed_in(alice)
    assert "hunch+" not in browser.get("/following/").content.decode()
    seen = set()
    for _ in range(2):
        assert browser.post("/following/mail/")["Location"] == "/following/#mail-in"
        address = private_mail_address(alice)
        assert f'value="{address}"' in browser.get("/following/").content.decode()
        seen.add(address)
    assert len(seen) == 2
    browser.post("/following/mail/", {"action": "end"})
    assert private_mail_address(alice) == ""
    settings.MAIL_REPLY_HOST = ""
    assert "Hunches by mail" not in browser.get("/following/").content.decode()


def test_an_answer_is_taken_only_where_mail_is(settings, alice, post):
    address = answering(alice, post)
    settings.MAIL_REPLY_HOST = ""
    assert receive(bytes(mail(address))).became == Became.REFUSED
    assert replying.reply_address(1, 2) == ""


def test_newly_written_is_what_stands_above():
    assert newly_written(ABOVE, "") == "Of forty.\n\n- one\n- two"


def test_other_posts_are_left_alone(alice, post):
    other = make_post(alice, "Another")
    said = make_comment(other, alice)
    # A signed address names a comment on another post only if we made it so
    receive(bytes(mail(answering(alice, post, said))))
    assert Comment.objects.get(post=post).parent is None
