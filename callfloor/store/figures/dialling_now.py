"""How a campaign stands at this moment: lines, agents, and what of its abandonment was used."""

from __future__ import annotations

from datetime import datetime, timedelta

from callfloor.rules.dialling.not_dialling import DiallingNow
from callfloor.store.db.pool import Database
from callfloor.store.figures.live_floor import SILENT_S
from callfloor.store.setup import campaigns
from callfloor.store.setup.campaigns import CampaignSetup

STANDING_SQL = f"""
SELECT
    EXISTS (SELECT FROM campaign_leases l JOIN floor_nodes n ON n.organisation_id = l.organisation_id
        AND n.engine = l.engine AND n.kind = 'engine'
     WHERE l.organisation_id = $1 AND l.campaign_id = $2
        AND n.said_at > $3::timestamptz - interval '{SILENT_S} seconds') AS led,
    (SELECT count(*) FROM attempts WHERE organisation_id = $1 AND campaign_id = $2 AND hang_up_at IS NULL
        AND answered_at IS NULL) AS ringing,
    count(*) FILTER (WHERE s.state <> 'signed-out') AS working, count(*) FILTER (WHERE s.state = 'ready') AS ready
FROM working_agents m
JOIN agent_states s ON s.organisation_id = m.organisation_id AND s.agent_id = m.agent_id
WHERE m.organisation_id = $1 AND m.campaign_id = $2"""


async def standing(db: Database, setup: CampaignSetup, cap: float, window_s: float, now: datetime) -> DiallingNow:
    """`cap`: the share of live answers of `window_s` that may be abandoned."""
    row = await db.fetchrow(STANDING_SQL, setup.organisation, setup.campaign, now)
    if row is None:
        raise AssertionError("a statement of sums has one row")
    spent = await campaigns.spent(db, setup.organisation, setup.campaign, now - timedelta(seconds=window_s))
    return DiallingNow(
        led=row["led"],
        ringing=row["ringing"],
        max_lines=setup.dialling.max_lines,
        working=row["working"],
        ready=row["ready"],
        live=sum(each["live"] for each in spent),
        abandoned=sum(each["abandoned"] for each in spent),
        cap=cap,
    )
