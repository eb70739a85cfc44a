"""Callers whom a tester scripts, on an engine at work."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import msgspec

from callfloor.clock import LoopClock
from callfloor.simulation.scripted_calls import (
    ANSWERS,
    CALLS,
    Answered,
    ScriptedCall,
    ScriptedCalls,
)
from callfloor.store.db.listen import NOTIFY_SQL, listening
from callfloor.store.db.pool import Database
from callfloor.telephony.carrier import CarrierEvent, Digit, Ended, Offered
from callfloor.telephony.simulated.behaviour import Behaviour
from callfloor.telephony.simulated.carrier import SimulatedCarrier
from tests.waiting import until

OURS = "+61255501234"


async def ask(dsn: str, answers: list[Answered]) -> Any:
    """A connection that hears what engines answer."""
    connection = await asyncpg.connect(dsn)

    def hear(*told: object) -> None:
        answers.append(msgspec.json.decode(str(told[-1]), type=Answered))

    await connection.add_listener(ANSWERS, hear)
    return connection


async def test_a_scripted_caller_presses_its_keys_and_hangs_up(dsn: str, db: Database) -> None:
    carrier = SimulatedCarrier(LoopClock(asyncio.get_running_loop()), 1, Behaviour())
    heard: list[CarrierEvent] = []

    def listen(event: CarrierEvent) -> None:
        heard.append(event)
        if isinstance(event, Offered):
            carrier.accept(event.offer, 5 + len(heard))

    carrier.listen(listen)
    calls, answers = ScriptedCalls(dsn, db, carrier, lambda: [OURS]), list[Answered]()
    async with listening(calls.listener):
        asked = ScriptedCall("a", OURS, "+61491570156", "1,0.1s,#", 1.0)
        connection = await ask(dsn, answers)
        payload = msgspec.json.encode(asked).decode()

        async def answered() -> bool:
            # the engine may only now have begun to listen
            if not answers:
                await connection.execute(NOTIFY_SQL, CALLS, payload)
            return bool(answers)

        async def over() -> bool:
            return any(isinstance(event, Ended) for event in heard)

        await until(answered)
        await until(over)
        await connection.close()
    assert answers[0] == Answered("a", "calling")
    assert [event.digit for event in heard if isinstance(event, Digit)][:2] == ["1", "#"]
