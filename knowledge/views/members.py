"""A member, as everybody sees them."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from accounts.members.models import Member
from knowledge.posts.listing import Key
from knowledge.search.lists import post_list
from knowledge.stored import kept
from knowledge.stored.stamps import stamp
from knowledge.subscriptions.button import button_for, cadence_of
from knowledge.subscriptions.models import Followable
from knowledge.views.lists import list_page


@require_safe
def member(request: HttpRequest, handle: str) -> HttpResponseBase:
    found = get_object_or_404(Member, handle=handle.lower(), is_active=True)
    posts = post_list(request.user, found.get_absolute_url(), request.GET, about=Key(Followable.MEMBER, found.pk))

    def made() -> HttpResponse:
        cadence = cadence_of(request.user, Followable.MEMBER, found.pk)
        is_self = found == request.user

        def context() -> dict[str, object]:
            return {
                **button_for(cadence, Followable.MEMBER, found.pk, f"{posts.path}feed.atom"),
                "member": found,
                "memberships": found.memberships.select_related("organization").order_by("since", "pk"),
                "posts": stamp(posts.about.stamp).posts,
                "is_self": is_self,
                "canonical": posts.path,
            }

        return list_page(request, "members/member.html", posts, context, own=(cadence, is_self))

    return kept.answer(request, posts.stamped, made)
