"""Which column of a table becomes which field of a lead: by name, by synonym, or as the sender says.

Pure. Every column is told where it goes, and what cannot be told apart is refused: a table that means something else
than it seems to would be imported without a word.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from callfloor.rules.imports import import_words
from callfloor.rules.imports.import_words import ANSWERED_ONLY, FIELDS, PHONES, cleaned
from callfloor.rules.values.names import nearest
from callfloor.rules.values.phones import PhoneError, normalise

OWN: Final = "leadData."
# The target of a column that is left out, and what says so in a map.
LEFT_OUT: Final = "-"
# The target of a column without a name.
NAMELESS: Final = ""
MOST_COLUMNS: Final = 1_000
LONGEST_MAP: Final = 8_192
_SHOWN = 100


class ColumnsError(ValueError):
    """The header, or the map, cannot be followed; `field` is what it is about: None (the file) or `map`."""

    def __init__(self, message: str, *, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter


def parse_map(text: str) -> dict[str, str]:
    """What becomes of named columns: `Cell=phone1,Ref=customerKey,Notes=leadData.notes,Junk=-`, or a JSON object.

    A pair that holds a comma stands in quotes. Raises `ColumnsError`.
    """
    if len(text) > LONGEST_MAP:
        raise ColumnsError(f"has over {LONGEST_MAP:,} characters", parameter="map")
    if text.lstrip().startswith("{"):
        try:
            given = msgspec.json.decode(text.encode(), type=dict[str, str])
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise ColumnsError('is not a JSON object such as {"Cell": "phone1"}', parameter="map") from error
        pairs = list(given.items())
    else:
        pairs = [_pair(part) for part in _parts(text) if part.strip()]
    found: dict[str, str] = {}
    for column, target in pairs:
        name = cleaned(column)
        if name in found:
            raise ColumnsError(f"names the column {name[:_SHOWN]} twice", parameter="map")
        found[name] = _target(name, target)
    return found


def _parts(text: str) -> list[str]:
    try:
        rows = list(csv.reader([text], strict=True, skipinitialspace=True))
    except csv.Error as error:
        raise ColumnsError("has a quote that is not closed", parameter="map") from error
    return rows[0] if rows else []


def _pair(part: str) -> tuple[str, str]:
    column, equals, target = part.rpartition("=")
    if not equals or not column.strip():
        raise ColumnsError(f"{part[:_SHOWN]}: must be COLUMN=FIELD, such as Cell=phone1", parameter="map")
    return column, target


def _target(column: str, text: str) -> str:
    """The field, own field or `-` that is meant."""
    name = cleaned(text)
    if name in (LEFT_OUT, ""):
        return LEFT_OUT
    if name == "leadData":
        return OWN + column
    if name.startswith(OWN) and len(name) > len(OWN):
        return name
    field = import_words.field_of(name)
    if field is None:
        near = nearest(name, FIELDS)
        words = f"did you mean {near}?" if near else f"fields are {', '.join(FIELDS)}."
        raise ColumnsError(
            f"{column[:_SHOWN]}={name[:_SHOWN]}: there is no field {name[:_SHOWN]}; {words} A field of your own is"
            f" written {OWN}{name[:_SHOWN]}, a column to be left out {LEFT_OUT}",
            parameter="map",
        )
    return field


def targets_of(header: Sequence[str], given: Mapping[str, str], country: str, *, any_row: bool = False) -> list[str]:
    """Where each column goes: a field, `leadData.NAME`, `-` (left out), or "" for a column without a name.

    `given` is a parsed map and wins. `country` is where a number in the place of a name would be read. `any_row`: the
    table need not have a known field. Raises `ColumnsError`.
    """
    if len(header) > MOST_COLUMNS:
        raise ColumnsError(f"The file has {len(header):,} columns; at most {MOST_COLUMNS:,} are taken.")
    names = [cleaned(name) for name in header]
    _refuse_doubles(names)
    _refuse_data(names, given, country)
    targets: list[str | None] = [NAMELESS if not name else None for name in names]
    for column, target in given.items():
        targets[_column(column, names)] = target
    _refuse_same(names, targets, "map")
    _assign_named(names, targets)
    _assign_phones(names, targets)
    _assign_key(names, targets)
    settled = [OWN + name if target is None else target for name, target in zip(names, targets, strict=True)]
    _refuse_same(names, settled, None)
    if not any_row and not any(target in FIELDS for target in settled):
        raise ColumnsError(_unknown(names))
    return settled


def kind_of(name: str) -> str | None:
    """What a column of this name would be, alone: a field, `phone`, or None when it is somebody's own.

    Raises `ColumnsError` for a name that is refused.
    """
    if not name or name.startswith(OWN):
        return None
    if name in ANSWERED_ONLY:
        shown = name[:_SHOWN]
        raise ColumnsError(
            f"The column {shown} has a name of the API that cannot be imported: leave it out by"
            f' ?map="{shown}={LEFT_OUT}", or keep it as your own by ?map="{shown}={OWN}{shown}".'
        )
    field = import_words.field_of(name)
    if field is not None:
        return field
    synonym = import_words.synonym_of(name)
    if synonym is not None:
        return synonym[0]
    near = import_words.nearly(name)
    if near is not None:
        raise ColumnsError(
            f"The column {name[:_SHOWN]} is nearly {near}: name it so, or say what it is by"
            f' ?map="{name[:_SHOWN]}={near}" or ?map="{name[:_SHOWN]}={OWN}{name[:_SHOWN]}".'
        )
    return None


def _assign_named(names: Sequence[str], targets: list[str | None]) -> None:
    """Columns that are called as a field, or by a synonym that only one field has."""
    synonyms: list[tuple[int, str]] = []
    for at, name in enumerate(names):
        if targets[at] is not None:
            continue
        if name.startswith(OWN) and len(name) > len(OWN):
            targets[at] = name
            continue
        kind = kind_of(name)
        if import_words.field_of(name) is not None:
            _claim(names, targets, at, str(kind))
        elif kind is not None and kind not in ("phone", "customerKey"):
            synonyms.append((at, kind))
    for at, kind in synonyms:
        _claim(names, targets, at, kind)


def _claim(names: Sequence[str], targets: list[str | None], at: int, field: str) -> None:
    if field in targets:
        other = names[targets.index(field)]
        raise ColumnsError(f"The columns {other[:_SHOWN]} and {names[at][:_SHOWN]} both are {field}: {_settle(other)}.")
    targets[at] = field


def _assign_phones(names: Sequence[str], targets: list[str | None]) -> None:
    """Phones take the places that their names ask for, then the free ones in order; alternatives come last."""
    waiting: list[tuple[bool, int]] = []
    for at, name in enumerate(names):
        words = import_words.phone_words(name) if targets[at] is None else None
        if words is None:
            continue
        place, later = import_words.place_of(words)
        field = None if place is None else PHONES[place - 1]
        if field is not None and field not in targets:
            targets[at] = field
        else:
            waiting.append((later, at))
    free = [field for field in PHONES if field not in targets]
    for (_, at), field in zip(sorted(waiting), free, strict=False):
        targets[at] = field


def _assign_key(names: Sequence[str], targets: list[str | None]) -> None:
    """The column that is surely the customer's key, else the one that may be."""
    if "customerKey" in targets:
        return
    found: dict[bool, list[int]] = {True: [], False: []}
    for at, name in enumerate(names):
        if targets[at] is None and (synonym := import_words.synonym_of(name)) and synonym[0] == "customerKey":
            found[synonym[1]].append(at)
    candidates = found[True] or found[False]
    if len(candidates) > 1:
        shown = ", ".join(names[at][:_SHOWN] for at in candidates[:5])
        first = names[candidates[0]]
        raise ColumnsError(
            f'Several columns may be the customerKey ({shown}): say which by ?map="{first[:_SHOWN]}=customerKey".'
        )
    for at in candidates:
        targets[at] = "customerKey"


