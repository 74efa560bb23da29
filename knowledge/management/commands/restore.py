"""Make this commons what it was when a backup was made. Mail and push are held afterwards, until the operator has looked."""

import contextlib
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from commons.backup import analyze_tables, database_at_hand, restore_backup
from commons.long_command import LongCommand
from knowledge.notifications import sending
from knowledge.stored.stamps import bump_all


class Command(LongCommand):
    help = (
        "Puts back what a backup holds: database, files and keys. The commons must be stopped. Mail and push are held afterwards: "
        "manage.py mail shows what waits, and lets it out."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE.zip", help="what manage.py backup wrote")
        parser.add_argument(
            "--replace",
            action="store_true",
            help="in place of a commons in which there are people: that one is gone then",
        )

    def at_hand(self) -> contextlib.AbstractContextManager[None]:
        """Keep others from starting the commons, and start the embedded database for this where it does not run."""
        return database_at_hand(alone=True)

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(options["file"])

        def finish(made_at: str) -> None:
            sending.hold(
                f"The commons was restored from the backup of {made_at}: what waits may have been sent after it was made.",
                anew=True,
            )
            bump_all()

        manifest = restore_backup(path, replace=options["replace"], finish=finish)
        if why_not := analyze_tables():
            self.stderr.write(f"The tables could not be counted, so pages may be slow at first: {why_not}")
        for name in manifest.lost:
            self.stderr.write(f"The database names a file that was lost before the backup was made: {name}")
        self.stdout.write(
            f"Restored as of {manifest.made_at}: {manifest.rows:,} rows and {len(manifest.files):,} files. Mail and push are held: "
            "see manage.py mail, and let them out with manage.py mail --release."
        )
