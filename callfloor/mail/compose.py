"""An answer as a message, written to a file; the same bytes at each try. No field of it can begin another header."""

from __future__ import annotations

import binascii
import hashlib
import quopri
import re
from collections.abc import AsyncIterable, Iterator
from contextlib import aclosing
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from typing import BinaryIO
from urllib.parse import quote

from callfloor.mail.headers import line
from callfloor.media.blobs import Blobs
from callfloor.store.email.outbox import Content, File

_ID = re.compile(r"<[!-;=?-~]{1,498}>")
_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}")
_PLAIN = re.compile(r"[A-Za-z0-9 ._()-]{1,60}")
_OCTETS = "application/octet-stream"
# So many bytes make a line of 76 characters in base64.
_LINE = 57


async def compose(
    file: BinaryIO, content: Content, sender: str, recipient: str, written: datetime, blobs: Blobs, organisation: int
) -> None:
    """Write the message, line breaks as SMTP has them. Raises `OSError`, `BlobUnreadable`, `BlobMissing`."""
    boundary = "=_" + hashlib.sha256((content.message.message_id or "").encode()).hexdigest()[:32]
    file.write("".join(_headers(content, sender, recipient, written)).encode())
    if content.files:
        file.write(f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n--{boundary}\r\n'.encode())
    file.write(b'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n')
    file.write(_text(content.body_text))
    for each in content.files:
        file.write(f"\r\n--{boundary}\r\n{_file_headers(each)}\r\n".encode())
        async with aclosing(await blobs.open(organisation, each.sha256)) as pieces:
            await _base64(file, pieces)
    if content.files:
        file.write(f"\r\n--{boundary}--\r\n".encode())


def _headers(content: Content, sender: str, recipient: str, written: datetime) -> Iterator[str]:
    message = content.message
    yield f"Date: {format_datetime(written)}\r\n"
    yield f"From: {_address(sender)}\r\n"
    yield f"To: {_address(recipient)}\r\n"
    subject = Header(line(message.subject or ""), "utf-8" if not (message.subject or "").isascii() else "us-ascii")
    yield f"Subject: {subject.encode(linesep=chr(13) + chr(10))}\r\n"
    for name, ids in (
        ("Message-ID", [message.message_id]),
        ("In-Reply-To", [message.in_reply_to]),
        ("References", content.ancestors),
    ):
        fit = [each for each in ids if each is not None and _ID.fullmatch(each)]
        if fit:
            yield f"{name}: " + "\r\n ".join(fit) + "\r\n"
    # a person wrote it; machines need not answer, and what comes back through us is known by the mark
    yield "Auto-Submitted: no\r\nX-Auto-Response-Suppress: All\r\n"
    yield f"X-Loop: {_address(sender)}\r\nMIME-Version: 1.0\r\n"


def _address(address: str) -> str:
    """An address that was checked when it came in; what could end a line is refused once more."""
    if not address.isprintable() or any(sign in address for sign in " ,;<>()"):
        raise ValueError("an address has a character that none has")
    return address


def _text(body: str) -> bytes:
    plain = body.replace("\r\n", "\n").replace("\r", "\n")
    return quopri.encodestring(plain.encode("utf-8", "replace")).replace(b"\n", b"\r\n")


def _file_headers(file: File) -> str:
    kind = file.content_type if _TYPE.fullmatch(file.content_type) else _OCTETS
    if kind.lower().startswith(("message/", "multipart/")):
        kind = _OCTETS  # those may not be in base64
    name = line(file.file_name or "attachment")
    # not both forms: readers do not agree which of them counts
    written = f';\r\n filename="{name}"' if _PLAIN.fullmatch(name) else "".join(_continued(quote(name, safe="")))
    return f"Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment{written}\r\n"


def _continued(encoded: str) -> Iterator[str]:
    """A long parameter in lines (RFC 2231), none of which cuts an escape."""
    pieces = re.findall(r"(?:%..|[^%]){1,20}", encoded)
    for number, piece in enumerate(pieces):
        yield f";\r\n filename*{number}*={'' if number else chr(39).join(('UTF-8', '', ''))}{piece}"


async def _base64(file: BinaryIO, pieces: AsyncIterable[bytes]) -> None:
    held = b""
    async for piece in pieces:
        held += piece
        whole = len(held) - len(held) % _LINE
        file.write(_lines(held[:whole]))
        held = held[whole:]
    file.write(_lines(held))


def _lines(content: bytes) -> bytes:
    starts = range(0, len(content), _LINE)
    return b"".join(binascii.b2a_base64(content[at : at + _LINE], newline=False) + b"\r\n" for at in starts)
