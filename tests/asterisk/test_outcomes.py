"""Real calls that nobody answers, and how they end: every final answer of SIP, and none."""

from __future__ import annotations

import pytest

from callfloor.telephony.carrier import Answered, Cause, Detected, Ended, Ringing
from testbed import scenarios
from testbed.bed import Bed
from tests.asterisk.exchange import exchange

pytestmark = pytest.mark.asterisk

MEANING: dict[Cause, set[int]] = {
    "invalid": {404, 410, 484, 485, 604},
    "busy": {486, 600},
    "no-answer": {408, 480},
    "rejected": {403, 603, 607, 608},
}


async def test_every_refusal_ends_a_call_as_its_code_says(bed: Bed) -> None:
    async with exchange(bed) as at:
        calls = {at.dial(behaviour): behaviour.refuses for behaviour in scenarios.REFUSING}
        for call, code in calls.items():
            meaning = next((cause for cause, codes in MEANING.items() if code in codes), "failed")
            ended = await at.over(call)
            assert (code, ended.cause) == (code, meaning)
            assert at.of(call) == [ended]


async def test_a_call_that_rings_out_is_not_answered(bed: Bed) -> None:
    async with exchange(bed) as at:
        rings, absent = at.dial(scenarios.RINGS_OUT, ring_s=1), at.dial(scenarios.ABSENT, ring_s=1)
        assert (await at.over(rings)).cause == (await at.over(absent)).cause == "no-answer"
        assert at.of(rings) == [Ringing(rings), Ended(rings, "no-answer")]
        assert at.of(absent) == [Ended(absent, "no-answer")]


async def test_a_call_that_we_let_go_while_it_rings_is_cancelled(bed: Bed) -> None:
    async with exchange(bed) as at:
        call = at.dial(scenarios.RINGS_OUT)
        await at.told(call, Ringing)
        assert (await at.hang_up(call)).cause == "cancelled"


async def test_a_call_that_is_let_go_at_once_never_rings_for_ever(bed: Bed) -> None:
    async with exchange(bed) as at:
        calls = [at.dial(scenarios.RINGS_OUT) for _ in range(5)]
        for call in calls:
            at.carrier.hang_up(call)
        assert {(await at.over(call)).cause for call in calls} == {"cancelled"}
        await at.until(lambda: not bed.asterisk.get("channels"))


async def test_a_call_that_is_answered_ends_when_the_customer_hangs_up(bed: Bed) -> None:
    async with exchange(bed) as at:
        call = at.dial(scenarios.LEAVES)
        ended = await at.over(call)
        assert at.of(call)[-2:] == [Answered(call), ended]
        assert (ended.cause, ended.recorded_s) == ("hang-up", None)
        # G.711 on one machine loses nothing
        assert ended.quality is not None
        assert ended.quality > 4.2


async def test_a_number_is_rung_once_however_often_it_is_asked_for(bed: Bed) -> None:
    async with exchange(bed) as at:
        call = await at.answered()
        line = at.carrier._calls.up[call].line
        assert line is not None
        at.carrier.originate(line)
        await at.hang_up(call)
        at.carrier.originate(line)
        assert [type(event) for event in at.of(call)].count(Answered) == 1
        assert await at.carrier.calls() == []


async def test_an_endpoint_that_is_not_there_fails_the_call(bed: Bed) -> None:
    async with exchange(bed, trunks=("PJSIP/{number}@nowhere",)) as at:
        assert (await at.over(at.dial(scenarios.ANSWERS))).cause == "failed"
    async with exchange(bed, trunks=("PJSIP/{number}@closed",)) as at:
        # nobody listens on the trunk's port: UDP does not say so, and the call rings nowhere to its end
        assert (await at.over(at.dial(scenarios.ANSWERS, ring_s=1))).cause == "no-answer"


async def test_another_trunk_is_tried_when_one_fails_and_no_phone_has_rung(bed: Bed) -> None:
    down, gone, works = "PJSIP/{number}@agents", "PJSIP/{number}@nowhere", "PJSIP/{number}@trunk"
    async with exchange(bed, trunks=(down, gone, works)) as at:
        for _ in range(3):
            call = await at.answered()
            await at.hang_up(call)
            assert [type(event) for event in at.of(call)] == [Answered, Ended]
        assert (await at.over(at.dial(scenarios.BUSY))).cause == "busy"
    async with exchange(bed, trunks=(down, gone)) as at:
        assert [(await at.over(at.dial(scenarios.ANSWERS))).cause for _ in range(2)] == ["failed", "failed"]
        let_go = at.dial(scenarios.ANSWERS)
        at.carrier.hang_up(let_go)
        assert (await at.over(let_go)).cause in ("cancelled", "failed")


async def test_a_machine_is_told_from_a_person(bed: Bed) -> None:
    async with exchange(bed) as at:
        person, machine = at.dial(scenarios.HUMAN, detect=True), at.dial(scenarios.MACHINE, detect=True)
        assert not (await at.told(person, Detected)).machine
        assert (await at.told(machine, Detected)).machine
        for call in (person, machine):
            await at.hang_up(call)


async def test_a_call_can_be_ended_while_it_is_listened_to(bed: Bed) -> None:
    async with exchange(bed) as at:
        call = await at.answered(scenarios.HUMAN, detect=True)
        assert (await at.hang_up(call)).cause == "hang-up"
        assert not any(isinstance(event, Detected) for event in at.of(call))


async def test_a_call_without_sound_ends_also_when_its_goodbye_is_lost(bed: Bed) -> None:
    async with exchange(bed) as at:
        calls = [at.dial(scenarios.LOSES_BYE), at.dial(scenarios.SILENT, detect=True)]
        for call in calls:
            await at.told(call, Answered)
            assert (await at.over(call)).cause == "hang-up"
