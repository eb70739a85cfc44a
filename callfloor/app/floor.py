"""The floor of a process."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager, nullcontext
from dataclasses import replace

from callfloor.app.media import open_media
from callfloor.app.telephony import PEOPLE, carrier
from callfloor.clock import LoopClock
from callfloor.engine.engine import Engine
from callfloor.engine.workflow_functions import Functions
from callfloor.floor.ports.desk import NobodyAtDesk
from callfloor.settings import Settings
from callfloor.simulation.agents import SimulatedAgents
from callfloor.simulation.demo_callers import SimulatedCallers
from callfloor.simulation.people import following
from callfloor.simulation.scripted_calls import ScriptedCalls
from callfloor.store.db.listen import listening
from callfloor.store.db.pool import Database
from callfloor.telephony.simulated.behaviour import Distribution
from callfloor.telephony.simulated.carrier import SimulatedCarrier

# The keys that simulated callers press, at random: one in five wants to leave a message in the demo's menu.
KEYS = "11223"
# How long simulated agents take to wrap up.
WRAP_S = Distribution("normal", 8.0, sd=3.0, least=2.0)


@asynccontextmanager
async def engine(settings: Settings, dsn: str) -> AsyncGenerator[Engine, None]:
    """The floor's engine with the carrier that the settings name."""
    clock = LoopClock(asyncio.get_running_loop())
    seed = secrets.randbits(32) if settings.carrier_seed is None else settings.carrier_seed
    wrap_s = WRAP_S.faster(settings.carrier_pace)
    desk = SimulatedAgents(clock, seed, wrap_s, settings.carrier_pace) if settings.simulated_agents else NobodyAtDesk()
    db = await Database.connect(dsn, size=settings.database_connections)
    try:
        functions = Functions(clock.now, private_addresses=settings.function_private_addresses)
        in_person = following(dsn, db, desk) if isinstance(desk, SimulatedAgents) else nullcontext()
        async with carrier(settings, clock, db, seed) as calls, aclosing(functions), in_person:
            made = Engine(dsn, db, clock, calls, open_media(settings), desk, functions, settings.phone_grace_s)
            if isinstance(desk, SimulatedAgents):
                desk.work(made.floor.previews, made.floor.presence.wrap_up)
            if settings.simulated_callers and isinstance(calls, SimulatedCarrier):
                behaviour = replace(PEOPLE.faster(settings.carrier_pace), digits=KEYS)
                per_minute = settings.simulated_callers
                SimulatedCallers(clock, seed, calls, made.floor.callers.numbers).become(per_minute, behaviour)
            test_calls = ScriptedCalls(dsn, db, calls, made.floor.callers.numbers)
            async with listening(test_calls.listener):
                yield made
    finally:
        await db.close()
