"""The trial's mailbox: what would have been sent, for everybody who tries the commons to see."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.views.entrance import awaited
from accounts.views.pages import own_page
from commons.account_mail import is_on_its_way
from commons.mail import TrialMail

SHOWN = 50
AGAIN_AFTER = 3  # seconds until the page is loaded again, while a mail that its reader waits for is on its way


@require_safe
def mailbox(request: HttpRequest) -> HttpResponse:
    """The newest mail, with the way back to the page that asks for its code. Where it is no trial: not found.

    It loads itself again while that mail is on its way.
    """
    if not settings.TRIAL:
        raise Http404
    code = awaited(request)
    context = {
        "mails": TrialMail.objects.order_by("-pk")[:SHOWN],
        "shown": SHOWN,
        "awaited": code,
        "on_its_way": code is not None and is_on_its_way(code["address"]),
        "again_after": AGAIN_AFTER,
    }
    return own_page(request, "accounts/mailbox.html", context)
