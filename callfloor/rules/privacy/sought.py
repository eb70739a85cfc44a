"""A number and an address that are looked for in texts, however they are written there.

The certificate of an erasure says that nothing is left, so that what could be the number is the number: its digits in
a row with anything between them but letters, glued to other digits too. It is somebody else's only where the text says
so: as part of a number with another country's code, or of another number in the form of the organisation's country.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from callfloor.rules.privacy.identifiers import TAIL, identifiers, text_of
from callfloor.rules.privacy.plain_text import Plain, plain, plain_with_places

ERASED = "[erased]"
# A shorter number stands by chance in too many rows of digits: it has to stand by itself.
_SURE = 9
_NO_LETTER = r"[\W_]"
# What people write between the groups of one number.
_BETWEEN = r"[ \t\u00a0()./\u2010-\u2015\u2212_-]{0,3}"
_DATE = re.compile(r"(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])")
# Of a number no more than this stands before its significant digits: a prefix, its country code and what parts them.
_LONGEST_LEAD = 40
_MOST_GROUPS = 8
# Whether a number is somebody else's is asked so often in one text; after that it is taken for the one that is sought.
_MOST_JUDGED = 200
_MOST_DIGITS = 19
# A letter that can be part of the same word as a Latin one; those of other scripts part words.
_LATIN = r"[a-z0-9\u00aa-\u036f]"
# What may hide a number or an address from a search for plain digits and letters.
_HIDING = r"[^\x01-\x7f]|%[0-9A-Fa-f]{2}|&[#A-Za-z]|\\[^\"n]|=\?|</?[A-Za-z]|xn--"
_SCHEME = re.compile(r"[\W_]*(?:tel|sms|callto|mailto)?[\W_]*", re.ASCII)
_TAIL_OF_WHOLE = re.compile(r"(?:\.0+)?[\W_]*")


@lru_cache(maxsize=1)
def _library() -> Any:
    # slow to import, and most processes never need it
    import phonenumbers

    return phonenumbers


def _parse(written: str, country: str | None) -> Any:
    """What libphonenumber reads; None: nothing."""
    try:
        return _library().parse(written, country)
    except _library().NumberParseException:
        return None


@dataclass(frozen=True)
class Sought:
    """`number` in E.164, `address` as `normalise_email` makes it; `country` is the organisation's."""

    number: str | None
    address: str | None
    country: str

    @cached_property
    def lookups(self) -> list[str]:
        """The keys (`rules.identifiers`) of which a text that mentions what is sought has at least one."""
        keys = set[str]() if self.number is None else {self._core[-TAIL:]}
        if self.address is not None:
            keys |= {key for key in identifiers((self.address,)) if "@" in key and "." not in key.rpartition("@")[2]}
            if "." not in self.address.rpartition("@")[2]:
                # a dash behind a domain of one label is taken for part of its key
                keys |= {key + "-" * dashes for key in keys if "@" in key for dashes in range(1, 9)}
            if not self.address.isascii() or "xn--" in self.address:
                # punycode of what folds to ASCII
                keys |= {f"{key.partition('@')[0]}@xn--" for key in keys if "@" in key}
        return sorted(keys)

    def listed(self, keys: Sequence[str]) -> bool:
        """Whether these are, all but surely, keys of a text that mentions the number or the address."""
        known = set(keys)
        if self.number is not None and known.issuperset(identifiers((self._core,))):
            return True
        return self.address is not None and known.issuperset(key for key in identifiers((self.address,)) if "@" in key)

    def mentioned(self, value: object) -> bool:
        """Whether a JSON scalar holds the number or the address."""
        text = text_of(value)
        return bool(text) and next(self._spans(plain(text)), None) is not None

    @cached_property
    def pattern(self) -> str:
        """A regular expression for Python and PostgreSQL that is found in every text with a mention, and in few others.

        Case does not count. For texts without keys: it is cheap, and what it finds has to be looked at.
        """
        found = [_HIDING]
        if self.number is not None:
            found.append("[^0-9]*".join(self._core))
        if self.address is not None:
            # other letters may fold to ASCII ones
            for address in {self.address, plain(self.address)}:
                local, _, domain = address.rpartition("@")
                found.append(rf"{_literally(local)}\s*@\s*{_literally(domain)}")
        return "|".join(found)

    def is_whole(self, value: object) -> bool:
        """Whether a JSON scalar is the number or the address and nothing else, but for what stands around it."""
        read = plain(text_of(value))
        return any(
            _SCHEME.fullmatch(read, 0, start) and _TAIL_OF_WHOLE.fullmatch(read, end)
            for start, end in self._spans(read)
        )

    def redacted(self, text: str) -> str:
        """The text with each mention replaced by `[erased]`."""
        # what is left of a row of digits may be readable only now
        while text_of(text):
            read = plain_with_places(text)
            spans = list(self._spans(read.text))
            if not spans:
                break
            text = _without(text, read, spans)
        return text

    @cached_property
    def forms(self) -> list[str]:
        """The number in digits alone, as it may stand as a key of its own."""
        if self.number is None:
            return []
        full, national = self.number[1:], self._national
        international = [full, f"{self._code}0{national}"]
        forms = [*international, *(prefix + form for form in international for prefix in ("00", "0011", "011"))]
        forms += [national, f"0{national}"]
        return [form for form in dict.fromkeys(forms) if self.is_whole(form)]

    @cached_property
    def _parsed(self) -> Any:
        return None if self.number is None else _parse(self.number, None)

    @cached_property
    def _code(self) -> str:
        """The country code, in digits."""
        return "" if self._parsed is None else str(self._parsed.country_code)

    @cached_property
    def _national(self) -> str:
        """The national significant number."""
        return "" if self.number is None else self.number[1 + len(self._code) :]

    @cached_property
    def _trunk(self) -> str:
        """What stands before a national number of its country, in digits."""
        region = _library().region_code_for_number(self._parsed)
        return _library().ndd_prefix_for_region(region or "", True) or ""

    @cached_property
    def _core(self) -> str:
        """The digits that every way to write the number has."""
        return self._national if len(self._national) >= TAIL else self._code + self._national

    @cached_property
    def _digits(self) -> re.Pattern[str]:
        between = f"{_NO_LETTER}*+" if len(self._core) >= _SURE else f"{_NO_LETTER}{{0,3}}+"
        return re.compile(between.join(self._core))

    @cached_property
    def _lead(self) -> re.Pattern[str]:
        """What may stand before the core: prefix, country code and trunk prefix, in brackets or not."""
        few = f"{_NO_LETTER}{{0,3}}"
        prefix = rf"(?:(?:\+|(?<!\d)0{few}0(?:{few}1{few}1)?|(?<!\d)0{few}1{few}1){few})?"
        trunks = "|".join(sorted({"0", self._trunk} - {""}, key=len, reverse=True))
        trunk = rf"(?:\(?(?:{trunks})\)?{few})?"
        code = few.join(self._code) + few
        loose = rf"(?<!\d)(?:{trunks})[ \t./()-]{{0,3}}|0"
        if self._core != self._national:
            return re.compile(rf"{prefix}\(?\Z")
        return re.compile(rf"(?:{prefix}(?:(?<!\d)\(?)?{code}{trunk}|{loose})\Z")

    @cached_property
    def _mailbox(self) -> re.Pattern[str]:
        local, _, domain = plain(self.address or "").rpartition("@")
        after = rf"(?!-*{_LATIN})(?!\.-*{_LATIN})"
        return re.compile(rf"{re.escape(local)}\s*@\s*{re.escape(domain)}{after}")

    def _spans(self, read: str) -> Iterator[tuple[int, int]]:
        """Where number and address stand in a plain text."""
        if self.address is not None and "@" in read:
            for found in self._mailbox.finditer(read):
                if _begins_mailbox(read, found.start()):
                    yield found.span()
        if self.number is None:
            return
        found, judged = self._digits.search(read), 0
        while found is not None:
            start = self._start(read, found.start())
            judged += 1
            if self._stands_by_itself(read, start, found.end()) and (
                judged > _MOST_JUDGED or not self._is_anothers(read, *found.span())
            ):
                yield _with_bracket(read, start, found.end())
            found = self._digits.search(read, found.start() + 1)

    def _start(self, read: str, core: int) -> int:
        """Where the number begins whose core begins there."""
        # one more character, so that a digit before is seen
        offset = max(core - _LONGEST_LEAD, 0)
        lead = self._lead.search(read[offset:core])
        return core if lead is None else offset + lead.start()

    def _stands_by_itself(self, read: str, start: int, end: int) -> bool:
        if len(self._core) >= _SURE:
            return True
        alone = not read[start - 1 : start].isdigit() and not read[end : end + 1].isdigit()
        return alone and not _DATE.fullmatch(read, start, end)

    def _is_anothers(self, read: str, start: int, end: int) -> bool:
        """Whether the core that stands there is part of somebody else's number."""
        readings = {token: self._readings(token) for token in _tokens(read, start, end)}
        own = [token for token, found in readings.items() if self._parsed in found]
        if any(found and self._parsed not in found for token, found in readings.items() if _leads_abroad(token)):
            # a number that names another country does not hold a national one, but one with its trunk prefix may follow
            own = [token for token in own if _leads_abroad(token) or re.match("0[0-9]", token)]
        return not own and any(readings.values())

    def _readings(self, token: str) -> list[Any]:
        """What a row of digits says it is: a number of a country that it names, or one of the organisation's."""
        bare = _bare(token)
        if _leads_abroad(token):
            found = [_parse(f"+{form}", None) for form in _abroad(bare, plus=token.startswith("+"))]
            return [each for each in found if each is not None and self._is_plausible(each)]
        if bare in (self._code + self._national, f"{self._code}0{self._national}"):
            return [self._parsed]
        national = _parse(bare, self.country)
        return [national] if national is not None and self._is_at_home(national, bare) else []

    def _is_at_home(self, number: Any, digits: str) -> bool:
        """Whether digits are a number of the organisation's country as people there write it, in a new range too."""
        library = _library()
        if library.is_valid_number_for_region(number, self.country):
            return True
        usual = library.example_number(self.country)
        code = library.country_code_for_region(self.country)
        full = usual is not None and len(str(usual.national_number)) == len(str(number.national_number))
        return full and number.country_code == code and digits.startswith("0")

    def _is_plausible(self, number: Any) -> bool:
        """Of the number's own country only a valid number is somebody else's; of another what has a fit length."""
        if number.country_code == self._parsed.country_code:
            return bool(number == self._parsed or _library().is_valid_number(number))
        return bool(_library().is_possible_number(number))


