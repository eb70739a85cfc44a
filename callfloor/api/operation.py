"""One table of operations: it decodes requests, encodes answers, and is what the OpenAPI document is made of."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
from starlette.responses import Response

from callfloor.api.audits import Audits
from callfloor.api.call import ENCODE, Answer, Call, etag_of, matches
from callfloor.api.decoding import LARGEST_BODY, Body, Query, content_type, read_json
from callfloor.api.threads import beside
from callfloor.contract.codes import Access
from callfloor.contract.fields import Page
from callfloor.errors import (
    FieldError,
    IdempotencyReused,
    IdempotencyRunning,
    Invalid,
    MalformedRequest,
    NotAcceptable,
    NotFound,
    NotSignedIn,
    Problem,
    QuotaExceeded,
    ScopeMissing,
    UnsupportedMediaType,
)
from callfloor.rules.values.faults import listed
from callfloor.store.db import idempotency

Handler = Callable[..., Awaitable[Any]]
# Raises the problem of who may not see an answer any more; from the handler's arguments, and the JSON of the answer.
Replayable = Callable[[Call, dict[str, Any], Any], Awaitable[None]]
# Finds the other faults of a body that is not of the operation's type; from its JSON.
Further = Callable[[Call, object], Awaitable[list[FieldError]]]
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_NUMBER = re.compile(r"[0-9]{1,25}")


@dataclass(frozen=True, slots=True)
class Encoded:
    """An answer ready to be sent."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """An operation of the API. `operation` makes them."""

    method: str
    path: str
    access: Access
    summary: str
    tag: str
    handler: Handler
    status: int
    # others that a success may have, with the same answer
    also: tuple[int, ...]
    etag: bool
    ours: bool
    # the answer holds what is shown once: it is never kept for an Idempotency-Key
    secret: bool
    # what it writes is kept: it is refused where the organisation is over its quota
    keeps: bool
    # the handler may run again with the same Idempotency-Key, and outside of a transaction
    apart: bool
    # bytes that the body may have
    largest: int
    # asked before a stored answer is given again
    replayable: Replayable | None
    # what it records in the audit
    audits: Audits | None
    # asked of a body that is not of its type, so that all its faults are said at once
    further: Further | None
    problems: tuple[type[Problem], ...]
    example: Any
    request_example: Any
    query_example: dict[str, Any]
    path_types: dict[str, type]
    # the handler's argument for each name in the path
    path_names: dict[str, str]
    query_type: type[msgspec.Struct] | None
    # a struct, or a union of tagged ones
    body_type: Any
    answer_type: Any
    # media types that the body may have when the handler reads it itself, as a stream
    streams: tuple[str, ...]
    # other media types that the answer may have
    answers: tuple[str, ...]
    query: Query[Any] | None = field(repr=False)
    body: Body[Any] | None = field(repr=False)

    @property
    def operation_id(self) -> str:
        return self.handler.__name__

    @property
    def description(self) -> str:
        return inspect.getdoc(self.handler) or self.summary

    async def run(self, call: Call, path_values: dict[str, str]) -> Encoded | Response:
        """Check, decode, call, encode. Raises problems."""
        self._admit(call)
        self._accept(call.headers.get(b"accept"))
        arguments: dict[str, Any] = {
            self.path_names[name]: self._path_value(name, text) for name, text in path_values.items()
        }
        if self.query is not None:
            arguments["query"] = self.query.decode(call.query)
        elif call.query:
            raise _no_parameters(call.query)
        raw = b""
        if self.body is not None:
            if content_type(call.headers) != "application/json":
                raise UnsupportedMediaType("The body must have Content-Type: application/json.")
            raw = await read_json(call.receive, call.headers, self.largest)
            call.body_bytes = len(raw)
            try:
                arguments["body"] = await beside(len(raw), self.body.decode, raw)
            except Invalid as invalid:
                raise await self._with_further(call, raw, invalid) from invalid
        if self.method in WRITES and not self.streams and not self.secret and (key := idempotency_key(call)):
            request = await beside(len(raw), _ordered, raw)
            if self.apart:
                return await self._apart(call, key, request, arguments)
            return await self.once(call, key, request, lambda: self._work(call, arguments), arguments)
        if typing.get_origin(self.answer_type) is Page:
            async with call.services.answers.building(call.organisation):
                return self.encode(call, await self._work(call, arguments))
        return self.encode(call, await self._work(call, arguments))

    async def _work(self, call: Call, arguments: dict[str, Any]) -> Any:
        """What the handler answers, recorded in the audit as the operation declares."""
        if self.keeps:
            await call.services.room.expect(call.organisation)
        if self.audits is None or self.audits.how == "not":
            return await self.handler(call, **arguments)
        call.audit.begin(self.audits, [arguments[name] for name in self.path_names.values()])
        if self.audits.how == "changes":
            async with call.db.transaction():
                value = await self.handler(call, **arguments)
                await call.audit.finish(call.services.reads)
            return value
        value = await self.handler(call, **arguments)
        await call.audit.finish(call.services.reads)
        return value

    async def _with_further(self, call: Call, raw: bytes, invalid: Invalid) -> Invalid:
        if self.further is None:
            return invalid
        said = {fault.pointer for fault in invalid.errors}
        more = await self.further(call, await beside(len(raw), msgspec.json.decode, raw))
        return listed([*invalid.errors, *(fault for fault in more if fault.pointer not in said)])

    def _admit(self, call: Call) -> None:
        if self.access == "anyone":
            return
        if self.access == "signing-in":
            if call.caller.session is None:
                raise NotSignedIn("This is for sessions: sign in with a name and a password.")
        elif self.access == "signed-in":
            if call.caller.person is None:
                raise NotSignedIn("The token is a program's; this is for people: sign in.")
        elif not call.caller.may(self.access):
            raise ScopeMissing(f"The token lacks the scope {self.access}.")

    async def _apart(self, call: Call, key: bytes, request: bytes, arguments: dict[str, Any]) -> Encoded:
        """Replay the answer that the key has, else run the handler, which knows its own work by the key, and store."""
        known = await self._known(call, self._hashes(call, key, request), arguments)
        if known is not None:
            return known
        value = await self._work(call, arguments)

        async def done() -> Any:
            return value

        return await self.once(call, key, request, done, arguments)

    def _hashes(self, call: Call, key: bytes, request: bytes) -> tuple[bytes, bytes]:
        """Of the key, and of the request; who asks, and of which API, is part of both."""
        secret = call.caller.organisation.hash_key
        query = msgspec.json.encode(sorted(call.query.items()))
        who = str(call.actor).encode(), call.api.encode()
        request_hash = idempotency.keyed_hash(secret, *who, self.method.encode(), call.path.encode(), query, request)
        return idempotency.keyed_hash(secret, b"key", *who, key), request_hash

    async def _known(self, call: Call, hashes: tuple[bytes, bytes], arguments: dict[str, Any]) -> Encoded | None:
        key_hash, request_hash = hashes
        stored = await idempotency.find(call.db, call.organisation, key_hash)
        if stored is None:
            return None
        if stored.request_hash != request_hash:
            raise IdempotencyReused("This Idempotency-Key was used before with another request.")
        if self.replayable is not None:
            await self.replayable(call, arguments, msgspec.json.decode(stored.body) if stored.body else None)
        return Encoded(stored.status, stored.headers | {"Idempotent-Replayed": "true"}, stored.body)

    async def once(
        self,
        call: Call,
        key: bytes,
        request: bytes,
        work: Callable[[], Awaitable[Any]],
        arguments: dict[str, Any] | None = None,
    ) -> Encoded:
        """Run `work` and store its answer in one transaction, or replay the answer that the key has already."""
        key_hash, request_hash = self._hashes(call, key, request)
        async with call.db.transaction():
            if not await idempotency.lock(call.db, call.organisation, key_hash):
                raise IdempotencyRunning(
                    "The first request with this Idempotency-Key is still running.", headers={"Retry-After": "1"}
                )
            known = await self._known(call, (key_hash, request_hash), arguments or {})
            if known is not None:
                return known
            value = await work()
            encoded = self.encode(call, value)
            lead_id = _lead_shown(value)
            answer = idempotency.Stored(request_hash, encoded.status, encoded.headers, encoded.body)
            await idempotency.store(call.db, call.organisation, key_hash, answer, lead_id)
        return encoded

    def encode(self, call: Call, value: Any) -> Any:
        """Bytes and headers of what the handler returned; what is encoded already, or streamed, passes as it is."""
        if isinstance(value, Response | Encoded):
            return value
        headers: dict[str, str] = {}
        status, version = self.status, None
        if isinstance(value, Answer):
            answer = cast("Answer[Any]", value)
            headers, status, value = answer.headers, answer.status or status, answer.value
            version = answer.version
        if value is None:
            return Encoded(status, headers, b"")
        body = ENCODE(value)
        headers["Content-Type"] = "application/json"
        if self.etag:
            etag = etag_of(body if version is None else ENCODE(version))
            headers["ETag"] = etag.decode()
            unchanged = call.headers.get(b"if-none-match")
            if unchanged is not None and self.method == "GET" and matches(unchanged, etag, weak=True):
                return Encoded(304, {"ETag": headers["ETag"]}, b"")
        return Encoded(status, headers, body)

    def _path_value(self, name: str, text: str) -> Any:
        kind = self.path_types[name]
        if kind is str:
            return text
        if not _NUMBER.fullmatch(text):
            fault = FieldError(code="type", message="must be a positive integer", parameter=name)
            raise Invalid(f"{name} must be a positive integer.", errors=[fault])
        value = int(text)
        if not 0 < value < 2**63:
            raise NotFound(f"There is no object with this {name}.")
        return value

    def _accept(self, accept: bytes | None) -> None:
        if accept is None or b"*/*" in accept or b"json" in accept or b"application/*" in accept:
            return
        if "*/*" in self.answers:
            # whatever the media store holds: the handler decides
            return
        text = accept.decode("latin-1").lower()
        if not any(kind in text or kind.split("/")[0] + "/*" in text for kind in self.answers):
            raise NotAcceptable(f"This operation answers with {', '.join(('application/json', *self.answers))}.")


def idempotency_key(call: Call) -> bytes:
    """The request's Idempotency-Key; b"" when there is none. Raises `MalformedRequest` when it is too long."""
    key = call.headers.get(b"idempotency-key", b"").strip()
    if len(key) > 255:
        raise MalformedRequest("An Idempotency-Key has at most 255 characters.")
    return key


