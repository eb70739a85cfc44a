"""The nginx configuration that the guide advises, in front of the product: TLS, limits, WebSockets."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect

from callfloor.app.api import api
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from testbed.certificates import made
from testbed.programs import need
from tests.api.desks import token_of
from tests.api.sockets import read, served
from tests.conftest import Centre

ADVISED = Path(__file__).parents[2] / "packaging/nginx/callfloor.conf"
AROUND = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {advised}
}}
"""


@dataclass(frozen=True)
class Front:
    """nginx: its ports, and what trusts its certificate."""

    plain: int
    secure: int
    trust: ssl.SSLContext

    def client(self, token: str) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            verify=self.trust,
            base_url=f"https://127.0.0.1:{self.secure}",
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
async def front(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    program = need("nginx-light", "nginx")
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "both.pem").write_bytes(made())
    plain, secure = _free_port(), _free_port()
    settings = Settings(data=folder / "data", requests_per_second=100_000, failed_sign_ins_per_second=0.01)
    async with api(settings, dsn) as application, served(_behind_proxy(application)) as address:
        port = re.search(r":(\d+)/", address.removeprefix("ws://"))
        assert port is not None
        advised = ADVISED.read_text()
        for theirs, ours in (
            ("listen 80;", f"listen 127.0.0.1:{plain};"),
            ("listen 443 ssl", f"listen 127.0.0.1:{secure} ssl"),
            # one of two servers is always gone: nobody is to notice
            ("server 127.0.0.1:8080;", f"server 127.0.0.1:{_free_port()} max_fails=0; server 127.0.0.1:{port[1]};"),
            ("/etc/ssl/callfloor/fullchain.pem", f"{folder}/both.pem"),
            ("/etc/ssl/callfloor/key.pem", f"{folder}/both.pem"),
        ):
            assert advised.count(theirs) == 1, theirs
            advised = advised.replace(theirs, ours)
        (folder / "nginx.conf").write_text(AROUND.format(folder=folder, advised=advised))
        nginx = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
            [program, "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(30):
                while not await _open(secure):
                    assert nginx.poll() is None, (folder / "error.log").read_text()
                    await asyncio.sleep(0.05)
            yield Front(plain, secure, ssl.create_default_context(cafile=str(folder / "both.pem")))
        finally:
            nginx.terminate()
            nginx.wait(10)


def _behind_proxy(application: Any) -> Any:
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    return ProxyHeadersMiddleware(application, "127.0.0.1")


async def _open(port: int) -> bool:
    with suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False


async def test_the_api_answers_over_tls_and_says_so(front: Front, centre: Centre) -> None:
    async with front.client(centre.token) as client:
        answer = await client.get("/platform-api/v3.0/leads/lists")
        assert answer.status_code == 200
        assert answer.headers["Strict-Transport-Security"]
        lead = {"listId": centre.list_id, "phone1": "0491570156"}
        assert (await client.post("/v3.0/leads", json=lead)).status_code == 201


async def test_plain_http_leads_to_tls(front: Front) -> None:
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://127.0.0.1:{front.plain}/docs?x=1")
    assert answer.status_code == 308
    assert answer.headers["Location"] == "https://127.0.0.1/docs?x=1"


async def test_live_events_pass_and_go_on(front: Front, db: Database, centre: Centre) -> None:
    token = await token_of(db, centre, centre.agent)
    address = f"wss://127.0.0.1:{front.secure}/workspace/v1/events"
    headers = {"Authorization": f"Bearer {token}"}
    async with connect(address, ssl=front.trust, additional_headers=headers, proxy=None) as events:
        (snapshot,) = await read(events, 1)
        assert snapshot["type"] == "snapshot"
        async with front.client(token) as client:
            assert (await client.put("/workspace/v1/session", json={"state": "paused"})).status_code == 200
        (event,) = await read(events, 1)
        assert event["type"] == "session"


async def test_metrics_and_long_headers_do_not_pass(front: Front, centre: Centre) -> None:
    async with front.client(centre.token) as client:
        assert (await client.get("/metrics")).status_code == 404
        assert (await client.get("/health", headers={"X-Long": "a" * 40_000})).status_code in (400, 431)
    reader, writer = await asyncio.open_connection("127.0.0.1", front.secure, ssl=front.trust)
    writer.write(b"POST /v3.0/leads/bulk HTTP/1.1\r\nHost: a\r\nContent-Length: 2147483648\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
    writer.close()
    with suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()


async def test_a_client_behind_the_proxy_is_barred_by_its_own_address(front: Front, centre: Centre) -> None:
    """What a client writes into X-Forwarded-For itself is replaced."""
    async with front.client("nobody") as client:
        told = {
            (await client.get("/v3.0/users", headers={"X-Forwarded-For": f"192.0.2.{n}"})).status_code
            for n in range(60)
        }
    assert told == {401, 429}
    async with front.client(centre.token) as client:
        # a token that was good here a moment ago passes
        assert (await client.get("/v3.0/users")).status_code in (200, 429)
