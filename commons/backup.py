"""A copy of everything a commons keeps, in one file, made while it runs; and a commons made of such a copy.

The file is a zip archive: the rows of each table as COPY writes them, each file that members added, the keys of the installation,
and, written last, `manifest.json`, which says what each of them must be (length, SHA-256, rows) and which migrations the tables
stood at. docs/decisions/0006-backup.md says why it is this and not PostgreSQL's own dump, and what is left out.
"""

import contextlib
import datetime as dt
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import SuspiciousOperation
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.models import FileField

from commons import embedded
from commons.long_command import LIMITS, Progress, settings_known
from commons.start import lock_file

FORMAT = 1  # of the archive; one that says a higher number was made by a newer version
MANIFEST = "manifest.json"
KEYS = {
    "secret_key": "SECRET_KEY",
    "vapid_key": "VAPID_PRIVATE_KEY",
}  # files under var/, and the settings in their place
# Tables whose rows are left out, and why
LEFT_OUT = {
    "django_session": "whoever is signed in signs in again: a copy must let nobody in",
    "commons_accountmail": "mail about accounts waits for minutes, and holds codes",
    "commons_keptform": "what was typed before a sign-in waits for a session, and those are left out",
    "commons_trialmail": "the mail that the trial shows holds codes",
    "cache": "it fills itself",
}
MIGRATIONS = "django_migrations"  # is in the manifest
STAGE = "commons_restoring"  # the schema in which a restore builds, until all of it is there
PIECE = 1 << 20
MOST_LOOKS = 100  # snapshots taken in search of one whose files are all there
ROOM = 50_000_000  # bytes that must be left on a disk, whatever is written
WORKER_SEEN_SECONDS = 30
PARTIAL = ".commons-backup-", ".partial"  # how the name of one that is not whole yet begins and ends
_OURS = re.compile(r"commons-\d{8}T\d{6}Z\.zip")


class BackupTrouble(CommandError):
    """The backup or the restore cannot be; the message is for whoever asked for it."""


@dataclass(frozen=True)
class Part:
    """What one member of the archive must be."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Table(Part):
    """The same of a table, with its columns and how many rows it has."""

    columns: list[str]
    rows: int


@dataclass
class Manifest:
    """What an archive holds."""

    made_at: str
    site: str
    postgresql: int
    migrations: list[tuple[str, str]]
    format: int = FORMAT
    tables: dict[str, Table] = field(default_factory=dict)
    sequences: dict[str, tuple[int, bool]] = field(
        default_factory=dict
    )  # "table.column" -> last value, whether it was used
    files: dict[str, Part] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)  # files that rows name, and that were gone already
    keys: dict[str, Part] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows all tables have."""
        return sum(table.rows for table in self.tables.values())


# Making one


def make_backup(target: Path, *, keys: bool = True, keep: int | None = None) -> tuple[Path, Manifest]:
    """Write a backup to `target`, a folder or the name of a file that is not there yet; give its path and what it holds.

    The commons may run. What was acknowledged before this began is in it, and every file that a row in it names. The file appears
    under its name once it is whole and on the disk, readable by its owner alone. In a folder it is named after the moment, and the
    oldest beyond `keep` are thrown away. Raises BackupTrouble.
    """
    path = _path_for(target)
    _require_room(path.parent, _size_of_newest(path.parent))
    with _whole_or_not(path) as file, zipfile.ZipFile(file, "w") as archive:
        manifest = _write(Writer(archive), keys=keys)
        with archive.open(_info(MANIFEST, compressed=True), "w") as out:
            out.write(json.dumps(asdict(manifest), indent=1).encode())
    if keep is not None:
        for old in _backups_in(path.parent)[:-keep]:
            old.unlink(missing_ok=True)
    return path, manifest


