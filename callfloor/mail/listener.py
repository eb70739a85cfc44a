"""The SMTP server that takes messages for our mailboxes. 250 to a message means that a crash cannot lose it.

The conversation is aiosmtpd's. The message itself goes to a file as it comes, since aiosmtpd would hold it several
times over, and the file is gone when the message is stored.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import BinaryIO, cast

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from callfloor import metrics
from callfloor.errors import Problem
from callfloor.mail.clients import Clients
from callfloor.mail.data import Unstuffed, until_end
from callfloor.mail.intake import Intake
from callfloor.mail.readers import Readers
from callfloor.media.blobs import Blobs
from callfloor.media.errors import BlobUnreadable
from callfloor.rules.privacy.identifiers import EmailError, normalise_email
from callfloor.settings import Settings
from callfloor.store.db.faults import REFUSALS
from callfloor.store.db.pool import Database
from callfloor.store.email import mailboxes
from callfloor.store.email.mailboxes import StoredMailbox
from callfloor.store.setup import storage

log = structlog.get_logger("callfloor.mail")

MOST_RECIPIENTS = 100
IDLE_S = 300.0
BACKLOG = 256
# What keeping a message can fail with while the message is good.
FAILURES = (Problem, *REFUSALS, OSError, BlobUnreadable)
# A message of so many bytes goes into its file at once.
SMALL = 64 * 1024
WRITTEN_AT_ONCE = 2
FULL = b"421 4.7.0 Too many connections, try again later\r\n"
LATER = "451 4.3.0 The message cannot be stored now, try again later"


class _Connection(SMTP):
    """One client. aiosmtpd's lines may be this long: only commands are read by lines."""

    line_length_limit = 64 * 1024

    def __init__(self, handler: MailHandler, settings: Settings, tls: ssl.SSLContext | None) -> None:
        super().__init__(
            handler,
            data_size_limit=settings.smtp_bytes,
            enable_SMTPUTF8=True,
            hostname=settings.smtp_name,
            ident="Callfloor",
            tls_context=tls,
            timeout=IDLE_S,
            loop=asyncio.get_running_loop(),
        )
        self._post = handler
        self.address = ""
        self.heard = 0.0
        self._refused = False

    def __dir__(self) -> list[str]:
        """What aiosmtpd looks through for each connection: its commands. Of ways to sign in there is none."""
        return _COMMANDS

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # called again for the encrypted connection after STARTTLS
        if not self.address:
            peer: tuple[str, int] | None = transport.get_extra_info("peername")
            self.address = peer[0] if peer else "local"
            self.heard = self.loop.time()
            if not self._post.clients.enter(self, self.heard):
                self._refused = True
                cast(asyncio.WriteTransport, transport).write(FULL)
                transport.close()
                return
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._post.clients.leave(self)
        if not self._refused:
            super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """What the client says, unless it was sent away."""
        self.heard = self.loop.time()
        if not self._refused:
            super().data_received(data)

    def eof_received(self) -> bool | None:
        """The client will say no more."""
        return None if self._refused else super().eof_received()

    def send_away(self) -> None:
        """Make room for somebody else."""
        if self.transport is not None:
            cast(asyncio.WriteTransport, self.transport).write(FULL)
            self.transport.close()

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd calls it so
        """Take a message."""
        if await self.check_helo_needed() or await self.check_auth_needed("DATA"):
            return
        envelope = self.envelope
        if envelope is None or not envelope.rcpt_tos:
            await self.push("503 5.5.1 Error: need RCPT command")
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        with tempfile.TemporaryFile(prefix="callfloor-mail-") as file:
            try:
                size = await self._receive(file)
            except OSError as error:
                log.error("message-not-received", kind=type(error).__name__)
                await self.push("421 4.3.1 The message cannot be stored now, try again later")
                # ends the conversation: the rest of the message would be taken for commands
                raise asyncio.CancelledError from error
            limit = self.data_size_limit or 0
            status = "552 5.3.4 Message too large" if size > limit else await self._post.take(file, envelope)
        self._set_post_data_state()
        await self.push(status)

    async def _receive(self, file: BinaryIO) -> int:
        """Write the message to the file, as far as its size is allowed; returns its size in bytes."""
        size, limit = 0, self.data_size_limit or 0
        lines = Unstuffed()
        async for piece in until_end(self._reader):
            # aiosmtpd's timer runs from command to command
            self._reset_timeout()
            if not size and len(piece) < SMALL:
                size = file.write(lines.take(piece))
                continue
            # what is left of a large message waits in the client's own buffer until it is its turn
            async with self._post.writing:
                plain = lines.take(piece)
                size += len(plain)
                if size <= limit:
                    await asyncio.to_thread(file.write, plain)
        rest = lines.rest()
        file.write(rest)
        return size + len(rest)


