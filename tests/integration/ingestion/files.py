"""One small real file of each kind, made here: the formats are text, or text in a ZIP."""

import io
import zipfile

SAID = "The Aurora Line runs three ferries a day."
_XML = '<?xml version="1.0" encoding="UTF-8"?>'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def _zip(files: dict[str, str]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return held.getvalue()


def _office(parts: dict[str, tuple[str, str]], main: str, more: dict[str, str]) -> bytes:
    """An Office package: `parts` maps a part's path to its content type and content."""
    types = "".join(
        f'<Override PartName="/{path}" ContentType="{kind}"/>' for path, (kind, _) in parts.items()
    )
    relations = "application/vnd.openxmlformats-package.relationships+xml"
    return _zip(
        {
            "[Content_Types].xml": f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
            f'<Default Extension="rels" ContentType="{relations}"/>{types}</Types>',
            "_rels/.rels": relations_of({"rId1": ("officeDocument", main)}),
            **{path: content for path, (_, content) in parts.items()},
            **more,
        }
    )


def relations_of(targets: dict[str, tuple[str, str]]) -> str:
    entries = "".join(
        f'<Relationship Id="{name}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for name, (kind, target) in targets.items()
    )
    return f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{entries}</Relationships>'


def docx() -> bytes:
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    body = (
        f'{_XML}<w:document xmlns:w="{space}"><w:body>'
        '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Ferries</w:t></w:r></w:p>'
        f"<w:p><w:r><w:t>{SAID}</w:t></w:r></w:p></w:body></w:document>"
    )
    return _office({"word/document.xml": (kind, body)}, "word/document.xml", {})


def xlsx() -> bytes:
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    book = (
        f'{_XML}<workbook xmlns="{space}" xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="Ferries" sheetId="1" r:id="rId1"/></sheets></workbook>'
    )
    sheet = (
        f'{_XML}<worksheet xmlns="{space}"><sheetData><row r="1"><c r="A1" t="inlineStr">'
        f"<is><t>{SAID}</t></is></c></row></sheetData></worksheet>"
    )
    parts = {
        "xl/workbook.xml": (f"{kind}.sheet.main+xml", book),
        "xl/worksheets/sheet1.xml": (f"{kind}.worksheet+xml", sheet),
    }
    links = {"rId1": ("worksheet", "worksheets/sheet1.xml")}
    return _office(parts, "xl/workbook.xml", {"xl/_rels/workbook.xml.rels": relations_of(links)})


def pptx() -> bytes:
    space = "http://schemas.openxmlformats.org/presentationml/2006/main"
    drawing = "http://schemas.openxmlformats.org/drawingml/2006/main"
    kind = "application/vnd.openxmlformats-officedocument.presentationml"
    show = (
        f'{_XML}<p:presentation xmlns:p="{space}" xmlns:r="{_OFFICE}"><p:sldIdLst>'
        '<p:sldId id="256" r:id="rId1"/></p:sldIdLst></p:presentation>'
    )
    slide = (
        f'{_XML}<p:sld xmlns:p="{space}" xmlns:a="{drawing}"><p:cSld><p:spTree><p:sp><p:nvSpPr>'
        '<p:cNvPr id="2" name="Text"/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/><p:txBody>'
        f"<a:bodyPr/><a:p><a:r><a:t>{SAID}</a:t></a:r></a:p></p:txBody></p:sp></p:spTree>"
        "</p:cSld></p:sld>"
    )
    parts = {
        "ppt/presentation.xml": (f"{kind}.presentation.main+xml", show),
        "ppt/slides/slide1.xml": (f"{kind}.slide+xml", slide),
    }
    links = {"rId1": ("slide", "slides/slide1.xml")}
    more = {"ppt/_rels/presentation.xml.rels": relations_of(links)}
    return _office(parts, "ppt/presentation.xml", more)


def odt() -> bytes:
    space = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'{_XML}<office:document-content xmlns:office="{space}:office:1.0"'
        f' xmlns:text="{space}:text:1.0"><office:body><office:text>'
        f"<text:p>{SAID}</text:p></office:text></office:body></office:document-content>"
    )
    return _zip({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content})


