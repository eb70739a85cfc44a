"""What lies beside the operations: documents, reference page, health, readiness, metrics, pages of problems."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, multiprocess
from prometheus_client import REGISTRY as OWN_REGISTRY
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callfloor.api import problems
from callfloor.api.call import Services
from callfloor.api.openapi import document
from callfloor.api.operation import Operation
from callfloor.errors import MethodNotAllowed, NotFound, Problem, every_problem

PREFIXES = ("/platform-api/v3.0", "/v3.0")


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")


def outside(services: Services, operations: Sequence[Operation]) -> ASGIApp:
    """The application for everything that is not an operation."""
    documents = {prefix: msgspec.json.encode(document(operations, prefix)) for prefix in PREFIXES}
    pages = {kind.slug: problems.page(kind) for kind in every_problem()}
    assets = files("callfloor.api") / "reference"

    async def openapi(request: Request) -> Response:
        prefix = request.url.path.removesuffix("/openapi.json")
        return Response(documents[prefix], media_type="application/json")

    async def problem(request: Request) -> Response:
        page = pages.get(request.path_params["slug"])
        return await _problem(request, NotFound("There is no such kind of problem.")) if page is None else _json(page)

    async def reference(_request: Request) -> Response:
        return Response((assets / "index.html").read_bytes(), media_type="text/html")

    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name != "redoc.standalone.js":
            return await _problem(request, NotFound("There is nothing at this address."))
        return Response(
            (assets / name).read_bytes(),
            media_type="text/javascript",
            headers={"Cache-Control": "public, max-age=86400"},
        )

    async def health(_request: Request) -> Response:
        """The process lives."""
        return _json({"status": "ok"})

    async def ready(_request: Request) -> Response:
        """The process can serve: its database answers."""
        try:
            await services.db.fetchval("SELECT 1")
        except Problem:
            return _json({"status": "unavailable", "database": "unreachable"}, 503)
        return _json({"status": "ok", "database": "ok"})

    async def metrics(_request: Request) -> Response:
        registry = OWN_REGISTRY
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    async def home(_request: Request) -> Response:
        return RedirectResponse("/docs")

    router = Router(
        [
            Route("/", home),
            Route("/docs", reference),
            Route("/docs/{name}", asset),
            Route("/health", health),
            Route("/ready", ready),
            Route("/metrics", metrics),
            *(Route(f"{prefix}/openapi.json", openapi) for prefix in PREFIXES),
            *(Route(f"{prefix}/problems/{{slug}}", problem) for prefix in PREFIXES),
        ],
        redirect_slashes=False,
        default=_nothing,
    )
    return _read_only(router)


async def _problem(request: Request, problem: Problem) -> Response:
    request_id: str = request.scope["callfloor.request_id"]
    encoded = problems.encode(problem, prefix=PREFIXES[0], path=request.url.path, request_id=request_id)
    return Response(encoded.body, encoded.status, encoded.headers)


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        response = await _problem(Request(scope), NotFound("There is nothing at this address."))
        await response(scope, receive, send)


def _read_only(router: Router) -> ASGIApp:
    """Everything here is only read, and every answer has its request id."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await router(scope, receive, send)
            return
        request_id = str(uuid.uuid4())
        scope["callfloor.request_id"] = request_id

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        if scope["method"] not in ("GET", "HEAD"):
            refusal = MethodNotAllowed("This address takes GET, HEAD.", headers={"Allow": "GET, HEAD"})
            response = await _problem(Request(scope), refusal)
            await response(scope, receive, named)
            return
        await router(scope, receive, named)

    return serve
