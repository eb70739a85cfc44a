"""The telephone network that the settings name."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import structlog

from callfloor.clock import Clock
from callfloor.errors import Problem
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.setup import prompts
from callfloor.telephony.asterisk.ari import AriNode
from callfloor.telephony.asterisk.carrier import AsteriskCarrier
from callfloor.telephony.asterisk.setup import PromptSource, Setup
from callfloor.telephony.carrier import Carrier
from callfloor.telephony.simulated.behaviour import Behaviour
from callfloor.telephony.simulated.carrier import SimulatedCarrier

log = structlog.get_logger("callfloor.app")
# Who answers the simulated carrier's calls.
PEOPLE = Behaviour(machine=0.1, busy=0.05, invalid=0.03, early_hang_up=0.02)


def asterisk_setup(settings: Settings) -> Setup:
    """What the settings say of Asterisk. Raises `SetupError`."""
    nodes = [
        AriNode(url.strip().rstrip("/"), settings.asterisk_user, settings.asterisk_password)
        for url in settings.asterisk_urls.split(",")
        if url.strip()
    ]
    return Setup(
        nodes=tuple(nodes),
        app=settings.asterisk_app,
        trunks=tuple(trunk.strip() for trunk in settings.asterisk_trunks.split(",") if trunk.strip()),
        agent=settings.asterisk_agent,
        caller=settings.asterisk_caller,
        country=settings.asterisk_country,
        agent_ring_s=settings.asterisk_agent_ring_s,
        kept_lines=settings.asterisk_agent_line == "kept",
        stereo=settings.asterisk_stereo,
        recordings=settings.asterisk_recordings,
        prompts=(settings.asterisk_prompts or settings.data / "prompts").resolve(),
        information=settings.asterisk_information,
        amd_context=settings.asterisk_amd_context,
        gone_s=settings.asterisk_gone_s,
    )


def _prompts_of(db: Database) -> PromptSource:
    async def prompt(organisation: int, sha256: str) -> AsyncGenerator[bytes]:
        try:
            sound = await prompts.sound(db, prompts.message_id(organisation, sha256))
        except Problem as error:
            raise OSError("the prompt cannot be read: the database is away") from error
        if sound is None:
            raise OSError("there is no such prompt")
        yield sound

    return prompt


@asynccontextmanager
async def carrier(settings: Settings, clock: Clock, db: Database, seed: int) -> AsyncGenerator[Carrier, None]:
    """The carrier that the settings name, connected. Raises `SetupError`."""
    if settings.carrier == "asterisk":
        async with AsteriskCarrier(asterisk_setup(settings), clock, _prompts_of(db)) as real:
            yield real
    else:
        log.warning("simulated-carrier", detail="no telephone rings: outcomes are drawn")
        yield SimulatedCarrier(clock, seed, PEOPLE.faster(settings.carrier_pace))
