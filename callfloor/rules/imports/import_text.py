"""What a body is that was sent to be imported: its form, its encoding, its separator. Pure; says so only where it is
unmistakable, and otherwise what to send along."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final, Literal

from callfloor.rules.imports import import_words
from callfloor.rules.imports.import_columns import ColumnsError, kind_of

Form = Literal["json", "csv", "ndjson", "xlsx"]
FORMS: Final[dict[str, Form]] = {
    "application/json": "json",
    "text/json": "json",
    "text/csv": "csv",
    "application/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/vnd.ms-excel": "csv",  # what browsers under Windows call a CSV file
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}
ENDINGS: Final[dict[str, Form]] = {
    "json": "json", "csv": "csv", "tsv": "csv", "txt": "csv", "tab": "csv", "ndjson": "ndjson", "jsonl": "ndjson",
    "xlsx": "xlsx", "xlsm": "xlsx",
}  # fmt: skip
SEPARATORS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", r"\t": "\t", "space": " ", "colon": ":"}
CANDIDATES: Final = (",", ";", "\t", "|")
# Where text without a declared encoding was not written with Windows' western code page.
OTHER_CODE_PAGES: Final = {
    **dict.fromkeys(("PL", "CZ", "SK", "HU", "RO", "SI", "HR", "RS", "BA", "AL", "ME"), "windows-1250"),
    **dict.fromkeys(("BG", "RU", "UA", "BY", "MK", "KZ", "KG", "MN"), "windows-1251"),
    **dict.fromkeys(("GR", "CY"), "windows-1253"),
    **dict.fromkeys(("TR", "AZ"), "windows-1254"),
    "IL": "windows-1255",
    **dict.fromkeys(("AE", "SA", "EG", "IQ", "JO", "KW", "LB", "QA", "SY", "YE", "IR", "PK"), "windows-1256"),
    **dict.fromkeys(("EE", "LV", "LT"), "windows-1257"),
    "VN": "windows-1258", "CN": "gb18030", "TW": "big5", "HK": "big5", "JP": "shift_jis", "KR": "euc-kr", "TH": "cp874",
}  # fmt: skip
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHARSETS: Final = re.compile(
    r"utf-?8|utf-?8-sig|utf-?16|utf-?16-?[lb]e|utf-?32|utf-?32-?[lb]e|us-ascii|ascii|latin-?1|iso-?8859-?1"
    r"|iso-?8859-?(?:[2-9]|1[013-6])|(?:windows|cp)-?(?:125[0-8]|437|85[0258]|866|874|93[26]|949|950)|mac-?roman|macintosh"
    r"|koi8-[ru]|shift-?jis|sjis|euc-?jp|iso-?2022-?jp|gbk|gb2312|gb18030|big5|big5-?hkscs|euc-?kr|tis-?620",
    re.ASCII,
)
_WESTERN_LETTERS = frozenset(
    "ŠŽŒŸšžœƒªº" + "".join(chr(code) for code in range(0xC0, 0x100) if code not in (0xD7, 0xF7))
)
# Marks that stand anywhere, and those that touch no letter.
_WESTERN_MARKS = frozenset("‘’“”„‚–—…•©®™°«»¿¡·´¹²³¼½¾±‹›\xa0\xad")
_WESTERN_SIGNS = frozenset("€£¥¢§¨¸µ¬×÷†‡‰¶¦")
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_LONGEST_RUN = 2
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?,*;*\r?\n?', re.IGNORECASE)
_WEB = re.compile(rb"\s*<(?:!doctype|html|head|body|table|meta|style|script|div|!--|\?xml|[a-z]+[ :>])", re.IGNORECASE)
# An object or an array, and no column whose name stands in brackets.
_JSON = re.compile(rb"\s*(?:\{\s*[\"}]|\[\s*[\[{\"\]])")
# How other files begin that people call tables, and what to do with them.
_SAVE = "save it as CSV or XLSX"
_UNPACK = "unpack it and send the table that is in it"
_OTHER_FILES: Final = (
    (b"\xd0\xcf\x11\xe0", "in Microsoft's old form (.xls, .doc), or a workbook with a password: save it as XLSX"),
    (b"\x1f\x8b", "compressed: send it with Content-Encoding: gzip, or unpack it"),
    (b"%PDF", f"a PDF: {_SAVE}"),
    (b"{\\rtf", f"a text in RTF: {_SAVE}"),
    (b"%!PS", f"a document in PostScript: {_SAVE}"),
    (b"Rar!", f"a RAR archive: {_UNPACK}"),
    (b"7z\xbc\xaf\x27\x1c", f"a 7z archive: {_UNPACK}"),
    (b"BZh", f"compressed with bzip2: {_UNPACK}"),
    (b"\xfd7zXZ", f"compressed with xz: {_UNPACK}"),
    (b"\x28\xb5\x2f\xfd", f"compressed with zstd: {_UNPACK}"),
    (b"SQLite format 3", f"a database of SQLite: {_SAVE}"),
    (b"\x00\x01\x00\x00Standard ", f"a database of Access: {_SAVE}"),
    (b"PAR1", f"in Parquet: {_SAVE}"),
    (b"BEGIN:VCARD", f"of address cards (vCard): {_SAVE}"),
    (b"\x89PNG", f"a picture: {_SAVE}"),
    (b"\xff\xd8\xff", f"a picture: {_SAVE}"),
    (b"GIF8", f"a picture: {_SAVE}"),
)
# The same of archives, by a part that they have.
_OTHER_ARCHIVES: Final = (
    ("xl/workbook.bin", "a binary workbook (.xlsb): save it as XLSX"),
    ("word/document.xml", f"a document of Word: {_SAVE}"),
    ("ppt/presentation.xml", f"a presentation: {_SAVE}"),
    ("Index/Document.iwa", f"of Apple Numbers or Pages: {_SAVE}"),
    ("content.xml", f"an OpenDocument file (.ods, .odt): {_SAVE}"),
)
SAMPLE_ROWS = 30
_MOST_NAMES = 200


class TextError(ValueError):
    """The body is not what it was said to be, or cannot be read without being told more."""


def form_of(declared: Form, start: bytes) -> Form:
    """The form of a body that starts so. A workbook is one whatever it was called. Raises `TextError`."""
    if start.startswith(b"PK\x03\x04"):
        return "xlsx"
    if start.startswith(b"PK"):
        raise TextError("The file is an empty or broken archive, not a table: save it as CSV or XLSX.")
    text = start.removeprefix(codecs.BOM_UTF8)
    for mark, words in _OTHER_FILES:
        if text.startswith(mark):
            raise TextError(f"The file is {words}.")
    if declared in ("csv", "xlsx") and _WEB.match(text.replace(b"\x00", b"")):
        raise TextError("The file is a web page or XML that was called a table: save it as CSV or XLSX.")
    if declared == "csv" and _JSON.match(text):
        raise TextError("The file is JSON: send it with Content-Type: application/json, or application/x-ndjson.")
    if declared == "xlsx":
        raise TextError("The file is not an XLSX workbook; if it is CSV, send it with Content-Type: text/csv.")
    return declared


def refuse_archive(parts: Sequence[str]) -> None:
    """Raises `TextError` for an archive with these parts when it is no workbook."""
    if "xl/workbook.xml" in parts:
        return
    words = next((words for part, words in _OTHER_ARCHIVES if part in parts), f"a ZIP archive: {_UNPACK}")
    raise TextError(f"The file is {words}.")


def codec_of(charset: str) -> str:
    """The codec of a charset's name. Raises `TextError` for one that is not taken."""
    name = charset.strip().strip("\"'").lower().replace("_", "-")
    if not _CHARSETS.fullmatch(name):
        raise TextError(f"The encoding {charset[:40]} is not known: name one such as utf-8, utf-16 or windows-1252.")
    if name in ("latin1", "latin-1", "iso-8859-1", "iso8859-1", "us-ascii", "ascii"):
        # as browsers have it: whoever says so means Windows' superset
        return "cp1252"
    codec = codecs.lookup(name.replace("windows-", "cp").replace("macintosh", "mac-roman")).name
    return "utf-8-sig" if codec == "utf-8" else codec


