"""Letters that people get: in these tests mail goes where the trial's does, into the mailbox that it shows."""

import re

import pytest

from commons.mail import TrialMail
from tests.mail import send_codes


class Mailbox:
    """What was mailed, newest first."""

    def to(self, address: str) -> list[TrialMail]:
        """What came for an address, once the worker has done its work."""
        send_codes()
        return list(TrialMail.objects.filter(to=address).order_by("-pk"))

    def code_for(self, address: str) -> str:
        """The code in the newest letter to an address."""
        found = re.search(r"^\s+(\d{4}-\d{4})$", self.to(address)[0].body, re.MULTILINE)
        assert found, self.to(address)[0].body
        return found[1]


@pytest.fixture
def mailbox(db, settings) -> Mailbox:
    settings.TRIAL = True
    settings.EMAIL_BACKEND = "commons.mail.MailboxBackend"
    return Mailbox()
