"""Recordings in Asterisk's folder: closed, left open, of two sides."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from callfloor.telephony.asterisk import recordings
from callfloor.telephony.asterisk.ari import Ari, AriFailed, AriNode, AriNotThere
from callfloor.telephony.asterisk.recordings import StoredRecordings


def wav(seconds: float, sample: int, *, closed: bool = True) -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(sample.to_bytes(2, "little") * int(seconds * 8_000))
    content = target.getvalue()
    return content if closed else content[:40] + bytes(4) + content[44:]


@pytest.fixture
async def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[StoredRecordings]:
    monkeypatch.setattr(recordings, "CLOSED_S", 0.05)
    async with Ari(AriNode("http://127.0.0.1:1/ari", "user", "secret")) as ari:
        yield StoredRecordings(ari, tmp_path)


async def read(stored: StoredRecordings, call: int, part: int = 0) -> bytes:
    return b"".join([piece async for piece in stored.read(call, part)])


@pytest.mark.parametrize("closed", [True, False])
async def test_a_recording_has_its_length_also_when_it_was_left_open(
    tmp_path: Path, stored: StoredRecordings, closed: bool
) -> None:
    (tmp_path / "cf--7-2.wav").write_bytes(wav(1.5, 5, closed=closed))
    assert await read(stored, -7, 2) == wav(1.5, 5)


async def test_two_sides_are_one_recording_the_shorter_silent_at_its_end(
    tmp_path: Path, stored: StoredRecordings
) -> None:
    (tmp_path / "cf-7-0-in.wav").write_bytes(wav(1.0, 5))
    (tmp_path / "cf-7-0-out.wav").write_bytes(wav(2.0, 9))
    with wave.open(io.BytesIO(await read(stored, 7))) as file:
        assert (file.getnchannels(), file.getnframes()) == (2, 16_000)
        frames = file.readframes(16_000)
    assert frames[:4] == bytes([5, 0, 9, 0])
    assert frames[-4:] == bytes([0, 0, 9, 0])
    await stored.remove(7, 0)
    assert not (tmp_path / "cf-7-0-in.wav").exists()
    await stored.remove(7, 0)


async def test_there_is_no_recording_where_nothing_was_recorded(stored: StoredRecordings) -> None:
    with pytest.raises(AriNotThere):
        await read(stored, 8)


async def test_who_reads_waits_until_the_file_is_closed(tmp_path: Path, stored: StoredRecordings) -> None:
    (tmp_path / "cf-7-0.wav").write_bytes(wav(1.0, 5))
    stored.closes(["cf-7-0"])
    with pytest.raises(AriFailed):
        await read(stored, 7)
    reading = asyncio.create_task(read(stored, 7))
    await asyncio.sleep(0)
    stored.closed("cf-7-0")
    assert await reading == wav(1.0, 5)
    stored.closed("cf-7-0")


@pytest.mark.parametrize("closed", [True, False])
async def test_what_was_recorded_after_the_end_is_left_out(
    tmp_path: Path, stored: StoredRecordings, closed: bool
) -> None:
    (tmp_path / "cf-7-0.wav").write_bytes(wav(30.0, 5, closed=closed))
    stored.closes(["cf-7-0"], 20.5)
    stored.closed("cf-7-0")
    assert await read(stored, 7) == wav(20.5, 5)
    (tmp_path / "cf-8-0.wav").write_bytes(wav(1.0, 5))
    stored.closes(["cf-8-0"], 1.1)
    stored.closed("cf-8-0")
    assert await read(stored, 8) == wav(1.0, 5)


async def test_recordings_are_told_by_their_names(tmp_path: Path, stored: StoredRecordings) -> None:
    for name in ("cf-7-0", "cf--7-12", "cf-8-1-in", "cf-8-1-out", "cf-9", "callfloor-check-1", "cf-x-1"):
        (tmp_path / f"{name}.wav").write_bytes(wav(0.1, 5))
    assert await stored.kept() == {(7, 0), (-7, 12), (8, 1)}
