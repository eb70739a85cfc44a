"""A staffed campaign to dial for, and its books, which must add up whatever happened."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from callfloor.store.db.pool import Database
from tests.conftest import Centre

AGENTS = 4


async def staff(db: Database, centre: Centre, count: int = AGENTS) -> list[int]:
    """Agents of the outbound campaign, all ready."""
    now = datetime.now(UTC)
    ids = [centre.agent]
    for number in range(1, count):
        ids.append(
            await db.fetchval(
                "INSERT INTO users (organisation_id, user_type, username, first_name, last_name)"
                " VALUES ($1, 'agent', $2, 'Jane', 'Doe') RETURNING user_id",
                *(centre.organisation, f"jane.{number}"),
            )
        )
        await db.execute(
            "INSERT INTO campaign_agents VALUES ($1, $2, $3)", *(centre.organisation, centre.outbound, ids[-1])
        )
    for agent in ids:
        await db.execute(
            "INSERT INTO agent_states (organisation_id, agent_id, state, since) VALUES ($1, $2, 'ready', $3)",
            *(centre.organisation, agent, now),
        )
    return ids


async def set_mode(db: Database, centre: Centre, mode: str) -> None:
    dialling = {"regime": "none", "previewSeconds": 5, "ringSeconds": 5, "abandonmentCap": 0.5}
    await db.execute(
        "UPDATE campaigns SET mode = $2, dialling = $3 WHERE campaign_id = $1",
        *(centre.outbound, mode, msgspec.json.encode(dialling).decode()),
    )


async def states(db: Database, centre: Centre) -> set[str]:
    rows = await db.fetch("SELECT state FROM agent_states WHERE organisation_id = $1", centre.organisation)
    return {row["state"] for row in rows}


async def all_dialled(db: Database, centre: Centre) -> bool:
    """Whether no lead is left that was not dialled, and no call is up."""
    left = await db.fetchval(
        """SELECT (SELECT count(*) FROM leads WHERE organisation_id = $1
                AND (attempts = 0 OR in_flight_attempt_id IS NOT NULL))
            + (SELECT count(*) FROM attempts WHERE organisation_id = $1 AND hang_up_at IS NULL)""",
        centre.organisation,
    )
    return left == 0


async def check_books(db: Database, centre: Centre) -> None:
    """Every figure that can be told in two ways is told alike, and no lead or agent had two calls at once."""
    organisation = centre.organisation
    assert not await db.fetch(
        """SELECT 1 FROM attempts a JOIN attempts b ON b.organisation_id = a.organisation_id
            AND b.lead_id = a.lead_id AND b.attempt_id > a.attempt_id AND b.dialled_at < a.hang_up_at
        WHERE a.organisation_id = $1""",
        organisation,
    )
    assert not await db.fetch(
        """SELECT 1 FROM activities a JOIN activities b ON b.organisation_id = a.organisation_id
            AND b.agent_id = a.agent_id AND b.activity_id > a.activity_id AND b.answered_at < a.hang_up_at
            AND b.answered_at > a.answered_at
        WHERE a.organisation_id = $1""",
        organisation,
    )
    assert not await db.fetch(
        """SELECT l.lead_id FROM leads l LEFT JOIN attempts a USING (organisation_id, lead_id)
        WHERE l.organisation_id = $1 GROUP BY l.lead_id, l.attempts HAVING l.attempts <> count(a.attempt_id)""",
        organisation,
    )
    (counted,) = await db.fetch(
        """SELECT count(*) AS attempts, count(*) FILTER (WHERE dial_status IN (1, 7)) AS live,
            count(*) FILTER (WHERE dial_status = 7) AS abandoned,
            count(*) FILTER (WHERE NOT EXISTS (SELECT 1 FROM evidence e
                WHERE e.organisation_id = a.organisation_id AND e.attempt_id = a.attempt_id)) AS unexplained
        FROM attempts a WHERE organisation_id = $1""",
        organisation,
    )
    assert counted["unexplained"] == 0
    shown = (await centre.client.get(f"/campaign/{centre.outbound}/statistics/outbound?period=day")).json()["dialler"]
    assert (shown["attempts"], shown["liveAnswers"], shown["abandoned"]) == tuple(counted.values())[:3]
    assert shown["linesInUse"] == 0


async def equals(found: Any, wanted: object) -> bool:
    return await found == wanted
