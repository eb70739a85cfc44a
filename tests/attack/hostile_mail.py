"""E-mails that a stranger wrote to take time and room."""

from __future__ import annotations

import random

_LONG = 7_900


def _multipart(parts: bytes, count: int, head: bytes = b"") -> bytes:
    return head + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + parts * count + b"--x--\r\n"


def messages() -> dict[str, bytes]:
    """Hostile messages by what is wrong with them. Each has a body of its own, so that none is taken for another."""
    draw = random.Random(12)
    values = {
        "three quotation marks": '"""' * (_LONG // 3), "quotation marks": '"' * _LONG, "brackets": "(" * _LONG,
        "closed brackets": "()" * (_LONG // 2), "commas": "," * _LONG, "angles": "<" * _LONG,
        "dots": "." * _LONG, "backslashes": "\\" * _LONG, "semicolons": ";" * _LONG, "quoted NULs": '"\x01' * 3_950,
        "semicolons in quotes": 'a/b; a="' + ";" * _LONG, "parameters": "a/b" + ";a=b" * 1_970,
        "groups": "a:;" * (_LONG // 3), "encoded words": "=?utf-8?q?a?= " * 560, "halves of them": "=?a?q?" * 1_300,
        "continued parameters": "a/b" + "".join(f";name*{n}*=a%20" for n in range(520)),
        "words": " a" * (_LONG // 2), "addresses": "a@b.example," * 650, "escapes": "a/b;name*=utf-8''" + "%41" * 2_600,
    }  # fmt: skip
    found = {
        f"{name} in {header}": f"{header}: {value}\r\nMessage-ID: <{header}>\r\n\r\n{name}".encode()
        for name, value in values.items()
        for header in ("From", "To", "Subject", "Content-Type", "Content-Disposition", "Reply-To", "References")
    }
    quotes = b'Content-Type: text/plain; name="""' + b'"""' * 150 + b"\r\n"
    found |= {
        "2,000 parts": _multipart(b"--x\r\nContent-Type: application/pdf\r\n\r\npart\r\n", 2_000),
        "2,000 parts with long headers": _multipart(b"--x\r\n" + quotes + b"\r\npart\r\n", 2_000),
        "400 parts of 8 kB headers": _multipart(
            b'--x\r\nContent-Type: text/plain; name="' + b'"' * 7_900 + b"\r\n\r\npart\r\n", 120
        ),
        "parts without end": _multipart(b"--x\r\n", 100_000),
        "90,000 headers": b"X: y\r\n" * 90_000 + b"\r\nbody",
        "20,000 times From": b"From: " + b'"' * 40 + b"\r\n" + b"From: a@b.example\r\n" * 20_000 + b"\r\nbody",
        "empty continuations": b"Subject: x\r\n" + b" \r\n" * 90_000 + b"\r\nbody",
        "a line of a megabyte": b"Subject: " + b"y" * 1_000_000 + b"\r\n\r\nbody",
        "at signs": b"Subject: at\r\n\r\n" + b"@" * 700_000,
        "encoded words in the text": b"Subject: words\r\n\r\n" + b"=?utf-8?q?a?= " * 50_000,
        "marks on one letter": b"Content-Type: text/plain; charset=utf-8\r\n\r\na" + "\u0301\u0316".encode() * 150_000,
        "entities": b"Content-Type: text/html\r\n\r\n" + b"&#49;" * 140_000,
        "open tags": b"Content-Type: text/html\r\n\r\n" + b"<p a='" * 110_000,
        "unknown bytes in every header": b"".join(
            f"{name}: ".encode() + bytes(draw.choices(range(0x80, 0x100), k=3_000)) + b"\r\n"
            for name in ("From", "To", "Cc", "Subject", "Message-ID", "Date", "Precedence", "References")
        ),
        "boundaries in boundaries": b"".join(
            f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n".encode() for n in range(3_000)
        ),
    }  # fmt: skip
    return found
