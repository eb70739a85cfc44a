"""Bodies of bulk requests as they arrive: into a file without a name, with what is said of them beside it."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from typing import IO, Any, BinaryIO, cast

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from callfloor.api.call import Call
from callfloor.api.decoding import read_chunks
from callfloor.contract.imports import LARGEST_BODY
from callfloor.disks import SPOOL, writing
from callfloor.errors import FieldError, Invalid, MalformedRequest, TooLarge, UnsupportedMediaType
from callfloor.jobs.imports.reception import SMALL
from callfloor.rules.imports.import_text import ENDINGS, FORMS, Form

MULTIPART = "multipart/form-data"
TABS = "text/tab-separated-values"
MOST_PARTS = 50
LARGEST_FIELDS = 64 * 1024


@dataclass(slots=True)
class Body:
    """A body that has arrived whole, and how it is to be read."""

    file: BinaryIO
    form: Form
    charset: str | None
    # what the type or the name of the file says of a table
    separator: str | None
    size: int
    # of what was sent, whatever the frame around it
    digest: bytes
    # of a form: names and texts beside the file
    fields: dict[str, str] = field(default_factory=dict[str, str])


@asynccontextmanager
async def received(call: Call) -> AsyncGenerator[Body, None]:
    """Take the body in. The file has no name: nothing is left of it however this process ends.

    Raises `UnsupportedMediaType`, `TooLarge`, `MalformedRequest`, `Invalid`, `NoSpace`.
    """
    kind, parameters = media_type(call.headers.get(b"content-type", b""))
    with _spool() as spool:
        digest, size = hashlib.sha256(), 0

        def write(data: bytes | memoryview) -> None:
            nonlocal size
            digest.update(data)
            size += len(data)
            with writing(SPOOL):
                spool.write(data)

        file = cast("BinaryIO", spool)
        if kind == MULTIPART:
            form = _Form(parameters.get("boundary", ""), write)
            await _read(call, form.feed, apart=True)
            await asyncio.to_thread(form.finish)
            digest.update(repr((form.form, sorted(form.fields.items()))).encode())
            body = Body(file, form.form or "csv", form.charset, form.separator, size, digest.digest(), form.fields)
        else:
            if kind not in FORMS:
                kinds = ", ".join((*dict.fromkeys(_SHOWN), MULTIPART))
                raise UnsupportedMediaType(f"The body must have one of the Content-Types {kinds}.")
            digest.update(kind.encode())
            await _read(call, write, apart=False)
            separator = "tab" if kind == TABS else None
            body = Body(file, FORMS[kind], parameters.get("charset"), separator, size, digest.digest())
        with writing(SPOOL):
            spool.flush()
        spool.seek(0)
        yield body


@contextmanager
def _spool() -> Generator[IO[bytes]]:
    with writing(SPOOL):
        spool = tempfile.TemporaryFile(prefix="callfloor-import-")  # noqa: SIM115 - closed below
    try:
        yield spool
    finally:
        # closing writes what is buffered, which fails on a full disk; what was refused needs it no more
        with suppress(OSError):
            spool.close()


# The types that messages and the document name; others are taken for one of them.
_SHOWN = (
    "application/json",
    "text/csv",
    "application/x-ndjson",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
)
STREAMS = (*_SHOWN, MULTIPART)


async def _read(call: Call, take: Callable[[bytes], None], *, apart: bool) -> None:
    """Hand on the body as it arrives; what is large, or `apart` to be read, without holding up other requests."""
    size = 0
    most = min(call.services.settings.import_megabytes * 1024**2, LARGEST_BODY)
    async for chunk in read_chunks(call.receive, call.headers, most):
        size += len(chunk)
        if apart or size > SMALL:
            await asyncio.to_thread(take, chunk)
        else:
            take(chunk)


def media_type(header: bytes) -> tuple[str, dict[str, str]]:
    """The media type in lower case, and its parameters. RFC 9110 §8.3."""
    message = Message()
    message["Content-Type"] = header[:1000].decode("latin-1").replace("\r", " ").replace("\n", " ")
    parts = message.get_params(failobj=[])
    if not header or not parts:
        return "", {}
    return parts[0][0].strip().lower(), {name.lower(): str(value).strip() for name, value in parts[1:]}


class _Form:
    """A `multipart/form-data` body: the first file goes to `write`, small fields are kept (RFC 7578)."""

    def __init__(self, boundary: str, write: Callable[[memoryview], None]) -> None:
        self._write = write
        self.form: Form | None = None
        self.charset: str | None = None
        self.separator: str | None = None
        self.fields: dict[str, str] = {}
        self._headers: dict[str, bytes] = {}
        self._name = self._value = b""
        self._field: str | None = None
        self._text = b""
        self._parts = self._taken = 0
        self._in_file = self._ended = False
        callbacks: Any = {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_end,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._close,
        }
        try:
            self._parser = MultipartParser(boundary.encode("latin-1", "replace"), callbacks)
        except FormParserError as error:
            raise MalformedRequest("The boundary of the multipart body is too long.") from error
        if not boundary:
            raise MalformedRequest("The Content-Type multipart/form-data lacks its boundary.")

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise MalformedRequest("The multipart body cannot be read.") from error

    def finish(self) -> None:
        """Raises what is wrong with the whole."""
        if not self._ended:
            raise MalformedRequest("The multipart body has no end: it was cut off.")
        if self.form is None:
            raise Invalid("The form has no file: send one as a part with a file name.")

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise TooLarge(f"The form has over {MOST_PARTS} parts.")
        self._headers, self._field, self._text, self._in_file = {}, None, b"", False

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value
        self._name = self._value = b""

    def _headers_end(self) -> None:
        message = Message()
        message["Content-Disposition"] = self._headers.get("content-disposition", b"").decode("utf-8", "replace")
        coding = self._headers.get("content-transfer-encoding", b"").decode("latin-1").strip().lower()
        if coding not in ("", "7bit", "8bit", "binary"):
            raise UnsupportedMediaType(
                f"A part of the form is encoded as {coding[:40]}, as in e-mail; over HTTP send its bytes as they are"
                " (RFC 7578, 4.7)."
            )
        file_name = message.get_filename()
        self._field = str(message.get_param("name", "", "content-disposition"))
        if file_name is None:
            return
        if self.form is not None:
            raise Invalid("The form has several files; send one.")
        kind, parameters = media_type(self._headers.get("content-type", b""))
        self._in_file = True
        self.charset = parameters.get("charset")
        ending = file_name.rpartition(".")[2].lower()
        self.form = ENDINGS.get(ending) or FORMS.get(kind) or "csv"
        if ending in ("tsv", "tab") or kind == TABS:
            self.separator = "tab"

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._write(memoryview(data)[start:end])
            return
        self._taken += end - start
        if self._taken > LARGEST_FIELDS:
            raise TooLarge("The fields of the form have over 64 KiB.")
        self._text += data[start:end]

    def _end(self) -> None:
        if self._in_file or not self._field:
            return
        if self._field in self.fields:
            fault = FieldError("repeated", "is given more than once", pointer=f"/{self._field[:100]}")
            raise Invalid("A field of the form is given more than once.", errors=[fault])
        try:
            text = self._text.decode()
        except UnicodeDecodeError as error:
            raise MalformedRequest("A field of the form is not UTF-8.") from error
        if text:
            self.fields[self._field] = text

    def _close(self) -> None:
        self._ended = True
