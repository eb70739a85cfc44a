"""Types and lengths of recordings."""

from __future__ import annotations

import io
import struct
import wave
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.media.audio import AudioError, content_type_of, wav_duration


def wav(frames: int, rate: int = 8000, channels: int = 1, width: int = 2) -> bytes:
    """As the standard library writes it."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((channels, width, rate, frames, "NONE", ""))
        writer.writeframes(bytes(frames * channels * width))
    return file.getvalue()


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


@given(
    frames=st.integers(1, 20_000),
    rate=st.sampled_from([8000, 16000, 44100]),
    channels=st.integers(1, 2),
    width=st.integers(1, 3),
)
def test_the_length_of_pcm_is_frames_by_rate(frames: int, rate: int, channels: int, width: int) -> None:
    file = wav(frames, rate, channels, width)
    assert wav_duration(io.BytesIO(file)) == frames / rate
    assert wav_duration(file[:44]) == frames / rate


def test_a_path_is_measured(tmp_path: Path) -> None:
    (tmp_path / "call.wav").write_bytes(wav(12_000))
    assert wav_duration(tmp_path / "call.wav") == 1.5


@pytest.mark.parametrize(
    ("kind", "frame", "bytes_per_second", "data", "seconds"),
    [(6, 1, 8000, 16000, 2.0), (7, 2, 16000, 16000, 1.0), (0x31, 65, 1625, 3250, 2.0), (0xFFFE, 2, 16000, 8000, 0.5)],
)
def test_codecs_of_telephony_are_measured(
    kind: int, frame: int, bytes_per_second: int, data: int, seconds: float
) -> None:
    channels = 2 if kind == 7 else 1
    fields = struct.pack("<HHIIHH", kind, channels, 8000, bytes_per_second, frame, 8) + bytes(4)
    file = riff((b"fmt ", fields), (b"LIST", b"odd"), (b"data", bytes(data)), (b"LIST", b"after"))
    assert wav_duration(io.BytesIO(file)) == seconds


@pytest.mark.parametrize("told", [0, 0xFFFFFFFF, 1_000_000])
def test_a_recording_that_was_cut_off_is_as_long_as_what_is_there(told: int) -> None:
    file = wav(8000)
    cut = file[:40] + struct.pack("<I", told) + file[44:-4000]
    assert wav_duration(io.BytesIO(cut)) == 0.75


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"RIFF",
        b"RIFF\0\0\0\0AVI ",
        b"ID3" + bytes(100),
        wav(10)[:36],
        wav(10)[:24],
        riff((b"data", bytes(10))),
        riff((b"fmt ", b"short"), (b"data", bytes(10))),
        riff((b"fmt ", bytes(16)), (b"data", bytes(10))),
        wav(10)[:40] + b"\xff\xff\xff\xff",
    ],
)
def test_a_bad_file_is_an_audio_error(bad: bytes) -> None:
    with pytest.raises(AudioError):
        wav_duration(bad)


@given(st.binary(max_size=200), st.integers(0, 60))
def test_no_bytes_break_it(noise: bytes, at: int) -> None:
    file = wav(20)
    for candidate in (noise, file[:at] + noise, file[:at] + noise + file[at + len(noise) :]):
        with suppress(AudioError):
            assert wav_duration(io.BytesIO(candidate)) >= 0
        assert "/" in content_type_of(candidate)


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (wav(1)[:12], "audio/wav"),
        (b"OggS\0\2", "audio/ogg"),
        (b"ID3\4\0", "audio/mpeg"),
        (b"\xff\xfb\x90\x64", "audio/mpeg"),
        (b"\xff\xf3\x48\xc4", "audio/mpeg"),
        (b"\xff\xfeh\0i\0", "application/octet-stream"),
        (b"\xff\xf1\x50\x80", "application/octet-stream"),
        (b"\xff\xfb\xf0\x64", "application/octet-stream"),
        (b"RIFF\0\0\0\0AVI ", "application/octet-stream"),
        (b"%PDF-1.7", "application/octet-stream"),
        (b"\xff", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_a_type_is_told_by_the_first_bytes(first: bytes, expected: str) -> None:
    assert content_type_of(first) == expected
