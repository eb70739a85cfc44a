"""Request bodies and queries, from bytes to types; every fault is found and named, not only the first."""

from __future__ import annotations

import codecs
import re
import typing
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from callfloor.errors import FieldError, Invalid, MalformedRequest, TooLarge, UnsupportedMediaType, UriTooLong
from callfloor.rules.values.faults import code_of, faults, listed, message_of, unknown
from callfloor.rules.values.json_faults import sentence, unfit

S = TypeVar("S")

LARGEST_BODY = 1024 * 1024
LONGEST_QUERY = 8192
MOST_PARAMETERS = 100
_BYTE = re.compile(r"\(byte (\d+)\)")


async def read_chunks(
    receive: Callable[[], Awaitable[Mapping[str, Any]]], headers: Mapping[bytes, bytes], most: int
) -> typing.AsyncGenerator[bytes, None]:
    """The body as it arrives, decompressed; at most `most` bytes (as sent, and decompressed).

    Raises `TooLarge`, `UnsupportedMediaType` (an encoding other than gzip), `MalformedRequest`.
    """
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > most:
        raise TooLarge(f"The body has {int(declared):,} bytes; at most {most:,} are taken.")
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    if encoding not in (b"identity", b"gzip", b""):
        raise UnsupportedMediaType("Content-Encoding must be gzip, or absent.")
    unpack = zlib.decompressobj(31) if encoding == b"gzip" else None
    total = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise MalformedRequest("The connection was closed before the body was complete.")
        chunk: bytes = message.get("body", b"")
        more = bool(message.get("more_body", False))
        pieces = _unpacked(unpack, chunk) if unpack is not None else (chunk,)
        for piece in pieces:
            total += len(piece)
            if total > most:
                raise TooLarge(f"The body is larger than {most:,} bytes.")
            if piece:
                yield piece
    if unpack is not None and not unpack.eof:
        raise MalformedRequest("The gzip body is truncated.")


def _unpacked(unpack: Any, chunk: bytes) -> typing.Iterator[bytes]:
    """Decompress in bounded pieces, so that a small body cannot unfold into memory at once."""
    try:
        if unpack.eof and chunk:
            raise MalformedRequest("There is data behind the end of the gzip body.")
        while chunk:
            yield unpack.decompress(chunk, 256 * 1024)
            chunk = unpack.unconsumed_tail
        if unpack.unused_data:
            raise MalformedRequest("There is data behind the end of the gzip body.")
    except zlib.error as error:
        raise MalformedRequest("The body is not valid gzip.") from error


async def read_body(
    receive: Callable[[], Awaitable[Mapping[str, Any]]],
    headers: Mapping[bytes, bytes],
    most: int = LARGEST_BODY,
) -> bytes:
    """The whole body; see `read_chunks`."""
    return b"".join([chunk async for chunk in read_chunks(receive, headers, most)])


async def read_json(
    receive: Callable[[], Awaitable[Mapping[str, Any]]],
    headers: Mapping[bytes, bytes],
    most: int = LARGEST_BODY,
) -> bytes:
    """The same of a JSON body, without the byte-order mark that some programs put before it."""
    return (await read_body(receive, headers, most)).removeprefix(codecs.BOM_UTF8)


def content_type(headers: Mapping[bytes, bytes]) -> str:
    """The media type of the body, lower case, without parameters; '' when absent. Only UTF-8 is taken."""
    text = headers.get(b"content-type", b"").decode("latin-1").lower()
    kind, _, parameters = text.partition(";")
    charset = parameters.strip().removeprefix("charset=").strip('"')
    if parameters.strip().startswith("charset=") and charset not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedMediaType("The body must be encoded in UTF-8.")
    return kind.strip(" \t")


class Body(typing.Generic[S]):
    """Decodes JSON bodies into one type, or a union of tagged ones."""

    def __init__(self, kind: type[S]) -> None:
        self.kind = kind
        self._decoder = msgspec.json.Decoder(kind)

    def decode(self, raw: bytes) -> S:
        """Raises `MalformedRequest` for what is not JSON, `Invalid` naming every wrong field."""
        try:
            value = self._decoder.decode(raw)
        except msgspec.ValidationError as error:
            raise faults(self.kind, _any_json(raw)) or _unexplained() from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _malformed(raw, error) from error
        if b"\\u0000" in raw:
            _refuse_nul(msgspec.json.decode(raw))
        return value


