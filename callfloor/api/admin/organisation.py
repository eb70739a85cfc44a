"""The organisation itself: its zone, how numbers are read, and where it calls."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from callfloor import centre
from callfloor.api.admin.bodies import refused
from callfloor.api.admin.records import record
from callfloor.api.admin.rights import allow
from callfloor.api.audits import changes
from callfloor.api.call import Call
from callfloor.api.operation import operation
from callfloor.centre.tree import thing_of
from callfloor.contract.centre import Centre
from callfloor.contract.setup import OrganisationSettings, OrganisationUpdate
from callfloor.errors import StaleVersion
from callfloor.store.setup import centres, organisations

_EXAMPLE = {
    "name": "Harbour",
    "timezone": "Australia/Sydney",
    "country": "AU",
    "newNumberRanges": [],
    "doNotCall": "organisation",
    "destinations": {"countries": ["AU", "NZ"], "callsPerDay": 20000},
    "secondFactor": ["administrator"],
}


@operation(
    "GET",
    "/organisation",
    scope="setup:read",
    summary="The organisation",
    tag="organisation",
    etag=True,
    example=_EXAMPLE,
)
async def get_organisation(call: Call) -> OrganisationSettings:
    """Your organisation: zone, country, do-not-call, where it calls (`destinations`), who needs a second factor."""
    return _shown((await centre.stored(call.db, await _row(call))).centre)


@operation(
    "PATCH",
    "/organisation",
    scope="setup:write",
    summary="Change the organisation",
    tag="organisation",
    etag=True,
    example=_EXAMPLE,
    request={"destinations": {"countries": ["AU", "NZ"], "callsPerDay": 20000}},
    problems=[StaleVersion],
    audits=changes("organisation.update", "organisation"),
)
async def update_organisation(call: Call, body: OrganisationUpdate) -> OrganisationSettings:
    """Change what is given. `destinations` that is given is the whole policy. The name cannot be changed."""
    await centres.lock(call.db)
    stored = await centres.read(call.db, await _row(call), locked=True)
    call.expect_version(_shown(stored.centre))
    given: dict[str, Any] = msgspec.to_builtins(body)
    try:
        source = centre.of_tree({"organisation": {"name": call.caller.organisation.name} | given})
        plan = await centre.apply_plan(call.db, source, lambda plan: allow(call.caller, plan), by=call.audit.by)
    except centre.CentreError as error:
        raise refused(error, ("organisation",)) from error
    await record(call, plan)
    return _shown(plan.after)


def _shown(found: Centre) -> OrganisationSettings:
    # it is written from a tree of the same keys; the type says what is in it
    return cast(OrganisationSettings, thing_of(found, "organisation", found.organisation.name))


async def _row(call: Call) -> Any:
    return await organisations.named(call.db, call.caller.organisation.name)
