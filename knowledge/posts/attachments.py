"""Files that people add to posts: what they are is told from what is in them, never from their name."""

import zipfile
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO, TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.core.files.base import File

from commons import gate
from knowledge.posts.models import Attachment, Post

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile

    from accounts.members.models import Member

LIMIT = 20 * 1024 * 1024  # bytes
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# content type -> how such a file's name ends
ENDINGS = {"application/pdf": "pdf", "text/csv": "csv", XLSX: "xlsx", "image/png": "png", "image/jpeg": "jpg"}
WORDS = "a PDF, a spreadsheet (CSV or XLSX) or a picture (PNG or JPEG)"


@dataclass(frozen=True)
class Upload:
    """A file that somebody sent, looked at: what it is, and under which name people will see it."""

    file: "File[bytes]"
    name: str
    content_type: str


def looked_at(sent: "UploadedFile") -> Upload:
    """What a file is that somebody sent. Raises ValidationError for one that is too large, empty, or of another type.

    Its name keeps its words and gets the ending of what it is (a page named report.pdf is no PDF).
    """
    size = sent.size or 0
    if size > LIMIT:
        raise ValidationError(
            f"This file is {size / 1024 / 1024:.1f} MB; a file may have {LIMIT // 1024 // 1024}. Send a smaller one."
        )
    if not size:
        raise ValidationError("This file is empty. Send one with something in it.")
    kind = _kind_of(sent)
    sent.seek(0)
    if kind is None:
        raise ValidationError(f"This is not {WORDS}. Save it as one of these and send it again.")
    stem = PurePath((sent.name or "").replace("\\", "/").rpartition("/")[2]).stem
    try:
        stem = gate.passed(stem, limit=1_000, lines=False)
    except ValidationError:
        stem = ""
    return Upload(sent, f"{stem[: gate.NAME - 5].strip('. ') or 'file'}.{ENDINGS[kind]}", kind)


def attach(post: Post, upload: Upload, *, by: "Member") -> Attachment:
    """Keep a file with a post. Part of a verb: asks nothing, records nothing."""
    made = Attachment(post=post, name=upload.name, content_type=upload.content_type, size=upload.file.size, by=by)
    made.file.save(upload.name, upload.file, save=False)
    made.save()
    return made


def _kind_of(file: "IO[bytes] | File[bytes]") -> str | None:
    file.seek(0)
    start = file.read(4096)
    if start.startswith(b"%PDF-"):
        return "application/pdf"
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if start.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if start.startswith(b"PK\x03\x04"):
        return XLSX if _is_workbook(file) else None
    return "text/csv" if _is_table(file) else None


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
