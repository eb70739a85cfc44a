"""Who sits at desks, for the tests of the workspace."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import httpx2
import pytest

from callfloor.store.db.pool import Database
from tests.api.desks import client_of, token_of
from tests.conftest import Centre
from tests.mail.post import Letters, make_mailbox


@pytest.fixture
async def letters(db: Database, centre: Centre) -> Letters:
    return Letters(db, await make_mailbox(db, centre))


@pytest.fixture
async def desk(db: Database, centre: Centre) -> AsyncGenerator[httpx2.AsyncClient]:
    async with client_of(centre, await token_of(db, centre, centre.agent)) as client:
        yield client


@pytest.fixture
async def supervisor(db: Database, centre: Centre) -> AsyncGenerator[httpx2.AsyncClient]:
    async with client_of(centre, await token_of(db, centre, centre.user)) as client:
        yield client
