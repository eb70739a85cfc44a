"""Numbers and addresses inside free-form fields, so that an erasure finds a customer there too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from callfloor.rules.phones import PhoneError, possible

# More than these are not listed one by one: who looks for any identifier has to look into the values themselves.
MOST = 256
MANY = "*"
# So many runs of digits are read to list them, however few of them turn out to be identifiers.
_MOST_READ = 2048
# cheap test that nearly every value fails: seven digits with at most three other characters between them
_DIGITS = re.compile(r"[0-9](?:[^0-9]{0,3}[0-9]){6}")
# 2024-05-01, alone or with a time: the commonest value with eight digits, and nobody's number
_DATE = re.compile(
    r"(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])(?:[T ][0-9:.]{4,18}[Z0-9:+-]{0,6})?"
)
# What stands around addresses in links, tables, quotes and lists. Much of it may legally be part of a mailbox's name,
# but not of a domain.
_AROUND = r"!#$%&'*/=?^`{|}~\u00a1\u00ab\u00b7\u00bb\u00bf\u2010-\u205e\u3001-\u301f\uff01-\uff20"
_NEVER = r"\s\x00-\x1f\x7f@<>\",;:()\[\]\\"
_LOCAL = f"[^{_NEVER}]{{1,64}}+"
_DOMAIN = f"[^{_NEVER}{_AROUND}+]{{1,253}}"
_ADDRESS = re.compile(f"{_LOCAL}@({_DOMAIN})")
# the domain of one address may be the beginning of the next
_EACH_ADDRESS = re.compile(f"({_LOCAL})@(?=({_DOMAIN}))")
_BEFORE = re.compile(f"[{_AROUND}]+[-._+]*|^[-._+]+")
_RUN = re.compile(r"\+?[0-9](?:[ \t\u00a0()./\u2000-\u2015\u202f\u2060-]{0,3}[0-9]){6,}")
_GROUP = re.compile(r"\+?[0-9]+")
_INTERNATIONAL = ("+", "00", "011")
# What a number may have when it stands among others: groups of digits, and digits with an international prefix.
_MOST_GROUPS = 6
_MOST_DIGITS = 19
# However a number is written, its last digits stay.
_TAIL = 6


class EmailError(ValueError):
    """The text cannot be an e-mail address."""

    def __init__(self) -> None:
        super().__init__("must be an e-mail address such as jane@example.com")


def normalise_email(text: str) -> str:
    """The address in lower case. Raises `EmailError`."""
    address = text.strip().lower()
    form = _ADDRESS.fullmatch(address)
    if form is None or len(address) > 254 or not address.isprintable():
        raise EmailError
    labels = form[1].split(".")
    if (len(labels) == 1 and labels[0] != "localhost") or not all(
        label and label.strip("-_") == label for label in labels
    ):
        raise EmailError
    return address


class _Reader:
    """Reads texts of one country, each way to write a number once. With `wanted`, only what may be one of these."""

    def __init__(self, country: str, wanted: frozenset[str] | None = None) -> None:
        self.country = country
        self.tails = None if wanted is None else {each.removeprefix("+")[-_TAIL:] for each in wanted}
        self.read: dict[str, frozenset[str]] = {}

    def found(self, text: str) -> Iterator[tuple[frozenset[str], int, int]]:
        """What each address and number in a text can be read as, and where it stands. They may overlap."""
        if "@" in text:
            yield from _addresses(text)
        for match in _RUN.finditer(text):
            start = match.start()
            if ")" in match[0] and "(" not in match[0] and text[start - 1 : start] == "(":
                # an area code in brackets: "(04) 9157 0156"
                start -= 1
            whole = self._number(match[0])
            yield whole, start, match.end()
            # an international number does not hold a national one, but words of other digits may follow it
            international = match[0].startswith(_INTERNATIONAL) and _is_number(whole)
            for number, begin, end in self._parts(match[0], only_first=international):
                yield number, start if begin == 0 else match.start() + begin, match.start() + end

    def _parts(self, run: str, *, only_first: bool) -> Iterator[tuple[frozenset[str], int, int]]:
        """Numbers inside a run of digits that may also hold a date, a time or further numbers."""
        groups = [group.span() for group in _GROUP.finditer(run)]
        for position, (start, _) in enumerate(groups[:1] if only_first else groups):
            digits = 0
            for begin, end in groups[position : position + _MOST_GROUPS]:
                digits += end - begin
                if digits > _MOST_DIGITS:
                    break
                if digits >= 7 and (number := self._number(run[start:end])) and _is_number(number):
                    yield number, start, end

    def _number(self, written: str) -> frozenset[str]:
        """A run of digits may be a national number, one that lost its plus, or no number at all: its digits."""
        digits = re.sub(r"[^0-9]", "", written)
        if self.tails is not None and digits[-_TAIL:] not in self.tails:
            return frozenset()
        if written.startswith("+"):
            digits = f"+{digits}"
        readings = self.read.get(digits)
        if readings is None:
            readings = self.read[digits] = _readings(digits, self.country)
        return readings


def _is_number(readings: frozenset[str]) -> bool:
    return any(each.startswith("+") for each in readings)


def _readings(digits: str, country: str) -> frozenset[str]:
    """What a run of digits may be: E.164 where it can be a number of the country or has a prefix that leads abroad,
    else its digits, and E.164 when it lacks nothing but the plus."""
    if len(digits) > _MOST_DIGITS:
        return frozenset()
    bare = digits.removeprefix("+")
    abroad = [f"+{bare.removeprefix(prefix)}" for prefix in ("00", "0011", "011") if digits.startswith(prefix)]
    for written in (digits, *abroad):
        try:
            return frozenset({possible(written, country)})
        except PhoneError:
            continue
    try:
        return frozenset({bare, possible(f"+{bare}", country)} if len(bare) >= 9 else {bare})
    except PhoneError:
        return frozenset({bare})


def _addresses(text: str) -> Iterator[tuple[frozenset[str], int, int]]:
    for match in _EACH_ADDRESS.finditer(text):
        domain = match[2].rstrip("-._")
        end = match.start(2) + len(domain)
        if not domain:
            continue
        for start in {0, *(before.end() for before in _BEFORE.finditer(match[1]))} - {len(match[1])}:
            start += match.start()
            yield frozenset({text[start:end].lower()}), start, end


def _text(value: object) -> str:
    """The text of a scalar; empty when there is no identifier in it."""
    if not isinstance(value, str):
        if value is None or isinstance(value, bool):
            return ""
        value = str(value)
    if "@" not in value and (not _DIGITS.search(value) or _DATE.fullmatch(value)):
        return ""
    return value


def identifiers(values: Iterable[object], country: str) -> list[str]:
    """The e-mail addresses (lower case) and numbers (E.164, or digits) in JSON scalars, sorted; only `MANY` when
    there are more than 256, or too many runs of digits to read."""
    found: set[str] = set()
    reader = _Reader(country)
    for value in values:
        if not (text := _text(value)):
            continue
        for readings, _, _ in reader.found(text):
            found |= readings
            if len(found) > MOST or len(reader.read) > _MOST_READ:
                return [MANY]
    return sorted(found)


def mentions(value: object, wanted: frozenset[str], country: str) -> bool:
    """Whether a scalar holds one of the identifiers."""
    text = _text(value)
    return bool(text) and any(
        not wanted.isdisjoint(readings) for readings, _, _ in _Reader(country, wanted).found(text)
    )


def is_whole(value: object, wanted: frozenset[str], country: str) -> bool:
    """Whether a scalar is one of the identifiers and nothing else, but for spaces around it and a full stop."""
    text = _text(value).strip().rstrip(".")
    return bool(text) and any(
        start == 0 and end == len(text) and not wanted.isdisjoint(readings)
        for readings, start, end in _Reader(country, wanted).found(text)
    )


def redact(text: str, wanted: frozenset[str], country: str) -> str:
    """The text with each of the identifiers replaced by `[erased]`."""
    reader = _Reader(country, wanted)
    # what is left of a run of digits may be readable only now
    while spans := _spans(text, wanted, reader):
        for start, end in reversed(spans):
            text = f"{text[:start]}[erased]{text[end:]}"
    return text


def _spans(text: str, wanted: frozenset[str], reader: _Reader) -> list[tuple[int, int]]:
    """Where identifiers stand, in order; those that overlap as one."""
    spans: list[tuple[int, int]] = []
    found = reader.found(text) if _text(text) else ()
    for start, end in sorted((start, end) for readings, start, end in found if not wanted.isdisjoint(readings)):
        if spans and start < spans[-1][1]:
            spans[-1] = spans[-1][0], max(end, spans[-1][1])
        else:
            spans.append((start, end))
    return spans
