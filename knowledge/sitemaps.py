"""What a search engine should know of (sitemaps.org 0.9): an index, and pages of posts by their numbers, never by offset."""

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.html import escape
from django.views.decorators.http import require_safe

from accounts.organizations.models import Organization
from commons.template_filters import rfc3339
from knowledge.posts.models import Post
from knowledge.topics.models import IssueArea

A_MAP = 5_000  # numbers a map
NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
PAGES = ("/", "/issue-areas/", "/organizations/", "/about/", "/how-the-ladder-works/", "/learning-in-the-open/")


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    last = Post.objects.visible_to(AnonymousUser()).aggregate(last=Max("number"))["last"] or 0
    maps = ["/sitemap-pages.xml", *(f"/sitemap-posts-{n}.xml" for n in range(last // A_MAP + 1))]
    rows = "".join(f"<sitemap><loc>{settings.SITE_URL}{path}</loc></sitemap>" for path in maps)
    return _xml(f'<sitemapindex xmlns="{NAMESPACE}">{rows}</sitemapindex>')


@require_safe
def pages(request: HttpRequest) -> HttpResponse:
    paths = [
        *PAGES,
        *(area.get_absolute_url() for area in IssueArea.objects.all()),
        *(organization.get_absolute_url() for organization in Organization.objects.order_by("pk")[:40_000]),
    ]
    return _xml(_urlset("".join(f"<url><loc>{escape(settings.SITE_URL + path)}</loc></url>" for path in paths)))


@require_safe
def posts(request: HttpRequest, part: int) -> HttpResponse:
    """The public posts whose numbers lie in one stretch of `A_MAP`."""
    if part > 10_000_000:
        raise Http404
    stretch = range(part * A_MAP, (part + 1) * A_MAP)
    found = (
        Post.objects.visible_to(AnonymousUser())
        .filter(number__gte=stretch.start, number__lt=stretch.stop)
        .select_related("shown")
        .only("number", "shown__title", "shown__at")
        .order_by("number")
    )
    if not found:
        raise Http404
    rows = "".join(
        f"<url><loc>{escape(settings.SITE_URL + post.get_absolute_url())}</loc>"
        f"<lastmod>{rfc3339(post.shown.at)}</lastmod></url>"
        for post in found
    )
    return _xml(_urlset(rows))


def _urlset(rows: str) -> str:
    return f'<urlset xmlns="{NAMESPACE}">{rows}</urlset>'


def _xml(body: str) -> HttpResponse:
    return HttpResponse(
        f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n', content_type="application/xml; charset=utf-8"
    )
