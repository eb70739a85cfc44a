"""A real PostgreSQL for every test: the embedded one, and the local one where a server listens on 127.0.0.1:5432."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from argon2 import PasswordHasher
from hypothesis import settings as settings_of_hypothesis

from callfloor import master_key
from callfloor.api.auth import hashing
from callfloor.app.api import api
from callfloor.contract.codes import SCOPES
from callfloor.postgres.server import EmbeddedServer
from callfloor.rules.privacy.wrapping import fingerprint
from callfloor.settings import Settings
from callfloor.store.db import roles
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from callfloor.store.setup import organisations
from testbed.bed import Bed
from testbed.bed import bed as testbed
from tests.chromium import need_chromium
from tests.databases import ROLE_PASSWORD, Databases
from tests.order import order

# Translated once and kept, whatever the environment says of that: every process that a test starts would do it anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Who runs the tests in the background, by `nohup` or `&` of a script, has SIGINT ignored, by all that is started from
# there too: a command that a test ends by SIGINT would go on, and hold what it holds.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# no test fails for being slow; under CI the examples are the same in every run
settings_of_hypothesis.register_profile("unhurried", deadline=None, derandomize="CI" in os.environ)
settings_of_hypothesis.load_profile("unhurried")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that wait beside those that work: tests/order.py."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    items[:] = [items[at] for at in order([item.nodeid for item in items], workers)]


LOCAL = "postgresql://postgres@127.0.0.1:5432/postgres"


def _local_server() -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", 5432)) == 0


SERVERS = ["embedded", *(["local"] if _local_server() else [])]
# What differs between versions of PostgreSQL: what is understood, how it is planned, what migrations do.
ON_EACH_SERVER = (
    "tests/system/test_statements.py",
    "tests/store/test_calls_plans.py",
    "tests/store/test_emails_plans.py",
    "tests/store/test_listen.py",
    "tests/store/test_migrations.py",
    "tests/store/test_search_keys.py",
)
EACH = "CALLFLOOR_TEST_EACH_SERVER" in os.environ


# of this process, and of the servers and commands that it starts
os.environ["CALLFLOOR_MASTER_KEY"] = "00" * 32
# A process of the API takes two seconds of a processor to begin; tests/system/test_crash.py has the usual two.
os.environ["CALLFLOOR_WORKERS"] = "1"
master_key.use(master_key.MasterKeys(fingerprint(bytes(32)), {fingerprint(bytes(32)): bytes(32)}))


# As light as argon2id goes: what tests of people ask is not how long a guess takes. tests/auth/test_hashing.py has the
# parameters of the product, which the processes that tests start work with.
hashing.HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One server for most tests, each for those of `ON_EACH_SERVER`, and where `EACH` says so."""
    chosen = any(mark.name == "parametrize" and mark.args[0] == "dsn" for mark in metafunc.definition.iter_markers())
    if "dsn" in metafunc.fixturenames and not chosen:
        everywhere = EACH or metafunc.definition.nodeid.startswith(ON_EACH_SERVER)
        metafunc.parametrize("dsn", SERVERS if everywhere else SERVERS[:1], indirect=True, scope="session")


def alone(name: str) -> list[str]:
    """A database that no other tests use, for `dsn`: an engine leads whatever campaigns there are."""
    return [f"{server} {name.rsplit('.', 1)[-1]}" for server in (SERVERS if EACH else SERVERS[:1])]


@pytest.fixture(scope="session")
def embedded_server() -> Iterator[EmbeddedServer]:
    with tempfile.TemporaryDirectory(prefix="cf-test-") as folder:
        server = EmbeddedServer.start_or_join(Path(folder) / "data", fsync=False)
        yield server
        server.release()


@pytest.fixture(scope="session")
async def databases(embedded_server: EmbeddedServer) -> AsyncIterator[Databases]:
    """`embedded_server`: it goes after them."""
    made = Databases()
    yield made
    await made.close()


