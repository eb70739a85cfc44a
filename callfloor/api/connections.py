"""Connections of clients: how many there may be, and how long each may keep us waiting.

uvicorn's protocols have no bound for a request's head and wait for ever for a client that says nothing, or half of
something. These keep both in bounds before a byte reaches the application. Times are looked at once a second for all
connections, so that a request costs no timer of its own.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network
from typing import Any, cast

import structlog
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from callfloor.settings import is_among, networks

log = structlog.get_logger("callfloor.api")

# A request's line and header, in bytes and in fields.
LARGEST_HEAD = 32 * 1024
MOST_FIELDS = 100
# Seconds to a whole head from the first byte, or from the connection.
HEAD_S = 10.0
# A body brings so many bytes in each such time, unless it is we who do not read.
BODY_S, LEAST_BODY = 20.0, 10 * 1024
# A client that takes nothing of its answer for so long is gone.
UNREAD_S = 60.0
# Where proxies of one's own are.
NEAR = networks("127.0.0.0/8, ::1, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7")
SWEEP_S = 1.0
# All that a client says over a WebSocket is its token, and that it is still there. A frame costs more than its bytes,
# and an unfinished message of empty ones is kept: bytes in so many seconds.
MOST_SAID, SAID_S = 16 * 1024, 60.0
# The code of a close frame for a text that is not UTF-8 (RFC 6455, 7.4.1).
INVALID_DATA = 1007


class Connections:
    """Who is connected to this process, by address."""

    def __init__(self, most: int, most_per_address: int, proxies: Sequence[IPv4Network | IPv6Network] = ()) -> None:
        self._most, self._most_per_address, self._proxies = most, most_per_address, proxies
        self._count: Counter[str] = Counter()
        self._open = 0
        self._warned = False
        self.http: set[_Http] = set()

    def enter(self, address: str) -> bool:
        """Whether there is room for one more; what has entered has to leave."""
        if self._open >= self._most:
            return False
        if self._count[address] >= self._most_per_address and not is_among(address, self._proxies):
            return False
        self._open += 1
        self._count[address] += 1
        return True

    def leave(self, address: str) -> None:
        self._open -= 1
        self._count[address] -= 1
        if self._count[address] <= 0:
            del self._count[address]

    def look_for_a_proxy(self, address: str, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Warn once of a reverse proxy that the settings do not name: its clients then share one limit, and their
        cookies are not for TLS alone. One is told by what it says, in our own network: strangers may say anything."""
        if self._warned or not any(name.lower() == b"x-forwarded-for" for name, _ in headers):
            return
        if is_among(address, NEAR) and not is_among(address, self._proxies):
            self._warned = True
            log.warning("proxy-not-trusted", address=address, remedy=f"CALLFLOOR_TRUSTED_PROXIES={address}")

    async def watch(self) -> None:
        """Close whoever keeps us waiting for too long, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            now = loop.time()
            for each in list(self.http):
                each.sweep(now)

    def protocols(self) -> tuple[type[asyncio.Protocol], type[asyncio.Protocol]]:
        """What uvicorn makes of each connection: for HTTP, and for WebSockets."""
        return (
            type("Http", (_Http,), {"doors": self}),
            type("WebSocket", (_WebSocket,), {"doors": self}),
        )


class _Http(HttpToolsProtocol):
    doors: Connections

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._address = ""
        self._entered = False
        # else a head is being read, or none has come yet
        self._in_body = False
        self._head_bytes = 0
        self._refused = False
        # since when we wait for a head, for bytes of a body, for the client to read
        self._waiting_since: float | None = None
        self._body_since, self._body_bytes = 0.0, 0
        self._unread_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        self._entered = self.doors.enter(self._address)
        if not self._entered:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections; try again later.")
            return
        self._waiting_since = self.loop.time()
        self.doors.http.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._left()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        self._left()
        super().handle_websocket_upgrade()

    def _left(self) -> None:
        self.doors.http.discard(self)
        if self._entered:
            self._entered = False
            self.doors.leave(self._address)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if self._in_body:
            self._body_bytes += len(data)
        elif self._head_bytes == 0 and self._waiting_since is None:
            # the first bytes of another request
            self._waiting_since = self.loop.time()
        self._head_bytes += len(data)
        super().data_received(data)
        if not self._in_body and self._head_bytes > LARGEST_HEAD:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The header has over 32 KiB.")

    def on_headers_complete(self) -> None:
        too_many = len(self.headers) > MOST_FIELDS
        # a head that came in one piece was not counted on its way
        if too_many or (self._head_bytes > LARGEST_HEAD and _size(self.url, self.headers) > LARGEST_HEAD):
            what = f"The header has over {MOST_FIELDS} fields." if too_many else "The header has over 32 KiB."
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, what)
            return
        self.doors.look_for_a_proxy(self._address, self.headers)
        self._in_body = True
        self._waiting_since = None
        self._body_since, self._body_bytes = self.loop.time(), 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._refused:
            return
        self._in_body = False
        self._head_bytes = 0
        super().on_message_complete()

    def pause_writing(self) -> None:
        self._unread_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._unread_since = None
        super().resume_writing()

    def sweep(self, now: float) -> None:
        """Close the connection when it keeps us waiting. `now` is on the loop's clock."""
        if self._unread_since is not None and now - self._unread_since > UNREAD_S:
            self.transport.abort()
        elif self._waiting_since is not None and now - self._waiting_since > HEAD_S:
            if self._head_bytes:
                self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The header did not come in time.")
            else:
                self.transport.close()
        elif self._in_body and now - self._body_since > BODY_S:
            if self._body_bytes < LEAST_BODY and not self.flow.read_paused:
                # an answer may be on its way already: nothing can be said between its bytes
                self.transport.abort()
            self._body_since, self._body_bytes = now, 0

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        """Answer and close: there is no request that the application could answer."""
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        body = text.encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        if not self._answering():
            self.transport.write(head.encode() + body)
        self.transport.close()

    def _answering(self) -> bool:
        # uvicorn declares that there always is one
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and not cycle.response_complete


def _size(url: bytes, headers: list[tuple[bytes, bytes]]) -> int:
    return len(url) + sum(len(name) + len(value) + 4 for name, value in headers)


class _WebSocket(WebSocketsSansIOProtocol):
    doors: Connections
    address = ""
    entered = False
    _said: int | None = None
    _said_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        # it had its place as an HTTP connection a moment ago
        self.entered = self.doors.enter(self.address)

    def data_received(self, data: bytes) -> None:
        now = self.loop.time()
        if self._said is None or now - self._said_since > SAID_S:
            # the head of the request comes first, and has bounds of its own
            self._said = 0 if self._said is None else len(data)
            self._said_since = now
        else:
            self._said += len(data)
        if self._said > MOST_SAID:
            self.transport.abort()
        else:
            super().data_received(data)

    def send_receive_event_to_app(self) -> None:
        # uvicorn writes a traceback into the log for each text that is none
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                self.conn.send_close(INVALID_DATA)
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.entered:
            self.entered = False
            self.doors.leave(self.address)
        super().connection_lost(exc)
