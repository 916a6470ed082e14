"""One small real file of each kind, made here: the formats are text, or text in a ZIP."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.integration.ingestion.outlook import msg
from tests.integration.ingestion.pictures import png, tiff

HERE = Path(__file__).parent
SAID = "The Aurora Line runs three ferries a day."
XML = '<?xml version="1.0" encoding="UTF-8"?>'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def zipped(files: Mapping[str, str | bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return held.getvalue()


def office(parts: Mapping[str, tuple[str, str]], main: str, more: Mapping[str, str]) -> bytes:
    """An Office package: `parts` maps a part's path to its content type and content."""
    types = "".join(
        f'<Override PartName="/{path}" ContentType="{kind}"/>' for path, (kind, _) in parts.items()
    )
    relations = "application/vnd.openxmlformats-package.relationships+xml"
    return zipped(
        {
            "[Content_Types].xml": f'{XML}<Types xmlns="{PACKAGE}/content-types">'
            f'<Default Extension="rels" ContentType="{relations}"/>{types}</Types>',
            "_rels/.rels": relations_of({"rId1": ("officeDocument", main)}),
            **{path: content for path, (_, content) in parts.items()},
            **more,
        }
    )


def relations_of(targets: Mapping[str, tuple[str, str]]) -> str:
    entries = "".join(
        f'<Relationship Id="{name}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for name, (kind, target) in targets.items()
    )
    return f'{XML}<Relationships xmlns="{PACKAGE}/relationships">{entries}</Relationships>'


WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def docx(body: str = "", parts: Mapping[str, str] | None = None) -> bytes:
    """`body` is WordprocessingML; `parts` are others by kind, such as `footnotes` or `header`."""
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    body = body or (
        '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Ferries</w:t></w:r></w:p>'
        f"<w:p><w:r><w:t>{SAID}</w:t></w:r></w:p>"
    )
    parts = parts or {}
    document = f'{XML}<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>'
    packed = {
        f"word/{name}.xml": (f"{kind}.{name}+xml", f"{XML}{content}")
        for name, content in {"document.main": document, **parts}.items()
    }
    links = {f"rId{n}": (name, f"{name}.xml") for n, name in enumerate(parts)}
    more = {"word/_rels/document.main.xml.rels": relations_of(links)}
    return office(packed, "word/document.main.xml", more)


DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def xlsx(
    sheets: Mapping[str, str] | None = None, styles: str = "", shapes: Sequence[str] = ()
) -> bytes:
    """`sheets` are SpreadsheetML by name: what stands in a worksheet. `shapes` lie on the first."""
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    said = f'<row r="1"><c r="A1" t="inlineStr"><is><t>{SAID}</t></is></c></row>'
    sheets = sheets or {"Ferries": f"<sheetData>{said}</sheetData>"}
    listed = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(sheets, 1)
    )
    book = f'{XML}<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}"><sheets>{listed}</sheets></workbook>'
    parts = {"xl/workbook.xml": (f"{kind}.sheet.main+xml", book)}
    links = {}
    for n, content in enumerate(sheets.values(), 1):
        page = f'{XML}<worksheet xmlns="{SHEET}">{content}</worksheet>'
        parts[f"xl/worksheets/sheet{n}.xml"] = (f"{kind}.worksheet+xml", page)
        links[f"rId{n}"] = ("worksheet", f"worksheets/sheet{n}.xml")
    if styles:
        parts["xl/styles.xml"] = (
            f"{kind}.styles+xml",
            f'{XML}<styleSheet xmlns="{SHEET}">{styles}</styleSheet>',
        )
        links["styles"] = ("styles", "styles.xml")
    more = {"xl/_rels/workbook.xml.rels": relations_of(links)}
    if shapes:
        told = "".join(
            f"<x:sp><x:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></x:txBody></x:sp>"
            for text in shapes
        )
        drawing = f'{XML}<x:wsDr xmlns:x="urn:x" xmlns:a="{DRAWING}">{told}</x:wsDr>'
        parts["xl/drawings/drawing1.xml"] = ("application/xml", drawing)
        link = {"rId1": ("drawing", "../drawings/drawing1.xml")}
        more["xl/worksheets/_rels/sheet1.xml.rels"] = relations_of(link)
    return office(parts, "xl/workbook.xml", more)


SHOW = "http://schemas.openxmlformats.org/presentationml/2006/main"


