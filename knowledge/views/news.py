"""What an open page hears of: that there is something new for its reader, and how much of it waits."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from commons import news
from commons.template_filters import in_figures, unread


@never_cache
@require_GET
def stream(request: HttpRequest) -> HttpResponse:
    """An event stream for as long as the page is seen. Says at once that there is news, where the page shows another count.

    The anonymous get 204, after which a browser asks no more.
    """
    if not request.user.is_authenticated:
        return HttpResponse(status=204)
    waiting = in_figures(request.user)
    is_behind = request.GET.get("shown", waiting) != waiting
    response = HttpResponse(news.EVENT if is_behind else b"", content_type="text/event-stream")
    response[news.HEADER] = str(request.user.pk)
    return response


@never_cache
@require_safe
def count(request: HttpRequest) -> HttpResponse:
    """What stands beside the bell; 204 for the anonymous, who have none."""
    if not request.user.is_authenticated:
        return HttpResponse(status=204)
    return HttpResponse(unread(request.user))
