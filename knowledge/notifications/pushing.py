"""Web push of what is told as it happens: a row made once for each notification and browser, and a word on what became of it."""

import datetime as dt
import json
import logging
import math
import time
from email.utils import parsedate_to_datetime

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.templatetags.static import static
from django.utils import timezone

from commons import outgoing, push, queue
from commons.activity.models import Activity
from commons.delivery import CLOCKS_APART, LONGEST_WAIT, RUN_SECONDS, Outcome, backoff, is_over
from commons.numbers import parse_number
from knowledge.notifications.letters import zone_of
from knowledge.notifications.models import Notification, Push, PushSubscription
from knowledge.notifications.sending import held
from knowledge.notifications.words import Item, items
from knowledge.subscriptions.models import Following

log = logging.getLogger(__name__)

NEWS_FOR = dt.timedelta(days=1)  # afterwards it is no news that should light up a screen
WAIT_MOST = max(NEWS_FOR, LONGEST_WAIT)  # of one browser
LEASE = dt.timedelta(seconds=50)  # how long one push may take; a sender that died lets it go then
FAILURES_MOST = 5  # in a row, of one browser
BODY_MOST = 500  # characters: with everything around them, in any script, fewer bytes than a push message holds

_MADE = """
  INSERT INTO knowledge_push (notification_id, subscription_id, outcome, reason)
  SELECT n.id, s.id, '', ''
  FROM knowledge_notification n JOIN knowledge_pushsubscription s ON s.member_id = n.member_id
  WHERE n.activity_id = %(activity)s AND n.cadence = 'at_once' AND n.read_at IS NULL AND n.at > %(since)s
    AND (n.at >= s.made_at OR s.made_at > %(ahead)s)
  ORDER BY n.id, s.id
  ON CONFLICT DO NOTHING"""


def make_pushes(activity: Activity) -> int:
    """Make what is to be pushed of an activity that was told: one row for each notification and browser. Twice is once."""
    with connection.cursor() as cursor:
        now = timezone.now()
        cursor.execute(_MADE, {"activity": activity.pk, "since": now - NEWS_FOR, "ahead": now + CLOCKS_APART})
        return cursor.rowcount


def push_due(*, seconds: float = RUN_SECONDS) -> int:
    """Push what is due until nothing is left or the time is up; give how many were sent.

    Several may run beside each other: each push is one sender's at a time. One that is killed between the push service's answer
    and its own word of it pushes again; the browser shows that in place of the first.
    """
    if held():
        return 0
    pushed, sent, until = 0, 0, time.monotonic() + seconds
    while this := _take(timezone.now()):
        if time.monotonic() >= until or queue.stopping.is_set():
            Push.objects.filter(pk=this.pk).update(leased_until=None)
            queue.wake(queue.PUSH)
            return sent
        if not pushed:
            queue.wake(queue.PUSH)  # where there is one there may be more: as many push as the lane has room for
        pushed += 1
        try:
            sent += _push(this)
        except Exception:
            log.exception("Push %s failed; it is tried again once its time is up.", this.pk)  # it holds up no other
    if later := Push.objects.free_again_at(timezone.now()):
        queue.wake_at(queue.PUSH, later)
    return sent


def _take(now: dt.datetime) -> Push | None:
    """Take up the push that waits longest, and that nobody else has; None where there is none."""
    free = Q(subscription__waits_until=None) | is_over("subscription__waits_until", now, WAIT_MOST)
    taken: list[Push] = Push.objects.filter(free).order_by("pk").claim(1, lease=LEASE, now=now)
    return taken[0] if taken else None


def _push(this: Push) -> bool:
    """Push one notification to one browser, or close it with the reason why not. Access is asked now."""
    found = Push.objects.select_related("notification", "subscription__member").filter(pk=this.pk).first()
    if found is None:
        return False  # turned off meanwhile
    if reason := _why_not(found):
        found.close(Outcome.NOTHING, reason)
        return False
    member = found.subscription.member
    seen = Notification.objects.visible_to(member).unread().select_related("post").filter(pk=found.notification_id)
    said = items(seen, member)
    if not said:
        found.close(Outcome.NOTHING, "It is read already, or gone, or not for them to see any more.")
        return False
    return _send(found, said[0])


def _why_not(this: Push) -> str:
    """Why nothing is pushed to this member, or of this any more; nothing where it is."""
    member, told = this.subscription.member, this.notification
    if told.member_id != member.pk:
        return "The browser is another member's by now."
    if not member.is_active:
        return "The account is closed or suspended."
    if told.at <= timezone.now() - NEWS_FOR:
        return "It is no news any more."
    today = timezone.localdate(timezone=zone_of(member.time_zone))
    away = (
        Following.objects.filter(member=member, paused_until__gt=today).values_list("paused_until", flat=True).first()
    )
    return f"They are on holiday until {away:%-d %B}." if away else ""


