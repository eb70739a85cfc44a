"""What people, files and programs write where a number belongs, down to its digits; what cannot be one is refused.

Nothing here knows a country: what the digits mean is `rules.phones`' to say.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple
from urllib.parse import unquote

LONGEST = 64
# no number as an example: messages are stored with wrong rows, and an erased customer may have any number
HINT = "write it in full, with + and country code"

_SPREADSHEET = re.compile(r"[+-]?[0-9]{7,}[.,][0-9]{1,2}|[+-]?[0-9]+(?:[.,][0-9]*)?[eE][+-]?[0-9]+")
# Excel's own marks for a text: an apostrophe in front, or a formula that is one string
_MARKED = re.compile(r"'(?P<plain>[^']*)|=\"(?P<formula>[^\"]*)\"")
_TEL = re.compile(r"tel\.?:(?://)?\s*(?P<number>[^;?]*)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_CONTEXT = re.compile(r";phone-context=(?P<prefix>\+[0-9.()\-]{1,20})", re.IGNORECASE)
# digits, then what announces further digits: 0491 … x123, ext. 5, ;ext=5, #12, and pauses of a telephone's memory
_EXTENSION = re.compile(
    r"(?P<number>.*[0-9].*?)[\s,;.(\-]*"
    r"(?:;\s*(?:ext|postd|isub)\s*=|e?xt(?:n|ensi[oó]n?)?|x|#|\*|~|,|p|w|доб|anexo|int(?:ern[aeo]?)?|poste|app(?:arat)?|"
    r"durchwahl|dw|ramal|bis)"
    r"[\s.:=#\-]*[0-9]{1,8}[\s#)]*",
    re.IGNORECASE | re.DOTALL,
)
_EXTENDED = frozenset("xX#*~,;pPwW=")
# Characters without ink that Unicode counts among letters and symbols.
_BLANK = "\u2800\u3164\u115f\u1160\uffa0"
_DATE = re.compile(
    r"(?:19|20)[0-9]{2}[-./](?:0?[1-9]|1[0-2])[-./](?:0?[1-9]|[12][0-9]|3[01])"
    r"|(?:0?[1-9]|[12][0-9]|3[01])[-./](?:0?[1-9]|[12][0-9]|3[01])[-./](?:19|20)[0-9]{2}"
)
_SEPARATORS = frozenset(" -./()[]")
_PREFIXES = ("", "00", "011", "0011")


class PhoneError(ValueError):
    """The text cannot be a phone number. Neither the message nor `code` holds the text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Written(NamedTuple):
    """`digits`: 0 to 9. `plus`: a + stood in front. `optional`: where a zero in brackets stands in them, None: nowhere
    (`+49 (0) 30 …`: it is dialled inside the country only)."""

    digits: str
    plus: bool
    optional: int | None


def refused(message: str) -> PhoneError:
    return PhoneError("invalid-phone", message)


def read_written(text: str) -> Written:
    """The digits of a number as somebody wrote it. Raises `PhoneError`."""
    if len(text) > LONGEST:
        raise PhoneError("phone-too-long", f"has more than {LONGEST} characters")
    seen = "".join(each for each in text if unicodedata.category(each) != "Cf").strip()
    if marked := _MARKED.fullmatch(seen):
        seen = (marked["plain"] or marked["formula"] or "").strip()
    if uri := _TEL.fullmatch(seen):
        seen = _of_uri(uri["number"], uri["rest"])
    plain = "".join(map(_plain, seen)).strip()
    if not any(each in "0123456789" for each in plain):
        raise refused("has letters and no digits" if any(map(str.isalpha, plain)) else "has no digits")
    if _SPREADSHEET.fullmatch(plain):
        raise refused(
            "is no longer a number to dial: a spreadsheet turned this into a number; format the column as text there, "
            "fill the numbers in again and save the file anew"
        )
    if _DATE.fullmatch(plain):
        raise refused("is a date")
    _check_signs(plain)
    return _digits(plain)


def _of_uri(number: str, parameters: str) -> str:
    """The number of a `tel:` URI (RFC 3966) with its parameters, as somebody would write it."""
    number = unquote(number)
    context = _CONTEXT.search(parameters)
    if context is not None:
        parameters = _CONTEXT.sub("", parameters, count=1)
        if not number.lstrip().startswith("+"):
            number = context["prefix"] + number
    return number + parameters


def _plain(each: str) -> str:
    """The ASCII character that a digit, sign or space of whatever script stands for; others as they are."""
    if each.isascii():
        return " " if each == "\t" else each
    digit = unicodedata.decimal(each, None)
    if digit is not None:
        return str(digit)
    category = unicodedata.category(each)
    if category == "Zs":
        return " "
    # minus sign, hyphen bullet, and the long vowel mark that Japanese keyboards give for a hyphen
    if category == "Pd" or each in "\u2212\u2043\u30fc\uff70":
        return "-"
    if each in "\u2024\u00b7\u30fb\uff65":
        return "."
    narrow = unicodedata.normalize("NFKC", each)
    return narrow if narrow.isascii() and len(narrow) == 1 and not narrow.isalnum() else each


def _check_signs(plain: str) -> None:
    """Raise `PhoneError` for anything but digits, + and separators, and say what it is."""
    odd = [
        each for each in plain if not (each.isascii() and each.isdigit()) and each not in _SEPARATORS and each != "+"
    ]
    if not odd:
        return
    if any(each in _EXTENDED or each.isalpha() for each in odd) and _EXTENSION.fullmatch(plain):
        raise refused("has an extension, or keys for after the answer: write the number alone")
    hidden = next(
        (each for each in odd if not each.isprintable() or unicodedata.category(each)[0] == "M" or each in _BLANK), None
    )
    if hidden is not None:
        what = "a line break" if hidden in "\r\n\u2028\u2029\x0b\x0c\x85" else "a character that cannot be seen"
        raise refused(f"has {what} (U+{ord(hidden):04X}) in it: take it out")
    if any(map(str.isalpha, odd)):
        raise refused("has letters: write digits only, one number and nothing else")
    if any(each.isnumeric() for each in odd):
        raise refused(f"has a sign that is no plain digit (U+{ord(odd[0]):04X}): write 0 to 9")
    raise refused(f"has a {odd[0]} (U+{ord(odd[0]):04X}), which no number has: write one number and nothing else")


def _digits(plain: str) -> Written:
    before, plus, after = plain.rpartition("+")
    if "+" in before:
        raise refused("has more than one +: write one number")
    lead = re.sub(r"[^0-9]", "", before)
    if plus and lead not in _PREFIXES:
        raise refused("has a + inside: write one number, with the + in front")
    if not plus and plain[0] not in "0123456789([":
        raise refused(f"begins with {plain[0]}: write digits, or + and digits")
    optional = re.search(r"[(\[]\s*0\s*[)\]]", after)
    place = None if optional is None else len(re.sub(r"[^0-9]", "", after[: optional.start()]))
    return Written(re.sub(r"[^0-9]", "", after), bool(plus), place)
