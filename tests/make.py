"""Builders: the shortest way to a thing that a test is about. What a test does not care for is filled in."""

import datetime as dt
import itertools
from typing import Any

from django.utils import timezone
from django.utils.crypto import get_random_string

from accounts.members.models import Member
from accounts.organizations.models import Membership, Organization, Role
from knowledge.comments import actions as comment_actions
from knowledge.comments.models import Comment
from knowledge.evidence.actions import Account, Piece, report
from knowledge.evidence.models import FieldReport
from knowledge.ladder.actions import publish_emerging
from knowledge.ladder.models import Review, Vetting
from knowledge.ladder.vetting import Opinion, open_vetting, review
from knowledge.posts import actions
from knowledge.posts.models import Post
from knowledge.posts.rungs import Rung
from knowledge.topics.models import IssueArea, Place

_numbers = itertools.count(1)
CASE = {
    "tried": "Paying at the viewing.",
    "where_since": "Baltimore, since January 2025.",
    "change_mind": "If one deposit in ten is lost.",
}
PIECE = Piece("19 days became 6.", link="https://harborstreet.example/days.csv")
PASSWORD = "correct-horse-battery"


def make_member(name: str = "", **fields: Any) -> Member:
    """A member, signed up and confirmed, who belongs nowhere yet."""
    from allauth.account.models import EmailAddress

    handle = fields.pop("handle", "") or f"member-{next(_numbers)}-{get_random_string(4).lower()}"
    fields.setdefault("email", f"{handle}@people.example")
    member = Member.objects.create_user(password=PASSWORD, name=name or handle.title(), handle=handle, **fields)
    EmailAddress.objects.create(user=member, email=member.email, verified=True, primary=True)
    return member


def make_organization(owner: Member | None = None, name: str = "", **fields: Any) -> Organization:
    """An organization, with its owner."""
    number = next(_numbers)
    organization = Organization.objects.create(
        name=name or f"Organization {number}", slug=fields.pop("slug", "") or f"organization-{number}", **fields
    )
    if owner:
        join(owner, organization, Role.OWNER)
    return organization


def join(member: Member, organization: Organization, role: str) -> Membership:
    """Give a member a place in an organization."""
    membership = Membership.objects.create(member=member, organization=organization, role=role)
    member.__dict__.pop("roles", None)
    return membership


def area(slug: str = "homelessness") -> IssueArea:
    return IssueArea.objects.get(slug=slug)


def place(code: str = "KE") -> Place:
    return Place.objects.get(code=code)


def content(title: str = "Paying at the viewing keeps homes", **fields: Any) -> actions.Content:
    """What a version says."""
    fields.setdefault("body", "We saw it three times this month.")
    fields.setdefault("issue_areas", [area()])
    return actions.Content(title=title, **fields)


def make_post(
    by: Member, title: str = "Paying at the viewing keeps homes", *, rung: Rung = Rung.HUNCH, **fields: Any
) -> Post:
    """A public post by this member, of the first organization they belong to."""
    organization = fields.pop("organization", None) or by.organizations.order_by("pk").first()
    at = fields.pop("at", None)
    authors = fields.pop("authors", ())
    pieces, builds_on = fields.pop("pieces", [PIECE]), fields.pop("builds_on", ())
    if rung == Rung.EMERGING:
        said = content(title, **{"case": CASE, **fields})
        return publish_emerging(said, pieces, by=by, organization=organization, at=at, authors=authors)
    said = content(title, **fields)
    return actions.publish(said, by=by, organization=organization, at=at, authors=authors, builds_on=builds_on)


def make_comment(post: Post, by: Member, body: str = "We see this in Leeds.", **fields: Any) -> Comment:
    return comment_actions.comment(post, by=by, body=body, **fields)


def account(**fields: Any) -> Account:
    """What a field report says."""
    said = {
        "place": place(),
        "began": dt.date(2025, 3, 1),
        "ended": dt.date(2025, 9, 30),
        "served": "31 families",
        "account": "Nine days saved on average.",
        "outcome": "worked",
    }
    return Account(**{**said, **fields})


def make_report(post: Post, by: Member, organization: Organization | None = None, **fields: Any) -> FieldReport:
    """A field report by this member, for the first organization they belong to."""
    organization = organization or by.organizations.order_by("pk").first()
    assert organization is not None
    return report(post, account(**fields), by=by, organization=organization)


def opinion(verdict: str = "approve", **fields: Any) -> Opinion:
    """What a reviewer says."""
    said = {"supports": "The numbers follow from the change.", "rely": "Yes, in a city.", "interest": "None."}
    if verdict == "more":
        said["missing"] = "The same months a year apart."
    return Opinion(verdict, **{**said, **fields})


def make_reviewer(name: str = "", *, verified: bool = True, role: str = Role.EDITOR) -> Member:
    """A member of another organization, who could review."""
    member = make_member(name)
    at = timezone.now() if verified else None
    join(member, make_organization(verified_at=at), role)
    return member


def make_ready(by: Member, **fields: Any) -> Post:
    """An emerging approach with all that a vetting wants before it opens."""
    outside = Piece(
        "Two of five kept nine in ten.", kind="evaluation", producer="Millrace Fund", source="Report, page 14"
    )
    return make_post(by, rung=Rung.EMERGING, pieces=[PIECE, outside], **fields)


def make_vetting(post: Post, by: Member, **fields: Any) -> Vetting:
    """An open vetting of a post."""
    fields.setdefault("until", timezone.now().date() + dt.timedelta(days=14))
    fields.setdefault("asks", "The months are not the same months.")
    return open_vetting(post, by=by, **fields)


def make_review(vetting: Vetting, by: Member, verdict: str = "approve", **fields: Any) -> Review:
    """A review by this member, for the first organization they belong to, of the newest version."""
    organization = fields.pop("organization", None) or by.organizations.order_by("pk").first()
    read = fields.pop("read", None) or vetting.post.versions.latest("number").number
    again, at = fields.pop("again", False), fields.pop("at", None)
    return review(vetting, opinion(verdict, **fields), by=by, organization=organization, read=read, again=again, at=at)
