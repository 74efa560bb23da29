"""A post's whole discussion as everybody may read it: one fragment, whatever its size."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.template import Context
from django.template.loader import get_template, render_to_string
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from accounts.organizations.models import Membership, Organization
from commons import markup
from commons.compiled import Compiled
from commons.once import fresh_key
from knowledge.comments.actions import COMMENT, THREAD
from knowledge.comments.forms import CommentForm
from knowledge.comments.models import Comment
from knowledge.posts.models import Post
from knowledge.stored.fragments import fragments

if TYPE_CHECKING:
    from accounts.members.models import Member

ADDRESS, TOKEN, KEY = "/the-post/", "the-token", UUID(int=0)  # marks in a blank form
OPEN = re.compile(r"<!--answer (\d+)-->")  # where the way to answer a challenge stands, for those who may
DEEPEST = 4  # levels drawn; an answer to the deepest stands beside it, and says whom it answers


def thread(number: int) -> SafeString:
    """The discussion of a post that the reader was found to see, as HTML."""
    return mark_safe(fragments(THREAD, [number], make_threads).get(number, ""))  # noqa: S308 - drawn by our own template


_own = Compiled(lambda post, member: Comment.objects.filter(post=post, by=member, withdrawn_at=None).values_list("pk"))


def texts(comments: Iterable[Comment]) -> dict[int, str]:
    """The rendered words of these comments, by their keys: rendered once for each edit."""
    by_key = {comment.pk: comment for comment in comments}
    return fragments(
        COMMENT,
        by_key,
        lambda keys: {key: markup.render(by_key[key].body, prefix=f"c{key}-", top=3).html for key in keys},
    )


def own_comments(html: str, member: "Member", number: int, *, answers: bool = False) -> SafeString:
    """The discussion with what this member may do in it: change their own comments, accept an answer to their challenge,
    and, where they may answer for the organization (`answers`), answer open challenges.
    """
    for (pk,) in _own(number, member.pk):
        html = html.replace(f"<!--own {pk}-->", format_html('<a href="/comments/{}/edit/">Edit</a>', pk))
        if f"<!--accept {pk}-->" in html:
            html = html.replace(
                f"<!--accept {pk}-->", format_html(' <a href="/comments/{}/accept/">Does it settle it?</a>', pk)
            )
    if answers:
        html = OPEN.sub(r'<a class="button small" href="/comments/\1/answer/">Answer it</a>', html)
    return mark_safe(html)  # noqa: S308 - drawn by our own template


def blank_form(address: str, token: str) -> SafeString:
    """The form that adds a comment to the post at this address, empty, with the reader's own CSRF token and a new key."""
    html = _blank_form().replace(ADDRESS, escape(address)).replace(TOKEN, escape(token))
    return mark_safe(html.replace(str(KEY), str(fresh_key())))  # noqa: S308 - drawn by our own template


@cache
def _blank_form() -> str:
    """The same with marks in their places: drawn once in this process."""
    form = CommentForm(initial={"key": KEY})
    return render_to_string("comments/blank.html", {"form": form, "address": ADDRESS, "csrf_token": TOKEN})


def make_threads(numbers: list[int]) -> Mapping[int, str]:
    """The discussions of these posts."""
    template = get_template("comments/thread.html").template  # type: ignore[attr-defined]
    posts = Post.objects.select_related("shown", "organization").in_bulk(numbers)
    return {number: template.render(Context(_tree(post))) for number, post in posts.items()}


def _tree(post: Post) -> dict[str, object]:
    comments = list(post.comments.select_related("by", "answer").order_by("at", "pk"))
    html = texts(comment for comment in comments if not comment.withdrawn_at)
    organizations = _organizations_of(comments)
    replies: dict[int | None, list[dict[str, Any]]] = defaultdict(list)
    nodes: dict[int, dict[str, Any]] = {}
    for comment in comments:
        nodes[comment.pk] = {
            "comment": comment,
            "html": html.get(comment.pk, ""),
            "organization": organizations.get(comment.by_id),
            "is_ours": post.organization_id in {org.pk for org in organizations.get(comment.by_id, [])},
            "replies": [],
            "depth": 1,
            "answers": None,
        }
    for comment in comments:  # a comment is younger than what it answers, so its parent is placed before it
        node, parent = nodes[comment.pk], nodes.get(comment.parent_id or 0)
        if parent is None:
            replies[None].append(node)
            continue
        node["depth"] = parent["depth"] + 1
        if node["depth"] > DEEPEST:
            node["depth"], node["answers"] = DEEPEST, parent["comment"].by
            parent = nodes[parent["comment"].parent_id]
            while parent["depth"] >= DEEPEST:
                parent = nodes[parent["comment"].parent_id]
        parent["replies"].append(node)
    open_ones = [node for node in nodes.values() if node["comment"].is_open_challenge]
    # What waits for an answer stands at the top, or is named there where it answers another comment
    roots = sorted(replies[None], key=lambda node: not node["comment"].is_open_challenge)
    return {
        "post": post,
        "nodes": roots,
        "count": post.comment_count,
        "open": len(open_ones),
        "open_below": [node for node in open_ones if node["depth"] > 1],
    }


def _organizations_of(comments: list[Comment]) -> dict[int, list[Organization]]:
    found: dict[int, list[Organization]] = defaultdict(list)
    memberships = Membership.objects.filter(member__in={comment.by_id for comment in comments})
    for membership in memberships.select_related("organization").order_by("since", "pk"):
        found[membership.member_id].append(membership.organization)
    return found
