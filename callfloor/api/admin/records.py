"""What the audit says of a plan that was applied: an entry for each change, with what was set before and after."""

from __future__ import annotations

from callfloor.api.call import Call
from callfloor.centre import Plan
from callfloor.centre.plan import Sign
from callfloor.centre.tree import thing_of

_DONE: dict[Sign, str] = {"+": "create", "~": "update", "-": "remove"}


async def record(call: Call, plan: Plan) -> None:
    """In the transaction that applies it."""
    for change in plan.changes:
        named = change.kind, change.key, change.campaign
        kind = change.kind.replace(" ", "-")
        within = {} if change.campaign is None else {"campaign": change.campaign}
        call.audit.entry(
            action=f"{kind}.{_DONE[change.sign]}",
            object_type=kind,
            name=str(change.key),
            before=None if plan.before is None else thing_of(plan.before, *named),
            after=thing_of(plan.after, *named),
            **within,
        )
    if not plan.changes:
        call.audit.nothing()
    await call.audit.write()
