"""Sound of many kinds becomes what a telephone carries."""

from __future__ import annotations

import io
import itertools
import math
import struct
import wave
from array import array

import pytest

from callfloor.telephony.sound import RATE, SoundError, seconds, telephone_wav, tone


def recorded(
    rate: int, *, pitch: float = 440.0, length_s: float = 0.5, width: int = 2, channels: int = 1, level: float = 0.5
) -> bytes:
    """A WAV file of one tone."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(width)
        writer.setframerate(rate)
        frames = bytearray()
        for n in range(round(rate * length_s)):
            value = level * math.sin(2 * math.pi * pitch * n / rate)
            one = struct.pack("<h", round(32767 * value)) if width == 2 else bytes([128 + round(127 * value)])
            frames += one * channels
        writer.writeframes(bytes(frames))
    return file.getvalue()


def samples(content: bytes) -> array[int]:
    with wave.open(io.BytesIO(content)) as reader:
        assert (reader.getframerate(), reader.getsampwidth(), reader.getnchannels()) == (RATE, 2, 1)
        found = array("h")
        found.frombytes(reader.readframes(reader.getnframes()))
        return found


def strength(sound: array[int], pitch: float) -> float:
    """How much of a pitch (Hz) is in the middle of a sound, 1 being the loudest there is."""
    middle = sound[len(sound) // 4 : -len(sound) // 4]
    turns = [2 * math.pi * pitch * n / RATE for n in range(len(middle))]
    real = sum(value * math.cos(turn) for value, turn in zip(middle, turns, strict=True))
    imaginary = sum(value * math.sin(turn) for value, turn in zip(middle, turns, strict=True))
    return 2 * math.hypot(real, imaginary) / len(middle) / 32768


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("width", [1, 2])
def test_a_tone_stays_the_same_tone_as_loud_and_as_long(rate: int, width: int) -> None:
    made = telephone_wav(recorded(rate, width=width))
    sound = samples(made)
    assert abs(strength(sound, 440.0) - 0.5) < 0.02
    assert strength(sound, 900.0) < 0.02
    assert abs(len(sound) / RATE - 0.5) < 0.001
    assert seconds(made) == len(sound) / RATE


@pytest.mark.parametrize("rate", [16000, 22050, 48000])
def test_what_a_telephone_cannot_carry_is_not_heard_as_something_else(rate: int) -> None:
    # would be heard as 3 kHz
    sound = samples(telephone_wav(recorded(rate, pitch=5000.0)))
    assert strength(sound, 3000.0) < 0.01


def test_what_is_right_already_stays_as_it_is() -> None:
    content = recorded(8000)
    assert telephone_wav(content) == content
    assert telephone_wav(telephone_wav(recorded(16000))) == telephone_wav(recorded(16000))


def test_a_file_that_was_written_as_a_stream_is_taken_to_its_end() -> None:
    content = bytearray(recorded(8000))
    content[40:44] = b"\x00\xf0\xff\x7f"
    assert telephone_wav(bytes(content)) == recorded(8000)


def test_the_loudest_sound_is_not_turned_over() -> None:
    made = samples(telephone_wav(recorded(16000, pitch=1000.0, level=1.0)))
    steps = [abs(a - b) for a, b in itertools.pairwise(made)]
    assert max(steps) < 30000


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no WAV file"),
        (b"ID3" + bytes(100), "is no WAV file"),
        (recorded(8000, channels=2), "has 2 channels: save it as mono"),
        (recorded(96000, length_s=0.01), "has 96000 samples a second"),
        (recorded(8000, length_s=0), "has no sound in it"),
        (recorded(8000)[:20], "is damaged"),
        (recorded(8000)[:36], "is damaged: it has no data"),
        (recorded(8000)[:20] + b"\x07\x00" + recorded(8000)[22:], "is compressed"),
    ],
)
def test_what_is_no_such_sound_is_refused_with_what_to_give_instead(content: bytes, said: str) -> None:
    with pytest.raises(SoundError, match=said):
        telephone_wav(content)


def test_a_sound_may_not_be_endless() -> None:
    content = bytearray(recorded(8000, length_s=0))
    content += bytes(2 * 8000 * 601)
    content[40:44] = (2 * 8000 * 601).to_bytes(4, "little")
    with pytest.raises(SoundError, match="longer than 10 minutes"):
        telephone_wav(bytes(content))


def test_the_tone_in_the_place_of_words_is_a_second_long() -> None:
    assert seconds(tone()) == 1.0
    assert telephone_wav(tone()) == tone()
