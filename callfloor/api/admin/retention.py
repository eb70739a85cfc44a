"""Retention and legal holds."""

from __future__ import annotations

from typing import Any

from asyncpg import Record

from callfloor.api.audits import batched, changes
from callfloor.api.call import Answer, Call, invalid, not_found, unknown_id
from callfloor.api.cursors import EPOCH, page_limit, page_of, page_start
from callfloor.api.operation import operation
from callfloor.contract.fields import Page
from callfloor.contract.retention import (
    LegalHold,
    LegalHoldsQuery,
    NewLegalHold,
    Retention,
    RetentionRule,
    RetentionRun,
    RetentionRuns,
    RetentionStart,
)
from callfloor.jobs.retention import planned
from callfloor.rules.privacy.retention import WHOLE_ORGANISATION, Rule
from callfloor.store.privacy import legal_holds, retention

RUNS_SHOWN = 100
_RULES = {"rules": [{"kind": "recordings", "days": 90, "campaignId": None}]}
_RUN: dict[str, Any] = {
    "runId": 12,
    "dryRun": False,
    "started": "2021-08-01T03:55:06.123456Z",
    "finished": None,
    "counts": {"recordings": 1200},
}
_HOLD: dict[str, Any] = {
    "holdId": 3,
    "objectType": "lead",
    "objectId": 999,
    "reason": "case 2021/77",
    "placedBy": 1001,
    "placed": "2021-08-01T03:55:06.123456Z",
    "lifted": None,
}


@operation("GET", "/retention", scope="setup:read", summary="How long what is kept", tag="retention", example=_RULES)
async def get_retention(call: Call) -> Retention:
    """The rules of the organisation and of its campaigns."""
    return _shown(await retention.rules(call.db, call.organisation))


@operation(
    "PUT",
    "/retention",
    scope="retention:write",
    summary="Set how long what is kept",
    tag="retention",
    example=_RULES,
    request=_RULES,
    audits=changes("retention.update", "retention"),
)
async def put_retention(call: Call, body: Retention) -> Retention:
    """Make these the only rules. They hold from the next run on: what is older then is deleted and does not come
    back. Try it with a dry run."""
    wanted = [Rule(rule.campaign_id or WHOLE_ORGANISATION, rule.kind, rule.days) for rule in body.rules]
    campaigns = {rule.campaign_id for rule in wanted} - {WHOLE_ORGANISATION}
    known = await retention.known_campaigns(call.db, call.organisation, sorted(campaigns))
    seen: set[tuple[int, str]] = set()
    for index, rule in enumerate(wanted):
        if rule.campaign_id != WHOLE_ORGANISATION and rule.campaign_id not in known:
            raise unknown_id(f"rules/{index}/campaignId", "campaign")
        if rule.campaign_id != WHOLE_ORGANISATION and rule.kind == "audit":
            raise invalid(f"rules/{index}/campaignId", "of-organisation", "the audit is the organisation's")
        if (rule.campaign_id, rule.kind) in seen:
            raise invalid(f"rules/{index}/kind", "twice", "has a rule already")
        seen.add((rule.campaign_id, rule.kind))
    before = await retention.put_rules(call.db, call.organisation, wanted)
    call.audit.entry(before=_told(before), after=_told(wanted))
    return _shown(await retention.rules(call.db, call.organisation))


@operation(
    "POST",
    "/retention/runs",
    scope="retention:write",
    summary="Delete what is due",
    tag="retention",
    status=202,
    also=(200,),
    example=_RUN,
    request={"dryRun": True},
    audits=changes("retention.run", "retention"),
)
async def start_retention(call: Call, body: RetentionStart) -> Answer[RetentionRun]:
    """Begin a run now rather than when its day is over; a server with jobs does it within minutes. With `dryRun`
    nothing is deleted, and the answer says how many of each kind are due."""
    if body.dry_run:
        call.audit.nothing()
        counts = await planned(call.db, call.organisation, call.now)
        return Answer(RetentionRun(run_id=None, dry_run=True, started=call.now, finished=call.now, counts=counts), 200)
    run_id = await retention.begin(call.db, call.organisation, call.now)
    call.audit.entry(run_id)
    found = next(each for each in await _runs(call) if each.run_id == run_id)
    return Answer(found)