class Writer:
    """Writes the members of an archive, and notes what each of them is."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.files: dict[str, Part] = {}

    def write(self, name: str, pieces: Iterable[bytes], *, compressed: bool) -> tuple[Part, int]:
        """Write one member; give what it is, and how many lines it has."""
        digest, size, lines = hashlib.sha256(), 0, 0
        with self.archive.open(_info(name, compressed=compressed), "w", force_zip64=True) as out:
            for piece in pieces:
                out.write(piece)
                digest.update(piece)
                size += len(piece)
                lines += bytes(piece).count(b"\n")
        return Part(size, digest.hexdigest()), lines

    def copy_files(self, names: Iterable[str]) -> set[str]:
        """Copy these of members' files; give those that are not there."""
        missing = set()
        names = sorted(set(names) - self.files.keys())
        progress = Progress("Files", len(names))
        for name in names:
            try:
                with default_storage.open(name) as file:
                    self.files[name], _ = self.write(f"files/{name}", file.chunks(PIECE), compressed=False)
            except FileNotFoundError:
                missing.add(name)
            progress.advance()
        progress.end()
        return missing


def _write(writer: Writer, *, keys: bool) -> Manifest:
    """Write everything but the manifest.

    Files first, which takes long and needs no snapshot; then the rows of a snapshot in which no row names a file that is not
    copied. One that was thrown away in between is named by no row of the next snapshot; one still named then is lost.
    """
    writer.copy_files(stored_files())
    gone: set[str] = set()
    for _ in range(MOST_LOOKS):
        with _snapshot():
            named = stored_files()
            missing = writer.copy_files(named)
            if missing <= gone:
                manifest = _write_tables(writer)
                break
        gone |= missing
    else:
        raise BackupTrouble("Files are thrown away faster than they can be copied; try again at a calmer time.")
    manifest.files = {name: part for name, part in writer.files.items() if name in named}
    manifest.lost = sorted(missing)
    if keys:
        for name, setting in KEYS.items():
            path = Path(settings.VAR_DIR) / name
            if path.exists() and not os.environ.get(setting):
                manifest.keys[name], _ = writer.write(f"keys/{name}", [path.read_bytes()], compressed=False)
    return manifest


def stored_files() -> set[str]:
    """Return the names of all files that rows name, whatever model they are of.

    A model whose rows keep more files than their fields name gives them all in `stored_names`.
    """
    names: set[str] = set()
    for model in apps.get_models():
        fields = [one.attname for one in model._meta.concrete_fields if isinstance(one, FileField)]
        if not fields or model._meta.proxy:
            continue
        for row in model._base_manager.iterator(chunk_size=2_000):
            several = getattr(row, "stored_names", None)
            names |= set(several() if several else (getattr(row, name).name or "" for name in fields))
    return names - {""}


