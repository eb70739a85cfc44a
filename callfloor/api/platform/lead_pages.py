"""Finding leads."""

from __future__ import annotations

from callfloor.api.audits import batched
from callfloor.api.call import Call, phone_filter
from callfloor.api.cursors import page_limit, page_of, page_start
from callfloor.api.operation import operation
from callfloor.api.platform.leads import LEAD_EXAMPLE, lead_of
from callfloor.contract.fields import Page
from callfloor.contract.leads import Lead, LeadsQuery
from callfloor.rules.values.leads import customer_key
from callfloor.store.leads import leads
from callfloor.store.leads.lead_pages import page_order


@operation(
    "GET",
    "/leads",
    scope="leads:read",
    summary="List of leads",
    tag="leads",
    example={"metadata": {"nextUri": None}, "items": [LEAD_EXAMPLE]},
    query={"listId": 100, "statusCode": 3, "limit": 50},
    audits=batched("lead.read", "lead"),
)
async def list_leads(call: Call, query: LeadsQuery) -> Page[Lead]:
    """Leads, newest first by upload time; by update, where `updatedTimestampFrom` or `…To` is given without
    `phoneNumber`, `customerKey` or `agentId`. A page of leads with much `leadData` has fewer than `limit` (about 4 MB);
    `nextUri` goes on behind them."""
    filters = {
        "list_id": query.list_id,
        "status_code": query.status_code,
        "customer_key": customer_key(query.customer_key),
        "phone": phone_filter(call, query.phone_number),
        "agent_id": query.agent_id,
        "completed": query.completed,
        "uploaded_from": call.timestamp(query.uploaded_timestamp_from, "uploadedTimestampFrom"),
        "uploaded_to": call.period_end(query.uploaded_timestamp_to, "uploadedTimestampTo"),
        "updated_from": call.timestamp(query.updated_timestamp_from, "updatedTimestampFrom"),
        "updated_to": call.period_end(query.updated_timestamp_to, "updatedTimestampTo"),
    }
    given = {name: value for name, value in filters.items() if value is not None}
    after, at = page_start(call, query), page_order(frozenset(given))
    rows, full = await leads.page(call.db, call.organisation, given, query.campaign_id, after, page_limit(query) + 1)
    return page_of(call, query, rows, lead_of, lambda row: (row[at], row["lead_id"]), full=full)
