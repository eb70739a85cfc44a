"""What lies beside the operations: pages that nobody may borrow, figures that not everybody may read."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from callfloor.media.s3 import allows_clear


def client(app: Any, address: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app, client=(address, 1)), base_url="http://callfloor.test"
    )


@pytest.mark.parametrize("path", ["/docs", "/docs/workspace"])
async def test_a_page_runs_only_its_own_script_and_stands_in_no_frame(app: Any, path: str) -> None:
    async with client(app, "192.0.2.1") as stranger:
        page = await stranger.get(path)
    policy = dict(part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert "<script>" not in page.text
    assert "javascript:" not in page.text


@pytest.mark.parametrize("path", ["/health", "/docs/redoc.standalone.js", "/docs/reference.js", "/nowhere",
                                  "/platform-api/v3.0/openapi.json"])  # fmt: skip
async def test_no_answer_is_taken_for_another_type(app: Any, path: str) -> None:
    async with client(app, "192.0.2.1") as stranger:
        assert (await stranger.get(path)).headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("address", "status"),
    [("127.0.0.1", 200), ("::1", 200), ("192.0.2.1", 404), ("127.0.0.2", 404), ("fe80::1%eth0", 404), ("", 404)],
)
async def test_metrics_are_for_those_whom_the_settings_name(app: Any, address: str, status: int) -> None:
    async with client(app, address) as reader:
        assert (await reader.get("/metrics")).status_code == status


@pytest.mark.parametrize(
    ("endpoint", "allowed", "in_clear"),
    [
        ("", "", False),
        ("http://media.example.com:9000", "", False),
        ("http://localhost.example.com", "", False),
        ("http://127.0.0.1.example.com", "", False),
        ("http://127.0.0.1:9000", "", True),
        ("http://[::1]:9000", "", True),
        ("http://localhost", "", True),
        ("http://media.example.com", "true", True),
        ("http://media.example.com", "no", False),
    ],
)
def test_only_a_media_service_of_this_machine_is_spoken_to_in_clear(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, allowed: str, in_clear: bool
) -> None:
    monkeypatch.setenv("AWS_ALLOW_HTTP", allowed)
    assert allows_clear(endpoint) is in_clear
