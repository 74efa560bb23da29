"""The trial's mailbox: what would have been sent, for everybody who tries the commons to see."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from commons.headers import NEVER_STORED
from commons.mail import TrialMail

SHOWN = 50


@require_safe
def mailbox(request: HttpRequest) -> HttpResponse:
    if not settings.TRIAL:
        raise Http404
    mails = TrialMail.objects.order_by("-pk")[:SHOWN]
    response = render(request, "accounts/mailbox.html", {"mails": mails, "shown": SHOWN})
    response["Cache-Control"] = NEVER_STORED
    return response
