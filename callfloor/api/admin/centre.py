"""The centre file over HTTP: read, planned, applied. File and API share the model, its checks and the plan."""

from __future__ import annotations

import hashlib
from typing import Any, cast

from callfloor import centre
from callfloor.api.admin.bodies import TOML, pointer, read_source, refused
from callfloor.api.admin.records import record
from callfloor.api.admin.rights import allow
from callfloor.api.audits import own, unaudited
from callfloor.api.call import ENCODE, Answer, Call, matches
from callfloor.api.operation import Encoded, idempotency_key, operation
from callfloor.centre.places import Places
from callfloor.centre.plan import Change
from callfloor.centre.source import Source
from callfloor.centre.tree import tree
from callfloor.centre.write import centre_file
from callfloor.contract.setup import ApplyQuery, CentreFile, CentrePlan, PlannedChange
from callfloor.errors import BeyondOwnScopes, PlanBroken, StaleVersion
from callfloor.store.setup import organisations

_FILE = {"organisation": {"name": "Harbour", "timezone": "Australia/Sydney", "country": "AU"}}
_CHANGED = {
    "teams": [{"name": "Day shift", "leaders": ["sam.lead"], "members": ["jane.doe"]}],
}
_PLAN: dict[str, Any] = {
    "plan": "5f1d7e84b0a7c6f0f4cde9a11b1f6a4a",
    "changes": [
        {
            "sign": "+",
            "kind": "team",
            "key": "Day shift",
            "campaign": None,
            "details": [],
            "text": '+ team "Day shift"',
            "line": 4,
            "pointer": "/teams/0",
        }
    ],
    "silentPrompts": [],
}


@operation(
    "GET",
    "/centre",
    scope="setup:read",
    summary="The centre file",
    tag="centre",
    answers=(TOML,),
    example=_FILE,
)
async def get_centre(call: Call) -> CentreFile:
    """All that administrators set, as the centre file, which is TOML; with `Accept: application/json` the same as JSON.

    What is as usual is left out. The ETag is for the `If-Match` of `POST /centre/apply`, in either form.
    """
    found = (await centre.stored(call.db, await _row(call))).centre
    accepted = call.headers.get(b"accept", b"")
    form = "json" if b"application/json" in accepted and TOML.encode() not in accepted else "toml"
    tag = _tag(centre.version_of(found), form)
    headers = {"ETag": tag, "Vary": "Accept"}
    unchanged = call.headers.get(b"if-none-match")
    if unchanged is not None and matches(unchanged, tag.encode(), weak=True):
        return cast(CentreFile, Encoded(304, headers, b""))
    as_json = form == "json"
    body = ENCODE(tree(found)) if as_json else centre_file(found).encode()
    headers["Content-Type"] = "application/json" if as_json else f"{TOML}; charset=utf-8"
    # it is written already; the type says what is in it
    return cast(CentreFile, Encoded(200, headers, body))


@operation(
    "POST",
    "/centre/plan",
    scope="setup:write",
    summary="What a centre file would change",
    tag="centre",
    body=CentreFile,
    streams=("application/json", TOML),
    example=_PLAN,
    request=_CHANGED,
    problems=[BeyondOwnScopes],
    audits=unaudited("nothing is changed"),
)
async def plan_centre(call: Call) -> CentrePlan:
    """The changes that a centre file asks for, each with its place in the file; nothing is changed.

    Mistakes are named all at once, each by its JSON pointer and, of TOML, by its line. A plan that you could not apply,
    because it gives scopes that you have not, is refused here already.
    """
    source, _ = await read_source(call)
    try:
        planned = await centre.plan_of(call.db, source)
        allow(call.caller, planned)
    except centre.CentreError as error:
        raise refused(error) from error
    return await _shown(call, planned)


@operation(
    "POST",
    "/centre/apply",
    scope="setup:write",
    summary="Apply a centre file",
    tag="centre",
    body=CentreFile,
    streams=("application/json", TOML),
    example=_PLAN,
    request=_CHANGED,
    query={"plan": _PLAN["plan"]},
    problems=[BeyondOwnScopes, PlanBroken, StaleVersion],
    audits=own("setup.apply", "setup"),
    keeps=True,
)
async def apply_centre(call: Call, query: ApplyQuery) -> Answer[CentrePlan]:
    """Make the centre what the file says, in one transaction, as `callfloor apply` does; the answer has the changes.

    With `plan`, of a plan of the same body, only what was planned: 409 when the centre has changed since. With
    `If-Match`, of `GET /centre`, 412 then. What a file leaves out stays as it is.
    """
    source, raw = await read_source(call)

    async def work() -> Answer[CentrePlan]:
        def holds(planned: centre.Plan) -> None:
            call.expect_tag(*(_tag(planned.version, form).encode() for form in ("toml", "json")))
            if query.plan is not None and query.plan != planned.plan_id:
                raise PlanBroken("The centre, or what was sent, is not what was planned. Plan it again.")
            allow(call.caller, planned)

        try:
            async with call.db.transaction():
                planned = await centre.apply_plan(call.db, source, holds, by=call.audit.by)
                await record(call, planned)
        except centre.CentreError as error:
            raise refused(error) from error
        tag = _tag(centre.version_of(planned.after), "toml")
        return Answer(await _shown(call, planned), headers={"ETag": tag})

    key = idempotency_key(call)
    if not key:
        return await work()
    kind = call.headers.get(b"content-type", b"")
    digest = hashlib.sha256(kind + b"\n" + raw).digest()
    return cast("Answer[CentrePlan]", await apply_centre.once(call, key, digest, work))


async def _row(call: Call) -> Any:
    return await organisations.named(call.db, call.caller.organisation.name)


def _tag(version: str, form: str) -> str:
    """Two forms of one state are told apart by what follows the point."""
    return f'"{version}.{form}"'


async def _shown(call: Call, planned: centre.Plan) -> CentrePlan:
    places = Places(planned.source)
    silent = await centre.unspoken(call.db, planned.source)
    changes = [_change(change, planned.source, places) for change in planned.changes]
    return CentrePlan(plan=planned.plan_id, changes=changes, silent_prompts=silent)


def _change(change: Change, source: Source, places: Places) -> PlannedChange:
    path = places.of(change)
    return PlannedChange(
        sign=change.sign,
        kind=change.kind,
        key=str(change.key),
        campaign=change.campaign,
        details=list(change.details),
        text=str(change),
        line=None if path is None else source.at(path),
        pointer=None if path is None else pointer(path),
    )
