"""Leaving a list in one click, without signing in: what the link in each mail names, and what it does (RFC 8058)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core import signing
from django.db import transaction

from accounts.members.models import Member
from commons.site import absolute
from knowledge.notifications.things import things
from knowledge.posts.listing import Key
from knowledge.subscriptions.actions import set_direct, unsubscribe
from knowledge.subscriptions.models import Cadence, Followable, Reader, Subscription

if TYPE_CHECKING:
    import datetime as dt

SALT = "leave"
HOLDS_FOR = 3 * 366 * 24 * 3600  # seconds: mail is read late, and searched for years
DIRECT = "direct"  # the list of what concerns oneself


class NoSuchList(Exception):
    """The link names no list: it was changed on the way, or is older than three years."""


@dataclass(frozen=True)
class List:
    """One list that somebody is on: what concerns themselves ("direct"), all of a cadence ("daily"), or one thing."""

    who: Member | Reader
    name: str  # "direct", a cadence, or "kind:number"

    @property
    def key(self) -> Key | None:
        """The thing one follows, where the list is of one."""
        kind, _, number = self.name.partition(":")
        return Key(kind, int(number)) if number else None


def leave_at(who: Member | Reader, name: str) -> str:
    """The full address at which somebody leaves one list. It names that list alone, and holds for three years."""
    letter = "r" if isinstance(who, Reader) else "m"
    return absolute(f"/leave/{signing.dumps(f'{letter}{who.pk} {name}', salt=SALT)}/")


def list_of(token: str) -> List:
    """The list that a link names. Raises NoSuchList."""
    try:
        told = signing.loads(token, salt=SALT, max_age=HOLDS_FOR)
        who, _, name = str(told).partition(" ")
        model: Any = Reader if who[0] == "r" else Member
        return List(model._default_manager.get(pk=int(who[1:])), name)
    except (signing.BadSignature, ValueError, IndexError, Reader.DoesNotExist, Member.DoesNotExist):
        raise NoSuchList from None


def words_for(this: List) -> str:
    """What the list is called."""
    if this.name == DIRECT:
        return "mail about what concerns you: mentions, answers, reviews of your posts"
    if this.key is None:
        return {"at_once": "mail as it happens", "daily": "the daily digest", "weekly": "the weekly digest"}[this.name]
    viewer = this.who if isinstance(this.who, Member) else None
    thing = things([this.key], *([viewer] if viewer else [])).get(this.key)
    return f"mail about {thing}" if thing else "mail about something that is gone"


@transaction.atomic
def leave(this: List) -> None:
    """Leave a list: no mail comes of it any more. A member still finds what it was about on the site. Twice is once."""
    if isinstance(this.who, Reader):
        those = Subscription.objects.filter(reader=this.who)
        if this.key:
            those = those.filter(kind=this.key.kind, object_id=this.key.object_id)
        elif this.name in Cadence.values:
            those = those.filter(cadence=this.name)
        those.delete()
    elif this.key:
        unsubscribe(Followable(this.key.kind), this.key.object_id, by=this.who)
    elif this.name == DIRECT:
        set_direct(this.who, Cadence.SITE)
    else:
        Subscription.objects.filter(member=this.who, cadence=this.name).update(cadence=Cadence.SITE)


ASKS_FOR = 7 * 24 * 3600  # seconds in which one can say yes to a subscription by e-mail
ASKS = "confirm"


def confirm_at(address: str, kind: str, object_id: int, cadence: str) -> str:
    """The full address at which the owner of an e-mail address says yes to a subscription. It holds for a week."""
    return absolute(f"/confirm/{signing.dumps([address, kind, object_id, cadence], salt=ASKS)}/")


@dataclass(frozen=True)
class Asked:
    """A subscription by e-mail to which its address's owner is asked to say yes."""

    address: str
    kind: Followable
    object_id: int
    cadence: Cadence
    since: "dt.datetime | None" = None


def asked_of(token: str) -> Asked:
    """The subscription that a link asks to confirm. Raises NoSuchList."""
    try:
        address, kind, object_id, cadence = signing.loads(token, salt=ASKS, max_age=ASKS_FOR)
        return Asked(address, Followable(kind), int(object_id), Cadence(cadence))
    except (signing.BadSignature, ValueError, TypeError):
        raise NoSuchList from None
