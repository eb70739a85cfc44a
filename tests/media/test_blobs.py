"""What every media store does, in a folder and in S3, in plain and encrypted."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callfloor.media.blobs import Blobs, StoredBlob, open_blobs
from callfloor.media.errors import BlobConfigError, BlobMissing

FRAME = 65536
SIZES = [0, 1, FRAME - 1, FRAME, FRAME + 1, 4 * FRAME, 4 * FRAME + 1, 2 * 1024 * 1024 + 12345]
organisations = itertools.count(1000)


def content_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.fixture(scope="session")
async def stored(blobs: Blobs) -> dict[int, StoredBlob]:
    return {size: await blobs.put(1, content_of(size)) for size in SIZES}


@pytest.mark.parametrize("size", SIZES)
async def test_what_was_put_is_read_again(blobs: Blobs, stored: dict[int, StoredBlob], read: Any, size: int) -> None:
    content = content_of(size)
    assert stored[size].sha256 == hashlib.sha256(content).hexdigest()
    assert stored[size].size == size
    assert await read(blobs, 1, stored[size].sha256) == content
    assert await blobs.verify(1, stored[size].sha256)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
async def test_any_range_equals_the_slice(
    blobs: Blobs, stored: dict[int, StoredBlob], read: Any, data: st.DataObject
) -> None:
    size = data.draw(st.sampled_from(SIZES))
    near_a_frame = st.builds(lambda frame, off: max(0, frame * FRAME + off), st.integers(0, 6), st.integers(-2, 2))
    position = st.one_of(st.integers(0, size + 10), near_a_frame)
    start, end = data.draw(position), data.draw(st.none() | position)
    assert await read(blobs, 1, stored[size].sha256, start, end) == content_of(size)[start:end]


@settings(max_examples=15, deadline=None)
@given(chunk=st.integers(1, 3 * FRAME), size=st.integers(0, 6 * FRAME))
async def test_how_the_source_is_cut_makes_no_difference(blobs: Blobs, read: Any, chunk: int, size: int) -> None:
    content = content_of(size)

    async def source() -> AsyncIterator[bytes]:
        for start in range(0, size, max(chunk, size // 50)):
            yield content[start : start + max(chunk, size // 50)]

    blob = await blobs.put(2, source())
    assert (blob.sha256, blob.size) == (hashlib.sha256(content).hexdigest(), size)
    assert await read(blobs, 2, blob.sha256) == content


async def test_an_organisation_does_not_see_another_ones_blob(blobs: Blobs, read: Any) -> None:
    mine, other = next(organisations), next(organisations)
    blob = await blobs.put(mine, b"mine")
    with pytest.raises(BlobMissing):
        await blobs.open(other, blob.sha256)
    assert not await blobs.delete(other, blob.sha256)
    assert await read(blobs, mine, blob.sha256) == b"mine"


async def test_the_same_content_put_twenty_times_at_once_is_stored_once(blobs: Blobs, read: Any, listed: Any) -> None:
    organisation = next(organisations)
    content = content_of(3 * FRAME)
    put = await asyncio.gather(*(blobs.put(organisation, content) for _ in range(20)))
    assert len(set(put)) == 1
    assert [key[1] for key in await listed(blobs, organisation)] == [put[0].sha256]
    assert await read(blobs, organisation, put[0].sha256) == content


async def test_keys_tell_every_blob_with_its_hash_and_time(blobs: Blobs, listed: Any) -> None:
    organisation = next(organisations)
    before = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=1)
    put = [await blobs.put(organisation, f"content {number}".encode()) for number in range(40)]
    found = {sha256: stored_at for _, sha256, stored_at in await listed(blobs, organisation)}
    assert found.keys() == {blob.sha256 for blob in put}
    assert all(before <= stored_at <= datetime.now(UTC) + timedelta(seconds=1) for stored_at in found.values())


async def test_deleting_twice_is_no_error(blobs: Blobs, listed: Any) -> None:
    organisation = next(organisations)
    blob = await blobs.put(organisation, b"gone soon")
    assert await blobs.delete(organisation, blob.sha256)
    assert not await blobs.delete(organisation, blob.sha256)
    with pytest.raises(BlobMissing):
        await blobs.open(organisation, blob.sha256)
    with pytest.raises(BlobMissing):
        await blobs.verify(organisation, blob.sha256)
    assert not await listed(blobs, organisation)


async def test_a_source_that_fails_leaves_nothing(blobs: Blobs, listed: Any) -> None:
    organisation = next(organisations)

    async def cut_off() -> AsyncIterator[bytes]:
        yield bytes(5 * FRAME)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await blobs.put(organisation, cut_off())
    assert not await listed(blobs, organisation)
    assert await blobs.sweep_temporary(timedelta(0)) == 0


async def test_a_cancelled_put_leaves_nothing(blobs: Blobs, listed: Any) -> None:
    organisation = next(organisations)
    waiting = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield bytes(5 * FRAME)
        waiting.set()
        await asyncio.Event().wait()

    put = asyncio.create_task(blobs.put(organisation, endless()))
    async with asyncio.timeout(10):
        await waiting.wait()
    put.cancel()
    with pytest.raises(asyncio.CancelledError):
        await put
    assert not await listed(blobs, organisation)
    assert await blobs.sweep_temporary(timedelta(0)) == 0


@pytest.mark.parametrize(
    "address", ["../..", "../" * 20 + "etc/passwd", "", "A" * 64, "a" * 63, "a" * 64 + "\n", "a" * 63 + "/"]
)
async def test_an_address_that_is_no_hash_is_refused(blobs: Blobs, address: str) -> None:
    with pytest.raises(ValueError, match="64 lower-case hex digits"):
        await blobs.open(1, address)
    with pytest.raises(ValueError, match="64 lower-case hex digits"):
        await blobs.delete(1, address)
    with pytest.raises(ValueError, match="64 lower-case hex digits"):
        blobs.local_path(1, address)


async def test_bad_organisations_and_ranges_are_refused(blobs: Blobs) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        await blobs.put(0, b"")
    with pytest.raises(ValueError, match="range"):
        await blobs.open(1, "a" * 64, -1)
    with pytest.raises(ValueError, match="range"):
        await blobs.open(1, "a" * 64, 0, -1)


@pytest.mark.parametrize(
    "url", ["", "gs://bucket/x", "http://127.0.0.1/x", "file://host/x", "file://", "s3://", "s3:///x", "s3://b?x=1"]
)
def test_a_url_of_an_unknown_kind_is_refused_with_what_is_accepted(url: str) -> None:
    with pytest.raises(BlobConfigError, match=r"file:///path.*s3://bucket/prefix"):
        open_blobs(url)


def test_credentials_in_the_url_are_refused_and_not_repeated() -> None:
    with pytest.raises(BlobConfigError) as refusal:
        open_blobs("s3://id:hunter2@bucket/prefix")
    assert "hunter2" not in str(refusal.value)
