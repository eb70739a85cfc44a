"""The way in: request id, routing, token, rate limit, problems, and one log line a request. Pure ASGI."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any
from urllib.parse import unquote

import structlog
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callfloor.api import problems
from callfloor.api.admission import Admission
from callfloor.api.answers import PIECE, Answers
from callfloor.api.call import Call, Services
from callfloor.api.decoding import parse_query
from callfloor.api.operation import WRITES, Encoded, Operation
from callfloor.api.rate import Verdict
from callfloor.errors import (
    InternalError,
    MethodNotAllowed,
    NotFound,
    Problem,
    RateLimited,
    SignInFailed,
    Unavailable,
)
from callfloor.metrics import observe
from callfloor.store.db.pool import act_for, acting_for
from callfloor.store.people.callers import Caller

PREFIXES = ("/platform-api/v3.0", "/v3.0")
# Only ids that cannot be a phone number or a name are taken over into logs and answers.
_REQUEST_ID = re.compile(rb"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
LONGEST_PATH = 2048
# what stands for a slash inside a name while a path is taken apart; no name has it
_SLASH = "\x00"

log = structlog.get_logger("callfloor.api")


class Router:
    """Paths to operations, without regular expressions for paths without names."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._fixed: dict[str, dict[str, Operation]] = {}
        named: dict[str, dict[str, Operation]] = {}
        for operation in operations:
            table = named if "{" in operation.path else self._fixed
            table.setdefault(operation.path, {})[operation.method] = operation
        self._named = [(compile_path(path)[0], methods) for path, methods in named.items()]

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        """The operation and its path values. Raises `NotFound`, `MethodNotAllowed`."""
        methods = self._fixed.get(path)
        values: dict[str, str] = {}
        if methods is None:
            for pattern, candidates in self._named:
                if match := pattern.match(path):
                    methods, values = candidates, match.groupdict()
                    break
            else:
                raise NotFound("There is nothing at this address.")
        operation = methods.get("GET" if method == "HEAD" else method)
        if operation is None:
            allowed = ", ".join(sorted(methods) + (["HEAD"] if "GET" in methods else []))
            raise MethodNotAllowed(f"This address takes {allowed}.", headers={"Allow": allowed})
        return operation, values


class Gate:
    """The operations of an API as an ASGI application; what lies outside its prefixes goes to `outside`. `heard` is
    told who was let in."""

    def __init__(
        self,
        operations: Iterable[Operation],
        services: Services,
        admission: Admission,
        outside: ASGIApp,
        prefixes: Sequence[str] = PREFIXES,
        heard: Callable[[Caller], Awaitable[None]] | None = None,
    ) -> None:
        self._router = Router(operations)
        self._services = services
        self._admission = admission
        self._outside = outside
        self._prefixes, self._heard = prefixes, heard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._outside(scope, receive, send)
            return
        path: str = scope["path"]
        prefix = next((p for p in self._prefixes if path.startswith(p + "/")), None)
        if prefix is None or path.startswith((prefix + "/problems/", prefix + "/openapi.json")):
            await self._outside(scope, receive, send)
            return
        await _Exchange(self, scope, receive, send, prefix).serve()

    @property
    def answers(self) -> Answers:
        return self._services.answers

    async def answer(self, exchange: _Exchange) -> Encoded | Response:
        """Find the operation, admit the caller, run it. Raises problems."""
        scope, headers = exchange.scope, exchange.headers
        path = scope["path"][len(exchange.prefix) :]
        if len(path) > LONGEST_PATH:
            raise NotFound("There is nothing at this address.")
        operation, values = self._found(scope, path)
        exchange.operation = operation.operation_id
        admitted = await self._admit(operation, exchange)
        if admitted is not None:
            act_for(admitted.organisation.organisation_id)
        call = Call(
            admitted=admitted,
            services=self._services,
            prefix=exchange.prefix,
            path=path,
            headers=headers,
            query=parse_query(scope["query_string"]),
            receive=exchange.receive,
            address=address_of(scope),
            request_id=exchange.request_id,
            secure=scope.get("scheme") == "https",
        )
        return await operation.run(call, values)

    def _found(self, scope: Scope, path: str) -> tuple[Operation, dict[str, str]]:
        """The operation and its path values. A slash in a name comes as %2F, and separates nothing."""
        raw: bytes = scope.get("raw_path") or b""
        if b"%2f" not in raw.lower() or _SLASH in path:
            return self._router.find(scope["method"], path)
        kept = unquote(re.sub(rb"%2f", _SLASH.encode(), raw.partition(b"?")[0], flags=re.IGNORECASE))
        prefix = next((each for each in self._prefixes if kept.startswith(each + "/")), "")
        operation, values = self._router.find(scope["method"], kept[len(prefix) :])
        return operation, {name: value.replace(_SLASH, "/") for name, value in values.items()}

    async def _admit(self, operation: Operation, exchange: _Exchange) -> Caller | None:
        """Who calls; None for an operation that anyone may ask for. Raises problems."""
        headers, address = exchange.headers, address_of(exchange.scope)
        changes = operation.method in WRITES
        if operation.access == "anyone":
            self._admission.hear(address)
            if changes:
                self._admission.expect_own(headers, changes=False)
            return None
        shown = self._admission.shown(exchange.scope, headers)
        exchange.caller = caller = await self._admission.caller(
            shown, address, on_its_way=operation.access == "signing-in"
        )
        if shown.by_cookie and changes:
            self._admission.expect_own(headers, changes=True)
        exchange.verdict = verdict = self._admission.count(caller)
        if not verdict.allowed:
            raise RateLimited(
                f"The token's {verdict.limit} requests at once are used up; wait {verdict.retry_after_s} s.",
                headers={"Retry-After": str(verdict.retry_after_s)},
            )
        if self._heard is not None:
            await self._heard(caller)
        return caller

    def failed(self, address: str) -> None:
        """A sign-in from the address failed."""
        self._admission.limits.failed(address)

    def rate_headers(self, caller: Caller | None, verdict: Verdict | None) -> list[tuple[bytes, bytes]]:
        policy = self._admission.limits.policy(caller.requests_per_second if caller else None)
        headers = [(b"ratelimit-policy", policy)]
        if verdict is not None:
            headers.append((b"ratelimit", b'"token";r=%d;t=%d' % (verdict.remaining, verdict.reset_s)))
        return headers


