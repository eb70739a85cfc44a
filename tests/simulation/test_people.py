"""Simulated agents and who sits down among them."""

from __future__ import annotations

import pytest

from callfloor.clock import VirtualClock
from callfloor.floor.plan import CampaignKey, CampaignPlan, Preview
from callfloor.floor.ports.writes import WrapUp
from callfloor.simulation.agents import SimulatedAgents
from callfloor.telephony.simulated.behaviour import Distribution


class Desk:
    """What a simulated agent does on the floor."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def accept(self, agent_id: int) -> bool:
        self.done.append(f"accept {agent_id}")
        return True

    def skip(self, agent_id: int, reason: str) -> bool:
        self.done.append(f"skip {agent_id}")
        return True

    def wrap_up(self, agent: int, _wrap: WrapUp) -> bool:
        self.done.append(f"wrap up {agent}")
        return True


@pytest.mark.parametrize("seated", [False, True])
def test_who_sits_down_while_a_simulated_agent_is_about_to_act_acts_in_person(seated: bool) -> None:
    clock, floor = VirtualClock(), Desk()
    agents = SimulatedAgents(clock, 1, Distribution("constant", 8.0))
    agents.work(floor, floor.wrap_up)
    plan = CampaignPlan(CampaignKey(1, 1), "preview", frozenset({1, 2}))
    agents.preview(1, plan, Preview(7, 1, "+61491570156", 0))
    agents.wrapping(1, plan, 60)
    agents.wrapping(2, plan, 60)
    if seated:
        agents.people = frozenset({1})
    clock.run(100)
    assert {each for each in floor.done if each.endswith(" 1")} == (set() if seated else {"accept 1", "wrap up 1"})
    assert "wrap up 2" in floor.done
