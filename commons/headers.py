"""Headers that every page carries: what a browser may load, and who may keep a copy."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from commons.converters import is_secret
from commons.serving import STATIC

# One policy for every page, without nonces or hashes: a kept page, or a 304, would carry a wrong one.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "font", "img", "connect", "manifest", "worker")),
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
)
SHARED = "public, max-age=0, s-maxage=5"  # a proxy may keep what the anonymous see, for five seconds
OWN = "private, no-cache"  # the reader's browser may keep it, and asks each time whether it still holds
NEVER_STORED = "no-store"


class PageHeaders:
    """Sets the Content-Security-Policy, and says who may keep the answer where the view did not.

    What a secret address answers, errors too, is for its reader alone: not stored, not for robots, without referrer.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.resolver_match and is_secret(request.resolver_match.route):
            response["X-Robots-Tag"] = "noindex, nofollow"
            response["Referrer-Policy"] = "no-referrer"
            if "no-store" not in response.get("Cache-Control", ""):
                response["Cache-Control"] = f"private, {NEVER_STORED}"
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), geolocation=(), microphone=(), browsing-topics=()"
        )
        if request.path_info.startswith(STATIC):
            return response
        if "Cache-Control" not in response:
            response["Cache-Control"] = self.kept_by(request, response)
        patch_vary_headers(response, ["Cookie"])
        return response

    @staticmethod
    def kept_by(request: HttpRequest, response: HttpResponse) -> str:
        """Who may keep an answer: everyone that of a reader without a cookie, if it sets none either."""
        if request.method not in ("GET", "HEAD") or response.status_code >= 500:
            return NEVER_STORED
        renewed = {settings.CSRF_COOKIE_NAME} if settings.SESSION_COOKIE_NAME in request.COOKIES else set()
        if response.cookies.keys() - renewed:
            return NEVER_STORED
        return OWN if request.COOKIES else SHARED
