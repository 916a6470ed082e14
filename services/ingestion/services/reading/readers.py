"""Each kind of file and its reader, which is loaded when the first file of the kind comes."""

from collections.abc import Callable, Mapping
from importlib import import_module

from contracts.ingestion.media_types import KNOWN
from services.ingestion.models.parsed import Parsed

Read = Callable[[bytes], Parsed]

# Extension to module in `formats`, and function; extensions of one media type have the same.
READERS: Mapping[str, str] = {
    "csv": "tables.read_csv",
    "docm": "office.word.read_docx",
    "docx": "office.word.read_docx",
    "dotx": "office.word.read_docx",
    "eml": "mail.read_eml",
    "epub": "html.read_epub",
    "htm": "html.read_html",
    "html": "html.read_html",
    "ipynb": "data.read_notebook",
    "jpeg": "images.read_image",
    "jpg": "images.read_image",
    "json": "data.read_json",
    "jsonl": "data.read_json_lines",
    "log": "text.read_text",
    "markdown": "text.read_markdown",
    "md": "text.read_markdown",
    "msg": "mail.read_msg",
    "odp": "office.opendocument.read_odp",
    "ods": "tables.read_ods",
    "odt": "office.opendocument.read_odt",
    "pdf": "pdf.pages.read_pdf",
    "png": "images.read_image",
    "ppsx": "office.slides.read_pptx",
    "pptm": "office.slides.read_pptx",
    "pptx": "office.slides.read_pptx",
    "rst": "rst.read_rst",
    "rtf": "rtf.document.read_rtf",
    "tif": "images.read_image",
    "tiff": "images.read_image",
    "tsv": "tables.read_csv",
    "txt": "text.read_text",
    "xhtml": "html.read_html",
    "xlsm": "office.xlsx.read_xlsx",
    "xlsx": "office.xlsx.read_xlsx",
    "xltx": "office.xlsx.read_xlsx",
    "xml": "data.read_xml",
    "yaml": "data.read_yaml",
    "yml": "data.read_yaml",
    "zip": "archive.read_zip",
}
KINDS = {KNOWN[extension]: name for extension, name in READERS.items()}


def reader_of(media_type: str) -> Read:
    """Raises KeyError for a kind that is not known."""
    module, _, function = KINDS[media_type].rpartition(".")
    read: Read = getattr(import_module(f"{__package__}.formats.{module}"), function)
    return read


def read(body: bytes, media_type: str) -> Parsed:
    """As `Parser.parse`. Raises Rejected, or what the reader's library raises."""
    return reader_of(media_type)(body)
