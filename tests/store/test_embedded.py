from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from callfloor.postgres.server import EmbeddedServer
from tests.store.postgres_processes import ask, await_end, kill, living, new_folder, postmaster, started, using

ROOT = os.geteuid() == 0

DIE_BEFORE_RENAME = "import os\nfrom pathlib import Path\nPath.rename = lambda *_: os.kill(os.getpid(), 9)\n"
DIE_DURING_INITDB = """
import os, subprocess
class Dying(subprocess.Popen):
    def __init__(self, arguments, **options):
        super().__init__(arguments, **(options | {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}))
        os.kill(os.getpid(), 9)
subprocess.Popen = Dying
"""


@contextmanager
def sleeping(uid: int) -> Generator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"], user=uid if ROOT else None) as process:
        try:
            yield process
        finally:
            process.kill()


async def ask_for_ever(dsn: str) -> None:
    while True:
        await ask(dsn, "SELECT 1")


@pytest.fixture
def data() -> Generator[Path]:
    with new_folder() as folder:
        yield folder


@pytest.fixture
def server(data: Path) -> Generator[EmbeddedServer]:
    server = EmbeddedServer.start_or_join(data, fsync=False)
    yield server
    server.release()


async def test_a_released_server_leaves_no_process_and_keeps_its_rows(data: Path) -> None:
    server = EmbeddedServer.start_or_join(data)
    await ask(server.dsn, "CREATE TABLE kept AS SELECT 7 AS n")
    processes = living(data)
    assert postmaster(data) in processes
    server.release()
    server.release()
    for process in processes:
        await_end(process)
    server.ensure_running()  # a watchdog that comes late
    assert living(data) == []
    again = EmbeddedServer.start_or_join(data)
    assert await ask(again.dsn, "SELECT n FROM kept") == 7
    assert await ask(again.dsn, "SHOW fsync") == "on"
    again.release()


async def test_a_server_serves_until_its_last_user_leaves(data: Path, server: EmbeddedServer) -> None:
    first = postmaster(data)
    with using(data) as other:
        dsn = started(other)
        assert dsn == server.dsn
        server.release()
        assert await ask(dsn, "SELECT 1") == 1
        assert postmaster(data) == first
    assert other.returncode == 0
    await_end(first)
    assert living(data) == []


async def test_a_killed_user_leaves_a_server_that_the_next_one_joins_and_stops(data: Path) -> None:
    with using(data) as user:
        dsn = started(user)
        first = postmaster(data)
        user.kill()
    assert await ask(dsn, "SELECT 1") == 1
    server = EmbeddedServer.start_or_join(data, fsync=False)
    assert postmaster(data) == first
    server.release()
    await_end(first)
    assert living(data) == []


async def test_processes_that_start_together_share_one_server(data: Path) -> None:
    servers = await asyncio.gather(
        *(asyncio.to_thread(EmbeddedServer.start_or_join, data, fsync=False) for _ in range(4))
    )
    assert {await ask(server.dsn, "SELECT pg_postmaster_start_time()") for server in servers} == {
        await ask(servers[0].dsn, "SELECT pg_postmaster_start_time()")
    }
    for server in servers:
        assert living(data)
        server.release()
    assert not (data / "postgres" / "postmaster.pid").exists()


async def test_a_killed_postmaster_is_replaced_though_a_backend_works_on(data: Path, server: EmbeddedServer) -> None:
    await ask(server.dsn, "CREATE TABLE kept AS SELECT 7 AS n")
    busy = await asyncpg.connect(server.dsn)
    work = asyncio.create_task(busy.execute("SELECT count(*) FROM generate_series(1, 1000000000000)"))
    active = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND state = 'active'"
    while not await ask(server.dsn, active, busy.get_server_pid()):
        pass
    kill(postmaster(data))
    assert busy.get_server_pid() in living(data)
    await asyncio.to_thread(server.ensure_running)
    assert await ask(server.dsn, "SELECT n FROM kept") == 7
    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await work


async def test_a_killed_postmaster_is_replaced_for_all_its_users(data: Path, server: EmbeddedServer) -> None:
    other = EmbeddedServer.start_or_join(data, fsync=False)
    kill(postmaster(data))
    await asyncio.gather(asyncio.to_thread(server.ensure_running), asyncio.to_thread(other.ensure_running))
    other.release()
    assert await ask(server.dsn, "SELECT 1") == 1


async def test_a_lock_file_with_the_number_of_another_process_does_not_stop_a_start(data: Path) -> None:
    server = EmbeddedServer.start_or_join(data, fsync=False)
    kill(postmaster(data))
    server.release()
    owner = (data / "postgres").stat().st_uid
    with sleeping(owner) as stranger:
        for lock in (data / "postgres" / "postmaster.pid", data / "postgres-socket" / ".s.PGSQL.5432.lock"):
            lock.write_text(re.sub(r"\A\d+", str(stranger.pid), lock.read_text()))
        again = EmbeddedServer.start_or_join(data, fsync=False)
        assert await ask(again.dsn, "SELECT 1") == 1
        again.release()
        assert stranger.poll() is None


async def test_a_server_whose_socket_was_removed_is_restarted(data: Path, server: EmbeddedServer) -> None:
    first = postmaster(data)
    (data / "postgres-socket" / ".s.PGSQL.5432").unlink()
    await asyncio.to_thread(server.ensure_running)
    assert await ask(server.dsn, "SELECT 1") == 1
    assert postmaster(data) != first


async def test_a_server_that_was_told_to_stop_is_restarted(data: Path, server: EmbeddedServer) -> None:
    first = postmaster(data)
    session = await asyncpg.connect(server.dsn)
    os.kill(first, signal.SIGTERM)  # it waits for the session to end
    with pytest.raises(asyncpg.CannotConnectNowError):
        await ask_for_ever(server.dsn)
    await asyncio.to_thread(server.ensure_running)
    assert await ask(server.dsn, "SELECT 1") == 1
    assert postmaster(data) != first
    session.terminate()


@pytest.mark.parametrize("death", [DIE_BEFORE_RENAME, DIE_DURING_INITDB], ids=["before the rename", "in initdb"])
async def test_a_death_while_the_cluster_is_made_leaves_nothing_half_made(data: Path, death: str) -> None:
    with using(data, death) as user:
        pass
    assert user.returncode == -signal.SIGKILL
    assert (data / "postgres.new").exists()
    assert not (data / "postgres").exists()
    server = EmbeddedServer.start_or_join(data, fsync=False)
    assert await ask(server.dsn, "SELECT 1") == 1
    assert not (data / "postgres.new").exists()
    server.release()
