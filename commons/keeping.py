"""What a person typed outlives an expired session: kept while they sign in, and put back into the form."""

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase, QueryDict

SESSION_KEY = "kept_form"
UNTYPED = ("csrfmiddlewaretoken", "action")
PASSWORDS = ("password", "password1", "password2", "oldpassword")
LIMIT = 1_000_000  # characters, of one form: a body, and all that stands beside it


def keep(request: HttpRequest) -> None:
    """Keep what was sent, for the form at this address; one form a session, the last."""
    typed = request.POST.copy()
    for name in UNTYPED:
        typed.pop(name, None)
    text = typed.urlencode()
    if len(text) <= LIMIT * 6:
        request.session[SESSION_KEY] = {"path": request.path, "typed": text}


def played_back(request: HttpRequest) -> list[tuple[str, str]]:
    """What was sent, name and value, for a page that offers it again; passwords are typed anew."""
    if request.method != "POST":
        return []
    left_out = {"csrfmiddlewaretoken", *PASSWORDS}
    return [(name, value) for name, values in request.POST.lists() for value in values if name not in left_out]


def is_ours(request: HttpRequest) -> bool:
    """Return whether a form was sent from a page of ours. What another site sends in a person's name is not played back."""
    origin = request.META.get("HTTP_ORIGIN") or request.META.get("HTTP_REFERER", "")
    return not origin or urlsplit(origin).netloc in {request.get_host(), urlsplit(settings.SITE_URL).netloc}


def to_sign_in(request: HttpRequest) -> HttpResponseBase:
    """Send a reader to sign in and back; what they had typed is kept."""
    if request.method == "POST":
        keep(request)
    return redirect_to_login(request.get_full_path())


def taken_back(request: HttpRequest) -> QueryDict | None:
    """What was kept for the form at this address, once; None where nothing was."""
    kept = request.session.get(SESSION_KEY)
    if not kept or kept["path"] != request.path:
        return None
    del request.session[SESSION_KEY]
    return QueryDict(kept["typed"])
