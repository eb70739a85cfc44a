"""Why nobody is dialled."""

from __future__ import annotations

from callfloor.api.call import Call, not_found
from callfloor.api.operation import operation
from callfloor.contract.administration import CampaignExplanation, KeptOut, Opening, PacingWait
from callfloor.engine.leads.explain_campaign import explain_campaign
from callfloor.rules.dialling.not_dialling import MEANINGS
from callfloor.rules.values.times import format_timestamp, zone


@operation(
    "GET",
    "/campaigns/{campaignId}/explain",
    scope="campaigns:read",
    summary="Why nobody is dialled",
    tag="campaigns",
    example={
        "campaignId": 2,
        "name": "Sales Outbound",
        "timestamp": "2021-08-01T08:40:00+10:00",
        "leads": 5000,
        "completed": 1200,
        "dialable": 0,
        "keptOut": [
            {"rule": "contact-window", "leads": 3700, "meaning": "It is too early or too late where the contact is."},
            {"rule": "completion", "leads": 1200, "meaning": "The lead is completed."},
            {"rule": "do-not-call", "leads": 100, "meaning": "The customer must not be called."},
        ],
        "opens": [{"timestamp": "2021-08-01T09:00:00+10:00", "leads": 3700}],
        "later": 0,
        "judged": 950,
        "oneIn": 4,
        "margin": 0.032,
        "waitsFor": [{"reason": "leads", "detail": "No lead may be dialled now: see what keeps them out."}],
        "linesRinging": 0,
        "maxLines": None,
        "agentsWorking": 12,
        "agentsReady": 12,
        "liveAnswers": 800,
        "abandoned": 11,
        "abandonmentCap": 0.03,
    },
)
async def explain_campaign_leads(call: Call, campaign_id: int) -> CampaignExplanation:
    """Counts the campaign's leads by the first rule that keeps each from being dialled now, says when how many become
    dialable, and what pacing waits for. The rules are the dialler's own, as of the explanation of one lead."""
    found = await explain_campaign(call.db, call.organisation, campaign_id, call.now)
    if found is None:
        raise not_found("campaign")
    at, standing = zone(found.zone), found.standing
    return CampaignExplanation(
        campaign_id=campaign_id,
        name=found.name,
        timestamp=format_timestamp(call.now, at),
        leads=found.leads,
        completed=found.completed,
        dialable=found.dialable,
        kept_out=[KeptOut(rule=rule, leads=count, meaning=MEANINGS[rule]) for rule, count in found.kept_out],
        opens=[Opening(timestamp=format_timestamp(hour, at), leads=count) for hour, count in found.opens],
        later=found.later,
        judged=found.judged,
        one_in=found.one_in,
        margin=round(found.margin, 4),
        waits_for=[PacingWait(reason=each.reason, detail=each.detail) for each in found.waits],
        lines_ringing=standing.ringing,
        max_lines=standing.max_lines,
        agents_working=standing.working,
        agents_ready=standing.ready,
        live_answers=standing.live,
        abandoned=standing.abandoned,
        abandonment_cap=standing.cap,
    )
