"""A member, as everybody sees them."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.members.models import Member
from knowledge.posts.listing import Key
from knowledge.search.lists import post_list
from knowledge.stored import kept
from knowledge.stored.stamps import stamp
from knowledge.subscriptions.button import button
from knowledge.subscriptions.models import Followable


@require_safe
def member(request: HttpRequest, handle: str) -> HttpResponseBase:
    found = get_object_or_404(Member, handle=handle.lower(), is_active=True)
    posts = post_list(request.user, found.get_absolute_url(), request.GET, about=Key(Followable.MEMBER, found.pk))

    def made() -> HttpResponse:
        return render(
            request,
            "members/member.html",
            {
                **posts.context(),
                **button(request.user, Followable.MEMBER, found.pk, f"{posts.path}feed.atom"),
                "member": found,
                "memberships": found.memberships.select_related("organization").order_by("since", "pk"),
                "posts": stamp(posts.about.stamp).posts,
                "is_self": found == request.user,
                "canonical": posts.path,
            },
        )

    return kept.answer(request, posts.stamped, made)
