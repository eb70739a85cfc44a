"""The sound of a simulated call: two voices of tones take turns, different in every call."""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Iterator
from random import Random

RATE = 8000
_BYTES = 2


def wav(seed: int, seconds: float) -> Iterator[bytes]:
    """A WAV file (8 kHz, 16 bit, mono) of the given length, piece by piece; the same seed sounds the same."""
    samples = round(seconds * RATE)
    size = samples * _BYTES
    yield struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, RATE, RATE * _BYTES, _BYTES, 8 * _BYTES, b"data", size),
    )
    random = Random(seed)  # noqa: S311 – no secret comes of it
    voices = [_syllables(random, 110.0 + 60.0 * random.random()), _syllables(random, 180.0 + 80.0 * random.random())]
    speaker = 0
    while samples > 0:
        piece = b"".join(random.choice(voices[speaker]) for _ in range(random.randint(4, 16)))
        piece = piece[: samples * _BYTES]
        samples -= len(piece) // _BYTES
        speaker = 1 - speaker
        yield piece


def _syllables(random: Random, pitch: float) -> list[bytes]:
    """Some short tones around a pitch (Hz), each swelling and fading, each with a pause behind it."""
    made: list[bytes] = []
    for _ in range(4):
        tone = pitch * (0.9 + 0.3 * random.random())
        length = RATE * random.randint(90, 220) // 1000
        sound = array("h")
        for n in range(length):
            swell = math.sin(math.pi * n / length)
            phase = 2 * math.pi * tone * n / RATE
            sound.append(int(6000 * swell * (math.sin(phase) + 0.4 * math.sin(2 * phase) + 0.2 * math.sin(5 * phase))))
        sound.extend([0] * (RATE * random.randint(20, 80) // 1000))
        made.append(sound.tobytes())
    return made
