"""The calls and e-mails that a figure counts."""

from __future__ import annotations

from asyncpg import Record

from callfloor.api.call import Call, invalid
from callfloor.api.cursors import page_limit, page_of, page_start
from callfloor.api.operation import operation
from callfloor.api.reports.asking import period, viewer_of
from callfloor.contract.fields import Page
from callfloor.contract.reports import CountedCall, CountedQuery
from callfloor.jobs.reporting.question import whose
from callfloor.rules.figures.measures import MEASURES
from callfloor.rules.values.times import local_time
from callfloor.store.figures import counted_calls, reports

ACTIVITIES = "/platform-api/v3.0/activities"
_COUNTS = [name for name, each in MEASURES.items() if each.calls is not None]


@operation(
    "GET",
    "/calls",
    scope="reports:read",
    summary="What a figure counts",
    tag="figures",
    example={
        "metadata": {"nextUri": None},
        "items": [
            {
                "activityId": 110,
                "activityType": "call.inbound",
                "created": "2021-08-01T13:55:06+10:00",
                "campaignId": 1,
                "agentId": 1002,
                "attemptId": None,
                "activityUri": f"{ACTIVITIES}/110",
            }
        ],
    },
    query={"measure": "handled", "from": "2021-08-01", "to": "2021-08-02", "agentId": 1002},
)
async def list_counted_calls(call: Call, query: CountedQuery) -> Page[CountedCall]:
    """The legs of calls, or e-mails, that a measure counts in a period, newest first: as many as the figure says. A
    supervisor of teams gets those of its own agents. The period may be any, so that figures of a campaign's last hour
    open too. `callsTemplate` of a report's row leads here."""
    measure = MEASURES.get(query.measure)
    if measure is None or measure.calls is None:
        raise invalid("measure", "not-counted", f"must be one of {', '.join(_COUNTS)}", in_body=False)
    campaigns = None
    if query.campaign_id is not None:
        campaigns = list(await reports.campaigns(call.db, call.organisation, [query.campaign_id]))
        if not campaigns:
            raise invalid("campaignId", "not-found", "names no campaign of this organisation", in_body=False)
    of = counted_calls.Of(
        campaigns,
        *await whose(viewer_of(call), query.agent_id, query.team_id),
        query.list_id,
        query.wrap_code,
        query.dial_status_id,
        query.number,
    )
    rows = await counted_calls.page(
        call.db,
        call.organisation,
        measure.calls,
        period(call, query),
        of,
        page_start(call, query),
        page_limit(query) + 1,
    )

    def shown(row: Record) -> CountedCall:
        return CountedCall(
            activity_id=row["activity_id"],
            activity_type=row["type"],
            created=local_time(row["created_at"], call.zone),
            campaign_id=row["campaign_id"],
            agent_id=row["agent_id"],
            attempt_id=row["attempt_id"],
            activity_uri=f"{ACTIVITIES}/{row['activity_id']}",
        )

    return page_of(call, query, rows, shown, lambda row: (row["created_at"], row["activity_id"]))
