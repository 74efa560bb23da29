"""Readers without an account: asking the owner of an address whether they want to follow (double opt-in)."""

from django.db import transaction
from django.utils import timezone

from commons import queue
from knowledge.notifications.mails import asks_period
from knowledge.notifications.models import Letter, Sort
from knowledge.notifications.sending import held
from knowledge.subscriptions.models import Cadence, Followable

ASKED_MOST = 5  # mails a day that ask one address, whoever types it


@transaction.atomic
def ask_reader(address: str, kind: Followable, object_id: int, cadence: Cadence, name: str) -> None:
    """Mail the owner of an address the question whether they want to follow a thing; nothing else is kept of the address.

    Asked again on the same day for the same thing it is one mail; an address that was asked often today is left in peace.
    """
    held()  # a hold that begins, begins before this is made: somebody waits for it
    now = timezone.now()
    asked = Letter.objects.filter(address__iexact=address, sort=Sort.CONFIRM).of_the_last_day(now)
    if asked.count() >= ASKED_MOST:
        return
    letter = Letter(
        address=address,
        sort=Sort.CONFIRM,
        period=asks_period(kind, object_id, now.date()),
        due_at=now,
        asks={"kind": str(kind), "object_id": object_id, "cadence": str(cadence), "name": name},
    )
    Letter.objects.bulk_create([letter], ignore_conflicts=True)
    queue.wake(queue.CODES)
