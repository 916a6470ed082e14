"""Hostile files: the corpus's own, broken at random by a seed, and bombs made by hand."""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping

from tests.integration.ingestion.files import (
    WORD,
    XML,
    all_kinds,
    docx,
    pdf_of,
    written,
    xlsx,
    zipped,
)

# Bombs that take seconds.
SLOW = ("parts.eml", "deep.html", "headers.eml", "wide.csv", "links.html")
Break = Callable[[random.Random, bytes, bytes], bytes]


def _cut(rand: random.Random, body: bytes, _other: bytes) -> bytes:
    return body[: rand.randrange(len(body) + 1)]


def _flipped(rand: random.Random, body: bytes, _other: bytes) -> bytes:
    made = bytearray(body)
    for _ in range(rand.choice((1, 3, 20, 200))):
        made[rand.randrange(len(made))] ^= 1 << rand.randrange(8)
    return bytes(made)


def _spliced(rand: random.Random, body: bytes, other: bytes) -> bytes:
    at, start = rand.randrange(len(body)), rand.randrange(len(other))
    return body[:at] + other[start : start + rand.randrange(2000)] + body[at:]


def _doubled(rand: random.Random, body: bytes, _other: bytes) -> bytes:
    start = rand.randrange(len(body))
    end = rand.randrange(start, len(body)) + 1
    return body[:end] + body[start:end] * rand.choice((1, 2, 50)) + body[end:]


def _swapped(_rand: random.Random, _body: bytes, other: bytes) -> bytes:
    """The right ending for another kind of file."""
    return other


def _numbers(rand: random.Random, body: bytes, _other: bytes) -> bytes:
    """Sizes and counts that are much larger than what they count."""
    made = bytearray(body)
    places = [n for n, byte in enumerate(made) if chr(byte).isdigit()] or [0]
    for at in rand.sample(places, min(len(places), 5)):
        made[at : at + 1] = rand.choice((b"9999999", b"-1", b"0", b"4294967296"))
    return bytes(made)


BREAKS: Mapping[str, Break] = {
    "cut": _cut,
    "flipped": _flipped,
    "spliced": _spliced,
    "doubled": _doubled,
    "swapped": _swapped,
    "numbers": _numbers,
}


def broken(extension: str, count: int, seed: int) -> Iterator[bytes]:
    """Files of one kind, the same for the same seed. What is packed is broken inside, too."""
    kinds = all_kinds()
    body = kinds[extension]
    for n in range(count):
        rand = random.Random(f"{seed}/{extension}/{n}")
        harm = rand.choice([*BREAKS.values()])
        other = kinds[rand.choice(sorted(kinds))]
        if body.startswith(b"PK") and harm is not _swapped and rand.random() < 0.7:
            yield _inside(rand, body, harm, other)
        else:
            yield harm(rand, body, other)


