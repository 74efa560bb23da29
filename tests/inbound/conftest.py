import pytest

from tests.inbound.samples import HOST
from tests.notifications.conftest import by_smtp, server

__all__ = ["by_smtp", "server"]


@pytest.fixture
def takes_mail(settings, db):
    """The commons takes mail at this host."""
    settings.MAIL_REPLY_HOST = HOST
    settings.SITE_URL = "https://commons.example"