def pptx(slides: Sequence[Sequence[tuple[str, str]]] = (), notes: Sequence[str] = ()) -> bytes:
    """`slides` are shapes, each a placeholder's type (or nothing) and its text."""
    kind = "application/vnd.openxmlformats-officedocument.presentationml"
    slides = slides or [[("", SAID)]]
    listed = "".join(f'<p:sldId id="{256 + n}" r:id="rId{n}"/>' for n, _ in enumerate(slides, 1))
    show = (
        f'{XML}<p:presentation xmlns:p="{SHOW}" xmlns:r="{OFFICE}"><p:sldIdLst>{listed}'
        "</p:sldIdLst></p:presentation>"
    )
    parts = {"ppt/presentation.xml": (f"{kind}.presentation.main+xml", show)}
    links, more = {}, {}
    for n, shapes in enumerate(slides, 1):
        parts[f"ppt/slides/slide{n}.xml"] = (f"{kind}.slide+xml", _slide("sld", shapes))
        links[f"rId{n}"] = ("slide", f"slides/slide{n}.xml")
    for n, text in enumerate(notes, 1):
        page = _slide("notes", [("sldImg", ""), ("body", text), ("sldNum", str(n))])
        parts[f"ppt/notesSlides/notesSlide{n}.xml"] = (f"{kind}.notesSlide+xml", page)
        link = {"rId1": ("notesSlide", f"../notesSlides/notesSlide{n}.xml")}
        more[f"ppt/slides/_rels/slide{n}.xml.rels"] = relations_of(link)
    more["ppt/_rels/presentation.xml.rels"] = relations_of(links)
    return office(parts, "ppt/presentation.xml", more)


def _slide(kind: str, shapes: Sequence[tuple[str, str]]) -> str:
    told = "".join(
        f'<p:sp><p:nvSpPr><p:cNvPr id="{n}" name="Text"/><p:cNvSpPr/><p:nvPr>'
        f"{f'<p:ph type={chr(34)}{role}{chr(34)}/>' if role else ''}</p:nvPr></p:nvSpPr><p:spPr/>"
        f"<p:txBody><a:bodyPr/><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"
        for n, (role, text) in enumerate(shapes, 2)
    )
    return (
        f'{XML}<p:{kind} xmlns:p="{SHOW}" xmlns:a="{DRAWING}"><p:cSld><p:spTree>{told}</p:spTree>'
        f"</p:cSld></p:{kind}>"
    )


OPEN = "urn:oasis:names:tc:opendocument:xmlns"


def open_document(kind: str, body: str, styles: str = "") -> bytes:
    """`kind` is "text", "spreadsheet" or "presentation"."""
    spaces = "".join(
        f' xmlns:{name}="{OPEN}:{name}:1.0"'
        for name in ("office", "text", "table", "style", "drawing", "presentation")
    )
    content = (
        f"{XML}<office:document-content{spaces}><office:body><office:{kind}>{body}"
        f"</office:{kind}></office:body></office:document-content>"
    )
    files = {
        "mimetype": f"application/vnd.oasis.opendocument.{kind}",
        "content.xml": content,
        "styles.xml": f"{XML}<office:document-styles{spaces}>{styles}</office:document-styles>",
    }
    return zipped(files)


def epub() -> bytes:
    container = (
        f'{XML}<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
        '<rootfiles><rootfile full-path="book.opf"'
        ' media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    book = (
        f'{XML}<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="i">'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Ferries</dc:title>'
        '<dc:identifier id="i">1</dc:identifier></metadata><manifest>'
        '<item id="c" href="c.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="c"/></spine></package>'
    )
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "book.opf": book,
            "c.xhtml": _page(),
        }
    )


def _page() -> str:
    return (
        f'{XML}<html xmlns="http://www.w3.org/1999/xhtml"><head><title>Ferries</title></head>'
        f'<body><h1>Ferries</h1><p>{SAID}</p><p style="display:none">Hidden.</p></body></html>'
    )


def pdf(encrypted: bool = False) -> bytes:
    """Two pages; `encrypted` says that a password is needed, with keys that fit none."""
    pages = [drawn((72, 720, 12, SAID)), drawn((72, 720, 12, "Bicycles travel free on weekdays."))]
    return pdf_of(pages, encrypted=encrypted)


def drawn(*texts: tuple[float, float, float, str]) -> str:
    """Page content: x, y, size and words of each text."""
    return "\n".join(f"BT /F1 {size} Tf {x} {y} Td ({words}) Tj ET" for x, y, size, words in texts)


def written(*pages: str) -> bytes:
    """A PDF with one line of text on each page."""
    return pdf_of([drawn((60, 700, 18, page)) for page in pages])