@contextlib.contextmanager
def _snapshot() -> Iterator[None]:
    """Read, inside, everything as it was at one moment."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _write_tables(writer: Writer) -> Manifest:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT app, name FROM {MIGRATIONS} ORDER BY id")  # noqa: S608
        manifest = Manifest(
            made_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            site=settings.SITE_URL,
            postgresql=connection.connection.info.server_version,
            migrations=cursor.fetchall(),
        )
        tables = _tables(cursor)
    manifest.left_out = sorted(LEFT_OUT.keys() & tables.keys())
    tables = {name: columns for name, columns in tables.items() if name not in LEFT_OUT and name != MIGRATIONS}
    progress = Progress("Tables", len(tables))
    for name, columns in tables.items():
        part, rows = writer.write(f"tables/{name}", _rows_of(name, columns), compressed=True)
        manifest.tables[name] = Table(part.bytes, part.sha256, columns, rows)
        progress.advance()
    progress.end()
    with connection.cursor() as cursor:  # last: a sequence is of no snapshot, and must not be behind the rows
        for table, column, sequence in _sequences(cursor):
            cursor.execute(f"SELECT last_value, is_called FROM {sequence}")  # noqa: S608
            manifest.sequences[f"{table}.{column}"] = cursor.fetchone()
    return manifest


def _rows_of(table: str, columns: list[str]) -> Iterator[bytes]:
    with connection.cursor() as cursor, cursor.copy(f"COPY {_copied(table, columns)} TO STDOUT") as rows:
        yield from rows


def _copied(table: str, columns: list[str]) -> str:
    return f"{_quoted(table)} ({', '.join(map(_quoted, columns))})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _tables(cursor: Any) -> dict[str, list[str]]:
    """The tables of the current schema, and of each the columns that are written (not those computed)."""
    cursor.execute("""
        SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum) FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace GROUP BY c.relname ORDER BY c.relname
    """)
    return dict(cursor.fetchall())


def _sequences(cursor: Any) -> list[tuple[str, str, str]]:
    """Table, column and name of each sequence that numbers a column of the current schema."""
    cursor.execute("""
        SELECT t.relname, a.attname, s.oid::regclass::text FROM pg_class s
        JOIN pg_depend d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
        JOIN pg_class t ON t.oid = d.refobjid JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
        WHERE s.relkind = 'S' AND s.relnamespace = current_schema()::regnamespace
    """)
    found: list[tuple[str, str, str]] = cursor.fetchall()
    return found


# The file


def _path_for(target: Path) -> Path:
    """The file to write. Raises BackupTrouble where it is there already, or nothing can be kept."""
    is_file = target.suffix == ".zip" and not target.is_dir()
    folder = target.parent if is_file else target
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in folder.glob(f"{PARTIAL[0]}*{PARTIAL[1]}"):
            _remove_if_left(left)
    except OSError as trouble:
        raise BackupTrouble(f"Nothing can be kept in {folder}: {trouble.strerror or trouble}.") from None
    path = target if is_file else folder / _name_of_now()
    if path.exists():
        raise BackupTrouble(f"{path} is there already: choose another name.")
    return path


def _remove_if_left(partial: Path) -> None:
    """Throw away what a killed backup left: nobody holds it any more."""
    with contextlib.suppress(FileNotFoundError, BlockingIOError), partial.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        partial.unlink(missing_ok=True)


def _partial_in(folder: Path) -> tuple[IO[bytes], Path]:
    """Begin a file under a name that no other backup has, readable by its owner alone; held for as long as it is open."""
    while True:
        descriptor, name = tempfile.mkstemp(PARTIAL[1], PARTIAL[0], folder)
        file, path = os.fdopen(descriptor, "w+b"), Path(name)
        fcntl.flock(file, fcntl.LOCK_EX)
        if path.exists():
            return file, path
        file.close()  # before it was held, another backup took it for what a killed one had left


@contextlib.contextmanager
def _whole_or_not(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes its name once it is whole, and on the disk; and that nobody else may read."""
    partial = None
    try:
        file, partial = _partial_in(path.parent)
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            partial.rename(path)
        with _opened(path.parent) as folder:
            os.fsync(folder)
    except OSError as trouble:
        if trouble.errno in (errno.ENOSPC, errno.EDQUOT):
            raise BackupTrouble(f"No room is left on the disk that holds {path.parent}; nothing was kept.") from None
        raise BackupTrouble(f"The backup could not be made: {trouble.strerror or trouble}.") from trouble
    finally:
        if partial:
            partial.unlink(missing_ok=True)


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _info(name: str, *, compressed: bool) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, dt.datetime.now(dt.UTC).timetuple()[:6])
    info.compress_type = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED  # pictures are compressed already
    info.external_attr = 0o600 << 16
    return info


def _backups_in(folder: Path) -> list[Path]:
    """The backups in a folder, the oldest first. One from the future was made by a clock that ran ahead, and counts as older."""
    now = _name_of_now()
    return sorted(
        (path for path in folder.iterdir() if _OURS.fullmatch(path.name)),
        key=lambda path: (path.name <= now, path.name),
    )


def _name_of_now() -> str:
    return f"commons-{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}.zip"


def _size_of_newest(folder: Path) -> int:
    backups = _backups_in(folder)
    return backups[-1].stat().st_size if backups else 0


def _require_room(folder: Path, needed: int) -> None:
    free, needed = shutil.disk_usage(folder).free, needed + ROOM
    if free < needed:
        raise BackupTrouble(
            f"The disk that holds {folder} has {free // 1_000_000:,} MB left, and {needed // 1_000_000:,} MB are needed."
        )


# Restoring one


