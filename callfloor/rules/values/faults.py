"""What is wrong with a decoded value: every fault, by pointer, in words that say what to write instead."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Literal

import msgspec

from callfloor.errors import FieldError, Invalid
from callfloor.rules.values.names import unknown

# Faults that are told of one value, and members of a mapping that are looked at one by one.
MOST = 100
MOST_MEMBERS = 1_000


def faults(kind: Any, value: object, *, cells: bool = False) -> Invalid | None:
    """Every fault of a decoded JSON value against a struct, or a union of tagged structs; or None. `cells`: it was
    written in the cells of a table, and is told to whoever mends them."""
    if not isinstance(value, dict):
        return Invalid("The body must be a JSON object.", errors=[FieldError("type", "must be an object", pointer="")])
    members = typing.cast("dict[str, object]", value)
    if typing.get_args(kind):
        kinds: dict[object, Any] = {each.__struct_config__.tag: each for each in typing.get_args(kind)}
        name: str = next(iter(kinds.values())).__struct_config__.tag_field
        tag = members.get(name)
        if not isinstance(tag, str) or tag not in kinds:
            words = f"must be one of {', '.join(map(str, kinds))}" if name in members else "is required"
            return listed([FieldError("unknown-value" if name in members else "required", words, pointer=f"/{name}")])
        kind, members = kinds[tag], {key: item for key, item in members.items() if key != name}
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    found: list[FieldError] = []
    more = 0
    for name, item in members.items():
        if name in fields:
            found += _field_faults(fields[name].type, item, f"/{name}", cells)
        elif len(found) < MOST:
            found.append(FieldError(code="unknown-field", message=unknown(name, fields), pointer=f"/{_escape(name)}"))
        else:
            more += 1
    found += [
        FieldError(code="required", message="is required", pointer=f"/{name}")
        for name, field in fields.items()
        if field.required and name not in members
    ]
    return listed(_shortened(found, more)) if found else None


def fitting(kind: Any, value: object, **stand_ins: object) -> Any:
    """As much of a decoded JSON value as fits the struct, so that its other faults can be found; None: it is no object.
    `stand_ins`: for required members (by their names in the contract) that are missing or do not fit."""
    if not isinstance(value, dict):
        return None
    members = typing.cast("dict[str, object]", value)
    kept = dict(stand_ins)
    for field in msgspec.structs.fields(kind):
        name = field.encode_name
        if name in members and not _field_faults(field.type, members[name], "", cells=False):
            kept[name] = members[name]
    return msgspec.convert(kept, kind)


def _shortened(found: list[FieldError], more: int) -> list[FieldError]:
    """The first hundred, and how many more there are: nobody reads them, and each costs work."""
    more += max(0, len(found) - MOST)
    return [*found[:MOST], FieldError("more", f"and {more:,} more faults", pointer="")] if more else found


def _field_faults(kind: Any, item: object, pointer: str, cells: bool) -> list[FieldError]:
    try:
        msgspec.convert(item, kind)
    except msgspec.ValidationError as error:
        code = code_of(error)
        inner = _mapping_value(kind)
        if inner is not None and isinstance(item, dict) and code != "length":
            members = typing.cast("dict[str, object]", item)
            each = [
                f
                for name, part in islice(members.items(), MOST_MEMBERS)
                for f in _field_faults(inner, part, f"{pointer}/{_escape(name)}", cells)
            ]
            if each:
                return each
        return [FieldError(code=code, message=message_of(error, kind, written=cells, names=_CELLS), pointer=pointer)]
    return []


def _mapping_value(kind: Any) -> Any:
    """The value type, where the type is (or may be) a mapping."""
    origin = typing.get_origin(kind)
    if origin is dict:
        return typing.get_args(kind)[1]
    if origin in (typing.Union, types.UnionType, typing.Annotated):
        return next((v for v in (_mapping_value(part) for part in typing.get_args(kind)) if v is not None), None)
    return None


def listed(found: Sequence[FieldError]) -> Invalid:
    """One problem of many faults; its detail names the first three."""
    where = ", ".join(error.parameter or (error.pointer or "").lstrip("/") for error in found[:3])
    rest = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return Invalid(f"Not valid: {where}{rest}.", errors=found)


def _escape(name: str) -> str:
    # RFC 6901; cut, because the name is the sender's
    return name[:100].replace("~", "~0").replace("/", "~1")


def code_of(error: msgspec.ValidationError) -> str:
    """A stable code for what a value did not fit."""
    text = str(error)
    if "length" in text:
        return "length"
    if ">=" in text or "<=" in text or "> " in text or "out of range" in text:
        return "range"
    return "unknown-value" if "enum" in text else "type"


# What the decoder calls the kinds of values, in words of JSON.
_KINDS = {
    "int": "an integer",
    "float": "a number",
    "str": "a string",
    "bool": "true or false",
    "object": "an object",
    "array": "an array",
    "null": "null",
}
# In words of a table.
_CELLS = _KINDS | {"int": "a whole number", "bool": "yes or no", "str": "a text"}
_GOT = _KINDS | {"bool": "a boolean"}
_EXPECTED = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_BOUND = re.compile(r"Expected `(\w+)`( of length)? (>=|<=|>|<) (-?[0-9.]+)")
_PATTERN = re.compile(r"Expected `str` matching regex (.+)", re.DOTALL)


def message_of(
    error: msgspec.ValidationError, kind: Any, *, written: bool = False, names: Mapping[str, str] = _KINDS
) -> str:
    """What a value of this type must be. `written`: it comes as text, as in a query; then types are called as `names`
    has it."""
    choices = _choices(kind)
    if choices:
        return f"must be one of {', '.join(str(choice) for choice in choices)}"
    text = str(error).split(" - at `", 1)[0]
    if wrong := _EXPECTED.fullmatch(text):
        kinds = [each for each in wrong[1].split(" | ") if not written or each != "null"]
        known = names if written else _KINDS
        expected = " or ".join(known.get(each, each) for each in kinds)
        return f"must be {expected}" if written else f"must be {expected}, not {_GOT.get(wrong[2], wrong[2])}"
    if bound := _BOUND.fullmatch(text):
        return _of_bound(bound[1], bound[2] is not None, bound[3], bound[4])
    if pattern := _PATTERN.fullmatch(text):
        return f"must match the pattern {pattern[1][1:-1]}"
    if "out of range" in text:
        return "must be an integer of at most 64 bits"
    return text[:1].lower() + text[1:].replace("`", "")


def _of_bound(kind: str, of_length: bool, comparison: str, limit: str) -> str:
    words = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}[comparison]
    if not of_length:
        return f"must be {_KINDS.get(kind, 'a value')} of {words} {limit}"
    what = {"str": "character", "array": "entry", "object": "field"}.get(kind, "part")
    many = what if limit == "1" else {"entry": "entries"}.get(what, f"{what}s")
    return f"must have {words} {limit} {many}"


def _choices(kind: Any) -> tuple[object, ...]:
    if typing.get_origin(kind) is Literal:
        return typing.get_args(kind)
    return next((c for c in (_choices(part) for part in typing.get_args(kind)) if c), ())
