"""Ways to write a number or an address, and a reader of dumps that knows nothing of how the product reads."""

from __future__ import annotations

import base64
import functools
import re
import unicodedata
from urllib.parse import quote

from hypothesis import strategies as st

# Zeros of scripts that have ten digits in a row.
_ZEROS = "0٠۰߀०০௦๐０𝟎𝟘𝟶"
_PARTS = [
    "", " ", "-", ".", ",", "_", ";", ":", "|", "/", "\n", "\t", "\r\n", "  ", " - ", "\u00a0", "\u3000", "\ufeff",
    "\u200b", "\u3164", "\u00ad", "\u2060", "\u2011", "\u202f", " . ", "~", "·", "・", "、", "*", "\\", "'", '"', "#",
    "+", "&nbsp;", "%20", "&#32;", "<wbr>", "<br>", "[", ")", "}", "\u200e", "\ufe0f\u20e3",
]  # fmt: skip
# Of a number a test must not write with more than one of these between two digits: it stays readable then.
_INVISIBLE = ["\u200b", "\u00ad", "\ufeff", "\u2060", "\u200d", "\u200e", "\u061c", "\ufe0f", "\u3164", "\u115f"]


def numbers(number: str, trunk: str = "0") -> st.SearchStrategy[str]:
    """A number (E.164 of a country with a code of two digits) as somebody may have written it."""
    code, national = number[1:3], number[3:]
    digits = st.sampled_from(
        [
            national, trunk + national, code + national, f"+{code}{national}", f"00{code}{national}",
            f"0011{code}{national}", f"011{code}{national}", f"+{code}(0){national}", f"00{code}(0){national}",
            f"({trunk}{national[0]}){national[1:]}", f"tel:+{code}{national}",
        ]
    )  # fmt: skip
    return st.builds(
        _written, digits, st.lists(st.sampled_from(_PARTS), min_size=20, max_size=20), _scripts(), _codings()
    )


def _scripts() -> st.SearchStrategy[str]:
    return st.sampled_from(["0"] * 6 + list(_ZEROS))


def _codings() -> st.SearchStrategy[str]:
    return st.sampled_from(["none"] * 8 + ["percent", "percent twice", "entity", "hexadecimal", "escape", "word"])


def _written(digits: str, parts: list[str], zero: str, coding: str) -> str:
    shown = "".join(chr(ord(zero) + int(each)) if each.isascii() and each.isdigit() else each for each in digits)
    # between a digit and the next
    pieces = re.findall(r"\D*\d", shown)
    joined = pieces[0] + "".join(part + piece for part, piece in zip(parts, pieces[1:], strict=False))
    return coded(joined, coding)


def addresses(address: str) -> st.SearchStrategy[str]:
    """An address as somebody may have written it."""
    shapes = st.sampled_from(["", "upper", "title", "wide", "decomposed", "spaced"])
    hidden = st.lists(st.tuples(st.integers(0, len(address)), st.sampled_from(_INVISIBLE)), max_size=3)
    return st.builds(
        lambda shape, marks, coding: coded(_shaped(address, shape, marks), coding), shapes, hidden, _codings()
    )


def _shaped(address: str, shape: str, hidden: list[tuple[int, str]]) -> str:
    for place, mark in hidden:
        address = address[:place] + mark + address[place:]
    if shape == "upper":
        return address.upper()
    if shape == "title":
        return address.title()
    if shape == "wide":
        return "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in address)
    if shape == "decomposed":
        return unicodedata.normalize("NFD", address)
    return address.replace("@", " @ ") if shape == "spaced" else address


def coded(text: str, coding: str) -> str:
    if coding.startswith("percent"):
        once = quote(text, safe="")
        return quote(once, safe="") if coding == "percent twice" else once
    if coding == "entity":
        return "".join(f"&#{ord(each)};" for each in text)
    if coding == "hexadecimal":
        return "".join(f"&#x{ord(each):X};" for each in text)
    if coding == "escape":
        units = text.encode("utf-16-be").hex()
        return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
    if coding == "word":
        return f"=?utf-8?B?{base64.b64encode(text.encode()).decode()}?="
    return text


@functools.lru_cache(maxsize=1_000_000)
def naively_read(text: str) -> tuple[str, str]:
    """All digits of a text in a row, and its letters, dots and @ in a row; nothing else is left to hide behind.

    Remembered: a whole database is read before and after each example, and little of it has changed.
    """
    for _ in range(3):
        text = re.sub(r"=\?utf-8\?[Bb]\?([A-Za-z0-9+/=]*)\?=", lambda m: _unpacked(m[1]), text)
        text = re.sub(r"&#x([0-9A-Fa-f]{1,6});", lambda m: chr(int(m[1], 16)), text)
        text = re.sub(r"&#([0-9]{1,7});", lambda m: chr(int(m[1])), text)
        text = re.sub(r"(?:\\+u[0-9A-Fa-f]{4})+", lambda m: _units(m[0]), text)
        text = re.sub(
            r"(?:%[0-9A-Fa-f]{2})+", lambda m: bytes.fromhex(m[0].replace("%", "")).decode("utf-8", "replace"), text
        )
    text = re.sub(r"&nbsp;|</?(?:br|wbr)>", "", text)
    text = unicodedata.normalize("NFKC", text).lower()
    digits = "".join(str(unicodedata.decimal(each)) for each in text if unicodedata.decimal(each, None) is not None)
    letters = "".join(each for each in text if each.isalnum() or each in "@.")
    return digits, letters


def _units(escapes: str) -> str:
    return bytes.fromhex("".join(re.findall(r"u([0-9A-Fa-f]{4})", escapes))).decode("utf-16-be", "replace")


def _unpacked(encoded: str) -> str:
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4)).decode("utf-8", "replace")
    except ValueError:
        return encoded
