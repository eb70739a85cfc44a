"""Media bytes on the wire: which form, which part, under which headers."""

from __future__ import annotations

import asyncio
import base64
import re
import unicodedata
from collections.abc import AsyncGenerator
from contextlib import aclosing
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

OCTETS = "application/octet-stream"
_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}(?: ?; ?[A-Za-z0-9-]+=[A-Za-z0-9_.+-]+)*")
_QUALITY = re.compile(r"q=0(?:\.0{0,3})?", re.IGNORECASE)
# What a browser can only play. Everything else is saved, not shown: it comes from strangers, and a type such as
# audio/x+xml is a document.
_PLAYED = frozenset(
    (
        "audio/wav",
        "audio/x-wav",
        "audio/wave",
        "audio/mpeg",
        "audio/mp4",
        "audio/aac",
        "audio/ogg",
        "audio/opus",
        "audio/webm",
        "audio/flac",
    )
)
_EXTENSIONS = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3", "audio/ogg": "ogg"}
LONGEST_NAME = 150


class Download(Response):
    """A streamed answer. The source is closed whatever happens, and no longer read once the client has gone."""

    def __init__(self, status: int, headers: dict[str, str], source: AsyncGenerator[bytes]) -> None:
        super().__init__(status_code=status, headers=headers)
        # the length is that of the source, not of this object's own empty body
        self.raw_headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        self._source = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.create_task(_gone(receive))
        try:
            async with aclosing(self._source) as chunks:
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                if scope["method"] != "HEAD":
                    async for chunk in chunks:
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
                        if gone.done():
                            return
                await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def base64_json(source: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The bytes as a JSON string in base64."""
    async with aclosing(source) as chunks:
        yield b'"'
        rest = b""
        async for chunk in chunks:
            data = rest + chunk
            whole = len(data) - len(data) % 3
            yield base64.b64encode(data[:whole])
            rest = data[whole:]
        yield base64.b64encode(rest) + b'"'


def base64_json_size(size: int) -> int:
    """Bytes of `base64_json` of `size` bytes."""
    return 2 + 4 * -(-size // 3)


def wants_json(accept: str | None, content_type: str) -> bool:
    """Whether the client takes `application/json` and not the bytes themselves (RFC 9110 §12.5.1)."""
    if accept is None:
        return False
    own = content_type.partition(";")[0].lower()
    ranges: set[str] = set()
    for each in accept.split(","):
        kind, *parameters = (part.strip() for part in each.split(";"))
        if not any(_QUALITY.fullmatch(parameter) for parameter in parameters):
            ranges.add(kind.lower())
    if ranges & {"*/*", own, f"{own.partition('/')[0]}/*", OCTETS}:
        return False
    return bool(ranges & {"application/json", "application/*"})


def safe_type(content_type: str) -> str:
    """The content type, or that of plain bytes for a text that cannot stand in a header."""
    return content_type if _TYPE.fullmatch(content_type) else OCTETS


def disposition(file_name: str | None, kind: str, media_id: int, content_type: str) -> str:
    """Content-Disposition (RFC 6266, RFC 8187). Only sound is played in place."""
    own = content_type.partition(";")[0].lower()
    name = _clean(file_name or "")
    if not name:
        extension = _EXTENSIONS.get(own)
        name = f"{kind}-{media_id}" + (f".{extension}" if extension else "")
    placed = "inline" if own in _PLAYED else "attachment"
    plain = re.sub(r"[^A-Za-z0-9 ._()\-]", "_", unicodedata.normalize("NFKD", name).encode("ascii", "replace").decode())
    extended = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'{placed}; filename="{plain}"{extended}'


def _clean(name: str) -> str:
    """A file name without folders, controls, or directions of writing; the end is kept when it is too long."""
    name = re.split(r"[/\\]", name)[-1]
    name = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in name)
    return name.strip(" .")[-LONGEST_NAME:]
