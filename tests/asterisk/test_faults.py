"""What goes wrong between the floor and the telephone network, with real calls: none is lost, none stays for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from callfloor.clock import LoopClock
from callfloor.telephony.asterisk import node as nodes
from callfloor.telephony.asterisk.ari import Ari, AriEvent, AriNode
from callfloor.telephony.asterisk.carrier import AsteriskCarrier
from callfloor.telephony.asterisk.node import Node
from callfloor.telephony.carrier import (
    Answered,
    CarrierLostError,
    Detected,
    Ended,
    Joined,
    LiveCall,
    MessagePlayed,
    Offered,
    Ringing,
    Withdrawn,
)
from testbed import bed as beds
from testbed import scenarios
from testbed.bed import Bed
from testbed.config import APP
from testbed.proxy import Proxy
from tests.asterisk.exchange import Exchange, exchange, setup_for
from tests.asterisk.sound import about, seconds
from tests.asterisk.test_conversations import AGENT, OTHER, lasts, recording
from tests.asterisk.test_inbound import OURS

pytestmark = pytest.mark.asterisk


@asynccontextmanager
async def behind(bed: Bed, **changed: object) -> AsyncGenerator[tuple[Exchange, Proxy]]:
    """A driver that reaches Asterisk through a proxy."""
    ports = bed.asterisk.node.ports
    async with Proxy(ports.proxy, ports.http).run() as proxy:
        setup = setup_for(bed, **{**changed, "nodes": (AriNode(proxy.url, bed.asterisk.user, bed.asterisk.password),)})
        async with AsteriskCarrier(setup, LoopClock(asyncio.get_running_loop())) as carrier:
            made = Exchange(carrier)
            await made.until(lambda: carrier.nodes[0].connected)
            yield made, proxy


async def away(at: Exchange, proxy: Proxy) -> None:
    proxy.down = True
    proxy.cut()
    await at.until(lambda: not at.carrier.nodes[0].connected)


async def back(at: Exchange, proxy: Proxy) -> None:
    proxy.down = False
    await at.until(lambda: at.carrier.nodes[0].connected)


async def test_calls_are_kept_and_what_was_missed_is_recovered(bed: Bed) -> None:
    async with behind(bed) as (at, proxy):
        talks = await at.talking(AGENT, record=True)
        leaves = await at.talking(OTHER, behaviour=scenarios.LEAVES)
        hears = await at.answered()
        at.carrier.play(hears, "information")
        rings = at.dial(scenarios.RINGS_OUT, ring_s=1)
        await at.told(rings, Ringing)
        await away(at, proxy)
        with pytest.raises(CarrierLostError):
            await at.carrier.calls()
        # one customer hangs up meanwhile, one is rung out, and somebody calls
        await at.until(lambda: len(bed.asterisk.get("channels")) == 4)
        caller = bed.parties.call(OURS)
        await at.until(lambda: len(bed.asterisk.get("channels")) == 5)
        assert {each.call for each in at.heard if isinstance(each, Ended)} == set()
        await back(at, proxy)
        assert (await at.over(leaves)).cause == "hang-up"
        assert (await at.over(rings)).cause == "failed"
        await at.told(hears, MessagePlayed)
        assert (await at.offered()).number == OURS
        at.carrier.refuse((await at.offered()).offer)
        assert LiveCall(talks, True, AGENT, 0) in await at.carrier.calls()
        await lasts(at, bed, talks, 0, 1.0)
        ended = await at.hang_up(talks)
        assert seconds(await recording(at, talks)) == about(ended.recorded_s)
        await at.hang_up(hears)
        await at.until(lambda: caller.poll() is not None)
        assert not bed.asterisk.get("channels")


async def test_a_caller_who_gives_up_unheard_withdraws_the_call(bed: Bed) -> None:
    async with behind(bed) as (at, proxy):
        bed.parties.call(OURS)
        offered = await at.offered()
        await away(at, proxy)
        bed.asterisk.command("channel request hangup all")
        await back(at, proxy)
        await at.until(lambda: Withdrawn(offered.offer) in at.heard)


async def test_a_node_that_stays_away_takes_its_calls_with_it(bed: Bed) -> None:
    async with behind(bed, gone_s=0.3) as (at, proxy):
        call, rings = await at.talking(AGENT, record=True), at.dial(scenarios.RINGS_OUT)
        await at.told(rings, Ringing)
        await away(at, proxy)
        assert (await at.over(call)).cause == "hang-up"
        assert (await at.over(rings)).cause == "failed"
        assert await at.carrier.calls() == []
        assert (await at.over(at.dial(scenarios.ANSWERS))).cause == "failed"
        # nobody waits for them any more when it is back
        await back(at, proxy)
        await at.until(lambda: not bed.asterisk.get("channels"))
        assert (await at.hang_up(await at.answered())).cause == "hang-up"


async def test_asterisk_is_killed_and_comes_back(bed: Bed) -> None:
    async with exchange(bed) as at:
        call = await at.talking(AGENT, record=True)
        rings = at.dial(scenarios.RINGS_OUT)
        await at.told(rings, Ringing)
        await lasts(at, bed, call, 0, 2.0)
        bed.crash()
        await at.until(lambda: not at.carrier.nodes[0].connected)
        await asyncio.to_thread(bed.restart)
        ended = await at.over(call)
        assert (ended.cause, (await at.over(rings)).cause) == ("hang-up", "failed")
        # what was recorded before is there, up to the last that Asterisk had written
        assert ended.recorded_s is not None
        assert 2.0 <= seconds(await recording(at, call)) <= ended.recorded_s
        again = await at.talking(AGENT)
        assert (await at.hang_up(again)).cause == "hang-up"


@pytest.mark.parametrize("forwarding", [False, True])
async def test_a_request_that_fails_leaves_a_call_in_no_doubt(bed: Bed, forwarding: bool) -> None:
    async with behind(bed) as (at, proxy):
        proxy.fail, proxy.forwarding = 1, forwarding
        call = at.dial(scenarios.ANSWERS)
        if forwarding:
            # the error was a lie
            await at.told(call, Answered)
            await at.hang_up(call)
        else:
            assert (await at.over(call)).cause == "failed"
        await at.until(lambda: not bed.asterisk.get("channels"))


async def test_a_slow_asterisk_slows_calls_and_loses_none(bed: Bed) -> None:
    async with behind(bed) as (at, proxy):
        proxy.delay_s = 0.15
        call = await at.talking(AGENT, record=True)
        assert (await at.hang_up(call)).cause == "hang-up"
        proxy.delay_s = 0.0
        await at.until(lambda: not bed.asterisk.get("channels"))


async def test_events_that_come_twice_and_late_change_nothing(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    async with exchange(bed) as at:
        calls, loop = at.carrier._calls, asyncio.get_running_loop()
        once = calls.event
        repeated = 0

        def twice_and_late(node: Node, event: AriEvent) -> None:
            nonlocal repeated
            once(node, event)
            once(node, event)
            loop.call_later(0.05, again, node, event)

        def again(node: Node, event: AriEvent) -> None:
            nonlocal repeated
            repeated += 1
            once(node, event)

        monkeypatch.setattr(at.carrier.nodes[0], "hear", twice_and_late)
        call = await at.answered(scenarios.HUMAN, detect=True, record=True)
        await at.told(call, Detected)
        at.carrier.play(call, "information")
        await at.told(call, MessagePlayed)
        at.carrier.join(call, AGENT)
        await at.told(call, Joined)
        ended = await at.hang_up(call)
        seen = repeated
        await at.until(lambda: repeated > seen)
        assert [type(event) for event in at.of(call)] == [Answered, Detected, MessagePlayed, Joined, Ended]
        assert at.of(call)[-1] is ended
        await at.until(lambda: not bed.asterisk.get("channels"))


async def test_another_engine_takes_over_the_calls_of_one_that_died(bed: Bed) -> None:
    async with exchange(bed) as first:
        call = await first.talking(AGENT, record=True)
        held = await first.talking(OTHER)
        first.carrier.hold(held, True)
        await first.until(lambda: sorted(len(each["channels"]) for each in bed.asterisk.get("bridges")) == [1, 2])
    async with exchange(bed) as second:
        live = {each.call: each for each in await second.carrier.calls()}
        assert live == {call: LiveCall(call, True, AGENT, 0), held: LiveCall(held, True, OTHER, 0)}
        await lasts(second, bed, call, 0, 2.0)
        ended = await second.hang_up(call)
        # it runs on from before
        assert ended.recorded_s is not None
        assert seconds(await recording(second, call)) > ended.recorded_s
        second.carrier.hold(held, False)
        second.carrier.leave(held, OTHER)
        second.carrier.join(held, AGENT)
        await second.until(lambda: Joined(held, AGENT) in second.of(held))
        await second.hang_up(held)
        await second.until(lambda: not bed.asterisk.get("channels") and not bed.asterisk.get("bridges"))


async def test_two_engines_share_an_asterisk(bed: Bed) -> None:
    async with exchange(bed) as one, exchange(bed, app="callfloor-two") as two:
        mine, its = await one.talking(AGENT), await two.talking(OTHER)
        for at in (one, two):
            assert {each.call for each in await at.carrier.calls()} == {mine, its}
        # each sees the end of the other's calls, and neither disturbs the other's
        await one.hang_up(mine)
        await two.told(mine, Ended)
        assert {(each.call, each.agent) for each in await two.carrier.calls()} == {(its, OTHER)}
        await two.hang_up(its)
        await one.told(its, Ended)
        for at, call in ((one, mine), (two, its)):
            assert [type(event) for event in at.of(call)] == [Answered, Joined, Ended]


async def test_an_application_that_another_program_took_is_taken_back(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "BEAT_S", 0.05)
    monkeypatch.setattr(nodes, "ECHO_S", 0.2)
    monkeypatch.setattr(nodes, "TAKEN_S", 0.05)
    async with exchange(bed) as at, Ari(at.carrier.nodes[0].ari.node) as other:
        call = await at.talking(AGENT, behaviour=scenarios.LEAVES)
        taking = asyncio.create_task(other.listen(APP, lambda _: None, asyncio.Event().wait, lambda: None))
        await at.until(lambda: not at.carrier.nodes[0].connected)
        taking.cancel()
        await at.until(lambda: at.carrier.nodes[0].connected)
        assert (await at.over(call)).cause == "hang-up"


async def test_engines_that_come_and_go_quickly_are_heard(bed: Bed) -> None:
    """Asterisk may tidy up after the one before when the next is there already, and take its application away."""
    for _ in range(20):
        async with exchange(bed):
            pass
    async with exchange(bed) as at:
        assert (await at.over(at.dial(scenarios.LEAVES_EARLY))).cause == "hang-up"


async def test_calls_are_spread_over_nodes_and_end_with_theirs(bed: Bed) -> None:
    with beds.bed() as other:
        async with exchange(bed, other, gone_s=0.3) as at:
            calls = [await at.talking(AGENT) for _ in range(4)]
            assert [len(each.asterisk.get("channels")) for each in (bed, other)] == [4, 4]
            other.crash()
            ended = await at.until(lambda: [each for each in at.heard if isinstance(each, Ended)])
            await at.until(lambda: len([each for each in at.heard if isinstance(each, Ended)]) == 2)
            assert {each.cause for each in ended} == {"hang-up"}
            left = [each.call for each in await at.carrier.calls()]
            assert len(left) == 2
            # the work goes on at the other
            fresh = await at.talking(AGENT)
            for call in [*left, fresh]:
                await at.hang_up(call)
            assert not {each for each in at.heard if isinstance(each, Offered)}
            assert set(calls) > set(left)
