"""Sounds as raw µ-law, 8,000 bytes a second: what SIPp plays, and music for whoever is on hold."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

RATE = 8_000
SILENCE = 0xFF
AMPLITUDE = 8_000
CUSTOMER_HZ, AGENT_HZ, MUSIC_HZ = 440, 880, 330
_BIAS, _CLIP = 0x84, 32_635


def encode(sample: int) -> int:
    """A linear 16-bit sample as ITU-T G.711 µ-law."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), _CLIP) + _BIAS
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> exponent + 3 & 0x0F) & 0xFF


def decode(code: int) -> int:
    """The linear 16-bit sample that a µ-law one stands for."""
    bits = ~code & 0xFF
    magnitude = ((bits & 0x0F) << 3) + _BIAS << (bits >> 4 & 0x07)
    return _BIAS - magnitude if bits & 0x80 else magnitude - _BIAS


def tone(hertz: float, seconds: float) -> bytes:
    return bytes(
        encode(round(AMPLITUDE * math.sin(2 * math.pi * hertz * step / RATE))) for step in range(int(seconds * RATE))
    )


def silence(seconds: float) -> bytes:
    return bytes([SILENCE]) * int(seconds * RATE)


def words(count: int) -> bytes:
    """Speech as detection hears it: bursts with short gaps between them."""
    return b"".join(tone(200 + 30 * (number % 5), 0.35) + silence(0.12) for number in range(count))


def write(folder: Path) -> None:
    """Every sound of the testbed. A person says hello and waits; a machine has much to say, then beeps."""
    sounds: dict[str, Iterable[bytes]] = {
        "customer": [tone(CUSTOMER_HZ, 2.0)],
        "agent": [tone(AGENT_HZ, 2.0)],
        "music": [tone(MUSIC_HZ, 2.0)],
        "human": [tone(200, 0.7), silence(10.0)],
        "machine": [words(12), tone(1_000, 0.4), silence(30.0)],
    }
    for name, pieces in sounds.items():
        (folder / f"{name}.ulaw").write_bytes(b"".join(pieces))
