"""What a process holds of large answers is bounded, however many clients ask for them and however slowly they read:
counted in bytes, not by the clock."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from callfloor.api import answers
from callfloor.api.platform import lead_pages
from callfloor.store.db.pool import Database
from callfloor.store.leads import leads
from tests.conftest import Centre

MANY = 24


@pytest.fixture
async def large(db: Database, centre: Centre, other_centre: Centre) -> None:
    """Two centres, each with more leads of 60 kB than fit a page."""
    for each in (centre, other_centre):
        await db.execute(
            "INSERT INTO leads (organisation_id, list_id, data)"
            " SELECT $1, $2, jsonb_build_object('note', repeat('x', 60000)) FROM generate_series(1, 90)",
            each.organisation,
            each.list_id,
        )


class Client:
    """Asks for a page and, until it may, reads nothing of the answer but its head."""

    def __init__(self, centre: Centre, limit: int) -> None:
        self._centre, self._limit = centre, limit
        self.may_read, self.begun = asyncio.Event(), asyncio.Event()
        self.status, self.taken = 0, 0

    async def ask(self) -> None:
        token = f"Bearer {self._centre.token}".encode()
        query = f"limit={self._limit}".encode()
        path = "/platform-api/v3.0/leads"
        scope = {
            "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": path,
            "raw_path": path.encode(), "query_string": query, "root_path": "", "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80), "headers": [(b"authorization", token), (b"host", b"callfloor.test")],
        }  # fmt: skip
        await self._centre.app(scope, self._nothing, self._take)

    async def _nothing(self) -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        self.begun.set()
        self.taken += len(message["body"])
        if message.get("more_body"):
            # as a server does whose client's window is full
            await self.may_read.wait()


async def test_unread_answers_of_one_organisation_are_bounded_and_keep_nobody_else_from_theirs(
    centre: Centre, other_centre: Centre, large: None
) -> None:
    clients = [Client(centre, 1000) for _ in range(MANY)]
    asked = [asyncio.create_task(each.ask()) for each in clients]
    try:
        await asyncio.gather(*(each.begun.wait() for each in clients))
        served = Counter(each.status for each in clients)
        # what those hold who were answered: a page is 4 MB and what was read together with its last lead
        assert 1 <= served[200] <= answers.SENT_OF_ONE // leads.MOST_BYTES
        assert served[200] + served[503] == MANY
        small, other = Client(centre, 1), Client(other_centre, 1000)
        other.may_read.set()
        small.may_read.set()
        await asyncio.gather(small.ask(), other.ask())
        assert (small.status, other.status) == (200, 200)
        assert other.taken > leads.MOST_BYTES
    finally:
        for each in clients:
            each.may_read.set()
        await asyncio.gather(*asked)
    assert all(each.taken > leads.MOST_BYTES for each in clients if each.status == 200)
    again = Client(centre, 1000)
    again.may_read.set()
    await again.ask()
    assert again.status == 200


async def test_few_pages_are_built_at_once(
    centre: Centre, other_centre: Centre, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: Callable[..., Awaitable[Any]] = leads.page
    held: Counter[int] = Counter()
    most: Counter[int] = Counter()
    full = asyncio.Event()

    async def counted(db: Database, organisation: int, *given: Any) -> Any:
        rows, more = await read(db, organisation, *given)
        held[organisation] += 1
        most[organisation] = max(most[organisation], held[organisation])
        most[0] = max(most[0], held.total())
        if held.total() == answers.BUILT:
            full.set()
        # its rows are held until every place is taken
        await full.wait()
        held[organisation] -= 1
        return rows, more

    monkeypatch.setattr(lead_pages.leads, "page", counted)
    clients = [Client(each, 1000) for each in (centre, other_centre) for _ in range(MANY // 2)]
    for each in clients:
        each.may_read.set()
    await asyncio.gather(*(each.ask() for each in clients))
    assert most[0] <= answers.BUILT
    assert max(most[centre.organisation], most[other_centre.organisation]) <= answers.BUILT_OF_ONE
    assert {each.status for each in clients} <= {200, 503}
