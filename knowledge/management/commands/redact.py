"""Take out one text, or file, that the law or decency wants gone. Its row, author and time stay; the log tells why."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.management.base import CommandError

from accounts.members.models import Member
from commons import gate
from commons.long_command import LongCommand
from knowledge.moderation.actions import TEXTS, NothingThere, redact


class Command(LongCommand):
    help = "Take out one text, or file, for good: manage.py redact version 17 body --by mona --reason 'Names a child.'"

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("kind", choices=list(TEXTS), help="what the text belongs to")
        parser.add_argument("number", type=int, help="its number (the primary key of the row)")
        parser.add_argument("column", help="which of its texts, or its file: " + "; ".join(_columns()))
        parser.add_argument("--by", required=True, help="the moderator's handle")
        parser.add_argument("--reason", required=True, help="stands in the public log")

    def handle(self, *args: Any, **options: Any) -> None:
        by = Member.objects.filter(handle=options["by"].removeprefix("@")).first()
        if by is None:
            raise CommandError(f"There is no member with the handle {options['by']}.")
        try:
            reason = gate.passed(options["reason"], limit=gate.REASON, lines=True)
            entry = redact(options["kind"], options["number"], options["column"], by=by, reason=reason)
        except (NothingThere, PermissionDenied, gate.Refused) as refused:
            raise CommandError(" ".join(getattr(refused, "messages", [str(refused)]))) from None
        self.stdout.write(f"Taken out. It stands in the public log: {entry}.")


def _columns() -> list[str]:
    return [f"{kind}: {', '.join(text.columns)}" for kind, text in TEXTS.items()]