def _send(this: Push, said: Item) -> bool:
    to = this.subscription
    browser = push.Browser(to.endpoint, to.p256dh, to.auth)
    left = this.notification.at + NEWS_FOR - timezone.now()
    try:
        answer = push.send(
            browser,
            message_of(said),
            topic=_topic(said),
            seconds=int(min(max(left, dt.timedelta()), NEWS_FOR).total_seconds()),
        )
    except outgoing.Refused as trouble:
        _refuse(this, str(trouble))
    except outgoing.NotReached as trouble:
        _put_off(this, str(trouble))
    else:
        return _heard(this, answer)
    return False


def _heard(this: Push, answer: outgoing.Answer) -> bool:
    """What a push service's answer means (RFC 8030, 5 and 7.3; RFC 8292, 4.2)."""
    words = " ".join("".join(letter if letter.isprintable() else " " for letter in answer.text).split())
    said = f"The push service answered {answer.status}{f': {words[:200]}' if words else ''}"
    if 200 <= answer.status < 300:
        this.close(Outcome.SENT)
        PushSubscription.objects.filter(pk=this.subscription_id).update(
            last_ok_at=timezone.now(), failed=0, reason="", waits_until=None
        )
        return True
    if answer.status in (404, 410):
        PushSubscription.objects.filter(pk=this.subscription_id).delete()  # its owner took it back
    elif answer.status == 429 or answer.status >= 500:
        _put_off(this, said, retry_after=answer.retry_after)
    else:
        _refuse(this, said)
    return False


def message_of(said: Item) -> bytes:
    """What the browser is told, for `static/js/worker.js`: what to show, what that takes the place of, and where it leads."""
    words = f"{said.happened}\n{said.quiet}" if said.quiet else said.happened
    message = {
        "title": said.title or settings.SITE_NAME,
        "body": words if len(words) <= BODY_MOST else f"{words[: BODY_MOST - 2]} …",
        "icon": static("icons/icon-192.png"),
        "tag": _topic(said),
        "url": f"/notifications/{said.pk}/",
        "page": f"/posts/{said.post.number}/" if said.post else "/notifications/",
    }
    return json.dumps(message, ensure_ascii=False).encode()


def _topic(said: Item) -> str:
    """What is told of one post takes the place of what was told of it before (RFC 8030, 5.4: 32 characters of base64url)."""
    return f"post-{said.post.pk}" if said.post else f"told-{said.pk}"


def _refuse(this: Push, reason: str) -> None:
    """One that will never be taken is not tried again; the others of this browser may be."""
    this.close(Outcome.REFUSED, reason)
    PushSubscription.objects.filter(pk=this.subscription_id).update(failed=F("failed") + 1, reason=reason[:2000])


@transaction.atomic
def _put_off(this: Push, reason: str, *, retry_after: str = "") -> None:
    """A browser whose push service is away is tried again later, each time after twice as long, or as long as that service says.

    After so many failures in a row, all that waits for it is given up. What happens later is tried again, once.
    """
    to = PushSubscription.objects.select_for_update().filter(pk=this.subscription_id).first()
    if to is None:
        return
    now = timezone.now()
    to.failed, to.reason = to.failed + 1, reason[:2000]
    to.waits_until = now + max(backoff(to.failed), _asked_to_wait(retry_after, now))
    to.save(update_fields=["failed", "reason", "waits_until"])
    log.warning("Browser %s was not reached (%s in a row): %s", to.pk, to.failed, reason)
    Push.objects.filter(pk=this.pk).update(leased_until=None, reason=reason[:2000])
    if to.failed >= FAILURES_MOST:
        waiting = Push.objects.filter(subscription=to, closed_at=None)
        words = f"Tried {to.failed} times in a row; at last: {reason}"
        waiting.update(outcome=Outcome.FAILED, reason=words[:2000], closed_at=now, leased_until=None)


def _asked_to_wait(retry_after: str, now: dt.datetime) -> dt.timedelta:
    """For how long a push service asks to be left alone (RFC 9110, 10.2.3: seconds, or a date), a day at the most."""
    wanted = 0.0
    if retry_after.isdecimal():
        wanted = parse_number(retry_after[:9]) or 0  # the first nine figures are years already
    elif retry_after:
        try:
            wanted = (parsedate_to_datetime(retry_after).astimezone(dt.UTC) - now).total_seconds()
        except (ValueError, OverflowError):
            log.debug("This is no time to wait: %r", retry_after)
    return dt.timedelta(seconds=min(max(math.ceil(wanted), 0), NEWS_FOR.total_seconds()))
