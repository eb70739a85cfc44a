"""What the bytes of a recording say of themselves: their type and, of WAV, their length."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import BinaryIO

_FORMAT = struct.Struct("<HHIIHH")
# PCM, float, A-law, µ-law, extensible: a frame is one moment. Others (GSM in wav49) pack many into one.
_FRAME_IS_SAMPLE = {0x0001, 0x0003, 0x0006, 0x0007, 0xFFFE}
_UNFINISHED = {0, 0xFFFFFFFF}


class AudioError(ValueError):
    """The bytes are not a WAV file that a length can be told of."""


def wav_duration(source: Path | BinaryIO | bytes) -> float:
    """Seconds that a RIFF/WAVE file plays.

    `source`: a path, a seekable stream at its start, or the first bytes, as far as the header of the `data`
    chunk. The header's word is taken for first bytes; a file that ends earlier, or whose header was never
    completed, is measured. Raises `AudioError`; `OSError` where a path cannot be read.
    """
    if isinstance(source, bytes):
        return _duration(io.BytesIO(source), whole=False)
    if isinstance(source, Path):
        with source.open("rb") as stream:
            return _duration(stream, whole=True)
    return _duration(source, whole=True)


def content_type_of(first_bytes: bytes) -> str:
    """The media type that the first dozen bytes show, `application/octet-stream` when none is known."""
    if first_bytes[:4] == b"RIFF" and first_bytes[8:12] == b"WAVE":
        return "audio/wav"
    if first_bytes[:4] == b"OggS":
        return "audio/ogg"
    if first_bytes[:3] == b"ID3" or _is_mpeg_frame(first_bytes[:4]):
        return "audio/mpeg"
    return "application/octet-stream"


def _is_mpeg_frame(header: bytes) -> bool:
    """An MPEG audio frame of layer II or III (ISO/IEC 11172-3, 2.4.1.3). Layer I would take in UTF-16 text."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return False
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    bit_rate, sample_rate = header[2] >> 4, header[2] >> 2 & 3
    return version != 1 and layer in (1, 2) and bit_rate != 15 and sample_rate != 3


def _duration(stream: BinaryIO, *, whole: bool) -> float:
    head = stream.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise AudioError("not a RIFF/WAVE file")
    bytes_per_second = 0
    while len(chunk := stream.read(8)) == 8:
        name, size = chunk[:4], int.from_bytes(chunk[4:], "little")
        if name == b"data":
            if not bytes_per_second:
                raise AudioError("the WAV file's data come before their format")
            return _data_size(stream, size, whole=whole) / bytes_per_second
        start = stream.tell()
        if name == b"fmt ":
            bytes_per_second = _bytes_per_second(stream.read(min(size, _FORMAT.size)))
        stream.seek(start + size + size % 2)
    raise AudioError("the WAV file has no data")


def _bytes_per_second(fields: bytes) -> int:
    if len(fields) < _FORMAT.size:
        raise AudioError("the WAV file's format is cut off")
    kind, _, samples_per_second, bytes_per_second, frame, _ = _FORMAT.unpack(fields)
    rate = samples_per_second * frame if kind in _FRAME_IS_SAMPLE else bytes_per_second
    if not rate:
        raise AudioError("the WAV file's format has no rate")
    return rate


def _data_size(stream: BinaryIO, told: int, *, whole: bool) -> int:
    if not whole:
        if told in _UNFINISHED:
            raise AudioError("the WAV file's header does not tell its length")
        return told
    start = stream.tell()
    there = stream.seek(0, io.SEEK_END) - start
    return there if told in _UNFINISHED else min(told, there)