def _inside(rand: random.Random, body: bytes, harm: Break, other: bytes) -> bytes:
    """An archive whose frame is whole, with one member that is not."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        name = rand.choice([one for one in archive.namelist() if archive.getinfo(one).file_size])
        held = archive.read(name)
    return _with_member(body, name, harm(rand, held, other))


def _deflated(name: str, size: int) -> bytes:
    return zipped({name: b"0" * size}, zipfile.ZIP_DEFLATED)


def _swollen_xlsx() -> bytes:
    """A sheet whose one row says to be the last one there can be, ten thousand times."""
    rows = "".join(
        f'<row r="{1_048_576 - n}"><c r="XFD{n + 1}"><v>1</v></c></row>' for n in range(9)
    )
    return xlsx({"S": f"<sheetData>{rows * 1000}</sheetData>"})


def _entities(kind: str = "lol") -> str:
    """The billion laughs."""
    lines = [f'<!ENTITY {kind}0 "{kind}">']
    lines += [f'<!ENTITY {kind}{n} "{f"&{kind}{n - 1};" * 10}">' for n in range(1, 12)]
    return f"<!DOCTYPE a [{''.join(lines)}]>"


def _laughing_docx() -> bytes:
    document = f'{XML}{_entities()}<w:document xmlns:w="{WORD}"><w:body><w:p><w:r><w:t>&lol11;'
    return _with_member(
        docx(),
        "word/document.main.xml",
        document.encode() + b"</w:t></w:r></w:p></w:body></w:document>",
    )


def _with_member(archive: bytes, name: str, content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        members: dict[str, str | bytes] = {one: opened.read(one) for one in opened.namelist()}
    return zipped(members | {name: content}, zipfile.ZIP_DEFLATED)


def _inflating_pdf() -> bytes:
    packed = zlib.compress(zlib.compress(b"0" * 200_000_000))
    stream = f"<</Length {len(packed)}/Filter[/FlateDecode/FlateDecode]>>\nstream\n".encode()
    page = written("Fine.")
    start = page.index(b"<</Length")
    end = page.index(b"endstream")
    return page[:start] + stream + packed + b"\n" + page[end:]


def _endless_pdf() -> bytes:
    """Its tree of pages leads back to itself."""
    return pdf_of(["BT ET"]).replace(b"/Kids[4 0 R]", b"/Kids[2 0 R]")


def _huge_png() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    rows = packer.compress(b"\0" * 50_000_000) + packer.flush()
    body = chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _calling_html(url: str) -> bytes:
    page = f'<img src="{url}/a"><link rel="stylesheet" href="{url}/b.css"><iframe src="{url}/c">'
    return f"{page}</iframe><script src='{url}/d.js'></script>Text".encode()


def _calling_docx(url: str) -> bytes:
    """Its template and a picture lie elsewhere."""
    link = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    links = "".join(
        f'<Relationship Id="r{n}" Type="{link}/{kind}" Target="{url}/{kind}"'
        ' TargetMode="External"/>'
        for n, kind in enumerate(("attachedTemplate", "image", "subDocument", "footnotes"))
    )
    ns = "http://schemas.openxmlformats.org/package/2006/relationships"
    content = f'{XML}<Relationships xmlns="{ns}">{links}</Relationships>'.encode()
    return _with_member(docx(), "word/_rels/document.main.xml.rels", content)


def _quadratic_xml(count: int) -> bytes:
    return f"{XML}<!DOCTYPE a [<!ENTITY b '{'b' * 50_000}'>]><a>{'&b;' * count}</a>".encode()


def _cyclic_tiff() -> bytes:
    return b"II*\0\x08\0\0\0\0\0\x08\0\0\0"


def bombs(url: str = "http://127.0.0.1:9", *, long: int = 100) -> dict[str, bytes]:
    """By name; each is small, and must end as ready or rejected like any other file.

    Nobody may ask for what lies under `url`. Those of SLOW take up to the time that a file has.
    Texts that are read as they stand are `long` thousand signs or so.
    """
    outside = f'<!DOCTYPE a [<!ENTITY x SYSTEM "{url}/x"><!ENTITY y SYSTEM "file:///etc/passwd">]>'
    return {
        "dense.zip": _deflated("a.txt", 100_000_000),
        "dense.docx": _deflated("word/document.xml", 300_000_000),
        "many.zip": zipped({f"{n}.txt": b"" for n in range(3_000)}),
        "names.zip": zipped({"/".join(["d" * 200] * 300) + ".txt": b"x"}),
        "nested.zip": zipped({"a.zip": _deflated("b.zip", 3_000_000)}),
        "laughs.xml": f"{XML}{_entities()}<a>&lol11;</a>".encode(),
        "laughs.docx": _laughing_docx(),
        "outside.xml": f"{XML}{outside}<a>&x;&y;</a>".encode(),
        "outside.html": _calling_html(url),
        "outside.docx": _calling_docx(url),
        "quadratic.xml": _quadratic_xml(300 * long),
        "deep.xml": b"<a>" * 100_000 + b"</a>" * 100_000,
        "deep.html": b"<div><table><tr><td>" * 20_000,
        "deep.json": b"[" * 500_000,
        "deep.yaml": b"- " * 500 * long,
        "deep.rtf": b"{\\rtf1" + b"{" * 300_000,
        "deep.md": b"> " * 500 * long + b"x",
        "links.html": b"<a href=x>" * 100_000,
        "spans.html": b'<table><tr><td colspan="100000" rowspan="100000">x' * 200,
        "swollen.xlsx": _swollen_xlsx(),
        "inflating.pdf": _inflating_pdf(),
        "endless.pdf": _endless_pdf(),
        "locked.pdf": pdf_of(["BT ET"], encrypted=True),
        "huge.png": _huge_png(),
        "cyclic.tiff": _cyclic_tiff(),
        "parts.eml": b"From: a\nContent-Type: multipart/mixed; boundary=x\n\n"
        + b"--x\nContent-Type: multipart/mixed; boundary=x\n\n" * 20_000,
        "headers.eml": b"From: a\n" + b"X: =?utf-8?q?" + b"=20" * 300_000 + b"?=\n\nText",
        "regex.md": b"---\n" + b"title: " * 100 * long + b"\n" + b"<!-- " * 100 * long,
        "ticks.md": b"`" * 500 * long + b"a" + b"`" * 499 * long,
        "quotes.csv": b'"' * (2_000 * long + 1),
        "wide.csv": b"a," * 1_000_000,
        "line.txt": b"word " * 200 * long,
        "zeros.txt": b"\0" * 1_000_000,
    }
