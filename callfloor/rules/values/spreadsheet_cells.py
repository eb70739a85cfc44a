"""Text in a table that a spreadsheet will open: none of it is taken for a formula. Pure.

What begins as a formula does gets an apostrophe in front, which a spreadsheet shows and never runs (OWASP, CSV
injection). `meant` takes it away again: between the two every text comes back as it was.
"""

from __future__ import annotations

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_MARKED = re.compile(r"'+[=+\-@\t\r]")


def neutral(text: str) -> str:
    """The text as no spreadsheet runs it."""
    return f"'{text}" if _FORMULA.match(text) else text


def meant(text: str) -> str:
    """What `neutral` was given."""
    return text[1:] if text.startswith("'") and _MARKED.match(text) else text


def looks_neutral(text: str) -> bool:
    """Whether `meant` would change the text: by itself it cannot be told from one that `neutral` made."""
    return text.startswith("'") and _MARKED.match(text) is not None