@operation(
    "GET", "/retention/runs", scope="setup:read", summary="What was deleted", tag="retention", example={"items": [_RUN]}
)
async def list_retention_runs(call: Call) -> RetentionRuns:
    """The last runs, with how many of each kind they deleted."""
    return RetentionRuns(items=await _runs(call))


@operation(
    "GET",
    "/legal-holds",
    scope="audit:read",
    summary="Legal holds",
    tag="retention",
    example={"metadata": {"nextUri": None}, "items": [_HOLD]},
    query={"lifted": True},
    audits=batched("hold.read", "hold"),
)
async def list_legal_holds(call: Call, query: LegalHoldsQuery) -> Page[LegalHold]:
    """What is kept whatever retention says, by id."""
    after = page_start(call, query)
    rows = await legal_holds.holds(
        call.db, call.organisation, after[1] if after else 0, page_limit(query) + 1, lifted=bool(query.lifted)
    )
    return page_of(call, query, rows, _hold, lambda row: (EPOCH, row["hold_id"]))


@operation(
    "POST",
    "/legal-holds",
    scope="retention:write",
    summary="Place a legal hold",
    tag="retention",
    status=201,
    example=_HOLD,
    request={"objectType": "lead", "objectId": 999, "reason": "case 2021/77"},
    audits=changes("hold.place", "hold"),
)
async def place_legal_hold(call: Call, body: NewLegalHold) -> LegalHold:
    """Keep a lead with its calls, a call, or all of a campaign, whatever retention says. An erasure or a deletion that
    would touch it is refused with `legal-hold` until it is lifted."""
    row = await legal_holds.place(
        call.db, call.organisation, body.object_type, body.object_id, body.reason, call.actor, call.now
    )
    if row is None:
        raise unknown_id("objectId", body.object_type)
    # the reason may name somebody: it stands in the hold alone
    call.audit.entry(row["hold_id"], objectType=body.object_type, objectId=body.object_id)
    return _hold(row)


@operation(
    "DELETE",
    "/legal-holds/{holdId}",
    scope="retention:write",
    summary="Lift a legal hold",
    tag="retention",
    status=204,
    audits=changes("hold.lift", "hold"),
)
async def lift_legal_hold(call: Call, hold_id: int) -> None:
    """What was held goes with the next run, if it is due."""
    row = await legal_holds.lift(call.db, call.organisation, hold_id, call.now)
    if row is None:
        raise not_found("hold")
    call.audit.entry(objectType=row["object_type"], objectId=row["object_id"])


def _shown(rules: list[Rule]) -> Retention:
    return Retention(rules=[RetentionRule(kind=r.kind, days=r.days, campaign_id=r.campaign_id or None) for r in rules])


def _told(rules: list[Rule]) -> dict[str, int]:
    return {f"{each.kind} of {each.campaign_id or 'the organisation'}": each.days for each in rules}


async def _runs(call: Call) -> list[RetentionRun]:
    rows = await retention.runs(call.db, call.organisation, RUNS_SHOWN)
    return [
        RetentionRun(
            run_id=row["run_id"],
            dry_run=False,
            started=row["started_at"],
            finished=row["finished_at"],
            counts=row["counts"],
        )
        for row in rows
    ]


def _hold(row: Record) -> LegalHold:
    return LegalHold(
        hold_id=row["hold_id"],
        object_type=row["object_type"],
        object_id=row["object_id"],
        reason=row["reason"],
        placed_by=row["placed_by"],
        placed=row["placed_at"],
        lifted=row["lifted_at"],
    )
