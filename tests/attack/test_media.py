"""Somebody who can write into the media store: nothing of theirs is served as ours."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from callfloor.app.media import open_media
from callfloor.jobs import media as jobs
from callfloor.media.blobs import Blobs, open_blobs
from callfloor.media.errors import BlobDamaged, BlobUnreadable
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from tests.api.kept_media import WAV, keep
from tests.conftest import Centre
from tests.media.conftest import read_range

KEY = bytes(range(32))
OTHER = bytes(range(1, 33))


def _flip(stored: bytes) -> bytes:
    return stored[:1000] + bytes([stored[1000] ^ 1]) + stored[1001:]


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "a-bit": _flip,
    "cut-off": lambda stored: stored[:-1],
    "longer": lambda stored: stored + b"x",
    "empty": lambda _: b"",
    "another": lambda stored: os.urandom(len(stored)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("read_before", [False, True])
async def test_a_changed_recording_is_not_served(
    db: Database, settings: Settings, centre: Centre, change: Callable[[bytes], bytes], read_before: bool
) -> None:
    """Neither whole nor in part, under its old tag or any; a copy with the old time of change does not help."""
    content = os.urandom(300_000)
    blobs = open_media(settings)
    media_id = await keep(db, blobs, centre, content)
    if read_before:
        assert (await centre.client.get(f"/media/{media_id}")).content == content
    (path,) = [Path(folder, name) for folder, _, names in os.walk(settings.data) for name in names if _holds(
        Path(folder, name), content)]  # fmt: skip
    times = path.stat()
    path.write_bytes(change(content))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    for headers in ({}, {"Range": "bytes=0-99"}, {"Accept": "application/json"}):
        answer = await centre.client.get(f"/media/{media_id}", headers=headers)
        assert answer.status_code == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
    found = [each async for each in jobs.verify(db, blobs) if each.organisation == centre.organisation]
    assert [(each.media_id, each.fault) for each in found] == [(media_id, "changed")]
    path.write_bytes(content)
    assert (await centre.client.get(f"/media/{media_id}")).content == content


def _holds(path: Path, content: bytes) -> bool:
    return path.stat().st_size == len(content) and path.read_bytes() == content


async def _plain_twin(folder: Path, content: bytes) -> str:
    """The content as a store without a key keeps it, in place of its encrypted form."""
    blob = await open_blobs(str(folder), KEY).put(1, content)
    (folder / blob.location).unlink()
    plain = folder / f"1/{blob.sha256[:2]}/{blob.sha256}"
    plain.parent.mkdir(parents=True, exist_ok=True)
    plain.write_bytes(content)
    return blob.sha256


@pytest.mark.parametrize("key", [KEY, OTHER, None])
async def test_what_lies_in_plain_in_an_encrypted_store_is_not_read(tmp_path: Path, key: bytes | None) -> None:
    sha256 = await _plain_twin(tmp_path, b"not ours")
    with pytest.raises(BlobUnreadable):
        await open_blobs(str(tmp_path), key).open(1, sha256)


async def test_what_was_put_before_the_key_is_read_until_everything_is_encrypted(
    db: Database, settings: Settings, centre: Centre, tmp_path: Path
) -> None:
    before, keyed = open_blobs(str(tmp_path)), open_blobs(str(tmp_path), KEY)
    await keep(db, before, centre, WAV)
    stray = await before.put(centre.organisation, b"nobody needs this")
    recorded = await before.put(centre.organisation, WAV)
    await keyed.put(centre.organisation, b"of today")
    assert await read_range(keyed, centre.organisation, recorded.sha256) == WAV
    assert [each.fault async for each in jobs.encrypt(db, keyed)] == [None, None]
    for blobs in (keyed, open_blobs(str(tmp_path), KEY)):
        assert await read_range(blobs, centre.organisation, recorded.sha256) == WAV
    assert [each async for each in keyed.in_plain()] == []
    with pytest.raises(LookupError):
        await keyed.open(centre.organisation, stray.sha256)
    (tmp_path / recorded.location).write_bytes(WAV)
    assert await read_range(keyed, centre.organisation, recorded.sha256) == WAV


async def test_what_is_wrong_before_the_key_stays_and_keeps_the_store_unmarked(
    db: Database, centre: Centre, tmp_path: Path
) -> None:
    before, keyed = open_blobs(str(tmp_path)), open_blobs(str(tmp_path), KEY)
    await keep(db, before, centre, WAV)
    recorded = await before.put(centre.organisation, WAV)
    (tmp_path / recorded.location).write_bytes(WAV[:-1])
    assert [each.fault is None async for each in jobs.encrypt(db, keyed)] == [False]
    (tmp_path / recorded.location).write_bytes(WAV)
    assert [each.fault async for each in jobs.encrypt(db, keyed)] == [None]


async def test_a_changed_object_of_s3_is_not_given_out_whole(s3_options: dict[str, str]) -> None:
    blobs = open_blobs("s3://recordings/attack", options=s3_options)
    content = os.urandom(700_000)
    blob = await blobs.put(1, content)
    assert await read_range(blobs, 1, blob.sha256) == content
    await _replace(blobs, blob.location, _flip(content))
    got: list[bytes] = []
    with pytest.raises(BlobDamaged):
        await _collect(blobs, blob.sha256, got)
    assert len(b"".join(got)) < len(content)


async def _collect(blobs: Blobs, sha256: str, into: list[bytes]) -> None:
    async for chunk in await blobs.open(1, sha256):
        into.append(chunk)  # noqa: PERF401 - what came before the fault counts


async def _replace(blobs: Blobs, name: str, content: bytes) -> None:
    storage = blobs._storage  # pyright: ignore[reportPrivateUsage]
    spool = storage.spool()
    spool.file.write(content)
    await storage.commit(spool, name)
    spool.discard()
