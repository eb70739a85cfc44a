"""What the name of a column says, in the words that people write (docs/imports.md has the same list).

Pure: a name in, what it may be out. Which of several columns gets a field is `import_columns`' to say.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# The fields that a row can have, in the order in which they are shown.
PHONES: Final = ("phone1", "phone2", "phone3")
FIELDS: Final = (
    "listId", "customerKey", "timezone", *PHONES, "nextAttemptTimestamp", "statusCode", "agentId", "isCompleted",
    "doNotCall",
)  # fmt: skip
# What the API answers with and does not take: a column of such a name is refused, not kept as somebody's own.
ANSWERED_ONLY: Final = frozenset({
    "leadId", "campaignId", "campaignName", "listName", "agentFullName", "dataFields", "lastStatusCode",
    "lastStatusDescription", "phones", "outcomeType", "outcomesInfo", "timestamps", "inDialler", "leadData",
    "callbackMoved",
})  # fmt: skip
LONGEST: Final = 64

_PHONE = frozenset({
    "phone", "phones", "telephone", "tel", "mobile", "mob", "cell", "cellphone", "cellular", "handphone", "landline",
    "ph", "msisdn", "smartphone",
})  # fmt: skip
_NUMBER = frozenset({"number", "no", "num", "nr", "nbr"})
# May stand beside a word for phone without saying that it is something else.
_BESIDE = _NUMBER | frozenset({
    "home", "work", "office", "business", "company", "day", "daytime", "evening", "night", "after", "hours", "primary",
    "main", "secondary", "alternate", "alternative", "alt", "other", "best", "preferred", "customer", "client",
    "contact", "lead", "person", "personal", "private", "direct", "dial", "call", "to", "first", "second", "third",
    "one", "two", "three", "e", "international", "intl", "national", "formatted", "full", "line", "member", "patient",
    "donor", "student", "debtor", "borrower", "owner", "tenant", "guest", "user", "subscriber", "prospect", "caller",
    "consumer", "the",
})  # fmt: skip
# With "number" or the like they are a phone; alone they are not.
_NUMBER_OF = frozenset({
    "contact", "home", "work", "office", "daytime", "evening", "best", "preferred", "primary", "main", "secondary",
    "alternate", "alternative", "alt", "other", "dial", "call", "direct",
})  # fmt: skip
_LATER = frozenset({"secondary", "alternate", "alternative", "alt", "other"})
_ORDINALS = {
    "1": 1, "01": 1, "one": 1, "first": 1, "2": 2, "02": 2, "two": 2, "second": 2, "3": 3, "03": 3, "three": 3,
    "third": 3,
}  # fmt: skip
_WHOSE = frozenset({
    "customer", "cust", "client", "account", "acct", "member", "contact", "external", "crm", "unique", "record", "lead",
    "person", "patient", "subscriber", "donor", "student", "debtor", "borrower",
})  # fmt: skip
_KEY = frozenset({"id", "key", "ref", "reference", "code", "identifier"}) | _NUMBER
# Other names of a field, as their words joined; the weak ones count only where no other column has a better name.
_SYNONYMS: Final = {
    "timezone": ("timezone", "tz", "customertimezone", "leadtimezone", "timezonename"),
    "nextAttemptTimestamp": (
        "nextattempttimestamp", "nextattempt", "nextattempttime", "nextattemptat", "nextcall", "nextcalltime",
        "nextcallat", "callbacktime", "callbacktimestamp", "callbackat", "callbackdate", "callbackdatetime",
    ),
    "statusCode": ("statuscode", "leadstatuscode"),
    "agentId": ("agentid",),
    "listId": ("listid", "leadlistid"),
    "isCompleted": ("iscompleted", "completed", "leadcompleted"),
    "doNotCall": (
        "donotcall", "dnc", "isdnc", "ondnc", "donotphone", "donotcontact", "dontcall", "nocall", "nocalls", "optout",
        "optedout", "dncr", "ondncr", "donotcallflag", "dncflag",
    ),
    "customerKey": ("customerkey",),
}  # fmt: skip
_WEAK_KEYS = frozenset({"id", "key", "ref", "reference", "refno", "refnumber", "referenceno", "referencenumber",
                        "identifier", "guid", "uuid"})  # fmt: skip
_FIELD_OF = {word: field for field, words in _SYNONYMS.items() for word in words}
_PLAIN = {field.lower(): field for field in FIELDS}
_VOCABULARY = _PHONE | _BESIDE
_LONGEST_WORD = max(map(len, _VOCABULARY))
_CASES = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORDS = re.compile(r"[^\W\d_]+|\d+|#")
# drawn, but without any width, or without a meaning of their own
_UNSEEN = frozenset({"Cf", "Cc"})


def cleaned(name: str) -> str:
    """The name of a column without what nobody sees: spaces around it, invisible characters, doubled spaces."""
    if name.isascii() and name.isprintable():
        return " ".join(name.split()) if "  " in name else name.strip()
    seen = "".join(
        " " if each.isspace() else "" if unicodedata.category(each) in _UNSEEN else each
        for each in unicodedata.normalize("NFC", name)
    )
    return " ".join(seen.split())


def words_of(name: str) -> list[str]:
    """The words of a name in lower case: `Phone No.`, `phone_no` and `PhoneNo` are the same; `#` is a number."""
    if len(name) > LONGEST:
        return []
    parted = _CASES.sub(" ", unicodedata.normalize("NFKC", name))
    return ["number" if word == "#" else word for word in _WORDS.findall(parted.casefold())]


def field_of(name: str) -> str | None:
    """The field that is called so, whatever its case and spaces; None: no field has this name."""
    return _PLAIN.get("".join(words_of(name)))


def synonym_of(name: str) -> tuple[str, bool] | None:
    """The field that a name stands for, and whether surely; `phone` for any of the three phones; None: for none."""
    words = words_of(name)
    joined = "".join(words)
    if joined in _FIELD_OF:
        return _FIELD_OF[joined], True
    if phone_words(name) is not None:
        return "phone", True
    if len(words) > 1 and words[-1] in _KEY and words[-2] in _WHOSE and len(words) <= 3:
        return "customerKey", True
    if any(joined == whose + key for whose in _WHOSE for key in _KEY):
        return "customerKey", True
    return ("customerKey", False) if joined in _WEAK_KEYS else None


def phone_words(name: str) -> list[str] | None:
    """The words of a name that says phone and nothing else (`Mobile No.`, `home_phone`, `Contact Number 2`), or None.

    A type, an extension, a consent, a note are not numbers: another word, and the column is somebody's own.
    """
    words = words_of(name)
    if not words or words[0] in ("no", "not"):
        return None
    parted: list[str] = []
    for word in words:
        known = [word] if word.isdigit() or word in _VOCABULARY else _parted(word)
        if known is None:
            return None
        parted += known
    if parted[0] in _NUMBER and parted[1:] not in (["to", "dial"], ["to", "call"]):
        return None
    said = set(parted)
    return parted if said & _PHONE or (said & _NUMBER_OF and said & _NUMBER) else None


def place_of(words: list[str]) -> tuple[int | None, bool]:
    """The place among the three phones that the words of a phone ask for, and whether they put it behind others."""
    place = next((_ORDINALS[word] for word in reversed(words) if word in _ORDINALS), None)
    return place, bool(_LATER & set(words)) or any(word.isdigit() and word not in _ORDINALS for word in words)


def _parted(text: str) -> list[str] | None:
    """A word as words of the vocabulary without spaces between them (`homephone`, `phonenumber`), or None."""
    ends: dict[int, list[str]] = {0: []}
    for end in range(1, len(text) + 1):
        for start in range(max(0, end - _LONGEST_WORD), end):
            if start in ends and text[start:end] in _VOCABULARY:
                ends[end] = [*ends[start], text[start:end]]
                break
    return ends.get(len(text))


def nearly(name: str) -> str | None:
    """The field whose name lacks one letter, has one more or another, or has two changed places; None: none is near."""
    joined = "".join(words_of(name))
    if not 5 <= len(joined) <= LONGEST:
        return None
    return next((field for plain, field in _PLAIN.items() if len(plain) >= 5 and _one_slip(joined, plain)), None)


def _one_slip(written: str, meant: str) -> bool:
    if abs(len(written) - len(meant)) > 1 or written == meant:
        return False
    start = 0
    while start < min(len(written), len(meant)) and written[start] == meant[start]:
        start += 1
    left, right = written[start:], meant[start:]
    if len(left) == len(right):
        swapped = len(left) > 1 and left[1] + left[0] + left[2:] == right
        changed = left[1:] == right[1:] and not (left[:1].isdigit() or right[:1].isdigit())
        return swapped or changed
    longer, shorter = (left, right) if len(left) > len(right) else (right, left)
    # phone11 or plan2 counts on: that is no slip
    return longer[1:] == shorter and not longer[0].isdigit()
