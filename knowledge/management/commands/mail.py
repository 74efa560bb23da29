"""What an operator does with mail: look at it, hold it, release it, send again what was given up."""

import datetime as dt
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import Count
from django.utils import timezone

from commons.account_mail import AccountMail
from commons.long_command import LongCommand, Progress
from knowledge.notifications import sending
from knowledge.notifications.letters import send_again
from knowledge.notifications.models import Letter, Outcome

SHOWN = 20


class Command(LongCommand):
    help = (
        "Shows what became of mail. --hold stops it, --release lets it out again, --again sends anew what was given up."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--hold", metavar="WHY", help="let no mail out until it is released")
        what.add_argument("--release", action="store_true", help="let it out again")
        what.add_argument(
            "--check", action="store_true", help="hold mail where the database was put back or copied; say only that"
        )
        what.add_argument(
            "--adopt", action="store_true", help="take the database as it is for the one there was, after a move"
        )
        what.add_argument("--again", metavar="NUMBER", type=int, help="send one letter again, by its number")
        what.add_argument("--again-all", action="store_true", help="send everything again that was given up")
        parser.add_argument(
            "--skip-before",
            metavar="TIME",
            help="with --release: what was due before this time (2026-11-24T07:00+00:00) was sent already, and is not again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["hold"]:
            sending.hold(options["hold"])
        elif options["release"]:
            skipped = sending.release(skip_before=_moment(options["skip_before"]))
            self.stdout.write(f"Released. {skipped} letters are left unsent, as sent before.")
        elif options["adopt"]:
            sending.adopt_database()
        elif options["check"]:
            self._say_if_held()
            return
        elif options["again"]:
            letter = Letter.objects.filter(pk=options["again"], outcome__in=[Outcome.FAILED, Outcome.REFUSED]).first()
            if letter is None:
                raise CommandError(f"No letter with the number {options['again']} was given up or refused.")
            send_again(letter)
        elif options["again_all"]:
            letters = Letter.objects.filter(outcome=Outcome.FAILED)
            progress = Progress("Letters", letters.count())
            for letter in letters:
                send_again(letter)
                progress.advance()
            progress.end()
        self._show()

    def _show(self) -> None:
        self._say_if_held()
        for row in Letter.objects.values("outcome").annotate(letters=Count("pk")).order_by("outcome"):
            self.stdout.write(f"{row['letters']:>8}  {Outcome(row['outcome']).label}")
        wrong = Letter.objects.filter(outcome__in=[Outcome.FAILED, Outcome.REFUSED]).order_by("-closed_at")[:SHOWN]
        late = Letter.objects.filter(closed_at=None, tries__gt=0).order_by("due_at")[:SHOWN]
        for letter in [*wrong, *late]:
            self.stdout.write(f"{letter.pk:>8}  {letter}: {letter.reason or 'being sent'}")
        waits = AccountMail.objects.filter(closed_at=None).order_by("due_at")
        self.stdout.write(f"{waits.count():>8}  Codes and other mail about accounts that wait")
        for mail in waits.filter(tries__gt=0)[:SHOWN]:
            self.stdout.write(f"          {mail}: {mail.reason or 'being sent'}")

    def _say_if_held(self) -> None:
        if why := sending.held():
            self.stdout.write(f"Mail is HELD: {why}")


def _moment(text: str | None) -> dt.datetime | None:
    if not text:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise CommandError("Write the time as 2026-11-24T07:00+00:00.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.get_default_timezone())
