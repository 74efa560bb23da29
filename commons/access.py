"""From a yes or a no to an answer: sees it but may not do it is a 403."""

from django.core.exceptions import PermissionDenied


def require(answer: bool, reason: str = "") -> None:
    """Go on when `answer` is yes; else raise PermissionDenied (403) with the reason, in words for the person."""
    if not answer:
        raise PermissionDenied(reason)
