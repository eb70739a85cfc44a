"""Mail servers of the other side: one that takes messages, and one that is fetched from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Taker:
    """Takes what is sent. `answers`: what it says to the next messages (RCPT, DATA) in place of 250."""

    port: int = 0
    taken: list[Envelope] = field(default_factory=list[Envelope])
    to_recipients: list[str] = field(default_factory=list[str])
    to_messages: list[str] = field(default_factory=list[str])
    # called when a message has come, before it is answered
    before_answer: Callable[[], object] = lambda: None

    async def handle_RCPT(self, _1: SMTP, _2: Session, envelope: Envelope, address: str, _3: list[str]) -> str:  # noqa: N802
        if self.to_recipients:
            return self.to_recipients.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:  # noqa: N802
        self.taken.append(envelope)
        self.before_answer()
        answer = self.to_messages.pop(0) if self.to_messages else "250 OK"
        if answer == "close":
            assert server.transport is not None
            server.transport.close()
        return answer


@asynccontextmanager
async def taking(**options: object) -> AsyncIterator[Taker]:
    taker = Taker()
    loop = asyncio.get_running_loop()

    def connection() -> SMTP:
        return SMTP(taker, hostname="taker", enable_SMTPUTF8=True, loop=loop, data_size_limit=10**9, **options)  # pyright: ignore

    server = await loop.create_server(connection, "127.0.0.1", 0)
    async with server:
        taker.port = server.sockets[0].getsockname()[1]
        yield taker
