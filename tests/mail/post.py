"""Mailboxes, and messages that come into them."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from callfloor.contract.mailboxes import Account, Mailbox
from callfloor.store.calls.activities import Message
from callfloor.store.db.pool import Database
from callfloor.store.email import arrivals, mailboxes
from callfloor.store.email.arrivals import Arrival, Arrived
from callfloor.store.email.mailboxes import StoredMailbox
from tests.conftest import Centre

JANE = "jane@example.com"
T0 = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)


def later(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def address() -> str:
    """One that no other test has."""
    return f"care.{secrets.token_hex(4)}@example.com"


async def make_mailbox(db: Database, centre: Centre, **given: Any) -> StoredMailbox:
    """A mailbox of the centre's inbound campaign that receives by SMTP and sends through port 25 of this machine."""
    values: dict[str, Any] = {
        "name": secrets.token_hex(4),
        "address": address(),
        "campaign": "Support",
        "receive": "smtp",
        "send": Account("127.0.0.1", 25, tls="none"),
    }
    mailbox = Mailbox(**values | given)
    await mailboxes.put(db, centre.organisation, mailbox, {"Support": centre.inbound})
    for row in await db.fetch("SELECT mailbox_id, address FROM mailboxes WHERE address = $1", mailbox.address):
        found = await mailboxes.get(db, centre.organisation, row["mailbox_id"])
        if found is not None:
            return found
    raise AssertionError("the mailbox was not stored")


@dataclass
class Letters:
    """Messages into one mailbox."""

    db: Database
    mailbox: StoredMailbox
    count: int = 0

    async def come(self, at: datetime, sender: str = JANE, answers: str | None = None, **given: Any) -> Arrived:
        self.count += 1
        name = f"<{self.count}.{self.mailbox.mailbox_id}@example.com>"
        message = Message(f"Letter {self.count}", given.pop("message_id", name), answers, f"Jane <{sender}>", "care")
        values: dict[str, Any] = {
            "digest": hashlib.sha256(name.encode()).digest(),
            "body_text": f"This is letter {self.count}.",
            "identifiers": [sender],
        }
        return await arrivals.arrive(self.db, self.mailbox, Arrival(message, sender, **values | given), at)
