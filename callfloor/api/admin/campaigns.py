"""Commands for campaigns while they run."""

from __future__ import annotations

from datetime import timedelta
from typing import assert_never

import msgspec
from asyncpg import Record

from callfloor.api.audits import changes
from callfloor.api.call import Call, invalid, not_found, unknown_id
from callfloor.api.operation import operation
from callfloor.contract.administration import (
    AnyCampaignCommand,
    CampaignChange,
    CampaignTouch,
    Changed,
    SetLines,
    SetWeights,
    StartCampaign,
    StopCampaign,
    StopCampaignAtOnce,
)
from callfloor.store.leads import lists
from callfloor.store.setup import campaigns

# Calls last no longer.
LONGEST_CALL = timedelta(hours=12)


@operation(
    "POST",
    "/campaigns/{campaignId}/commands",
    scope="campaigns:control",
    summary="Command for a campaign",
    tag="campaigns",
    example={
        "campaignId": 2,
        "name": "Sales Outbound",
        "active": False,
        "dryRun": True,
        "changes": [{"field": "active", "listId": None, "before": True, "after": False}],
        "ringing": 8,
        "waiting": 0,
        "talking": 6,
        "letGo": 8,
    },
    request={"action": "stopAtOnce", "dryRun": True},
    audits=changes("campaign.command", "campaign"),
)
async def send_campaign_command(call: Call, campaign_id: int, body: AnyCampaignCommand) -> CampaignTouch:
    """Start a campaign, stop it and let its calls finish, or stop it at once; set how many lines may ring, and the
    weights of its lists. It holds within seconds, for calls that are placed from then on.

    With `dryRun` nothing changes, and the answer says what the command would touch at this moment. A centre file
    that is applied later sets what it names anew.
    """
    async with call.db.transaction():
        found = await campaigns.get_locked(call.db, call.organisation, campaign_id)
        row = (
            None
            if found is None
            else await campaigns.standing(call.db, call.organisation, found["name"], call.now - LONGEST_CALL)
        )
        if found is None or row is None:
            raise not_found("campaign")
        changes = await _changes(call, found, row, body)
        if changes and not body.dry_run:
            await _change(call, campaign_id, body, changes)
            action = msgspec.to_builtins(body)["action"]
            call.audit.entry(campaign_id, action=f"campaign.{action}", changes=changes)
        else:
            call.audit.nothing()
    active = next((bool(change.after) for change in changes if change.field == "active"), found["active"])
    at_once = isinstance(body, StopCampaignAtOnce)
    return CampaignTouch(
        campaign_id=campaign_id,
        name=found["name"],
        active=active,
        dry_run=body.dry_run,
        changes=changes,
        ringing=row["ringing"],
        waiting=row["waiting"],
        talking=row["talking"],
        let_go=row["ringing"] + row["waiting"] if at_once else 0,
    )


async def _changes(call: Call, found: Record, row: Record, body: AnyCampaignCommand) -> list[CampaignChange]:
    """What is to become other. Raises `Invalid`."""
    match body:
        case StartCampaign():
            return _one("active", None, found["active"], True)
        case StopCampaign():
            return _one("active", None, found["active"], False)
        case StopCampaignAtOnce():
            # a campaign that is off already may have lines that ring still
            off = _one("active", None, found["active"], False)
            again = not found["let_go"] and row["ringing"] + row["waiting"] > 0
            return off or ([CampaignChange(field="active", list_id=None, before=False, after=False)] if again else [])
        case SetLines(max_lines=most):
            _dials(found, "maxLines")
            return _one("maxLines", None, found["max_lines"], most)
        case SetWeights():
            _dials(found, "lists")
            return await _weights(call, found["campaign_id"], body)
        case _:
            assert_never(body)


def _dials(found: Record, name: str) -> None:
    if found["direction"] != "outbound":
        raise invalid(name, "wrong-direction", "is of campaigns that dial, and this one takes calls")


async def _weights(call: Call, campaign_id: int, body: SetWeights) -> list[CampaignChange]:
    changes: list[CampaignChange] = []
    for index, wanted in enumerate(body.lists):
        known = await lists.get_locked(call.db, call.organisation, wanted.list_id)
        if known is None or known["campaign_id"] != campaign_id:
            raise unknown_id(f"lists/{index}/listId", "list of this campaign")
        if wanted.weight is not None:
            changes += _one("weight", wanted.list_id, known["weight"], wanted.weight)
        if wanted.in_dialler is not None:
            changes += _one("inDialler", wanted.list_id, known["in_dialler"], wanted.in_dialler)
    return changes


def _one(field: Changed, list_id: int | None, before: int | None, after: int | None) -> list[CampaignChange]:
    """The change, where it is one."""
    return [] if before == after else [CampaignChange(field=field, list_id=list_id, before=before, after=after)]


async def _change(call: Call, campaign_id: int, body: AnyCampaignCommand, changes: list[CampaignChange]) -> None:
    own = call.db, call.organisation
    match body:
        case StartCampaign():
            await campaigns.switch(*own, campaign_id, active=True)
        case StopCampaign():
            await campaigns.switch(*own, campaign_id, active=False)
        case StopCampaignAtOnce():
            await campaigns.switch(*own, campaign_id, active=False, let_go=True)
        case SetLines(max_lines=most):
            await campaigns.set_lines(*own, campaign_id, most)
        case SetWeights():
            for list_id in {change.list_id for change in changes if change.list_id is not None}:
                known = await lists.get_locked(*own, list_id)
                if known is not None:
                    to = {change.field: change.after for change in changes if change.list_id == list_id}
                    weight = int(to.get("weight", known["weight"]) or 0)
                    in_dialler = bool(to.get("inDialler", known["in_dialler"]))
                    await lists.update(*own, list_id, known["name"], in_dialler=in_dialler, weight=weight)
        case _:
            assert_never(body)
