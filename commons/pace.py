"""How often one member may do a thing: asked by the verb, of who acts, by the door they came in through.

People come in through the web and by mail, and keep a pace. Commands, jobs and the sample are the operator's, and keep none.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string

from commons.rate_limits import Exceeded, Rate, hit

if TYPE_CHECKING:
    from accounts.members.models import Member


AnyResponse = TypeVar("AnyResponse", bound=HttpResponse)


class Door(StrEnum):
    """What somebody came in through."""

    WEB = "web"
    MAIL = "mail"
    OPERATOR = "operator"  # commands, jobs, imports, the sample: no pace is kept


_door: ContextVar[Door] = ContextVar("door", default=Door.OPERATOR)


@contextmanager
def through(door: Door) -> Iterator[None]:
    """Let what is done inside be done through this door."""
    token = _door.set(door)
    try:
        yield
    finally:
        _door.reset(token)


@dataclass(frozen=True)
class Pace:
    """How often a member may do one thing. A new one may do it less often than one who has been here for a while."""

    did: str  # "posted"
    one: str  # "comment"
    many: str  # "comments"
    new: tuple[Rate, ...]
    settled: tuple[Rate, ...]


class TooOften(Exception):
    """Somebody does a thing more often than they may; the message says what, how many, and when it goes on, in words for them."""

    def __init__(self, pace: Pace, exceeded: Exceeded, *, new: bool = False) -> None:
        rate = exceeded.rate
        what = f"{rate.amount:,} {pace.many}" if rate.amount != 1 else f"1 {pace.one}"
        whom = "a new member" if new else "one member"
        kept = (
            "Nothing was kept of this one"
            if _door.get() == Door.MAIL
            else "Nothing is lost: what you typed is still here"
        )
        super().__init__(
            f"You {pace.did} {what} within {span(rate.within)}, which is as much as we take from {whom}. "
            f"{kept}. Send it again in {span(exceeded.seconds)}."
        )
        self.retry_after = exceeded.seconds

    def mark(self, response: AnyResponse) -> AnyResponse:
        """Make an answer that shows what was typed a 429 (RFC 6585), which says in seconds when it may be tried again."""
        response.status_code = 429
        response["Retry-After"] = str(self.retry_after)
        return response


def keep_pace(pace: Pace, *, by: "Member") -> None:
    """Count that a member does a thing, in the caller's transaction; raise TooOften where they do it more often than they may.

    Verbs ask it first, before they lock anything: two of one member then wait for each other in no circle. What a verb does as
    a part of another is not asked.
    """
    if _door.get() == Door.OPERATOR:
        return
    new = not by.is_settled
    if exceeded := hit(pace.new if new else pace.settled, "pace", pace.many, by.pk):
        raise TooOften(pace, exceeded, new=new)


def span(time: dt.timedelta | int) -> str:
    """Return a span of time (or of seconds) in words, rounded up: "a minute", "10 minutes", "3 hours", "a day"."""
    minutes = -(-int(time.total_seconds() if isinstance(time, dt.timedelta) else time) // 60)
    for unit, length in (("day", 24 * 60), ("hour", 60)):
        if minutes >= length and (minutes % length == 0 or minutes > 2 * length):
            count = -(-minutes // length)
            return f"{count} {unit}s" if count > 1 else f"{'an' if unit == 'hour' else 'a'} {unit}"
    return f"{minutes} minutes" if minutes > 1 else "a minute"


class PaceMiddleware:
    """Lets people in through the web; and answers 429 with what they typed where a page does not do so itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with through(Door.WEB):
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer a pace that was not kept; every other exception goes its way."""
        if isinstance(exception, TooOften):
            answer = import_string(import_string(f"{settings.ROOT_URLCONF}.handler429"))
            return exception.mark(answer(request, exception))
        return None