def _refuse_doubles(names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name and name in seen:
            raise ColumnsError(f"The column {name[:_SHOWN]} stands twice in the header.")
        seen.add(name)


def _refuse_same(names: Sequence[str], targets: Sequence[str | None], parameter: str | None) -> None:
    """Two columns cannot become one field."""
    seen: dict[str, int] = {}
    for at, target in enumerate(targets):
        if target in (None, LEFT_OUT, NAMELESS):
            continue
        if target in seen:
            first = names[seen[str(target)]]
            what = f"the columns {first[:_SHOWN]} and {names[at][:_SHOWN]} both become {str(target)[:_SHOWN]}"
            message = what if parameter else f"{what[:1].upper()}{what[1:]}: {_settle(first)}."
            raise ColumnsError(message, parameter=parameter)
        seen[str(target)] = at


def _refuse_data(names: Sequence[str], given: Mapping[str, str], country: str) -> None:
    """A first line that holds a number or an address is a row: its values would become names of fields."""
    for name in names:
        if name not in given and _is_contact(name, country):
            raise ColumnsError(
                "The first line is a row of data, not a header: put a line with the names of the columns above it,"
                f" such as {', '.join(('customerKey', 'phone1'))}."
            )


def _is_contact(name: str, country: str) -> bool:
    if "@" in name[1:-1] and " " not in name and "." in name.rpartition("@")[2]:
        return True
    digits = sum(each.isdigit() for each in name)
    if not 8 <= digits <= 15 or len(name) > 2 * digits or any(each.isalpha() for each in name):
        return False
    try:
        normalise(name, country)
    except PhoneError:
        return False
    return True


def _column(name: str, names: Sequence[str]) -> int:
    """Where a column of the map stands: by its name, else by the same words in another writing."""
    if name in names:
        return names.index(name)
    words = import_words.words_of(name)
    same = [at for at, each in enumerate(names) if words and import_words.words_of(each) == words]
    if len(same) == 1:
        return same[0]
    near = nearest(name, [each for each in names if each][:_SHOWN])
    words_to_say = f"did you mean {near[:_SHOWN]}?" if near else f"the file has {_listed(names)}"
    raise ColumnsError(f"there is no column {name[:_SHOWN]}; {words_to_say}", parameter="map")


def _unknown(names: Sequence[str]) -> str:
    return (
        f"No column has the name of a field ({_listed(names)}), so nobody could be called: name one phone1 or"
        ' customerKey, or say what the columns are by ?map="Cell=phone1,Ref=customerKey".'
    )


def _settle(column: str) -> str:
    return f'say what they are by ?map="{column[:_SHOWN]}={LEFT_OUT}" or the like'


def _listed(names: Iterable[str]) -> str:
    shown = [name[:40] for name in names if name]
    more = f" and {len(shown) - 10} more" if len(shown) > 10 else ""
    return ", ".join(shown[:10]) + more
