"""Taking things out of the database that a plan removes, where nothing that happened refers to them."""

from __future__ import annotations

from callfloor.centre.plan import Change
from callfloor.centre.source import CentreError, Mistake
from callfloor.store.db.pool import Database
from callfloor.store.figures import alerts
from callfloor.store.setup import removals
from callfloor.store.setup.centres import Stored


async def refuse_used(db: Database, stored: Stored, changes: list[Change]) -> None:
    """Raises `CentreError` for what calls, leads or e-mails refer to."""
    found: list[Mistake] = []
    for change in changes:
        if change.sign == "-" and (why := await _used(db, stored, change)) is not None:
            of = "" if change.campaign is None else f" of {change.campaign}"
            found.append(Mistake(f"{change.kind} {change.key}{of} cannot be removed: {why}", ("remove",)))
    if found:
        raise CentreError([each.message for each in found], found)


async def _used(db: Database, stored: Stored, change: Change) -> str | None:
    organisation, name = stored.organisation, str(change.key)
    match change.kind:
        case "user" if await removals.user_used(db, organisation, stored.users[name]):
            return "calls, leads or times worked are of it; set accountActive to false instead"
        case "campaign" if await removals.campaign_used(db, organisation, stored.campaigns[name]):
            return "calls, e-mails or do-not-call entries are of it; set active to false instead"
        case "list" if await removals.list_used(db, organisation, stored.lists[change.campaign or "", name]):
            return "it has or had leads; set inDialler to false instead"
        case "mailbox" if await removals.mailbox_used(db, organisation, name):
            return "e-mails are of it; set active to false instead"
        case "lead status" if await removals.lead_status_used(db, organisation, int(change.key)):
            return "leads have it"
        case _:
            return None


async def remove(db: Database, stored: Stored, change: Change) -> None:
    """Remove what a change of the kind "-" is about."""
    organisation, name = stored.organisation, str(change.key)
    match change.kind:
        case "user":
            await removals.remove_user(db, organisation, stored.users[name])
        case "campaign":
            await removals.remove_campaign(db, organisation, stored.campaigns[name])
        case "list":
            await removals.remove_list(db, organisation, stored.lists[change.campaign or "", name])
        case "mailbox":
            await removals.remove_mailbox(db, organisation, name)
        case "lead status":
            await removals.remove_lead_status(db, organisation, int(change.key))
        case "strategy":
            await removals.remove_strategy(db, organisation, name)
        case "prompt":
            await removals.remove_prompt(db, organisation, name)
        case "workflow":
            await removals.remove_workflow(db, organisation, name)
        case "role":
            await removals.remove_role(db, organisation, name)
        case "alert":
            await alerts.remove_rule(db, organisation, name)
        case "team":
            await removals.remove_team(db, organisation, name)
        case _:
            raise AssertionError(f"{change.kind} is no thing that is removed by itself")
