"""The OpenAPI 3.1 document, made from the table of operations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import msgspec

from callfloor.api.admission import COOKIE
from callfloor.api.operation import WRITES, Operation
from callfloor.api.problems import CONTENT_TYPE, ProblemBody
from callfloor.contract.fields import Page
from callfloor.errors import (
    Conflict,
    DatabaseBusy,
    ForgedRequest,
    IdempotencyReused,
    IdempotencyRunning,
    InternalError,
    Invalid,
    InvalidCursor,
    MalformedRequest,
    NoSpace,
    NotAcceptable,
    NotFound,
    NotSignedIn,
    Problem,
    RateLimited,
    ScopeMissing,
    SecondFactorNeeded,
    StaleVersion,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
    UnusableVersion,
    UriTooLong,
    WriteUnknown,
)

_REF = "#/components/schemas/{name}"
EVERYWHERE: tuple[type[Problem], ...] = (
    MalformedRequest,
    Unauthenticated,
    ScopeMissing,
    SecondFactorNeeded,
    NotFound,
    NotAcceptable,
    UriTooLong,
    Invalid,
    RateLimited,
    InternalError,
    Unavailable,
    DatabaseBusy,
    WriteUnknown,
    NoSpace,
)
_ACCESS: dict[str, str] = {
    "anyone": "Anybody may ask.",
    "signed-in": "For whoever is signed in.",
    "signing-in": "For whoever has a session, at any stage.",
}
_HEADERS = {
    "X-Request-Id": {"schema": {"type": "string"}, "description": "Names this request in the server's log."},
    "RateLimit": {
        "schema": {"type": "string"},
        "description": "What is left: `r` requests, full again in `t` s.",
    },
    "RateLimit-Policy": {"schema": {"type": "string"}, "description": "`q` requests in `w` s."},
}


def raised_by(operation: Operation) -> set[type[Problem]]:
    """Every kind of problem that an operation may answer with."""
    kinds = {*EVERYWHERE, *operation.problems}
    if operation.query_type is not None and "cursor" in _parameter_names(operation):
        kinds.add(InvalidCursor)
    if operation.body_type is not None or operation.streams:
        kinds |= {UnsupportedMediaType, TooLarge}
    if StaleVersion in kinds:
        kinds.add(UnusableVersion)
    if operation.method in WRITES:
        kinds |= {ForgedRequest, Conflict}
        if not operation.secret:
            kinds |= {IdempotencyReused, IdempotencyRunning}
    if operation.access in ("signed-in", "signing-in"):
        kinds.add(NotSignedIn)
    return kinds


def _parameter_names(operation: Operation) -> set[str]:
    if operation.query_type is None:
        return set()
    return {field.encode_name for field in msgspec.structs.fields(operation.query_type)}


@dataclass(frozen=True, slots=True)
class About:
    """What a document says of its API."""

    title: str
    version: str
    description: str


def document(operations: Sequence[Operation], prefix: str, about: About | None = None) -> dict[str, Any]:
    """The document for clients that come by `prefix`; of the Platform API unless it is `about` another."""
    about = about or PLATFORM
    kinds: list[Any] = [ProblemBody]
    for operation in operations:
        kinds += [kind for kind in (operation.body_type, operation.query_type, operation.answer_type) if _known(kind)]
    _, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    queries = {kind.__name__ for operation in operations if (kind := operation.query_type) is not None}
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation, components, prefix)
    schemas = {name: schema for name, schema in components.items() if name not in queries}
    return _named(
        {
            "openapi": "3.1.0",
            "info": {
                "title": about.title,
                "version": about.version,
                "summary": f"Served by Callfloor {version('callfloor')}.",
                "description": about.description,
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": prefix}],
            "security": [{"token": []}, {"session": []}],
            "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in operations)],
            "paths": paths,
            "components": {
                "schemas": schemas,
                "securitySchemes": {
                    "token": {
                        "type": "http",
                        "scheme": "bearer",
                        "description": "`callfloor token create` makes one.",
                    },
                    "session": {
                        "type": "apiKey",
                        "in": "cookie",
                        "name": COOKIE,
                        "description": (
                            "Set by `POST /auth/v1/session`; `__Host-callfloor_session` under TLS. Requests that change"
                            " something need the header `X-Callfloor-CSRF: 1` with it."
                        ),
                    },
                },
            },
        }
    )


def _known(kind: Any) -> bool:
    return kind is not None and kind is not type(None) and not _is_response(kind)


def _is_response(kind: Any) -> bool:
    return isinstance(kind, type) and kind.__module__.startswith("starlette.")


def _described(operation: Operation, components: dict[str, Any], prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": operation.operation_id,
        "summary": operation.summary,
        "description": f"{operation.description}\n\n{_ACCESS.get(operation.access, f'Scope: `{operation.access}`.')}",
        "tags": [operation.tag],
        "parameters": _parameters(operation, components),
        "responses": {
            **{str(status): _answer(operation, status) for status in (operation.status, *operation.also)},
            **_problems(operation, prefix),
        },
    }
    if operation.access == "anyone":
        found["security"] = []
    if operation.etag and operation.method == "GET":
        found["responses"]["304"] = {"description": "Not modified since the version named by If-None-Match."}
    if operation.ours:
        found["x-callfloor-addition"] = True
    if operation.body_type is not None or operation.streams:
        found["requestBody"] = _request(operation)
    return found


def _parameters(operation: Operation, components: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name, kind in operation.path_types.items():
        schema: dict[str, Any] = {"type": "string"}
        if kind is int:
            schema = {"type": "integer", "exclusiveMinimum": 0, "maximum": 2**63 - 1}
        found.append({"name": name, "in": "path", "required": True, "schema": schema})
    if operation.query_type is not None:
        schema = components[operation.query_type.__name__]
        required = schema.get("required", [])
        for name, property_schema in schema["properties"].items():
            parameter: dict[str, Any] = {"name": name, "in": "query", "required": name in required}
            parameter["schema"] = {key: value for key, value in property_schema.items() if key != "default"}
            if name in operation.query_example:
                parameter["example"] = operation.query_example[name]
            found.append(parameter)
    if operation.method in WRITES and not operation.secret:
        found.append(_header("Idempotency-Key", "Makes a retry safe: the stored answer is replayed for 24 hours.", 255))
    if operation.etag and operation.method == "GET":
        found.append(_header("If-None-Match", "Answers 304 when the object still has this ETag.", 1000))
    if operation.etag and operation.method in ("PUT", "PATCH", "DELETE"):
        found.append(_header("If-Match", "Answers 412 when the object no longer has this ETag.", 1000))
    return found


def _header(name: str, description: str, longest: int) -> dict[str, Any]:
    schema = {"type": "string", "maxLength": longest}
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


def _request(operation: Operation) -> dict[str, Any]:
    if operation.body_type is None:
        # bytes of other kinds alone
        kinds = {media_type: {"schema": {"type": "string"}} for media_type in operation.streams}
        return {"required": True, "content": kinds}
    schema: dict[str, Any] = {"schema": msgspec.json.schema_components([operation.body_type], ref_template=_REF)[0][0]}
    if operation.request_example is not None:
        schema["example"] = operation.request_example
    content: dict[str, Any] = {"application/json": schema}
    # Some client generators leave out an operation with a media type that they do not know, so the contract's own
    # path lists JSON alone, and the one without the slash everything.
    if not operation.path.endswith("/"):
        for media_type in operation.streams:
            content.setdefault(media_type, {"schema": {"type": "string"}})
    return {"required": True, "content": content}


def _answer(operation: Operation, status: int) -> dict[str, Any]:
    headers: dict[str, Any] = dict(_HEADERS)
    if operation.etag:
        headers["ETag"] = {"schema": {"type": "string"}, "description": "The object's version."}
    if status == 201:
        headers["Location"] = {"schema": {"type": "string"}, "description": "Where the new object is."}
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase, "headers": headers}
    content: dict[str, Any] = {}
    if _known(operation.answer_type):
        schema = msgspec.json.schema_components([operation.answer_type], ref_template=_REF)[0][0]
        content["application/json"] = {"schema": schema}
    elif operation.answer_type is not None and _is_response(operation.answer_type) and operation.example is not None:
        content["application/json"] = {"schema": {"type": "string"}}
    if content and operation.example is not None:
        content["application/json"]["example"] = operation.example
    for media_type in operation.answers:
        if media_type == "*/*":
            continue
        content[media_type] = {"schema": {"type": "string"}}
    if content:
        answer["content"] = content
    return answer


def _problems(operation: Operation, prefix: str) -> dict[str, Any]:
    by_status: dict[int, list[type[Problem]]] = {}
    for kind in sorted(raised_by(operation), key=lambda kind: (kind.status, kind.slug)):
        by_status.setdefault(kind.status, []).append(kind)
    return {
        str(status): {
            "description": "\n\n".join(f"`{kind.slug}`: {(kind.__doc__ or '').strip()}" for kind in kinds),
            "headers": _HEADERS,
            "content": {
                CONTENT_TYPE: {
                    "schema": {"$ref": _REF.format(name="ProblemBody")},
                    "example": {
                        "type": f"{prefix}/problems/{kinds[0].slug}",
                        "title": kinds[0].title,
                        "status": status,
                        "detail": (kinds[0].__doc__ or "").strip(),
                        "instance": f"{prefix}{operation.path}",
                        "requestId": "9f2c1c0e-6a7e-4a35-9a53-0f8b3f0f8c55",
                    },
                }
            },
        }
        for status, kinds in by_status.items()
    }


def _named(value: dict[str, Any]) -> dict[str, Any]:
    """Give generic types short names: a page of leads is `LeadPage`, not the path of its parameters."""
    names: dict[str, str] = {}
    for name in value["components"]["schemas"]:
        if name.startswith(f"{Page.__name__}_"):
            first = re.split(r"_+", name.removeprefix(f"{Page.__name__}_").strip("_"))[0].rsplit(".", 1)[-1]
            names[name] = f"{first.removeprefix('Inbound')}Page"
    text = msgspec.json.encode(value).decode()
    for name, short in sorted(names.items(), key=lambda pair: -len(pair[0])):
        text = text.replace(name, short)
    return msgspec.json.decode(text)


PLATFORM = About(
    "Callfloor Platform API",
    "3.0",
    """\
Activities, campaign statistics, recordings and voicemails, leads and lists with bulk import, erasure of a customer,
dialler calls, users and agent availability.

Every operation takes `Authorization: Bearer TOKEN`. Optional fields and parameters may be absent or null with the same
meaning. Timestamps without an offset are in the organisation's time zone. Lists are pages of
`{"metadata": {"nextUri"}, "items"}`; follow `nextUri` until it is null. Problems are `application/problem+json`
(RFC 9457). Writes take an `Idempotency-Key`; answers that were refused are not stored, so a mended request may use the
same key.""",
)
