"""Documents as word processors write them, and as enemies do."""

import io
import zipfile

from docx import Document
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Inches

from tests.pictures import picture


def word() -> bytes:
    """What an outreach worker wrote in Word: a title, headings, lists, a table with merged cells, a link, a picture."""
    document = Document()
    document.add_heading("Keys next door", 0)
    document.add_heading("What we saw", 1)
    words = document.add_paragraph("Nine in ten found ")
    words.add_run("nobody").bold = True
    words.add_run(" at home, ")
    words.add_run("in March").italic = True
    words.add_run(". 2 * 3 < 7 & [so on] `on` #1")
    for line in ("Ring twice", "Leave a note"):
        document.add_paragraph(line, style="List Bullet")
    document.add_paragraph("A neighbour", style="List Bullet 2")
    for line in ("First", "Second"):
        document.add_paragraph(line, style="List Number")
    document.add_paragraph("1. is how this paragraph begins")
    document.add_heading("Numbers", 2)
    table = document.add_table(rows=3, cols=3)
    for row, cells in enumerate((("Month", "Visits", "Met"), ("March", "40", "4|5"), ("April", "38", "6"))):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    table.cell(1, 0).merge(table.cell(2, 0)).text = "Spring"
    document.add_paragraph("Somebody said so.", style="Quote")
    _link(document.add_paragraph("See "), "the report", "https://harborstreet.example/report (1).pdf")
    _link(document.add_paragraph("Not "), "this", "javascript:alert(1)")
    document.add_picture(io.BytesIO(picture("JPEG", (800, 600))), width=Inches(3))
    document.element.body.xpath(".//pic:cNvPr")[0].set("descr", "The kitchen [before]")
    document.element.body.xpath(".//wp:docPr")[0].set("descr", "The kitchen [before]")
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def word_with_buttons() -> bytes:
    """Lists as Word's own buttons make them: paragraphs of its style for lists, numbered by themselves."""
    document = Document()
    numbers = {
        name: document.styles[name].element.xpath("./w:pPr/w:numPr/w:numId/@w:val")[0]
        for name in ("List Bullet", "List Number")
    }
    for line, kind in (("Ring twice", "List Bullet"), ("Leave a note", "List Bullet"), ("Come back", "List Number")):
        paragraph = document.add_paragraph(line, style="List Paragraph")
        numbering = paragraph._p.get_or_add_pPr().get_or_add_numPr()
        numbering.get_or_add_ilvl().val, numbering.get_or_add_numId().val = 0, int(numbers[kind])
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _link(paragraph, words: str, address: str) -> None:
    key = paragraph.part.relate_to(address, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    link, run, text = OxmlElement("w:hyperlink"), OxmlElement("w:r"), OxmlElement("w:t")
    link.set(qn("r:id"), key)
    text.text = words
    run.append(text)
    link.append(run)
    paragraph._p.append(link)


def changed(archive: bytes, **parts: bytes) -> bytes:
    """A zip with some of its parts replaced, or added; "/" is written "__" in their names, "." is "_dot_"."""
    named = {name.replace("__", "/").replace("_dot_", "."): inside for name, inside in parts.items()}
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            if part.filename not in named:
                new.writestr(part.filename, old.read(part))
        for name, inside in named.items():
            new.writestr(name, inside)
    return file.getvalue()


def word_of(body: str, **parts: bytes) -> bytes:
    """A Word document with this body, in Word's XML."""
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    xml = f"<w:document {space}><w:body>{body}</w:body></w:document>".encode()
    return changed(word(), word__document_dot_xml=xml, **parts)


OFFICE = "urn:oasis:names:tc:opendocument:xmlns"
CONTENT = f"""<?xml version="1.0" encoding="UTF-8"?>
<office:document-content xmlns:office="{OFFICE}:office:1.0" xmlns:style="{OFFICE}:style:1.0" xmlns:text="{OFFICE}:text:1.0"
 xmlns:table="{OFFICE}:table:1.0" xmlns:draw="{OFFICE}:drawing:1.0" xmlns:fo="{OFFICE}:xsl-fo-compatible:1.0"
 xmlns:svg="{OFFICE}:svg-compatible:1.0" xmlns:xlink="http://www.w3.org/1999/xlink">
<office:automatic-styles>
<style:style style:name="P1" style:family="paragraph" style:parent-style-name="Title"/>
<style:style style:name="T1" style:family="text"><style:text-properties fo:font-weight="bold"/></style:style>
<style:style style:name="T2" style:family="text"><style:text-properties fo:font-style="italic"/></style:style>
<text:list-style style:name="L1"><text:list-level-style-number text:level="1"/></text:list-style>
<text:list-style style:name="L2"><text:list-level-style-bullet text:level="1"/></text:list-style>
</office:automatic-styles>
<office:body><office:text>
<text:sequence-decls/>
<text:p text:style-name="P1">Keys next door</text:p>
<text:h text:outline-level="2">What we saw</text:h>
<text:p>Nine in ten<text:s/>found <text:span text:style-name="T1">nobody</text:span>, \
<text:span text:style-name="T2">in March</text:span>.\
<text:note text:id="f1"><text:note-citation>1</text:note-citation><text:note-body><text:p>By our own count.</text:p></text:note-body>\
</text:note></text:p>
<text:list text:style-name="L2"><text:list-item><text:p>Ring twice</text:p><text:list><text:list-item><text:p>A neighbour</text:p>\
</text:list-item></text:list></text:list-item><text:list-item><text:p>Leave a note</text:p></text:list-item></text:list>
<text:list text:style-name="L1"><text:list-item><text:p>First</text:p></text:list-item><text:list-item><text:p>Second</text:p>\
</text:list-item></text:list>
<table:table><table:table-column table:number-columns-repeated="16384"/><table:table-header-rows><table:table-row>
<table:table-cell><text:p>Month</text:p></table:table-cell><table:table-cell><text:p>Met</text:p></table:table-cell></table:table-row>
</table:table-header-rows><table:table-row><table:table-cell><text:p>March</text:p></table:table-cell>
<table:table-cell table:number-columns-repeated="99999999"><text:p>4</text:p></table:table-cell></table:table-row></table:table>
<text:p>See <text:a xlink:href="https://harborstreet.example/report">the report</text:a>.<text:line-break/>Then go.</text:p>
<text:p><draw:frame><draw:image xlink:href="Pictures/1.png"/><svg:desc>The kitchen</svg:desc></draw:frame></text:p>
</office:text></office:body></office:document-content>"""


def open_document(content: str = CONTENT) -> bytes:
    """The same as LibreOffice writes it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("mimetype"), "application/vnd.oasis.opendocument.text")
        archive.writestr("content.xml", content)
        archive.writestr("Pictures/1.png", picture("PNG", (300, 200)))
    return file.getvalue()


def open_document_of(body: str) -> bytes:
    """An OpenDocument text with this body, in its XML."""
    begin, end = CONTENT.index("<office:text>") + len("<office:text>"), CONTENT.index("</office:text>")
    return open_document(CONTENT[:begin] + body + CONTENT[end:])


# 2,500 cells for each of 50, in a table within a cell of such a table
_ROW = "<table:table><table:table-row table:number-rows-repeated='50'>{}</table:table-row></table:table>"
_CELLS = "<table:table-cell table:number-columns-repeated='50'><text:p>words</text:p>{}</table:table-cell>"
REPEATED = _ROW.format(_CELLS.format(_ROW.format(_CELLS.format(_ROW.format(_CELLS.format(""))))))


def bomb(megabytes: int) -> bytes:
    """A Word document of some megabytes, one part of which unpacks to very many more."""
    file = io.BytesIO(word())
    with (
        zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("word/media/x.bin", "w", force_zip64=True) as part,
    ):
        zeros = b"\0" * 1024 * 1024
        for _ in range(megabytes):
            part.write(zeros)
    return file.getvalue()


def lying_bomb() -> bytes:
    """One whose document says that it is small, and is not."""
    inside = b"<w:document>" + b" " * 60_000_000
    archive = bytearray(changed(word(), word__document_dot_xml=inside))
    true, false = len(inside).to_bytes(4, "little"), (1_000).to_bytes(4, "little")
    return bytes(archive).replace(true, false)
