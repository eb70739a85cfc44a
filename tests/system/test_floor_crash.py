"""kill -9 of the engine at random moments: figures add up, nobody is dialled twice, nothing stays locked."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from callfloor.store.db.pool import Database
from tests.conftest import Centre, alone
from tests.engine.books import all_dialled, check_books, equals, set_mode, staff, states
from tests.store.call_day import add_leads
from tests.waiting import until

# minutes on each kind of server would be too many: on the local one where there is one
pytestmark = pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session")

LEADS = 36
KILLS = 3


class Server:
    """`callfloor serve --role floor`: a parent, and the engine it keeps running."""

    def __init__(self, dsn: str, folder: Path, media: Path) -> None:
        settings = {
            "DATABASE_URL": dsn,
            "MEDIA_URL": str(media),
            "CARRIER_PACE": "200",
            "SIMULATED_AGENTS": "true",
            "LOG_LEVEL": "warning",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "callfloor", "serve", "--role", "floor", "--data", str(folder)],
            stdout=subprocess.PIPE,
            env=os.environ | {f"CALLFLOOR_{name}": value for name, value in settings.items()},
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"working\n"

    def engine(self) -> int | None:
        """The engine's process."""
        parent = self.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return int(children[0]) if children else None

    def kill(self) -> None:
        self.process.kill()
        self.close()

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(60)
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture
def servers(dsn: str, tmp_path: Path) -> Generator[Callable[[], Server]]:
    up: list[Server] = []

    def start() -> Server:
        folder = tmp_path / str(len(up))
        up.append(Server(dsn, folder, tmp_path / "media"))
        return up[-1]

    yield start
    for server in up:
        server.close()


async def _attempts(db: Database, centre: Centre) -> int:
    return await db.fetchval("SELECT count(*) FROM attempts WHERE organisation_id = $1", centre.organisation)


async def _reaches(db: Database, centre: Centre, count: int) -> bool:
    return await _attempts(db, centre) >= count


@pytest.mark.parametrize("mode", ["progressive", "predictive"])
async def test_an_engine_killed_at_any_moment_leaves_nothing_undone(
    db: Database, centre: Centre, servers: Callable[[], Server], mode: str
) -> None:
    luck = random.Random(mode)
    await staff(db, centre)
    await set_mode(db, centre, mode)
    await add_leads(db, centre, LEADS)
    server = servers()
    for kill in range(1, KILLS + 1):
        await until(lambda kill=kill: _reaches(db, centre, kill * LEADS // (KILLS + 2)))
        # somewhere between two writes of the next calls
        await asyncio.to_thread(_busy, luck.randrange(200_000))
        engine = server.engine()
        if engine is not None:
            os.kill(engine, signal.SIGKILL)
    await until(lambda: all_dialled(db, centre))
    await until(lambda: equals(states(db, centre), {"ready"}))
    await check_books(db, centre)


def _busy(turns: int) -> None:
    for _ in range(turns):
        pass


async def test_a_second_server_takes_over_what_a_dead_one_left(
    db: Database, centre: Centre, servers: Callable[[], Server]
) -> None:
    await staff(db, centre)
    await set_mode(db, centre, "progressive")
    await add_leads(db, centre, LEADS)
    first = servers()
    await until(lambda: _reaches(db, centre, 10))
    second = servers()
    first.kill()
    await until(lambda: all_dialled(db, centre))
    await until(lambda: equals(states(db, centre), {"ready"}))
    assert second.process.poll() is None
    await check_books(db, centre)


async def test_an_engine_waits_for_a_database_that_is_away(
    db: Database, centre: Centre, dsn: str, servers: Callable[[], Server]
) -> None:
    await staff(db, centre)
    await set_mode(db, centre, "progressive")
    await add_leads(db, centre, LEADS)
    servers()
    for count in (8, 16, 24):
        await until(lambda count=count: _reaches(db, centre, count))
        await _cut(db)
    await until(lambda: all_dialled(db, centre))
    await until(lambda: equals(states(db, centre), {"ready"}))
    await check_books(db, centre)


async def _cut(db: Database) -> Any:
    """End every other session on the database at once."""
    return await db.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