def _literally(text: str) -> str:
    return re.sub(r"([^A-Za-z0-9_\x80-\U0010ffff])", r"\\\1", text)


def _bare(token: str) -> str:
    return re.sub(r"[^0-9]", "", token)


def _leads_abroad(token: str) -> bool:
    return token.startswith("+") or _bare(token).startswith(("00", "011"))


def _abroad(digits: str, *, plus: bool) -> list[str]:
    if plus:
        return [digits]
    return [digits[len(prefix) :] for prefix in ("00", "0011", "011") if digits.startswith(prefix)]


_RUN_BEFORE = re.compile(rf"(?:\+?[0-9]++{_BETWEEN}+)*+\Z")
_GROUP = re.compile(r"\+?[0-9]+")
_RUN_AFTER = re.compile(rf"[0-9]*+(?:{_BETWEEN}[0-9]++)*+")


def _tokens(read: str, start: int, end: int) -> Iterator[str]:
    """Rows of whole groups of digits that hold a piece of a text, as people write one number."""
    offset = max(start - _LONGEST_LEAD, 0)
    before = _RUN_BEFORE.search(read[offset:start])
    after = _RUN_AFTER.match(read, end, end + _LONGEST_LEAD)
    first = start if before is None else offset + before.start()
    last = end if after is None else after.end()
    groups = [group.span() for group in _GROUP.finditer(read, first, last)]
    begins = [group[0] for group in groups if group[0] <= start][-_MOST_GROUPS:]
    ends = [group[1] for group in groups if group[1] >= end][:_MOST_GROUPS]
    in_time = re.search(r"[0-9][:;,|_]\s*\Z", read[max(first - 4, 0) : first]) is not None
    for begin in begins:
        token = read[begin:end]
        # 00, 0011 and 011 lead abroad at the beginning of a row only: else they are minutes, or the end of a number
        if (begin != first or in_time) and not token.startswith("+") and _leads_abroad(token):
            continue
        for stop in ends:
            if len(_bare(read[begin:stop])) <= _MOST_DIGITS:
                yield read[begin:stop]


def _begins_mailbox(read: str, start: int) -> bool:
    """Whether a mailbox's name begins there: it is not the end of a longer one."""
    before = read[max(start - 64, 0) : start]
    return re.search(f"{_LATIN}[._+-]*\\Z", before) is None


def _with_bracket(read: str, start: int, end: int) -> tuple[int, int]:
    """The bracket of an area code or country code goes with it."""
    found = read[start:end]
    if found.count(")") > found.count("(") and read[start - 1 : start] == "(":
        start -= 1
    return start, end


def _without(text: str, read: Plain, spans: list[tuple[int, int]]) -> str:
    """The written text without what was found in the plain one; mentions that overlap go as one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(read.written(*span) for span in spans):
        if joined and start < joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    pieces, at = list[str](), 0
    for start, end in joined:
        pieces += text[at:start], ERASED
        at = end
    return "".join((*pieces, text[at:]))
