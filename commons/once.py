"""A request repeated (a double click, a retry after a cut line) does the thing once."""

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

from django import forms
from django.conf import settings
from django.db import models, transaction

if TYPE_CHECKING:
    from accounts.members.models import Member


class Sending(models.Model):
    """One sending of a form, under the key that its page gave it, and the thing that came of it."""

    key = models.UUIDField(primary_key=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    thing_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["at"], name="sendings_by_time")]


def once(key: uuid.UUID | None, *, by: "Member", act: Callable[[], models.Model]) -> tuple[int, bool]:
    """Do `act` unless it was done under this key before; give the number of the thing it made, and whether it was made now.

    A second sending that comes while the first is still under way waits for it. When `act` fails nothing is kept, and the
    form may be sent again under the same key. Without a key it is simply done. A key used by somebody else is no key.
    """
    if key is None:
        return act().pk, True
    with transaction.atomic():
        Sending.objects.bulk_create([Sending(key=key, by=by)], ignore_conflicts=True)
        sending = Sending.objects.select_for_update().get(key=key)
        if sending.by_id != by.pk:
            return act().pk, True
        if sending.thing_id is not None:
            return sending.thing_id, False
        sending.thing_id = act().pk
        sending.save(update_fields=["thing_id"])
        return sending.thing_id, True


def is_done(key: uuid.UUID | None, *, by: "Member") -> bool:
    """Whether something came of this key already."""
    return key is not None and Sending.objects.filter(key=key, by=by, thing_id__isnull=False).exists()


def fresh_key() -> uuid.UUID:
    """A key for a page's form."""
    return uuid.uuid4()


class OnceForm(forms.Form):
    """A form whose sending counts once: it carries the key that its page gave it."""

    key = forms.UUIDField(required=False, widget=forms.HiddenInput)
