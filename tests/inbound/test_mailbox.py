"""Mail that comes into a mailbox on a real IMAP server, fetched over TLS by the job that runs each minute."""

import contextlib
import socket
import threading
import time
from email.message import EmailMessage
from email.utils import make_msgid, parseaddr

import pytest
from django.db import OperationalError, connection, transaction

from commons import mailbox, queue, worker
from knowledge import jobs
from knowledge.comments.models import Comment
from knowledge.inbound import fetching
from knowledge.inbound.models import Became, Received
from knowledge.inbound.reading import MOST_BYTES, TOO_LARGE
from knowledge.notifications import replying
from knowledge.notifications.letters import make_at_once
from knowledge.notifications.models import Letter, Sort
from knowledge.notifications.sending import TO_FOLLOWERS, send_due
from knowledge.posts.models import Draft
from knowledge.subscriptions.actions import new_mail_key
from knowledge.subscriptions.private_mail import private_mail_address
from tests.inbound.imap import serve
from tests.inbound.samples import mail
from tests.mail import Post, text_of
from tests.make import make_comment
from tests.notifications.test_told import tell_all

pytestmark = [pytest.mark.django_db, pytest.mark.imap, pytest.mark.xdist_group("imap")]


@pytest.fixture(scope="module")
def running():
    with serve() as server:
        yield server


@pytest.fixture
def box(running, settings, takes_mail, monkeypatch):
    """The commons' mailbox, empty, with a certificate that this machine trusts."""
    running.empty()
    monkeypatch.setenv("SSL_CERT_FILE", str(running.certificate))
    settings.INBOUND_IMAP_URL = running.url
    return running


def answer(letter: EmailMessage, *, by: str, text: str, above: bool) -> bytes:
    """What a mail program makes of Reply: to Reply-To, in the thread, with what is answered quoted below, or above."""
    quoted = "".join(f"> {line}\n" for line in text_of(letter).splitlines())
    said = f"On Tue, 24 Nov 2026 at 10:12, {parseaddr(letter['From'])[0]} <{parseaddr(letter['From'])[1]}> wrote:\n\n{quoted}"
    made = EmailMessage()
    made["From"], made["To"] = by, letter["Reply-To"]
    made["Subject"] = f"Re: {letter['Subject']}"
    made["In-Reply-To"], made["References"] = letter["Message-ID"], f"{letter['References']} {letter['Message-ID']}"
    made["Message-ID"] = make_msgid(domain="people.example")
    made.set_content(f"{text}\n\n{said}" if above else f"{said}\n{text}\n\n-- \nAlice\n")
    made.add_alternative(f"<p>{text}</p><blockquote>{quoted}</blockquote>", subtype="html")
    return bytes(made)


@pytest.mark.parametrize("above", [True, False], ids=["quoted below", "quoted above"])
def test_a_mail_that_was_sent_is_answered_and_the_comment_shows(
    client, by_smtp: Post, box, alice, charlie, post, above
):
    asked = make_comment(post, charlie, "Of how many?")
    tell_all()
    make_at_once()
    assert send_due(TO_FOLLOWERS) == 1
    [letter] = by_smtp.to("alice@people.example")
    assert "Answer this mail, and what you write becomes a comment" in text_of(letter)
    box.deliver(answer(letter, by="Alice <alice@people.example>", text="Of forty, and all *kept*.", above=above))
    jobs.inbound(0)
    jobs.inbound(0)
    made = Comment.objects.get(by=alice)
    assert (made.parent, made.body) == (asked, "Of forty, and all *kept*.")
    assert "Of forty, and all <em>kept</em>." in client.get(post.get_absolute_url()).content.decode()
    assert box.flags() == [{"\\Seen"}]


def test_a_note_becomes_a_draft(signed_in, box, alice):
    new_mail_key(alice)
    box.deliver(bytes(mail(private_mail_address(alice), "Nine in ten.", subject="Keys next door")))
    jobs.inbound(0)
    assert Draft.objects.get().title == "Keys next door"
    assert "Keys next door" in signed_in(alice).get("/drafts/").content.decode()


def test_one_that_cannot_be_received_is_put_aside_and_holds_up_no_other(box, alice, post, monkeypatch):
    address = replying.reply_address(alice.pk, post.pk)
    receive = fetching.receive

    def breaks(raw: bytes):
        if b"Break" in raw:
            raise RuntimeError("as nobody thought of")
        return receive(raw)

    monkeypatch.setattr(fetching, "receive", breaks)
    box.deliver(bytes(mail(address, "Break")), bytes(mail(address, "Hold")))
    jobs.inbound(0)
    assert box.flags() == [{"\\Flagged"}, {"\\Seen"}]
    assert Comment.objects.get().body == "Hold"
    jobs.inbound(0)
    assert Received.objects.count() == 1


