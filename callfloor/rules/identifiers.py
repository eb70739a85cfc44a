"""Numbers and addresses inside free-form fields, so that an erasure finds a customer there too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from callfloor.rules.phones import PhoneError, normalise

MOST = 64
# cheap test that nearly every value fails: an @, or seven digits with at most three other characters between them
_ANY = re.compile(r"@|[0-9](?:[^0-9]{0,3}[0-9]){6}")
_ADDRESS = re.compile(r"[^\s@<>\"',;:()\[\]\\]{1,64}@[^\s@<>\"',;:()\[\]\\]{1,253}")
_RUN = re.compile(r"\+?[0-9](?:[ \t\u00a0()./\u2010-\u2015-]{0,3}[0-9]){6,24}")


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
    """Each identifier in a text and where it stands."""
    for match in _ADDRESS.finditer(text):
        yield match[0].lower().rstrip("."), match.start(), match.end()
    for match in _RUN.finditer(text):
        start = match.start()
        if ")" in match[0] and "(" not in match[0] and text[start - 1 : start] == "(":
            # an area code in brackets: "(04) 9157 0156"
            start -= 1
        yield _number(match[0], country), start, match.end()


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
    """The e-mail addresses (lower case) and numbers (E.164, or digits) in JSON scalars: sorted, at most 64."""
    found: set[str] = set()
    for value in values:
        text = _text(value)
        if _ANY.search(text):
            for identifier, _, _ in _found(text, country):
                found |= {identifier, *_international(identifier, country)}
    return sorted(found)[:MOST]


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
    return not wanted.isdisjoint(identifiers((value,), country))


def is_whole(value: object, wanted: frozenset[str], country: str) -> bool:
    """Whether a scalar is one of the identifiers and nothing else."""
    text = _text(value).strip()
    return any(
        start == 0 and end == len(text) and not wanted.isdisjoint({found, *_international(found, country)})
        for found, start, end in _found(text, country)
    )


def redact(text: str, wanted: frozenset[str], country: str) -> str:
    """The text with each of the identifiers replaced by `[erased]`."""
    for found, start, end in sorted(_found(text, country), key=lambda each: -each[1]):
        if not wanted.isdisjoint({found, *_international(found, country)}):
            text = f"{text[:start]}[erased]{text[end:]}"
    return text
