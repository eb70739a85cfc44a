"""Keys that others give their customers: two that look the same are the same."""

from __future__ import annotations

import unicodedata

# Without ink, though Unicode counts them among letters and symbols.
_BLANKS = frozenset("\u2800\u3164\u115f\u1160\uffa0")


def customer_key(text: str | None) -> str | None:
    """The key as it is stored and compared: composed (NFC), without characters that nobody sees, every kind of space
    an ordinary one, none around it. None: nothing is left."""
    if text is None:
        return None
    if text.isascii() and text.isprintable():
        return text.strip() or None
    plain = "".join(
        " " if each.isspace() or each in _BLANKS else each
        for each in unicodedata.normalize("NFC", text)
        if unicodedata.category(each) != "Cf"
    )
    return plain.strip() or None
