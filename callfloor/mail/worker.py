"""The mail process: messages received, mailboxes fetched, answers sent."""

from __future__ import annotations

import asyncio
import socket
import time
from datetime import UTC, datetime

import asyncpg
import structlog

from callfloor import metrics
from callfloor.errors import Problem
from callfloor.mail import imap
from callfloor.mail.accounts import SecretMissing
from callfloor.mail.connector import MailConnector
from callfloor.mail.fetcher import Fetcher
from callfloor.mail.listener import listening
from callfloor.mail.outbox import Outbox
from callfloor.mail.readers import Readers
from callfloor.mail.report_outbox import ReportOutbox
from callfloor.media.blobs import Blobs
from callfloor.media.errors import BlobUnreadable
from callfloor.settings import Settings
from callfloor.store.db import installation
from callfloor.store.db import listen as notifications
from callfloor.store.db.faults import REFUSALS
from callfloor.store.db.listen import Listener
from callfloor.store.db.pool import LOST, Database
from callfloor.store.email import mailboxes
from callfloor.store.email import outbox as outgoing
from callfloor.store.email.mailboxes import StoredMailbox
from callfloor.telemetry import Seldom

log = structlog.get_logger("callfloor.mail")

SENDERS = 2
FETCHED_AT_ONCE = 4
LOOK_AGAIN_S = 5.0
FETCH_S = 20.0
# How long a mailbox rests whose server did not do its part.
REST_S = 60.0
RETRY_S = 10.0
DATABASE = (Problem, *REFUSALS)


async def work(
    dsn: str, blobs: Blobs, settings: Settings, stop: asyncio.Event, bound: socket.socket | None = None
) -> None:
    """Work until `stop` is set; what is being sent or fetched is finished first. `bound`: where messages come in;
    without it their address is taken here."""
    db = await Database.connect(dsn, size=SENDERS + 1 + FETCHED_AT_ONCE + 4)
    wake = asyncio.Event()
    connector = MailConnector(settings.mail_networks)
    outbox = Outbox(db, blobs, settings.smtp_name, settings.secrets_folder, connector)
    reports = ReportOutbox(db, settings.smtp_name, settings.secrets_folder, connector)
    readers = Readers()
    fetcher = Fetcher(db, blobs, settings.smtp_bytes, readers, settings.secrets_folder, connector)
    try:
        # a notification that is lost costs some seconds
        awake = Listener(dsn, "outbox", {outgoing.CHANNEL: lambda _: wake.set()}, wake.set)
        async with notifications.listening(awake), asyncio.TaskGroup() as group:
            group.create_task(_receive(db, blobs, settings, readers, stop, bound))
            group.create_task(_fetch(dsn, db, fetcher, stop))
            group.create_task(_send(db, reports, wake, stop))
            for _ in range(SENDERS):
                group.create_task(_send(db, outbox, wake, stop))
    finally:
        await asyncio.to_thread(readers.close)
        await db.close()


async def _receive(
    db: Database,
    blobs: Blobs,
    settings: Settings,
    readers: Readers,
    stop: asyncio.Event,
    bound: socket.socket | None,
) -> None:
    while not stop.is_set():
        try:
            async with listening(db, blobs, settings, readers, bound):
                await stop.wait()
        except OSError as error:
            log.error("smtp-cannot-listen", host=settings.smtp_host, port=settings.smtp_port, reason=error.strerror)
            await _pause(stop, RETRY_S)


async def _send(db: Database, outbox: Outbox | ReportOutbox, wake: asyncio.Event, stop: asyncio.Event) -> None:
    seldom = Seldom()
    while not stop.is_set():
        wake.clear()
        try:
            if await installation.held(db) is None and await outbox.send_next(datetime.now(UTC)):
                continue
        except DATABASE as error:
            if seldom.is_due(type(error).__name__):
                log.warning("sending-waits", kind=type(error).__name__)
        await _pause(stop, LOOK_AGAIN_S, wake)


async def _fetch(dsn: str, db: Database, fetcher: Fetcher, stop: asyncio.Event) -> None:
    """Fetch while this process is the one that does; another takes over when it dies."""
    rounds, seldom = Rounds(db, fetcher), Seldom()
    while not stop.is_set():
        try:
            session = await asyncpg.connect(dsn, timeout=5)
            try:
                leads = await mailboxes.lead(session)
                while leads and not stop.is_set() and not session.is_closed():
                    if await installation.held(db) is None:
                        await rounds.fetch_all()
                    await _pause(stop, FETCH_S)
            finally:
                await session.close(timeout=1)
        except (*DATABASE, *LOST) as error:
            if seldom.is_due(type(error).__name__):
                log.warning("fetching-waits", kind=type(error).__name__)
        await _pause(stop, RETRY_S)


class Rounds:
    """Goes round the mailboxes; one whose server fails rests while the others are fetched."""

    def __init__(self, db: Database, fetcher: Fetcher) -> None:
        self._db, self._fetcher = db, fetcher
        self._turn = asyncio.Semaphore(FETCHED_AT_ONCE)
        self._rest_until: dict[tuple[int, int], float] = {}

    async def fetch_all(self) -> None:
        await asyncio.gather(*(self.fetch(mailbox) for mailbox in await mailboxes.fetched(self._db)))

    async def fetch(self, mailbox: StoredMailbox) -> None:
        """Fetch from one, unless it rests; a failure is logged."""
        key = mailbox.organisation, mailbox.mailbox_id
        if self._rest_until.get(key, 0) > time.monotonic():
            return
        async with self._turn:
            try:
                await self._fetcher.fetch(mailbox)
                metrics.FETCHES.labels("done").inc()
            except (SecretMissing, BlobUnreadable, *imap.FAILURES, *DATABASE) as error:
                self._rest_until[key] = time.monotonic() + REST_S
                metrics.FETCHES.labels("failed").inc()
                # which file or variable the password was looked for in; what mail servers say may quote a message
                more = {"reason": str(error)} if isinstance(error, SecretMissing) else {}
                log.warning("fetch-failed", organisation=key[0], mailbox=key[1], kind=type(error).__name__, **more)


async def _pause(stop: asyncio.Event, seconds: float, wake: asyncio.Event | None = None) -> None:
    """Wait so long, or until it is time to stop or to wake."""
    waits = [asyncio.create_task(event.wait()) for event in (stop, wake) if event is not None]
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
