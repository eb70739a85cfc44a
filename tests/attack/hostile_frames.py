"""What may come over a WebSocket: frames that are long, broken, many, or never end; as bytes, written by hand, because
a library for clients does not send them."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator

TEXT, BINARY, CONTINUED, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10
MEGABYTE = 1024 * 1024


def frame(opcode: int, content: bytes, *, last: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    """One frame of a client (RFC 6455, 5.2)."""
    head = bytes([(0x80 if last else 0) | reserved << 4 | opcode])
    mask = 0x80 if masked else 0
    if len(content) < 126:
        head += bytes([mask | len(content)])
    elif len(content) < 65536:
        head += bytes([mask | 126]) + struct.pack("!H", len(content))
    else:
        head += bytes([mask | 127]) + struct.pack("!Q", len(content))
    # a mask of zeros leaves the content as it is
    return head + (b"\x00\x00\x00\x00" if masked else b"") + content


def frames() -> Iterator[tuple[str, list[bytes]]]:
    """By name, what is sent after the upgrade, in the pieces in which it is sent."""
    token = "cf_1_" + "A" * 43
    yield "a megabyte of text", [frame(TEXT, b"x" * MEGABYTE)]
    yield "a megabyte of bytes", [frame(BINARY, os.urandom(MEGABYTE))]
    yield "a length without an end", [bytes([0x81, 0xFF]) + b"\x7f" + b"\xff" * 7 + b"\x00" * 4 + b"x" * 4000]
    yield "deep lists", [frame(TEXT, b"[" * 2000 + b"]" * 2000)]
    yield "deep objects", [frame(TEXT, b'{"a":' * 660 + b"1" + b"}" * 660)]
    yield "a token of a number", [frame(TEXT, b'{"token":' + b"9" * 4000 + b"}")]
    yield "a token of a list", [frame(TEXT, b'{"token":[' + b"1," * 1900 + b"1]}")]
    yield "a long token", [frame(TEXT, json.dumps({"token": "x" * 4000}).encode())]
    yield "NULs in a token", [frame(TEXT, b'{"token":"' + b"\\u0000" * 600 + b'"}')]
    yield "half surrogates in a token", [frame(TEXT, b'{"token":"' + b"\\ud800" * 600 + b'"}')]
    yield "the token twice", [frame(TEXT, json.dumps({"token": token}).encode()[:-1] + b',"token":"x"}')]
    yield "text that is not UTF-8", [frame(TEXT, b"\xff\xfe" * 2000)]
    yield "UTF-8 that is cut off", [frame(TEXT, b'{"token":"\xf0\x9f', last=False), frame(CONTINUED, b"\x92")]
    yield "a surrogate in UTF-8", [frame(TEXT, b'{"token":"\xed\xa0\x80"}')]
    yield "many small frames", [frame(TEXT, b"x") * 100_000]
    yield "many empty frames", [frame(TEXT, b"") * 100_000]
    yield "a message of many fragments", [frame(TEXT, b"{", last=False), frame(CONTINUED, b"x", last=False) * 100_000]
    yield "a message of empty fragments", [frame(TEXT, b"", last=False), frame(CONTINUED, b"", last=False) * 100_000]
    yield "many pings", [frame(PING, b"x" * 125) * 20_000]
    yield "many pongs", [frame(PONG, b"x" * 125) * 20_000]
    yield "pings inside a message", [frame(TEXT, b"{", last=False) + frame(PING, b"x") * 20_000]
    yield "a long ping", [frame(PING, b"x" * 126)]
    yield "a ping in fragments", [frame(PING, b"x", last=False)]
    yield "an end that is half a code", [frame(CLOSE, b"\x03")]
    yield "an end with no code that there is", [frame(CLOSE, struct.pack("!H", 999) + b"x")]
    yield "an end in bytes that are not UTF-8", [frame(CLOSE, struct.pack("!H", 1000) + b"\xff\xff")]
    yield "much behind the end", [frame(CLOSE, b"") + frame(TEXT, b"x" * 100) * 10_000]
    yield "no mask", [frame(TEXT, b"{}", masked=False)]
    yield "reserved bits", [frame(TEXT, b"{}", reserved=7)]
    yield "compressed without leave", [frame(TEXT, b"\xaa\x56\x4a", reserved=4)]
    yield "no opcode that there is", [frame(11, b"{}")]
    yield "a continuation of nothing", [frame(CONTINUED, b"x")]
    yield "a message inside a message", [frame(TEXT, b"{", last=False) + frame(TEXT, b"}")]
    yield "HTTP in place of frames", [b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" * 100]
    yield "a byte at a time", [bytes([each]) for each in frame(TEXT, b'{"token":"x"}')]
    yield "half a frame", [frame(TEXT, b"x" * 3000)[:1500]]
