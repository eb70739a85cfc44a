"""What the audit says of a plan that was applied: an entry for each change, with what was set before and after."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from callfloor.centre.apply import Plan
from callfloor.centre.plan import Sign
from callfloor.centre.tree import thing_of
from callfloor.rules.audit.entries import Entry, difference

DONE: dict[Sign, str] = {"+": "create", "~": "update", "-": "remove"}


def entries_of(plan: Plan) -> Iterator[Entry]:
    for change in plan.changes:
        named = change.kind, change.key, change.campaign
        kind = change.kind.replace(" ", "-")
        before = None if plan.before is None else thing_of(plan.before, *named)
        details: dict[str, Any] = difference(before, thing_of(plan.after, *named))
        if change.campaign is not None:
            details["campaign"] = change.campaign
        yield Entry(f"{kind}.{DONE[change.sign]}", kind, (), str(change.key), details)
