"""Sending reports that are ready, and alerts: to each recipient once, as far as SMTP lets anybody know."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from datetime import UTC, datetime, timedelta
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

import structlog

from callfloor.contract.mailboxes import Account
from callfloor.mail.accounts import SecretMissing, password
from callfloor.mail.connector import MailConnector
from callfloor.mail.headers import line
from callfloor.mail.transmit import Outcome, transmit
from callfloor.rules.values.retries import rest_after
from callfloor.store.db.pool import Database
from callfloor.store.email import mailboxes
from callfloor.store.figures import report_deliveries as deliveries
from callfloor.store.figures import saved_reports
from callfloor.store.figures.report_deliveries import Claim

log = structlog.get_logger("callfloor.mail")

# Longer than a server may take over one message.
LEASE = timedelta(minutes=15)
# after some eight hours
MOST_TRIES = 10
_TYPES = {"csv": ("text", "csv"), "xlsx": ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet")}


class ReportOutbox:
    """`name`: what this server calls itself to others. `secrets`: the folder of passwords. `connector`: how servers are
    reached."""

    def __init__(self, db: Database, name: str, secrets: Path, connector: MailConnector) -> None:
        self._db, self._name, self._secrets, self._connector = db, name, secrets, connector

    async def send_next(self, at: datetime) -> bool:
        """Try the report that is due longest; False when none is.

        Who has it is committed after each recipient. A crash in between leaves one of whom nobody knows: it is sent
        again, with the same Message-ID.
        """
        claimed = await deliveries.claim(self._db, "ready", at, LEASE)
        if claimed is None:
            return False
        where = {"organisation": claimed.organisation, "delivery": claimed.delivery_id, "tries": claimed.tries}
        content = await deliveries.file(self._db, claimed)
        if content is None:
            # its report was deleted meanwhile
            return True
        refused, waits = await self._send(claimed, content)
        now = max(datetime.now(UTC), at)
        if waits is not None and claimed.tries < MOST_TRIES:
            await deliveries.again(self._db, claimed, waits, now + rest_after(claimed.tries))
            log.warning("report-waits", **where)
        elif refused or waits is not None:
            await deliveries.finish(self._db, claimed, "failed", waits or refused, now)
            log.warning("report-failed", **where)
        else:
            await deliveries.finish(self._db, claimed, "sent", None, now)
            log.info("report-sent", **where)
        return True

    async def _send(self, claimed: Claim, content: bytes) -> tuple[str | None, str | None]:
        """Why somebody will never have it, and why somebody has it not yet; None: nobody is so."""
        found = await saved_reports.sends(self._db, claimed.organisation, claimed.mailbox)
        mailbox = None if found is None else await mailboxes.get(self._db, claimed.organisation, found)
        if mailbox is None or mailbox.send is None:
            return None, "The mailbox that it is sent from sends nothing."
        try:
            secret = password(mailbox.send, self._secrets)
        except SecretMissing:
            return None, "The password of the mailbox is not there."
        refused = waits = None
        for recipient in claimed.recipients:
            if recipient in claimed.sent_to:
                continue
            try:
                message = message_of(claimed, mailbox.address, recipient, content)
            except (MessageError, ValueError):
                refused = "Not sent to one of the recipients: the address cannot stand in an e-mail."
                continue
            outcome = await self._transmit(mailbox.send, secret, mailbox.address, recipient, message)
            said = f"the mail server said {outcome.code}" if outcome.code else f"{outcome.fault or 'no answer'}"
            if outcome.kind == "sent":
                await deliveries.sent_to(self._db, claimed, recipient, datetime.now(UTC) + LEASE)
            elif outcome.kind == "refused":
                refused = f"Not taken for one of the recipients: {said}."
            else:
                waits = f"Not sent to all yet: {said}."
        return refused, waits

    async def _transmit(
        self, account: Account, secret: str | None, sender: str, recipient: str, message: bytes
    ) -> Outcome:
        """A thread cannot be stopped: this waits for it whatever happens."""
        with tempfile.TemporaryFile(prefix="callfloor-mail-") as file:
            file.write(message)
            file.seek(0)
            sending = asyncio.create_task(
                asyncio.to_thread(transmit, self._connector, account, secret, self._name, sender, recipient, file)
            )
            await asyncio.wait({sending})
            return sending.result()


def message_of(claimed: Claim, sender: str, recipient: str, content: bytes) -> bytes:
    """The same bytes at each try. Raises `MessageError` or `ValueError` for an address that e-mail has no form for."""
    mark = hashlib.sha256(f"{claimed.organisation} {claimed.delivery_id} {recipient}".encode()).hexdigest()[:32]
    message = EmailMessage(policy=SMTP)
    message["Date"] = format_datetime(claimed.due)
    message["From"] = Address(addr_spec=sender)
    message["To"] = Address(addr_spec=recipient)
    message["Subject"] = line(claimed.subject)
    message["Message-ID"] = f"<report.{mark}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    if claimed.file_name is None:
        # an alert
        message.set_content(content.decode())
        return message.as_bytes()
    message.set_content(f"The report {line(claimed.subject)} is attached.\n")
    main, sub = _TYPES[claimed.file_name.rpartition(".")[2]]
    message.add_attachment(content, maintype=main, subtype=sub, filename=claimed.file_name)
    # boundaries are random unless they are said
    message.set_boundary(f"=_{mark}")
    return message.as_bytes()
