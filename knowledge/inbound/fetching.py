"""Looking into the mailbox of the commons: each new mail is received, and marked as seen once that is written down."""

import logging

from commons.apart import Interrupted
from commons.db.errors import Fault, fault_of, is_out_of_room
from commons.mailbox import Away, mailbox
from knowledge.inbound.actions import receive
from knowledge.inbound.reading import MOST_BYTES

log = logging.getLogger(__name__)


def fetch(url: str) -> int:
    """Receive what is new in a mailbox; give how many mails that were. Whatever ends before its end is taken up by the next.

    A mail is marked as seen after its transaction: whoever is killed in between receives it again, which does nothing more.
    One that cannot be received holds up no other: it is put aside (flagged), and the log says why. Where it is the database that
    fails, the mail is not at fault, and stays new.
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
                    fault = Fault.FULL if is_out_of_room(error) else fault_of(error)
                    if fault in (Fault.LOST, Fault.FULL):
                        raise  # no other would fare better
                    if fault is not None:
                        log.warning("Mail %s is received the next time: %s.", number, fault.value)
                        continue
                    log.exception("Mail %s could not be received; it is put aside (flagged) in the mailbox.", number)
                    box.put_aside(number)
                else:
                    box.seen(number)
                    done += 1
    except Away as trouble:
        log.warning("The mailbox for mail that comes: %s.", trouble)
    return done