def epub() -> bytes:
    container = (
        f'{_XML}<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
        '<rootfiles><rootfile full-path="book.opf"'
        ' media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    book = (
        f'{_XML}<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="i">'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Ferries</dc:title>'
        '<dc:identifier id="i">1</dc:identifier></metadata><manifest>'
        '<item id="c" href="c.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="c"/></spine></package>'
    )
    return _zip(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "book.opf": book,
            "c.xhtml": _page(),
        }
    )


def _page() -> str:
    return (
        f'{_XML}<html xmlns="http://www.w3.org/1999/xhtml"><head><title>Ferries</title></head>'
        f'<body><h1>Ferries</h1><p>{SAID}</p><p style="display:none">Hidden.</p></body></html>'
    )


def pdf(encrypted: bool = False) -> bytes:
    """Two pages; `encrypted` says that a password is needed, with keys that fit none."""
    stream = "BT /F1 12 Tf 72 720 Td ({}) Tj ET"
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R 5 0 R]/Count 2>>",
        _pdf_page(4),
        _pdf_stream(stream.format(SAID)),
        _pdf_page(6),
        _pdf_stream(stream.format("Bicycles travel free on weekdays.")),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    trailer = f"/Size {len(objects) + 2}/Root 1 0 R"
    if encrypted:
        key = "41" * 32
        objects.append(f"<</Filter/Standard/V 1/R 2/P -4/O<{key}>/U<{key}>>>")
        trailer += f"/Encrypt {len(objects)} 0 R/ID[<{'42' * 16}><{'42' * 16}>]"
    body, places = b"%PDF-1.4\n", []
    for n, content in enumerate(objects, 1):
        places.append(len(body))
        body += f"{n} 0 obj\n{content}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    start = len(body)
    return (
        body
        + (
            f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
            f"trailer\n<<{trailer}>>\nstartxref\n{start}\n%%EOF\n"
        ).encode()
    )


def _pdf_page(contents: int) -> str:
    return (
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents {contents} 0 R"
        "/Resources<</Font<</F1 7 0 R>>>>>>"
    )


def _pdf_stream(content: str) -> str:
    return f"<</Length {len(content)}>>\nstream\n{content}\nendstream"


def all_kinds() -> dict[str, bytes]:
    """By extension: every kind that contracts.ingestion.media_types knows."""
    html, markdown = _page().encode(), f"# Ferries\n\n{SAID}\n".encode()
    text, yaml = SAID.encode(), f"ferries: {SAID}\n".encode()
    cell = f'{{"cell_type": "markdown", "metadata": {{}}, "source": ["{SAID}"]}}'
    return {
        "csv": f"line,says\nAurora,{SAID}\n".encode(),
        "docx": docx(),
        "eml": f"From: a@b.c\nTo: d@e.f\nSubject: Ferries\n\n{SAID}\n".encode(),
        "epub": epub(),
        "htm": html,
        "html": html,
        "ipynb": f'{{"cells": [{cell}], "metadata": {{}}, "nbformat": 4}}'.encode(),
        "json": f'{{"ferries": "{SAID}"}}'.encode(),
        "jsonl": f'{{"ferries": "{SAID}"}}\n{{"ferries": "none"}}\n'.encode(),
        "log": text,
        "markdown": markdown,
        "md": markdown,
        "odt": odt(),
        "pdf": pdf(),
        "pptx": pptx(),
        "rst": f"Ferries\n=======\n\n{SAID}\n".encode(),
        "rtf": rf"{{\rtf1\ansi {SAID}}}".encode(),
        "tsv": f"line\tsays\nAurora\t{SAID}\n".encode(),
        "txt": text,
        "xhtml": html,
        "xlsx": xlsx(),
        "xml": f"{_XML}<ferries><line>{SAID}</line></ferries>".encode(),
        "yaml": yaml,
        "yml": yaml,
    }
