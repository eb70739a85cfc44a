"""Bodies of parts, decoded piece by piece. Nothing here raises for any content."""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from typing import BinaryIO

from callfloor.mail.charsets import decoded
from callfloor.mail.headers import clean

CHUNK = 256 * 1024
_WHITE = b" \t\r\n\x0b\x0c"
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
# What quoted-printable may be cut at when it has no line break: no escape is split.
_LONGEST_ESCAPE = 3


class Body:
    """The bytes of a part. `damaged` is known once they were read: something in the encoding was not right."""

    def __init__(self, file: BinaryIO, start: int, end: int, encoding: str) -> None:
        self._file, self._start, self._end, self._encoding = file, start, end, encoding
        self.damaged = False

    @property
    def place(self) -> tuple[int, int, str]:
        """Where in a file it stands, from and to, and how it is encoded."""
        return self._start, self._end, self._encoding

    def __iter__(self) -> Iterator[bytes]:
        if self._encoding == "base64":
            return self._base64()
        if self._encoding == "quoted-printable":
            return self._quoted()
        return self._raw()

    def head(self, most: int) -> bytes:
        """At most that many bytes from the beginning."""
        found = bytearray()
        for piece in self:
            found += piece
            if len(found) >= most:
                break
        return bytes(found[:most])

    def _raw(self) -> Iterator[bytes]:
        at = self._start
        while at < self._end:
            # others read the same file between two pieces
            self._file.seek(at)
            piece = self._file.read(min(CHUNK, self._end - at))
            if not piece:
                return
            at += len(piece)
            yield piece

    def _base64(self) -> Iterator[bytes]:
        held = b""
        ended = False
        for piece in self._raw():
            solid = piece.translate(None, _WHITE)
            digits = solid.translate(None, _NOT_BASE64)
            padding = solid.count(b"=")
            if len(digits) + padding != len(solid) or (ended and solid) or b"=" in solid.rstrip(b"="):
                self.damaged = True
            ended = ended or padding > 0
            held += digits
            whole = len(held) - len(held) % 4
            yield binascii.a2b_base64(held[:whole])
            held = held[whole:]
        if len(held) == 1:
            self.damaged = True
        elif held:
            yield binascii.a2b_base64(held + b"=" * (4 - len(held)))

    def _quoted(self) -> Iterator[bytes]:
        held = b""
        for piece in self._raw():
            held += piece
            cut = held.rfind(b"\n") + 1
            if cut == 0 and len(held) > CHUNK:
                escape = held.rfind(b"=", len(held) - _LONGEST_ESCAPE)
                cut = len(held) if escape < 0 else escape
            yield binascii.a2b_qp(held[:cut])
            held = held[cut:]
        yield binascii.a2b_qp(held)


def text(content: bytes, charset: str | None) -> str:
    """Clean text, in the charset that is declared where that fits, else as its bytes look."""
    return clean(decoded(content, charset))
