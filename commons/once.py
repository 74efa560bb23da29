"""A request repeated (a double click, a retry after a cut line) does the thing once."""

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

from django import forms
from django.conf import settings
from django.db import models, transaction
from django.http import HttpRequest

if TYPE_CHECKING:
    from accounts.members.models import Member


class Sending(models.Model):
    """One sending of a form by a member, and the thing that came of it.

    `key` is made of the key that the form's page gave it, of the member and of the form (`_row_of`): a key counts for these alone.
    """

    key = models.UUIDField(primary_key=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    thing_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["at"], name="sendings_by_time")]


def form_of(request: HttpRequest, *, makes: str = "") -> str:
    """Return the form that a request sends, for `once`: the name of its page, and the numbers of what that page is about.

    Words in the address are left out: a post's title may change between two sendings. `makes` names what comes of this sending,
    where one form makes things of several kinds: the number of one is none of another.
    """
    match = request.resolver_match
    if match is None:
        raise ValueError("The request has no page yet.")
    numbers = sorted((name, value) for name, value in match.kwargs.items() if isinstance(value, int))
    said = [match.view_name, *(f"{name}={value}" for name, value in numbers)]
    return " ".join([*said, makes] if makes else said)


def once(
    key: uuid.UUID | None, *, by: "Member", form: str, act: Callable[[], models.Model], again: bool = False
) -> tuple[int, bool]:
    """Do `act` unless this member did it before with this form under this key; return the number of the thing it made, and
    whether it was made now.

    A second sending that comes while the first is still under way waits for it. When `act` fails nothing is kept, and the
    form may be sent again under the same key. Without a key it is simply done. A key that another member, another form or a
    form about something else used is no key of this one. Whoever shows the thing looks for it as its reader: it may be out of
    their sight by now, or gone; `again` does it anew then.
    """
    if key is None:
        return act().pk, True
    row = _row_of(key, by, form)
    with transaction.atomic():
        Sending.objects.bulk_create([Sending(key=row, by=by)], ignore_conflicts=True)
        sending = Sending.objects.select_for_update().get(key=row)
        if sending.thing_id is not None and not again:
            return sending.thing_id, False
        sending.thing_id = act().pk
        sending.save(update_fields=["thing_id"])
        return sending.thing_id, True


def is_done(key: uuid.UUID | None, *, by: "Member", form: str) -> bool:
    """Return whether something came already of this member's sending this form under this key."""
    return key is not None and Sending.objects.filter(key=_row_of(key, by, form), thing_id__isnull=False).exists()


def _row_of(key: uuid.UUID, by: "Member", form: str) -> uuid.UUID:
    return uuid.uuid5(key, f"{by.pk} {form}")


def fresh_key() -> uuid.UUID:
    """A key for a page's form."""
    return uuid.uuid4()


class OnceForm(forms.Form):
    """A form whose sending counts once: it carries the key that its page gave it."""

    key = forms.UUIDField(required=False, widget=forms.HiddenInput)
