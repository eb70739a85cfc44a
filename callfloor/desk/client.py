"""The workspace API from a desk: requests, and events that go on after a lost connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, TypeVar

import httpx2
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from callfloor.contract.fields import Page
from callfloor.contract.leads import Lead
from callfloor.contract.workspace import Command, Event, Session
from callfloor.contract.workspace_api import Choices
from callfloor.contract.workspace_emails import EmailContent, Emails
from callfloor.desk.mail import AnswerEmail, CloseEmail, EmailWork, ReturnEmail, TakeEmail

PREFIX = "/workspace/v1"
TIMEOUT_S = 20.0
# The server says something every 15 s.
SILENCE_S = 40.0
RETRY_S = (0.2, 5.0)
# Codes after which another try is of no use: the token is not taken, or not for this.
FINAL = range(4400, 4410)
SLOW = 4408

T = TypeVar("T")


class RefusedError(Exception):
    """What was asked cannot be done now; the message is one line that says why."""


class DeskError(RefusedError):
    """The desk cannot be worked at any more."""


class _Problem(msgspec.Struct):
    title: str
    detail: str = ""


class _Message(msgspec.Struct):
    type: str


class Client:
    """`url`: the server's. Use it as a context."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url.rstrip("/") + PREFIX, token
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx2.AsyncClient(base_url=self._url, headers=headers, timeout=TIMEOUT_S)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def session(self) -> Session:
        return await self._ask("GET", "/session", Session)

    async def update(self, state: str, reason: str | None = None) -> Session:
        return await self._ask("PUT", "/session", Session, {"state": state, "reason": reason})

    async def send(self, command: Command) -> Session:
        return await self._ask("POST", "/session/commands", Session, msgspec.to_builtins(command))

    async def lead(self) -> Lead:
        return await self._ask("GET", "/lead", Lead)

    async def callbacks(self, count: int) -> list[Lead]:
        return (await self._ask("GET", f"/callbacks?limit={count}", Page[Lead])).items

    async def choices(self) -> Choices:
        return await self._ask("GET", "/campaigns", Choices)

    async def emails(self) -> Emails:
        return await self._ask("GET", "/emails", Emails)

    async def email(self, activity: int) -> EmailContent:
        return await self._ask("GET", f"/emails/{activity}", EmailContent)

    async def work_on(self, work: EmailWork) -> None:
        """Do something with an e-mail; the session says what is at hand afterwards."""
        match work:
            case TakeEmail():
                await self._tell("/emails/take", {})
            case AnswerEmail(activity=activity, text=text):
                await self._tell(f"/emails/{activity}/answers", {"text": text})
            case ReturnEmail(activity=activity):
                await self._tell(f"/emails/{activity}/return", None)
            case CloseEmail(activity=activity, wrap_code=code):
                await self._tell(f"/emails/{activity}/close", {"wrapCode": code})

    async def _tell(self, path: str, body: Any) -> None:
        """As `_ask`, of what the answer says nothing."""
        await self._answer("POST", path, body)

    async def _ask(self, method: str, path: str, kind: type[T], body: Any = None) -> T:
        return _decoded((await self._answer(method, path, body)).content, kind)

    async def _answer(self, method: str, path: str, body: Any) -> httpx2.Response:
        """Raises `RefusedError` for what may be mended, `DeskError` for a token that is not taken."""
        try:
            answer = await self._http.request(method, path, json=body)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise RefusedError(f"the server cannot be reached: {self._url}") from error
        if answer.is_success:
            return answer
        said = _said(answer)
        raise DeskError(said) if answer.status_code in (401, 403) else RefusedError(said)

    async def events(self) -> AsyncGenerator[Event | None]:
        """What happens, for ever; a snapshot first. None: the connection is lost and is being made again. Raises
        `DeskError` when that is of no use."""
        last: int | None = None
        rest = RETRY_S[0]
        while True:
            try:
                async for event in self._connection(last):
                    rest = RETRY_S[0]
                    if event.type == "snapshot" or last is None or event.sequence > last:
                        last = event.sequence
                        yield event
            except ConnectionClosed as closed:
                if closed.rcvd is not None and closed.rcvd.code in FINAL and closed.rcvd.code != SLOW:
                    raise DeskError(closed.rcvd.reason) from closed
            except InvalidURI as error:
                raise DeskError("the server's address is not a URL") from error
            except (OSError, TimeoutError, InvalidHandshake):
                pass
            yield None
            await asyncio.sleep(rest)
            rest = min(RETRY_S[1], rest * 2)

    async def _connection(self, after: int | None) -> AsyncGenerator[Event]:
        address = f"ws{self._url.removeprefix('http')}/events" + ("" if after is None else f"?after={after}")
        headers = {"Authorization": f"Bearer {self._token}"}
        async with connect(address, additional_headers=headers, compression=None) as connection:
            while True:
                text = await self._heard(connection)
                if _decoded(text, _Message).type != "heartbeat":
                    yield _decoded(text, Event)

    @staticmethod
    async def _heard(connection: ClientConnection) -> str | bytes:
        async with asyncio.timeout(SILENCE_S):
            return await connection.recv()


def _decoded(text: str | bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise DeskError("the server speaks another version of the workspace API") from error


def _said(answer: httpx2.Response) -> str:
    """What a problem says, in one line."""
    try:
        problem = msgspec.json.decode(answer.content, type=_Problem)
    except msgspec.DecodeError:
        return f"the server answered {answer.status_code}; is this its address?"
    return " ".join((problem.detail or problem.title).split())
