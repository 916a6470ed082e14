"""The golden corpus: small files that show what is read in each kind.

`python -m tests.integration.ingestion.corpus` writes what is read now beside each of them, for a
person to look at before it is committed.
"""

import sys
from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path
from typing import NamedTuple

from contracts.ingestion.media_types import media_type_of
from services.ingestion.models.parsed import Parsed
from tests.integration.ingestion.files import (
    WORD,
    XML,
    docx,
    drawn,
    open_document,
    pdf_of,
    pptx,
    slide_of,
    written,
    xlsx,
    zipped,
)
from tests.integration.ingestion.outlook import msg
from tests.integration.ingestion.pictures import png, scanned, tiff
from tests.integration.ingestion.variations import VARIATIONS

GOLDEN = Path(__file__).parent / "golden"


class Sample(NamedTuple):
    """A file, and what it shows, in words that the table of kinds takes over."""

    shows: str
    body: bytes


def shown(part: Parsed) -> str:
    """As an `.expected` file holds it: title and numbers of pages, then the text."""
    pages = " ".join(str(page.page) for page in part.pages) or "none"
    lines = [f"title: {part.title}", f"pages: {pages}"]
    lines += [f"part: {one.name} ({one.media_type})" for one in part.parts]
    lines += [f"note: {part.note}"] if part.note else []
    lines += [f"scanned: {' '.join(map(str, part.scanned))}"] if part.scanned else []
    return "\n".join([*lines, "", part.text, ""])


_CZECH = "Příliš žluťoučký kůň úpěl ďábelské ódy. Zaměstnanec smí čerpat dvacet dní dovolené."
_CHINESE = "员工出差住宿费每晚不超过六百元，超出部分须由部门经理批准。交通费按实际发票报销。"
_RUSSIAN = "Командировочные расходы на гостиницу не превышают пяти тысяч рублей за ночь."
_SHORT = "Größe: 37 Körbe\n"

_TEXTS = {
    "latin2.txt": Sample("encodings are told from the letters", _CZECH.encode("iso8859-2")),
    "gbk.txt": Sample("also those of Chinese", _CHINESE.encode("gbk")),
    "cyrillic.txt": Sample("and of Russian", _RUSSIAN.encode("cp1251")),
    "short.txt": Sample("a short line is enough", _SHORT.encode("cp1252")),
    "mended.txt": Sample(
        "one foreign byte stays one", "Prüfung für März, ".encode() + "Höhe 9 m".encode("latin-1")
    ),
    "signs.txt": Sample(
        "soft hyphens, zero-width signs and ligatures hide no word",
        "Donau\u00addampf\u200bschiff, \ufb01ne, \u0645\u062f\u0629 \ufefb\n".encode(),
    ),
    "front.md": Sample(
        "front matter gives the title; comments are left out; code is no heading",
        b'---\ntitle: "Rules: harbour"\n# no heading\ntags: [a]\n---\n\nShips '
        b"<!-- hidden -->call.\n\n"
        b"Noise\n-----\n\n```sh\n# no heading\nblow --horn <!-- kept -->\n```\n",
    ),
    "rules.rst": Sample(
        "underlined headings; code; tables; remarks are left out",
        b"=====\nRules\n=====\n\nCall on channel ``12``.\n\nNoise\n-----\n\n"
        b".. no one reads this\n\n"
        b"Run this::\n\n   # no heading\n   blow --horn\n\nNight\n-----\n\nNo horns.\n",
    ),
    "rules.rtf": Sample(
        "the final text of changes, in its code pages and symbol fonts; headings, lists, notes,"
        " boxes, headers, footers; merged cells. Hidden text is left out",
        rb"{\rtf1\ansi\ansicpg1252{\info{\title Fares}}Caf\'e9 fare \u8364?12\par "
        rb"\trowd\cellx1000\cellx2000 \intbl Route\cell Euro\cell\row "
        rb"\trowd\cellx1000\cellx2000 \intbl H\'f6fn\cell 9\cell\row \pard {\v secret}End.\par}",
    ),
}

