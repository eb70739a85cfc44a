"""`callfloor demo`: a sample centre whose agents take calls, leads through the API, and a server that keeps serving."""

from __future__ import annotations

import asyncio
import json
import secrets
import smtplib
import socket
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from callfloor import installation_keys, samples
from callfloor.api.auth.hashing import HASHER
from callfloor.centre import apply_text
from callfloor.cli.import_client import Wanted, import_file
from callfloor.contract.codes import SCOPES
from callfloor.serve import serve
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.people import passwords, tokens, users
from callfloor.store.setup import campaigns, organisations

# By list: so many leads are imported.
LEADS = {"List One": 5_000, "Renewals of May": 500, "Key accounts": 200}
TOKEN_NAME = "demo"  # noqa: S105 - a name
ORGANISATION = "Sample Centre"
CAMPAIGN = "Sales Outbound"
QUEUE = "Support Inbound"
# The agent who is not simulated: whoever runs the demo.
PERSON = "you"
# Who can sign in, by role.
SIGN_IN = {PERSON: "agent", "sam.lead": "supervisor", "ada.admin": "administrator"}
# Simulated people take a third of the time that real ones take, so that there is something to see.
PACE = 3.0
# People who call the centre's numbers, a minute.
CALLERS = 6.0
# The first call is over after some seconds; whoever waits longer than this for its recording is told how to find one.
FIRST_CALL_S = 60.0


