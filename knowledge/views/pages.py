"""Pages that say what the commons is, and the small files that browsers and robots ask for."""

from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.exceptions import BadRequest
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from commons.next_page import next_page
from commons.site import THEME_COOKIE, THEMES
from knowledge.stored import kept
from knowledge.stored.stamps import NEVER, Stamped

STANDING = Stamped(0, NEVER, 0)  # pages that change only with the software
SHARE_PICTURES = {"hunch", "emerging", "vetted", "aside", "commons"}
A_YEAR = 60 * 60 * 24 * 365


def _plain(template: str, **context: object):  # type: ignore[no-untyped-def]
    @require_safe
    def view(request: HttpRequest) -> HttpResponseBase:
        return kept.answer(request, STANDING, lambda: render(request, template, context))

    return view


about = _plain("pages/about.html")
how_the_ladder_works = _plain(
    "pages/how_the_ladder_works.html", wants=settings.VETTED_WANTS, lapses=settings.REQUEST_LAPSES_DAYS
)
learning_in_the_open = _plain("pages/learning_in_the_open.html")
offline = _plain("pages/offline.html")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def appearance(request: HttpRequest) -> HttpResponseBase:
    """Light, dark, or as the device: kept in a cookie, with or without an account."""
    if request.method == "POST":
        theme = request.POST.get("theme", "")
        if theme not in {"", *THEMES}:
            raise BadRequest("Choose light, dark, or as your device.")
        response = redirect(next_page(request) or "home")
        if theme:
            response.set_cookie(
                THEME_COOKIE,
                theme,
                max_age=A_YEAR,
                samesite="Lax",
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
            )
        else:
            response.delete_cookie(THEME_COOKIE, samesite="Lax")
        return response
    chosen = request.COOKIES.get(THEME_COOKIE, "")
    themes = [("", "As my device"), *THEMES.items()]
    return render(request, "pages/appearance.html", {"themes": themes, "chosen": chosen if chosen in THEMES else ""})


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    lines = [
        "User-agent: *",
        *(
            f"Disallow: {path}"
            for path in ("/accounts/", "/account/", "/admin/", "/subscribe/", "/search/", "/posts/new/")
        ),
        f"Sitemap: {settings.SITE_URL}/sitemap.xml",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """Whom to tell of a weakness (RFC 9116). It expires a year on, as of the first of the month."""
    first = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    lines = [
        f"Contact: mailto:{settings.SITE_CONTACT}",
        f"Expires: {first.replace(year=first.year + 1):%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: en",
        f"Canonical: {settings.SITE_URL}/.well-known/security.txt",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


@require_safe
def manifest(request: HttpRequest) -> JsonResponse:
    """What an installed web app is called and looks like (W3C Web Application Manifest)."""
    return JsonResponse(
        {
            "name": settings.SITE_NAME,
            "short_name": settings.SITE_NAME,
            "start_url": "/",
            "display": "minimal-ui",
            "share_target": {
                "action": "/capture/", "method": "GET", "params": {"title": "title", "text": "text", "url": "url"},
            },
            "background_color": "#f6f7f3",
            "theme_color": "#0a5c42",
            "icons": [
                {"src": static(f"icons/icon-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png", "purpose": "any maskable"}
                for size in (192, 512)
            ],
        },
        content_type="application/manifest+json",
    )  # fmt: skip


@require_safe
def opensearch(request: HttpRequest) -> HttpResponse:
    """How a browser searches here (OpenSearch 1.1)."""
    return render(request, "pages/opensearch.xml", content_type="application/opensearchdescription+xml")


@require_safe
def service_worker(request: HttpRequest) -> HttpResponseBase:
    """The script that shows the offline page; served from the root, for that is how far it may reach."""
    return _file("js/worker.js", "text/javascript")


@require_safe
def share_picture(request: HttpRequest, name: str) -> HttpResponseBase:
    """The picture that stands for a page where its address is passed on; at an address that never changes."""
    if name not in SHARE_PICTURES:
        raise Http404
    response = _file(f"share/{name}.png", "image/png")
    response["Cache-Control"] = "public, max-age=86400"
    return response


def _file(name: str, kind: str) -> HttpResponseBase:
    path = finders.find(name)
    if not isinstance(path, str):
        raise Http404
    return FileResponse(Path(path).open("rb"), content_type=kind)
