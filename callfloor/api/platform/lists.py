"""Lists of leads."""

from __future__ import annotations

from typing import Any

from asyncpg import Record

from callfloor.api.audits import changes
from callfloor.api.call import Answer, Call, invalid, not_found, unknown_id
from callfloor.api.cursors import EPOCH, page_limit, page_of, page_start
from callfloor.api.operation import operation
from callfloor.contract.fields import Page
from callfloor.contract.lists import (
    LeadList,
    ListCreate,
    ListCreated,
    ListsQuery,
    ListTimestamps,
    ListUpdate,
)
from callfloor.errors import ListNameTaken, StaleVersion
from callfloor.rules.values.names import plain_name
from callfloor.rules.values.times import format_timestamp, zone
from callfloor.store.leads import lists

LIST_EXAMPLE: dict[str, Any] = {
    "id": 1,
    "name": "List One",
    "campaignId": 99,
    "campaignName": "Campaign Ninety Nine",
    "inDialler": True,
    "weight": 1,
    "timestamps": {"created": "2021-08-01T09:00:00+10:00", "updated": "2021-08-01T13:55:06+10:00"},
}


@operation(
    "GET",
    "/leads/lists",
    scope="leads:read",
    summary="List of lists",
    tag="leads",
    example={"metadata": {"nextUri": None}, "items": [LIST_EXAMPLE]},
    query={"campaignId": 99},
)
async def list_lists(call: Call, query: ListsQuery) -> Page[LeadList]:
    """Lists, by id."""
    after = page_start(call, query)
    rows = await lists.page(
        call.db, call.organisation, query.campaign_id, after[1] if after else 0, page_limit(query) + 1
    )
    return page_of(call, query, rows, _list_of, lambda row: (EPOCH, row["list_id"]))


@operation(
    "POST",
    "/leads/lists",
    scope="leads:write",
    summary="Create lead list",
    tag="leads",
    status=201,
    example={"listName": "List One", "campaignId": 99, "listId": 1},
    request={"listName": "List One", "campaignId": 99, "inDialler": False, "weight": 5},
    problems=[ListNameTaken],
    audits=changes("list.create", "list"),
    keeps=True,
)
async def create_list(call: Call, body: ListCreate) -> Answer[ListCreated]:
    """Create a list in a campaign. Names are unique inside a campaign.

    With `inDialler` false nothing of it is dialled while it is filled; `PATCH /leads/lists/{listId}` lets it go.
    """
    name = _name(body.list_name)
    in_dialler = True if body.in_dialler is None else body.in_dialler
    weight = 1 if body.weight is None else body.weight
    try:
        list_id = await lists.insert(
            call.db, call.organisation, body.campaign_id, name, in_dialler=in_dialler, weight=weight
        )
    except lists.NameTaken as error:
        raise ListNameTaken("The campaign already has a list of this name.") from error
    if list_id is None:
        raise unknown_id("campaignId", "campaign")
    now = {"name": name, "campaignId": body.campaign_id, "inDialler": in_dialler, "weight": weight}
    call.audit.entry(list_id, before=None, after=now)
    created = ListCreated(list_name=name, campaign_id=body.campaign_id, list_id=list_id)
    location = f"{call.prefix}/leads/lists/{list_id}"
    return Answer(created, headers={"Location": location})


@operation(
    "GET",
    "/leads/lists/{listId}",
    scope="leads:read",
    summary="Get list detail",
    tag="leads",
    etag=True,
    example=LIST_EXAMPLE,
)
async def get_list(call: Call, list_id: int) -> LeadList:
    """One list."""
    row = await lists.get(call.db, call.organisation, list_id)
    if row is None:
        raise not_found("list")
    return _list_of(row)


@operation(
    "PATCH",
    "/leads/lists/{listId}",
    scope="leads:write",
    summary="Update list",
    tag="leads",
    etag=True,
    ours=True,
    example=LIST_EXAMPLE,
    request={"inDialler": False, "weight": 5},
    problems=[ListNameTaken, StaleVersion],
    audits=changes("list.update", "list"),
)
async def update_list(call: Call, list_id: int, body: ListUpdate) -> LeadList:
    """Change the fields that are given: name, whether the dialler uses the list, its weight."""
    async with call.db.transaction():
        row = await lists.get_locked(call.db, call.organisation, list_id)
        if row is None:
            raise not_found("list")
        call.expect_version(_list_of(row))
        name = _name(body.list_name) if isinstance(body.list_name, str) else row["name"]
        in_dialler = body.in_dialler if isinstance(body.in_dialler, bool) else row["in_dialler"]
        weight = body.weight if isinstance(body.weight, int) else row["weight"]
        try:
            await lists.update(call.db, call.organisation, list_id, name, in_dialler=in_dialler, weight=weight)
        except lists.NameTaken as error:
            raise ListNameTaken("The campaign already has a list of this name.") from error
        updated = await lists.get(call.db, call.organisation, list_id)
    if updated is None:
        raise not_found("list")
    call.audit.entry(before=_settings(row), after=_settings(updated))
    return _list_of(updated)


def _settings(row: Record) -> dict[str, Any]:
    return {"name": row["name"], "inDialler": row["in_dialler"], "weight": row["weight"]}


def _name(text: str) -> str:
    """The name of a list as a centre file would have it."""
    name = plain_name(text)
    if not name:
        raise invalid("listName", "length", "must have something to see in it")
    return name


def _list_of(row: Record) -> LeadList:
    at = zone(row["campaign_timezone"])
    return LeadList(
        id=row["list_id"],
        name=row["name"],
        campaign_id=row["campaign_id"],
        campaign_name=row["campaign_name"],
        in_dialler=row["in_dialler"],
        weight=row["weight"],
        timestamps=ListTimestamps(
            created=format_timestamp(row["created_at"], at), updated=format_timestamp(row["updated_at"], at)
        ),
    )
