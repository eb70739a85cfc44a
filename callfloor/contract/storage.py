"""What an organisation keeps, and what it may keep."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from callfloor.contract.fields import Struct

Bytes = Annotated[int, Meta(ge=0, description="Bytes.")]


class StorageParts(Struct):
    """Bytes of each part. `calls`: calls, attempts, their evidence, agents' times. `media`: recordings, voicemails,
    attachments. `other`: setup, audit, do-not-call list, reports."""

    leads: Bytes
    imports: Bytes
    calls: Bytes
    emails: Bytes
    media: Bytes
    other: Bytes


class Storage(Struct):
    """`counted`: when; null: not yet. `bytes` is an estimate where a table is large; what is refused goes by
    `at_least`, which is true with all but certainty. `full`: what takes more room is answered with 507
    `quota-exceeded`. `waiting_bytes`: of imports that were accepted and are not done."""

    counted: datetime | None
    bytes: Bytes
    at_least: Bytes
    allowed_bytes: Bytes
    full: bool
    parts: StorageParts
    leads: int
    allowed_leads: int
    waiting_bytes: Bytes
    allowed_waiting_bytes: Bytes
