"""Background tasks: what is done a moment later. Each may run twice; what it does happens once."""

import datetime as dt
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from accounts.organizations.models import Membership
from commons import keeping, queue, rate_limits
from commons.account_mail import AccountMail, send_account_mail
from commons.activity.models import Activity
from commons.cache import UnculledDatabaseCache
from commons.db.errors import is_away
from commons.each import SomeFailed, do_each
from commons.mail import TrialMail
from commons.once import Sending
from knowledge.comments.actions import THREAD
from knowledge.comments.models import Comment
from knowledge.documents.actions import keep_document, read_document
from knowledge.evidence.actions import add_waiting_evidence
from knowledge.inbound.fetching import fetch
from knowledge.inbound.models import Received
from knowledge.ladder.models import RequestAnswer, Vetting
from knowledge.ladder.page import pages_naming_member, pages_naming_organization
from knowledge.ladder.vetting import Closed, close_request, decline
from knowledge.notifications.hub import tell_hub
from knowledge.notifications.letters import make_at_once, make_due
from knowledge.notifications.models import Push
from knowledge.notifications.pushing import make_pushes, push_due
from knowledge.notifications.recipients import tell
from knowledge.notifications.sending import SOMEBODY_WAITS, TO_FOLLOWERS, send_due
from knowledge.notifications.tidying import throw_away_old
from knowledge.posts.actions import fall_quiet
from knowledge.posts.attachments import add_file, forget_unnamed, looked_at
from knowledge.posts.conversions import Act, Beat, convert_next, forget_conversions, wake_waiting
from knowledge.posts.listing import Key, changed
from knowledge.posts.models import Conversion, ConversionKind, LastRead, Post
from knowledge.posts.rungs import Rung
from knowledge.search.saved import forget_unfollowed
from knowledge.stored.fragments import stale
from knowledge.stored.stamps import bump

if TYPE_CHECKING:
    from django.core.files.base import File

logger = logging.getLogger(__name__)
BATCH = 200  # posts in one transaction
KEEP_SENDINGS = dt.timedelta(days=7)
KEEP_RECEIVED = dt.timedelta(days=400)  # longer than an address to answer to holds
KEEP_TRIAL_MAIL = dt.timedelta(days=14)
KEEP_ACCOUNT_MAIL = dt.timedelta(days=14)  # what became of it; its text is gone long since
KEEP_LAST_READ = dt.timedelta(days=400)
KEEP_PUSHES = dt.timedelta(days=14)  # longer than anything is still pushed


@app.task(name=queue.ANNOUNCE, retry=RetryStrategy(max_attempts=8, exponential_wait=4))
def announce(activity: int) -> None:
    """Write one notification for each whom an activity concerns, and who may see what it is about."""
    happened = Activity.objects.filter(pk=activity).first()
    if happened is not None and tell(happened):
        if make_at_once():
            queue.wake(queue.LETTERS)
        if make_pushes(happened):
            queue.wake(queue.PUSH)


@app.periodic(cron="* * * * *")
@app.task(name=queue.LETTERS, queue=queue.lane(queue.LETTERS), queueing_lock=queue.LETTERS, pass_context=False)
def letters(timestamp: int) -> None:
    """Make the mail that is due, and send it. Whatever ended before it was done is taken up by the next.

    Several run beside each other while there is much to send; one of them at a time makes it.
    """
    make_due()
    send_due(TO_FOLLOWERS)


@app.periodic(cron="* * * * *")
@app.task(name=queue.CODES, queue=queue.lane(queue.CODES), queueing_lock=queue.CODES, pass_context=False)
def codes(timestamp: int) -> None:
    """Send mail that somebody waits for: it stands behind no digest, and codes stand behind nothing."""
    send_account_mail()
    send_due(SOMEBODY_WAITS, job=queue.CODES)


@app.periodic(cron="* * * * *")
@app.task(name=queue.PUSH, queue=queue.lane(queue.PUSH), queueing_lock=queue.PUSH, pass_context=False)
def push(timestamp: int) -> None:
    """Push what is due to browsers. Whatever ended before it was done is taken up by the next."""
    push_due()


@app.task(name=queue.FOLLOW_RENAME, retry=RetryStrategy(max_attempts=8, exponential_wait=4))
def follow_rename(kind: str, pk: int) -> None:
    """Make anew everything that shows the name of an organization, a member or an issue area that changed it."""
    if kind == "organization":
        numbers = pages_naming_organization(pk)
        bump([Key("organization", pk).stamp])
    elif kind == "area":
        numbers = set(Post.objects.filter(Q(issue_areas=pk) | Q(issue_areas__parent=pk)).values_list("pk", flat=True))
    else:
        discussed = set(Comment.objects.filter(by=pk).values_list("post", flat=True))
        for batch in _batches(discussed):
            stale(THREAD, batch)
        numbers = pages_naming_member(pk) | discussed
        bump([Key("member", pk).stamp, *(Key("organization", number).stamp for number in _organizations_of(pk))])
    if failed := _make_anew(numbers):
        raise SomeFailed(failed)  # the others are done, and all of it is done again later


def _organizations_of(member: int) -> list[int]:
    """The organizations on whose pages a member's name stands."""
    return list(Membership.objects.filter(member=member).values_list("organization", flat=True))


def _make_anew(numbers: set[int]) -> list[str]:
    """Make these posts anew wherever they show, by whole batches; where one fails, each of it alone. Return what failed."""
    failed = []
    for batch in _batches(numbers):
        try:
            _change(batch)
        except Exception as error:
            if is_away(error):
                raise
            logger.warning("Posts %s to %s cannot be made anew at once (%s); one by one.", batch[0], batch[-1], error)
            failed += do_each((f"post {number} made anew", partial(_change, [number])) for number in batch)
    return failed


