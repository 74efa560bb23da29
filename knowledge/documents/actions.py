"""A document that somebody wrote elsewhere, opened into a draft."""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from secrets import token_hex
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from django.db import transaction

from commons import apart, gate
from knowledge.documents.archives import SECONDS
from knowledge.posts.attachments import MIB, PICTURE_SECONDS, TAKES_TOO_MUCH, Upload, attach, looked_at
from knowledge.posts.conversions import begin_conversion
from knowledge.posts.drafts import TooManyDrafts, begin_draft, require_room_for_draft
from knowledge.posts.models import ConversionKind

if TYPE_CHECKING:
    from accounts.members.models import Member
    from knowledge.posts.conversions import Beat
    from knowledge.posts.models import Conversion, Draft

PICTURES_SECONDS = 60.0  # of processor time, for all its pictures; those that are left then are left out
PICTURE_REFUSED_SECONDS = 1.0  # what one that is refused counts for
LEFT_OUT = "*(A picture stood here that could not be opened.)*"
WORDS = "a Word document (.docx), an OpenDocument text (.odt), a web page (.html) or Markdown (.md)"
OLD_WORD = "This is an old Word document (.doc), or one with a password. Save it as .docx without one, and open that."
NOT_ONE = f"This is not {WORDS}. Save it as one of these, and open that."
TOO_MUCH = "This document takes too much to read. Save it anew, or open it in parts."
NOTHING = "There is no text in this document."
BY_ENDING = {".html": "html", ".htm": "html", ".md": "md", ".markdown": "md", ".txt": "md"}


@dataclass(frozen=True)
class Document:
    """What was read of a document: the Markdown names its pictures by `mark` and number."""

    title: str
    body: str
    mark: str
    pictures: Sequence[Upload | None]  # None for one that could not be opened


def inspect_document(sent: "File[bytes]") -> str:
    """Tell of which kind a document is (docx, odt, html, md), without taking it apart. Raises ValidationError for what is none, is
    empty, or is too large.
    """
    size, most = sent.size or 0, settings.ATTACHMENT_LIMIT
    if size > most:
        raise ValidationError(f"This file is {size / MIB:.1f} MB; one may have {most // MIB}. Open it in parts.")
    return _kind_of(sent)


def open_later(sent: "File[bytes]", *, by: "Member") -> "Conversion":
    """Have the worker open a document into a draft. Raises ValidationError for what `inspect_document` and `begin_conversion` refuse,
    and TooManyDrafts.
    """
    inspect_document(sent)
    require_room_for_draft(by)
    return begin_conversion(ConversionKind.DOCUMENT, sent, by=by)


def read_document(sent: "File[bytes]", *, beat: "Beat | None" = None) -> Document:
    """Return what a document says that somebody sent. Its title is its first heading, or its file's name.

    For the worker: it takes up to `SECONDS`, and those of its pictures. Raises ValidationError for what is none, is too large, or
    takes too much; and what `apart.run` raises for a program that was interrupted.
    """
    kind, mark = inspect_document(sent), token_hex(8)
    with tempfile.TemporaryDirectory() as folder:
        sent.seek(0)
        with Path(folder, "document").open("wb") as file:
            file.writelines(sent.chunks())
        try:
            read = apart.run(
                "knowledge.documents.converting",
                folder,
                seconds=SECONDS,
                beat=beat,
                kind=kind,
                mark=mark,
                most=gate.BODY,
            )
        except apart.Failed:
            raise ValidationError(TOO_MUCH) from None
        if refused := read.get("refused"):
            raise ValidationError(refused)
        pictures = _pictures(folder, int(read["pictures"]), beat)
    body = gate.passed(read["body"], limit=gate.BODY, lines=True, what="a post")
    title = _title(read["title"]) or _title(PurePath(sent.name or "").stem.replace("_", " "))
    if not body:
        raise ValidationError(NOTHING)
    return Document(title, body, mark, pictures)


def keep_document(document: Document, *, by: "Member") -> "Draft":
    """Begin a draft with a document that waited. Raises ValidationError where the member has too many drafts by now."""
    try:
        return open_document(document, by=by)
    except TooManyDrafts as many:
        raise ValidationError(f"{many} Then open this again.") from None


@transaction.atomic
def open_document(document: Document, *, by: "Member") -> "Draft":
    """Begin a draft with what a document says; its pictures become files of the member's. Raises TooManyDrafts, and what
    `attach` raises.
    """
    lines = [attach(None, picture, by=by).get_absolute_url() if picture else "" for picture in document.pictures]

    def placed(found: re.Match[str]) -> str:
        number = int(found[2])
        address = lines[number] if number < len(lines) else ""
        return f"![{found[1]}]({address})" if address else LEFT_OUT

    named = re.compile(rf"!\[((?:\\.|[^\[\]\\])*)\]\(picture:{document.mark}-(\d{{1,6}})\)")
    body = gate.passed(named.sub(placed, document.body), limit=gate.BODY, lines=True, what="a post")
    return begin_draft(by=by, title=document.title, body=body)


def _kind_of(sent: "File[bytes]") -> str:
    sent.seek(0)
    start = sent.read(4096)
    if not start:
        raise ValidationError("This file is empty. Open one with something in it.")
    if start.startswith(b"PK\x03\x04"):
        return "odt" if b"application/vnd.oasis.opendocument.text" in start[:200] else "docx"
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise ValidationError(OLD_WORD)
    is_text = not start.startswith((b"%PDF-", b"{\\rtf")) and (
        b"\0" not in start or start[:2] in (b"\xff\xfe", b"\xfe\xff")
    )
    kind = BY_ENDING.get(PurePath(sent.name or "").suffix.lower())
    if not (is_text and kind):
        raise ValidationError(NOT_ONE)
    return kind


def _pictures(folder: str, count: int, beat: "Beat | None") -> list[Upload | None]:
    """The pictures of a document, each drawn anew; None in the place of one that could not be, or that there is no time for."""
    left = PICTURES_SECONDS
    pictures: list[Upload | None] = []
    for number in range(count):
        picture, took = _picture(Path(folder, f"picture-{number}"), min(PICTURE_SECONDS, int(left)), beat)
        left -= took
        pictures.append(picture)
    return pictures


def _picture(path: Path, seconds: int, beat: "Beat | None") -> tuple[Upload | None, float]:
    """A picture, and the seconds of processor time it took, as far as they are known."""
    if seconds < 1 or not path.exists():
        return None, 0.0
    try:
        upload = looked_at(ContentFile(path.read_bytes(), path.name), seconds=seconds, beat=beat)
    except ValidationError as refused:
        return None, seconds if refused.code == TAKES_TOO_MUCH else PICTURE_REFUSED_SECONDS
    return (upload if upload.width else None), upload.processor_seconds


def _title(text: str) -> str:
    """A title of what a document calls itself, cut between words; "" where it cannot be one."""
    try:
        line = gate.passed(text, limit=10_000, lines=False)
    except ValidationError:
        return ""
    return (
        line if len(line) <= gate.TITLE else f"{line[: gate.TITLE - 1].rpartition(' ')[0] or line[: gate.TITLE - 1]}…"
    )
