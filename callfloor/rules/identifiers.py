"""Numbers and addresses inside free-form fields, so that an erasure finds a customer there too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from callfloor.rules.phones import PhoneError, normalise

# More than these are not listed one by one: who looks for any identifier has to look into the values themselves.
MOST = 256
MANY = "*"
# cheap test that nearly every value fails: an @, or seven digits with at most three other characters between them
_ANY = re.compile(r"@|[0-9](?:[^0-9]{0,3}[0-9]){6}")
_ADDRESS = re.compile(r"[^\s@<>\"',;:()\[\]\\]{1,64}@[^\s@<>\"',;:()\[\]\\]{1,253}")
# The same without what stands around addresses in links, tables and lists, though it may legally be part of them.
_BARE = re.compile(r"[^\s@<>\"',;:()\[\]\\=&?/|]{1,64}@[^\s@<>\"',;:()\[\]\\=&?/|]{1,253}")
_RUN = re.compile(r"\+?[0-9](?:[ \t\u00a0()./\u2010-\u2015-]{0,3}[0-9]){6,}")
_GROUP = re.compile(r"\+?[0-9]+")
_INTERNATIONAL = ("+", "00", "011")
# What a number may have when it stands among others: groups of digits, and digits with an international prefix.
_MOST_GROUPS = 6
_MOST_DIGITS = 19


class EmailError(ValueError):
    """The text cannot be an e-mail address."""

    def __init__(self) -> None:
        super().__init__("must be an e-mail address such as jane@example.com")


def normalise_email(text: str) -> str:
    """The address in lower case. Raises `EmailError`."""
    address = text.strip().lower()
    if len(address) > 254 or not _ADDRESS.fullmatch(address) or not address.isprintable():
        raise EmailError
    domain = address.rsplit("@", 1)[1]
    if "." not in domain.strip(".") and domain != "localhost":
        raise EmailError
    return address


def _found(text: str, country: str) -> Iterator[tuple[str, int, int]]:
    """Each identifier in a text and where it stands. They may overlap: what can be read in several ways is."""
    for pattern in (_ADDRESS, _BARE):
        for match in pattern.finditer(text):
            yield match[0].lower().rstrip("."), match.start(), match.end()
    for match in _RUN.finditer(text):
        start = match.start()
        if ")" in match[0] and "(" not in match[0] and text[start - 1 : start] == "(":
            # an area code in brackets: "(04) 9157 0156"
            start -= 1
        whole = _number(match[0], country)
        yield whole, start, match.end()
        if not (whole.startswith("+") and match[0].startswith(_INTERNATIONAL)):
            yield from _parts(match, country)


def _parts(run: re.Match[str], country: str) -> Iterator[tuple[str, int, int]]:
    """Numbers inside a run of digits that may also hold a date, a time or further numbers."""
    groups = [group.span() for group in _GROUP.finditer(run[0])]
    for position, (start, _) in enumerate(groups):
        digits = 0
        for begin, end in groups[position : position + _MOST_GROUPS]:
            digits += end - begin
            if digits > _MOST_DIGITS:
                break
            if digits >= 7 and (number := _number(run[0][start:end], country)).startswith("+"):
                yield number, run.start() + start, run.start() + end


def _number(written: str, country: str) -> str:
    """E.164 where the run of digits can be a number of the country, else its digits."""
    digits = re.sub(r"[^0-9]", "", written)
    if written.startswith("+"):
        digits = f"+{digits}"
    try:
        return normalise(digits, country)
    except PhoneError:
        pass
    for prefix in ("00", "0011", "011"):
        if digits.startswith(prefix):
            try:
                return normalise("+" + digits.removeprefix(prefix), country)
            except PhoneError:
                continue
    return digits.removeprefix("+")


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None or isinstance(value, bool) else str(value)


def identifiers(values: Iterable[object], country: str) -> list[str]:
    """The e-mail addresses (lower case) and numbers (E.164, or digits) in JSON scalars, sorted; only `MANY` when
    there are more than 256."""
    found: set[str] = set()
    for value in values:
        found |= _every(value, country)
    return sorted(found) if len(found) <= MOST else [MANY]


def _every(value: object, country: str) -> set[str]:
    text = _text(value)
    if not _ANY.search(text):
        return set()
    return {each for found, _, _ in _found(text, country) for each in (found, *_international(found, country))}


def _international(identifier: str, country: str) -> Iterator[str]:
    """A run of digits may be a national number or one that lost its plus."""
    digits = identifier.removeprefix("+")
    if digits.isdigit() and len(digits) >= 9:
        try:
            yield normalise(f"+{digits}", country)
        except PhoneError:
            return


def mentions(value: object, wanted: frozenset[str], country: str) -> bool:
    """Whether a scalar holds one of the identifiers."""
    return not wanted.isdisjoint(_every(value, country))


def is_whole(value: object, wanted: frozenset[str], country: str) -> bool:
    """Whether a scalar is one of the identifiers and nothing else."""
    text = _text(value).strip()
    return any(
        start == 0 and end == len(text) and not wanted.isdisjoint({found, *_international(found, country)})
        for found, start, end in _found(text, country)
    )


def redact(text: str, wanted: frozenset[str], country: str) -> str:
    """The text with each of the identifiers replaced by `[erased]`."""
    left = len(text)
    for found, start, end in sorted(_found(text, country), key=lambda each: (-each[2], each[1])):
        if end <= left and not wanted.isdisjoint({found, *_international(found, country)}):
            text = f"{text[:start]}[erased]{text[end:]}"
            left = start
    return text