def _malformed(raw: bytes, error: Exception) -> MalformedRequest:
    if not raw:
        return MalformedRequest("The body is empty; this operation needs a JSON object.")
    if isinstance(error, RecursionError):
        return MalformedRequest("The JSON is nested too deeply.")
    if found := unfit(raw):
        return MalformedRequest(f"The JSON cannot be kept: {sentence(found)}{_where(error)}.", errors=found)
    return MalformedRequest(f"The body is not valid JSON in UTF-8{_where(error)}.")


def _where(error: Exception) -> str:
    """The place in a body, counted in bytes from 0, as far as it is known."""
    if isinstance(error, UnicodeDecodeError):
        return f" (byte {error.start})"
    found = _BYTE.search(str(error))
    return "" if found is None else f" (byte {found[1]})"


def _unexplained() -> Invalid:
    return Invalid("The body is not valid.", errors=[FieldError("invalid", "does not fit the schema", pointer="")])


def _any_json(raw: bytes) -> object:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(raw, error) from error


def _refuse_nul(value: Any) -> None:
    found = [f"/{name[:100]}" for name, item in value.items() if "\x00" in name + _text_of(item)]
    if found:
        raise Invalid(
            "Text must not contain NUL characters.",
            errors=[FieldError("nul-character", "contains a NUL character", pointer=pointer) for pointer in found],
        )


def _text_of(item: Any) -> str:
    if isinstance(item, dict):
        return "".join(f"{name}{_text_of(part)}" for name, part in typing.cast("dict[str, Any]", item).items())
    return item if isinstance(item, str) else ""


def parse_query(raw: bytes) -> dict[str, str]:
    """Names and values of a query string; empty values are left out, as null is the same as absent."""
    if not raw:
        return {}
    if len(raw) > LONGEST_QUERY:
        raise UriTooLong(f"The query has {len(raw):,} bytes; at most {LONGEST_QUERY:,} are taken.")
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except UnicodeDecodeError as error:
        raise MalformedRequest("The query is not percent-encoded UTF-8.") from error
    except ValueError as error:
        raise UriTooLong(f"The query has more than {MOST_PARAMETERS} parameters.") from error
    values: dict[str, str] = {}
    for name, value in pairs:
        if name in values:
            fault = FieldError(code="repeated", message="is given more than once", parameter=name[:100])
            raise Invalid("A parameter is given more than once.", errors=[fault])
        if "\x00" in value:
            fault = FieldError(code="nul-character", message="contains a NUL character", parameter=name[:100])
            raise Invalid("A parameter contains a NUL character.", errors=[fault])
        values[name] = value
    return {name: value for name, value in values.items() if value != ""}


class Query(typing.Generic[S]):
    """Turns query parameters into one type."""

    def __init__(self, kind: type[S]) -> None:
        self.kind = kind
        self._fields = {field.encode_name: field for field in msgspec.structs.fields(typing.cast("Any", kind))}

    def decode(self, values: Mapping[str, str]) -> S:
        """Raises `Invalid` naming every wrong, missing or unknown parameter."""
        found: list[FieldError] = []
        converted: dict[str, Any] = {}
        for name, text in values.items():
            field = self._fields.get(name)
            if field is None:
                found.append(FieldError("unknown-parameter", unknown(name, self._fields), parameter=name[:100]))
                continue
            try:
                converted[field.name] = msgspec.convert(text, field.type, strict=False)
            except msgspec.ValidationError as error:
                found.append(FieldError(code_of(error), message_of(error, field.type, written=True), parameter=name))
        found += [
            FieldError("required", "is required", parameter=name)
            for name, field in self._fields.items()
            if field.required and name not in values
        ]
        if found:
            raise listed(found)
        return self.kind(**converted)
