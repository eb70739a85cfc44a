"""`callfloor demo`: a sample centre, 5,000 leads through the API, and a server that keeps serving."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import httpx2

from callfloor import samples
from callfloor.centre import apply_text
from callfloor.contract.codes import SCOPES
from callfloor.import_client import import_file
from callfloor.serve import serve
from callfloor.settings import Settings
from callfloor.store import organisations, tokens
from callfloor.store.pool import Database

LEADS = 5_000
TOKEN_NAME = "demo"  # noqa: S105 - a name
ORGANISATION = "Sample Centre"
LIST = "List One"


def demo(settings: Settings) -> None:
    """Serve the demo until SIGTERM or SIGINT. A second start keeps the data and imports nothing again."""
    # one line a request would bury what the demo prints
    serve(settings.model_copy(update={"log_level": "warning"}), "all", _show)


def _show(address: str, dsn: str) -> None:
    token = asyncio.run(_prepare(dsn))
    api = f"{address}/platform-api/v3.0"
    with httpx2.Client(base_url=api, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        lists = client.get("/leads/lists").raise_for_status().json()["items"]
        lead_list = next(item for item in lists if item["name"] == LIST)
        list_id: int = lead_list["id"]
        empty = not client.get("/leads", params={"listId": list_id, "limit": 1}).raise_for_status().json()["items"]
    if empty:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "leads.csv"
            samples.write_csv(path, LEADS)
            print(f"importing {LEADS:,} generated leads, some wrong on purpose, through the API:", flush=True)
            import_file(path, list_id=list_id, url=address, token=token, on_duplicate="insert")
    header = f"-H 'Authorization: Bearer {token}'"
    body = f'{{"listId": {list_id}, "phone1": "0491 570 156", "leadData": {{"firstName": "Jane"}}}}'
    print(f"address: {address}")
    print(f"token: {token}")
    print(f"curl -s {header} '{api}/leads?listId={list_id}&limit=2'")
    print(f"curl -s {header} '{api}/campaign/{lead_list['campaignId']}/statistics/outbound'")
    print(f"curl -s {header} -H 'Content-Type: application/json' -d '{body}' '{api}/leads'")
    print(f"reference: {address}/docs   (Ctrl-C stops; the data stay)", flush=True)


async def _prepare(dsn: str) -> str:
    """Apply the sample centre and make the demo's token anew; the one of an earlier start is revoked."""
    db = await Database.connect(dsn, size=2)
    try:
        await apply_text(db, samples.centre(), "centre.toml")
        organisation = next(
            row["organisation_id"] for row in await organisations.every(db) if row["name"] == ORGANISATION
        )
        for row in await tokens.every(db, organisation):
            if row["name"] == TOKEN_NAME and row["revoked_at"] is None:
                await tokens.revoke(db, organisation, row["token_id"])
        return await tokens.create(db, organisation, TOKEN_NAME, SCOPES)
    finally:
        await db.close()
