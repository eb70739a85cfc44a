"""What an operation records in the audit: declared at it, as its scope and its problems are.

    @operation("PUT", "/lists/{listId}", …, audits=changes("list.update", "list"))
    async def update_list(call: Call, list_id: int, body: ListUpdate) -> …:
        …
        call.audit.entry(before=was, after=now)

`changes`: the handler runs in a transaction, which the entry is part of. `reads`: the entry is committed before the
answer is sent. `batched`: it is written in batches beside the requests (`api.read_log`). `own`: the handler works in
transactions of its own and calls `await call.audit.write()` in them. What the path names stands in the entry by itself,
and what the handler did not say anything of is recorded all the same. `unaudited` says why there is nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from callfloor.rules.audit.entries import Actor, Entry, difference
from callfloor.store.audit import entries

if TYPE_CHECKING:
    from callfloor.api.read_log import ReadLog
    from callfloor.store.db.pool import Database
    from callfloor.store.people.callers import Caller

How = Literal["changes", "own", "reads", "batched", "not"]


@dataclass(frozen=True, slots=True)
class Audits:
    """`action`: what the entries are called; `object`: the kind of what they are about. `why`: of `not`."""

    how: How
    action: str = ""
    object: str = ""
    why: str = ""


def changes(action: str, object_type: str) -> Audits:
    """A change, recorded in its transaction."""
    return Audits("changes", action, object_type)


def own(action: str, object_type: str) -> Audits:
    """Recorded by the handler, in transactions of its own."""
    return Audits("own", action, object_type)


def reads(action: str, object_type: str) -> Audits:
    """Something is shown to whom it is worth knowing of: nothing is, unless that is recorded."""
    return Audits("reads", action, object_type)


def batched(action: str, object_type: str) -> Audits:
    """Of what is asked for thousands of times a second: many in one entry, written a moment later."""
    return Audits("batched", action, object_type)


def unaudited(why: str) -> Audits:
    """Nothing is recorded."""
    return Audits("not", why=why)


def actor_of(caller: Caller, address: str, request_id: str | None) -> Actor:
    """Who calls, as the audit names them."""
    if caller.person is None:
        return Actor("token", caller.token_id, None, caller.token_id, address, request_id)
    return Actor("user", caller.person.user_id, None, caller.token_id, address, request_id)


class Audit:
    """What one request has to record. It has no entries until the handler says what it did."""

    def __init__(self, db: Database, at: datetime, organisation: int | None, by: Actor) -> None:
        """`organisation` None: the handler says whose it is (`belongs_to`)."""
        self._db, self._at, self._organisation, self.by = db, at, organisation, by
        self._audits: Audits | None = None
        self._named: int | str | None = None
        self._waiting: list[Entry] = []
        self._said = False

    def begin(self, audits: Audits, named: Iterable[Any]) -> None:
        """`named`: what the path names."""
        self._audits = audits
        for self._named in named:
            # the last one is what the operation is about
            pass

    def belongs_to(self, organisation: int, by: Actor) -> None:
        """Whose entry it is, and who did it, where nobody was signed in when the request came."""
        self._organisation, self.by = organisation, by

    def entry(
        self,
        *ids: int,
        action: str | None = None,
        object_type: str | None = None,
        name: str | None = None,
        before: Mapping[str, Any] | msgspec.Struct | None = None,
        after: Mapping[str, Any] | msgspec.Struct | None = None,
        **details: Any,
    ) -> None:
        """Say what was done: `before` and `after` of a change, of which only what differs is kept. `ids`: of what the
        path does not name. Never put anything of a customer here but ids."""
        if self._audits is None:
            raise AssertionError("the operation declares no audit")
        self._said = True
        if before is not None or after is not None:
            details |= difference(_mapping(before), _mapping(after))
        self._waiting.append(
            Entry(
                action or self._audits.action,
                object_type or self._audits.object,
                ids or ((self._named,) if isinstance(self._named, int) else ()),
                name or (self._named if isinstance(self._named, str) else None),
                details,
            )
        )

    def nothing(self) -> None:
        """Nothing was done that is worth an entry: a dry run, a change to what it was."""
        self._said = True

    def shows(self, ids: Sequence[int]) -> None:
        """A page of these is shown, where the operation records that."""
        if self._audits is not None and not self._said and ids:
            self.entry(*ids)

    async def write(self) -> None:
        """Write what was said down, in the transaction in progress."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            if self._organisation is None:
                raise AssertionError("nobody said whose entry this is")
            await entries.record(self._db, self._organisation, self.by, self._at, waiting)

    async def finish(self, log: ReadLog) -> None:
        """The handler has done its work: whatever it did not say is recorded too."""
        if self._audits is None or (self._organisation is None and not self._waiting):
            return
        if not self._said:
            self.entry()
        if self._audits.how == "batched" and self._organisation is not None:
            for each in self._waiting:
                log.put(self._organisation, self.by, self._at, each)
            self._waiting = []
        else:
            await self.write()


def _mapping(given: Mapping[str, Any] | msgspec.Struct | None) -> Mapping[str, Any] | None:
    return msgspec.to_builtins(given) if isinstance(given, msgspec.Struct) else given
