"""Fetching mailboxes by IMAP: each message once, however often a fetch is cut off.

A message is stored, then its UID is noted. Cut off between the two, the next fetch reads it again and finds it stored.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import structlog

from callfloor import metrics
from callfloor.contract.mailboxes import Account
from callfloor.mail.accounts import password
from callfloor.mail.connector import MailConnector
from callfloor.mail.imap import Folder, folder
from callfloor.mail.intake import Intake
from callfloor.mail.readers import Readers
from callfloor.media.blobs import Blobs
from callfloor.store.db.pool import Database
from callfloor.store.email import mailboxes
from callfloor.store.email.mailboxes import StoredMailbox

log = structlog.get_logger("callfloor.mail")

_TOO_LARGE = "[This message has more than {:,} bytes. It was not fetched, and is still in the mailbox on its server.]"


class Fetcher:
    """`most`: the largest message that is fetched whole, in bytes. `secrets`: the folder of passwords. `connector`: how
    servers are reached."""

    def __init__(
        self, db: Database, blobs: Blobs, most: int, readers: Readers, secrets: Path, connector: MailConnector
    ) -> None:
        self._db, self._blobs, self._most, self._readers = db, blobs, most, readers
        self._secrets, self._connector = secrets, connector

    async def fetch(self, mailbox: StoredMailbox) -> int:
        """Take what is new in a mailbox; returns how many messages.

        When the folder is met first, or its messages are numbered anew, of those in it only what nobody has looked at
        is taken. Raises what the server (`imap.FAILURES`), the database or the media store fail with.
        """
        count = 0
        if mailbox.imap is None:
            return count
        async with _opened(self._connector, mailbox.imap, self._secrets) as opened:
            for uid in await self._new(mailbox, opened):
                count += await self._take(mailbox, opened, uid)
                where = mailbox.organisation, mailbox.mailbox_id, opened.validity
                await mailboxes.advance(self._db, *where, uid)
                await asyncio.to_thread(opened.mark_seen, uid)
        return count

    async def _new(self, mailbox: StoredMailbox, opened: Folder) -> list[int]:
        where = mailbox.organisation, mailbox.mailbox_id
        known = await mailboxes.progress(self._db, *where)
        if known is None or known.validity != opened.validity:
            known = await mailboxes.sync_uids(self._db, *where, opened.validity, opened.newest)
        unseen = await asyncio.to_thread(opened.unseen, known.last_uid + 1, known.met_uid)
        return unseen + await asyncio.to_thread(opened.uids_after, max(known.last_uid, known.met_uid))

    async def _take(self, mailbox: StoredMailbox, opened: Folder, uid: int) -> bool:
        """Copy and keep a message; False: it is gone, or was kept before."""
        with tempfile.TemporaryFile(prefix="callfloor-mail-") as file:
            if not await asyncio.to_thread(_copy, opened, uid, file, self._most):
                return False
            async with self._readers.turn(file.seek(0, 2)):
                parsed = await self._readers.read(file)
                arrived = await Intake(self._db, self._blobs, parsed).keep(mailbox, datetime.now(UTC))
        if arrived.new:
            metrics.RECEIVED.labels("imap").inc()
        log.info(
            "message-came",
            organisation=mailbox.organisation,
            activity=arrived.activity_id,
            new=arrived.new,
            automatic=arrived.automatic,
        )
        return arrived.new


@asynccontextmanager
async def _opened(connector: MailConnector, account: Account, secrets: Path) -> AsyncGenerator[Folder]:
    manager = folder(connector, account, password(account, secrets))
    opened = await asyncio.to_thread(manager.__enter__)
    try:
        yield opened
    finally:
        await asyncio.to_thread(manager.__exit__, None, None, None)


def _copy(opened: Folder, uid: int, file: BinaryIO, most: int) -> bool:
    """Write the message, or what can be said of one that is too large; False: it is gone."""
    size = opened.size(uid)
    if size is None:
        return False
    if size <= most and opened.copy(uid, file, most):
        return True
    # the first header of a name counts
    file.seek(0)
    file.truncate()
    file.write(b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n")
    file.write(opened.headers(uid).rstrip(b"\r\n") + b"\r\n\r\n" + _TOO_LARGE.format(most).encode())
    return True
