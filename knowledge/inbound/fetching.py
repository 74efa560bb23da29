"""Looking into the mailbox of the commons: each new mail is received, and marked as seen once that is written down."""

import logging

from commons.apart import Interrupted
from commons.db.errors import is_away
from commons.mailbox import Away, mailbox
from knowledge.inbound.actions import receive
from knowledge.inbound.reading import MOST_BYTES

log = logging.getLogger(__name__)


def fetch(url: str) -> int:
    """Receive what is new in a mailbox; give how many mails that were. Whatever ends before its end is taken up by the next.

    A mail is marked as seen after its transaction: whoever is killed in between receives it again, which does nothing more.
    One that cannot be received holds up no other: it is put aside (flagged), and the log says why.
    """
    done = 0
    try:
        with mailbox(url) as box:
            for number in box.new():
                raw = box.mail(number, MOST_BYTES)
                try:
                    receive(raw)
                except Interrupted:
                    log.info("The machine has too much to do: mail %s is received the next time.", number)
                    break
                except Exception as error:
                    if is_away(error):
                        raise  # the database is away, and the mail is not at fault
                    log.exception("Mail %s could not be received; it is put aside (flagged) in the mailbox.", number)
                    box.put_aside(number)
                else:
                    box.seen(number)
                    done += 1
    except Away as trouble:
        log.warning("The mailbox for mail that comes: %s.", trouble)
    return done