@pytest.fixture(scope="session")
async def dsn(request: pytest.FixtureRequest, databases: Databases) -> AsyncIterator[str]:
    """A migrated database of its own, one a session and server. Tests are kept apart by their organisations."""
    server = os.environ.get("CALLFLOOR_TEST_DATABASE_URL", LOCAL)
    if request.param.startswith("embedded"):
        server = request.getfixturevalue("embedded_server").dsn
    async with databases.fresh(server) as url:
        yield url


@pytest.fixture(scope="session")
def api_dsn(dsn: str) -> str:
    """As the API connects: row-level security binds it."""
    return roles.address(dsn, roles.API, ROLE_PASSWORD)


@pytest.fixture(scope="session")
async def db(dsn: str) -> AsyncIterator[Database]:
    database = await Database.connect(dsn, size=10)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    given: dict[str, Any] = {"requests_per_second": 100_000, "failed_sign_ins_per_second": 100_000, "port": 0}
    return Settings(data=tmp_path_factory.mktemp("data"), **given)


@pytest.fixture(scope="session")
def bed() -> Iterator[Bed]:
    """A real Asterisk with customers and agents, for tests marked `asterisk`."""
    with testbed() as made:
        yield made


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where a real Chromium is, for tests with time enough to install it."""
    return need_chromium()


@dataclass
class Centre:
    """An organisation with one campaign each way, a list and an agent, and clients that speak for it."""

    organisation: int
    inbound: int
    outbound: int
    list_id: int
    agent: int
    user: int
    client: httpx2.AsyncClient
    app: Any = field(repr=False)
    token: str = field(repr=False, default="")


@pytest.fixture(scope="session")
async def app(settings: Settings, api_dsn: str) -> AsyncIterator[Any]:
    async with api(settings, api_dsn) as application:
        yield application


def client_for(app: Any, token: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app),
        base_url="http://callfloor.test/platform-api/v3.0",
        headers={"Authorization": f"Bearer {token}"},
    )


async def make_centre(db: Database, app: Any) -> Centre:
    organisation = await organisations.create(db, f"Centre {secrets.token_hex(4)}", "Australia/Sydney", "AU")
    ids: list[int] = []
    for direction, mode in (("inbound", None), ("outbound", "progressive")):
        ids.append(
            await db.fetchval(
                "INSERT INTO campaigns (organisation_id, name, direction, timezone, mode, dialling)"
                """ VALUES ($1, $2, $3, 'Australia/Sydney', $4, '{"regime": "none"}') RETURNING campaign_id""",
                organisation,
                f"Support {direction.title()}",
                direction,
                mode,
            )
        )
    list_id = await db.fetchval(
        "INSERT INTO lists (organisation_id, campaign_id, name) VALUES ($1, $2, 'List One') RETURNING list_id",
        organisation,
        ids[1],
    )
    people = [
        await db.fetchval(
            "INSERT INTO users (organisation_id, user_type, username, first_name, last_name)"
            " VALUES ($1, $2, $3, 'John', 'Doe') RETURNING user_id",
            organisation,
            kind,
            f"{kind}.doe",
        )
        for kind in ("agent", "user")
    ]
    for campaign in ids:
        await db.execute("INSERT INTO campaign_agents VALUES ($1, $2, $3)", organisation, campaign, people[0])
    token = await tokens.create(db, organisation, "test", SCOPES)
    return Centre(organisation, ids[0], ids[1], list_id, people[0], people[1], client_for(app, token), app, token)


@pytest.fixture
async def centre(db: Database, app: Any) -> AsyncIterator[Centre]:
    """A fresh organisation."""
    made = await make_centre(db, app)
    yield made
    await made.client.aclose()


@pytest.fixture
async def other_centre(db: Database, app: Any) -> AsyncIterator[Centre]:
    """A second organisation, which must never see anything of the first."""
    made = await make_centre(db, app)
    yield made
    await made.client.aclose()
