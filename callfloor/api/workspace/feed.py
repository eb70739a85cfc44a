"""What PostgreSQL tells this process of desks and commands, handed to whoever waits for it. One connection, however
many wait. A notification says only that there is something to read; after a lost connection everybody looks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial

from callfloor.store.agents import desk_commands, desk_events

# an agent (organisation, agent), or a command (organisation, command)
Subject = tuple[str, int, int]


def desk(organisation: int, agent_id: int) -> Subject:
    """An agent's sequence."""
    return desk_events.CHANNEL, organisation, agent_id


def outcome(organisation: int, command_id: int) -> Subject:
    """What becomes of a command."""
    return desk_commands.OUTCOMES, organisation, command_id


class Feed:
    def __init__(self) -> None:
        self._waiting: dict[Subject, set[asyncio.Event]] = {}

    @property
    def channels(self) -> dict[str, Callable[[str], None]]:
        """What to listen to, and who hears it."""
        return {channel: partial(self._heard, channel) for channel in (desk_events.CHANNEL, desk_commands.OUTCOMES)}

    def _heard(self, channel: str, message: str) -> None:
        organisation, number = message.split()[:2]
        for each in self._waiting.get((channel, int(organisation), int(number)), ()):
            each.set()

    def look(self) -> None:
        """Notifications may have been lost."""
        for waiting in self._waiting.values():
            for each in waiting:
                each.set()

    @contextmanager
    def watch(self, subject: Subject) -> Generator[asyncio.Event]:
        """An event that is set whenever there may be something new. Read after this began, or you may miss it."""
        event = asyncio.Event()
        self._waiting.setdefault(subject, set()).add(event)
        try:
            yield event
        finally:
            waiting = self._waiting[subject]
            waiting.discard(event)
            if not waiting:
                del self._waiting[subject]


async def heard(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event, so long at most."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
