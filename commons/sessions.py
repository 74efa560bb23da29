"""Sessions as Django keeps them in the database, read with less ado: every page of a signed-in member begins with it."""

from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.models import Session
from django.db.models.functions import Now

from commons.compiled import Compiled

_data = Compiled(lambda key: Session.objects.filter(session_key=key, expire_date__gt=Now()).values_list("session_data"))


class SessionStore(DatabaseStore):
    """Django's own store, but for how a session is read."""

    def load(self) -> dict[str, Any]:
        """What the session holds; nothing, and a key that is no longer used, where it has ended or never was."""
        rows = _data(str(self.session_key))
        if not rows:
            self._session_key = None
            return {}
        return self.decode(rows[0][0])
