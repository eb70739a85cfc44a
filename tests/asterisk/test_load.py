"""What a floor of some size asks of Asterisk: many calls a second, and many at once, with nothing lost."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from callfloor.telephony.carrier import Answered, CarrierEvent, Ended, Joined, Line
from testbed import audio, scenarios
from testbed.bed import Bed
from tests.asterisk.exchange import exchange, new_call
from tests.asterisk.sound import about, hears, samples, seconds
from tests.asterisk.test_conversations import lasts, recording

pytestmark = pytest.mark.asterisk

A_SECOND, SECONDS = 50, 20
AT_ONCE = 50


async def test_fifty_calls_a_second_for_twenty_seconds(bed: Bed) -> None:
    async with exchange(bed) as at:
        loop = asyncio.get_running_loop()
        asked: dict[int, float] = {}
        took: list[float] = []

        def dial(number: int) -> None:
            call = new_call()
            asked[call] = loop.time()
            line = Line(
                call, scenarios.number(scenarios.SILENT, number), None, 20.0, detect_machines=False, record=False
            )
            at.carrier.originate(line)

        def hear(event: CarrierEvent) -> None:
            if isinstance(event, Answered):
                took.append(loop.time() - asked[event.call])
                loop.call_later(1.0, at.carrier.hang_up, event.call)
            at.heard.append(event)

        at.carrier.listen(hear)
        for number in range(A_SECOND * SECONDS):
            loop.call_later(number / A_SECOND, partial(dial, number))
        total = A_SECOND * SECONDS
        await at.until(lambda: sum(isinstance(event, Ended) for event in at.heard) >= total, seconds=90)
        ended = [event for event in at.heard if isinstance(event, Ended)]
        assert {event.call for event in ended} == asked.keys()
        assert {event.cause for event in ended} == {"hang-up"}
        assert len(took) == total
        took.sort()
        middle, slow = took[total // 2], took[total * 95 // 100]
        print(f"answered after {1000 * middle:.0f} ms in the middle, {1000 * slow:.0f} ms at 95 %")
        assert not bed.asterisk.get("channels")


async def test_fifty_recorded_conversations_at_once(bed: Bed) -> None:
    async with exchange(bed) as at:
        calls = [await at.answered(record=True) for _ in range(AT_ONCE)]
        for number, call in enumerate(calls):
            at.carrier.join(call, 100 + number)
        for call in calls:
            await at.told(call, Joined)
        assert len(await at.carrier.calls()) == AT_ONCE
        for call in calls:
            await lasts(at, bed, call, 0, 2.0)
        for call in calls:
            at.carrier.hang_up(call)
        for call in calls:
            ended = await at.over(call)
            assert ended.recorded_s is not None
            assert ended.recorded_s > 2.0
            assert ended.quality is not None
            content = await recording(at, call)
            assert seconds(content) == about(ended.recorded_s)
            sound = samples(content)
            assert hears(sound, audio.CUSTOMER_HZ)
            assert hears(sound, audio.AGENT_HZ)
            await at.carrier.forget_recording(call)
        assert not bed.asterisk.get("channels")
