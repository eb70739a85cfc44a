"""`callfloor test call --sip`: a tester's caller on a real Asterisk."""

from __future__ import annotations

import asyncio
import sys

import pytest

from callfloor.telephony.carrier import Answered, CarrierEvent, Digit, Ended, Offered
from testbed.bed import Bed
from tests.asterisk.exchange import Exchange, exchange, new_call

pytestmark = pytest.mark.asterisk
OURS = "+61255509999"


async def _test_call(bed: Bed, *options: str) -> asyncio.subprocess.Process:
    command = ["-m", "callfloor", "test", "call", "--sip", f"127.0.0.1:{bed.asterisk.node.ports.sip}", *options]
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(sys.executable, *command, stdout=pipe, stderr=pipe)


def _accept_all(at: Exchange) -> None:
    def hear(event: CarrierEvent) -> None:
        at.heard.append(event)
        if isinstance(event, Offered):
            at.carrier.accept(event.offer, -new_call())

    at.carrier.listen(hear)


async def test_callers_of_a_script_press_their_keys_and_hang_up_when_it_says(bed: Bed) -> None:
    async with exchange(bed, country="AU") as at:
        _accept_all(at)
        script = ["--number", OURS, "--from", "+61491570157", "--keys", "1,0.5s,#", "--hang-up-after", "2"]
        caller = await _test_call(bed, *script, "--repeat", "2", "--every", "0.2")
        out, said = await caller.communicate()
        assert (caller.returncode, out.decode(), said.decode()) == (0, "call 1 of 2\ncall 2 of 2\n", "")
        calls = [event.call for event in at.heard if isinstance(event, Answered)]
        await at.until(lambda: all(any(isinstance(each, Ended) for each in at.of(call)) for call in calls))
        assert [event.caller for event in at.heard if isinstance(event, Offered)] == ["+61491570157"] * 2
        assert [[each.digit for each in at.of(call) if isinstance(each, Digit)] for call in calls] == [["1", "#"]] * 2


async def test_a_call_that_the_other_side_does_not_take_is_said(bed: Bed) -> None:
    async with exchange(bed) as at:
        caller = await _test_call(bed, "--number", OURS)
        at.carrier.refuse((await at.offered()).offer)
        _, said = await caller.communicate()
        assert caller.returncode == 1
        assert "1 of 1 calls did not go as scripted" in said.decode()