_PAGE = """<!doctype html><html lang="en"><head><meta charset="windows-1252"><title>Fares</title>
<style>p{color:red}</style></head><body><nav><a href="/">Home</a></nav>
<div class="cookie-banner">We use cookies.</div>
<main><h1>Fares</h1><p>A caf\xe9 costs <b>9</b> m<sup>2</sup>.</p>
<table><tr><th rowspan="2">Route</th><th colspan="2">Euro</th></tr>
<tr><th>Week</th><th>Weekend</th></tr>
<tr><td>Skye</td><td>9</td><td>12</td></tr></table>
<ul><li>One<ul><li>Two</li></ul></li></ul><dl><dt>Berth</dt><dd>A place</dd></dl>
<p hidden>draft</p><p style="display: none">gone</p><img alt="Map of the quay">
<pre># no heading
x = 1</pre></main><aside>Related</aside><footer>Imprint</footer></body></html>"""

_BOOK = {
    "mimetype": "application/epub+zip",
    "META-INF/container.xml": f'{XML}<container xmlns="urn:c"><rootfiles>'
    '<rootfile full-path="in/book.opf"/></rootfiles></container>',
    "in/book.opf": f'{XML}<package xmlns="urn:p"><metadata xmlns:d="urn:d"><d:title>Tides</d:title>'
    '<d:language>en</d:language></metadata><manifest><item id="b" href="b%20.xhtml"/>'
    '<item id="a" href="a.xhtml"/></manifest><spine><itemref idref="a"/>'
    '<itemref idref="b"/></spine>'
    "</package>",
    "in/a.xhtml": "<html><body><h1>First</h1><p>High water.</p></body></html>",
    "in/b .xhtml": "<html><body><h1>Second</h1><p>Low water.</p></body></html>",
}

_PAGES = {
    "fares.html": Sample(
        "declared encodings; merged cells; lists; code; alternative texts. Navigation, cookie"
        " notices, asides, footers and hidden parts are left out",
        _PAGE.encode("cp1252"),
    ),
    "tides.epub": Sample("chapters in the order of reading", zipped(_BOOK)),
}

_TABLES = {
    "ships.csv": Sample(
        "any separator; a line `sep=;` is no header",
        'sep=;\nLine;Fare;Note\nAurora;2,50;"daily; also in winter"\nSöð;1,10;\n'.encode("cp1252"),
    ),
    "ships.tsv": Sample("tabs", b"Line\tFare\nAurora, fast\t2.50\nBorealis\t1.10\n"),
    "crew.xlsx": Sample(
        "sheets as pages; numbers as shown; merged cells; formulas without a result",
        xlsx(
            {
                "Crew": "<sheetData>"
                '<row r="1"><c r="A1" t="inlineStr"><is><t>Dock</t></is></c>'
                '<c r="B1" t="inlineStr"><is><t>Code</t></is></c>'
                '<c r="C1" t="inlineStr"><is><t>Share</t></is></c>'
                '<c r="D1" t="inlineStr"><is><t>Since</t></is></c></row>'
                '<row r="2"><c r="A2" t="inlineStr"><is><t>North</t></is></c><c r="B2" s="1">'
                '<v>1067</v></c><c r="C2" s="2"><v>0.125</v></c><c r="D2" s="3"><v>45730'
                "</v></c></row>"
                '<row r="3"><c r="B3" s="1"><v>7</v></c><c r="C3" s="2"><f>C2*2</f></c></row>'
                '</sheetData><mergeCells><mergeCell ref="A2:A3"/></mergeCells>',
                "Fares": '<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>Fare</t></is></c>'
                '<c r="B1" s="4"><v>1234.5</v></c></row></sheetData>',
            },
            '<numFmts><numFmt numFmtId="164" formatCode="00000"/>'
            '<numFmt numFmtId="165" formatCode="0.0%"/>'
            '<numFmt numFmtId="166" formatCode="dd.mm.yyyy"/>'
            '<numFmt numFmtId="167" formatCode="#,##0.00\\ [$EUR]"/></numFmts><cellXfs>'
            + "".join(f'<xf numFmtId="{form}"/>' for form in (0, 164, 165, 166, 167))
            + "</cellXfs>",
        ),
    ),
    "crew.ods": Sample(
        "sheets as pages; cells as shown; merged cells",
        open_document(
            "spreadsheet",
            '<table:table table:name="Crew"><table:table-row>'
            "<table:table-cell><text:p>Dock</text:p></table:table-cell>"
            "<table:table-cell><text:p>Code</text:p></table:table-cell></table:table-row>"
            '<table:table-row><table:table-cell table:number-rows-spanned="2">'
            "<text:p>North</text:p>"
            '</table:table-cell><table:table-cell office:value="7"><text:p>007</text:p>'
            "</table:table-cell></table:table-row><table:table-row><table:covered-table-cell/>"
            "<table:table-cell><text:p>008</text:p></table:table-cell></table:table-row>"
            "</table:table>",
        ),
    ),
}


