"""Mail that anybody can have sent to an address, by typing it on a page: how much of it there may be, whatever page asks.

It is counted whether the address has an account or not, so that nothing is told of that. One network can use up only a part of
what an address may get, and all who are strangers to it together another: the rest is kept for browsers in which its account signed
in before, so that whoever owns it can still have a code sent there. In a new browser, or before there is an account, strangers at
several networks can keep them from it for a day.
"""

from django.db import transaction

from accounts.members.limits import ASKED, ASKED_BY_STRANGERS, ASKED_FROM_NETWORK, CODES_FROM_NETWORK
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


def count_asked_mail(address: str, *, network: str, is_code: bool, is_known: bool = False) -> None:
    """Count one mail that somebody at a network has sent to an address. Raises AskedTooOften, and then nothing is counted.

    Who asks in a browser that `is_known` to the account of the address is counted apart from others at the same network.
    """
    owner = folded(address)
    with transaction.atomic():
        exceeded = hit(
            CODES_FROM_NETWORK if is_code else ASKED_FROM_NETWORK, "asked mail", owner, "known" if is_known else network
        )
        if exceeded := exceeded or hit(ASKED if is_known else ASKED_BY_STRANGERS, "asked mail", owner):
            raise AskedTooOften(exceeded)
