"""Connections to the SMTP server that say nothing do not keep others out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.app.media import open_media
from callfloor.mail import clients
from callfloor.mail.clients import QUIET_S, Clients
from callfloor.mail.listener import listening
from callfloor.mail.readers import Readers
from callfloor.settings import Settings
from callfloor.store.db.pool import Database


@dataclass(eq=False)
class Silent:
    address: str
    heard: float
    gone: bool = False

    def send_away(self) -> None:
        self.gone = True


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 4)), max_size=60))
def test_a_newcomer_is_let_in_unless_all_have_just_spoken(arrivals: list[tuple[str, float]]) -> None:
    room, now, inside = Clients(most=6, most_per_address=3), 0.0, list[Silent]()
    for address, gap in arrivals:
        now += gap
        came = Silent(address, now)
        rivals = [each for each in inside if each.address == address]
        full = len(rivals) >= 3 or len(inside) >= 6
        among = rivals if len(rivals) >= 3 else inside
        may_go = [each for each in among if now - each.heard >= QUIET_S]
        assert room.enter(came, now) == (not full or bool(may_go))
        if not full or may_go:
            inside.append(came)
        gone = [each for each in inside if each.gone]
        assert gone == ([min(may_go, key=lambda each: each.heard)] if full and may_go else [])
        inside = [each for each in inside if not each.gone]
        assert len(inside) <= 6


async def test_silent_connections_make_room_for_a_client_that_speaks(
    db: Database, settings: Settings, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "QUIET_S", 0.0)
    monkeypatch.setattr(Clients.__init__, "__defaults__", (20, 10))
    given = settings.model_copy(update={"smtp_port": 0})
    async with listening(db, open_media(given), given, readers) as port:
        assert port is not None
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(30)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert (await asyncio.wait_for(reader.readline(), 30)).startswith(b"220 ")
        writer.write(b"QUIT\r\n")
        assert (await asyncio.wait_for(reader.readline(), 30)).startswith(b"221 ")
        told = [await asyncio.wait_for(each.readline(), 30) for each, _ in silent]
        assert all(line.startswith((b"220 ", b"421 ")) for line in told)
        for _, each in [*silent, (reader, writer)]:
            each.close()


async def test_whoever_has_just_spoken_is_not_sent_away(
    db: Database, settings: Settings, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Clients.__init__, "__defaults__", (20, 2))
    given = settings.model_copy(update={"smtp_port": 0})
    async with listening(db, open_media(given), given, readers) as port:
        assert port is not None
        pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        greetings = [await asyncio.wait_for(reader.readline(), 30) for reader, _ in pairs]
        assert [line[:4] for line in greetings] == [b"220 ", b"220 ", b"421 "]
        assert await asyncio.wait_for(pairs[2][0].read(), 30) == b""
        for _, each in pairs:
            each.close()
