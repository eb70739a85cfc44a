"""Destroying bytes that nobody needs."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime

import structlog

from callfloor.media.blobs import Blobs
from callfloor.media.errors import BlobMissing, BlobUnreadable
from callfloor.store.calls import media
from callfloor.store.db.pool import Database

AT_ONCE = 100
# What a media store can fail with.
FAILURES = (OSError, BlobUnreadable)

log = structlog.get_logger("callfloor.media")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of some bytes; `fault` None: they are right."""

    organisation: int
    media_id: int | None
    fault: str | None


async def destroy(db: Database, blobs: Blobs, organisation: int, sha256: str) -> bool:
    """Destroy content whose deletion is pending, unless media need it again. False: the media store failed.

    After a failure the deletion is still pending.
    """
    async with db.transaction():
        await media.lock_content(db, organisation, sha256)
        if not await media.is_pending(db, organisation, sha256):
            return True
        if not await media.needed(db, organisation, sha256):
            try:
                await blobs.delete(organisation, sha256)
            except FAILURES as error:
                log.warning("blob-deletion-failed", organisation=organisation, kind=type(error).__name__)
                return False
        await media.blob_deleted(db, organisation, sha256)
        return True


async def sweep(db: Database, blobs: Blobs) -> int:
    """Try every pending deletion again; returns how many are done. For a job that runs every minute."""
    done = 0
    after = (0, "")
    while pending := await media.pending_blob_deletions(db, after, AT_ONCE):
        for organisation, sha256, _ in pending:
            done += await destroy(db, blobs, organisation, sha256)
        after = pending[-1][:2]
    return done


async def verify(db: Database, blobs: Blobs) -> AsyncGenerator[Verdict]:
    """Read everything that media need, and say of each whether it is what was put."""
    after = (0, "")
    while found := await media.contents(db, after, AT_ONCE):
        for organisation, sha256, media_id in found:
            fault: str | None = None
            try:
                if not await blobs.verify(organisation, sha256):
                    fault = "changed"
            except BlobMissing:
                fault = "missing"
            except BlobUnreadable as error:
                fault = str(error)
            yield Verdict(organisation, media_id, fault)
        after = found[-1][:2]


async def encrypt(db: Database, blobs: Blobs) -> AsyncGenerator[Verdict]:
    """Encrypt what is in plain and still needed, destroy what is not, and refuse anything in plain from then on.

    Whatever cannot be encrypted is reported and stays as it is; then the store is not marked.
    """
    whole = True
    async for organisation, sha256 in blobs.in_plain():
        fault: str | None = None
        async with db.transaction():
            await media.lock_content(db, organisation, sha256)
            if await media.needed(db, organisation, sha256):
                try:
                    await blobs.encrypt(organisation, sha256)
                except BlobUnreadable as error:
                    fault, whole = str(error), False
            else:
                await blobs.delete(organisation, sha256)
        yield Verdict(organisation, None, fault)
    if whole:
        await blobs.mark_encrypted()


async def sweep_orphans(db: Database, blobs: Blobs, older_than: datetime) -> int:
    """Destroy bytes stored before `older_than` that no media row names: a crash came between storing and entering them.

    Returns how many. Without this they would belong to nobody, and an erasure would never find them.
    """
    gone = 0
    async for organisation, sha256, stored_at in blobs.keys():
        if stored_at >= older_than:
            continue
        async with db.transaction():
            await media.lock_content(db, organisation, sha256)
            if not await media.needed(db, organisation, sha256):
                gone += await blobs.delete(organisation, sha256)
    return gone
