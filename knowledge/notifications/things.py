"""The things one subscribes to, by their names and addresses."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Case, Model, When

from accounts.members.models import Member
from accounts.organizations.models import Organization
from knowledge.posts.listing import Key
from knowledge.posts.models import Post
from knowledge.search.models import SavedSearch
from knowledge.subscriptions.models import Followable, Subscription
from knowledge.topics.models import IssueArea, Place, Tag

if TYPE_CHECKING:
    from django.db.models import QuerySet

MODELS: dict[str, type[Model]] = {
    Followable.AREA: IssueArea,
    Followable.TAG: Tag,
    Followable.PLACE: Place,
    Followable.ORGANIZATION: Organization,
    Followable.MEMBER: Member,
    Followable.SEARCH: SavedSearch,
}
EVERYONE = AnonymousUser()
IN_ORDER = (
    Followable.AREA,
    Followable.TAG,
    Followable.PLACE,
    Followable.SEARCH,
    Followable.ORGANIZATION,
    Followable.MEMBER,
)


def followable(kind: str, viewer: Member | AnonymousUser = EVERYONE) -> "QuerySet[Any] | None":
    """The things of this kind to which the viewer can subscribe; None for a word that is no kind."""
    if kind == Followable.POST:
        return Post.objects.visible_to(viewer).select_related("shown")
    if kind == Followable.MEMBER:
        return Member.objects.filter(is_active=True)
    return MODELS[kind]._default_manager.all() if kind in MODELS else None


def things(keys: Iterable[Key], viewer: Member | AnonymousUser = EVERYONE) -> dict[Key, Any]:
    """The things of these keys; what the viewer may not see, or is gone, is left out. A query a kind."""
    wanted: dict[str, set[int]] = {}
    for key in keys:
        wanted.setdefault(key.kind, set()).add(key.object_id)
    found: dict[Key, Any] = {}
    for kind, pks in sorted(wanted.items()):
        those = followable(kind, viewer)
        if those is not None:
            found |= {Key(kind, thing.pk): thing for thing in those.filter(pk__in=pks)}
    return found


def subscriptions_of(member: Member, most: int = 500) -> list[tuple[Any, Subscription]]:
    """Each of a member's subscriptions with the thing it is to, what they may no longer see left out.

    Topics first, posts last, the newest of each sort first.
    """
    order = Case(*[When(kind=kind, then=place) for place, kind in enumerate(IN_ORDER)], default=len(IN_ORDER))
    subscriptions = list(Subscription.objects.of(member).order_by(order, "-since", "-pk")[:most])
    found = things((Key(each.kind, each.object_id) for each in subscriptions), member)
    return [(found[key], each) for each in subscriptions if (key := Key(each.kind, each.object_id)) in found]


def feed_of(thing: Any) -> str:
    """The address of a thing's feed, without what says of which sort."""
    if isinstance(thing, SavedSearch):
        return f"/search/feed.atom?{thing.query}"
    return f"{thing.get_absolute_url()}feed.atom"
