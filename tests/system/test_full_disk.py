"""A disk without room is told by name, before it is full and when it is; with room again, everything goes on."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from callfloor import samples
from callfloor.app.api import api
from callfloor.disks import DATABASE, FULL, MEDIA, SPOOL, Disks, watch
from callfloor.media.blobs import open_blobs
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from tests.api.test_imports import JSON
from tests.conftest import Centre, client_for
from tests.jobs.test_refused_chunks import refusing
from tests.system.served import run, serving
from tests.waiting import until

SIZE = 96 * 1024 * 1024
NO_SPACE = "/platform-api/v3.0/problems/no-space-left"


@pytest.fixture
def disk(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A small disk of its own."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk needs root")
    size = getattr(request, "param", SIZE)
    folder = Path(tempfile.mkdtemp(prefix="cf-disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", str(folder)],
        capture_output=True,
    )
    if mounted.returncode != 0:
        folder.rmdir()
        pytest.skip("this machine mounts no small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
    folder.rmdir()


def fill(disk: Path, left: int = 0) -> Path:
    """Take room until so many bytes are left, with one file."""
    file = disk / "filler"
    while True:
        found = os.statvfs(disk)
        with file.open("wb") as out:
            try:
                os.posix_fallocate(out.fileno(), 0, max(found.f_bavail * found.f_frsize - left, 1))
            except OSError as error:
                # a server that runs there took some of it in the meantime
                if error.errno != errno.ENOSPC:
                    raise
            else:
                return file


def leave(disk: Path, left: int | None) -> None:
    """Leave so many bytes, or all, with no other moment between."""
    file = disk / "filler"
    if left is None:
        file.unlink(missing_ok=True)
        return
    with file.open("ab") as out:
        found = os.statvfs(disk)
        size = file.stat().st_size + found.f_bavail * found.f_frsize - left
        if size < file.stat().st_size:
            out.truncate(size)
        else:
            os.posix_fallocate(out.fileno(), 0, size)


def leads(count: int) -> bytes:
    return json.dumps({"leads": [{"phone1": "0491570156", "customerKey": f"{n:0100}"} for n in range(count)]}).encode()


@pytest.mark.parametrize("count", [3, 6_000], ids=["small", "large"])
async def test_an_import_that_the_database_has_no_room_for_says_so(centre: Centre, db: Database, count: int) -> None:
    body = leads(count)
    async with refusing(db, "import_chunks", "53100", "true"):
        answer = await centre.client.post(f"/leads/bulk/?listId={centre.list_id}", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["type"]) == (507, NO_SPACE)
    assert "disk of the database" in answer.json()["detail"]
    accepted = await centre.client.post(f"/leads/bulk/?listId={centre.list_id}", content=body, headers=JSON)
    assert accepted.status_code == 202


async def test_an_import_that_the_spool_has_no_room_for_says_so(
    centre: Centre, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    filler, address, body = fill(disk), f"/leads/bulk/?listId={centre.list_id}", leads(6_000)
    for kept in (leads(3), body):
        answer = await centre.client.post(address, content=kept, headers=JSON)
        assert (answer.status_code, answer.json()["type"]) == (507, NO_SPACE)
        assert "disk of the spool" in answer.json()["detail"]
    filler.unlink()
    assert (await centre.client.post(address, content=body, headers=JSON)).status_code == 202


async def test_a_media_folder_without_room_keeps_nothing_of_what_did_not_fit(disk: Path) -> None:
    blobs = open_blobs(str(disk / "media"), None)
    filler = fill(disk)
    with pytest.raises(OSError, match="space"):
        await blobs.put(1, b"a" * 1_000_000)
    filler.unlink()
    stored = blobs.keys()
    assert [name async for name in stored] == []
    await blobs.put(1, b"a" * 1_000_000)


@pytest.mark.parametrize("place", [DATABASE, MEDIA, SPOOL])
def test_a_disk_is_short_before_it_is_full_and_each_place_has_its_own(disk: Path, place: str, tmp_path: Path) -> None:
    low = 2 * FULL
    disks = Disks({each: disk / "deep" / "er" if each == place else tmp_path for each in (DATABASE, MEDIA, SPOOL)}, low)
    assert (disks.full(), disks.low()) == ([], {})
    filler = fill(disk, left=low - 4096)
    assert (disks.full(), list(disks.low())) == ([], [place])
    filler.unlink()
    fill(disk, left=FULL - 4096)
    assert (disks.full(), list(disks.low())) == ([place], [place])


async def test_the_log_says_once_each_time_that_a_disk_becomes_short_full_or_roomy_again(
    disk: Path, tmp_path: Path
) -> None:
    disks = Disks({DATABASE: tmp_path, MEDIA: disk}, 2 * FULL)
    stopping, looks = asyncio.Event(), 0
    seen = disks.rooms

    def counted() -> dict[str, int]:
        nonlocal looks
        looks += 1
        return seen()

    disks.rooms = counted  # type: ignore[method-assign]

    async def looked_at() -> None:
        """Two whole looks more: of what is there now, nothing is said that was not by then."""
        before = looks

        async def again() -> bool:
            return looks >= before + 6

        await until(again)

    with capture_logs() as said:
        watching = asyncio.create_task(watch(disks, stopping, every_s=0.001))
        for left in (None, 2 * FULL - 4096, FULL - 4096, 2 * FULL - 4096, None):
            leave(disk, left)
            await looked_at()
        stopping.set()
        await watching
    short = {MEDIA: (2 * FULL - 4096) // 1_000_000}
    assert [(each["event"], each["log_level"], each["full"], each["megabytes_left"]) for each in said] == [
        ("disk-low", "warning", [], short),
        ("disk-full", "error", [MEDIA], {MEDIA: (FULL - 4096) // 1_000_000}),
        ("disk-low", "warning", [], short),
        ("disk-room", "info", [], {}),
    ]


async def test_ready_warns_then_refuses_and_then_is_ready_again(disk: Path, dsn: str) -> None:
    options: dict[str, Any] = {"data": disk, "database_url": dsn, "low_disk_megabytes": 50}
    given = Settings(**options)
    async with api(given, dsn) as application, client_for(application, "none") as client:

        async def ready() -> tuple[int, dict[str, Any]]:
            answer = await client.get("http://callfloor.test/ready")
            return answer.status_code, answer.json()

        async def room() -> float:
            """What the metrics say of the media folder's disk."""
            families = text_string_to_metric_families((await client.get("http://callfloor.test/metrics")).text)
            (found,) = (
                sample.value
                for family in families
                for sample in family.samples
                if (sample.name, sample.labels) == ("callfloor_disk_room_bytes", {"place": MEDIA})
            )
            return found

        media = disk / "media"
        assert media.is_dir()
        assert 50_000_000 < await room() <= SIZE
        status, said = await ready()
        assert (status, MEDIA in said.get("lowSpaceMegabytes", {})) == (200, False)
        filler = fill(disk, left=40_000_000)
        status, said = await ready()
        assert (status, said["lowSpaceMegabytes"][MEDIA]) == (200, 39)
        assert 39_000_000 < await room() <= 40_000_000
        filler.unlink()
        filler = fill(disk)
        status, said = await ready()
        assert (status, said["status"], said["full"]) == (503, "no space left", [MEDIA])
        assert await room() < FULL
        filler.unlink()
        assert (await ready())[0] == 200


