"""Readers without an account: asking the owner of an address whether they want to follow (double opt-in)."""

from django.db import transaction
from django.utils import timezone

from accounts.members.asked_mail import AskedTooOften, count_asked_mail
from commons import queue
from knowledge.notifications.mails import asks_period
from knowledge.notifications.models import Letter, Sort
from knowledge.notifications.sending import held
from knowledge.subscriptions.models import Cadence, Followable


@transaction.atomic
def ask_reader(
    address: str, kind: Followable, object_id: int, cadence: Cadence, name: str, *, network: str = ""
) -> None:
    """Mail the owner of an address the question whether they want to follow a thing; nothing else is kept of the address.

    Asked again on the same day for the same thing it is one mail. An address that was sent as much as anybody may have sent to
    it is left in peace: nobody is told so. `network` is that of who asks.
    """
    held()  # a hold that begins, begins before this is made: somebody waits for it
    now = timezone.now()
    period = asks_period(kind, object_id, now.date())
    if Letter.objects.filter(address__iexact=address, sort=Sort.CONFIRM, period=period).exists():
        return
    try:
        count_asked_mail(address, network=network, is_code=False)
    except AskedTooOften:
        return
    letter = Letter(
        address=address,
        sort=Sort.CONFIRM,
        period=period,
        due_at=now,
        asks={"kind": str(kind), "object_id": object_id, "cadence": str(cadence), "name": name},
    )
    Letter.objects.bulk_create([letter], ignore_conflicts=True)
    queue.wake(queue.CODES)
