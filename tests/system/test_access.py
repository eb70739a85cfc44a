"""Each operation with each role: who has the scope passes, who lacks it is refused before anything is done."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

import callfloor
from callfloor.api.access import may, operations_table, roles_table
from callfloor.api.operation import Operation
from callfloor.api.routes import APIS
from callfloor.contract.codes import SCOPES
from callfloor.rules.people.roles import READY_MADE
from callfloor.store.db.pool import Database
from tests.auth.people import add_user, signed_in
from tests.conftest import Centre, make_centre

DOCUMENT = Path(callfloor.__file__).parent.parent / "docs" / "people.md"
EVERY = [(prefix, operation) for prefix, operations in APIS.items() for operation in operations]
REFUSED = {"scope-missing"}


@pytest.fixture(scope="module")
async def people(db: Database, app: Any) -> AsyncGenerator[dict[str, httpx2.AsyncClient]]:
    """Somebody of each role who is signed in, and somebody without any."""
    centre: Centre = await make_centre(db, app)
    async with AsyncExitStack() as stack:
        found: dict[str, httpx2.AsyncClient] = {}
        for role in (*READY_MADE, ""):
            username, _ = await add_user(db, centre, [role] if role else [], "agent" if role == "agent" else "user")
            found[role] = await stack.enter_async_context(signed_in(app, username))
        yield found


@pytest.mark.parametrize("role", [*READY_MADE, ""])
@pytest.mark.parametrize(("prefix", "operation"), EVERY, ids=[each.operation_id for _, each in EVERY])
async def test_a_role_may_what_the_table_says(
    prefix: str, operation: Operation, role: str, people: dict[str, httpx2.AsyncClient]
) -> None:
    if operation.operation_id in ("sign_out", "end_other_sessions"):
        pytest.skip("it would end the session that the others ask with")
    # nothing has this id, and no body is right: who passes is told that, and changes nothing
    path = re.sub(r"{(\w+)}", "999999999", operation.path)
    answer = await people[role].request(operation.method, prefix + path, params={"noSuchParameter": "1"})
    refused = answer.status_code == 403 and answer.json()["type"].rsplit("/", 1)[1] in REFUSED
    allowed = operation.access in ("anyone", "signed-in", "signing-in") if role == "" else may(role, operation.access)
    assert refused is not allowed, answer.text
    if allowed:
        assert answer.status_code == 422, answer.text


@pytest.mark.parametrize(("prefix", "operation"), EVERY, ids=[each.operation_id for _, each in EVERY])
async def test_nobody_who_is_not_signed_in_gets_past_the_door(prefix: str, operation: Operation, app: Any) -> None:
    path = re.sub(r"{(\w+)}", "999999999", operation.path)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://callfloor.test") as client:
        answer = await client.request(operation.method, prefix + path, params={"noSuchParameter": "1"})
    assert answer.status_code == (422 if operation.access == "anyone" else 401), answer.text


@pytest.mark.parametrize("table", [roles_table(), operations_table(APIS)], ids=["roles", "operations"])
def test_the_documentation_has_the_tables(table: str, dsn: str) -> None:
    assert table in DOCUMENT.read_text(), f"docs/people.md is to hold:\n\n{table}"


def test_every_scope_is_of_a_role_or_named_as_of_none(dsn: str) -> None:
    given = {scope for scopes in READY_MADE.values() for scope in scopes}
    # an administrator has them by `admin`, and an organisation may give them to roles of its own
    assert set(SCOPES) - given == {
        "people:write", "setup:write", "tokens:write", "retention:write", "workspace:supervise-all",
    }  # fmt: skip
