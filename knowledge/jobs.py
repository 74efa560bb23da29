"""Background tasks: what is done a moment later. Each may run twice; what it does happens once."""

import datetime as dt
import logging
from collections.abc import Callable
from functools import partial

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from accounts.organizations.models import Membership
from commons import queue
from commons.account_mail import AccountMail, send_account_mail
from commons.activity.models import Activity
from commons.mail import TrialMail
from commons.once import Sending
from knowledge.comments.actions import THREAD
from knowledge.comments.models import Comment
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
from knowledge.posts.attachments import forget_unnamed
from knowledge.posts.listing import Key, changed
from knowledge.posts.models import LastRead, Post
from knowledge.posts.rungs import Rung
from knowledge.stored.fragments import stale
from knowledge.stored.stamps import bump

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
        posts = Post.objects.filter(pk__in=pages_naming_organization(pk))
        bump([Key("organization", pk).stamp])
    elif kind == "area":
        posts = Post.objects.filter(Q(issue_areas=pk) | Q(issue_areas__parent=pk)).distinct()
    else:
        posts = Post.objects.filter(pk__in=pages_naming_member(pk))
        _discussions_of(pk)
        bump([Key("member", pk).stamp, *(Key("organization", number).stamp for number in _organizations_of(pk))])
    for numbers in _batches(list(posts.values_list("pk", flat=True))):
        with transaction.atomic():
            for post in Post.objects.filter(pk__in=numbers).order_by("pk"):
                changed(post, is_news=False)


def _organizations_of(member: int) -> list[int]:
    """The organizations on whose pages a member's name stands."""
    return list(Membership.objects.filter(member=member).values_list("organization", flat=True))


def _discussions_of(member: int) -> None:
    """The discussions in which a member's name stands, and the pages they stand on."""
    commented = Comment.objects.filter(by=member).values_list("post", flat=True).distinct()
    for numbers in _batches(list(commented)):
        with transaction.atomic():
            stale(THREAD, numbers)
            for post in Post.objects.filter(pk__in=numbers).order_by("pk"):
                changed(post, is_news=False)


def _batches(numbers: list[int]) -> list[list[int]]:
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


@app.periodic(cron="7 * * * *")
@app.task(name=queue.DATES, queueing_lock=queue.DATES, pass_context=False)
def dates(timestamp: int) -> None:
    """Nothing changes by the clock alone: for each date that has passed, run its verb. One that fails holds up no other."""
    now = timezone.now()
    overdue = Vetting.objects.open().filter(until__lt=now.date())
    lapsed = RequestAnswer.objects.filter(lapses_at__lte=now, review__closing=None, review__vetting__closed_at=None)
    verbs: list[Callable[[], object]] = [partial(decline, vetting, by=None) for vetting in overdue]
    verbs += [partial(close_request, answer.review, by=None) for answer in lapsed.select_related("review__vetting")]
    due = Post.objects.filter(check_back_on__lt=now.date(), quiet_since=None, rung=Rung.HUNCH, aside_at=None)
    verbs += [partial(fall_quiet, post, today=now.date()) for post in due]
    for verb in verbs:
        try:
            verb()
        except Closed:
            continue  # somebody was there first
        except Exception:
            logger.exception("A date has passed, and its verb failed; it is tried again in an hour.")


@app.periodic(cron="17 3 * * *")
@app.task(name=queue.TIDY, queueing_lock=queue.TIDY, pass_context=False)
def tidy(timestamp: int) -> None:
    """Throw away what is only in the way: sessions that ran out, forms long sent, mail the trial showed, what was told, what
    was read long ago, or by somebody who has left, and files that no text names.
    """
    now = timezone.now()
    Session.objects.filter(expire_date__lt=now).delete()
    Sending.objects.filter(at__lt=now - KEEP_SENDINGS).delete()
    Received.objects.filter(at__lt=now - KEEP_RECEIVED).delete()
    TrialMail.objects.filter(at__lt=now - KEEP_TRIAL_MAIL).delete()
    AccountMail.objects.filter(closed_at__lt=now - KEEP_ACCOUNT_MAIL).delete()
    LastRead.objects.filter(Q(at__lt=now - KEEP_LAST_READ) | Q(member__is_active=False)).delete()
    Push.objects.filter(closed_at__lt=now - KEEP_PUSHES).delete()
    throw_away_old()
    forget_unnamed(now=now)