def restore_backup(
    path: Path, *, replace: bool = False, finish: Callable[[str], None] = lambda made_at: None
) -> Manifest:
    """Make this commons what it was when the backup was made; give what that held.

    The archive is read through and checked before anything is changed. The tables are built beside those that are there, brought
    up to date, changed by `finish` (which is told of when they are), and put in their place in one transaction: until then
    everything is as it was, and a restore that is killed is simply started again. `replace` lets it take the place of a commons
    in which there are people. Raises BackupTrouble.
    """
    with _archive(path) as archive:
        manifest = check_archive(archive, path)
        _require_known(manifest)
        with connection.cursor() as cursor:
            _require_nobody_works(cursor)
            if not replace and _is_used(cursor):
                raise BackupTrouble(
                    "There are people in this commons already. Restore into an empty database, or say --replace: everything in "
                    "this one is then gone."
                )
            cursor.execute("SELECT current_schema()")
            schema = cursor.fetchone()[0]
        _require_room_for(manifest)
        try:
            _restore_files(archive, manifest)
            with _session(f"search_path={STAGE}"):
                _build(archive, manifest)
                finish(manifest.made_at)
                _put_in_place(schema)
        except DatabaseError as trouble:
            raise BackupTrouble(
                f"The database refused it, and nothing there was changed: {_first_line(trouble)}."
            ) from trouble
        except OSError as trouble:
            raise BackupTrouble(
                f"A file could not be kept: {trouble.strerror or trouble}. The database was not changed."
            ) from trouble
        _restore_keys(archive, manifest)
    return manifest


def analyze_tables() -> str:
    """Count what stands in the tables, so that questions are well planned; give why that failed, or nothing.

    PostgreSQL does so by itself a little later.
    """
    try:
        with _session(), connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    except DatabaseError as trouble:
        return _first_line(trouble)
    return ""


def _first_line(trouble: DatabaseError) -> str:
    return (str(trouble).strip().splitlines() or [type(trouble).__name__])[0]


@contextlib.contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, EOFError, ValueError):
        raise BackupTrouble(f"{path} is no backup of a commons, or only the beginning of one.") from None
    except OSError as trouble:
        raise BackupTrouble(f"{path} cannot be read: {trouble.strerror or trouble}.") from None
    with archive:
        yield archive


def check_archive(archive: zipfile.ZipFile, path: Path) -> Manifest:
    """Return what an archive says it holds, once it was read through. Raises BackupTrouble where that is not so."""
    damaged = f"{path} is damaged: {{}} is not what was written. Take another backup."
    try:
        said = json.loads(archive.read(MANIFEST))
        if said["format"] > FORMAT:
            raise BackupTrouble(f"{path} was made by a newer version of the commons: take that version first.")
        manifest = Manifest(**said)
        manifest.migrations = [(app, name) for app, name in manifest.migrations]
        manifest.tables = {name: Table(**table) for name, table in said["tables"].items()}
        manifest.files = {name: Part(**part) for name, part in said["files"].items()}
        manifest.keys = {name: Part(**part) for name, part in said["keys"].items()}
    except KeyError:
        raise BackupTrouble(f"{path} is no backup of a commons.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, TypeError, AttributeError):
        raise BackupTrouble(damaged.format("its list of contents")) from None
    parts = list(_parts(manifest))
    progress = Progress("Checked", len(parts))
    for name, part in parts:
        digest = hashlib.sha256()
        try:
            with archive.open(name) as member:
                while piece := member.read(PIECE):
                    digest.update(piece)
        except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError):
            raise BackupTrouble(damaged.format(name)) from None
        if digest.hexdigest() != part.sha256:
            raise BackupTrouble(damaged.format(name))
        progress.advance()
    progress.end()
    return manifest


def _parts(manifest: Manifest) -> Iterator[tuple[str, Part]]:
    for folder, parts in (("tables", manifest.tables), ("files", manifest.files), ("keys", manifest.keys)):
        for name, part in parts.items():
            yield f"{folder}/{name}", part


def _require_known(manifest: Manifest) -> None:
    """Refuse a backup whose tables stand at migrations that this version does not have."""
    known = MigrationLoader(None).disk_migrations
    unknown = [f"{app} {name}" for app, name in manifest.migrations if (app, name) not in known]
    if unknown:
        raise BackupTrouble(
            f"This backup was made by a newer version of the commons (it knows {unknown[0]}): take that version first."
        )


def _require_nobody_works(cursor: Any) -> None:
    if "procrastinate_workers" not in _tables(cursor):
        return
    cursor.execute(
        "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => %s)",
        [WORKER_SEEN_SECONDS],
    )
    if cursor.fetchone()[0]:
        raise BackupTrouble(
            "A worker runs on this database, or did half a minute ago. Stop the web server and the worker, wait so long, and "
            "try again."
        )


