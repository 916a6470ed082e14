"""A multipart/form-data body, read as it streams in: fields are kept, one file is passed on."""

from collections.abc import AsyncIterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from services.gateway.models.refusals import InvalidRequest

_FIELDS_MAX = 40
_FIELD_BYTES_MAX = 64 * 1024


class Form:
    """RFC 7578. Nothing of the file is kept here, neither in memory nor on disk.

    `fields` holds the texts of each field; all of them when `file` has come to its end.
    """

    def __init__(self, request: Request) -> None:
        kind, options = parse_options_header(request.headers.get("content-type"))
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise InvalidRequest(
                "body", "Send the file as multipart/form-data, in the field 'file'."
            )
        self.fields: dict[str, list[str]] = {}
        self.file_name: str | None = None
        self._stream = request.stream()
        self._parser = _parser(options[b"boundary"], self)
        self._header, self._headers = (bytearray(), bytearray()), dict[bytes, bytes]()
        self._name, self._is_file, self._text = "", False, bytearray()
        self._count, self._ended = 0, False
        self._pieces: list[bytes] = []

    async def begin(self) -> None:
        """Reads up to the file. Raises InvalidRequest when there is none in the field 'file'."""
        while self.file_name is None and await self._read():
            continue
        if self.file_name is None:
            raise InvalidRequest("file", "Send the file in the field 'file', with its file name.")

    async def file(self) -> AsyncIterator[bytes]:
        """The file's bytes, then the rest of the body is read.

        Raises InvalidRequest for a body that is not well-formed or not complete.
        """
        more = True
        while more:
            pieces, self._pieces = self._pieces, []
            for piece in pieces:
                yield piece
            more = await self._read() or bool(self._pieces)

    async def _read(self) -> bool:
        """Parses the next bytes of the body; False at its end."""
        try:
            data = await anext(self._stream, b"")
            if data:
                self._parser.write(data)
        except ClientDisconnect:
            raise HTTPException(400, "The upload broke off. Send it again.") from None
        except FormParserError:
            raise InvalidRequest("body", "This is no well-formed multipart/form-data.") from None
        if not data and not self._ended:
            raise InvalidRequest("body", "The upload ends before its last boundary. Send it again.")
        return bool(data)

    # The parser's callbacks.

    def part_begins(self) -> None:
        self._headers, self._text = {}, bytearray()

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def header_ends(self) -> None:
        name, value = self._header
        self._headers[bytes(name).lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def headers_end(self) -> None:
        disposition = self._headers.get(b"content-disposition", b"")
        _, options = parse_options_header(disposition.decode("latin-1"))
        self._name = options.get(b"name", b"").decode(errors="replace")
        self._is_file = b"filename" in options
        if not self._is_file:
            self._count += 1
            if self._count > _FIELDS_MAX:
                raise InvalidRequest("body", f"Send at most {_FIELDS_MAX} fields.")
        elif self.file_name is not None:
            raise InvalidRequest("body", "Too many files: send one at a time.")
        elif self._name != "file":
            raise InvalidRequest("file", "Send the file in the field 'file', with its file name.")
        else:
            self.file_name = options[b"filename"].decode(errors="replace")

    def part_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._pieces.append(data[start:end])
            return
        self._text += data[start:end]
        if len(self._text) > _FIELD_BYTES_MAX:
            raise InvalidRequest(self._name, f"The limit of a field is {_FIELD_BYTES_MAX:,} bytes.")

    def part_ends(self) -> None:
        if not self._is_file:
            try:
                text = self._text.decode()
            except UnicodeDecodeError:
                raise InvalidRequest(self._name, "This is not UTF-8. Send it in UTF-8.") from None
            self.fields.setdefault(self._name, []).append(text)

    def body_ends(self) -> None:
        self._ended = True


def _parser(boundary: bytes, form: Form) -> MultipartParser:
    try:
        return MultipartParser(
            boundary,
            {
                "on_part_begin": form.part_begins,
                "on_part_data": form.part_data,
                "on_part_end": form.part_ends,
                "on_header_field": form.header_field,
                "on_header_value": form.header_value,
                "on_header_end": form.header_ends,
                "on_headers_finished": form.headers_end,
                "on_end": form.body_ends,
            },
        )
    except FormParserError:
        raise InvalidRequest("body", "The boundary is too long.") from None
