"""WebSockets: whoever connects signs in, and is told what its address is for until either side ends it.

A client that was away names the last thing that it has and goes on from there. What is told to whom, a `Stream` says.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callfloor.api.admission import NOBODY, Admission, bearer
from callfloor.api.call import Services
from callfloor.api.decoding import Query, parse_query
from callfloor.api.gate import address_of, telling
from callfloor.cancellation import cancelled
from callfloor.contract import codes
from callfloor.contract.workspace_api import SignIn
from callfloor.errors import Problem, RateLimited, ScopeMissing, Unauthenticated
from callfloor.store.db.pool import acting_for
from callfloor.store.people.callers import Caller

log = structlog.get_logger("callfloor.api")

SIGN_IN_S = 10.0
# A client hears something at least so often, and its token is looked at again.
HEARTBEAT_S = 15.0
# A client that takes nothing for so long is slow; when it goes on soon it is told so, else it is cut off.
SEND_S = 10.0
CLOSE_S = 20.0
SLOW, BAD_REQUEST, FAULT = 4408, 4400, 1011
# A reason of a close frame has 123 bytes.
LONGEST_REASON = 120
_SIGN_IN = msgspec.json.Decoder(SignIn)


class Closed(Exception):
    """The connection ends; `code` None: the client is gone already."""

    def __init__(self, code: int | None, reason: str = "") -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Stream(Protocol):
    """What is told at an address. `name`: for the log. `scope`: of the operation that says the same over HTTP."""

    path: str
    name: str
    scope: codes.Scope
    query: Query[Any]

    def admit(self, caller: Caller, query: Any) -> None:
        """Raise the problem that keeps this caller from it."""
        ...

    async def run(self, connection: Connection, caller: Caller, query: Any) -> None:
        """Tell, until cancelled or `Closed`. Raises problems."""
        ...


class Sockets:
    """The WebSockets of the workspace as an ASGI application; everything else goes to `other`."""

    def __init__(self, services: Services, admission: Admission, other: ASGIApp, streams: Iterable[Stream]) -> None:
        self.services, self.admission, self._other = services, admission, other
        self._streams = {stream.path: stream for stream in streams}
        # connections by the token that they came with
        self._open: Counter[int] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._other(scope, receive, send)
        elif (stream := self._streams.get(scope["path"])) is None:
            await receive()
            await send({"type": "websocket.close"})
        else:
            await Connection(self, stream, scope, receive, send).serve()

    @contextmanager
    def place(self, caller: Caller) -> Generator[None]:
        """One of the token's connections. Raises `RateLimited` when it has as many as it may."""
        most = self.services.settings.sockets_per_token
        if self._open[caller.token_id] >= most:
            raise RateLimited(f"The token has {most} connections already; close one first.")
        self._open[caller.token_id] += 1
        try:
            yield
        finally:
            self._open[caller.token_id] -= 1
            if not self._open[caller.token_id]:
                del self._open[caller.token_id]