@pytest.mark.parametrize("disk", [400 * 1024 * 1024], indirect=True)
async def test_a_server_whose_disk_fills_names_it_and_goes_on_when_there_is_room(disk: Path) -> None:
    data = disk / "data"
    with serving(data, "--workers", "1", CALLFLOOR_LOW_DISK_MEGABYTES="1") as (address, log):
        centre = disk / "centre.toml"
        centre.write_text(samples.text("centre.toml"))
        run(data, "apply", str(centre))
        token = run(data, "token", "create", "--name", "test", "--scopes", "all")
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
            api_address = f"{address}/platform-api/v3.0"
            (first, *_) = (await client.get(f"{api_address}/leads/lists")).json()["items"]
            bulk = f"{api_address}/leads/bulk/?listId={first['id']}"
            assert (await client.get(f"{address}/ready")).json() == {"status": "ok", "database": "ok"}
            filler = fill(disk)

            async def refused() -> bool:
                # what is written goes into room that PostgreSQL has already, until that is used up
                answer = await client.post(bulk, content=leads(20_000), headers=JSON)
                if answer.status_code == 202:
                    return False
                assert (answer.status_code, answer.json()["type"]) == (507, NO_SPACE)
                return "disk of the database" in answer.json()["detail"]

            await until(refused, seconds=60)
            ready = await client.get(f"{address}/ready")
            assert (ready.status_code, DATABASE in ready.json()["lowSpaceMegabytes"]) == (503, True)

            async def told() -> bool:
                return '"event":"disk-full"' in log.read_text()

            await until(told)
            filler.unlink()

            async def again() -> bool:
                answer = await client.post(bulk, content=leads(3), headers=JSON)
                return answer.status_code == 202 and (await client.get(f"{address}/ready")).status_code == 200

            await until(again, seconds=60)
        assert "could not be split" not in log.read_text()