def _is_used(cursor: Any) -> bool:
    """Whether anybody has joined, or anything has happened."""
    for table in {get_user_model()._meta.db_table, "commons_activity"} & _tables(cursor).keys():
        cursor.execute(f"SELECT EXISTS (SELECT FROM {_quoted(table)})")  # noqa: S608
        if cursor.fetchone()[0]:
            return True
    return False


def _require_room_for(manifest: Manifest) -> None:
    """Refuse what the disks of this machine have no room for. (Rows and their indexes take about twice what is written of them.)"""
    if isinstance(default_storage, FileSystemStorage):
        media = Path(settings.MEDIA_ROOT)
        media.mkdir(parents=True, exist_ok=True)
        _require_room(media, sum(part.bytes for part in manifest.files.values()))
    if not os.environ.get("DATABASE_URL"):
        _require_room(Path(settings.VAR_DIR), 2 * sum(table.bytes for table in manifest.tables.values()))


def _restore_files(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    """Put back the files that are not there as they were. Those of other rows stay where they are."""
    progress = Progress("Files", len(manifest.files))
    for name, part in manifest.files.items():
        try:
            if default_storage.exists(name):
                if _digest_of(name) == part.sha256:
                    progress.advance()
                    continue
                default_storage.delete(name)
            with archive.open(f"files/{name}") as member:
                kept = default_storage.save(name, File(member, name))
        except SuspiciousOperation:
            raise BackupTrouble(f"The backup names a file outside the folder of files: {name}.") from None
        if kept != name:
            default_storage.delete(kept)
            raise BackupTrouble(f"A file could not be kept under its name: {name}.")
        progress.advance()
    progress.end()


def _digest_of(name: str) -> str:
    digest = hashlib.sha256()
    with default_storage.open(name) as file:
        for piece in file.chunks(PIECE):
            digest.update(piece)
    return digest.hexdigest()


@contextlib.contextmanager
def _session(*more: str) -> Iterator[None]:
    """Have Django's connection be one with these settings and without limits, even should it be made anew."""
    options = connection.settings_dict["OPTIONS"]
    before = options.get("options", "")
    limits = [f"{name}=0" for name in settings_known(LIMITS)]
    connection.close()
    options["options"] = " ".join([before, *(f"-c {one}" for one in [*limits, *more])])
    try:
        yield
    finally:
        connection.close()
        options["options"] = before


def _build(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    """Make the tables of then in a schema of their own, fill them, and bring them up to date."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {STAGE} CASCADE")
        cursor.execute(f"CREATE SCHEMA {STAGE}")
    executor = MigrationExecutor(connection)
    then = set(manifest.migrations)
    children = executor.loader.graph.node_map
    executor.migrate([key for key in then if not any(child.key in then for child in children[key].children)])
    with transaction.atomic():
        _fill(archive, manifest)
    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)


def _fill(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    """Fill the tables. What refers to what is checked at the end, all at once, as each constraint says."""
    with connection.cursor() as cursor:
        tables = {name: columns for name, columns in _tables(cursor).items() if name != MIGRATIONS}
        if unknown := [name for name, table in manifest.tables.items() if table.rows and name not in tables]:
            raise BackupTrouble(f"The backup has tables that are not the commons' own: {', '.join(unknown)}.")
        cursor.execute("""
            SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
            WHERE contype = 'f' AND connamespace = current_schema()::regnamespace
        """)
        references = cursor.fetchall()
        for table, name, _ in references:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {_quoted(name)}")
        for name in tables:
            cursor.execute(f"ALTER TABLE {_quoted(name)} DISABLE TRIGGER USER")
            cursor.execute(f"TRUNCATE {_quoted(name)}")  # of what migrations wrote
        progress = Progress("Rows", manifest.rows)
        for name, table in manifest.tables.items():
            if not table.rows:
                continue
            with (
                archive.open(f"tables/{name}") as member,
                cursor.copy(f"COPY {_copied(name, table.columns)} FROM STDIN") as rows,
            ):
                while piece := member.read(PIECE):
                    rows.write(piece)
            if cursor.rowcount != table.rows:
                raise BackupTrouble(
                    f"Of {name}, {cursor.rowcount} rows came and not {table.rows}; nothing was changed."
                )
            progress.advance(table.rows)
        progress.end()
        for name in tables:
            cursor.execute(f"ALTER TABLE {_quoted(name)} ENABLE TRIGGER USER")
        for table, name, definition in references:
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {_quoted(name)} {definition}")
        for table, column, sequence in _sequences(cursor):
            last, is_called = manifest.sequences.get(f"{table}.{column}", (1, False))
            cursor.execute("SELECT setval(%s::regclass, %s, %s)", [sequence, last, is_called])


def _put_in_place(schema: str) -> None:
    """Put what was built in the place of what is there: all of it, or nothing."""
    with transaction.atomic(), connection.cursor() as cursor:
        kinds = {
            "TABLE": "SELECT relname::text, format('%%I.%%I', nspname, relname) FROM pg_class"
            " JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = %s AND relkind = 'r'",
            "ROUTINE": "SELECT proname::text, format('%%I.%%I(%%s)', nspname, proname, pg_get_function_identity_arguments(p.oid))"
            " FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = %s",
            "TYPE": "SELECT typname::text, format('%%I.%%I', nspname, typname) FROM pg_type"
            " JOIN pg_namespace n ON n.oid = typnamespace LEFT JOIN pg_class c ON c.oid = typrelid"
            " WHERE nspname = %s AND (typtype IN ('e', 'd') OR c.relkind = 'c')",
        }
        built = {}
        for kind, question in kinds.items():
            cursor.execute(question, [STAGE])
            built[kind] = cursor.fetchall()
            cursor.execute(question, [schema])
            names = {name for name, _ in built[kind]}
            for name, there in cursor.fetchall():
                if name in names:
                    cursor.execute(f"DROP {kind} IF EXISTS {there} CASCADE")
        for kind, things in built.items():
            for _, thing in things:
                cursor.execute(f"ALTER {kind} {thing} SET SCHEMA {_quoted(schema)}")
        cursor.execute(f"DROP SCHEMA {STAGE}")


def _restore_keys(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    """Put back the keys that this installation keeps in files: signed addresses in mail that is out hold on."""
    for name in sorted(manifest.keys.keys() & KEYS.keys()):
        if os.environ.get(KEYS[name]):
            continue
        path = Path(settings.VAR_DIR) / name
        fresh = path.with_suffix(".restored")
        try:
            fresh.touch(mode=0o600)
            fresh.write_bytes(archive.read(f"keys/{name}"))
            fresh.rename(path)
        except OSError as trouble:
            raise BackupTrouble(
                f"Database and files were put back, but not the key {path}: {trouble.strerror or trouble}. Restore once more, "
                "with --replace."
            ) from trouble


# The database at hand


@contextlib.contextmanager
def database_at_hand(*, alone: bool) -> Iterator[None]:
    """Have the database answer inside, started for this where the embedded one does not run. `alone`: not while the commons does.

    Raises BackupTrouble, as it does where another backup is being made or put back: that one may have started the database.
    """
    var = Path(settings.VAR_DIR).resolve()
    with contextlib.ExitStack() as stack:
        try:
            var.mkdir(parents=True, exist_ok=True)
            stack.enter_context(_one_at_a_time(var))
            lock = stack.enter_context(lock_file(var))
        except OSError as trouble:
            raise BackupTrouble(f"Nothing can be kept in {var}: {trouble.strerror or trouble}.") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if alone:
                running = lock.read().strip()
                raise BackupTrouble(
                    f"The commons is running{' at ' if running else ''}{running}: stop it first."
                ) from None
            yield  # whoever runs it keeps the database running
            return
        if os.environ.get("DATABASE_URL") or embedded.running(var / "database"):
            yield
            return
        try:
            embedded.start(var / "database")
        except embedded.DatabaseTrouble as trouble:
            raise BackupTrouble(str(trouble)) from None
        try:
            yield
        finally:
            connection.close()
            embedded.stop(var / "database")


@contextlib.contextmanager
def _one_at_a_time(var: Path) -> Iterator[None]:
    """Hold, inside, what only one backup or restore of this folder can hold. The system frees it, however the holder ends."""
    with (var / "backup.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupTrouble(
                "Another backup is being made here, or put back: try again once that is done."
            ) from None
        yield
