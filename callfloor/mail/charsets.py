"""In which charset a text is: as it says where that fits, else as its bytes look. Nothing here raises for any input."""

from __future__ import annotations

import codecs
import re

# Codecs of Python that are no charsets of mail, or need long.
_NO_CHARSETS = frozenset({"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "mbcs", "oem"})
_CHARSET = re.compile(r"[A-Za-z0-9_.:()+-]{1,40}")
# Names that mail uses and Python does not know, and charsets that mail declares for a larger one.
_MEANT = {
    "gb2312": "gb18030", "gbk": "gb18030", "cp936": "gb18030", "euc-kr": "cp949", "ks-c-5601-1987": "cp949",
    "shift-jis": "cp932", "sjis": "cp932", "iso-2022-jp": "iso2022_jp_ext", "ascii": "utf-8", "us-ascii": "utf-8",
    "utf8mb4": "utf-8", "unicode-1-1-utf-7": "utf-7", "iso-8859-8-i": "iso-8859-8", "iso-8859-6-i": "iso-8859-6",
    "iso-8859-1": "cp1252", "latin1": "cp1252", "mac": "mac_roman", "macintosh": "mac_roman",
}  # fmt: skip
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
# Escapes that switch to Japanese or Korean (ISO 2022); elsewhere they are control characters that nobody writes.
_JAPANESE = re.compile(rb"\x1b(?:\$[@B]|\$\([DOQ]|\([JI])")
_KOREAN = re.compile(rb"\x1b\$\)C")
_LIKELY = [
    "gb18030", "big5", "cp932", "euc_jp", "cp949", "cp1251", "koi8_r", "cp1252", "cp1250", "cp1253", "cp1254", "cp1255",
    "cp1256", "cp874",
]  # fmt: skip
# So much of a text is looked at to guess, in bytes.
_SAMPLE = 16 * 1024


def decoded(content: bytes, charset: str | None) -> str:
    """The text. `charset`: what the message says of it; None: nothing."""
    for name in _candidates(content, charset):
        try:
            # refuses codecs that are not of text
            return content.decode(name)
        except (LookupError, ValueError):
            continue
    guess = _guessed(content)
    return content.decode(guess or "cp1252", "replace")


def is_western(charset: str | None) -> bool:
    """Whether the charset is ISO 8859-1, or Windows' larger one that is meant by it."""
    return _named(charset) == "cp1252"


def _candidates(content: bytes, charset: str | None) -> list[str]:
    """In which charsets to read, the surest first."""
    marked = [name for mark, name in _MARKS if content.startswith(mark)][:1]
    switched = ["iso2022_jp_ext", "iso2022_jp_2"] if _JAPANESE.search(content) else []
    switched += ["iso2022_kr"] if _KOREAN.search(content) else []
    named = _named(charset)
    # every text fits a charset of one byte a character; one that fits UTF-8 too is UTF-8, whatever was declared
    wide = [] if named is None or named in ("utf-8", "cp1252") else [named]
    return [*marked, *switched, *wide, "utf-8"] if named != "cp1252" or not content.isascii() else ["utf-8"]


def _named(charset: str | None) -> str | None:
    """Python's name of a charset; None when there is none."""
    if charset is None or not _CHARSET.fullmatch(charset):
        return None
    name = charset.strip().lower().replace("_", "-").removeprefix("cs")
    shorter = name.removeprefix("x-")
    windows = re.fullmatch(r"(?:windows|win|cp)-?([0-9]{3,5})", shorter)
    tried = (
        _MEANT.get(shorter),
        f"cp{windows[1]}" if windows else None,
        name,
        shorter,
        shorter.replace("mac-", "mac_"),
    )
    for each in tried:
        try:
            found = codecs.lookup(each or "").name
        except (LookupError, ValueError):
            continue
        if found.replace("_", "-") not in _NO_CHARSETS:
            return _MEANT.get(found.replace("_", "-"), found)
    return None


def _guessed(content: bytes) -> str | None:
    """The charset that the bytes look like."""
    # slow to import, and most messages say what they are
    from charset_normalizer import from_bytes

    found = from_bytes(content[:_SAMPLE], cp_isolation=_LIKELY, preemptive_behaviour=False).best()
    return None if found is None else found.encoding
