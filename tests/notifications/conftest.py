import pytest

from knowledge.notifications.models import MailState
from tests.mail import Post, send_to, serve


@pytest.fixture
def server():
    """A mail server; its address is what EMAIL_URL would have."""
    post = Post()
    controller = serve(post)
    yield post
    controller.stop()


@pytest.fixture
def by_smtp(server, settings, db, tmp_path):
    """The site sends its mail to that server, and keeps its own count of it in a folder of the test's."""
    send_to(server.url, settings)
    settings.VAR_DIR = tmp_path
    settings.SITE_URL = "https://commons.example"
    MailState.objects.all().delete()
    return server