@transaction.atomic
def _change(numbers: list[int]) -> None:
    for post in Post.objects.filter(pk__in=numbers).order_by("pk"):
        changed(post, is_news=False)


def _batches(those: set[int]) -> list[list[int]]:
    numbers = sorted(those)
    return [numbers[start : start + BATCH] for start in range(0, len(numbers), BATCH)]


@app.task(name=queue.PING, retry=RetryStrategy(max_attempts=8, exponential_wait=4))
def ping(listings: list[str]) -> None:
    """Tell the WebSub hub that the feeds of these listings have changed. Told twice, it looks twice."""
    tell_hub(listings)


@app.periodic(cron="* * * * *")
@app.task(name=queue.INBOUND, queue=queue.lane(queue.INBOUND), queueing_lock=queue.INBOUND, pass_context=False)
def inbound(timestamp: int) -> None:
    """Receive the mail that came into the mailbox of the commons, where it has one."""
    if settings.INBOUND_IMAP_URL:
        fetch(settings.INBOUND_IMAP_URL)


@app.task(name=queue.DOCUMENTS, queue=queue.lane(queue.DOCUMENTS))
def documents(timestamp: int) -> None:
    """Open the document whose turn it is into a draft."""

    def read(conversion: Conversion, file: "File[bytes]", beat: Beat) -> Act:
        return partial(keep_document, read_document(file, beat=beat), by=conversion.by)

    convert_next(ConversionKind.DOCUMENT, read)


@app.task(name=queue.PICTURES, queue=queue.lane(queue.PICTURES))
def pictures(timestamp: int) -> None:
    """Draw the picture whose turn it is anew, for a text or as evidence."""

    def read(conversion: Conversion, file: "File[bytes]", beat: Beat) -> Act:
        upload = looked_at(file, beat=beat)
        if conversion.post_id is None:
            return partial(add_file, upload, by=conversion.by)
        return partial(add_waiting_evidence, conversion, upload)

    convert_next(ConversionKind.PICTURE, read)


@app.periodic(cron="* * * * *")
@app.task(name=queue.CONVERSIONS, queueing_lock=queue.CONVERSIONS, pass_context=False)
def conversions(timestamp: int) -> None:
    """Have documents and pictures read whose turn was cut off, or put off."""
    wake_waiting()


@app.periodic(cron="7 * * * *")
@app.task(name=queue.DATES, queueing_lock=queue.DATES, pass_context=False)
def dates(timestamp: int) -> None:
    """Nothing changes by the clock alone: for each date that has passed, run its verb. One that fails holds up no other."""
    now = timezone.now()
    overdue = Vetting.objects.open().filter(until__lt=now.date())
    lapsed = RequestAnswer.objects.filter(lapses_at__lte=now, review__closing=None, review__vetting__closed_at=None)
    due = Post.objects.filter(check_back_on__lt=now.date(), quiet_since=None, rung=Rung.HUNCH, aside_at=None)
    do_each(  # what fails is tried again in an hour
        [
            *(
                (f"vetting {vetting.pk}, whose last day has passed", partial(_unless_closed, decline, vetting))
                for vetting in overdue
            ),
            *(
                (
                    f"review {answer.review_id}, whose request lapses",
                    partial(_unless_closed, close_request, answer.review),
                )
                for answer in lapsed.select_related("review__vetting")
            ),
            *((f"post {post.pk}, to check back on", partial(fall_quiet, post, today=now.date())) for post in due),
        ]
    )


def _unless_closed(verb: Callable[..., object], thing: object) -> None:
    """Run a verb that closes a thing, as nobody's; somebody who was there first has done it."""
    with suppress(Closed):
        verb(thing, by=None)


@app.periodic(cron="17 3 * * *")
@app.task(name=queue.TIDY, queueing_lock=queue.TIDY, pass_context=False)
def tidy(timestamp: int) -> None:
    """Throw away what is only in the way: sessions that ran out, forms long sent or waiting for a sign-in that never came,
    counters of which nothing counts any more, mail the trial showed, what was told, what was read long ago, or by somebody who
    has left, saved searches that nobody follows, files that no text names, and those that waited to be read.
    """
    now = timezone.now()
    old: dict[str, QuerySet[Any]] = {
        "sessions": Session.objects.filter(expire_date__lt=now),
        "forms sent": Sending.objects.filter(at__lt=now - KEEP_SENDINGS),
        "mail received": Received.objects.filter(at__lt=now - KEEP_RECEIVED),
        "mail of the trial": TrialMail.objects.filter(at__lt=now - KEEP_TRIAL_MAIL),
        "mail about accounts": AccountMail.objects.filter(closed_at__lt=now - KEEP_ACCOUNT_MAIL),
        "what was read last": LastRead.objects.filter(Q(at__lt=now - KEEP_LAST_READ) | Q(member__is_active=False)),
        "what was pushed": Push.objects.filter(closed_at__lt=now - KEEP_PUSHES),
    }
    failed = do_each(
        [
            *((name, rows.delete) for name, rows in old.items()),
            ("forms that wait for a sign-in", keeping.throw_away_expired),
            ("counters of limits", rate_limits.throw_away_expired),
            ("the cache", cast("UnculledDatabaseCache", caches["default"]).throw_away_expired),
            ("what was told", throw_away_old),
            ("saved searches", partial(forget_unfollowed, now=now)),
            ("files that no text names", partial(forget_unnamed, now=now)),
            ("files that waited", partial(forget_conversions, now=now)),
        ]
    )
    if failed:
        raise SomeFailed(failed)
