"""Real calls that come in: offered, accepted, through a menu, to an agent or to a message."""

from __future__ import annotations

import pytest

from callfloor.telephony.carrier import Answered, Digit, Joined, Recorded, Withdrawn
from testbed import audio
from testbed.bed import Bed
from tests.asterisk.exchange import Exchange, exchange, new_call
from tests.asterisk.sound import hears, samples, seconds
from tests.asterisk.test_conversations import AGENT, lasts, recording

pytestmark = pytest.mark.asterisk

OURS = "+61255509999"


async def accepted(at: Exchange) -> int:
    offered = await at.offered()
    call = -new_call()
    at.carrier.accept(offered.offer, call)
    await at.told(call, Answered)
    return call


async def test_a_call_that_comes_in_is_offered_with_both_numbers(bed: Bed) -> None:
    async with exchange(bed, country="AU") as at:
        caller = bed.parties.call(OURS)
        offered = await at.offered()
        # the trunk writes it as people of the country do
        assert (offered.number, offered.caller) == (OURS, "+61491570156")
        call = await accepted(at)
        await at.hang_up(call)
        await at.until(lambda: caller.poll() is not None)


async def test_digits_go_through_a_menu_and_the_caller_to_an_agent(bed: Bed) -> None:
    async with exchange(bed) as at:
        caller = bed.parties.call(OURS, "12#")
        call = await accepted(at)
        at.carrier.play(call, "position:12")
        await at.until(lambda: [each.digit for each in at.of(call) if isinstance(each, Digit)] == ["1", "2", "#"])
        at.carrier.record(call, 0)
        at.carrier.join(call, AGENT)
        await at.told(call, Joined)
        await lasts(at, bed, call, 0, 1.0)
        ended = await at.hang_up(call)
        assert ended.recorded_s is not None
        assert hears(samples(await recording(at, call)), audio.CUSTOMER_HZ)
        await at.until(lambda: caller.poll() is not None)


async def test_a_call_can_be_refused(bed: Bed) -> None:
    async with exchange(bed) as at:
        caller = bed.parties.call(OURS)
        at.carrier.refuse((await at.offered()).offer)
        # the scenario expects an answer
        await at.until(lambda: caller.poll() is not None)
        assert len(at.heard) == 1


async def test_a_caller_who_gives_up_withdraws_the_call(bed: Bed) -> None:
    async with exchange(bed) as at:
        bed.parties.call(OURS)
        offered = await at.offered()
        bed.asterisk.command("channel request hangup all")
        await at.until(lambda: Withdrawn(offered.offer) in at.heard)
        at.carrier.accept(offered.offer, -new_call())
        assert await at.carrier.calls() == []


async def test_a_caller_leaves_a_message(bed: Bed) -> None:
    async with exchange(bed) as at:
        caller = bed.parties.call(OURS)
        call = await accepted(at)
        at.carrier.record_message(call, 0, 2.0)
        told = await at.told(call, Recorded)
        # Asterisk counts in whole seconds of the clock
        assert 1.0 < told.seconds < 4.0
        content = await recording(at, call)
        # of what was told, the beep before is none of it
        assert 1.0 < seconds(content) <= told.seconds
        assert hears(samples(content), audio.CUSTOMER_HZ)
        await at.hang_up(call)
        await at.until(lambda: caller.poll() is not None)


async def test_a_message_ends_with_the_call(bed: Bed) -> None:
    async with exchange(bed) as at:
        caller = bed.parties.call(OURS)
        call = await accepted(at)
        at.carrier.record_message(call, 3, 60.0)
        await lasts(at, bed, call, 3, 0.5)
        ended = await at.hang_up(call)
        events = at.of(call)
        told = next(event for event in events if isinstance(event, Recorded))
        assert (told.part, ended.recorded_s, events[-1]) == (3, None, ended)
        assert told.seconds >= 0.5
        await at.until(lambda: caller.poll() is not None)
