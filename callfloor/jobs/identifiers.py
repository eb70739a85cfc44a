"""Listing leads and e-mails anew under the keys by which an erasure finds them, after the rule was changed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from asyncpg import Record

from callfloor.rules.privacy.identifiers import identifiers
from callfloor.rules.values.leads import contacts
from callfloor.store.db.pool import Database
from callfloor.store.privacy import renewals

AT_ONCE = 500


async def renew_some(db: Database) -> bool:
    """List some hundred rows anew; False when all are."""
    return await renewals.renew(db, {"leads": _of_lead, "emails": _of_email}, AT_ONCE)


def _of_lead(row: Record) -> Sequence[str] | None:
    return contacts(msgspec.json.decode(row["data"]), row["customer_key"])


def _of_email(row: Record) -> Sequence[str] | None:
    """What stands in HTML that is kept as a file is known by the old keys only: they are numbers and addresses."""
    before = row["identifiers"] or ()
    headers = () if row["email"] is None else msgspec.json.decode(row["email"], type=dict[str, str | None]).values()
    texts = (row["reply_to"], row["cc"], row["message_id"], row["body_text"], row["draft"], *(row["ancestors"] or ()))
    found = identifiers((*before, *headers, *texts))
    return sorted({*found, *(key for key in before if key == "*")}) or None
