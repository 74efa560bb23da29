"""Files that people add to posts: what they are is told from what is in them, never from their name.

A picture is drawn anew (`redrawing.py`), so that nothing of the file that came is ever given out: it waits in line until the worker
does that (`conversions.py`). The others are kept at once as they are, and only ever saved by a browser, never shown.
"""

import logging
import re
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path, PurePath
from typing import IO, TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from django.db import transaction
from django.db.models import Q, Sum
from django.utils import timezone

from accounts.members.limits import FILES
from accounts.members.models import Member
from commons import apart, gate
from commons.access import require
from commons.each import SomeFailed, do_each
from commons.markup import PICTURE_WIDTHS
from commons.pace import keep_pace
from commons.slugs import slug_of
from knowledge.posts.conversions import FilesAway, begin_conversion
from knowledge.posts.models import Attachment, Conversion, ConversionKind, Draft, DraftEdition, Post

if TYPE_CHECKING:
    import datetime as dt

    from django.core.files.storage import Storage

    from knowledge.posts.conversions import Beat
    from knowledge.posts.models import AttachmentQuerySet

logger = logging.getLogger(__name__)
MIB = 1024 * 1024
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PICTURE = "image/webp"
# content type -> how such a file's name ends
ENDINGS = {"application/pdf": "pdf", "text/csv": "csv", XLSX: "xlsx"}
WORDS = "a PDF, a spreadsheet (CSV or XLSX) or a picture (JPEG, PNG, GIF, WebP or AVIF)"
HEIC = (
    "This is a HEIC picture, which browsers do not show. Save it as JPEG and send that; on an iPhone: Settings, Camera, Formats, "
    "Most Compatible."
)
SVG = "This is an SVG drawing, which can hold a program. Save it as PNG and send that."
TOO_MUCH = "This picture takes too much to read. Save it anew, smaller, and send that."
TAKES_TOO_MUCH = "takes_too_much"  # the code of that refusal
PICTURE_SECONDS = 12  # of processor time, to draw one anew; a photograph takes one

_NAMED = re.compile(r"/attachments/([1-9][0-9]{0,17})/")
_NAMED_MOST = 500  # attachments of one version


@dataclass(frozen=True)
class Upload:
    """A file that somebody sent, looked at: what it is, and under which name people will see it.

    Of a picture also its size in pixels, and the narrower ones, each with its width.
    """

    file: "File[bytes]"
    name: str
    content_type: str
    width: int | None = None
    height: int | None = None
    narrower: Sequence[tuple[int, "File[bytes]"]] = ()
    processor_seconds: float = 0.0  # that drawing it anew took


@dataclass(frozen=True)
class Undrawn:
    """A picture as somebody sent it: nothing of it is kept until it is drawn anew."""

    file: "File[bytes]"
    stem: str


def inspected(sent: "File[bytes]") -> Upload | Undrawn:
    """Tell what a file is that somebody sent, without taking it apart. Raises ValidationError for one that is too large, empty, or
    of another type.

    Its name keeps its words and gets the ending of what it is (a page named report.pdf is no PDF).
    """
    size, most = sent.size or 0, settings.ATTACHMENT_LIMIT
    if size > most:
        raise ValidationError(f"This file is {size / MIB:.1f} MB; a file may have {most // MIB}. Send a smaller one.")
    if not size:
        raise ValidationError("This file is empty. Send one with something in it.")
    kind = _kind_of(sent)
    stem = _stem_of(sent.name or "")
    sent.seek(0)
    if kind == PICTURE:
        return Undrawn(sent, slug_of(stem, limit=60, fallback="picture"))
    return Upload(sent, f"{stem[: gate.NAME - 5].strip('. ') or 'file'}.{ENDINGS[kind]}", kind)


def is_picture(sent: "File[bytes]") -> bool:
    """Whether a file that somebody sent is one that is drawn anew, and so waits."""
    try:
        return isinstance(inspected(sent), Undrawn)
    except ValidationError:
        return False


def looked_at(sent: "File[bytes]", *, seconds: int = PICTURE_SECONDS, beat: "Beat | None" = None) -> Upload:
    """Return a file that somebody sent as it will be kept: a picture drawn anew, in so many seconds of processor time.

    For the worker: it takes as long as that. Raises ValidationError for what is refused, and what `apart.run` raises for a
    program that was interrupted.
    """
    upload = inspected(sent)
    return _redrawn(upload, seconds, beat) if isinstance(upload, Undrawn) else upload


