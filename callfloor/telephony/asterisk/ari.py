"""A thin client of Asterisk's REST interface: requests, and one WebSocket of events that is connected again when it is
lost. It knows what Asterisk says, not what a call is.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

import aiohttp
import msgspec
import structlog

log = structlog.get_logger("callfloor.telephony")

# Asterisk closes an idle connection after 15 s; it must not do so while we send on it.
KEEP_S = 10.0
ANSWER_S = 10.0
HEARTBEAT_S = 5.0
FIRST_REST_S, LONGEST_REST_S = 0.1, 5.0
# Asterisk lets ten connections wait to be taken; where more come at once, some are taken a second later. Commands do
# not wait for the files and the events, which have theirs to themselves.
CONNECTIONS, STREAMS = 6, 4
PIECE = 1 << 16

Method = Literal["GET", "POST", "PUT", "DELETE"]
Value = str | int | float
EMPTY: Mapping[str, Value] = {}


class AriError(Exception):
    """Asterisk did not do what it was asked to. `retry`: the same request may succeed later."""

    retry: ClassVar[bool] = False


class AriUnreachable(AriError):
    """No answer of its own: the node is away, or too slow. What was asked may have been done, or still be."""

    retry = True


class AriFailed(AriError):
    """Asterisk tried and could not: a 5xx that says why."""

    retry = True


class AriNotThere(AriError):
    """The channel, bridge, recording or endpoint does not exist, or not any more."""


class AriConflict(AriError):
    """It exists already, or is not in a state to do this. Of `POST /channels` no proof that the channel exists: a
    connection on which that was said once may say it again where a channel could not be made."""


class AriRefused(AriError):
    """Asked wrongly, or not allowed."""


@dataclass(frozen=True, slots=True)
class AriNode:
    """Where one Asterisk is reached. `url` ends in `/ari`."""

    url: str
    user: str
    password: str = field(repr=False)

    @property
    def name(self) -> str:
        """The host and port, for logs."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


class Party(msgspec.Struct, frozen=True):
    number: str = ""
    name: str = ""


class Dialplan(msgspec.Struct, frozen=True):
    """Where in the dialplan a channel is. In an application of ours: `Stasis`, and what it was entered with."""

    app_name: str = ""
    app_data: str = ""


class Channel(msgspec.Struct, frozen=True):
    """`channelvars`: those that ari.conf says are told with every event."""

    id: str
    name: str = ""
    state: str = ""
    caller: Party = Party()
    dialplan: Dialplan = Dialplan()
    channelvars: dict[str, str] = {}

    @property
    def up(self) -> bool:
        return self.state == "Up"


class Bridge(msgspec.Struct, frozen=True):
    id: str
    channels: list[str] = []


class Playback(msgspec.Struct, frozen=True):
    id: str
    state: str = ""
    target_uri: str = ""


class Recording(msgspec.Struct, frozen=True):
    name: str
    state: str = ""
    duration: int | None = None
    cause: str | None = None


class Endpoint(msgspec.Struct, frozen=True):
    """A phone. `state`: `online`, `offline` or `unknown`. `channel_ids`: what it is on."""

    state: str = ""
    channel_ids: list[str] = []


class AriEvent(msgspec.Struct, frozen=True):
    """Any event; which fields are there depends on its `type`."""

    type: str
    channel: Channel | None = None
    peer: Channel | None = None
    bridge: Bridge | None = None
    playback: Playback | None = None
    recording: Recording | None = None
    endpoint: Endpoint | None = None
    args: list[str] = []
    digit: str = ""
    soft: bool = False
    cause: int | None = None
    tech_cause: int | None = None


@dataclass(frozen=True, slots=True)
class StoredFile:
    """`size`: in bytes, None where Asterisk does not say."""

    size: int | None
    pieces: AsyncIterator[bytes]


_EVENT = msgspec.json.Decoder(AriEvent)
Listener = Callable[[AriEvent], None]


