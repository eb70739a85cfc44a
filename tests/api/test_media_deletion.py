"""Deleting media: what stays known, and which bytes go."""

from __future__ import annotations

import asyncio
import re

import pytest

from callfloor.app.media import open_media
from callfloor.jobs.media import sweep
from callfloor.media.blobs import Blobs
from callfloor.settings import Settings
from callfloor.store.calls import media
from callfloor.store.db.pool import Database
from tests.api.kept_media import DIGEST, T0, WAV, keep
from tests.conftest import Centre


@pytest.fixture
def blobs(settings: Settings) -> Blobs:
    return open_media(settings)


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "one"}])
async def test_deletion_keeps_who_when_and_why_and_destroys_the_bytes(
    db: Database, blobs: Blobs, centre: Centre, key: dict[str, str]
) -> None:
    media_id = await keep(db, blobs, centre)
    path = blobs.local_path(centre.organisation, DIGEST)
    assert path is not None
    actor = await db.fetchval("SELECT token_id FROM tokens WHERE organisation_id = $1", centre.organisation)
    answer = await centre.client.delete(f"/admin/media/{media_id}", params={"reason": "Asked for."}, headers=key)
    assert (answer.status_code, answer.content) == (204, b"")
    assert not path.exists()
    shown = (await centre.client.get(f"/media/{media_id}/recording")).json()
    assert shown["deleted"] is True
    assert shown["deletedBy"] == actor
    assert shown["deletionReason"] == "Asked for."
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+1[01]:00", shown["deletedTimestamp"])
    for headers in ({}, {"If-None-Match": f'"{DIGEST}"'}, {"Range": "bytes=0-1"}):
        gone = await centre.client.get(f"/media/{media_id}", headers=headers)
        assert gone.status_code == 410
        assert gone.json()["type"].endswith("/problems/media-deleted")
    again = await centre.client.delete(f"/admin/media/{media_id}", params={"reason": "Once more."})
    assert again.status_code == 204
    assert (await centre.client.get(f"/media/{media_id}/recording")).json() == shown
    assert await db.fetchval("SELECT count(*) FROM blob_deletions WHERE organisation_id = $1", centre.organisation) == 0


async def test_a_deletion_without_a_reason_is_refused(db: Database, blobs: Blobs, centre: Centre) -> None:
    media_id = await keep(db, blobs, centre)
    for query in ("", "?reason=", f"?reason={'x' * 501}"):
        answer = await centre.client.delete(f"/admin/media/{media_id}{query}")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["parameter"] == "reason"
    assert (await centre.client.get(f"/media/{media_id}")).status_code == 200


async def test_bytes_that_other_media_need_stay(db: Database, blobs: Blobs, centre: Centre) -> None:
    first, second = await keep(db, blobs, centre), await keep(db, blobs, centre)
    await centre.client.delete(f"/admin/media/{first}?reason=x")
    assert (await centre.client.get(f"/media/{first}")).status_code == 410
    assert (await centre.client.get(f"/media/{second}")).content == WAV
    await centre.client.delete(f"/admin/media/{second}?reason=x")
    assert blobs.local_path(centre.organisation, DIGEST) is None


async def test_equal_bytes_of_another_organisation_stay(
    db: Database, blobs: Blobs, centre: Centre, other_centre: Centre
) -> None:
    first, second = await keep(db, blobs, centre), await keep(db, blobs, other_centre)
    await centre.client.delete(f"/admin/media/{first}?reason=x")
    assert (await other_centre.client.get(f"/media/{second}")).content == WAV


async def test_a_failing_media_store_is_tried_again(db: Database, blobs: Blobs, centre: Centre) -> None:
    media_id = await keep(db, blobs, centre)
    path = blobs.local_path(centre.organisation, DIGEST)
    assert path is not None
    # a folder in the file's place cannot be unlinked, whoever asks
    path.unlink()
    path.mkdir()
    assert (await centre.client.delete(f"/admin/media/{media_id}?reason=x")).status_code == 204
    assert (await centre.client.get(f"/media/{media_id}")).status_code == 410
    assert await media.is_pending(db, centre.organisation, DIGEST)
    await sweep(db, blobs)
    assert await media.is_pending(db, centre.organisation, DIGEST)
    path.rmdir()
    path.write_bytes(WAV)
    await sweep(db, blobs)
    assert not path.exists()
    assert not await media.is_pending(db, centre.organisation, DIGEST)


async def test_content_that_comes_back_calls_its_deletion_off(db: Database, blobs: Blobs, centre: Centre) -> None:
    media_id = await keep(db, blobs, centre)
    assert await media.mark_deleted(db, centre.organisation, media_id, 1, "x", T0) == DIGEST
    assert await media.mark_deleted(db, centre.organisation, media_id, 2, "y", T0) is None
    second = await keep(db, blobs, centre)
    await sweep(db, blobs)
    assert (await centre.client.get(f"/media/{second}")).content == WAV


async def test_bytes_are_never_lost_or_left_however_adding_and_deleting_meet(
    db: Database, blobs: Blobs, centre: Centre
) -> None:
    kept: list[int] = [await keep(db, blobs, centre) for _ in range(4)]

    async def add() -> None:
        media_id = await keep(db, blobs, centre)
        kept.append(media_id)
        if blobs.local_path(centre.organisation, DIGEST) is None:
            await blobs.put(centre.organisation, WAV)

    async def delete(media_id: int) -> None:
        assert (await centre.client.delete(f"/admin/media/{media_id}?reason=x")).status_code == 204

    for _ in range(5):
        doomed, kept = kept, []
        await asyncio.gather(*(delete(media_id) for media_id in doomed), *(add() for _ in range(4)))
        assert [(await centre.client.get(f"/media/{media_id}")).status_code for media_id in kept] == [200] * 4
    await asyncio.gather(*(delete(media_id) for media_id in kept))
    assert blobs.local_path(centre.organisation, DIGEST) is None
