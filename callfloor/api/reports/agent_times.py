"""What an agent did, to the second."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from callfloor.api.call import Call, invalid, not_found
from callfloor.api.operation import operation
from callfloor.api.reports.asking import viewer_of
from callfloor.contract.reports import AgentTime, AgentTimes, AgentTimesQuery, PauseTime
from callfloor.jobs.reporting.question import sees
from callfloor.rules.values.times import local_time
from callfloor.store.agents import desk_options
from callfloor.store.figures import agent_times

LONGEST = timedelta(days=31)


@operation(
    "GET",
    "/agents/{agentId}/times",
    scope="reports:read",
    summary="An agent's time",
    tag="agents",
    example={
        "agentId": 1002,
        "from": "2021-08-01T00:00:00+10:00",
        "to": "2021-08-02T00:00:00+10:00",
        "signedInSeconds": 3600,
        "seconds": {"ready": 2700, "on-call": 600, "paused": 300},
        "pauses": [{"reason": "lunch", "seconds": 300}],
        "times": [
            {
                "state": "paused",
                "reason": "lunch",
                "campaignId": None,
                "begin": "2021-08-01T12:00:00+10:00",
                "end": "2021-08-01T12:05:00+10:00",
                "seconds": 300,
            }
        ],
    },
    query={"from": "2021-08-01", "to": "2021-08-02"},
)
async def get_agent_times(call: Call, agent_id: int, query: AgentTimesQuery) -> AgentTimes:
    """Every state of the agent in a period, with its beginning, end, reason and campaign. The parts add up to the time
    signed in, however the period is cut, over midnight and changes of the clock too. A state that began before the
    period or goes on behind it is shown whole; its `seconds` are those in the period."""
    begin, end = call.timestamp(query.begin, "from"), call.timestamp(query.end, "to")
    if begin is None or end is None or end <= begin:
        raise invalid("to", "order", "must be later than from", in_body=False)
    if end - begin > LONGEST:
        raise invalid("to", "too-long", "must be at most 31 days after from", in_body=False)
    if not (
        sees(viewer_of(call), agent_id) and await desk_options.exists(call.db, call.organisation, "agent", agent_id)
    ):
        raise not_found("agent")
    found = await agent_times.of_agent(call.db, call.organisation, agent_id, begin, end, call.now)
    seconds, pauses = Counter[str](), Counter[str | None]()
    for part in found:
        seconds[part.state] += part.seconds
        if part.state == "paused":
            pauses[part.reason] += part.seconds
    return AgentTimes(
        agent_id=agent_id,
        begin=begin.astimezone(call.zone),
        end=end.astimezone(call.zone),
        signed_in_seconds=seconds.total(),
        seconds=dict(seconds),
        pauses=[PauseTime(reason=reason, seconds=of) for reason, of in pauses.most_common()],
        times=[
            AgentTime(
                state=part.state,
                reason=part.reason,
                campaign_id=part.campaign,
                begin=local_time(part.began, call.zone),
                end=None if part.ended is None else local_time(part.ended, call.zone),
                seconds=part.seconds,
            )
            for part in found
        ],
    )
