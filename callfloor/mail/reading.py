"""A process that reads messages which strangers wrote: `python -m callfloor.mail.reading SOCKET SECONDS`.

What a message can cost here, it costs nobody else: the process is killed by the system once one takes too long, and may
not have much memory. It has no database and no network. `mail.readers` starts it and asks it.
"""

from __future__ import annotations

import io
import os
import resource
import socket
import sys
from typing import Any, BinaryIO

import msgspec

from callfloor.mail.decode import Body
from callfloor.mail.message import ParsedMessage, read

# For one message: seconds of processor time, and bytes.
MOST_CPU_S = 5
MOST_MEMORY = 1024**3
# A request: the file, and what SMTP said of the sender.
MOST_REQUEST = 4096
# An answer: its length, and the message.
LENGTH = 8


def encoded(parsed: ParsedMessage) -> bytes:
    """A parsed message without its file."""
    return msgspec.msgpack.encode(parsed, enc_hook=_place)


def decoded(content: bytes, file: BinaryIO) -> ParsedMessage:
    """The parsed message again. Raises `msgspec.DecodeError`."""

    def body(kind: type, place: Any) -> Body:
        start, end, encoding = place
        return Body(file, start, end, encoding)

    return msgspec.msgpack.decode(content, type=ParsedMessage, dec_hook=body)


def _place(body: Any) -> tuple[int, int, str]:
    if isinstance(body, Body):
        return body.place
    raise NotImplementedError


class _Apart(io.RawIOBase):
    """A file whose position is our own: the one that it was opened with belongs to another process too."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._at = descriptor, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = os.pread(self._descriptor, len(buffer), self._at)
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def seek(self, offset: int, whence: int = 0) -> int:
        around = {0: 0, 1: self._at, 2: os.fstat(self._descriptor).st_size}
        self._at = around[whence] + offset
        return self._at

    def tell(self) -> int:
        return self._at


def _allow_one(most_s: int) -> None:
    """Give the processor time of one message, in whole seconds, begun ones on top."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + 1 + most_s
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def _main(asked: socket.socket, most_s: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    while True:
        _allow_one(most_s)
        request, descriptors, _, _ = socket.recv_fds(asked, MOST_REQUEST, 1)
        if not descriptors:
            return
        try:
            sender: str | None = msgspec.msgpack.decode(request)
            answer = encoded(read(io.BufferedReader(_Apart(descriptors[0])), sender))
        finally:
            os.close(descriptors[0])
        asked.sendall(len(answer).to_bytes(LENGTH) + answer)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        try:
            _main(connection, int(sys.argv[2]))
        except MemoryError:
            sys.exit(os.EX_SOFTWARE)
