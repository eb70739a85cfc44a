"""What agents see of supervisors in their calls, on a carrier that a test moves by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callfloor.contract.workspace import CompleteTransfer, Monitor, Monitored, Monitoring, StopMonitoring
from callfloor.floor.calls.contacts import Contact
from callfloor.floor.ports import writes
from callfloor.telephony.carrier import Ended, ListenerLeft
from tests.floor.room import FIRST, SECOND, Room

SUPERVISOR = 9


def _seen(room: Room, contact: Contact, agent: int = FIRST) -> list[tuple[int, str]]:
    return [(each.supervisor_id, each.how) for each in room.floor.desk_updates.view(agent, contact).monitored_by]


def _listens(room: Room, how: Monitoring) -> None:
    assert room.does(SUPERVISOR, Monitor(agent_id=FIRST, how=how)) is None


@pytest.mark.parametrize("told", [True, False])
def test_agents_see_whisper_and_barge_always_and_monitor_where_the_organisation_says_so(told: bool) -> None:
    room = Room()
    room.floor.configure(replace(room.plan, tell_of_monitoring=told))
    contact = room.talk()
    _listens(room, "monitor")
    assert _seen(room, contact) == ([(SUPERVISOR, "monitor")] if told else [])
    _listens(room, "whisper")
    assert _seen(room, contact) == [(SUPERVISOR, "whisper")]
    # whoever is brought into the call is heard by the supervisor too
    room.bring(contact, agent_id=SECOND)
    _listens(room, "barge")
    assert _seen(room, contact) == _seen(room, contact, SECOND) == [(SUPERVISOR, "barge")]
    assert room.does(SUPERVISOR, StopMonitoring(agent_id=FIRST)) is None
    assert _seen(room, contact) == _seen(room, contact, SECOND) == []


def test_the_desk_is_told_when_a_supervisor_comes_and_when_its_phone_goes() -> None:
    room = Room()
    contact = room.talk(others=False)
    room.at(1)
    _listens(room, "whisper")
    room.at(2)
    room.carrier.say(ListenerLeft(contact.call, SUPERVISOR))
    # of a phone that was not in the call
    room.carrier.say(ListenerLeft(contact.call, SUPERVISOR + 1))
    room.at(3)
    told = [each.session.call for each in room.records.of(writes.DeskTold) if each.event == "call.changed"]
    seen = [call.monitored_by for call in told if call is not None]
    assert seen[-2:] == [(Monitored(supervisor_id=SUPERVISOR, how="whisper"),), ()]
    refused = room.does(SUPERVISOR, StopMonitoring(agent_id=FIRST))
    assert refused is not None
    assert refused.code == "no-call"


def test_nobody_listens_to_the_next_agent_of_a_call() -> None:
    room = Room()
    contact = room.talk()
    _listens(room, "barge")
    room.bring(contact, agent_id=SECOND)
    assert room.does(FIRST, CompleteTransfer()) is None
    assert (contact.agent, _seen(room, contact, SECOND)) == (SECOND, [])


def test_a_wrap_up_shows_nobody() -> None:
    room = Room()
    contact = room.talk(others=False)
    _listens(room, "whisper")
    room.carrier.say(Ended(contact.call, "hang-up"))
    agent = room.floor.team.get(FIRST)
    assert agent is not None
    assert agent.shown is not None
    assert (agent.shown.state, agent.shown.monitored_by) == ("wrap-up", ())
