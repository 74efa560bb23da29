"""Mail that anybody can have sent to an address, by typing it on a page: how much of it there may be, whatever page asks.

It is counted whether the address has an account or not, so that nothing is told of that. One network can use up only a part of
what an address may get: whoever owns it can still have a code sent.
"""

from django.db import transaction

from accounts.members.limits import ASKED, ASKED_FROM_NETWORK, CODES_FROM_NETWORK
from commons.pace import span
from commons.rate_limits import Exceeded, folded, hit


class AskedTooOften(Exception):
    """An address got as much mail as anybody may have sent to it; the message says so, and when it goes on, in words."""

    def __init__(self, exceeded: Exceeded) -> None:
        rate = exceeded.rate
        super().__init__(
            f"This address was sent {rate.amount} mails within {span(rate.within)}, which is as many as may be asked for. Look "
            f"for the newest in its mailbox, and among its spam. Another can be asked for in {span(exceeded.seconds)}."
        )
        self.retry_after = exceeded.seconds


def count_asked_mail(address: str, *, network: str, is_code: bool) -> None:
    """Count one mail that somebody at a network has sent to an address. Raises AskedTooOften, and then nothing is counted."""
    owner = folded(address)
    with transaction.atomic():
        exceeded = hit(CODES_FROM_NETWORK if is_code else ASKED_FROM_NETWORK, "asked mail", owner, network)
        if exceeded := exceeded or hit(ASKED, "asked mail", owner):
            raise AskedTooOften(exceeded)
