"""Each role answers on a port of its own for health, readiness and figures, and for nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path

import httpx2
import pytest

from tests.system.served import serving


@pytest.mark.parametrize("role", ["floor", "jobs"])
def test_a_server_without_the_api_tells_how_it_is(role: str) -> None:
    with tempfile.TemporaryDirectory(prefix="cf-role-") as folder:
        Path(folder).chmod(0o755)
        with (
            serving(Path(folder) / "data", "--role", role) as (address, _),
            httpx2.Client(base_url=address, timeout=30) as client,
        ):
            assert client.get("/health").json() == {"status": "ok"}
            ready = client.get("/ready")
            assert (ready.status_code, ready.json()["database"]) == (200, "ok")
            figures = client.get("/metrics")
            assert figures.status_code == 200
            assert figures.headers["content-type"].startswith("text/plain")
            assert client.get("/platform-api/v3.0/leads").status_code == 404
            assert client.post("/health").status_code == 405
