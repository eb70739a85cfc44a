"""How long hostile requests keep an API process' event loop from its work."""

from __future__ import annotations

import asyncio
import gc
import logging
import tempfile
from pathlib import Path

from bench.floor import served, show
from callfloor.api.routes import APIS, AUTH, WORKSPACE
from callfloor.app.api import api
from callfloor.contract.codes import SCOPES
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from callfloor.telemetry import configure_logs
from tests.attack.attacker import send
from tests.attack.hostile_operations import operation_requests
from tests.attack.hostile_requests import Hostile, requests
from tests.attack.loop_meter import measured

SHOWN = 12


def run(size: int) -> None:
    """Print the requests that keep it longest, and the longest of all."""
    with served("hostile") as given, tempfile.TemporaryDirectory() as folder:
        asyncio.run(_run(given.dsn, given.organisation, given.list_id, Path(folder), size))


async def _run(dsn: str, organisation: int, list_id: int, folder: Path, size: int) -> None:
    db = await Database.connect(dsn, size=2)
    try:
        agent = await db.fetchval(
            "INSERT INTO users (organisation_id, user_type, username, first_name, last_name)"
            " VALUES ($1, 'agent', 'bench' || nextval('actor_ids'), 'Jane', 'Roe') RETURNING user_id",
            organisation,
        )
        campaign = await db.fetchval("SELECT min(campaign_id) FROM campaigns WHERE organisation_id = $1", organisation)
        program, person = [
            await tokens.create(db, organisation, "hostile", SCOPES, requests_per_second=1_000_000, user_id=user)
            for user in (None, agent)
        ]
    finally:
        await db.close()
    given = dict.fromkeys(APIS, program) | {WORKSPACE: person, AUTH: person}
    ids = {"list": list_id, "agent": agent, "campaign": campaign}
    corpus = [*requests(), *operation_requests()]
    configure_logs(logging.ERROR)
    found: list[tuple[float, str, int]] = []
    async with api(Settings(data=folder, requests_per_second=100_000), dsn) as app:
        with measured() as meter:
            # what is imported at first use is not the requests' doing
            plain = b'{"listId":{list},"phone1":"0491570156","leadData":{"a":"0491570156"}}'
            for request in [Hostile("plain", "POST", "/leads", plain), *corpus[:5]] * 2:
                await send(app, request, given, ids)
            # as a process of the API does once it has begun
            gc.collect()
            gc.freeze()
            await asyncio.sleep(0.1)
            for _ in range(size):
                for request in corpus:
                    meter.take()
                    status = await send(app, request, given, ids)
                    found.append((meter.take(), request.name, status))
    for longest, name, status in sorted(found, reverse=True)[:SHOWN]:
        show(name, str(status), f"{longest * 1000:.0f} ms")
    faults = sorted({name for _, name, status in found if status >= 500})
    show(f"all {len(corpus):,} requests", f"{sum(status >= 500 for _, _, status in found)} of 5xx",
         f"longest block {max(found)[0] * 1000:.0f} ms")  # fmt: skip
    if faults:
        raise SystemExit(f"answered as a fault of the server: {'; '.join(faults)}")
