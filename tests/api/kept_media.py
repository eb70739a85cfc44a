"""Media of a call, for tests of downloads and deletion."""

from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime
from typing import Any

from callfloor.media.blobs import Blobs
from callfloor.store.calls import media
from callfloor.store.calls.media import StoredContent
from callfloor.store.db.pool import Database
from tests.conftest import Centre
from tests.factories import inbound_call

T0 = datetime(2026, 6, 1, 0, 0, tzinfo=UTC)
WAV = b"RIFF" + random.Random(1).randbytes(700_000)
DIGEST = hashlib.sha256(WAV).hexdigest()


async def keep(
    db: Database, blobs: Blobs, centre: Centre, content: bytes = WAV, kind: media.Kind = "recording", **fields: Any
) -> int:
    """Media of a call, in the store and in the database."""
    blob = await blobs.put(centre.organisation, content)
    call = (centre.inbound, "+61491570156", "+61255501234")
    values: dict[str, Any] = {"content_type": "audio/wav", "duration_s": 23, "file_name": None, "at": T0} | fields
    activity_id = values.pop("activity_id", 0)
    if activity_id == 0:
        activity_id = await inbound_call(db, centre.organisation, *call, T0)
    stored = StoredContent(blob.sha256, blob.size)
    return await media.add(db, centre.organisation, kind, activity_id, stored, **values)
