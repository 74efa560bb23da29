"""The ground floor's tables, gathered for Django."""

from commons.activity.models import Activity
from commons.mail import TrialMail
from commons.once import Sending

__all__ = ["Activity", "Sending", "TrialMail"]
