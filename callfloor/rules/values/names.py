"""What to say of a name that is not known."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence

MOST_SHOWN = 20
# A hint of more than these is none.
MOST_HINTS = 3
# How alike two spellings of one name are at least (difflib's ratio), and two words of it.
_ALIKE, _WORD_ALIKE = 0.75, 0.6
# Where the words cannot be laid side by side (`createdtimestampform`), more is asked.
_ALIKE_AS_A_WHOLE = 0.88
_WORD = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+(?![^\W\d_A-Z])|\d+|[^\W\d_]+")


def plain_name(name: str) -> str:
    """A name as it is kept and compared: composed (NFC), and without space or invisible characters around it."""
    composed = unicodedata.normalize("NFC", name)
    seen = [index for index, each in enumerate(composed) if not (each.isspace() or unicodedata.category(each) == "Cf")]
    return composed[seen[0] : seen[-1] + 1] if seen else ""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was probably meant to be; None when none is near, or several are. Case does not
    count."""
    hints = _hints(name, list(known))
    return hints[0] if len(hints) == 1 else None


def unknown(name: str, known: Iterable[str]) -> str:
    """`is not known; did you mean …?` with what `name` was probably meant to be, else with the known ones."""
    names = list(known)
    hints = _hints(name, names)
    if hints:
        return f"is not known; did you mean {' or '.join(hints)}?"
    if not names:
        return "is not known; there are none"
    more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
    return f"is not known; known are {', '.join(names[:MOST_SHOWN])}{more}"


def _hints(name: str, known: Sequence[str]) -> list[str]:
    """Other spellings of the same name; else those that it is the beginning or the end of. Never another member of a
    family: who writes phone4, agentId or fromDate does not mean phone3, leadId or toDate."""
    words = _words(name[:200])
    if not words:
        return []
    of_known = [(each, _words(each)) for each in known]
    whole = "".join(words)
    same = [each for each, theirs in of_known if "".join(theirs) == whole]
    if same:
        return same[:1]
    alike = [(ratio, -order) for order, (_, theirs) in enumerate(of_known) if (ratio := _ratio(words, theirs))]
    if alike:
        # of equals the first
        return [known[-max(alike)[1]]]
    longer = [(each, theirs) for each, theirs in of_known if _is_part(words, theirs)]
    numbered = [each for each, theirs in longer if theirs[: len(words)] == words and theirs[len(words) :][0].isdigit()]
    if numbered:
        # the first of phone1, phone2, phone3
        return [min(numbered, key=lambda each: known.index(each))]
    return [each for each, _ in longer] if len(longer) <= MOST_HINTS else []


def _words(name: str) -> list[str]:
    """`nextAttempt_timestamp2` as next, attempt, timestamp, 2."""
    return [word.casefold() for word in _WORD.findall(unicodedata.normalize("NFKC", name))]


def _ratio(words: Sequence[str], theirs: Sequence[str]) -> float:
    """How alike two names are; 0: they are not two spellings of one."""
    if [w for w in words if w.isdigit()] != [w for w in theirs if w.isdigit()]:
        return 0.0
    mine, other = "".join(words), "".join(theirs)
    if len(words) == len(theirs) and sorted(mine) == sorted(other):
        # letters that changed places: of short names too much else would be alike
        return _ALIKE_AS_A_WHOLE
    matcher = difflib.SequenceMatcher(None, mine, other)
    if matcher.real_quick_ratio() < _ALIKE or matcher.quick_ratio() < _ALIKE:
        return 0.0
    ratio = matcher.ratio()
    if len(words) != len(theirs):
        part = _is_part(words, theirs) or _is_part(theirs, words)
        return ratio if ratio >= _ALIKE_AS_A_WHOLE and not part else 0.0
    pairs = (difflib.SequenceMatcher(None, a, b).ratio() for a, b in zip(words, theirs, strict=True) if a != b)
    return ratio if ratio >= _ALIKE and all(each > _WORD_ALIKE for each in pairs) else 0.0


def _is_part(words: Sequence[str], theirs: Sequence[str]) -> bool:
    """Whether a longer name begins or ends with these words."""
    count = len(words)
    return count < len(theirs) and (theirs[:count] == list(words) or theirs[-count:] == list(words))