def pdf_of(
    pages: Sequence[str],
    *,
    title: str = "",
    turned: int = 0,
    encrypted: bool = False,
    annotations: Sequence[str] = (),
) -> bytes:
    """`pages` are content streams, shown `turned` by so many degrees.

    `annotations` lie on each page; where there are some the file is a form.
    """
    first = 4
    kids = " ".join(f"{first + 2 * n} 0 R" for n in range(len(pages)))
    placed = f"[{' '.join(annotations)}]"
    form = f"/AcroForm<</Fields{placed}/DR<</Font<</F1 3 0 R>>>>>>" if annotations else ""
    objects = [
        f"<</Type/Catalog/Pages 2 0 R{form}>>",
        f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    for n, content in enumerate(pages):
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Rotate {turned}"
            f"/Contents {first + 2 * n + 1} 0 R/Resources<</Font<</F1 3 0 R>>>>/Annots{placed}>>"
        )
        objects.append(f"<</Length {len(content)}>>\nstream\n{content}\nendstream")
    trailer = "/Root 1 0 R"
    if title:
        objects.append(f"<</Title({title})>>")
        trailer += f"/Info {len(objects)} 0 R"
    if encrypted:
        key = "41" * 32
        objects.append(f"<</Filter/Standard/V 1/R 2/P -4/O<{key}>/U<{key}>>>")
        trailer += f"/Encrypt {len(objects)} 0 R/ID[<{'42' * 16}><{'42' * 16}>]"
    body, places = b"%PDF-1.4\n", []
    for n, held in enumerate(objects, 1):
        places.append(len(body))
        body += f"{n} 0 obj\n{held}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = (
        f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
        f"trailer\n<</Size {len(objects) + 1}{trailer}>>\nstartxref\n{len(body)}\n%%EOF\n"
    )
    return body + end.encode()


def slide_of(text: str, more: str = "", shown: str = "") -> str:
    return (
        f'<drawing:page drawing:style-name="{shown}"><drawing:frame><drawing:text-box>'
        f"<text:p>{text}</text:p></drawing:text-box></drawing:frame>{more}</drawing:page>"
    )


def _cells(text: str) -> str:
    return (
        '<table:table table:name="Ferries"><table:table-row><table:table-cell>'
        f"<text:p>{text}</text:p></table:table-cell></table:table-row></table:table>"
    )


def all_kinds() -> dict[str, bytes]:
    """By extension: every kind that contracts.ingestion.media_types knows."""
    html, markdown = _page().encode(), f"# Ferries\n\n{SAID}\n".encode()
    text, yaml = SAID.encode(), f"ferries: {SAID}\n".encode()
    cell = f'{{"cell_type": "markdown", "metadata": {{}}, "source": ["{SAID}"]}}'
    return {
        "csv": f"line,says\nAurora,{SAID}\n".encode(),
        "docm": docx(),
        "docx": docx(),
        "dotx": docx(),
        "eml": f"From: a@b.c\nTo: d@e.f\nSubject: Ferries\n\n{SAID}\n".encode(),
        "epub": epub(),
        "htm": html,
        "html": html,
        "ipynb": f'{{"cells": [{cell}], "metadata": {{}}, "nbformat": 4}}'.encode(),
        "jpeg": (HERE / "sign.jpg").read_bytes(),
        "jpg": (HERE / "sign.jpg").read_bytes(),
        "json": f'{{"ferries": "{SAID}"}}'.encode(),
        "jsonl": f'{{"ferries": "{SAID}"}}\n{{"ferries": "none"}}\n'.encode(),
        "log": text,
        "markdown": markdown,
        "md": markdown,
        "msg": msg({"0037": "Ferries", "1000": SAID}),
        "odp": open_document("presentation", slide_of(SAID)),
        "ods": open_document("spreadsheet", _cells(SAID)),
        "odt": open_document("text", f"<text:p>{SAID}</text:p>"),
        "pdf": pdf(),
        "png": png(written(SAID)),
        "ppsx": pptx(),
        "pptm": pptx(),
        "pptx": pptx(),
        "rst": f"Ferries\n=======\n\n{SAID}\n".encode(),
        "rtf": rf"{{\rtf1\ansi {SAID}}}".encode(),
        "tif": tiff(written(SAID)),
        "tiff": tiff(written(SAID)),
        "tsv": f"line\tsays\nAurora\t{SAID}\n".encode(),
        "txt": text,
        "xhtml": html,
        "xlsm": xlsx(),
        "xlsx": xlsx(),
        "xltx": xlsx(),
        "xml": f"{XML}<ferries><line>{SAID}</line></ferries>".encode(),
        "yaml": yaml,
        "yml": yaml,
        "zip": zipped({f"{SAID}.txt": SAID}),
    }
