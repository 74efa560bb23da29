"""Telling a WebSub hub (W3C Recommendation of 23 January 2018) which feeds have changed; it tells those who subscribed there."""

from collections.abc import Iterable
from urllib.parse import urlencode

from django.conf import settings

from commons import outgoing
from knowledge.notifications.things import things
from knowledge.posts.listing import HOME, Key

FORMS = ("atom", "rss", "json")


class HubTrouble(Exception):
    """The hub did not take the message; it is tried again later."""


def tell_hub(listings: Iterable[str]) -> None:
    """Say to the hub that the feeds of these listings ("area-3", "post-17" ...) have changed. Raises HubTrouble.

    How a publisher tells its hub is left to the two (section 7); what all hubs take is the form that was usual before the
    Recommendation: `hub.mode=publish`, and `hub.url` for each address, here those by which the feeds call themselves.
    """
    if settings.WEBSUB_HUB and (feeds := feeds_of(listings)):
        form = urlencode([("hub.mode", "publish"), *(("hub.url", feed) for feed in feeds)])
        _post(settings.WEBSUB_HUB, form.encode())


def feeds_of(listings: Iterable[str]) -> list[str]:
    """The addresses of the public feeds of these listings, in each form; of what is gone, or not public, none."""
    keys = {
        HOME if name == HOME.stamp else Key(name.rpartition("-")[0], int(name.rpartition("-")[2])) for name in listings
    }
    paths = {"/"} if HOME in keys else set()
    for key, thing in things(keys - {HOME}).items():
        paths.add(f"/posts/{key.object_id}/" if key.kind == "post" else thing.get_absolute_url())
    return [f"{settings.SITE_URL}{path}feed.{form}" for path in sorted(paths) for form in FORMS]


def _post(address: str, form: bytes) -> None:
    try:
        answer = outgoing.post(address, form, {"Content-Type": "application/x-www-form-urlencoded"}, anywhere=True)
    except outgoing.NotReached as trouble:
        raise HubTrouble(f"The hub was not told: {trouble}") from trouble
    if not 200 <= answer.status < 300:
        raise HubTrouble(f"The hub answered {answer.status}.")