def declared_codec(start: bytes, charset: str | None) -> str | None:
    """The codec that a byte-order mark, the sender, or zero bytes between letters say; None: nothing says it."""
    for mark, codec in _BOMS:
        if start.startswith(mark):
            return codec
    if charset is not None:
        return codec_of(charset)
    sample = start[:2000]
    zeros = sample[1::2].count(0), sample[::2].count(0)
    if zeros[0] * 5 > len(sample) > 3 and not zeros[1]:
        return "utf-16-le"
    if zeros[1] * 5 > len(sample) > 3 and not zeros[0]:
        return "utf-16-be"
    if 0 in sample:
        raise TextError("The file holds NUL characters: is it text? CSV is taken in UTF-8, UTF-16 and Windows-1252.")
    return None


def guessed_codec(lines: Iterable[bytes], country: str) -> str:
    """The codec of text that is not UTF-8, by some of its lines: Windows-1252 where every character beyond ASCII is a
    letter or mark of western Europe in its place. Raises `TextError` where it may be something else."""
    likely = OTHER_CODE_PAGES.get(country)
    if likely is None and all(_is_western(line) for line in lines):
        return "cp1252"
    raise TextError(
        "The file is not UTF-8. Say what it is in the Content-Type, such as"
        f" text/csv; charset={likely or 'windows-1252'}, or save it as UTF-8."
    )


