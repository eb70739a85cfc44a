"""Text as an erasure reads it: what hides a number or an address from the eye of a program is taken away.

Encodings are undone (percent, HTML, JSON, RFC 2047, several times over), compatibility forms composed (NFKC), digits of
every script turned into ASCII, invisible characters dropped, letters folded, punycode of domains decoded. The SQL
function `search_keys` (store/migrations) reads as much of it as it takes to find candidates; a property test holds the
two together.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header, make_header
from html import unescape

# Encodings inside encodings are undone so many times; what is still encoded then is readable to nobody.
MOST_ROUNDS = 16
_PERCENT = r"(?:%[0-9A-Fa-f]{2})+"
_ENTITY = r"&(?:#[0-9]{1,7};?|#[xX][0-9A-Fa-f]{1,6};?|[A-Za-z][A-Za-z0-9]{1,31};)"
_ESCAPE = r"(?:\\u[0-9A-Fa-f]{4})+|\\[nrtbf/\"\\]"
_ONE_WORD = r"=\?[A-Za-z0-9*_-]{1,40}\?[BbQq]\?[^?\s]{0,1000}\?="
# White space between encoded words is not part of the text, and a long text is folded into several (RFC 2047 §6.2).
_WORD = rf"{_ONE_WORD}(?:\s{{1,100}}{_ONE_WORD})*"
# Without attributes: those of a link may hold what is looked for.
_TAG = r"</?[A-Za-z][A-Za-z0-9]{0,10}\s{0,3}/?>"
_ENCODED = re.compile(f"{_PERCENT}|{_ENTITY}|{_ESCAPE}|{_WORD}|{_TAG}")
_INLINE = re.compile(r"</?(?:b|i|u|s|em|strong|span|wbr|font|small|mark)\s{0,3}/?>", re.IGNORECASE)
_FOREIGN = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]+")
_PUNYCODE = re.compile(r"xn--([a-z0-9-]{1,59})")
# Unicode's default-ignorable characters that are not of category Cf.
_IGNORED = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
# More encoded words, or marks on one letter, are read apart: the standard library needs the square of their number.
_WORDS = 50
_MOST_MARKS = 30
_MARKS = re.compile(rf"[^\w\s\x00-\x7f]{{{_MOST_MARKS}}}")
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}

# A piece of the text from, to, and what is read in its place.
_Edit = tuple[int, int, str]


@dataclass(slots=True)
class Plain:
    """`text` as it is read; `starts` and `ends` say of each character where in the written text it came from."""

    text: str
    starts: list[int]
    ends: list[int]

    def written(self, start: int, end: int) -> tuple[int, int]:
        """Where in the written text a non-empty piece of `text` stands."""
        return self.starts[start], self.ends[end - 1]


def composed(text: str) -> str:
    """The text in NFKC, but for more than 30 marks on one letter (UAX #15, stream-safe text)."""
    return text if text.isascii() else unicodedata.normalize("NFKC", _MARKS.sub("\\g<0>\u034f", text))


def plain(written: str) -> str:
    """The text as an erasure reads it."""
    return _read(written, None)


def plain_with_places(written: str) -> Plain:
    """As `plain`, and where each character came from."""
    places = Plain(written, list(range(len(written))), list(range(1, len(written) + 1)))
    places.text = _read(written, places)
    return places


def _read(text: str, places: Plain | None) -> str:
    for _ in range(MOST_ROUNDS):
        edits = [(found.start(), found.end(), _decoded(found[0])) for found in _ENCODED.finditer(text)]
        changes = [edit for edit in edits if text[edit[0] : edit[1]] != edit[2]]
        if not changes:
            break
        text = _applied(text, places, changes)
    if not text.isascii():
        text = _applied(text, places, _composed(text))
    text = text.translate(_LOWER)
    if "xn--" in text:
        text = _applied(
            text, places, [(m.start(), m.end(), _domain_label(m[0], m[1])) for m in _PUNYCODE.finditer(text)]
        )
    return text


def _applied(text: str, places: Plain | None, edits: Iterable[_Edit]) -> str:
    pieces: list[str] = []
    starts, ends = list[int](), list[int]()
    at = 0
    for start, end, new in edits:
        pieces += text[at:start], new
        if places is not None:
            starts += places.starts[at:start]
            ends += places.ends[at:start]
            starts += [places.starts[start]] * len(new)
            ends += [places.ends[end - 1]] * len(new)
        at = end
    pieces.append(text[at:])
    if places is not None:
        places.starts, places.ends = starts + places.starts[at:], ends + places.ends[at:]
    return "".join(pieces)


def _decoded(encoded: str) -> str:
    if encoded.startswith("%"):
        return bytes.fromhex(encoded.replace("%", "")).decode("utf-8", "replace")
    if encoded.startswith("&"):
        return unescape(encoded if encoded.endswith(";") else f"{encoded};")
    if encoded.startswith("\\u"):
        # two for a character outside the basic plane, as in UTF-16
        units = bytes.fromhex(encoded.replace("\\u", ""))
        return units.decode("utf-16-be", "replace")
    if encoded.startswith("\\"):
        return encoded[1] if encoded[1] in '/"\\' else " "
    if encoded.startswith("="):
        return _word(encoded)
    return "" if _INLINE.fullmatch(encoded) else " "


def _word(encoded: str) -> str:
    """Encoded words of a mail header (RFC 2047)."""
    words = encoded.split()
    together = (" ".join(words[first : first + _WORDS]) for first in range(0, len(words), _WORDS))
    try:
        return "".join(str(make_header(decode_header(each))) for each in together)
    except (ValueError, LookupError, MessageError):
        return encoded


def _composed(text: str) -> Iterable[_Edit]:
    """Each character that is not ASCII with the marks that follow it."""
    for run in _FOREIGN.finditer(text):
        start = at = run.start()
        for at in range(run.start() + 1, run.end() + 1):
            if at < run.end() and at - start <= _MOST_MARKS and _continues(text[at]):
                continue
            unit = text[start:at]
            if not unit.isascii():
                yield start, at, _unit(unit)
            start = at


def _continues(character: str) -> bool:
    return unicodedata.category(character).startswith("M") or "\u1160" <= character <= "\u11ff"


def _unit(unit: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", unit).casefold())
    return "".join(_character(each) for each in _IGNORED.sub("", folded))


def _character(character: str) -> str:
    if character.isascii():
        return character
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    if character == "\u3002":  # a full stop of Chinese and Japanese, which parts a domain as a dot does (IDNA)
        return "."
    return "" if unicodedata.category(character) == "Cf" else character


def _domain_label(written: str, encoded: str) -> str:
    try:
        return unicodedata.normalize("NFKC", encoded.encode().decode("punycode").casefold())
    except ValueError:
        return written
