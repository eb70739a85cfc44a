"""Sends hostile requests to an API in this process, in pieces as a network does."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from tests.attack.hostile_requests import Hostile

PIECE = 64 * 1024


async def send(app: Any, request: Hostile, tokens: dict[str, str], ids: dict[str, int]) -> int:
    """The status of the answer. `tokens` by prefix; `ids` stand for names in braces, in path and body."""
    path, body = request.api + request.path, request.body
    for name, number in ids.items():
        path = path.replace(f"{{{name}}}", str(number))
        body = body.replace(f"{{{name}}}".encode(), str(number).encode())
    path, _, query = path.partition("?")
    headers = {"content-type": request.kind, "content-length": str(len(body)), "accept": "*/*"}
    headers |= {"authorization": f"Bearer {tokens[request.api]}"}
    headers |= {"content-encoding": request.encoding} if request.encoding else {}
    scope = {
        "type": "http", "http_version": "1.1", "method": request.method, "scheme": "http", "path": unquote(path),
        "raw_path": path.encode(), "query_string": query.encode(), "root_path": "", "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80), "headers": [(name.encode(), text.encode()) for name, text in headers.items()],
    }  # fmt: skip
    pieces = [body[at : at + PIECE] for at in range(0, len(body), PIECE)] or [b""]
    status = 0

    async def receive() -> dict[str, Any]:
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def answer(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)

    await app(scope, receive, answer)
    return status
