"""Headers of a message: read by the standard library, each on demand and in bounds. Nothing here raises for any input.

What a header says is clean text: no line breaks, no NUL, nothing that PostgreSQL or JSON cannot hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import policy
from email.errors import MessageError
from email.message import Message as Headers
from email.parser import BytesHeaderParser
from email.utils import getaddresses
from typing import Any

from callfloor.mail.charsets import decoded
from callfloor.rules.privacy.identifiers import EmailError, normalise_email

# Of a header's value no more is read, in characters; the standard library needs long for long ones.
LONGEST_VALUE = 8_000
LONGEST_ID = 500
MOST_IDS = 100
# What the standard library raises for headers that are wrong in ways that it does not expect.
STDLIB_FAULTS = (ValueError, LookupError, AttributeError, TypeError, AssertionError, MessageError, RecursionError)

_parser = BytesHeaderParser(policy=policy.compat32)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\ud800-\udfff\ufffe\uffff]")
_ID = re.compile(r"<[^<>\s]{1,498}>")
_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}")


def parse(block: bytes) -> Headers[str, str]:
    """The headers in a block of lines."""
    try:
        return _parser.parsebytes(block)
    except STDLIB_FAULTS:
        return Headers()


def clean(text: str) -> str:
    """Text without control characters (but tabs and line feeds) and surrogates."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def line(text: str) -> str:
    """Clean text on one line."""
    return " ".join(clean(text).split())


def raw(headers: Headers[str, str], name: str) -> str | None:
    """The first header of this name as it was written, unfolded; bytes above ASCII as they look."""
    for found, value in headers.raw_items():
        if found.lower() == name:
            return _unfolded(value)
    return None


def every(headers: Headers[str, str], name: str) -> Iterator[str]:
    """All headers of this name as they were written, unfolded."""
    return (_unfolded(value) for found, value in headers.raw_items() if found.lower() == name)


def _unfolded(value: Any) -> str:
    # eight-bit bytes are surrogates here
    written = str(value)[:LONGEST_VALUE]
    if not written.isascii() or "\x1b" in written:
        written = decoded(written.encode("utf-8", "surrogateescape"), None)
    return written.replace("\r", "").replace("\n", "")


def parsed(headers: Headers[str, str], name: str) -> Any:
    """The header as the standard library's modern policy understands it; None when absent or not to be understood."""
    value = raw(headers, name)
    if value is None:
        return None
    try:
        return policy.default.header_factory(name, value)
    except STDLIB_FAULTS:
        return None


def text(headers: Headers[str, str], name: str) -> str | None:
    """What the header says, decoded; None when it is absent or empty."""
    found = parsed(headers, name)
    try:
        decoded = raw(headers, name) if found is None else str(found)
    except STDLIB_FAULTS:
        decoded = raw(headers, name)
    return None if decoded is None else line(decoded) or None


def addresses(headers: Headers[str, str], name: str) -> list[str]:
    """The addresses in a header, in lower case; what is none is left out."""
    found: list[str] = []
    for value in every(headers, name):
        for _, address in _split(value):
            try:
                found.append(normalise_email(clean(address)))
            except EmailError:
                continue
    return found


def _split(value: str) -> list[tuple[str, str]]:
    try:
        return getaddresses([value])
    except STDLIB_FAULTS:
        return []


def message_ids(headers: Headers[str, str], name: str) -> list[str]:
    """Message ids in a header, in angle brackets; at most the last hundred."""
    found = [line(each) for value in every(headers, name) for each in _ID.findall(value)]
    return found[-MOST_IDS:]


def message_id(headers: Headers[str, str]) -> str | None:
    """The message's own id, in whatever form it has."""
    found = message_ids(headers, "message-id")
    written = found[0] if found else line(raw(headers, "message-id") or "")
    return written[:LONGEST_ID] or None


def content_type(headers: Headers[str, str], default: str = "text/plain") -> str:
    """`type/subtype` in lower case. What cannot be read is a stream of bytes."""
    found = parsed(headers, "content-type")
    if found is None:
        return default if raw(headers, "content-type") is None else "application/octet-stream"
    kind = _attribute(found, "content_type")
    return kind.lower() if isinstance(kind, str) and _TYPE.fullmatch(kind) else "application/octet-stream"


def parameter(headers: Headers[str, str], name: str, key: str) -> str | None:
    """A parameter of a header such as Content-Type."""
    parameters = _attribute(parsed(headers, name), "params")
    value = None if parameters is None else parameters.get(key)
    return value if isinstance(value, str) else None


def disposition(headers: Headers[str, str]) -> str:
    """`attachment`, `inline`, another word, or nothing."""
    found = _attribute(parsed(headers, "content-disposition"), "content_disposition")
    return found.lower() if isinstance(found, str) else ""


def encoding(headers: Headers[str, str]) -> str:
    """How the body is encoded, in lower case; 7bit when nothing is said."""
    return (raw(headers, "content-transfer-encoding") or "7bit").strip().lower()


def _attribute(header: Any, name: str) -> Any:
    try:
        return getattr(header, name, None)
    except STDLIB_FAULTS:
        return None
