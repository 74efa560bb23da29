"""A 304 for one query: an address names the listing that its feed stands on, and the stamp is found by that name."""

from django.db import connection
from django.http import HttpRequest, HttpResponseBase

from accounts.members.models import Member
from knowledge.search.filters import PARTS, parse
from knowledge.search.lists import NARROWEST
from knowledge.stored import kept
from knowledge.stored.stamps import Stamped
from knowledge.subscriptions.models import Followable

# Where the name of each kind of thing in an address is looked up
NAMED_BY = {kind: f"{model._meta.db_table} WHERE slug" for kind, model, _ in PARTS.values()}
NAMED_BY[Followable.MEMBER] = f"{Member._meta.db_table} WHERE is_active AND handle"


def unchanged(request: HttpRequest, kind: str = "", slug: str = "") -> HttpResponseBase | None:
    """The 304 for a reader without a cookie who has this feed already; None where the view must look.

    The view would look up everything that the address names, and then the stamp of the narrowest listing. Here that one
    is found with its stamp, and of the rest it is enough that the reader was given a tag for it that still holds.
    """
    meta = request.META
    if request.COOKIES or not (meta.get("HTTP_IF_NONE_MATCH") or meta.get("HTTP_IF_MODIFIED_SINCE")):
        return None
    rest = request.GET.copy()
    named = [(kind, slug)] if kind else []
    named += [
        (of, named_slug) for part, (of, _, _) in PARTS.items() for named_slug in rest.pop(part, [])[-1:] if named_slug
    ]
    parse(rest)  # what is no filter is refused, whatever the reader has
    if not named:
        return None  # the view has nothing to look up either
    stamped = _stamped(*min(named, key=lambda each: NARROWEST.index(each[0])))
    return kept.not_modified(request, stamped, "") if stamped else None


def _stamped(kind: str, slug: str) -> Stamped | None:
    """The stamp of the listing of the thing that has this slug. One query, along two indexes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT number, at, posts, listing FROM knowledge_stamp"  # noqa: S608 - our own names
            f" WHERE listing = (SELECT %s || '-' || id FROM {NAMED_BY[kind]} = %s)",
            [kind, slug],
        )
        row = cursor.fetchone()
    return Stamped(*row) if row else None
