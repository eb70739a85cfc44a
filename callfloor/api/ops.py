"""What lies beside the operations: documents, reference page, health, readiness, metrics, pages of problems."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from importlib.resources import files
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, multiprocess
from prometheus_client import REGISTRY as OWN_REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callfloor.api import console, problems
from callfloor.api.call import Services
from callfloor.api.gate import PREFIXES, address_of
from callfloor.disks import DATABASE, Disks
from callfloor.errors import MethodNotAllowed, NotFound, Problem, every_problem
from callfloor.settings import is_among
from callfloor.store.db import installation
from callfloor.store.db.pool import Database

# The reference page runs its own script and styles, and nothing else; nobody may put it into a frame.
_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
        " font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")


Answer = Callable[[Request, Problem], Awaitable[Response]]


class _Rooms(Collector):
    """The disks of this machine, as they are when somebody asks. `rooms`: bytes left, by place."""

    def __init__(self, rooms: Mapping[str, int]) -> None:
        self._rooms = rooms

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily("callfloor_disk_room_bytes", "Room left on the disk of a place.", labels=["place"])
        for place, left in self._rooms.items():
            family.add_metric([place], left)
        yield family


def _watched(db: Database, disks: Disks, readers: Sequence[IPv4Network | IPv6Network], answer: Answer) -> list[Route]:
    """What an operator's tools ask of every server. `readers`: who may read the figures."""

    async def health(_request: Request) -> Response:
        """The process lives."""
        return _json({"status": "ok"})

    async def ready(_request: Request) -> Response:
        """The process can serve: its database answers, and there is room to write. Says what is short of room."""
        low = await asyncio.to_thread(disks.low)
        full = await asyncio.to_thread(disks.full)
        room = {"lowSpaceMegabytes": {name: left // 1_000_000 for name, left in low.items()}} if low else {}
        try:
            hold = await installation.held(db)
        except Problem:
            database = "no space left" if DATABASE in full else "unreachable"
            return _json({"status": "unavailable", "database": database, **room}, 503)
        held = {} if hold is None else {"held": hold.why}
        if full:
            return _json({"status": "no space left", "full": full, "database": "ok", **room, **held}, 503)
        return _json({"status": "ok", "database": "ok", **room, **held})

    async def metrics(request: Request) -> Response:
        """For those whom the settings name: figures of the centre are nobody else's business."""
        if not is_among(address_of(request.scope), readers):
            return await answer(request, NotFound("There is nothing at this address."))
        registry = OWN_REGISTRY
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        rooms = CollectorRegistry()
        rooms.register(_Rooms(await asyncio.to_thread(disks.rooms)))
        return Response(generate_latest(registry) + generate_latest(rooms), media_type=CONTENT_TYPE_LATEST)

    return [Route("/health", health), Route("/ready", ready), Route("/metrics", metrics)]


def watching(db: Database, disks: Disks, readers: Sequence[IPv4Network | IPv6Network]) -> ASGIApp:
    """The application of a server that has no API: health, readiness and metrics."""

    async def problem_of(request: Request, problem: Problem) -> Response:
        return _json({"status": problem.status, "detail": problem.detail}, problem.status)

    return _read_only(Router(_watched(db, disks, readers, problem_of), redirect_slashes=False), problem_of)


def outside(services: Services, described: Mapping[str, Mapping[str, Any]]) -> ASGIApp:
    """The application for everything that is not an operation. `described`: the OpenAPI document of each prefix."""
    documents = {prefix: msgspec.json.encode(each) for prefix, each in described.items()}
    first = next(iter(documents))
    # the first API has the page `/docs`, one such as /workspace/v1 the page `/docs/workspace`
    pages_of = {f"/docs/{prefix.split('/')[1]}": prefix for prefix in documents if prefix not in PREFIXES}

    async def problem_of(request: Request, problem: Problem) -> Response:
        request_id: str = request.scope["callfloor.request_id"]
        path = request.url.path
        prefix = next((each for each in documents if path.startswith(f"{each}/")), first)
        encoded = problems.encode(problem, prefix=prefix, path=path, request_id=request_id)
        return Response(encoded.body, encoded.status, encoded.headers)

    async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            response = await problem_of(Request(scope), NotFound("There is nothing at this address."))
            await response(scope, receive, send)

    pages = {kind.slug: problems.page(kind) for kind in every_problem()}
    assets = files("callfloor.api") / "reference"

    async def openapi(request: Request) -> Response:
        prefix = request.url.path.removesuffix("/openapi.json")
        return Response(documents[prefix], media_type="application/json")

    async def problem(request: Request) -> Response:
        page = pages.get(request.path_params["slug"])
        return await problem_of(request, NotFound("There is no such kind of problem.")) if page is None else _json(page)

    async def reference(request: Request) -> Response:
        prefix = pages_of.get(request.url.path, first)
        page = (assets / "index.html").read_text("utf-8").replace(f"{first}/", f"{prefix}/")
        page = page.replace("Callfloor Platform API", described[prefix]["info"]["title"])
        return Response(page, media_type="text/html", headers=_PAGE_HEADERS)

    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in ("redoc.standalone.js", "reference.js"):
            return await problem_of(request, NotFound("There is nothing at this address."))
        return Response(
            (assets / name).read_bytes(),
            media_type="text/javascript",
            headers={"Cache-Control": "public, max-age=86400"},
        )

    router = Router(
        [
            Route("/docs", reference),
            *(Route(path, reference) for path in pages_of),
            Route("/docs/{name}", asset),
            *_watched(services.db, services.disks, services.settings.metrics_networks, problem_of),
            *(Route(f"{prefix}/openapi.json", openapi) for prefix in documents),
            *(Route(f"{prefix}/problems/{{slug}}", problem) for prefix in documents),
            # last: the pages of /reports are not to hide the documents of /reports/v1
            *console.routes(services.settings.phone_url, services.settings.embedders),
        ],
        redirect_slashes=False,
        default=nothing,
    )
    return _read_only(router, problem_of)


def _read_only(router: Router, answer: Answer) -> ASGIApp:
    """Everything here is only read, and every answer has its request id."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await router(scope, receive, send)
            return
        request_id = str(uuid.uuid4())
        scope["callfloor.request_id"] = request_id

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode()),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        if scope["method"] not in ("GET", "HEAD"):
            refusal = MethodNotAllowed("This address takes GET, HEAD.", headers={"Allow": "GET, HEAD"})
            response = await answer(Request(scope), refusal)
            await response(scope, receive, named)
            return
        await router(scope, receive, named)

    return serve
