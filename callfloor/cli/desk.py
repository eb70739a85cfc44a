"""`callfloor desk`: keys in, events in, one picture out."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import sys
import termios
import tty
from collections.abc import Awaitable, Callable, Coroutine, Generator
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.live import Live

from callfloor.cli.failures import FAILURE, CommandError, harmless
from callfloor.contract.workspace import Command, Event
from callfloor.desk.client import Client, RefusedError
from callfloor.desk.keys import Quit, press
from callfloor.desk.mail import AnswerEmail, EmailWork
from callfloor.desk.questions import Question
from callfloor.desk.view import CALLBACKS, Desk, shown
from callfloor.settings import Settings

TICK_S = 1.0
ENTER, ERASE, ESCAPE, INTERRUPT = ("\r", "\n"), ("\x7f", "\b"), "\x1b", "\x03"


def run(settings: Settings) -> None:
    """Work at the desk until q or Ctrl-C. Raises `CommandError`."""
    if not settings.token:
        raise CommandError("a token is needed: --token, or CALLFLOOR_TOKEN (callfloor token create --user NAME)")
    if not sys.stdin.isatty():
        raise CommandError("a desk needs a terminal")
    try:
        asyncio.run(_sit(settings.url, settings.token))
    except RefusedError as error:
        raise CommandError(harmless(str(error)), FAILURE) from error


async def _sit(url: str, token: str) -> None:
    async with Client(url, token) as client:
        first = await client.session()
        seat = Seat(client, Desk(first, datetime.now(UTC)))
        with Live(console=Console(), auto_refresh=False, transient=True) as live, _keys(seat.typed):
            await seat.work(lambda: live.update(shown(seat.desk, datetime.now(UTC)), refresh=True))


@contextlib.contextmanager
def _keys(typed: Callable[[str], None]) -> Generator[None]:
    """Hand every key over as it is pressed, unseen."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    loop = asyncio.get_running_loop()

    def read() -> None:
        raw = os.read(terminal, 1024)
        if not raw:
            # the terminal is gone
            loop.remove_reader(terminal)
            typed(INTERRUPT)
            return
        text = decoder.decode(raw)
        for key in [ESCAPE] if text.startswith(ESCAPE) else text:
            typed(key)

    tty.setcbreak(terminal)
    loop.add_reader(terminal, read)
    try:
        yield
    finally:
        loop.remove_reader(terminal)
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


class Seat:
    """Somebody at a desk. `draw` is called whenever it changed."""

    def __init__(self, client: Client, desk: Desk) -> None:
        self.desk, self._client = desk, client
        self._changed = asyncio.Event()
        self._left = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._lead_id: int | None = None
        self._email_id: int | None = None

    async def work(self, draw: Callable[[], None]) -> None:
        """Until q is pressed. Raises `DeskError` when the desk cannot be worked at any more."""
        watching = asyncio.create_task(self._watch())
        self._begin(self._read_choices())
        self._begin(self._read_callbacks())
        self._begin(self._read_waiting())
        try:
            while not self._left.is_set():
                draw()
                self._changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TICK_S):
                        await self._changed.wait()
                if watching.done():
                    watching.result()
        finally:
            tasks = {watching, *self._tasks}
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # What is heard

    async def _watch(self) -> None:
        async for event in self._client.events():
            self.desk.connected = event is not None
            if event is not None:
                self._heard(event)
            self._changed.set()

    def _heard(self, event: Event) -> None:
        desk, was = self.desk, self.desk.session.state
        desk.session, desk.heard = event.session, datetime.now(UTC)
        at_hand = event.session.call or event.session.preview
        lead_id = None if at_hand is None else at_hand.lead_id
        if lead_id != self._lead_id:
            self._lead_id, desk.lead = lead_id, None
            if lead_id is not None:
                self._begin(self._read_lead())
        email_id = None if event.session.email is None else event.session.email.activity_id
        if email_id != self._email_id:
            self._email_id, desk.email = email_id, None
            self._begin(self._read_waiting())
            if email_id is not None:
                self._begin(self._read_email(email_id))
        if was == "on-wrap" and event.session.state != was:
            self._begin(self._read_callbacks())
        if event.session.state == "on-call" != was:
            self._begin(self._read_choices())

    async def _read_lead(self) -> None:
        with contextlib.suppress(RefusedError):
            lead = await self._client.lead()
            if lead.lead_id == self._lead_id:
                self.desk.lead = lead
                self._changed.set()

    async def _read_email(self, activity: int) -> None:
        with contextlib.suppress(RefusedError):
            email = await self._client.email(activity)
            if activity == self._email_id:
                self.desk.email = email
                self._changed.set()

    async def _read_waiting(self) -> None:
        with contextlib.suppress(RefusedError):
            self.desk.waiting = (await self._client.emails()).waiting
            self._changed.set()

    async def _read_callbacks(self) -> None:
        with contextlib.suppress(RefusedError):
            self.desk.callbacks = await self._client.callbacks(CALLBACKS)
            self._changed.set()

    async def _read_choices(self) -> None:
        with contextlib.suppress(RefusedError):
            self.desk.choices = await self._client.choices()
            self._changed.set()

    # What is typed

    def typed(self, key: str) -> None:
        desk = self.desk
        desk.said = ""
        if key == INTERRUPT:
            self._left.set()
        elif desk.question is not None:
            self._type(desk.question, key)
        else:
            pressed = press(key, desk.session, desk.choices)
            self._act(pressed)
        self._changed.set()

    def _type(self, question: Question, key: str) -> None:
        desk = self.desk
        if key == ESCAPE:
            desk.question = None
        elif key in ENTER:
            desk.question = None
            self._act(question.answer(desk.typed.strip()))
        elif key in ERASE:
            desk.typed = desk.typed[:-1]
        elif key.isprintable():
            desk.typed += key

    def _act(self, what: Command | EmailWork | Question | Quit | str) -> None:
        if isinstance(what, str):
            self.desk.said = what
        elif isinstance(what, Question):
            self.desk.question, self.desk.typed = what, ""
        elif isinstance(what, Quit):
            self._begin(self._leave())
        elif isinstance(what, EmailWork):
            self._begin(self._work_on(what))
        else:
            self._begin(self._send(what))

    async def _send(self, command: Command) -> None:
        async def send() -> None:
            warning = (await self._client.send(command)).warning
            if warning is not None:
                self.desk.said = warning

        await self._do(send)

    async def _work_on(self, work: EmailWork) -> None:
        if await self._do(lambda: self._client.work_on(work)):
            self.desk.said = "answered: close it (z) when you are done" if isinstance(work, AnswerEmail) else ""
        await self._read_waiting()

    async def _do(self, ask: Callable[[], Awaitable[object]]) -> bool:
        """Ask; what it changes comes as an event. False: it was refused."""
        try:
            await ask()
        except RefusedError as error:
            self.desk.said = str(error)
            return False
        finally:
            self._changed.set()
        return True

    async def _leave(self) -> None:
        if await self._do(lambda: self._client.update("signed-out")):
            self._left.set()
