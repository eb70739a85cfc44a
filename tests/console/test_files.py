"""The console's files as a browser gets them."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest

from callfloor.api.console import page_headers
from callfloor.settings import Settings

ROUTES = Path(__file__).parents[2] / "console/src/routes.ts"
# what the first page may weigh, compressed
FIRST_PAGE_BYTES = 150_000


@pytest.fixture
def stranger(app: Any) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://callfloor.test")


async def test_every_page_can_be_opened_by_its_address(stranger: httpx2.AsyncClient) -> None:
    paths = re.findall(r'path: "(/[^"]*)"', ROUTES.read_text())
    assert "/desk" in paths
    for path in ["/", *paths]:
        answer = await stranger.get(path.replace(":id", "17"))
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8"), path


async def test_a_page_runs_its_own_files_only_and_stands_in_no_frame(stranger: httpx2.AsyncClient) -> None:
    page = await stranger.get("/desk")
    policy = dict(part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "style=" not in page.text
    assert re.findall(r"<script(?![^>]* src=)", page.text) == []
    assert page.headers["X-Content-Type-Options"] == "nosniff"


async def test_files_with_a_hash_in_their_name_are_kept_for_good_and_the_page_is_asked_for_again(
    stranger: httpx2.AsyncClient,
) -> None:
    page = await stranger.get("/")
    assert page.headers["Cache-Control"] == "no-cache"
    again = await stranger.get("/", headers={"If-None-Match": page.headers["ETag"]})
    assert again.status_code == 304
    assets = re.findall(r'"(/assets/[^"]+)"', page.text)
    assert assets
    for name in assets:
        answer = await stranger.get(name)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


async def test_the_first_page_is_small(stranger: httpx2.AsyncClient) -> None:
    page = await stranger.get("/")
    total = 0
    for name in ["/", *re.findall(r'"(/[^"]+\.(?:js|css|svg))"', page.text)]:
        answer = await stranger.get(name, headers={"Accept-Encoding": "gzip"})
        packed = answer.headers.get("Content-Encoding") == "gzip"
        total += len(gzip.compress(answer.content, 9)) if packed else len(answer.content)
    assert total <= FIRST_PAGE_BYTES


async def test_an_address_of_no_page_is_none(stranger: httpx2.AsyncClient) -> None:
    for path in ("/nowhere", "/assets/nothing.js", "/assets/../index.html", "/index.html"):
        assert (await stranger.get(path)).status_code == 404, path


def test_who_may_show_the_desk_stands_in_the_policy_and_nobody_does_by_default() -> None:
    assert "frame-ancestors 'none'" in page_headers(None, [])["Content-Security-Policy"]
    assert page_headers(None, [])["X-Frame-Options"] == "DENY"
    allowed = page_headers("wss://pbx.example.com:8089/ws", ["https://crm.example.com"])
    assert "frame-ancestors https://crm.example.com;" in allowed["Content-Security-Policy"]
    assert "connect-src 'self' wss://pbx.example.com:8089;" in allowed["Content-Security-Policy"]
    for wrong in ("javascript:alert(1)", "https://crm.example.com; script-src *", "*", "https://a b"):
        with pytest.raises(ValueError, match="embed_origins"):
            Settings.model_validate({"embed_origins": wrong})