def test_while_the_database_is_away_nothing_is_marked(box, alice, post, monkeypatch):
    box.deliver(bytes(mail(replying.reply_address(alice.pk, post.pk))))

    def away(raw: bytes):
        raise OperationalError

    with monkeypatch.context() as patched:
        patched.setattr(fetching, "receive", away)
        with pytest.raises(OperationalError):
            jobs.inbound(0)
    assert box.flags() == [set()]
    jobs.inbound(0)
    assert Comment.objects.count() == 1


@pytest.mark.parametrize(("state", "goes_on"), [("53100", False), ("55P03", True), ("40P01", True), ("57014", True)])
def test_what_the_database_refuses_is_no_fault_of_a_mails(box, alice, post, monkeypatch, state, goes_on):
    """On a full disk no other fares better; where one took too long, or met another's transaction, the others are received."""
    address, receive = replying.reply_address(alice.pk, post.pk), fetching.receive

    def refused(raw: bytes):
        if b"Refused" in raw:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{state}'; END $$")
        return receive(raw)

    box.deliver(bytes(mail(address, "Refused at first")), bytes(mail(address, "Hold")))
    with monkeypatch.context() as patched:
        patched.setattr(fetching, "receive", refused)
        with contextlib.nullcontext() if goes_on else pytest.raises(OperationalError):
            jobs.inbound(0)
    assert box.flags() == [set(), {"\\Seen"} if goes_on else set()]
    jobs.inbound(0)
    assert {comment.body for comment in Comment.objects.all()} == {"Refused at first", "Hold"}


def test_killed_after_it_was_received_and_before_it_was_marked_it_is_once(box, alice, post, monkeypatch):
    box.deliver(bytes(mail(replying.reply_address(alice.pk, post.pk))))

    def killed(self, number):
        raise OSError

    with monkeypatch.context() as patched:
        patched.setattr(mailbox.Mailbox, "seen", killed)
        jobs.inbound(0)
    assert (Comment.objects.count(), box.flags()) == (1, [set()])
    jobs.inbound(0)
    assert (Comment.objects.count(), box.flags()) == (1, [{"\\Seen"}])


def test_a_large_one_is_not_fetched_whole_and_is_refused(box, alice, post):
    came = mail(replying.reply_address(alice.pk, post.pk))
    came.add_attachment(b"x" * MOST_BYTES * 2, maintype="application", subtype="zip")
    box.deliver(bytes(came), b"\0\0", b"Subject: x\n\n\xff")
    jobs.inbound(0)
    assert Received.objects.earliest("pk").became == Became.REFUSED
    assert Letter.objects.get(sort=Sort.ANSWER).asks["words"] == TOO_LARGE
    assert all(flags == {"\\Seen"} for flags in box.flags())


def test_a_certificate_that_is_not_trusted_is_none(box, monkeypatch, caplog):
    monkeypatch.delenv("SSL_CERT_FILE")
    jobs.inbound(0)
    assert "certificate verify failed" in caplog.text
    assert "pass" not in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "imap://commons:x@localhost/INBOX",
        "imaps://localhost/INBOX",
        'imaps://a:b@localhost/"',
        "imaps://a:secret@127.0.0.1:1/INBOX",
        "nonsense",
    ],
)
def test_a_mailbox_that_cannot_be_opened_is_a_line_in_the_log(settings, caplog, url):
    settings.INBOUND_IMAP_URL = url
    jobs.inbound(0)
    assert "The mailbox for mail that comes" in caplog.text
    assert "secret" not in caplog.text


def test_a_wrong_password_and_a_folder_that_is_not_there(box, settings, caplog):
    for url in (box.url.replace("word", "wort"), box.url.replace("INBOX", "Elsewhere")):
        settings.INBOUND_IMAP_URL = url
        jobs.inbound(0)
    assert caplog.text.count("The mailbox for mail that comes") == 2


@pytest.mark.parametrize("says", [b"*", b"\x16\x03\x03\x40\x00"], ids=["words", "the beginning of TLS"])
def test_a_server_that_dawdles_is_cut_off(says):
    """It sends just enough in each step, and would hold the job for hours."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def dawdle() -> None:
            taken, _ = listening.accept()
            with taken, contextlib.suppress(OSError):
                taken.sendall(says)
                while True:
                    taken.sendall(b"\0")
                    time.sleep(0.1)

        threading.Thread(target=dawdle, daemon=True).start()
        began = time.monotonic()
        with pytest.raises(mailbox.Away), mailbox.mailbox(f"imaps://a:b@127.0.0.1:{port}/INBOX", seconds=1.0):
            pass
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("other", ["²", "-1", "9" * 5_000])
def test_what_is_no_number_of_a_mail_is_passed_over(other):
    class Server:
        def uid(self, *_):
            return "OK", [f"12 {other} 7".encode()]

    assert mailbox.Mailbox(Server()).new() == ["7", "12"]


def test_its_lane_is_worked_on():
    assert queue.lane(queue.INBOUND) in worker.BESIDE
