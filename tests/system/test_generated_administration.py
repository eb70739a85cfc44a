"""Requests made from the document of the administration."""

# schemathesis has no types
# pyright: reportUnknownMemberType=false, reportUntypedFunctionDecorator=false, reportUnknownVariableType=false

from __future__ import annotations

from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings

from callfloor.api.routes import ADMIN, documents
from callfloor.store.db.pool import Database
from tests.conftest import Centre, make_centre
from tests.system.test_generated import CHECKS, Live, documented, live, session

__all__ = ["live", "session"]  # fixtures


@schemathesis.serializer("audio/wav")
def sound(_context: Any, value: Any) -> Any:
    """What is drawn for a sound is sent as it is."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


administration = documented(documents()[ADMIN])


@pytest.fixture(scope="session")
async def administered(db: Database, app: Any) -> Centre:
    return await make_centre(db, app)


@pytest.mark.filterwarnings("ignore:Skipped test cases with unsupported payload media types")
@administration.parametrize()
@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much, HealthCheck.too_slow],
)
def test_no_generated_request_breaks_the_document_of_the_administration(
    case: Any, live: Live, administered: Centre, session: requests.Session
) -> None:
    case.call_and_validate(
        base_url=live.address + ADMIN,
        headers={"Authorization": f"Bearer {administered.token}"},
        session=session,
        checks=CHECKS,
    )
