"""The ground floor's tables, gathered for Django."""

from commons.account_mail import AccountMail
from commons.activity.models import Activity
from commons.keeping import KeptForm
from commons.mail import TrialMail
from commons.once import Sending
from commons.rate_limits import RateLimit

__all__ = ["AccountMail", "Activity", "KeptForm", "RateLimit", "Sending", "TrialMail"]