@transaction.atomic
def attach(post: Post | None, upload: Upload, *, by: "Member", at: "dt.datetime | None" = None) -> Attachment:
    """Keep a file with a post, or for one that is being written. Part of a verb: asks nothing more, records nothing.

    Raises ValidationError when the member would have more than one may have, and FilesAway.
    """
    size = upload.file.size + sum(narrow.size for _, narrow in upload.narrower)
    Member.objects.select_for_update(no_key=True).get(pk=by.pk)  # two at once count each other
    if (kept := kept_by(by)) + size > settings.MEMBER_LIMIT:
        raise ValidationError(
            f"Your files take {kept / MIB:.0f} MB, and a member's may take {settings.MEMBER_LIMIT // MIB}. Throw away those you "
            "do not need under “Your files”, or link to this one."
        )
    made = Attachment(
        post=post,
        name=upload.name,
        content_type=upload.content_type,
        size=size,
        width=upload.width,
        height=upload.height,
        by=by,
        at=at or timezone.now(),
    )
    try:
        made.file.save(upload.name, upload.file, save=False)
        for width, narrow in upload.narrower:
            made.file.storage.save(made.stored_at(width), narrow)
    except OSError:
        logger.exception("A file could not be kept.")
        raise FilesAway from None
    made.save()
    return made


@transaction.atomic
def add_file(upload: Upload, *, by: "Member") -> Attachment:
    """Keep a file for a text that a member is writing. Raises what `attach` raises."""
    keep_pace(FILES, by=by)
    require(by.is_active)
    return attach(None, upload, by=by)


def draw_later(picture: Undrawn, *, by: "Member") -> Conversion:
    """Have the worker draw a picture anew and keep it for a text that a member is writing. Raises what `begin_conversion` raises."""
    return begin_conversion(ConversionKind.PICTURE, picture.file, by=by)


@transaction.atomic
def discard_file(attachment: Attachment, *, by: "Member") -> None:
    """Throw away a file that is in no post: who added it does. Twice is once."""
    require(attachment.by_id == by.pk, "Only who added a file throws it away.")
    found = Attachment.objects.select_for_update().filter(pk=attachment.pk).first()
    if found is not None:
        require(found.post_id is None, "It stands in a post, and stays with its versions.")
        _forget(found)


def kept_by(member: "Member") -> int:
    """How many bytes a member's files take."""
    total: int | None = Attachment.objects.filter(by=member).aggregate(total=Sum("size"))["total"]
    return total or 0


def bind(post: Post, text: str, *, by: "Member") -> None:
    """Let a post have the files that a version of it names, as far as its writer may see them. Part of publishing."""
    if named := named_in(text):
        Attachment.objects.filter(post=None, pk__in=named).visible_to(by).update(post=post)


def hold(draft: Draft, *, by: "Member") -> None:
    """Let those who write on a draft see the files that it names, as far as who saved it may. Part of saving."""
    if named := named_in(draft.body):
        Attachment.objects.filter(post=None, draft=None, pk__in=named).visible_to(by).update(draft=draft)


def files_shown_with(draft: Draft) -> "AttachmentQuerySet":
    """The files that a draft names, for whoever is shown it by its secret address: its own, and those of its post."""
    theirs = Q(draft=draft) | Q(post__isnull=False, post=draft.post_id)
    found: AttachmentQuerySet = Attachment.objects.filter(theirs, pk__in=named_in(draft.body))
    return found


def named_in(text: str) -> set[int]:
    """The attachments whose addresses stand in a text, by their keys."""
    return {int(found) for found in _NAMED.findall(text)[:_NAMED_MOST]}


def forget_unnamed(*, now: "dt.datetime") -> int:
    """Throw away the files that no version and no draft names, some days after they were added; gives how many.

    One that fails stops no other: SomeFailed is raised once all the others are done.
    """
    before = now - timedelta(days=settings.KEEP_UNNAMED_DAYS)
    gone: list[int] = []
    those = Attachment.objects.filter(post=None, at__lt=before).values_list("pk", flat=True).iterator()
    if failed := do_each((f"file {pk} that no text names", partial(_forget_if_unnamed, pk, gone)) for pk in those):
        raise SomeFailed(failed)
    return len(gone)


