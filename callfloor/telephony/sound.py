"""Sound as a telephone carries it: WAV of 8 kHz, 16 bit, mono."""

from __future__ import annotations

import math
import struct
import sys
from array import array
from collections.abc import Iterator
from operator import mul

RATE = 8000
LEAST_RATE, MOST_RATE = 8000, 48000
LONGEST_S = 600
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_FORMAT = struct.Struct("<HHIIHH")
_PCM, _EXTENSIBLE = 0x0001, 0xFFFE
# Zero crossings of the filter on each side: enough that what a telephone cannot carry is not heard as something else.
_CROSSINGS = 12
# The part of the narrower band that is kept whole.
_PASSED = 0.92


class SoundError(ValueError):
    """The bytes are no sound that can be played; the message says what to give instead."""


def telephone_wav(content: bytes) -> bytes:
    """A WAV file as a telephone carries it. Takes PCM of 8 or 16 bit, mono, from 8 to 48 kHz, of at most ten minutes.

    Raises `SoundError`.
    """
    rate, bits, data = _read(content)
    if bits == 8:
        samples = array("h", [(each - 128) << 8 for each in data])
    else:
        samples = array("h")
        samples.frombytes(data[: len(data) // 2 * 2])
        if sys.byteorder == "big":
            samples.byteswap()
    if not samples:
        raise SoundError("has no sound in it")
    if len(samples) > LONGEST_S * rate:
        raise SoundError(f"is longer than {LONGEST_S // 60} minutes")
    return wav(samples if rate == RATE else _resampled(samples, rate, RATE))


def rate_of(content: bytes) -> int:
    """Samples a second of a WAV file. Raises `SoundError`."""
    return _read(content)[0]


def wav(samples: array[int]) -> bytes:
    """The WAV file of samples of 16 bit at 8 kHz."""
    if sys.byteorder == "big":
        samples = array("h", samples)
        samples.byteswap()
    size = len(samples) * 2
    return (
        _HEADER.pack(
            *(b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, _PCM, 1, RATE, RATE * 2, 2, 16, b"data", size),
        )
        + samples.tobytes()
    )


def seconds(content: bytes) -> float:
    """How long a file that `telephone_wav` or `wav` gave plays."""
    return (len(content) - _HEADER.size) / (RATE * 2)


def tone() -> bytes:
    """What is heard in the place of words that nothing here can speak: two notes, a second long."""
    samples = array("h")
    for pitch in (660.0, 440.0):
        length = RATE // 2
        for n in range(length):
            samples.append(int(8000 * math.sin(math.pi * n / length) * math.sin(2 * math.pi * pitch * n / RATE)))
    return wav(samples)


def _read(content: bytes) -> tuple[int, int, bytes]:
    """Rate, bits and data of a WAV file."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise SoundError("is no WAV file")
    found: tuple[int, int] | None = None
    for name, chunk in _chunks(content):
        if name == b"fmt ":
            found = _format(chunk)
        elif name == b"data":
            if found is None:
                raise SoundError("is damaged: its data come before their format")
            return (*found, chunk)
    raise SoundError("is damaged: it has no data")


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(content):
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        # a file that was written as a stream does not know its length: the rest of it is taken
        yield content[at : at + 4], content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _format(chunk: bytes) -> tuple[int, int]:
    if len(chunk) < _FORMAT.size:
        raise SoundError("is damaged: its format is cut off")
    kind, channels, rate, _, _, bits = _FORMAT.unpack(chunk[: _FORMAT.size])
    if kind == _EXTENSIBLE and len(chunk) >= 26:
        kind = int.from_bytes(chunk[24:26], "little")
    if kind != _PCM or bits not in (8, 16):
        raise SoundError("is compressed, or not of 8 or 16 bit: save it as WAV, PCM, 16 bit, mono, 8 kHz")
    if channels != 1:
        raise SoundError(f"has {channels} channels: save it as mono")
    if not LEAST_RATE <= rate <= MOST_RATE:
        raise SoundError(f"has {rate} samples a second: save it with 8000 or 16000")
    return rate, bits


def _resampled(samples: array[int], given: int, wanted: int) -> array[int]:
    """The sound at another rate, by a windowed sinc for each phase."""
    common = math.gcd(given, wanted)
    up, down = wanted // common, given // common
    half = math.ceil(_CROSSINGS * max(1.0, given / wanted))
    filters = [_filter(phase / up, half, min(1.0, wanted / given) * _PASSED) for phase in range(up)]
    padding = [0] * half
    padded = [*padding, *samples, *padding]
    made = array("h")
    for n in range(len(samples) * up // down):
        base, phase = divmod(n * down, up)
        value = sum(map(mul, filters[phase], padded[base + 1 : base + 1 + 2 * half]))
        made.append(max(-32768, min(32767, round(value))))
    return made


def _filter(fraction: float, half: int, band: float) -> list[float]:
    """Weights of the samples around a point that lies `fraction` of a sample after one; `band`: what passes, of the
    whole."""
    weights: list[float] = []
    for k in range(1 - half, half + 1):
        x = k - fraction
        sinc = 1.0 if x == 0 else math.sin(math.pi * band * x) / (math.pi * band * x)
        weights.append(sinc * (0.5 + 0.5 * math.cos(math.pi * max(-1.0, min(1.0, x / half)))))
    whole = sum(weights)
    return [weight / whole for weight in weights]
