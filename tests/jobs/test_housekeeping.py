"""What the job process does now and then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from callfloor.jobs.housekeeping import THOROUGH_AGAIN, THOROUGH_EVERY, keep_house
from callfloor.jobs.media import sweep_orphans
from callfloor.media.blobs import open_blobs
from callfloor.store.calls import media
from callfloor.store.db import idempotency, runs
from callfloor.store.db.pool import Database
from tests.conftest import Centre


async def test_bytes_that_no_row_names_are_destroyed_when_they_are_old(
    centre: Centre, db: Database, tmp_path: Path
) -> None:
    blobs = open_blobs(str(tmp_path))
    now = datetime.now(UTC)
    kept = await blobs.put(centre.organisation, b"entered")
    await media.add(
        db, centre.organisation, "recording", None, kept,
        content_type="audio/wav", duration_s=1, file_name=None, at=now,
    )  # fmt: skip
    lost = await blobs.put(centre.organisation, b"never entered")
    assert await sweep_orphans(db, blobs, now - timedelta(days=1)) == 0
    assert await sweep_orphans(db, blobs, now + timedelta(minutes=1)) == 1
    stored = blobs.keys()
    assert [sha256 async for _, sha256, _ in stored] == [kept.sha256]
    assert not await blobs.delete(centre.organisation, lost.sha256)


async def test_a_round_can_be_repeated_and_drops_what_expired(centre: Centre, db: Database, tmp_path: Path) -> None:
    blobs = open_blobs(str(tmp_path))
    key = b"k" * 32
    answer = idempotency.Stored(b"r", 200, {}, b"")
    await idempotency.store(db, centre.organisation, key, answer, None)
    await idempotency.store(db, centre.organisation, b"n" * 32, answer, None)
    await db.execute("UPDATE idempotency_keys SET created_at = now() - interval '2 days' WHERE key_hash = $1", key)
    for now in (datetime.now(UTC), datetime.now(UTC) + THOROUGH_EVERY):
        await keep_house(db, blobs, now)
    left = await db.fetch("SELECT key_hash FROM idempotency_keys WHERE organisation_id = $1", centre.organisation)
    assert [row["key_hash"] for row in left] == [b"n" * 32]
    months = await db.fetchval("SELECT count(*) FROM pg_class WHERE relname LIKE 'activities_2%' AND relkind = 'r'")
    assert months >= 5


async def test_the_media_store_is_looked_through_once_a_day_however_often_processes_start(db: Database) -> None:
    at = datetime(2040, 1, 1, tzinfo=UTC)
    every = THOROUGH_EVERY, THOROUGH_AGAIN
    assert await runs.begin_media_sweep(db, at, *every)
    # another process starts meanwhile; the first one dies, and an hour later it is begun anew
    assert not await runs.begin_media_sweep(db, at + timedelta(minutes=1), *every)
    again = at + THOROUGH_AGAIN
    assert await runs.begin_media_sweep(db, again, *every)
    await runs.media_swept(db, again)
    assert not await runs.begin_media_sweep(db, again + THOROUGH_AGAIN, *every)
    assert not await runs.begin_media_sweep(db, again + THOROUGH_EVERY - timedelta(minutes=1), *every)
    assert await runs.begin_media_sweep(db, again + THOROUGH_EVERY, *every)
    await db.execute("UPDATE schema_migrations SET media_swept_at = NULL WHERE number = 1")