def _is_western(line: bytes) -> bool:
    """Whether what is beyond ASCII in a line reads as words of western Europe: letters among letters, in the case that
    they have there, at most two in a row; marks where they stand."""
    for run in _HIGH_RUN.finditer(line):
        if len(run[0]) > _LONGEST_RUN:
            return False
        try:
            text = run[0].decode("cp1252")
        except UnicodeDecodeError:
            return False
        before, behind = line[: run.start()][-1:].decode(), line[run.end() : run.end() + 1].decode()
        letters = [each for each in text if each in _WESTERN_LETTERS]
        signs = [each for each in text if each in _WESTERN_SIGNS]
        in_word = before.isalpha() or behind.isalpha()
        if len(letters) > 1 and not in_word:
            return False
        if letters and before.islower() and letters[0].isupper():
            return False
        if signs and (letters or in_word):
            return False
        if not all(each in _WESTERN_MARKS for each in text if each not in letters and each not in signs):
            return False
    return True


def separator_named(text: str) -> str:
    """The separator that a sender names: the character, or `comma`, `semicolon`, `tab`, `pipe`. Raises `TextError`."""
    separator = SEPARATORS.get(text.lower(), text)
    if len(separator) != 1 or separator in '"\r\n\x00' or separator.isalnum():
        raise TextError(f"must be one character, or one of {', '.join(SEPARATORS)}")
    return separator


def separator_line(line: str) -> str | None:
    """The separator that a first line such as `sep=;` names for spreadsheets; None: the line is none."""
    form = _SEPARATOR_LINE.fullmatch(line) if len(line) < 40 else None
    return None if form is None else form[1]


def separator_of(lines: Sequence[str], named: Iterable[str]) -> str:
    """The separator under which the first line has the most names of fields, and the rows are as wide as it.

    `named`: columns that the sender names.
    """
    known = frozenset(named)
    scores = {each: _score(lines, each, known) for each in CANDIDATES}
    return max(CANDIDATES, key=lambda each: scores[each])


def _score(lines: Sequence[str], separator: str, named: frozenset[str]) -> tuple[int, int, int]:
    try:
        rows = [row for row in islice(csv.reader(lines, delimiter=separator), SAMPLE_ROWS) if any(row)]
    except csv.Error:
        return 0, 0, 0
    if not rows or len(rows[0]) < 2:
        return (sum(map(_means, rows[0][:1], [named])) if rows else 0), 0, 0
    header = rows[0]
    alike = sum(len(row) == len(header) for row in rows[1:])
    return sum(_means(name, named) for name in header[:_MOST_NAMES]), alike, len(header)


def _means(name: str, named: frozenset[str]) -> bool:
    clean = import_words.cleaned(name)
    try:
        return clean in named or kind_of(clean) is not None
    except ColumnsError:
        return True