def demo(settings: Settings) -> None:
    """Serve the demo until SIGTERM or SIGINT. A second start keeps the data and imports nothing again."""
    # one line a request would bury what the demo prints
    smtp_port = settings.smtp_port or free_port()
    of_demo: dict[str, object] = {"simulated_agents": True, "smtp_port": smtp_port}
    usual = {"log_level": "error", "carrier_pace": PACE, "simulated_callers": CALLERS}
    of_demo |= {name: usual[name] for name in usual.keys() - settings.model_fields_set}
    serve(settings.model_copy(update=of_demo), "all", ["callfloor.cli.demo_centre"])


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def show(settings: Settings, address: str, dsn: str) -> None:
    """Fill the server that the demo has started, and print what can be tried."""
    carrier, smtp_port = settings.carrier, settings.smtp_port
    token, seat, queue, signs_in = asyncio.run(_prepare(settings, dsn))
    api = f"{address}/platform-api/v3.0"
    with httpx2.Client(base_url=api, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        lists = {item["name"]: item for item in _items(client, "/leads/lists", {})}
        fresh = False
        for name, count in LEADS.items():
            fresh |= _import(client, address, token, lists[name]["id"], name, count)
        people = _items(client, "/users", {"userType": "agent"})
        agents = [user["userId"] for user in people if user["username"] != PERSON]
        for agent in agents:
            client.put("/availability", json={"agentId": agent, "available": True}).raise_for_status()
        how = "and nobody is really called" if carrier == "simulated" else "through Asterisk"
        print(f"{len(agents)} simulated agents are ready; the floor dials, {how}", flush=True)
        campaign, list_id = lists["List One"]["campaignId"], lists["List One"]["id"]
        header = f"-H 'Authorization: Bearer {token}'"
        body = f'{{"listId": {list_id}, "phone1": "0491 570 156", "leadData": {{"firstName": "Jane"}}}}'
        print(f"address: {address}")
        print(f"token: {token}")
        print(f"curl -s {header} '{api}/campaign/{campaign}/statistics/outbound'")
        print(f"curl -s {header} '{api}/dialler/calls?campaignId={campaign}&limit=2'")
        print(f"curl -s {header} '{api}/leads?listId={list_id}&limit=2'")
        print(f"curl -s {header} -H 'Content-Type: application/json' -d '{body}' '{api}/leads'", flush=True)
        print(f"curl -s {header} '{api}/campaign/{queue}/statistics/inbound'")
        if fresh:
            _send_letters(smtp_port)
        print(f"{len(samples.LETTERS)} e-mails came in, to be answered through the API of {address}/docs/workspace:")
        print(f"curl -s {header} '{api}/activities?activityType=email.inbound&limit=2'")
        print(f"{CALLERS:.0f} people a minute call; to take calls yourself:")
        print(f"{Path(sys.executable).with_name('callfloor')} desk --url {address} --token {seat}", flush=True)
        recording = _first_recording(client, campaign)
    if recording is not None:
        print(f"curl -s {header} -o call.wav '{address}{recording}'")
    print("people who can sign in:")
    for username, role, password in signs_in:
        print(f"    {role:<14} {username:<12} {password}")
    print(
        f"curl -s -c cookie -H 'Content-Type: application/json' -d '{_sign_in(signs_in[-1])}' {address}/auth/v1/session"
    )
    print(f"curl -s -b cookie {address}/auth/v1/me")
    print(f"reference: {address}/docs   (Ctrl-C stops; the data stay)", flush=True)


def _items(client: httpx2.Client, path: str, query: dict[str, str | int]) -> list[dict[str, Any]]:
    return client.get(path, params=query).raise_for_status().json()["items"]


def _import(client: httpx2.Client, address: str, token: str, list_id: int, name: str, count: int) -> bool:
    """Import generated leads into a list that has none; False when it has some."""
    if _items(client, "/leads", {"listId": list_id, "limit": 1}):
        return False
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "leads.csv"
        samples.write_csv(path, count)
        print(f"importing {count:,} generated leads into {name}, some wrong on purpose, through the API:", flush=True)
        import_file(path, Wanted(list_id=list_id), url=address, token=token)
    return True


def _first_recording(client: httpx2.Client, campaign: int) -> str | None:
    """Where a recorded call of the campaign can be listened to, as soon as there is one."""
    until = time.monotonic() + FIRST_CALL_S
    while time.monotonic() < until:
        for item in _items(client, "/activities", {"campaignId": campaign, "activityType": "call.outbound"}):
            if item["data"]["recordingMetadata"] is not None:
                return item["data"]["recordingMetadata"]["mediaUri"]
        time.sleep(0.5)
    return None


def _send_letters(port: int | None) -> None:
    """Let customers write to the centre."""
    with smtplib.SMTP("127.0.0.1", port or 0, timeout=30) as server:
        for letter in samples.letters():
            server.send_message(letter)


async def _new_password(db: Database, organisation: int, username: str) -> str:
    """A password of the user, another one at each start: none is known beforehand."""
    row = await users.by_name(db, organisation, username)
    if row is None:
        raise AssertionError(f"the demo's centre has {username}")
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    password = "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))
    hashed = HASHER.hash(password)
    await passwords.put(db, organisation, row["user_id"], hashed, datetime.now(UTC))
    return password


def _sign_in(person: tuple[str, str, str]) -> str:
    username, _, password = person
    return json.dumps({"username": username, "password": password})


async def _prepare(settings: Settings, dsn: str) -> tuple[str, str, int, list[tuple[str, str, str]]]:
    """Apply the demo's centre and make its tokens anew: that of the API, and that of the person at the desk. Those of
    an earlier start are revoked. Returns both, the queue's campaign, and name, role and password of who can sign in."""
    db = await Database.connect(dsn, size=2)
    try:
        await installation_keys.prepare(settings, db)
        await apply_text(db, samples.centre("demo"), "demo.toml")
        organisation = next(
            row["organisation_id"] for row in await organisations.every(db) if row["name"] == ORGANISATION
        )
        for row in await tokens.every(db, organisation):
            if row["name"] in (TOKEN_NAME, PERSON) and row["revoked_at"] is None:
                await tokens.revoke(db, organisation, row["token_id"])
        person = await users.by_name(db, organisation, PERSON)
        seat = await tokens.create(
            db, organisation, PERSON, ["workspace"], user_id=None if person is None else person["user_id"]
        )
        queue = next(each.campaign for each in await campaigns.inbound(db) if each.name == QUEUE)
        signs_in = [(name, role, await _new_password(db, organisation, name)) for name, role in SIGN_IN.items()]
        return await tokens.create(db, organisation, TOKEN_NAME, SCOPES), seat, queue, signs_in
    finally:
        await db.close()
