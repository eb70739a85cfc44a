"""Checking a chain of the audit: what was changed, removed, moved or cut off is named.

A chain may begin behind what retention removed: that is itself an entry, of the action `audit.remove`, with the last
position and the hash that the removed entries ended with, and a day's signature ends there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from callfloor.rules.audit.entries import DAY, HEAD, REMOVED, Head, Linked, fields_of, hash_of
from callfloor.rules.evidence.evidence import START, Day, Link, signed_bytes

# Faults that are named; behind so many the rest is only counted.
MOST_NAMED = 100


@dataclass(frozen=True, slots=True)
class Fault:
    """`position`, `entry_id`: of the first entry that shows it; None: it is of a day or of the chain's end."""

    position: int | None
    entry_id: int | None
    reason: str

    def __str__(self) -> str:
        where = "" if self.position is None else f"position {self.position}: "
        return f"{where}{self.reason}"


@dataclass(slots=True)
class Verified:
    """What was looked at. `first`, `last`: positions; 0: there are no entries. `faults`: the first of `fault_count`."""

    entries: int = 0
    first: int = 0
    last: int = 0
    days: int = 0
    fault_count: int = 0
    faults: list[Fault] = field(default_factory=list[Fault])

    @property
    def whole(self) -> bool:
        return self.fault_count == 0


class Verification:
    """Give it the signed days, then every entry in the order of positions, then where the chain is said to end."""

    def __init__(self, keys: Sequence[bytes], days: Sequence[tuple[Day, bytes]]) -> None:
        """`keys`: public ones (Ed25519, raw) that may have signed."""
        self.found = Verified(days=len(days))
        self._keys = [Ed25519PublicKey.from_public_bytes(key) for key in keys]
        self._end = START
        self._days = {day.last: day for day, _ in days}
        self._removed: dict[int, str] = {}
        self._begins: tuple[int, str, int] | None = None
        self._check_days(days)

    def entries(self, linked: Iterable[Linked]) -> None:
        for each in linked:
            self._entry(each)

    def finish(self, head: tuple[Head, bytes] | None) -> Verified:
        """`head`: where the chain is said to end, with its signature."""
        self._check_beginning()
        if head is None:
            if self.found.entries:
                self._fault(None, None, "nothing says where the chain ends: the signed end was removed")
            return self.found
        said, signature = head
        if not self._signed(HEAD, said, signature):
            self._fault(None, None, "the signature of the chain's end does not fit: it was changed")
        elif said.position > self._end.position:
            first = self._end.position + 1
            self._fault(first, None, f"entries {first} to {said.position} were cut off the end of the chain")
        elif said.position < self._end.position:
            self._fault(said.position + 1, None, f"entries stand behind the signed end, which is {said.position}")
        elif said.hash != self._end.hash.hex():
            self._fault(said.position, None, "the last entry is not the one that was signed as the chain's end")
        return self.found

    def _check_days(self, days: Sequence[tuple[Day, bytes]]) -> None:
        before: Day | None = None
        for day, signature in days:
            if not self._signed(DAY, day, signature):
                self._fault(None, None, f"the signature of {day.day} does not fit: the day was changed")
            if before is not None and (day.first, day.previous) != (before.last + 1, before.head):
                self._fault(day.first, None, f"{day.day} does not follow from {before.day}: a day was removed")
            before = day

    def _entry(self, each: Linked) -> None:
        found, position, entry_id = self.found, each.link.position, each.written.entry_id
        if not found.entries:
            found.first = position
            self._begins = position, each.previous.hex(), entry_id
        elif position == self._end.position:
            self._fault(position, entry_id, f"entry {entry_id} stands where another one does")
        elif position != self._end.position + 1:
            missing = self._end.position + 1
            what = f"entry {missing} is" if position == missing + 1 else f"entries {missing} to {position - 1} are"
            self._fault(missing, None, f"{what} missing: removed, or moved")
        elif each.previous != self._end.hash:
            self._fault(position, entry_id, f"entry {entry_id} does not follow from the one before it")
        if each.link.hash != hash_of(fields_of(each)):
            self._fault(position, entry_id, f"entry {entry_id} was changed, or moved: its hash does not fit")
        day = self._days.get(position)
        if day is not None and day.head != each.link.hash.hex():
            self._fault(position, entry_id, f"entry {entry_id} is not the one that {day.day} was signed with")
        entry = each.written.entry
        if entry.action == REMOVED:
            self._removed[int(entry.details.get("last", 0))] = str(entry.details.get("head"))
        found.entries += 1
        found.last = position
        self._end = Link(position, each.link.hash)

    def _check_beginning(self) -> None:
        if self._begins is None:
            return
        position, previous, entry_id = self._begins
        if position == 1:
            if previous != START.hash.hex():
                self._fault(1, entry_id, f"entry {entry_id} does not begin the chain")
        elif self._removed.get(position - 1) != previous:
            self._fault(1, None, f"entries 1 to {position - 1} are missing, and no retention says that it removed them")

    def _signed(self, name: str, content: msgspec.Struct, signature: bytes) -> bool:
        signed = signed_bytes(name, msgspec.to_builtins(content))
        return any(_fits(key, signature, signed) for key in self._keys)

    def _fault(self, position: int | None, entry_id: int | None, reason: str) -> None:
        self.found.fault_count += 1
        if len(self.found.faults) < MOST_NAMED:
            self.found.faults.append(Fault(position, entry_id, reason))


def _fits(key: Ed25519PublicKey, signature: bytes, content: bytes) -> bool:
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True
