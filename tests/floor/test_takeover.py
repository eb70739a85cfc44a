"""Engines that take campaigns over find attempts and their customers a campaign at a time, in either order."""

from __future__ import annotations

import pytest

from callfloor.contract.codes import DialStatus
from callfloor.floor.calls.contacts import Contact, Stage
from callfloor.floor.plan import CampaignKey, CampaignPlan, Claimed
from callfloor.floor.ports import writes
from callfloor.telephony.carrier import Ended
from tests.floor.room import FIRST, HELP, SECOND, Room

OUT = CampaignKey(1, 3)
CALL, FIRST_LEG, NEXT_LEG = 7, 70, 71
NUMBER = "+61491570156"


class Taken:
    """A customer whom OUT dialled, and who waits in HELP now."""

    def __init__(self, *, attempt_first: bool) -> None:
        self.room = Room()
        self.floor = self.room.floor
        self.floor.configure(CampaignPlan(OUT, "progressive", frozenset((FIRST, SECOND)), country="AU"))
        for find in (self.attempt, self.customer) if attempt_first else (self.customer, self.attempt):
            find()

    def attempt(self) -> None:
        claimed = Claimed(CALL, FIRST_LEG, 5, NUMBER)
        self.floor.adopt(OUT, claimed, answered=True, agent=None, connected=True, over=True)

    def customer(self) -> None:
        plan = self.floor.queues.plan(HELP)
        assert plan is not None
        self.floor.adopt_contact(
            Contact(CALL, plan, NEXT_LEG, "outbound", NUMBER, None, Stage.QUEUE, lead=5, queue=HELP)
        )

    def ends(self) -> list[tuple[type[writes.Write], int]]:
        """What is written at the call's end: a leg that ended, an attempt's first leg."""
        self.room.records.written.clear()
        self.room.carrier.say(Ended(CALL, "hang-up", None))
        assert not self.floor.has(CALL)
        ended = [(writes.LegEnded, each.activity) for each in self.room.records.of(writes.LegEnded)]
        return ended + [
            (writes.AttemptFinished, each.activity) for each in self.room.records.of(writes.AttemptFinished)
        ]


@pytest.mark.parametrize("attempt_first", [True, False])
def test_an_attempt_and_its_transferred_customer_are_one_call_whichever_is_found_first(attempt_first: bool) -> None:
    taken = Taken(attempt_first=attempt_first)
    (contact,) = taken.floor.contacts.everyone()
    assert contact.attempt is not None
    assert contact.attempt.contact is contact
    assert (contact.stage, taken.floor.queues.length(HELP)) == (Stage.QUEUE, 1)
    assert taken.ends() == [(writes.LegEnded, NEXT_LEG), (writes.AttemptFinished, FIRST_LEG)]
    (finished,) = taken.room.records.of(writes.AttemptFinished)
    assert finished.status is DialStatus.ANSWERED


@pytest.mark.parametrize("attempt_first", [True, False])
def test_an_attempt_stays_when_another_engine_takes_its_customer_and_finds_it_again(attempt_first: bool) -> None:
    taken = Taken(attempt_first=attempt_first)
    taken.floor.drop(HELP)
    assert taken.floor.contacts.customers() == []
    assert taken.floor.contacts.customer(CALL) is None
    assert taken.floor.customers(1) == {NUMBER: f"that of attempt {CALL}"}
    assert taken.floor.left(CALL) == FIRST_LEG
    again = Taken(attempt_first=True)
    again.floor.drop(HELP)
    again.floor.configure(CampaignPlan(HELP, None, frozenset((FIRST,)), country="AU"))
    again.customer()
    assert again.ends() == [(writes.LegEnded, NEXT_LEG), (writes.AttemptFinished, FIRST_LEG)]
    assert taken.ends() == [(writes.AttemptFinished, FIRST_LEG)], "the customer's end is the other engine's to write"


def test_a_call_is_forgotten_with_the_campaign_that_dialled_it() -> None:
    taken = Taken(attempt_first=False)
    taken.floor.drop(OUT)
    assert not taken.floor.has(CALL)
    assert taken.floor.queues.length(HELP) == 0
    assert taken.ends() == []