@transaction.atomic
def _forget_if_unnamed(pk: int, gone: list[int]) -> None:
    found = Attachment.objects.select_for_update(skip_locked=True).filter(pk=pk, post=None).first()
    named = {"body__contains": f"/attachments/{pk}/"}
    if found and not (Draft.objects.filter(**named).exists() or DraftEdition.objects.filter(**named).exists()):
        _forget(found)
        gone.append(pk)


def _forget(attachment: Attachment) -> None:
    """Throw away a file and its row."""
    erase(attachment)
    attachment.delete()


def erase(attachment: Attachment) -> None:
    """Throw away a file in all its widths, once it is certain that its row is gone, or names it no more."""
    storage: Storage = attachment.file.storage
    for path in attachment.stored_names():
        transaction.on_commit(partial(storage.delete, path), robust=True)


def _stem_of(name: str) -> str:
    """A file's name without its folder and its ending, as far as it can be kept."""
    stem = PurePath(name.replace("\\", "/").rpartition("/")[2]).stem
    try:
        return gate.passed(stem, limit=1_000, lines=False)
    except ValidationError:
        return ""


def _redrawn(picture: Undrawn, seconds: int, beat: "Beat | None") -> Upload:
    """A picture, drawn anew. Raises ValidationError for one that cannot be."""
    with tempfile.TemporaryDirectory() as folder:
        with Path(folder, "picture").open("wb") as file:
            file.writelines(picture.file.chunks())
        try:
            drawn = apart.run(
                "knowledge.posts.redrawing",
                folder,
                seconds=seconds,
                beat=beat,
                pixels=settings.PICTURE_PIXELS,
                widths=PICTURE_WIDTHS,
            )
        except apart.Failed:
            raise ValidationError(TOO_MUCH, code=TAKES_TOO_MUCH) from None
        if refused := drawn.get("refused"):
            raise ValidationError(refused)
        width, height = int(drawn["width"]), int(drawn["height"])

        def read(name: str) -> "File[bytes]":
            return ContentFile(Path(folder, name).read_bytes())

        narrower = [(narrow, read(f"drawn-{narrow}")) for narrow in PICTURE_WIDTHS if narrow < width]
        name = f"{picture.stem}-{width}x{height}.webp"
        return Upload(read("drawn"), name, PICTURE, width, height, narrower, float(drawn["processor_seconds"]))


def _kind_of(file: "IO[bytes] | File[bytes]") -> str:
    """Its content type; `PICTURE` for every picture that can be drawn anew. Raises ValidationError for what is none of ours."""
    file.seek(0)
    start = file.read(4096)
    if start.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")):
        return PICTURE
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return PICTURE
    if start[4:8] == b"ftyp" and b"avif" in start[8:64]:
        return PICTURE
    if start.startswith(b"%PDF-"):
        return "application/pdf"
    if start.startswith(b"PK\x03\x04") and _is_workbook(file):
        return XLSX
    if start[4:8] == b"ftyp" and start[8:12] in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"):
        raise ValidationError(HEIC)
    if b"<svg" in start.lower():
        raise ValidationError(SVG)
    if not start.startswith(b"PK\x03\x04") and _is_table(file):
        return "text/csv"
    raise ValidationError(f"This is not {WORDS}. Save it as one of these and send it again.")


def _is_workbook(file: "IO[bytes] | File[bytes]") -> bool:
    """Whether a zip holds a workbook without macros. Only its list of names is read: nothing is unpacked."""
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as parts:  # type: ignore[arg-type]
            names = set(parts.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
    return {"[Content_Types].xml", "xl/workbook.xml"} <= names and "xl/vbaProject.bin" not in names


def _is_table(file: "IO[bytes] | File[bytes]") -> bool:
    """Whether this is text in columns: the same mark parts the first lines, and it does not begin as a page or a script."""
    file.seek(0)
    start = file.read(65_536)
    is_wide = start.startswith((b"\xff\xfe", b"\xfe\xff"))  # as spreadsheets save "Unicode text"
    if b"\0" in start and not is_wide:
        return False
    text = start.decode("utf-16" if is_wide else "latin-1", "replace")  # only marks are looked for: those of ASCII
    lines = [line for line in text.lstrip().splitlines() if line.strip()][:5]
    if not lines or lines[0].lstrip().startswith(("<", "{", "[", "#!", "%")):
        return False
    return any(all(mark in line for line in lines) for mark in ",;\t")