def _run(text: str, properties: str = "") -> str:
    kept = '<w:t xml:space="preserve">'
    return f"<w:r><w:rPr>{properties}</w:rPr>{kept}{text}</w:t></w:r>"


def _par(*runs: str, style: str = "") -> str:
    named = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{named}{''.join(runs)}</w:p>"


def _cell(text: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{_par(_run(text))}</w:tc>"


_WORD_BODY = "".join(
    [
        _par(_run("Fares"), style="Heading1"),
        _par(
            _run("Sent within "),
            f'<w:del w:id="1">{_run("ninety").replace("w:t", "w:delText")}</w:del>',
            f'<w:ins w:id="2">{_run("thirty")}</w:ins>',
            _run(" days"),
            '<w:r><w:commentReference w:id="0"/></w:r>',
            '<w:r><w:footnoteReference w:id="2"/></w:r>',
            _run(" secret", "<w:vanish/>"),
            _run("."),
        ),
        "<w:tbl><w:tr>",
        _cell("Dock", '<w:vMerge w:val="restart"/>'),
        _cell("Euro", '<w:gridSpan w:val="2"/>'),
        "</w:tr><w:tr>",
        _cell("", "<w:vMerge/>"),
        _cell("Week"),
        _cell("Weekend"),
        "</w:tr><w:tr>",
        _cell("North"),
        _cell("9"),
        _cell("12"),
        "</w:tr></w:tbl>",
        (
            f"<w:p><w:r><w:pict><w:txbxContent>{_par(_run('In a box.'))}</w:txbxContent>"
            f"</w:pict></w:r>"
        ),
        "</w:p>",
        f"<w:sdt><w:sdtContent>{_par(_run('In a control.'))}</w:sdtContent></w:sdt>",
    ]
)
_WORD_PARTS = {
    "header": f'<w:hdr xmlns:w="{WORD}">{_par(_run("Contract HX-2231"))}</w:hdr>',
    "footer": f'<w:ftr xmlns:w="{WORD}">{_par(_run("Form F-88"))}<w:p><w:r><w:t>Page </w:t></w:r>'
    '<w:fldSimple w:instr=" PAGE "><w:r><w:t>1</w:t></w:r></w:fldSimple></w:p></w:ftr>',
    "footnotes": f'<w:footnotes xmlns:w="{WORD}"><w:footnote w:id="2">'
    f"{_par(_run('Strikes add eight days.'))}</w:footnote></w:footnotes>",
}
_BREAK = '<w:r><w:br w:type="page"/></w:r>'

_OFFICE = {
    "fares.docx": Sample(
        "the final text of changes; notes, boxes, headers, footers; merged cells; formulas; charts."
        " Remarks and hidden text are left out",
        docx(_WORD_BODY, _WORD_PARTS),
    ),
    "pages.docx": Sample(
        "pages where the file has breaks", docx(_par(_run("One."), _BREAK) + _par(_run("Two.")))
    ),
    "talk.pptx": Sample(
        "slides as pages, with the speaker's notes; without numbers",
        pptx(
            [
                [("title", "Kickoff"), ("body", "It starts in May."), ("sldNum", "1")],
                [("", "End.")],
            ],
            ["Say hello first."],
        ),
    ),
    "talk.odp": Sample(
        "slides as pages, with the speaker's notes; without numbers and hidden slides",
        open_document(
            "presentation",
            '<style:style style:name="off"><style:drawing-page-properties presentation:visibility='
            '"hidden"/></style:style>'
            + slide_of(
                "It starts in May.",
                '<drawing:frame presentation:class="title"><drawing:text-box><text:p>Kickoff'
                "</text:p></drawing:text-box></drawing:frame><drawing:frame presentation:class="
                '"page-number"><drawing:text-box><text:p>7</text:p></drawing:text-box>'
                "</drawing:frame><drawing:frame><desc>A quay</desc></drawing:frame>"
                "<presentation:notes><drawing:frame><drawing:text-box><text:p>Say hello first."
                "</text:p></drawing:text-box></drawing:frame></presentation:notes>",
            )
            + slide_of("secret", shown="off")
            + slide_of("End."),
        ),
    ),
    "rules.odt": Sample(
        "headings, lists, merged cells, notes, headers",
        open_document(
            "text",
            '<text:h text:outline-level="1">Rules</text:h><text:p>Call<text:s text:c="1"/>first.'
            "<text:note><text:note-body><text:p>On channel 12.</text:p>"
            "</text:note-body></text:note>"
            "</text:p><text:list><text:list-item><text:p>Slow</text:p></text:list-item>"
            "<text:list-item><text:p>Quiet</text:p></text:list-item></text:list>"
            "<table:table><table:table-row><table:table-cell><text:p>Dock</text:p>"
            "</table:table-cell>"
            "<table:table-cell><text:p>Depth</text:p></table:table-cell></table:table-row>"
            "<table:table-row><table:table-cell><text:p>1</text:p></table:table-cell>"
            "<table:table-cell><text:p>8 m</text:p></table:table-cell>"
            "</table:table-row></table:table>",
            "<office:master-styles><style:master-page><style:header><text:p>Form F-88</text:p>"
            "</style:header></style:master-page></office:master-styles>",
        ),
    ),
}

_CELLS = [
    *((72, 600, "Pump"), (200, 600, "Weeks"), (330, 600, "Team")),
    *((72, 584, "HX-1"), (200, 584, "5"), (330, 584, "North")),
    *((72, 568, "HX-2"), (200, 568, "9"), (330, 568, "South")),
]
_LEFT = [
    "The left column tells how the mechan-",
    "ic opens the drain of the press, and",
    "who may stand beside it then, and who",
]
_RIGHT = [
    "closes it again for the winter months.",
    "All of this is read after the whole of",
    "the left column, line by line.",
]
_COLUMNS = [
    (x, 700 - 14 * n, 10, text)
    for x, lines in ((60, _LEFT), (320, _RIGHT))
    for n, text in enumerate(lines)
]


def _report_page(number: int) -> str:
    """A running head, a list, a ruled table with a cell of two lines, a page number."""
    rules = "\n".join(f"72 {y} m 500 {y} l S" for y in (640, 620, 588, 568))
    texts = drawn(
        (72, 760, 9, "Harbour report"),
        (72, 720, 11, f"Page {number} tells what the crane lifts."),
        *((72, 700 - 14 * n, 11, "-") for n in range(2)),
        *((90, 700 - 14 * n, 11, f"Load {n} is short") for n in range(2)),
        *((x, 626, 11, words) for x, words in ((76, "Berth"), (160, "Duty"), (420, "Fee"))),
        *((76, 606, 11, "1"), (160, 606, 11, "Keep it clean, also in the"), (420, 606, 11, "9")),
        (160, 594, 11, "months of winter"),
        *((76, 574, 11, "2"), (160, 574, 11, "None"), (420, 574, 11, "8")),
        (300, 30, 9, f"{number}"),
    )
    return f"{texts}\n{rules}"


_PDF = {
    "tides.pdf": Sample(
        "headings; tables without lines; blank pages count; invented titles are left out",
        pdf_of(
            [
                drawn(
                    (72, 720, 20, "Tide tables"),
                    (72, 690, 11, "High water at Port Ellen is told here for"),
                    (72, 676, 11, "all of the summer."),
                    *((x, y, 11, words) for x, y, words in _CELLS),
                ),
                "",
                drawn((72, 720, 11, "Bicycles travel free on weekdays.")),
            ],
            title="(anonymous)",
        ),
    ),
    "turned.pdf": Sample(
        "pages that are shown turned",
        pdf_of(
            [
                (
                    "BT /F1 12 Tf 0 1 -1 0 100 100 Tm (A turned page is read) Tj 0 -16 Td"
                    " (line by line.) Tj ET"
                )
            ],
            turned=90,
        ),
    ),
    "report.pdf": Sample(
        "tables with lines; running heads once; no page numbers",
        pdf_of([_report_page(n) for n in (1, 2, 3)]),
    ),
    "columns.pdf": Sample(
        "columns one after the other; words broken at a line's end are whole",
        pdf_of([drawn((60, 740, 16, "Press"), *_COLUMNS)]),
    ),
}


def _mail() -> bytes:
    mail = EmailMessage()
    mail["From"] = "Åsa <asa@port.example>"
    mail["To"] = "crews@port.example"
    mail["Subject"] = "Quay 2 – closed"
    mail["Date"] = "Wed, 01 May 2024 08:00:00 +0000"
    mail.set_content("See below.", cte="quoted-printable")
    page = "<style>p{}</style><p>Quay 2 is closed on Friday; use quay <b>3</b>, as in März.</p>"
    mail.add_alternative(page, subtype="html", charset="iso-8859-1", cte="quoted-printable")
    mail.add_attachment("Kiste wiegt 9 kg.".encode("latin-1"), "text", "plain", filename="list.txt")
    mail.add_attachment(
        docx(_par(_run("Terms"), style="Heading1") + _par(_run("Thirty days."))),
        "application",
        "octet-stream",
        filename="terms.docx",
    )
    return mail.as_bytes()


_MAILS = {
    "notice.msg": Sample(
        "headers and text; attached files are documents of their own",
        msg(
            {"0037": "Quay 2", "0C1A": "Åsa", "5D01": "asa@port.example", "1000": "It is closed."},
            {"berths.csv": b"Berth;Depth\n1;8\n2;9\n"},
        ),
    ),
}
_DATA = {
    "lines.json": Sample(
        "numbers keep their digits; lists of like objects, and rows with named columns, are tables",
        b'{"line": {"name": "Stra\\u00dfe 17", "big": 12345678901234567890, "on": true, "stops":'
        b' ["Elm", "Oak"]}, "fares": [{"to": "Skye", "eur": 9.50}, {"to": "Ellen", "eur": 7}]}',
    ),
    "log.jsonl": Sample("a line is a row", b'{"at": "05:40", "who": "a_b"}\n{"at": "06:00"}\n'),
    "study.ipynb": Sample(
        "cells with what they printed",
        b'{"cells": [{"cell_type": "markdown", "source": ["# Yield\\n", "Nine percent."]}, {'
        b'"cell_type": "code", "source": "# no heading\\nx * 2", "outputs": [{"output_type":'
        b' "execute_result", "data": {"text/plain": ["result 42"]}}]}], "nbformat": 4}',
    ),
    "rules.xml": Sample(
        "attributes; text with elements in it is one text",
        f'{XML}<rules v="3"><note>At <b>most</b> 9 &lt;m&gt;.</note><rule id="R-7">'
        f"<max>9</max></rule>"
        '<rule id="R-8"><max>4</max></rule></rules>'.encode(),
    ),
    "conf.yaml": Sample("as written, with its remarks", b"# owned by blue\nport: 8443 # proxy\n"),
}


def _archive() -> bytes:
    odd = {"../../escape.txt": "One.", "C:\\drive.txt": "Two.", "a/./b//c.md": "# Three"}
    return zipped({**odd, "a/logo.bin": b"\x00", "__MACOSX/a.txt": "No file."})


_PICTURES = {
    "sign.png": Sample("text of pictures, where Tesseract is installed", png(written("No horns."))),
    "signs.tiff": Sample(
        "text of pictures, where Tesseract is installed; pages",
        tiff(written("No horns.", "No bells.")),
    ),
    "scan.pdf": Sample(
        "pages that are pictures, where Tesseract is installed",
        scanned(written("No horns.", "Text of the second page."), [1]),
    ),
}

SAMPLES: Mapping[str, Sample] = {
    **_TEXTS,
    **_PAGES,
    **_TABLES,
    **_OFFICE,
    **_PDF,
    **_MAILS,
    **_DATA,
    **_PICTURES,
    "all.zip": Sample(
        "a list of its files, each of which is a document of its own; a file of no known kind is"
        " named; paths lead nowhere else",
        _archive(),
    ),
    "notice.eml": Sample(
        "headers, the fullest form of the text; attached files are documents of their own",
        _mail(),
    ),
}
# What other extensions of the same kind show.
SAME_AS = {
    "log": "txt",
    "docm": "docx",
    "dotx": "docx",
    "ppsx": "pptx",
    "pptm": "pptx",
    "xlsm": "xlsx",
    "xltx": "xlsx",
    "htm": "html",
    "xhtml": "html",
    "markdown": "md",
    "yml": "yaml",
    "jpeg": "png",
    "jpg": "png",
    "tif": "tiff",
}


def main() -> None:
    from services.ingestion.services.reading.readers import read

    GOLDEN.mkdir(exist_ok=True)
    for name, body in {**{n: one.body for n, one in SAMPLES.items()}, **VARIATIONS}.items():
        text = shown(read(body, media_type_of(name) or ""))
        (GOLDEN / f"{name}.expected").write_text(text)
        sys.stdout.write(f"{'=' * 20} {name}\n{text}\n")


if __name__ == "__main__":
    main()
