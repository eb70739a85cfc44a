"""`callfloor db grant`: roles are the server's, and another installation may sign in with them."""

from __future__ import annotations

from callfloor.store.db import roles
from tests.cli.conftest import callfloor
from tests.databases import ROLE_PASSWORD


async def test_a_role_that_is_there_keeps_its_password(dsn: str) -> None:
    done = callfloor("db", "grant", "--database-url", dsn)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith(f"CALLFLOOR_DATABASE_API_URL=postgresql://{roles.API}:THE-PASSWORD-THAT-IT-HAS@")
    assert second.startswith(f"CALLFLOOR_DATABASE_WORK_URL=postgresql://{roles.WORK}:THE-PASSWORD-THAT-IT-HAS@")
    for role in (roles.API, roles.WORK):
        assert await roles.reaches(roles.address(dsn, role, ROLE_PASSWORD))
