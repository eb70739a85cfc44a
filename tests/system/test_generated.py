"""Requests made from the served OpenAPI document, and a client made from it."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from callfloor.api.openapi import document
from callfloor.api.routes import OPERATIONS, WORKSPACE, documents
from callfloor.app.api import api
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from tests.api.desks import token_of
from tests.breadth import LONG, examples
from tests.conftest import Centre, make_centre
from tests.serving import serving

PREFIX = "/platform-api/v3.0"


class Live:
    """The API behind a real socket, in a thread with a loop of its own."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._settings = Settings(data=folder, requests_per_second=100_000)
        self._dsn = dsn
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._ready.wait(30)

    async def _serve(self) -> None:
        async with api(self._settings, self._dsn) as app:
            self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
            async with serving(app, self._socket):
                self._ready.set()
                await self._over.wait()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(30)


@pytest.fixture(scope="session")
def live(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    server = Live(dsn, tmp_path_factory.mktemp("live"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
async def fuzzed(db: Database, app: Any) -> Centre:
    """An organisation with something in it for every operation to find."""
    centre = await make_centre(db, app)
    for number in range(3):
        await centre.client.post("/leads", json={"listId": centre.list_id, "customerKey": f"k{number}"})
    return centre


@pytest.fixture(scope="session")
async def quiet(db: Database, app: Any) -> Centre:
    """An organisation that no generated request changes."""
    return await make_centre(db, app)


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as opened:
        yield opened


def documented(described: dict[str, Any]) -> Any:
    """The schema of a document. Some 90 requests an operation with the least, the largest and the wrong of each field
    are breadth: `make test-long` has them, `make test` those that are drawn."""
    made = schemathesis.openapi.from_dict(described)
    made.config.phases.coverage.enabled = LONG
    return made


schema = documented(document(OPERATIONS, PREFIX))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.mark.filterwarnings("ignore:Skipped test cases with unsupported payload media types")
@schema.parametrize()
@settings(
    max_examples=examples(8, long=25),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much, HealthCheck.too_slow],
)
def test_no_generated_request_breaks_the_document(
    case: Any, live: Live, fuzzed: Centre, session: requests.Session
) -> None:
    case.call_and_validate(
        base_url=live.address + PREFIX,
        headers={"Authorization": f"Bearer {fuzzed.token}"},
        session=session,
        checks=CHECKS,
    )


# what needs a floor is answered by none here, which is a 503; tests/api/test_workspace.py has a floor
desks = documented(documents()[WORKSPACE]).exclude(operation_id=["send_command", "send_agent_command"])


@pytest.fixture(scope="session")
async def at_desks(db: Database, app: Any) -> dict[str, str]:
    """Tokens by scope: of an agent, and of a supervisor of the same organisation."""
    centre = await make_centre(db, app)
    people = {"workspace": centre.agent, "workspace:supervise": centre.user}
    return {scope: await token_of(db, centre, person) for scope, person in people.items()}


@pytest.mark.filterwarnings("ignore:Skipped test cases with unsupported payload media types")
@desks.parametrize()
@settings(
    max_examples=examples(3, long=6),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much, HealthCheck.too_slow],
)
def test_no_generated_request_breaks_the_document_of_the_workspace(
    case: Any, live: Live, at_desks: dict[str, str], session: requests.Session
) -> None:
    watches = case.operation.path.startswith("/agents")
    case.call_and_validate(
        base_url=live.address + WORKSPACE,
        headers={"Authorization": f"Bearer {at_desks['workspace:supervise' if watches else 'workspace']}"},
        session=session,
        checks=CHECKS,
    )


def test_a_client_generated_from_the_document_works(
    live: Live, quiet: Centre, session: requests.Session, tmp_path: Path
) -> None:
    served = session.get(f"{live.address}{PREFIX}/openapi.json", timeout=10)
    (tmp_path / "openapi.json").write_text(json.dumps(served.json()))
    subprocess.run(
        [sys.executable, "-m", "openapi_python_client", "generate", "--path", "openapi.json", "--output-path", "made",
         "--meta", "none"],
        cwd=tmp_path, check=True, capture_output=True, timeout=120,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    modules = {path.stem for path in (tmp_path / "made" / "api").glob("*/*.py")}
    assert {operation.operation_id for operation in OPERATIONS} <= modules
    sys.path.insert(0, str(tmp_path))
    try:
        made = importlib.import_module("made")
        create = importlib.import_module("made.api.leads.create_lead")
        get = importlib.import_module("made.api.leads.get_lead")
        pages = importlib.import_module("made.api.leads.list_leads")
        models = importlib.import_module("made.models")
        with made.AuthenticatedClient(base_url=live.address + PREFIX, token=quiet.token) as client:
            lead = create.sync(client=client, body=models.LeadCreate(list_id=quiet.list_id, phone1="0491 570 156"))
            assert lead.in_dialler is True
            assert get.sync(lead_id=lead.lead_id, client=client).phones[0].phone_number == "+61491570156"
            assert len(pages.sync(client=client, list_id=quiet.list_id, limit=2).items) == 1
    finally:
        sys.path.remove(str(tmp_path))
