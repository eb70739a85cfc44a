"""A message as SMTP sends it: up to the line with a dot, and with a dot more before lines that begin with one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

END = b"\r\n.\r\n"


async def until_end(reader: asyncio.StreamReader) -> AsyncGenerator[bytes]:
    """A message as it is sent, without the dot that ends it, in pieces of a bounded size."""
    # the dot of an empty message has no line break of the message before it
    begin = b"\r\n" + await reader.readexactly(3)
    while not begin.endswith(END):
        if not any(begin.endswith(END[:length]) for length in range(1, len(END))):
            break
        begin += await reader.readexactly(1)
    else:
        yield begin[2:-3]
        return
    yield begin[2:]
    while True:
        try:
            last = await reader.readuntil(END)
        except asyncio.LimitOverrunError as error:
            yield await reader.readexactly(error.consumed)
            continue
        yield last[:-3]
        return


class Unstuffed:
    """Takes the dot away that was put before each line that begins with one (RFC 5321 §4.5.2)."""

    def __init__(self) -> None:
        # what is given may begin with a line, and this line break is not part of it
        self._held, self._begun = b"\r\n", False

    def take(self, piece: bytes) -> bytes:
        whole = self._held + piece
        # a line break at the end is held until it is known what follows
        held = 2 if whole.endswith(b"\r\n") else int(whole.endswith(b"\r"))
        given = whole[: len(whole) - held].replace(b"\r\n.", b"\r\n")
        self._held = whole[len(whole) - held :]
        if given and not self._begun:
            self._begun = True
            return given[2:]
        return given

    def rest(self) -> bytes:
        return self._held if self._begun else b""
