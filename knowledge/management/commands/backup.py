"""Write a backup: database, files and keys in one file, while the commons runs."""

import contextlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError

from commons.backup import database_at_hand, make_backup
from commons.long_command import LongCommand


class Command(LongCommand):
    help = (
        "Writes everything this commons keeps into one file: the database, the files that members added, and the keys. The commons "
        "may run. The file holds what is private: keep it as you keep passwords."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "target", nargs="?", metavar="FOLDER|FILE.zip", help="where to (the folder backups in COMMONS_VAR)"
        )
        parser.add_argument("--keep", type=int, metavar="N", help="throw away all but the newest N in that folder")
        parser.add_argument("--without-keys", action="store_true", help="leave out secret_key and vapid_key")

    def at_hand(self) -> contextlib.AbstractContextManager[None]:
        """Start the embedded database for this where it does not run."""
        return database_at_hand(alone=False)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["keep"] is not None and options["keep"] < 1:
            raise CommandError("--keep must be 1 or more.")
        target = Path(options["target"] or Path(settings.VAR_DIR) / "backups")
        if options["keep"] is not None and target.suffix == ".zip":
            raise CommandError("--keep is for a folder: name one, and not a file.")
        try:
            path, manifest = make_backup(target, keys=not options["without_keys"], keep=options["keep"])
        except DatabaseError as trouble:
            raise CommandError(f"The database could not be read, and nothing was kept: {trouble}") from trouble
        for name in manifest.lost:
            self.stderr.write(f"The database names a file that is not there: {name}")
        self.stdout.write(
            f"{path}: {manifest.rows:,} rows and {len(manifest.files):,} files, {path.stat().st_size / 1_000_000:,.1f} MB."
        )
