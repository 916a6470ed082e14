"""Pictures of text, as a scanner makes them: PNG and TIFF files, and PDF pages of nothing else."""

import io
import struct
import zlib
from collections.abc import Collection, Sequence

import pypdfium2 as pdfium
import pypdfium2.raw as raw

# Dots for a point of 1/72 inch.
SCALE = 2


def _dots(page: pdfium.PdfPage) -> tuple[int, int, bytes]:
    """Width, height and grey dots, row by row."""
    bitmap = page.render(scale=SCALE, grayscale=True)
    held, stride = bytes(bitmap.buffer), bitmap.stride
    rows = (held[n * stride : n * stride + bitmap.width] for n in range(bitmap.height))
    return bitmap.width, bitmap.height, b"".join(rows)


def png(pdf: bytes) -> bytes:
    """The first page of a PDF."""
    width, height, grey = _dots(pdfium.PdfDocument(pdf)[0])
    rows = b"".join(b"\0" + grey[n * width : (n + 1) * width] for n in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = (("IHDR", head), ("IDAT", zlib.compress(rows)), ("IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind.encode(), body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def tiff(pdf: bytes) -> bytes:
    """All pages of a PDF: little-endian, packed with deflate, a directory of tags for each."""
    made, link = b"II*\0\0\0\0\0", 4
    for page in pdfium.PdfDocument(pdf):
        width, height, grey = _dots(page)
        strip = zlib.compress(grey)
        at = len(made)
        made += strip + b"\0" * (len(strip) % 2)
        tags: Sequence[tuple[int, int]] = (
            *((256, width), (257, height), (258, 8), (259, 8), (262, 1)),
            *((273, at), (277, 1), (278, height), (279, len(strip))),
        )
        made = made[:link] + struct.pack("<I", len(made)) + made[link + 4 :]
        made += struct.pack("<H", len(tags))
        made += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
        link = len(made)
        made += b"\0\0\0\0"
    return made


def scanned(pdf: bytes, pages: Collection[int]) -> bytes:
    """The PDF with pictures in the place of these pages, counted from 1."""
    document, made = pdfium.PdfDocument(pdf), pdfium.PdfDocument.new()
    for number, page in enumerate(document, 1):
        if number not in pages:
            made.import_pages(document, [number - 1])
            continue
        width, height, grey = _dots(page)
        bitmap = pdfium.PdfBitmap.new_native(width, height, raw.FPDFBitmap_Gray)
        for n in range(height):
            start = n * bitmap.stride
            bitmap.buffer[start : start + width] = grey[n * width : (n + 1) * width]
        picture = pdfium.PdfImage.new(made)
        picture.set_bitmap(bitmap)
        picture.set_matrix(pdfium.PdfMatrix().scale(width / SCALE, height / SCALE))
        shown = made.new_page(width / SCALE, height / SCALE)
        shown.insert_obj(picture)
        shown.gen_content()
    held = io.BytesIO()
    made.save(held)
    return held.getvalue()
