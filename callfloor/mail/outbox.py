"""Sending answers: each once, as far as SMTP lets anybody know, and for days when the other side is away."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import structlog

from callfloor import metrics
from callfloor.contract.mailboxes import Account
from callfloor.errors import Problem
from callfloor.mail.accounts import SecretMissing, password
from callfloor.mail.compose import compose
from callfloor.mail.connector import MailConnector
from callfloor.mail.transmit import Outcome, transmit
from callfloor.media.blobs import Blobs
from callfloor.media.errors import BlobMissing, BlobUnreadable
from callfloor.rules.values.retries import rest_after
from callfloor.store.db.faults import REFUSALS
from callfloor.store.db.pool import Database
from callfloor.store.email import mailboxes, outbox
from callfloor.store.email.outbox import Claim

log = structlog.get_logger("callfloor.mail")

# A claim is renewed three times as often. After a crash so long passes before another tries.
LEASE = timedelta(minutes=3)
# While the database is away.
SETTLE_TRIES = 120
SETTLE_REST_S = 1.0
GIVEN_UP_AFTER = timedelta(days=3)


class Outbox:
    """`name`: what this server calls itself to others. `secrets`: the folder of passwords. `connector`: how servers are
    reached."""

    def __init__(self, db: Database, blobs: Blobs, name: str, secrets: Path, connector: MailConnector) -> None:
        self._db, self._blobs, self._name, self._secrets, self._connector = db, blobs, name, secrets, connector

    async def send_next(self, at: datetime) -> bool:
        """Try the answer that is due longest; False when none is due.

        That it is being sent is committed first. A crash after that leaves an answer of which nobody knows whether it
        went out: it is sent again, with the same Message-ID.
        """
        claimed = await outbox.claim(self._db, at, LEASE)
        if claimed is None:
            return False
        outcome = await self._attempt(claimed)
        for _ in range(SETTLE_TRIES):
            try:
                await self._settle(claimed, outcome, max(datetime.now(UTC), at))
                return True
            except (Problem, *REFUSALS):
                # what was sent must be noted, or it will be sent again
                log.warning("answer-unsettled", organisation=claimed.organisation, activity=claimed.activity_id)
                await asyncio.sleep(SETTLE_REST_S)
        return True

    async def _settle(self, claimed: Claim, outcome: Outcome | None, now: datetime) -> None:
        where = {"organisation": claimed.organisation, "activity": claimed.activity_id, "tries": claimed.tries}
        if outcome is None:
            log.info("answer-erased", **where)
        elif outcome.kind == "sent":
            await outbox.sent(self._db, claimed, now)
            metrics.SENT.labels("sent").inc()
            log.info("answer-sent", **where)
        elif outcome.kind == "refused" or now - claimed.created > GIVEN_UP_AFTER:
            await outbox.bounced(self._db, claimed, outcome.code, now)
            metrics.SENT.labels("bounced").inc()
            log.warning("answer-bounced", code=outcome.code, **where)
        else:
            await outbox.again(self._db, claimed, outcome.code, now + rest_after(claimed.tries))
            metrics.SENT.labels("later").inc()
            log.warning("answer-waits", code=outcome.code, fault=outcome.fault, **where)

    async def _attempt(self, claimed: Claim) -> Outcome | None:
        """What came of it; None: it was erased."""
        content = await outbox.content(self._db, claimed)
        if content is None:
            return None
        mailbox = await mailboxes.get(self._db, claimed.organisation, claimed.mailbox_id)
        if mailbox is None or mailbox.send is None:
            return Outcome("later", fault="MailboxSendsNothing")
        where = mailbox.address, claimed.recipient
        with tempfile.TemporaryFile(prefix="callfloor-mail-") as file:
            try:
                secret = password(mailbox.send, self._secrets)
                await compose(file, content, *where, claimed.created, self._blobs, claimed.organisation)
            except SecretMissing as error:
                log.warning(
                    "password-missing",
                    organisation=claimed.organisation,
                    mailbox=claimed.mailbox_id,
                    reason=str(error),
                )
                return Outcome("later", fault=type(error).__name__)
            except (BlobMissing, BlobUnreadable, OSError, ValueError) as error:
                return Outcome("later", fault=type(error).__name__)
            return await self._transmit(claimed, mailbox.send, secret, where, file)

    async def _transmit(
        self, claimed: Claim, account: Account, secret: str | None, where: tuple[str, str], file: BinaryIO
    ) -> Outcome:
        """Send, and keep the claim meanwhile. A thread cannot be stopped: this waits for it whatever happens."""
        sending = asyncio.create_task(
            asyncio.to_thread(transmit, self._connector, account, secret, self._name, *where, file)
        )
        try:
            while not (await asyncio.wait({sending}, timeout=LEASE.total_seconds() / 3))[0]:
                with suppress(Problem):
                    await outbox.renew(self._db, claimed, datetime.now(UTC) + LEASE)
        finally:
            await asyncio.wait({sending})
        return sending.result()