_COMMANDS = [name for name in dir(SMTP) if name.startswith("smtp_")]


class MailHandler:
    """Decides which recipients there are, and keeps what comes for them. aiosmtpd calls what begins with `handle_`."""

    def __init__(self, db: Database, blobs: Blobs, readers: Readers, most_kept: int) -> None:
        """`most_kept`: bytes that an organisation may keep."""
        self._db, self._blobs, self._readers, self._most_kept = db, blobs, readers, most_kept
        self.clients = Clients()
        # Of the pieces of large messages, those that are put into files at once: a client with a small one finds the
        # event loop free between them, however many others send. Held for work of ours alone, never while we wait for
        # a client.
        self.writing = asyncio.Semaphore(WRITTEN_AT_ONCE)

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Whether the recipient is one of our mailboxes."""
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        try:
            mailbox = await self._mailbox(address)
            kept = 0 if mailbox is None else await storage.at_least(self._db, mailbox.organisation)
        except FAILURES as error:
            log.warning("recipient-waits", kind=type(error).__name__)
            return LATER
        if mailbox is None:
            return "550 5.1.1 There is no such mailbox here"
        if kept >= self._most_kept:
            # the sender's server keeps it meanwhile
            metrics.QUOTA_REFUSED.labels("storage").inc()
            log.warning("mailbox-full", organisation=mailbox.organisation)
            return "452 4.2.2 The mailbox is full, try again later"
        if mailbox.address not in envelope.rcpt_tos:
            envelope.rcpt_tos.append(mailbox.address)
        return "250 2.1.5 OK"

    async def handle_exception(self, error: Exception) -> str:
        """A fault of ours in a conversation; its text may hold what a client wrote."""
        log.error("conversation-fault", kind=type(error).__name__)
        return "451 4.3.0 Fault, try again later"

    async def take(self, file: BinaryIO, envelope: Envelope) -> str:
        """Keep the message in the file for each recipient; the answer to the client."""
        async with self._readers.turn(file.seek(0, 2)):
            try:
                # aiosmtpd gives the empty path as it is written
                parsed = await self._readers.read(file, (envelope.mail_from or "").strip("<>"))
                intake = Intake(self._db, self._blobs, parsed)
                for address in envelope.rcpt_tos:
                    await self._keep(intake, address)
            except FAILURES as error:
                # what was kept for one recipient is not kept twice when the message comes again
                log.warning("message-waits", kind=type(error).__name__)
                return LATER
        return "250 2.0.0 OK"

    async def _keep(self, intake: Intake, address: str) -> None:
        mailbox = await self._mailbox(address)
        if mailbox is None:
            return
        arrived = await intake.keep(mailbox, datetime.now(UTC))
        if arrived.new:
            metrics.RECEIVED.labels("smtp").inc()
        log.info(
            "message-came",
            organisation=mailbox.organisation,
            activity=arrived.activity_id,
            new=arrived.new,
            automatic=arrived.automatic,
        )

    async def _mailbox(self, address: str) -> StoredMailbox | None:
        try:
            return await mailboxes.receiving(self._db, normalise_email(address))
        except EmailError:
            return None


@asynccontextmanager
async def listening(
    db: Database, blobs: Blobs, settings: Settings, readers: Readers, bound: socket.socket | None = None
) -> AsyncGenerator[int | None]:
    """Receive by SMTP meanwhile, where the settings say so; gives the port. `bound`: a socket that has it already."""
    if settings.smtp_port is None:
        yield None
        return
    # it logs what clients say
    logging.getLogger("mail.log").setLevel(logging.CRITICAL + 1)
    post, tls = MailHandler(db, blobs, readers, settings.organisation_storage_bytes), _tls(settings)
    loop = asyncio.get_running_loop()
    made = partial(_Connection, post, settings, tls)
    if bound is None:
        server = await loop.create_server(made, settings.smtp_host, settings.smtp_port, backlog=BACKLOG)
    else:
        server = await loop.create_server(made, sock=bound, backlog=BACKLOG)
    async with server:
        port: int = server.sockets[0].getsockname()[1]
        log.info("smtp-listens", port=port, starttls=tls is not None)
        yield port


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.smtp_certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.smtp_certificate, settings.smtp_certificate_key)
    return context