class Ari:
    """Requests to one node. Use as a context."""

    def __init__(self, node: AriNode, answer_s: float = ANSWER_S) -> None:
        self.node = node
        self._http, self._streams = self._session(CONNECTIONS, answer_s), self._session(STREAMS, answer_s)

    def _session(self, connections: int, answer_s: float) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            headers={"Authorization": aiohttp.encode_basic_auth(self.node.user, self.node.password, "utf-8")},
            connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=KEEP_S),
            timeout=aiohttp.ClientTimeout(total=answer_s),
        )

    async def close(self) -> None:
        await self._http.close()
        await self._streams.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def request(
        self, method: Method, path: str, query: Mapping[str, Value] = EMPTY, body: Mapping[str, Any] | None = None
    ) -> Any:
        """What Asterisk answers, None where that is nothing. Raises `AriError`."""
        with _reached(self.node):
            async with self._http.request(method, f"{self.node.url}/{path}", params=query, json=body) as answer:
                content = await answer.read()
        if answer.status >= 400:
            raise _error(answer.status, content)
        return msgspec.json.decode(content) if content else None

    async def get(self, path: str, **query: Value) -> Any:
        return await self.request("GET", path, query)

    async def post(self, path: str, **query: Value) -> Any:
        return await self.request("POST", path, query)

    async def delete(self, path: str, **query: Value) -> None:
        await self.request("DELETE", path, query)

    async def channels(self) -> list[Channel]:
        return msgspec.convert(await self.get("channels"), list[Channel])

    async def bridges(self) -> list[Bridge]:
        return msgspec.convert(await self.get("bridges"), list[Bridge])

    async def recordings(self) -> list[Recording]:
        """Every recording that there is a file of."""
        return msgspec.convert(await self.get("recordings/stored"), list[Recording])

    @contextlib.asynccontextmanager
    async def file(self, path: str) -> AsyncGenerator[StoredFile]:
        """A stored file, as long as the context lasts. Raises `AriError`."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=ANSWER_S, sock_read=ANSWER_S)
        with _reached(self.node):
            answer = await self._streams.get(f"{self.node.url}/{path}", timeout=timeout)
        try:
            if answer.status >= 400:
                with _reached(self.node):
                    raise _error(answer.status, await answer.read())
            yield StoredFile(answer.content_length, self._pieces(answer))
        finally:
            answer.close()

    async def _pieces(self, answer: aiohttp.ClientResponse) -> AsyncGenerator[bytes]:
        with _reached(self.node):
            async for piece in answer.content.iter_chunked(PIECE):
                yield piece

    async def listen(
        self, app: str, listener: Listener, connected: Callable[[], Coroutine[Any, Any, None]], lost: Callable[[], None]
    ) -> None:
        """Give every event of the application to `listener`, for ever. `connected` runs beside it each time that there
        is a connection: events before it were missed. When it raises an `AriError`, there is a new connection."""
        rest = FIRST_REST_S
        while True:
            try:
                async with self._socket(app) as socket:
                    log.info("ari-connected", node=self.node.name, app=app)
                    try:
                        await self._read_beside(socket, listener, connected())
                    finally:
                        lost()
                rest = FIRST_REST_S
                log.warning("ari-lost", node=self.node.name, app=app)
            except AriError as error:
                log.warning("ari-waits", node=self.node.name, app=app, kind=type(error).__name__, detail=str(error))
            await asyncio.sleep(rest)
            rest = min(2 * rest, LONGEST_REST_S)

    @contextlib.asynccontextmanager
    async def _socket(self, app: str) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
        address = f"{self.node.url}/events"
        try:
            with _reached(self.node):
                socket = await self._streams.ws_connect(
                    address, params={"app": app}, heartbeat=HEARTBEAT_S, max_msg_size=0
                )
        except aiohttp.WSServerHandshakeError as error:
            raise _error(error.status, b"") from None
        async with socket:
            yield socket

    async def _read_beside(
        self, socket: aiohttp.ClientWebSocketResponse, listener: Listener, work: Coroutine[Any, Any, None]
    ) -> None:
        """Until the connection is lost. Raises what the work raises."""
        reading, beside = asyncio.create_task(self._read(socket, listener)), asyncio.create_task(work)
        try:
            await asyncio.wait({reading, beside}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                await beside
            await reading
        finally:
            for task in (reading, beside):
                task.cancel()
            await asyncio.wait({reading, beside})

    async def _read(self, socket: aiohttp.ClientWebSocketResponse, listener: Listener) -> None:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            try:
                event = _EVENT.decode(message.data)
            except msgspec.DecodeError as error:
                log.warning("ari-event-unread", node=self.node.name, detail=str(error))
                continue
            listener(event)


@contextlib.contextmanager
def _reached(node: AriNode) -> Generator[None]:
    """What the network does wrong, as an error of ours. A handshake that was answered is not the network's fault."""
    try:
        yield
    except aiohttp.WSServerHandshakeError:
        raise
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        # the text of such an error may have the address, never the password: that travels in a header
        raise AriUnreachable(f"{node.name}: {type(error).__name__}") from None


class _Told(msgspec.Struct):
    message: str = ""
    error: str = ""


def _error(status: int, content: bytes) -> AriError:
    try:
        told = msgspec.json.decode(content, type=_Told)
    except msgspec.DecodeError:
        told = _Told()
    text = f"{status} {told.message or told.error}".strip()
    if status == 404:
        return AriNotThere(text)
    if status in (409, 412):
        return AriConflict(text)
    if status < 500:
        return AriRefused(text)
    # Asterisk says why; somebody in between does not know what Asterisk will do
    return AriFailed(text) if told.message or told.error else AriUnreachable(text)
