"""Who sits at desks: clients of agents and supervisors."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx2

from callfloor.contract.codes import AgentState
from callfloor.contract.workspace import AtHand, Call, EventType
from callfloor.store.agents import agents, desk_events
from callfloor.store.calls import legs
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from tests.conftest import Centre
from tests.factories import inbound_call

RINGING = Call(
    activity_id=7, direction="inbound", campaign_id=1, campaign_name="Support", number="+61491570156", lead_id=None,
    state="ringing",
)  # fmt: skip


async def add_agent(db: Database, centre: Centre, name: str) -> int:
    return await db.fetchval(
        "INSERT INTO users (organisation_id, user_type, username, first_name, last_name)"
        " VALUES ($1, 'agent', $2, 'Jane', 'Roe') RETURNING user_id",
        centre.organisation,
        name,
    )


async def token_of(db: Database, centre: Centre, user: int) -> str:
    scopes = ["workspace"] if user != centre.user else ["workspace", "workspace:supervise"]
    return await tokens.create(db, centre.organisation, "desk", scopes, user_id=user)


def client_of(centre: Centre, token: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=centre.app),
        base_url="http://callfloor.test/workspace/v1",
        headers={"Authorization": f"Bearer {token}"},
    )


_STATES: dict[str, AgentState] = {"ringing": "dialling", "connected": "on-call", "wrap-up": "on-wrap"}


async def publish(db: Database, centre: Centre, hand: AtHand, type: EventType = "call.changed") -> None:
    """What a floor tells of the agent whose desk it is, in the state that belongs to it."""
    state = "dialling" if hand.preview is not None else None
    if hand.call is not None:
        state = _STATES[hand.call.state]
    if state is not None:
        await agents.show(db, centre.organisation, centre.agent, state, None, datetime.now(UTC))
    await desk_events.publish(db, centre.organisation, centre.agent, type, hand, datetime.now(UTC))


async def wait_in_queue(db: Database, centre: Centre, at: datetime, number: str = "+61491570156") -> int:
    """Somebody calls and waits for an agent: returns the activity."""
    activity = await inbound_call(db, centre.organisation, centre.inbound, number, "+61255501234", at)
    await legs.join_queue(db, centre.organisation, activity, centre.inbound, at)
    return activity
