"""What documents cost that were made to cost much, and large honest ones: processor seconds, until read or refused.

    python -m bench.documents [WORDS OF A NAME ...]

Each is read in a process of its own, with the limit that documents have (`SECONDS`).
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from commons import apart, gate
from knowledge.documents import converting
from knowledge.documents.archives import SECONDS
from tests.documents import samples

PARAGRAPH = "<w:p><w:r><w:t>some words</w:t></w:r></w:p>"
CELL = f"<w:tc>{PARAGRAPH}</w:tc>"


def hostile() -> Iterator[tuple[str, str, bytes]]:
    """A name, a kind and a document, for each."""
    yield "table, 40,000 <tr><td> never ended", "html", b"<table>" + b"<tr><td>x" * 40_000
    yield "table, 40,000 rows", "html", b"<table>" + b"<tr><td>x</td></tr>" * 40_000 + b"</table>"
    yield "40,000 <div> in one another", "html", b"<div>" * 40_000 + b"x"
    yield "40,000 <b> in one another", "html", b"<b>" * 40_000 + b"x"
    yield "200,000 <br>", "html", b"<p>a" + b"<br>" * 200_000
    yield "20,000 lists in one another", "html", b"<ul><li>x" * 20_000
    yield "9,000 numbered items", "html", b"<ol>" + b"<li>word" * 9_000
    yield "5,000 rows of a table's head", "html", b"<table><thead>" + b"<tr><td>x</td></tr>" * 5_000
    yield "20,000 cells over 99 rows", "html", b"<table>" + (b"<tr>" + b"<td rowspan=99>x</td>" * 50) * 400
    yield "an attribute of 10 MB", "html", b"<p style='" + b"font-weight:bold;" * 600_000 + b"'>x</p>"
    yield "200,000 attributes", "html", b"<p " + b" ".join(b"a%d=1" % number for number in range(200_000)) + b">x</p>"
    yield "100,000 <!--", "html", b"<!--" * 100_000 + b"x"
    yield "100,000 tags never ended", "html", b"<a " * 100_000 + b"x"
    yield "400,000 <", "html", b"<" * 400_000 + b"x"
    yield "60,000 CDATA", "html", b"<![CDATA[" * 60_000 + b">"
    yield "32,000 CDATA with an end", "html", b"<![CDATA[>" * 32_000
    yield "53,000 <![if>", "html", b"<![if>" * 53_000
    yield "80,000 spaces", "html", b"<p>" + b" " * 80_000 + b"x"
    yield "80,000 spaces, each behind a comment", "html", b"<p>" + b" <!---->" * 80_000 + b"x"
    yield "80,000 spaces in <pre>", "html", b"<pre>" + b" " * 80_000 + b"x</pre>"
    yield "40,000 emphasized spans", "html", b"<span style='font-weight:bold;font-style:italic'>x</span>" * 39_000
    yield "Word, 100,000 paragraphs", "docx", samples.word_of(PARAGRAPH * 100_000)
    yield "Word, a table of 40,000 rows", "docx", samples.word_of(f"<w:tbl>{f'<w:tr>{CELL}</w:tr>' * 40_000}</w:tbl>")
    yield "Word, 60,000 runs", "docx", samples.word_of(f"<w:p>{'<w:r><w:t>x</w:t></w:r>' * 60_000}</w:p>")
    yield (
        "Word, 400 tables in one another",
        "docx",
        samples.word_of("<w:tbl><w:tr><w:tc>" * 400 + "</w:tc></w:tr></w:tbl>" * 400),
    )
    yield "OpenDocument, 100,000 paragraphs", "odt", samples.open_document_of("<text:p>x</text:p>" * 100_000)
    yield "OpenDocument, cells repeated in repeated rows", "odt", samples.open_document_of(samples.REPEATED)
    yield "Markdown, 100,000 pictures begun", "md", b"![a](data:image/png;base64," * 100_000


def honest() -> Iterator[tuple[str, str, bytes]]:
    """The same for large documents as people write them."""
    yield "5,000 paragraphs", "html", b"<p>Nine in ten found nobody at home.</p>" * 5_000
    yield "a table of 9,000 cells", "html", b"<table>" + (b"<tr>" + b"<td>word x</td>" * 5 + b"</tr>") * 1_800
    yield "Word, 5,000 paragraphs", "docx", samples.word_of(PARAGRAPH * 5_000)
    yield "Word, a table of 4,500 cells", "docx", samples.word_of(f"<w:tbl>{f'<w:tr>{CELL * 5}</w:tr>' * 900}</w:tbl>")
    yield "OpenDocument, 9,000 paragraphs", "odt", samples.open_document_of("<text:p>some words</text:p>" * 9_000)


def measure(name: str, kind: str, inside: bytes) -> None:
    """Read one in a process of its own, and print what it cost."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "document").write_bytes(inside)
        sys.stdout.flush()
        process = os.fork()
        if process == 0:
            os.chdir(folder)
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
            resource.setrlimit(resource.RLIMIT_AS, (apart.MEMORY, apart.MEMORY))
            began = time.process_time()
            read = converting.main(kind, "mark", gate.BODY)
            took = time.process_time() - began
            print(f"{name:<46} {len(inside) // 1000:>7,} kB {took:6.2f} s  {read.get('refused') or 'read'}", flush=True)
            os._exit(0)
        if os.waitpid(process, 0)[1]:
            print(f"{name:<46} {len(inside) // 1000:>7,} kB  over {SECONDS} s, or out of memory: ended")


def main() -> None:
    words = sys.argv[1:]
    for title, documents in (("Made to cost much", hostile()), ("Honest", honest())):
        print(f"{title}\n")
        for name, kind, inside in documents:
            if not words or any(word in name for word in words):
                measure(name, kind, inside)
        print()


if __name__ == "__main__":
    main()
