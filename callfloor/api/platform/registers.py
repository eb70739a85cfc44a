"""National do-not-call registers: how old the last wash against each is."""

from __future__ import annotations

from typing import Any

from callfloor.api.call import Call
from callfloor.api.operation import operation
from callfloor.contract.do_not_call import RegisterWash, RegisterWashes
from callfloor.rules.dialling.register_wash import wash_state
from callfloor.rules.values.times import format_timestamp
from callfloor.store.privacy import registers
from callfloor.store.privacy.registers import Washed

WASH_EXAMPLE: dict[str, Any] = {
    "register": "DNCR",
    "lastWashed": "2021-07-20T09:00:00+10:00",
    "ageDays": 12,
    "warnsAfterDays": 25,
    "refusesAfterDays": 30,
    "state": "fresh",
    "campaigns": [99],
}


@operation(
    "GET",
    "/admin/do-not-call/registers",
    scope="do-not-call:read",
    summary="National registers, and when they were last washed against",
    tag="admin",
    ours=True,
    example={"items": [WASH_EXAMPLE]},
)
async def list_registers(call: Call) -> RegisterWashes:
    """Each register that was washed against or that a campaign's regime asks for, with the age of the last wash."""
    return RegisterWashes(items=[wash_of(call, each) for each in await registers.washes(call.db, call.organisation)])


def wash_of(call: Call, washed: Washed) -> RegisterWash:
    strictest, last = washed.strictest, washed.last
    return RegisterWash(
        register=washed.name,
        last_washed=None if last is None else format_timestamp(last, call.zone),
        age_days=None if last is None else (call.now - last).days,
        warns_after_days=None if strictest is None else strictest.warns_after.days,
        refuses_after_days=None if strictest is None else strictest.refuses_after.days,
        state=None if strictest is None or last is None else wash_state(strictest, last, call.now),
        campaigns=[each.campaign for each in washed.asking],
    )
