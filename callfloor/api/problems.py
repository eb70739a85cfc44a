"""Problems as application/problem+json (RFC 9457)."""

from __future__ import annotations

from typing import Any

import msgspec

from callfloor.api.operation import Encoded
from callfloor.errors import FieldError, Problem

CONTENT_TYPE = "application/problem+json"


class ProblemBody(msgspec.Struct, rename="camel", omit_defaults=True):
    """What went wrong (RFC 9457). `errors` names each wrong field or parameter; `code` says which reason it was,
    `nextTimestamp` when the same would be taken."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    code: str | None = None
    next_timestamp: str | None = None
    errors: tuple[FieldError, ...] = ()


def encode(problem: Problem, *, prefix: str, path: str, request_id: str) -> Encoded:
    """The answer that a problem is."""
    body = ProblemBody(
        type=f"{prefix}/problems/{problem.slug}",
        title=problem.title,
        status=problem.status,
        detail=problem.detail,
        instance=path[:500],
        request_id=request_id,
        code=problem.code,
        next_timestamp=problem.next_timestamp,
        errors=problem.errors[:1000],
    )
    headers = dict(problem.headers) | {"Content-Type": CONTENT_TYPE}
    return Encoded(problem.status, headers, msgspec.json.encode(body))


def page(kind: type[Problem]) -> dict[str, Any]:
    """What `/problems/{slug}` says of a kind of problem."""
    return {
        "type": kind.slug,
        "title": kind.title,
        "status": kind.status,
        "detail": (kind.__doc__ or "").strip(),
    }