def _ordered(raw: bytes) -> bytes:
    """The JSON of a request with its keys in order: in another one it is the same request."""
    return msgspec.json.encode(msgspec.json.decode(raw), order="sorted") if raw else raw


def _lead_shown(value: Any) -> int | None:
    return value.lead_id if isinstance(value, Answer) else None


def _no_parameters(query: dict[str, str]) -> Invalid:
    faults = [FieldError("unknown-parameter", "this operation takes no parameters", parameter=n[:100]) for n in query]
    return Invalid("This operation takes no query parameters.", errors=faults)


def operation(
    method: str,
    path: str,
    *,
    scope: Access,
    secret: bool = False,
    summary: str,
    tag: str,
    example: Any = None,
    request: Any = None,
    query: dict[str, Any] | None = None,
    status: int = 200,
    also: Sequence[int] = (),
    etag: bool = False,
    ours: bool = False,
    keeps: bool = False,
    apart: bool = False,
    largest: int = LARGEST_BODY,
    replayable: Replayable | None = None,
    audits: Audits | None = None,
    further: Further | None = None,
    problems: Sequence[type[Problem]] = (),
    body: type[msgspec.Struct] | None = None,
    streams: Sequence[str] = (),
    answers: Sequence[str] = (),
) -> Callable[[Handler], Operation]:
    """Make an operation of a handler `async (call, …)`.

    Arguments named in `path` are its path values (int or str), `query` and `body` are decoded into the annotated
    type; the return annotation is the answer's type. `problems` are those that the handler itself may raise.
    `example`, `request` and `query` stand in the document and are checked against the types by a test. `streams`:
    the handler reads the body itself; `body` then only documents it. `ours`: an addition to the contract's list.
    `also`: other statuses of success. `scope`: what is asked of the caller. `secret`: the answer is shown once, and not
    kept for an Idempotency-Key.
    `replayable`: raises for whoever may not see a stored answer any more, as the handler would today.
    `audits`: what it records in the audit (`api.audits`).
    `further`: finds the other faults of a body that is not of its type.
    `keeps`: what it writes takes room for good, and is refused (507) where the organisation has none left.
    `apart`: no transaction is open while the handler runs; it does its work once for an Idempotency-Key by itself.
    """

    def make(handler: Handler) -> Operation:
        hints = typing.get_type_hints(handler, include_extras=True)
        query_type = hints.get("query")
        body_type = hints.get("body", body)
        names = re.findall(r"{(\w+)}", path)
        return Operation(
            method=method,
            path=path,
            access=scope,
            secret=secret,
            summary=summary,
            tag=tag,
            handler=handler,
            status=status,
            also=tuple(also),
            etag=etag,
            ours=ours,
            keeps=keeps,
            apart=apart,
            largest=largest,
            replayable=replayable,
            audits=audits,
            further=further,
            problems=(*problems, QuotaExceeded) if keeps else tuple(problems),
            example=example,
            request_example=request,
            query_example=query or {},
            path_types={name: hints[_snake(name)] for name in names},
            path_names={name: _snake(name) for name in names},
            query_type=query_type,
            body_type=body_type,
            answer_type=_answer_type(hints.get("return")),
            streams=tuple(streams),
            answers=tuple(answers),
            query=Query(query_type) if query_type is not None else None,
            body=Body(body_type) if body_type is not None and not streams else None,
        )

    return make


def _answer_type(kind: Any) -> Any:
    """The value's type of an annotation that may be wrapped in `Answer`."""
    return typing.get_args(kind)[0] if typing.get_origin(kind) is Answer else kind


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", r"_\1", name).lower()
