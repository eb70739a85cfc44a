"""Keys that others give their customers: two that look the same are the same."""

from __future__ import annotations

import unicodedata

# Without ink, though Unicode counts it among symbols.
_BLANK = "\u2800"
# Hangul fillers: letters that are not to be seen (Default_Ignorable_Code_Point); an erasure reads over them too.
_FILLERS = frozenset("\u3164\u115f\u1160\uffa0")


def customer_key(text: str | None) -> str | None:
    """The key as it is stored and compared: composed (NFC), without characters that nobody sees, every kind of space
    an ordinary one, none around it. None: nothing is left."""
    if text is None:
        return None
    if text.isascii() and text.isprintable():
        return text.strip() or None
    plain = "".join(
        " " if each.isspace() or each == _BLANK else each
        for each in unicodedata.normalize("NFC", text)
        if unicodedata.category(each) != "Cf" and each not in _FILLERS
    )
    return plain.strip() or None
