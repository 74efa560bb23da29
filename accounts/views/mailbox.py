"""The trial's mailbox: what would have been sent, for everybody who tries the commons to see."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.views.entrance import awaited
from accounts.views.pages import own_page
from commons.mail import TrialMail

SHOWN = 50


@require_safe
def mailbox(request: HttpRequest) -> HttpResponse:
    """The newest mail, with the way back to the page that asks for its code. Where it is no trial: not found."""
    if not settings.TRIAL:
        raise Http404
    mails = TrialMail.objects.order_by("-pk")[:SHOWN]
    return own_page(request, "accounts/mailbox.html", {"mails": mails, "shown": SHOWN, "awaited": awaited(request)})
