"""The ground floor's tables, gathered for Django."""

from commons.account_mail import AccountMail
from commons.activity.models import Activity
from commons.mail import TrialMail
from commons.once import Sending

__all__ = ["AccountMail", "Activity", "Sending", "TrialMail"]
