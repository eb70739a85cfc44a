"""The ARI client against a real Asterisk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest
import structlog

from callfloor.telephony.asterisk.ari import (
    Ari,
    AriConflict,
    AriError,
    AriEvent,
    AriFailed,
    AriNode,
    AriNotThere,
    AriRefused,
    AriUnreachable,
)
from testbed import scenarios
from testbed.bed import Bed
from tests.waiting import until

pytestmark = pytest.mark.asterisk
APP = "ari-test"
_ids = count(1)


def node_of(bed: Bed) -> AriNode:
    return AriNode(bed.asterisk.url, bed.asterisk.user, bed.asterisk.password)


class Heard:
    """Every event since the connection, and how often there was one."""

    def __init__(self) -> None:
        self.events: list[AriEvent] = []
        self.connections = 0
        self.losses = 0
        self._news = asyncio.Event()

    def event(self, event: AriEvent) -> None:
        self.events.append(event)
        self._news.set()

    async def connected(self) -> None:
        self.connections += 1
        self._news.set()

    def lost(self) -> None:
        self.losses += 1
        self._news.set()

    async def until(self, what: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not what():
                self._news.clear()
                await self._news.wait()

    def types(self, channel: str) -> list[str]:
        """What happened to a channel."""
        of = [each for each in self.events if (each.channel or each.peer) and channel in _channels(each)]
        return [each.type for each in of]


def _channels(event: AriEvent) -> set[str]:
    return {each.id for each in (event.channel, event.peer) if each is not None}


def _async(what: Callable[[], Any]) -> Callable[[], Awaitable[Any]]:
    async def ask() -> Any:
        return what()

    return ask


@asynccontextmanager
async def listening(ari: Ari) -> AsyncGenerator[Heard]:
    heard = Heard()
    task = asyncio.create_task(ari.listen(APP, heard.event, heard.connected, heard.lost))
    await heard.until(lambda: heard.connections > 0)
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.wait({task})


async def originate(ari: Ari, behaviour: scenarios.Behaviour) -> str:
    channel = f"test-{next(_ids)}"
    number = scenarios.number(behaviour)
    await ari.post("channels", endpoint=f"PJSIP/{number}@trunk", app=APP, channelId=channel, timeout=5)
    return channel


async def test_a_call_is_told_by_events(bed: Bed) -> None:
    async with Ari(node_of(bed)) as ari, listening(ari) as heard:
        channel = await originate(ari, scenarios.ANSWERS)
        await heard.until(lambda: "StasisStart" in heard.types(channel))
        assert [each.id for each in await ari.channels() if each.up and each.id == channel]
        await ari.delete(f"channels/{channel}")
        await heard.until(lambda: "ChannelDestroyed" in heard.types(channel))
        end = next(each for each in heard.events if each.type == "ChannelDestroyed" and channel in _channels(each))
        assert (end.cause, end.channel and "rxcount" in end.channel.channelvars["RTPAUDIOQOS"]) == (16, True)


async def test_an_error_says_whether_to_ask_again(bed: Bed) -> None:
    async with Ari(node_of(bed)) as ari, listening(ari) as heard:
        with pytest.raises(AriFailed) as failed:
            await ari.post("channels", endpoint="PJSIP/1@nowhere", app=APP)
        channel = await originate(ari, scenarios.RINGS_OUT)
        with pytest.raises(AriConflict) as conflict:
            await ari.post("channels", endpoint="PJSIP/trunk", app=APP, channelId=channel)
        with pytest.raises(AriNotThere) as not_there:
            await ari.get("channels/nobody")
        with pytest.raises(AriRefused) as refused:
            await ari.post("channels", endpoint="PJSIP/trunk")
        await ari.delete(f"channels/{channel}")
        await heard.until(lambda: "ChannelDestroyed" in heard.types(channel))
    assert [error.value.retry for error in (conflict, not_there, failed, refused)] == [False, False, True, False]


async def test_a_wrong_password_is_refused_and_said_nowhere(bed: Bed) -> None:
    node = AriNode(bed.asterisk.url, bed.asterisk.user, "not-the-password")
    heard = Heard()
    async with Ari(node) as ari:
        with pytest.raises(AriRefused) as refused:
            await ari.channels()
        with structlog.testing.capture_logs() as logs:
            task = asyncio.create_task(ari.listen(APP, heard.event, heard.connected, heard.lost))
            await until(_async(lambda: logs))
            task.cancel()
            await asyncio.wait({task})
    assert (logs[0]["event"], logs[0]["kind"]) == ("ari-waits", "AriRefused")
    assert "not-the-password" not in f"{logs} {refused.value!r} {node!r}"


async def test_a_node_that_is_away_is_told_apart_from_one_that_refuses(bed: Bed) -> None:
    node = AriNode(f"http://127.0.0.1:{bed.asterisk.node.ports.closed}/ari", "user", "secret")
    async with Ari(node) as ari:
        with pytest.raises(AriUnreachable) as away:
            await ari.channels()
    assert away.value.retry
    assert isinstance(away.value, AriError)


async def test_the_socket_is_connected_again_when_asterisk_was_killed(bed: Bed) -> None:
    async with Ari(node_of(bed)) as ari, listening(ari) as heard:
        bed.crash()
        await heard.until(lambda: heard.losses == 1)
        await asyncio.to_thread(bed.restart)
        await heard.until(lambda: heard.connections == 2)
        channel = await originate(ari, scenarios.ANSWERS)
        await heard.until(lambda: "StasisStart" in heard.types(channel))
        await ari.delete(f"channels/{channel}")
        await heard.until(lambda: "ChannelDestroyed" in heard.types(channel))


async def test_a_stored_file_comes_in_pieces(bed: Bed) -> None:
    async with Ari(node_of(bed)) as ari:
        file = bed.asterisk.node.recordings / "kept.wav"
        content = b"RIFF" + bytes(200_000)
        file.write_bytes(content)
        file.chmod(0o644)
        async with ari.file("recordings/stored/kept/file") as stored:
            assert stored.size == len(content)
            assert b"".join([piece async for piece in stored.pieces]) == content
        with pytest.raises(AriNotThere):
            async with ari.file("recordings/stored/none/file"):
                pass
        await ari.delete("recordings/stored/kept")
        assert not file.exists()
