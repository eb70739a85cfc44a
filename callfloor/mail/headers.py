"""Headers of a message, each read on demand and in bounds. Nothing here raises for any input.

What a header says is clean text: no line breaks, no NUL, nothing that PostgreSQL or JSON cannot hold. Of the standard
library only what needs time in proportion to the length is used: its parsers of structured headers need seconds for
8,000 quotation marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import policy
from email.errors import MessageError
from email.message import Message as Headers
from email.parser import BytesHeaderParser
from email.utils import getaddresses, unquote
from itertools import islice
from typing import Any

from callfloor.mail.charsets import decoded, is_western
from callfloor.rules.privacy.identifiers import EmailError, normalise_email

# Of a header's value no more is read, in characters, and of one with parameters (its file name) no more than this.
LONGEST_VALUE = 8_000
LONGEST_PARAMETERS = 2_000
# Headers of one name that are read.
MOST_OF_A_NAME = 20
LONGEST_ID = 500
MOST_IDS = 100
# What the standard library raises for headers that are wrong in ways that it does not expect.
STDLIB_FAULTS = (ValueError, LookupError, AttributeError, TypeError, AssertionError, MessageError, RecursionError)

_parser = BytesHeaderParser(policy=policy.compat32)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\ud800-\udfff\ufffe\uffff]")
_ID = re.compile(r"<[^<>\s]{1,498}>")
_COMMENT = re.compile(r"\([^()]*\)")
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
    values = (value for found, value in headers.raw_items() if found.lower() == name)
    return (_unfolded(value) for value in islice(values, MOST_OF_A_NAME))


def _unfolded(value: Any) -> str:
    # eight-bit bytes are surrogates here
    written = str(value)[:LONGEST_VALUE]
    if not written.isascii() or "\x1b" in written:
        written = decoded(written.encode("utf-8", "surrogateescape"), None)
    return written.replace("\r", "").replace("\n", "")


def text(headers: Headers[str, str], name: str) -> str | None:
    """What the header says, decoded; None when it is absent or empty."""
    value = raw(headers, name)
    return None if value is None else line(_said(value)) or None


def _said(value: str) -> str:
    """A value with its encoded words decoded (RFC 2047)."""
    try:
        # as unstructured text, whatever the header is: addresses are only shown
        return str(policy.default.header_factory("subject", value))
    except STDLIB_FAULTS:
        return value


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
    value = raw(headers, "content-type")
    if value is None:
        return default
    kind = re.sub(r"\s", "", _COMMENT.sub("", value[:LONGEST_PARAMETERS].partition(";")[0]))
    # RFC 2045, 5.2: what is no type is plain text
    if "/" not in kind:
        return "text/plain"
    return kind.lower() if _TYPE.fullmatch(kind) else "application/octet-stream"


def parameter(headers: Headers[str, str], name: str, key: str) -> str | None:
    """A parameter of a header such as Content-Type, decoded (RFC 2231, and RFC 2047 as programs write it)."""
    value = raw(headers, name)
    if value is None:
        return None
    written: Headers[str, str] = Headers()
    written[name] = value[:LONGEST_PARAMETERS]
    try:
        found = written.get_param(key, header=name, unquote=False)
    except STDLIB_FAULTS:
        return None
    if isinstance(found, tuple):
        charset, _, encoded = found
        content = unquote(encoded).encode("latin-1", "replace")
        # too short to guess what it is in if not in what it says
        return content.decode("cp1252", "replace") if is_western(charset) else decoded(content, charset)
    if found is None:
        return None
    return _said(unquote(found) if found.startswith('"') else _COMMENT.sub("", found).strip())


def disposition(headers: Headers[str, str]) -> str:
    """`attachment`, `inline`, another word, or nothing."""
    return (raw(headers, "content-disposition") or "").partition(";")[0].strip().lower()


def encoding(headers: Headers[str, str]) -> str:
    """How the body is encoded, in lower case; 7bit when nothing is said."""
    return (raw(headers, "content-transfer-encoding") or "7bit").strip().lower()
