"""What can be heard in a recording: how loud each party's tone is."""

from __future__ import annotations

import io
import math
import wave
from array import array
from collections.abc import Sequence
from typing import Any

import pytest

RATE = 8_000
Sound = Sequence[int]

WINDOW = RATE // 10


def samples(wav: bytes, channel: int = 0) -> Sound:
    with wave.open(io.BytesIO(wav)) as file:
        assert (file.getframerate(), file.getsampwidth()) == (RATE, 2)
        mixed = array("h", file.readframes(file.getnframes()))
        return mixed[channel :: file.getnchannels()]


def seconds(wav: bytes) -> float:
    with wave.open(io.BytesIO(wav)) as file:
        return file.getnframes() / file.getframerate()


def about(length_s: float) -> Any:
    """What a recording's length is to be equal to, of which the driver told about how long it is."""
    return pytest.approx(length_s, abs=0.3)


def loudness(sound: Sound, hertz: float) -> float:
    """The mean amplitude of a tone (Goertzel)."""
    if not sound:
        return 0.0
    step = 2 * math.cos(2 * math.pi * hertz / RATE)
    before = last = 0.0
    for sample in sound:
        before, last = last, sample + step * last - before
    power = last * last + before * before - step * last * before
    return 2 * math.sqrt(max(0.0, power)) / len(sound)


def hears(sound: Sound, hertz: float) -> bool:
    """Whether the tone is there for a good part of the time. Sounds begin anew in between, so it is looked at a tenth
    of a second at a time."""
    windows = [sound[start : start + WINDOW] for start in range(0, len(sound), WINDOW)]
    return 3 * sum(loudness(window, hertz) > 800 for window in windows) > len(windows)
