"""A program of its own that reads a document that somebody sent, and answers with its title and its Markdown.

It reads `document` in its folder, and writes the pictures in it as `picture-0` and so on; the Markdown names them as
`picture:<mark>-0`, with the mark it was given. What it refuses, it answers as `refused`, a sentence for whoever sent it.
"""

import re
from pathlib import Path
from typing import Any

import mammoth
from bs4 import BeautifulSoup

from commons import apart
from knowledge.documents.archives import DAMAGED, TOO_DEEP, Refused, opened
from knowledge.documents.markdown import DATA, markdown_of, picture_in
from knowledge.documents.odt import html_of

PICTURES_MOST = 40
PICTURE_BYTES = 20 * 1024 * 1024
NOT_UTF8 = "This text is not in UTF-8. Save it as UTF-8, and send that."
_WITHIN = re.compile(rf"!\[([^\[\]\n]{{0,500}})\]\(({DATA.pattern}[A-Za-z0-9+/=]+)\)", re.IGNORECASE)
STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='Subtitle'] => h2:fresh
p[style-name='Quote'] => blockquote > p:fresh
p[style-name='Intense Quote'] => blockquote > p:fresh
p[style-name='Quotations'] => blockquote > p:fresh
p[style-name='List Bullet 2'] => ul|ol > li > ul > li:fresh
p[style-name='List Bullet 3'] => ul|ol > li > ul|ol > li > ul > li:fresh
p[style-name='List Number 2'] => ul|ol > li > ol > li:fresh
p[style-name='List Number 3'] => ul|ol > li > ul|ol > li > ol > li:fresh
"""


class Pictures:
    """The pictures of a document, each written down once it is met."""

    def __init__(self, mark: str) -> None:
        self.mark, self.count = mark, 0

    def keep(self, inside: bytes) -> str:
        """Write a picture down; gives how the Markdown names it. One too many, or too large, is named and not written."""
        number, self.count = self.count, self.count + 1
        if number < PICTURES_MOST and len(inside) <= PICTURE_BYTES:
            Path(f"picture-{number}").write_bytes(inside)
        return f"picture:{self.mark}-{number}"


def main(kind: str, mark: str, most: int) -> dict[str, Any]:
    """Read the document, of this kind (docx, odt, html, md). One of more than `most` characters is refused."""
    pictures = Pictures(mark)
    try:
        title, body = READERS[kind](pictures)
    except Refused as refused:
        return {"refused": str(refused)}
    except RecursionError:
        return {"refused": TOO_DEEP}
    body = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", body)
    if len(body) > most:
        return {"refused": f"Its text has {len(body):,} characters, and a post holds {most:,}. Open it in parts."}
    return {"title": " ".join(title.split())[:1_000], "body": body, "pictures": min(pictures.count, PICTURES_MOST)}


def _docx(pictures: Pictures) -> tuple[str, str]:
    opened("document").close()

    def keep(image: Any) -> dict[str, str]:
        with image.open() as file:
            return {"src": pictures.keep(file.read())}

    with Path("document").open("rb") as file:
        try:
            html = mammoth.convert_to_html(
                file,
                convert_image=mammoth.images.img_element(keep),
                style_map=STYLES,
                include_embedded_style_map=False,
                external_file_access=False,
            ).value
        except (MemoryError, RecursionError):
            raise
        except Exception as failed:  # the library raises anything on what no word processor writes
            if isinstance(failed, OSError) and failed.errno in apart.NO_ROOM:
                raise
            raise Refused(DAMAGED) from None
    return markdown_of(_footnotes(html), pictures.keep)


def _footnotes(html: str) -> str:
    """Footnotes as mammoth writes them, in our own tags."""
    soup = BeautifulSoup(html, "html.parser")
    for mark in soup.select("sup > a[id*=note-ref-]"):
        number = re.sub(r"\D+", "", mark.get_text())
        if mark.parent and number:
            mark.parent.replace_with(soup.new_tag("noted", attrs={"number": number}))
    for notes in soup.select("ol:has(> li[id*=note-])"):
        for place, note in enumerate(notes.find_all("li", recursive=False), 1):
            for back in note.select("a[href*=note-ref-]"):
                back.decompose()
            note.name, note.attrs = "note", {"number": str(place)}
        notes.unwrap()
    return str(soup)


def _odt(pictures: Pictures) -> tuple[str, str]:
    with opened("document") as archive:
        return markdown_of(html_of(archive, pictures.keep), pictures.keep)


def _html(pictures: Pictures) -> tuple[str, str]:
    return markdown_of(Path("document").read_bytes(), pictures.keep)


def _md(pictures: Pictures) -> tuple[str, str]:
    inside = Path("document").read_bytes()
    try:
        text = inside.decode("utf-16" if inside.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(NOT_UTF8) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    text = _WITHIN.sub(lambda found: f"![{found[1]}]({picture_in(found[2], pictures.keep)})", text)
    heading = re.match(r"\s*(?:#{1,6}[ \t]+([^\n]+?)[ \t]*#*|([^\n#>*-][^\n]*)\n=+)[ \t]*(?:\n|$)", text)
    if heading is None:
        return "", text
    return heading[1] or heading[2], text[heading.end() :].strip("\n")


READERS = {"docx": _docx, "odt": _odt, "html": _html, "md": _md}

if __name__ == "__main__":
    apart.serve(main)
