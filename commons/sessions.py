"""Sessions as Django keeps them in the database, read with less ado: every page of a signed-in member begins with it."""

import contextlib
import datetime as dt
from typing import Any

from django.contrib.auth import SESSION_KEY as SIGNED_IN
from django.contrib.sessions import middleware
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.models import Session
from django.db import DatabaseError
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from commons import faults, sealing
from commons.compiled import Compiled
from commons.db.base import optional_write
from commons.db.errors import fault_of

ANONYMOUS_AGE = 6 * 60 * 60  # seconds that a session of who is not signed in lives

_data = Compiled(lambda key: Session.objects.filter(session_key=key, expire_date__gt=Now()).values_list("session_data"))


class SessionStore(DatabaseStore):
    """Django's own store, but for how a session is read, how long that of the anonymous lives, and what is said where it cannot
    be written.

    What it holds is sealed: the code that a page expects is in it, and a copy of the database must not tell it.
    """

    def encode(self, session_dict: dict[str, Any]) -> str:
        return sealing.seal(super().encode(session_dict))

    def decode(self, session_data: bytes | str) -> dict[str, Any]:
        """Return what the session holds; nothing where another secret sealed it. One from before sealing is read as it is."""
        text = session_data.decode() if isinstance(session_data, bytes) else session_data
        try:
            text = sealing.unseal(text)
        except sealing.CannotOpen:
            if text.startswith(sealing.MARK):
                return {}
        return super().decode(text)  # type: ignore[no-any-return]

    def load(self) -> dict[str, Any]:
        """What the session holds; nothing, and a key that is no longer used, where it has ended or never was."""
        rows = _data(str(self.session_key))
        if not rows:
            self._session_key = None
            return {}
        return self.decode(rows[0][0])

    def get_expiry_age(self, **options: Any) -> int:
        """Return the seconds until it ends, whatever was asked for: of who is not signed in, at most ANONYMOUS_AGE."""
        age: int = super().get_expiry_age(**options)
        return age if SIGNED_IN in self else min(age, ANONYMOUS_AGE)

    def get_expiry_date(self, **options: Any) -> dt.datetime:
        """Return when it ends; of who is not signed in, at most ANONYMOUS_AGE from when it is written."""
        until: dt.datetime = super().get_expiry_date(**options)
        if SIGNED_IN in self:
            return until
        written = options.get("modification") or timezone.now()
        return min(until, written + dt.timedelta(seconds=ANONYMOUS_AGE))

    def save(self, must_create: bool = False) -> None:
        """Write the session. Raises UpdateError where it has ended meanwhile; where the database failed, what that raised."""
        try:
            super().save(must_create)
        except UpdateError as ended:
            if isinstance(error := ended.__context__, DatabaseError) and fault_of(error):
                raise error from error.__cause__
            raise


class SessionMiddleware(middleware.SessionMiddleware):
    """Django's own, but for a session that cannot be written, which is the database's fault and not the request's."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Write the session where it changed. A page that was only read is shown though nothing can be kept."""
        try:
            with optional_write() if faults.is_safe(request) else contextlib.nullcontext():
                return super().process_response(request, response)
        except DatabaseError as error:
            if (fault := fault_of(error)) is None:
                raise
            return faults.failed(request, fault, error)
        return response