def address_of(scope: Scope) -> str:
    """Where a connection comes from; empty when it is not over a network."""
    client: tuple[str, int] | None = scope.get("client")
    return client[0] if client else ""


class _Exchange:
    """One request and its answer on the wire."""

    def __init__(self, gate: Gate, scope: Scope, receive: Receive, send: Send, prefix: str) -> None:
        self.gate, self.scope, self.receive, self._send, self.prefix = gate, scope, receive, send, prefix
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        given = self.headers.get(b"x-request-id", b"")
        self.request_id = given.decode() if _REQUEST_ID.fullmatch(given) else str(uuid.uuid4())
        self.operation = "none"
        self.caller: Caller | None = None
        self.verdict: Verdict | None = None
        self._status = 0

    async def serve(self) -> None:
        """Answer; for nobody until the caller is known, and for its organisation to the answer's last byte."""
        with acting_for(None):
            await self._serve()

    async def _serve(self) -> None:
        started = time.perf_counter()
        try:
            try:
                answer = await self.gate.answer(self)
            except Problem as problem:
                if isinstance(problem, SignInFailed):
                    self.gate.failed(address_of(self.scope))
                answer = self._problem(problem)
            if isinstance(answer, Response):
                await answer(self.scope, self.receive, self.send)
                return
            try:
                await self._deliver(answer)
            except Unavailable as problem:
                await self._deliver(self._problem(problem))
        except Exception as error:  # noqa: BLE001 - the last resort: the client gets a 500 that says nothing
            # the text of an exception may quote the request; its kind and place do not
            log.error("fault", request_id=self.request_id, operation=self.operation, error=telling(error))
            if self._status == 0:
                await self._deliver(self._problem(InternalError("The server met a fault; nothing was written.")))
        finally:
            seconds = time.perf_counter() - started
            observe(self.operation, self._status, seconds)
            log.info(
                "request",
                request_id=self.request_id,
                method=self.scope["method"],
                operation=self.operation,
                status=self._status,
                organisation=self.caller.organisation.organisation_id if self.caller else None,
                token=self.caller.token_id if self.caller else None,
                ms=round(seconds * 1000, 1),
            )

    def _problem(self, problem: Problem) -> Encoded:
        return problems.encode(problem, prefix=self.prefix, path=self.scope["path"], request_id=self.request_id)

    async def _deliver(self, answer: Encoded) -> None:
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
        if answer.status not in (204, 304):
            headers.append((b"content-length", b"%d" % len(answer.body)))
        organisation = self.caller.organisation.organisation_id if self.caller else 0
        with self.gate.answers.sending(organisation, len(answer.body)):
            await self.send({"type": "http.response.start", "status": answer.status, "headers": headers})
            for at in range(0, len(answer.body) or 1, PIECE):
                piece, more = answer.body[at : at + PIECE], at + PIECE < len(answer.body)
                await self.send({"type": "http.response.body", "body": piece, "more_body": more})

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            extra: list[tuple[bytes, bytes]] = [(b"x-request-id", self.request_id.encode())]
            message["headers"] = [
                *message["headers"],
                *extra,
                *self.gate.rate_headers(self.caller, self.verdict),
            ]
        elif self.scope["method"] == "HEAD":
            message = {
                "type": "http.response.body",
                "body": b"",
                "more_body": message.get("more_body", False),
            }
        await self._send(message)


def telling(error: BaseException) -> dict[str, Any]:
    """What may be logged of an exception: its kind and where it arose, never its text."""
    trace = error.__traceback__
    places: list[str] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 2)[-1]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return {"kind": type(error).__name__, "trace": places[-8:]}
