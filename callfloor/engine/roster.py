"""What the database says of agents, brought to the floor: who belongs to which campaign, and what was asked for."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from asyncpg import Record

from callfloor.engine.journal import Journal
from callfloor.engine.records import DatabaseRecords
from callfloor.floor.floor import Floor
from callfloor.floor.plan import CampaignKey
from callfloor.rules.routing.agents import AgentFacts, AgentInput
from callfloor.store.agents import agents
from callfloor.store.db.pool import Database
from callfloor.telephony.carrier import AgentId

_IN_CALL = ("dialling", "on-call", "on-wrap")
# What a state, or a wish for one, asks of an agent who is busy.
_ASKS: dict[str | None, AgentInput] = {"paused": AgentInput.PAUSE, "signed-out": AgentInput.SIGN_OUT}


class Roster:
    """`campaigns`: those that the floor dials for."""

    def __init__(
        self,
        floor: Floor,
        journal: Journal,
        records: DatabaseRecords,
        db: Database,
        campaigns: Collection[CampaignKey],
    ) -> None:
        self._floor, self._journal, self._records, self._db = floor, journal, records, db
        self._campaigns = campaigns
        self._reading = False

    def read(self) -> None:
        """Read it behind every write that is queued, so that it never shows less than the floor knows."""
        if self._reading:
            return
        self._reading = True
        writes = dict(self._records.writes)
        campaigns = sorted(self._campaigns)
        self._journal.write(partial(agents.members, self._db, campaigns), partial(self._heard, writes), self._unheard)

    def _unheard(self) -> None:
        self._reading = False

    def _heard(self, writes: dict[AgentId, int], rows: list[Record]) -> None:
        self._reading = False
        of_agent: dict[AgentId, list[Record]] = {}
        for row in rows:
            if (row["organisation_id"], row["campaign_id"]) in self._campaigns:
                of_agent.setdefault(row["agent_id"], []).append(row)
        for agent_id, mine in of_agent.items():
            if self._records.writes.get(agent_id, 0) == writes.get(agent_id, 0):
                self._bring(agent_id, mine)
        for agent in self._floor.team.everyone():
            if agent.id in of_agent:
                continue
            if agent.facts.busy:
                self._floor.previews.moved(agent)
            elif agent.call is None:
                self._floor.team.forget(agent)

    def _bring(self, agent_id: AgentId, rows: list[Record]) -> None:
        """What stands in the records and the floor has not been told."""
        row = rows[0]
        keys = tuple(CampaignKey(each["organisation_id"], each["campaign_id"]) for each in rows)
        agent = self._floor.team.put(agent_id, row["organisation_id"], keys)
        state, wanted, facts = row["state"] or "signed-out", row["wanted_state"], agent.facts
        if agent.leaving:
            return
        if agent.serving not in keys:
            self._floor.previews.moved(agent)
        if facts.busy:
            # a state beside the call's is one that was asked for before the call was shown
            asked = _ASKS.get(wanted) or _ASKS.get(row["state"])
            if asked != _ASKS.get(facts.wanted):
                self._floor.agent(agent_id, asked or AgentInput.READY, row["reason"], written=True)
        elif state in _IN_CALL:
            # of a call that an engine before us had: the carrier still holds it, or it is over
            if not self._floor.resume(agent):
                self._floor.presence.free(agent)
        elif state != facts.state:
            self._floor.presence.settle(agent, AgentFacts(state, None, row["reason"]))
