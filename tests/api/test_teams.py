"""A supervisor sees and commands its teams, their work and their queues, and nothing of others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from callfloor.api.routes import WORKSPACE_OPERATIONS
from callfloor.contract.alerts import AlertRule
from callfloor.rules.alerting.conditions import Subject
from callfloor.store.agents import agents
from callfloor.store.db.pool import Database
from callfloor.store.figures import alerts
from callfloor.store.people import teams
from tests.api.desks import add_agent, client_of, token_of, wait_in_queue
from tests.api.test_work import message
from tests.auth.people import add_user
from tests.conftest import Centre
from tests.mail.post import Letters, make_mailbox

NUMBER = "+61491570157"


@dataclass
class House:
    """Two teams; the agent of `Day` works for all campaigns of the centre, that of `Night` for none of them. `own`
    leads Day, `other` Night."""

    centre: Centre
    own: str
    other: str
    night: int
    email: int
    task: int
    lead: int
    caller: int
    alert: int

    def asks(self) -> dict[str, tuple[str, str, Any]]:
        """Each operation of supervisors that names something of Day: method, path, body."""
        agent = self.centre.agent
        none = {"agentId": None}
        return {
            "get_agent_session": ("GET", f"/agents/{agent}/session", None),
            "send_agent_command": ("POST", f"/agents/{agent}/commands", {"action": "pause"}),
            "send_caller_command": ("POST", f"/callers/{self.caller}/commands", {"action": "moveUp"}),
            "move_email": ("POST", f"/work/emails/{self.email}/move", none),
            "move_task": ("POST", f"/work/tasks/{self.task}/move", none),
            "move_callback": ("POST", f"/work/callbacks/{self.lead}/move", none),
            "acknowledge_alert": ("POST", f"/alerts/{self.alert}/acknowledgement", None),
            "silence_alert": ("POST", f"/alerts/{self.alert}/silence", {"minutes": 5}),
        }


# those that show what there is, and where it stands in the answer
LISTS = {
    "list_agents": "/agents", "list_work_emails": "/work/emails", "list_work_tasks": "/work/tasks",
    "list_work_callbacks": "/work/callbacks", "list_alerts": "/alerts", "get_floor": "/floor",
}  # fmt: skip


@pytest.fixture
async def house(db: Database, centre: Centre) -> House:
    now, organisation = datetime.now(UTC), centre.organisation
    _, day = await add_user(db, centre, ["supervisor"])
    _, late = await add_user(db, centre, ["supervisor"])
    night = await add_agent(db, centre, "night.owl")
    async with db.transaction():
        await teams.put(db, organisation, "Day", [day], [centre.agent])
        await teams.put(db, organisation, "Night", [late], [night])
    await agents.make_ready(db, organisation, centre.agent, now)
    own, other = await token_of(db, centre, day), await token_of(db, centre, late)
    for user in (day, late):
        sql = "UPDATE tokens SET scopes = '{workspace,workspace:supervise}' WHERE organisation_id = $1 AND user_id = $2"
        await db.execute(sql, organisation, user)
    email = (await Letters(db, await make_mailbox(db, centre)).come(now)).activity_id
    task = await message(db, centre, now)
    body = {"listId": centre.list_id, "phone1": NUMBER, "agentId": centre.agent}
    body["nextAttemptTimestamp"] = "2030-01-02T01:00:00Z"
    lead = (await centre.client.post("/leads", json=body)).json()["leadId"]
    caller = await wait_in_queue(db, centre, now)
    subject = Subject("one", "limit", holds=True, value=5, campaign_id=None, agent_id=centre.agent)
    await alerts.fire(db, organisation, AlertRule("Spends", "destinations"), None, subject, now)
    alert = await db.fetchval("SELECT alert_id FROM alerts WHERE organisation_id = $1", organisation)
    return House(centre, own, other, night, email, task, lead, caller, alert)


def test_every_operation_of_supervisors_is_tried(dsn: str) -> None:
    tried = {*LISTS, "get_agent_session", "send_agent_command", "send_caller_command"}
    tried |= {"move_email", "move_task", "move_callback", "acknowledge_alert", "silence_alert"}
    assert {each.operation_id for each in WORKSPACE_OPERATIONS if each.access == "workspace:supervise"} == tried


async def ask(client: httpx2.AsyncClient, method: str, path: str, body: Any) -> int:
    return (await client.request(method, path, json=body)).status_code


async def test_what_names_something_of_another_team_finds_nothing(house: House) -> None:
    async with client_of(house.centre, house.other) as other, client_of(house.centre, house.own) as own:
        for name, request in house.asks().items():
            assert await ask(other, *request) == 404, name
        for name, request in house.asks().items():
            # nobody leads the queue's campaign, so that a command about a caller is not taken
            assert await ask(own, *request) in ((503,) if name == "send_caller_command" else (200, 204)), name


async def test_lists_and_the_floor_show_ones_own_teams(house: House) -> None:
    async with client_of(house.centre, house.other) as other, client_of(house.centre, house.own) as own:
        for name, path in LISTS.items():
            shown, hidden = (await own.get(path)).json(), (await other.get(path)).json()
            if name == "get_floor":
                mine = {each["agentId"] for each in shown["agents"]}
                assert house.centre.agent in mine
                assert [hidden[part] for part in ("agents", "callers", "queues", "campaigns")] == [[], [], [], []]
                continue
            found = [each.get("agentId") for each in shown["items"]]
            assert found, name
            assert house.night not in found
            strangers = [each for each in hidden["items"] if each.get("agentId") != house.night]
            assert strangers == [], name


async def test_nothing_is_given_to_an_agent_of_another_team(house: House) -> None:
    async with client_of(house.centre, house.own) as own:
        body = {"action": "transfer", "to": {"agentId": house.night}}
        told = await own.post(f"/callers/{house.caller}/commands", json=body)
        assert (told.status_code, told.json()["errors"][0]["pointer"]) == (422, "/to/agentId")
        for path in (f"emails/{house.email}", f"tasks/{house.task}", f"callbacks/{house.lead}"):
            assert (await own.post(f"/work/{path}/move", json={"agentId": house.night})).status_code == 422, path
