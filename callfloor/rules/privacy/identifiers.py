"""Where a text mentions numbers and addresses: the keys under which an erasure finds it.

A key of a number is any seven digits in a row, whatever stands between them that is no letter: however a number is
written and whatever it is glued to, its last seven digits stay. A key of an address is what stands around its @, as far
as the first dot and whole. Keys say where to look; `rules.sought` decides. The SQL function `search_keys` makes the
same keys, but for whole addresses.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from callfloor.rules.privacy.plain_text import composed, plain

# More than these are not listed one by one: who looks for any identifier has to look into the values themselves.
MOST = 4096
MANY = "*"
# However a number is written, its last digits stay.
TAIL = 7
# Cheap test that nearly every value fails: an @, something encoded, or seven digits with no letter in between.
_SIGNS = re.compile(r"@|%[0-9A-Fa-f]{2}|&[#A-Za-z]|\\[unrtbf/\"\\]|=\?|</?[A-Za-z]|\d(?:[^\dA-Za-z]*+\d){6}")
_LETTER = "x"
_LETTERS = re.compile(r"[a-z]+")
_NO_DIGITS = re.compile(r"[^0-9]+")
_AROUND_AT = re.compile(r"\s*@\s*")
# Those between the first and the last have one key, that of nothing before and nothing after.
_MANY_AT = re.compile(r"@{3,}")
_BEFORE_AT = re.compile(r"[a-z0-9._+-]*\Z")
_DOMAIN = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*")
_AFTER_AT = re.compile(r"([a-z0-9-]{0,63})([^\x00-\x7f])?")
_LONGEST_LOCAL = 64
# An address has at most 254 characters, and may be written with more.
_LONGEST_WRITTEN = 1000
_OF_LOCAL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._+-")
# A domain that begins with a label in another script has one key however it is written.
_OTHER_SCRIPT = "xn--"
# What cannot stand in a mailbox's name or domain without quotes.
_NEVER = r"\s\x00-\x1f\x7f@<>\",;:()\[\]\\"
# What stands around addresses in links, tables, quotes and lists. Much of it may legally be part of a mailbox's name,
# but not of a domain.
_AROUND = r"!#$%&'*/=?^`{|}~\u00a1\u00ab\u00b7\u00bb\u00bf\u2010-\u205e\u3001-\u301f\uff01-\uff20"
_ADDRESS = re.compile(f"[^{_NEVER}]{{1,64}}@([^{_NEVER}{_AROUND}+]{{1,253}})")


class EmailError(ValueError):
    """The text cannot be an e-mail address."""

    def __init__(self) -> None:
        super().__init__("must be an e-mail address such as jane@example.com")


def normalise_email(text: str) -> str:
    """The address in lower case, composed (NFKC), without invisible characters. Raises `EmailError`."""
    if len(text) > _LONGEST_WRITTEN:
        raise EmailError
    address = unicodedata.normalize("NFKC", text).strip().lower()
    if not address.isascii():
        address = "".join(each for each in address if unicodedata.category(each) != "Cf")
        address = unicodedata.normalize("NFKC", address)
    form = _ADDRESS.fullmatch(address)
    if form is None or len(address) > 254 or not address.isprintable():
        raise EmailError
    labels = form[1].split(".")
    if (len(labels) == 1 and labels[0] != "localhost") or not all(
        label and label.strip("-_") == label for label in labels
    ):
        raise EmailError
    return address


def spellings(address: str) -> list[str]:
    """An address with its domain in Unicode and in punycode, composed and decomposed."""
    local, _, domain = address.rpartition("@")
    labels = domain.split(".")
    domains = {domain, ".".join(map(_unicode, labels)), ".".join(map(_punycode, labels))}
    composed = {f"{local}@{each}" for each in domains}
    return sorted(composed | {unicodedata.normalize("NFD", each) for each in composed})


def _unicode(label: str) -> str:
    try:
        return label[4:].encode().decode("punycode") if label.startswith(_OTHER_SCRIPT) else label
    except ValueError:
        return label


def _punycode(label: str) -> str:
    return label if label.isascii() else f"{_OTHER_SCRIPT}{label.encode('punycode').decode()}"


def is_counter(key: str) -> bool:
    """Whether a key is plain digits, or letters alone: it has an index of its own, and is a number only as a whole."""
    return key.isascii() and (key.isdigit() or key.isalpha())


def text_of(value: object) -> str:
    """The text of a JSON scalar; empty when neither number nor address can stand in it."""
    text = _written(value)
    return text if _SIGNS.search(composed(text)) else ""


def _written(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None or isinstance(value, bool) else str(value)


def identifiers(values: Iterable[object]) -> list[str]:
    """The keys of JSON scalars, sorted; only `MANY` when there are more than 4096."""
    texts = [value if isinstance(value, str) else _written(value) for value in values]
    # one search tells of nearly every lead that there are none: no number reaches over a letter
    if not _SIGNS.search(composed(_LETTER.join(texts))):
        return []
    found: set[str] = set()
    for value in texts:
        if not (text := text_of(value)):
            continue
        for key in _keys(plain(text)):
            found.add(key)
            if len(found) > MOST:
                return [MANY]
    return sorted(found)


def _keys(read: str) -> Iterator[str]:
    for part in _LETTERS.split(read):
        digits = _NO_DIGITS.sub("", part)
        for start in range(len(digits) - TAIL + 1):
            yield digits[start : start + TAIL]
    if "@" in read:
        yield from _address_keys(_MANY_AT.sub("@@@", _AROUND_AT.sub("@", read)))


def _address_keys(read: str) -> Iterator[str]:
    at = read.find("@")
    while at >= 0:
        before = None
        if read[at - 1 : at] in _OF_LOCAL:
            before = _BEFORE_AT.search(read[max(at - _LONGEST_LOCAL, 0) : at])
        local = "" if before is None else before[0].lstrip("._+-")
        after = _AFTER_AT.match(read, at + 1)
        if after is None:
            return
        if not after[1].startswith(_OTHER_SCRIPT):
            yield f"{local}@{after[1]}"
            domain = _DOMAIN.match(read, at + 1, at + 255)
            if domain is not None and domain[0] != after[1]:
                yield f"{local}@{domain[0]}"
        if after[2] or after[1].startswith(_OTHER_SCRIPT):
            yield f"{local}@{_OTHER_SCRIPT}"
        at = read.find("@", at + 1)
