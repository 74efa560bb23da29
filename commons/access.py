"""From a yes or a no to an answer: sees it but may not do it is a 403."""

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

if TYPE_CHECKING:
    from accounts.members.models import Member


def require(answer: bool, reason: str = "") -> None:
    """Go on when `answer` is yes; else raise PermissionDenied (403) with the reason, in words for the person."""
    if not answer:
        raise PermissionDenied(reason)


def acting(request: HttpRequest) -> "Member":
    """The member who asks, in a view that the anonymous do not reach. Raises PermissionDenied (403) if they did."""
    require(request.user.is_authenticated)
    return request.user  # type: ignore[return-value]
