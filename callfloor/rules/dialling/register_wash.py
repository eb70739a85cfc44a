"""National do-not-call registers: how old the last wash against one may be. Data in regimes/, judged here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from callfloor.contract.do_not_call import WashState
from callfloor.rules.values.names import nearest

LONGEST_NAME = 100


class NoRegister(ValueError):
    """This cannot be the name of a register; the message says why."""


@dataclass(frozen=True, slots=True)
class Register:
    """A regime's register. Numbers that were washed against it longer than `refuses_after` ago may not be dialled;
    from `warns_after` on the next wash is due."""

    name: str
    title: str
    refuses_after: timedelta
    warns_after: timedelta


@dataclass(frozen=True, slots=True)
class Wash:
    """The register that a campaign's regime asks for, and when the organisation last washed its numbers against it.
    `required`: without a wash nobody is dialled; else it is asked for from the first wash on."""

    register: Register
    last: datetime | None
    required: bool


def wash_state(register: Register, last: datetime, now: datetime) -> WashState:
    """Whether a wash at `last` still counts."""
    age = now - last
    if age > register.refuses_after:
        return "overdue"
    return "due" if age > register.warns_after else "fresh"


def wash_allows(wash: Wash, now: datetime) -> bool:
    """Whether the campaign may dial as far as its register is concerned."""
    if wash.last is None:
        return not wash.required
    return wash_state(wash.register, wash.last, now) != "overdue"


def wash_says(wash: Wash, now: datetime) -> str:
    """In words, and what to do."""
    register = wash.register
    how = f"callfloor dnc import FILE --register {register.name}"
    if wash.last is None:
        if wash.required:
            return f"Numbers were never washed against the {register.title}: `{how}`."
        return f"Numbers were never washed against the {register.title}, and registerWash does not require it."
    days, most = (now - wash.last).days, register.refuses_after.days
    age = f"Numbers were last washed against the {register.title} {days} day{'' if days == 1 else 's'} ago"
    match wash_state(register, wash.last, now):
        case "overdue":
            return f"{age}, and at most {most} are allowed: wash them anew with `{how}`."
        case "due":
            return f"{age}; after {most} nobody is dialled: wash them anew with `{how}`."
        case "fresh":
            return f"{age}; {most} are allowed."


def register_name(
    text: str, known: Sequence[Register], used: Collection[str], *, new: bool = False, new_by: str = ""
) -> str:
    """A register's name as it is kept: those of the regimes, and those that were `used` before, are found in any case.
    Another one must be said to be `new`, as `new_by` has it: it may be a slip, and its date would be nobody's wash.
    Raises `NoRegister`."""
    name = text.strip()
    if not name or len(name) > LONGEST_NAME or any(not each.isprintable() for each in name):
        raise NoRegister(f"must be the name of a register, such as {', '.join(each.name for each in known)}")
    names = list(dict.fromkeys((*(each.name for each in known), *used)))
    found = next((each for each in names if each.casefold() == name.casefold()), None)
    if found is None and not new:
        near = nearest(name, names)
        hint = f"; did you mean {near}?" if near else ""
        more = f" One that is new is named with {new_by}." if new_by else ""
        raise NoRegister(f"is none of the registers that are known ({', '.join(names)}){hint or '.'}{more}")
    return found or name