class Connection:
    """One client's."""

    def __init__(self, sockets: Sockets, stream: Stream, scope: Scope, receive: Receive, send: Send) -> None:
        self._sockets, self._stream, self._scope = sockets, stream, scope
        self._receive, self._send = receive, send
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self._shown = NOBODY
        # of the admission, when the caller was last looked at
        self._version = 0
        self._caller: Caller | None = None

    async def serve(self) -> None:
        """Accept, sign in, and send until either side ends it."""
        started = time.monotonic()
        code: int | None = None
        await self._receive()
        await self._send({"type": "websocket.accept"})
        try:
            await self._converse()
        except Closed as closed:
            code = closed.code
            if code is not None:
                await self._close(code, closed.reason)
        except Exception as error:  # noqa: BLE001 - the last resort: the client may go on from its last sequence
            # the text of an exception may quote data; its kind and place do not
            log.error("fault", operation=self._stream.name, error=telling(error))
            code = FAULT
            await self._close(code, "The server met a fault.")
        finally:
            caller = self._caller
            log.info(
                self._stream.name,
                code=code,
                organisation=caller.organisation.organisation_id if caller else None,
                token=caller.token_id if caller else None,
                s=round(time.monotonic() - started, 1),
            )

    async def _converse(self) -> None:
        try:
            query = self._stream.query.decode(parse_query(self._scope["query_string"]))
            caller = self._caller = await self._signed_in(query)
            with self._sockets.place(caller), acting_for(caller.organisation.organisation_id):
                await self._both(caller, query)
        except Problem as problem:
            raise _closed(problem) from problem

    async def _both(self, caller: Caller, query: Any) -> None:
        reading = asyncio.create_task(self._until_gone())
        sending = asyncio.create_task(self._stream.run(self, caller, query))
        try:
            await asyncio.wait({reading, sending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancelled((reading, sending))
        faults = [task.exception() for task in (reading, sending) if not task.cancelled()]
        raise next((fault for fault in faults if fault is not None), Closed(None))

    async def _close(self, code: int, reason: str) -> None:
        """Say why it ends, to a client that still reads."""
        text = reason.encode()[:LONGEST_REASON].decode(errors="ignore")
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._send({"type": "websocket.close", "code": code, "reason": text})
        except (TimeoutError, OSError):
            return

    # What the client says

    async def _signed_in(self, query: Any) -> Caller:
        """Whom the header's token, the cookie's session, or the first message's token speaks for. Raises problems."""
        self._shown = self._sockets.admission.shown(self._scope, self._headers)
        if self._shown.by_cookie:
            self._sockets.admission.expect_own(self._headers, changes=False)
        if not self._shown.given:
            self._shown = bearer((await self._first_message()).encode())
        caller = await self.admitted(query)
        verdict = self._sockets.admission.count(caller)
        if not verdict.allowed:
            raise RateLimited(f"Too many requests; wait {verdict.retry_after_s} s.")
        return caller

    async def admitted(self, query: Any) -> Caller:
        """Whether the events may (still) be seen, by what holds for a request. Raises problems."""
        self._version = self._sockets.admission.version
        caller = await self._sockets.admission.caller(self._shown, address_of(self._scope))
        if not caller.may(self._stream.scope):
            raise ScopeMissing(f"The token lacks the scope {self._stream.scope}.")
        self._stream.admit(caller, query)
        return caller

    def settled(self, caller: Caller) -> bool:
        """Whether the caller need not be looked at again: neither a token nor an account has changed, and its own has
        not expired."""
        return self._version == self._sockets.admission.version and not caller.expired()

    async def _first_message(self) -> str:
        try:
            async with asyncio.timeout(SIGN_IN_S):
                message = await self._message()
            return _SIGN_IN.decode(message.get("text") or message.get("bytes") or b"").token
        except TimeoutError as error:
            raise Unauthenticated("No token came in time.") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Unauthenticated('The first message must be {"token": "TOKEN"}.') from error

    async def _message(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            raise Closed(None)
        return message

    async def _until_gone(self) -> None:
        await self._message()
        raise Closed(BAD_REQUEST, "Nothing is expected here; send commands over HTTP.")

    # What the client is told

    @property
    def services(self) -> Services:
        return self._sockets.services

    async def tell(self, text: str) -> None:
        """Send a message. Raises `Closed` when the client takes it too slowly, or is gone."""
        try:
            async with asyncio.timeout(SEND_S):
                await self._send({"type": "websocket.send", "text": text})
        except TimeoutError as error:
            raise Closed(SLOW, "You read too slowly; go on from the last that you have.") from error
        except OSError as error:
            raise Closed(None) from error


def until_heartbeat(caller: Caller) -> float:
    """Seconds to wait for something to tell: to the next heartbeat, or to the end of the token."""
    if caller.expires_at is None:
        return HEARTBEAT_S
    left_s = (caller.expires_at - datetime.now(UTC)).total_seconds()
    return min(HEARTBEAT_S, max(left_s, 0.0))


def _closed(problem: Problem) -> Closed:
    """4401 for what is a 401 over HTTP, and so on."""
    return Closed(4000 + problem.status, problem.detail)
