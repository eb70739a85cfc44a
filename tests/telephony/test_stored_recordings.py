"""Recordings in Asterisk's folder: closed, left open, of two sides."""

from __future__ import annotations

import io
import wave
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from callfloor.telephony.ari import Ari, AriNode, AriNotThere
from callfloor.telephony.asterisk import recordings
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
    monkeypatch.setattr(recordings, "LOOK_AGAIN_S", 0.0)
    async with Ari(AriNode("http://127.0.0.1:1/ari", "user", "secret")) as ari:
        yield StoredRecordings(ari, tmp_path)


async def read(stored: StoredRecordings, call: int, part: int = 0) -> bytes:
    return b"".join([piece async for piece in stored.read(call, part)])


@pytest.mark.parametrize("closed", [True, False])
async def test_a_recording_has_its_length_also_when_it_was_left_open(
    tmp_path: Path, stored: StoredRecordings, closed: bool
) -> None:
    (tmp_path / "cf--7-2.wav").write_bytes(wav(1.5, 5, closed=closed))
    assert await stored.seconds(-7, 2) == 1.5
    assert await read(stored, -7, 2) == wav(1.5, 5)


async def test_two_sides_are_one_recording_the_shorter_silent_at_its_end(
    tmp_path: Path, stored: StoredRecordings
) -> None:
    (tmp_path / "cf-7-0-in.wav").write_bytes(wav(1.0, 5))
    (tmp_path / "cf-7-0-out.wav").write_bytes(wav(2.0, 9))
    assert await stored.seconds(7, 0) == 2.0
    with wave.open(io.BytesIO(await read(stored, 7))) as file:
        assert (file.getnchannels(), file.getnframes()) == (2, 16_000)
        frames = file.readframes(16_000)
    assert frames[:4] == bytes([5, 0, 9, 0])
    assert frames[-4:] == bytes([0, 0, 9, 0])
    await stored.remove(7, 0)
    assert not (tmp_path / "cf-7-0-in.wav").exists()
    await stored.remove(7, 0)


async def test_there_is_no_recording_where_nothing_was_recorded(tmp_path: Path, stored: StoredRecordings) -> None:
    assert await stored.seconds(7, 0) is None
    (tmp_path / "cf-7-0.wav").write_bytes(wav(0.0, 5))
    assert await stored.seconds(7, 0) is None
    with pytest.raises(AriNotThere):
        await read(stored, 8)
