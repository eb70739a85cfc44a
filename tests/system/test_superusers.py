"""In steady operation nobody is connected as a superuser, and no process but the parent was told how to be one."""

from __future__ import annotations

import tempfile
from pathlib import Path

import asyncpg

from callfloor.postgres.server import EmbeddedServer
from tests.system.served import serving

# Everybody who is connected but us.
SESSIONS_SQL = """
SELECT usename AS name, rolsuper AS super, rolbypassrls AS passes, rolcreaterole OR rolcreatedb AS makes,
    EXISTS (SELECT FROM pg_class WHERE relowner = usesysid) AS owns
FROM pg_stat_activity JOIN pg_roles ON pg_roles.oid = usesysid
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"""


async def test_whoever_works_is_no_superuser_and_was_not_told_the_owners_password() -> None:
    with tempfile.TemporaryDirectory(prefix="cf-super-") as folder:
        data = Path(folder) / "data"
        with serving(data, "--workers", "1"):
            owner = EmbeddedServer.start_or_join(data)
            connection = await asyncpg.connect(owner.dsn)
            try:
                sessions = [dict(row) for row in await connection.fetch(SESSIONS_SQL)]
            finally:
                await connection.close()
                owner.release()
            named = {each["name"] for each in sessions}
            assert named == {"callfloor_api", "callfloor_work"}
            assert not [each for each in sessions if each["super"] or each["makes"] or each["owns"]]
            assert {each["name"] for each in sessions if each["passes"]} == {"callfloor_work"}
            password = (data / "postgres.password").read_bytes()
            told = _environments(b"CALLFLOOR_CHILD_DSN=")
            mine = [text for text in told if str(data).encode() in text]
            assert len(mine) == 4
            assert not [text for text in mine if password in text]


def _environments(holding: bytes) -> list[bytes]:
    found: list[bytes] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "environ").read_bytes()
        except OSError:
            continue
        if holding in text:
            found.append(text)
    return found
