"""Whatever changes something says what it records in the audit, or why nothing is recorded."""

from __future__ import annotations

import pytest

from callfloor.api.operation import WRITES, Operation
from callfloor.api.routes import ADMIN_OPERATIONS, AUTH_OPERATIONS, OPERATIONS, WORKSPACE_OPERATIONS

EVERY = (*OPERATIONS, *WORKSPACE_OPERATIONS, *AUTH_OPERATIONS, *ADMIN_OPERATIONS)


@pytest.mark.parametrize(
    "operation", [each for each in EVERY if each.method in WRITES], ids=lambda each: each.operation_id
)
def test_an_operation_that_writes_declares_what_it_records(operation: Operation) -> None:
    assert operation.audits is not None, f"{operation.method} {operation.path} needs audits=… (api/audits.py)"
    assert operation.audits.how != "not" or operation.audits.why
