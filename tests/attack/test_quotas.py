"""What one organisation sends and asks for has bounds, and is told which."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from callfloor.app.api import api
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.leads import leads
from tests.conftest import Centre, client_for

CSV = {"Content-Type": "text/csv"}


@pytest.fixture
async def small(settings: Settings, dsn: str, centre: Centre) -> AsyncIterator[httpx2.AsyncClient]:
    """The centre's client of an API with small quotas."""
    given = {"import_megabytes": 1, "waiting_megabytes": 1, "organisation_leads": 3}
    async with api(settings.model_copy(update=given), dsn) as app, client_for(app, centre.token) as client:
        yield client


def _problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rsplit("/", 1)[1]


async def test_an_import_has_no_more_bytes_than_it_may_have_unpacked_either(
    small: httpx2.AsyncClient, centre: Centre
) -> None:
    body = b"phone1\n" + b"0491570156\n" * 200_000
    for content, headers in ((body, CSV), (gzip.compress(body), CSV | {"Content-Encoding": "gzip"})):
        answer = await small.post(f"/leads/bulk?listId={centre.list_id}", content=content, headers=headers)
        assert _problem(answer) == (413, "too-large")
        assert "1,048,576" in answer.json()["detail"]


async def test_who_has_as_much_waiting_as_may_wait_is_told_so_and_gets_old_answers_again(
    db: Database, small: httpx2.AsyncClient, centre: Centre
) -> None:
    path, keyed = f"/leads/bulk?listId={centre.list_id}", CSV | {"Idempotency-Key": "first"}
    first = await small.post(path, content=b"phone1\n0491570156\n", headers=keyed)
    assert first.status_code == 202
    waiting = "UPDATE import_chunks SET payload = $2 WHERE organisation_id = $1"
    await db.execute(waiting, centre.organisation, b"".join(n.to_bytes(4, "big") for n in range(1, 800_000)))
    for headers in (CSV, CSV | {"Idempotency-Key": "second"}):
        refused = await small.post(path, content=b"phone1\n0491570157\n", headers=headers)
        assert _problem(refused) == (507, "quota-exceeded")
        assert "MiB waiting" in refused.json()["detail"]
    again = await small.post(path, content=b"phone1\n0491570156\n", headers=keyed)
    assert (again.status_code, again.json()) == (202, first.json())
    await db.execute("DELETE FROM import_chunks WHERE organisation_id = $1", centre.organisation)
    assert (await small.post(path, content=b"phone1\n0491570157\n", headers=CSV)).status_code == 202


async def test_who_has_as_many_leads_as_may_be_imports_no_more(small: httpx2.AsyncClient, centre: Centre) -> None:
    for _ in range(3):
        assert (await small.post("/leads", json={"listId": centre.list_id})).status_code == 201
    answer = await small.post(f"/leads/bulk?listId={centre.list_id}", content=b"phone1\n0491570156\n", headers=CSV)
    assert _problem(answer) == (507, "quota-exceeded")
    assert "3 leads, and may have 3" in answer.json()["detail"]


async def test_a_page_of_large_leads_ends_early_and_goes_on(
    db: Database, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leads, "AT_ONCE", 7)
    await db.execute(
        "INSERT INTO leads (organisation_id, list_id, data)"
        " SELECT $1, $2, jsonb_build_object('note', repeat('x', 60000)) FROM generate_series(1, 100)",
        centre.organisation,
        centre.list_id,
    )
    uri, seen, pages = f"/leads?limit=1000&listId={centre.list_id}", list[int](), list[int]()
    while uri:
        page = await centre.client.get(uri.removeprefix("/platform-api/v3.0"))
        assert len(page.content) < leads.MOST_BYTES + 8 * 61_000
        seen += [each["leadId"] for each in page.json()["items"]]
        pages.append(len(page.json()["items"]))
        uri = page.json()["metadata"]["nextUri"]
    assert len(seen) == len(set(seen)) == 100
    assert max(pages) < 80


@pytest.mark.parametrize("limit", [1, 6, 7, 8, 14, 20, 21])
async def test_pages_that_are_read_in_parts_are_those_that_are_read_at_once(
    db: Database, centre: Centre, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    await db.execute(
        "INSERT INTO leads (organisation_id, list_id, uploaded_at) SELECT $1, $2, now() - n % 3 * interval '1 day'"
        " FROM generate_series(1, 20) AS n",
        centre.organisation,
        centre.list_id,
    )
    whole = await centre.client.get(f"/leads?limit={limit}")
    monkeypatch.setattr(leads, "AT_ONCE", 3)
    parts = await centre.client.get(f"/leads?limit={limit}")
    assert parts.json() == whole.json()
