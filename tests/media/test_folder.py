"""What only a folder does: syncing, sweeping, and giving its files away."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from callfloor.media import folder as folder_module
from callfloor.media.blobs import open_blobs
from callfloor.media.errors import BlobConfigError, BlobDamaged, BlobMissing

KEY = bytes(range(32))
MIB = 1024 * 1024
DIES_WHILE_PUTTING = """
import asyncio, os, sys
from callfloor.media.blobs import open_blobs

async def source():
    for _ in range(8):
        yield bytes(1 << 18)
    os._exit(9)

asyncio.run(open_blobs(sys.argv[1]).put(1, source()))
"""


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "encrypted"])
async def test_file_and_folders_are_synced_before_put_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: bytes | None
) -> None:
    synced: dict[int, int] = {}
    fsync = os.fsync

    def recording(descriptor: int) -> None:
        fsync(descriptor)
        found = os.fstat(descriptor)
        synced[found.st_ino] = found.st_size

    monkeypatch.setattr(os, "fsync", recording)
    blobs = open_blobs(str(tmp_path / "media"), key)
    blob = await blobs.put(7, bytes(300_000))
    path = tmp_path / "media" / blob.location
    assert synced[path.stat().st_ino] == path.stat().st_size
    for folder in path.parents[:4]:
        assert folder.stat().st_ino in synced


async def test_stored_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    blob = await open_blobs(f"file://{tmp_path}/media").put(7, b"private")
    path = tmp_path / "media" / blob.location
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_what_a_killed_upload_left_is_invisible_and_swept(tmp_path: Path, listed: Any) -> None:
    died = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", DIES_WHILE_PUTTING, str(tmp_path)], check=False, timeout=60
    )
    assert died.returncode == 9
    blobs = open_blobs(str(tmp_path))
    assert [path.stat().st_size for path in (tmp_path / ".temporary").iterdir()] > [0]
    assert not await listed(blobs)
    assert await blobs.sweep_temporary(timedelta(hours=1)) == 0
    assert await blobs.sweep_temporary(timedelta(0)) == 1
    assert not list((tmp_path / ".temporary").iterdir())


async def test_the_local_path_holds_exactly_the_content(tmp_path: Path) -> None:
    blobs = open_blobs(str(tmp_path))
    blob = await blobs.put(3, b"content")
    path = blobs.local_path(3, blob.sha256)
    assert path is not None
    assert path.read_bytes() == b"content"
    assert path == tmp_path / "3" / blob.sha256[:2] / blob.sha256
    assert blobs.local_path(4, blob.sha256) is None
    assert open_blobs(str(tmp_path), KEY).local_path(3, blob.sha256) is None


async def test_a_blob_deleted_while_it_is_read_is_read_to_its_end(tmp_path: Path) -> None:
    blobs = open_blobs(str(tmp_path), KEY)
    content = os.urandom(1_000_000)
    blob = await blobs.put(3, content)
    stream = await blobs.open(3, blob.sha256)
    first = await anext(stream)
    assert await blobs.delete(3, blob.sha256)
    assert first + b"".join([chunk async for chunk in stream]) == content


async def test_putting_again_mends_a_damaged_file(tmp_path: Path, read: Any) -> None:
    blobs = open_blobs(str(tmp_path))
    blob = await blobs.put(3, b"right")
    (tmp_path / blob.location).write_bytes(b"wrong")
    assert not await blobs.verify(3, blob.sha256)
    await blobs.put(3, b"right")
    assert await blobs.verify(3, blob.sha256)
    assert await read(blobs, 3, blob.sha256) == b"right"


async def test_a_file_cut_off_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    blobs = open_blobs(str(tmp_path))
    blob = await blobs.put(3, bytes(1_000_000))
    stream = await blobs.open(3, blob.sha256)
    await anext(stream)
    os.truncate(tmp_path / blob.location, 300_000)
    with pytest.raises(BlobDamaged):
        assert [chunk async for chunk in stream]


async def test_reading_goes_through_threads_where_the_system_cannot_tell_what_is_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Any
) -> None:
    monkeypatch.setattr(folder_module, "NOWAIT", None)
    blobs = open_blobs(str(tmp_path))
    content = os.urandom(700_000)
    blob = await blobs.put(3, content)
    assert await read(blobs, 3, blob.sha256, 100_000, 600_001) == content[100_000:600_001]


async def test_streams_close_their_files_however_they_end(tmp_path: Path) -> None:
    blobs = open_blobs(str(tmp_path))
    blob = await blobs.put(3, bytes(1_000_000))

    def open_files() -> list[str]:
        links = [Path(link.path) for link in os.scandir("/proc/self/fd")]
        return [str(link.resolve()) for link in links if str(link.resolve()).endswith(blob.sha256)]

    whole = await blobs.open(3, blob.sha256)
    left_early = await blobs.open(3, blob.sha256)
    unread = await blobs.open(3, blob.sha256)
    assert len(open_files()) == 3
    assert [chunk async for chunk in whole]
    await anext(left_early)
    await left_early.aclose()
    del unread
    async with asyncio.timeout(10):  # the thread that opened the unread one may still be holding it
        while await asyncio.to_thread(open_files):
            pass


async def test_files_that_are_no_blobs_are_left_alone(tmp_path: Path, listed: Any) -> None:
    blobs = open_blobs(str(tmp_path))
    blob = await blobs.put(3, b"content")
    for name in ("README", "lost+found/x", f"3/{blob.sha256[:2]}/x", f"3/zz/{blob.sha256}", f"0/ab/{'ab' * 32}"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    assert [key[:2] for key in await listed(blobs)] == [(3, blob.sha256)]


async def test_a_folder_that_went_away_is_made_again(tmp_path: Path, read: Any) -> None:
    blobs = open_blobs(str(tmp_path / "media"))
    blob = await blobs.put(3, b"content")
    (tmp_path / "media").rename(tmp_path / "moved")
    with pytest.raises(BlobMissing):
        await blobs.open(3, blob.sha256)
    await blobs.put(3, b"content")
    assert await read(blobs, 3, blob.sha256) == b"content"


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BlobConfigError, match="cannot be used"):
        open_blobs(str(tmp_path / "file" / "media"))
    with pytest.raises(BlobConfigError, match="cannot be used"):
        open_blobs(str(tmp_path / "file"))


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "encrypted"])
async def test_memory_stays_flat_for_a_large_blob(tmp_path: Path, key: bytes | None) -> None:
    blobs = open_blobs(str(tmp_path), key)
    block = os.urandom(MIB)

    async def source() -> AsyncIterator[bytes]:
        for number in range(64):
            yield number.to_bytes(4) + block[4:]

    tracemalloc.start()
    try:
        blob = await blobs.put(1, source())
        size = 0
        async for chunk in await blobs.open(1, blob.sha256):
            size += len(chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert blob.size == size == 64 * MIB
    assert peak < 8 * MIB
